"""The command line as users and scripts meet it: real photos, the real model, here and there a process."""

import base64
import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.output.text import as_options
from lookalike.tests.children import Child
from lookalike.tests.library import Run, lookalike, lookalike_process, make_photos
from lookalike.tests.pictures import draw_photo, encode, save
from lookalike.tests.store.test_locks import holder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos").resolve())


@pytest.fixture(scope="module")
def store(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store") / "store"
    assert lookalike("index", photos, "--store", store).code == 3
    return store


def names(run: Run) -> list[str]:
    """Return the file names of the first query's results."""
    return [Path(result["path"]).name for result in run.lines[0]["results"]]


# --- index


def test_index_says_what_it_did_and_ends_with_3_when_a_file_is_broken(photos: Path, tmp_path: Path) -> None:
    run = lookalike("index", photos, "--store", tmp_path / "s", "--format", "json")

    assert run.code == 3
    assert run.json["schema_version"] == 1
    # The exact copy may be embedded twice when two workers meet it at the same moment.
    assert run.json["embedded"] + run.json["recognized"] == 8
    assert (run.json["failed"], run.json["photos"]) == (1, 7)


def test_each_content_counts_once_and_its_other_files_as_exact_copies(tmp_path: Path) -> None:
    photos, at = tmp_path / "photos", ("--store", tmp_path / "s")
    for seed in range(3):
        data = encode(draw_photo(seed, 96, 72))
        for number in range(1 + 2 * seed):
            path = photos / f"{number}" / f"{seed}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    first = lookalike("index", photos, *at).out.decode()
    shutil.copy(photos / "0" / "0.jpg", photos / "again.jpg")
    shutil.copy(photos / "0" / "0.jpg", photos / "and again.jpg")
    (photos / "1" / "1.jpg").rename(photos / "moved.jpg")
    save(photos / "new.jpg", draw_photo(9, 96, 72))
    second = lookalike("index", photos, *at).out.decode()

    assert first.startswith("3 new, 6 exact copies of these; 3 photos in the library (")
    words = "1 new, 2 exact copies, 1 moved or touched, 8 unchanged, 1 gone; 4 photos in the library ("
    assert second.startswith(words)


def test_what_is_not_looked_at_is_counted_by_kind(tmp_path: Path) -> None:
    photos, at = tmp_path / "photos", ("--store", tmp_path / "s")
    save(photos / "2023" / "a.jpg", draw_photo(0, 96, 72))
    for name in ("b.X3F", "c.x3f", "d.MP4", "e.xcf", "f.txt", "._b.X3F", ".trashed-1-g.mp4", "h.jxl"):
        (photos / name).write_bytes(b"x")
    (photos / "folder.x3f").mkdir()
    (photos / "Trash" / "info").mkdir(parents=True)
    (photos / "Trash" / "files").mkdir()
    (photos / "Trash" / "files" / "i.x3f").write_bytes(b"x")

    run = lookalike("index", photos, *at, "--exclude", "*.jxl")
    status = lookalike("status", *at).out.decode()

    assert run.out.decode().splitlines()[1:] == ["not looked at: 2 X3F, 1 MP4, 1 XCF"]
    assert re.search(r"^not looked at +2 X3F, 1 MP4, 1 XCF$", status, re.MULTILINE)
    found = lookalike("status", *at, "--format", "json").json
    assert found["unread"] == found["roots"][0]["unread"] == {"X3F": 2, "MP4": 1, "XCF": 1}
    report = lookalike("index", photos / "2023", *at, "--format", "json").json
    assert report["unread"] == {}
    assert lookalike("status", *at, "--format", "json").json["unread"] == found["unread"]

    (photos / "b.X3F").unlink()
    lookalike("index", photos, *at, "--exclude", "*.jxl")
    assert lookalike("status", *at, "--format", "json").json["unread"] == {"X3F": 1, "MP4": 1, "XCF": 1}


def test_a_trash_is_not_indexed_and_said_so(tmp_path: Path) -> None:
    thrown = tmp_path / ".local" / "share" / "Trash" / "files"
    save(thrown / "a.jpg", draw_photo(0, 96, 72))

    run = lookalike("index", thrown.parent, "--store", tmp_path / "s")

    assert run.code == 2
    assert "is never indexed" in run.err
    assert "Traceback" not in run.err


def test_a_second_run_opens_no_file(photos: Path, store: Path) -> None:
    report = lookalike("index", photos, "--store", store, "--format", "json").json

    assert (report["unchanged"], report["embedded"], report["recognized"]) == (8, 0, 0)


def test_indexing_a_folder_that_never_was_is_a_usage_error(tmp_path: Path) -> None:
    run = lookalike("index", tmp_path / "nowhere", "--store", tmp_path / "s")

    assert run.code == 2
    assert "nowhere" in run.err
    assert "Traceback" not in run.err


def test_a_library_whose_drive_is_away_stays_as_it_was_and_ends_with_4(tmp_path: Path) -> None:
    photos, store = make_photos(tmp_path / "photos"), tmp_path / "s"
    lookalike("index", photos, "--store", store)
    photos.rename(tmp_path / "unplugged")

    run = lookalike("index", photos, "--store", store)

    assert run.code == 4
    assert lookalike("status", "--store", store, "--format", "json").json["photos"] == 7


# The command line with small batches: after the first commit it says so, and waits for the end of stdin.
SMALL_BATCHES = """
import sys
from lookalike.store.store import Store
from lookalike.tests.faults.tasks import commands
commit = Store.commit
def committing(*arguments):
    Store.commit = commit
    commit(*arguments)
    print("committed", flush=True)
    sys.stdin.read()
Store.commit = committing
sys.exit(commands([sys.argv[1:]]))
"""


def test_ctrl_c_keeps_finished_work_and_ends_with_130(tmp_path: Path) -> None:
    count, data = 60, encode(draw_photo(1, 64, 48))
    (tmp_path / "photos").mkdir()
    for number in range(count):  # each with an end of its own: another content for the library
        (tmp_path / "photos" / f"{number}.jpg").write_bytes(data + number.to_bytes(2, "big"))
    how = ("--workers", "1", "--input-size", "64")
    process = Child(SMALL_BATCHES, "index", tmp_path / "photos", "--store", tmp_path / "s", *how)
    assert process.stdout.readline() == "committed\n"

    process.send_signal(signal.SIGINT)
    process.communicate()

    assert process.returncode == 130
    done = lookalike("status", "--store", tmp_path / "s", "--format", "json").json["photos"]
    assert 0 < done < count
    assert lookalike("doctor", "--store", tmp_path / "s").code == 0
    report = lookalike("index", tmp_path / "photos", "--store", tmp_path / "s", "--format", "json").json
    assert (report["unchanged"], report["embedded"]) == (done, count - done)


def test_a_store_made_with_another_model_is_refused_with_both_named(photos: Path, store: Path) -> None:
    run = lookalike("index", photos, "--store", store, "--input-size", "128")

    assert run.code == 2
    assert "input_size" in run.err
    assert "128" in run.err


# --- search


def test_a_plain_search_asks_the_store_little(
    photos: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def traced(database: str, **options: Any) -> sqlite3.Connection:
        connection = connect(database, **options)
        assert "catalog.db" in database
        connection.set_trace_callback(said.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    assert lookalike("search", photos / "2021" / "photo0.jpg", "--store", store).code == 0
    statements = [each for each in said if not each.startswith("--")]  # what these do themselves
    # One transaction, besides the question at opening.
    assert sum(each.startswith("BEGIN") for each in statements) == 1
    assert sum(each.startswith("PRAGMA") for each in statements) <= 7
    assert len(statements) <= 22


def test_a_query_finds_its_resaved_copy_first(photos: Path, store: Path) -> None:
    run = lookalike("search", photos / "2022/photo1.jpg", "--store", store, "--format", "jsonl", "-k", "3")

    assert run.code == 0
    (answer,) = run.lines
    assert answer["schema_version"] == 1
    assert answer["query"] == str(photos / "2022/photo1.jpg")
    assert len(answer["results"]) == 3
    assert all(Path(result["path"]).is_absolute() for result in answer["results"])
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)


def test_a_photo_of_the_library_is_not_its_own_result_but_its_copies_are(photos: Path, store: Path) -> None:
    query = photos / "2021/photo0.jpg"
    run = lookalike("search", query, "--store", store, "--format", "jsonl", "-k", "2")

    assert names(run) == ["photo0-again.jpg", "photo0-small.jpg"]
    assert run.lines[0]["results"][0]["score"] == pytest.approx(1, abs=1e-3)
    with_self = lookalike(
        "search", query, "--store", store, "--format", "jsonl", "-k", "1", "--include-self", "--all-files"
    )
    (result,) = with_self.lines[0]["results"]
    assert result["copies"] == 2
    assert {Path(file["path"]).name for file in result["files"]} == {"photo0.jpg", "photo0-again.jpg"}


def test_bytes_on_stdin_and_ids_are_queries_too(photos: Path, store: Path) -> None:
    data = encode(draw_photo(3, 320, 240), quality=60)
    first = lookalike("search", "-", "--store", store, "--format", "jsonl", "-k", "1", stdin=data)
    assert names(first) == ["photo3.jpg"]

    found = first.lines[0]["results"][0]["id"]
    by_id = lookalike("search", f"id:{found}", "--store", store, "--format", "jsonl", "-k", "2")
    assert "photo3.jpg" not in names(by_id)
    assert len(names(by_id)) == 2


def test_one_unreadable_query_does_not_keep_others_from_their_answers(photos: Path, store: Path) -> None:
    listed = b"\n".join(
        [os.fsencode(photos / "broken.jpg"), b"with\0nul.jpg", os.fsencode(photos / "2022/photo1.jpg")]
    )
    run = lookalike(
        *("search", "nowhere.jpg", f"id:{10**25}", "--files-from", "-", "--store", store),
        *("--format", "jsonl"),
        stdin=listed,
    )

    assert run.code == 3
    missing, no_id, broken, odd, good = run.lines
    assert (no_id["error"], odd["error"]) == ("not_found", "not_found")
    assert (missing["error"], missing["results"]) == ("not_found", [])
    assert broken["results"] == []
    assert broken["error"]
    assert len(good["results"]) == 6
    assert "broken.jpg" in run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--in", "2023"], {"photo2.jpg", "photo5.jpg"}),
        (["--since", "2022", "--until", "2022-06-11"], {"photo1.jpg"}),
        (["--in", "2021", "--in", "2022", "--until", "2021"], {"photo0.jpg", "photo3.jpg"}),
    ],
)
def test_filters_act_before_the_ranking(store: Path, flags: list[str], expected: set[str]) -> None:
    data = encode(draw_photo(99, 320, 240))
    run = lookalike("search", "-", "--store", store, "--format", "jsonl", *flags, stdin=data)

    assert set(names(run)) == expected


@pytest.mark.parametrize(
    "flags",
    [
        ["x.jpg", "--since", "yesterday"],
        ["x.jpg", "--since", "2023-13"],
        ["x.jpg", "--in", "no-such-folder"],
        ["x.jpg", "--engine", "bogus", "--format", "json"],
        ["x.jpg", "--in", "/nowhere/at/all"],
        ["x.jpg", "-k", "0"],
        ["x.jpg", "--min-score", "2"],
        ["x.jpg", "--format", "xml"],
        ["-", "--files-from", "-"],
        [],
    ],
)
def test_what_makes_no_sense_is_a_usage_error(store: Path, flags: list[str]) -> None:
    run = lookalike("search", *flags, "--store", store)

    assert run.code == 2
    assert run.out == b""
    assert "Traceback" not in run.err


def test_searching_where_nothing_is_indexed_says_what_to_do(tmp_path: Path) -> None:
    run = lookalike("search", "x.jpg", "--store", tmp_path / "none")

    assert run.code == 1
    assert "lookalike index" in run.err
    assert not (tmp_path / "none").exists()


def test_every_format_tells_the_same_results(photos: Path, store: Path) -> None:
    def search(form: str) -> bytes:
        query = photos / "2022/photo1.jpg"
        return lookalike("search", query, "--store", store, "--format", form, "-k", "3").out

    paths = [result["path"] for result in json.loads(search("jsonl"))["results"]]
    assert [r["path"] for r in json.loads(search("json"))["queries"][0]["results"]] == paths
    assert [row["path"] for row in csv.DictReader(io.StringIO(search("csv").decode()))] == paths
    assert search("paths").decode().splitlines() == paths
    assert search("paths0").decode().split("\0") == [*paths, ""]
    assert all(path in search("table").decode() for path in paths)


def test_a_name_that_is_no_utf8_survives_the_round_trip(tmp_path: Path) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9\n\x1b[31m.jpg")
    Path(os.fsdecode(name)).write_bytes(encode(draw_photo(1, 160, 120)))
    lookalike("index", tmp_path, "--store", tmp_path / "s")

    def search(form: str) -> Run:
        return lookalike("search", "id:1", "--include-self", "--store", tmp_path / "s", "--format", form)

    as_json, as_paths, as_table = search("jsonl"), search("paths0"), search("table")

    assert base64.b64decode(as_json.lines[0]["results"][0]["path_b64"]) == name
    assert as_paths.out == name + b"\0"
    assert b"\x1b" not in as_table.out
    again = lookalike("search", "--files-from", "-", "-0", "--store", tmp_path / "s", stdin=name)
    assert again.code == 0


# --- the rest


def test_dupes_lists_exact_and_proven_copies_with_what_was_done(photos: Path, store: Path) -> None:
    run = lookalike("dupes", "--store", store, "--format", "json")
    assert run.code == 0
    (group,) = run.json["groups"]
    members = {Path(member["path"]).name: member for member in group["members"]}

    assert Path(group["keeper"]["path"]).name == "photo0.jpg"
    assert group["keeper"]["reason"]
    assert set(members) == {"photo0-again.jpg", "photo0-small.jpg"}
    exact, small = members["photo0-again.jpg"], members["photo0-small.jpg"]
    assert (exact["class"], exact["transform"]) == ("exact", "same bytes")
    assert (small["class"], small["transform"]) == ("copy", "smaller (200x150)")
    assert (small["change"], exact["change"]) == ("resized", "")
    assert small["evidence"]["containment"] > 0.99
    sizes = [(photos / name).stat().st_size for name in ("2021/photo0.jpg", "edited/photo0-small.jpg")]
    assert group["wasted_bytes"] == sum(sizes)


def test_similar_adds_groups_of_lookalikes_above_the_score(store: Path) -> None:
    run = lookalike("dupes", "--similar", "--min-score", "0.5", "--store", store, "--format", "json")
    similar = [g for g in run.json["groups"] if g["members"][0]["class"] == "similar"]

    assert similar
    assert all(m["score"] >= 0.5 for g in similar for m in g["members"])


def test_a_plan_says_what_stays_what_could_go_and_what_was_expected(store: Path, tmp_path: Path) -> None:
    lookalike("dupes", "--store", store, "--plan", tmp_path / "plan.json")

    plan = json.loads((tmp_path / "plan.json").read_bytes())
    (group,) = plan["groups"]
    assert plan["schema_version"] == 1
    assert plan["store"] == str(store)
    assert plan["roots"] == [{"path": os.path.dirname(os.path.dirname(group["keeper"]["path"]))}]
    assert plan["created"].endswith("+00:00")
    assert group["wasted_bytes"] == sum(member["bytes"] for member in group["members"])
    for row in (group["keeper"], *group["members"]):
        found = os.stat(row["path"])
        expected = (found.st_size, found.st_mtime_ns, found.st_ino)
        assert (row["bytes"], row["mtime_ns"], row["ino"]) == expected
    assert all(member["selected"] for member in group["members"])


def test_a_rejected_pair_stays_apart_after_a_rename_and_a_new_index(tmp_path: Path) -> None:
    photos, store = make_photos(tmp_path / "photos"), tmp_path / "s"
    lookalike("index", photos, "--store", store)
    pair = [photos / "2021/photo0.jpg", photos / "edited/photo0-small.jpg"]
    assert lookalike("reject", *pair, "--store", store).code == 0
    pair[1].rename(photos / "renamed.jpg")
    lookalike("index", photos, "--store", store)

    groups = lookalike("dupes", "--store", store, "--format", "json").json["groups"]

    assert "renamed.jpg" not in json.dumps(groups)
    assert len(groups) == 1
    (decision,) = lookalike("decisions", "--store", store, "--format", "jsonl").lines
    assert decision["kind"] == "rejected"
    lookalike("confirm", pair[0], photos / "renamed.jpg", "--store", store)
    assert "renamed.jpg" in lookalike("dupes", "--store", store).out.decode()
    assert lookalike("reject", pair[0], tmp_path / "no.jpg", "--store", store).code == 2


def test_dupes_of_one_folder_sees_no_others(photos: Path, store: Path) -> None:
    run = lookalike("dupes", photos / "2022", "--store", store, "--format", "json")

    assert run.json["groups"] == []


def test_export_accounts_for_every_file_and_its_content(photos: Path, store: Path, tmp_path: Path) -> None:
    run = lookalike("export", "--store", store)
    assert lookalike("export", "--store", store, "--vectors", tmp_path / "v.npz").out == b""

    rows = {Path(row["path"]).name: row for row in run.lines}
    assert len(rows) == 8
    assert rows["photo0.jpg"]["content"] == rows["photo0-again.jpg"]["content"]
    assert rows["photo4.jpg"]["taken"] == "2022-06-14T12:00:00"
    assert (rows["photo4.jpg"]["width"], rows["photo4.jpg"]["height"]) == (320, 240)
    with np.load(tmp_path / "v.npz") as arrays:
        assert arrays["vectors"].shape == (7, 1280)
        assert set(arrays["digests"]) == {row["content"] for row in run.lines}


def test_errors_lists_what_could_not_be_read_and_why(photos: Path, store: Path) -> None:
    (row,) = lookalike("errors", "--store", store, "--format", "jsonl").lines

    assert row["path"] == str(photos / "broken.jpg")
    assert row["error"] == "not_an_image"
    assert row["message"]


def test_status_and_doctor_find_a_good_store_good(store: Path) -> None:
    status = lookalike("status", "--store", store, "--format", "json").json
    assert (status["photos"], status["files"]["present"], status["files"]["failed"]) == (7, 8, 1)
    assert status["thumbnails"]["count"] == 7
    doctor = lookalike("doctor", "--store", store, "--format", "json")
    assert doctor.code == 0
    assert {finding["level"] for finding in doctor.json["findings"]} == {"ok"}


def test_doctor_ends_with_1_when_the_catalog_is_damaged(store: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(store, broken)
    catalog = broken / "catalog.db"
    data = bytearray(catalog.read_bytes())
    data[8192 * 3 : 8192 * 12] = os.urandom(8192 * 9)
    catalog.write_bytes(data)

    run = lookalike("doctor", "--store", broken)

    assert run.code == 1
    assert b"broken" in run.out
    assert "Traceback" not in run.err


def test_models_lists_all_three_and_which_are_here(tmp_path: Path) -> None:
    run = lookalike("models", "--format", "jsonl", LOOKALIKE_CACHE=os.fspath(tmp_path))

    rows = {row["name"]: row for row in run.lines}
    assert {name: row["dim"] for name, row in rows.items()} == {
        "mobilenet_v2": 1280,
        "mobilenet_v3_small": 576,
        "mobilenet_v3_large": 960,
    }
    assert [name for name, row in rows.items() if row["is_here"]] == ["mobilenet_v2"]


def test_a_reader_that_closes_early_ends_the_listing_quietly(store: Path) -> None:
    command = f"{sys.executable} -m lookalike export --store {store} | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60)

    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""


def test_help_and_status_load_no_engine_and_search_never_loads_torch(store: Path) -> None:
    def modules(*arguments: str) -> set[str]:
        code = f"import sys; sys.argv = ['lookalike', *{arguments!r}]\nfrom lookalike.cli import app\n"
        code += "try: app()\nexcept SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return {name.partition(".")[0] for name in done.stderr.split()}

    heavy = {
        "torch",
        "torchvision",
        "onnxruntime",
        "faiss",
        "pydantic",
        "cv2",
        "pandas",
        "pyarrow",
        "rawpy",
    }
    assert not (heavy | {"numpy", "sqlalchemy"}) & modules("--help")
    assert not heavy & modules("status", "--store", str(store))
    outside = store.parent / "outside.jpg"
    outside.write_bytes(encode(draw_photo(50)))
    loaded = modules("search", str(outside), "--store", str(store))
    assert {"onnxruntime", "faiss"} <= loaded
    assert "torch" not in loaded


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (0, "status --store STORE"),
        (1, "status --store NOWHERE"),
        (2, "search --store STORE"),
        (3, "search PHOTOS/broken.jpg --store STORE"),
        (4, "index AWAY --store OTHER"),
        (5, "compact --store STORE --lock-timeout 0.1"),
        (6, "compact --store OTHER"),
        (10, "check PHOTOS/edited --store STORE --format paths"),
    ],
)
def test_a_process_ends_with_the_code_of_its_command(
    code: int, line: str, photos: Path, store: Path, tmp_path: Path
) -> None:
    """Other tests run commands in their own process, but for those of 7, 130 and 141."""
    places = {"STORE": store, "OTHER": tmp_path / "store", "NOWHERE": tmp_path, "AWAY": tmp_path / "away"}
    for name, place in {**places, "PHOTOS": photos}.items():
        line = line.replace(name, str(place))
    prepare: dict[int, Callable[[], object]] = {
        4: lambda: home_without_its_photos(tmp_path),
        6: lambda: newer_store(store, tmp_path / "store"),
    }
    prepare.get(code, lambda: None)()

    with holder(store) if code == 5 else contextlib.nullcontext():
        run = lookalike_process(*line.split())
    again = lookalike(*line.split()) if code != 5 else run

    assert run.code == code, run.err
    assert (again.code, without_time(again.out)) == (run.code, without_time(run.out))
    assert "Traceback" not in run.err


def without_time(out: bytes) -> bytes:
    return re.sub(rb"[0-9.]+ s\b", b"", out)


def home_without_its_photos(folder: Path) -> None:
    save(folder / "away" / "a.jpg", draw_photo(1, 64, 48))
    assert lookalike("index", folder / "away", "--store", folder / "store").code == 0
    (folder / "away").rename(folder / "unplugged")


def newer_store(store: Path, target: Path) -> None:
    shutil.copytree(store, target)
    with contextlib.closing(sqlite3.connect(target / "catalog.db")) as connection, connection:
        connection.execute("PRAGMA user_version = 99")


def test_arguments_in_messages_of_the_library_are_options_on_the_command_line() -> None:
    told = "If they are gone: `accept_missing=90`, `accept_drive=True`; see `lookalike index --help`"

    assert (
        as_options(told)
        == "If they are gone: --accept-missing 90, --accept-drive; see `lookalike index --help`"
    )
