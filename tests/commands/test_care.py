"""The commands of care as people and scripts meet them: exit codes, one line for each error."""

import contextlib
import json
import os
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from lookalike.tests.children import run_child
from lookalike.tests.library import Run, lookalike, make_photos
from lookalike.tests.pictures import draw_photo, save
from lookalike.tests.store.test_full_disk import can_mount
from lookalike.tests.store.test_locks import holder
from lookalike.tests.store.test_repair import overwritten, pages_of


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_photos(tmp_path_factory.mktemp("photos").resolve())
    (folder / "broken.jpg").unlink()
    return folder


@pytest.fixture(scope="module")
def indexed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store") / "store"
    assert lookalike("index", photos, "--store", store).code == 0
    assert lookalike("dupes", "--store", store).code == 0
    a, b = photos / "2021" / "photo0.jpg", photos / "2021" / "photo3.jpg"
    assert lookalike("reject", a, b, "--store", store).code == 0
    return store


@pytest.fixture
def store(indexed: Path, tmp_path: Path) -> Path:
    """A store of its own for each test."""
    return Path(shutil.copytree(indexed, tmp_path / "store"))


def in_one_line(run: Run, code: int) -> str:
    assert run.code == code, run.err
    assert run.err.count("\n") == 1, run.err
    assert "Traceback" not in run.err
    assert run.err.startswith("lookalike: ")
    return run.err


def execute(store: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(store / "catalog.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def damage(store: Path, table: str) -> None:
    catalog = store / "catalog.db"
    page = pages_of(catalog, table)[-1]
    catalog.write_bytes(overwritten(catalog.read_bytes(), page))


READING = [
    ("status",),
    ("errors",),
    ("export",),
    ("decisions",),
    ("search", "PHOTO"),
    ("dupes",),
    ("check", "PHOTO"),
    ("explain", "PHOTO", "PHOTO2"),
    ("doctor",),
    ("doctor", "--deep"),
    ("models",),
]


def line_of(command: tuple[str, ...], photos: Path, store: Path) -> list[str]:
    names = {"PHOTO": str(photos / "2021/photo0.jpg"), "PHOTO2": str(photos / "2021/photo3.jpg")}
    return [*(names.get(each, each) for each in command), "--store", str(store)]


def call(command: tuple[str, ...], photos: Path, store: Path, *more: str) -> Run:
    return lookalike(*line_of(command, photos, store), *more)


# --- doctor


def test_doctor_finds_a_good_store_good_whether_quick_or_deep(store: Path, photos: Path) -> None:
    for more in ([], ["--deep"], ["--content"], ["--deep", "--content", "--sample", "50%"]):
        run = lookalike("doctor", *more, "--store", store, "--format", "json")
        assert run.code == 0
        assert {each["level"] for each in run.json["findings"]} == {"ok"}
        found = {each["what"]: each["message"] for each in run.json["findings"]}
        assert "GB free" in found["place"]
        assert found["locks"] == "nobody writes to it now"
        assert sqlite3.sqlite_version in found["sqlite"]


def test_doctor_finds_a_photo_that_rotted(photos: Path, tmp_path: Path) -> None:
    folder, store = tmp_path / "photos", tmp_path / "s"
    shutil.copytree(photos, folder)
    assert lookalike("index", folder, "--store", store).code == 0
    rotten, edited = folder / "2022" / "photo1.jpg", folder / "2023" / "photo2.jpg"
    was = rotten.stat()
    data = bytearray(rotten.read_bytes())
    data[len(data) // 2] ^= 1
    rotten.write_bytes(data)
    os.utime(rotten, ns=(was.st_atime_ns, was.st_mtime_ns))
    save(edited, draw_photo(77, 100, 80))

    assert lookalike("doctor", "--store", store).code == 0
    run = lookalike("doctor", "--content", "--store", store, "--format", "json")

    assert run.code == 1
    bad = [each["message"] for each in run.json["findings"] if each["level"] == "broken"]
    assert [str(rotten) in each for each in bad] == [True]
    assert "1 edited since" in run.json["findings"][-1]["message"] or any(
        "1 edited since" in each["message"] for each in run.json["findings"]
    )
    assert "--sample" in in_one_line(lookalike("doctor", "--content", "--sample", "0", "--store", store), 2)


# --- repair, backup, restore, compact


def test_repair_asks_says_what_was_lost_and_the_next_run_makes_the_store_whole(
    store: Path, photos: Path
) -> None:
    execute(store, "DELETE FROM embedding WHERE id <= 2", "DELETE FROM content WHERE id = 4")
    assert lookalike("doctor", "--store", store).code == 1

    asked = lookalike("repair", "--store", store)
    assert asked.code == 2
    assert "--yes" in asked.err
    run = lookalike("repair", "--yes", "--store", store)

    assert run.code == 0
    assert b"2 photos lost their vectors" in run.out
    assert b"lost what was known of 1 file;" in run.out
    assert b"1 decision\n" in run.out
    report = lookalike("index", photos, "--store", store, "--format", "json")
    assert (report.code, report.json["absent"], report.json["failed"]) == (0, 0, 0)
    assert report.json["embedded"] >= 3
    assert lookalike("doctor", "--deep", "--store", store).code == 0
    assert lookalike("repair", "--store", store).out == b"the store is whole: nothing to repair\n"


def test_a_damaged_catalog_is_repaired_and_completed_by_the_next_run(store: Path, photos: Path) -> None:
    before = {row["path"]: row["content"] for row in lookalike("export", "--store", store).lines}
    damage(store, "embedding")
    assert lookalike("repair", "--yes", "--store", store).code == 0
    assert list(store.glob("catalog.db.damaged-*"))
    assert lookalike("index", photos, "--store", store).code == 0
    assert {r["path"]: r["content"] for r in lookalike("export", "--store", store).lines} == before
    assert lookalike("doctor", "--deep", "--store", store).code == 0


def test_a_backup_restores_photos_decisions_and_thumbnails(store: Path, tmp_path: Path) -> None:
    file, again = tmp_path / "b.lookalike-backup", tmp_path / "again"
    made = lookalike("backup", file, "--thumbnails", "--store", store)
    assert (made.code, made.out) == (0, b"")
    assert "7 photos and 1 decision in" in made.err
    assert lookalike("restore", file, "--yes", "--store", again).code == 0
    for command in ("export", "decisions"):
        assert lookalike(command, "--store", again).out == lookalike(command, "--store", store).out
    assert lookalike("doctor", "--deep", "--store", again).code == 0
    shutil.copy(file, tmp_path / "copy")
    (store / "catalog.db").write_bytes(b"garbage" * 999)
    in_one_line(lookalike("repair", "--yes", "--from-backup", tmp_path / "none", "--store", store), 2)
    assert lookalike("repair", "--yes", "--from-backup", file, "--store", store).code == 0
    assert lookalike("doctor", "--deep", "--store", store).code == 0


def test_a_backup_says_which_one_it_replaces(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.lookalike-backup"
    first = lookalike("backup", file, "--thumbnails", "--store", store)
    assert "replaced" not in first.err
    assert "with thumbnails)" in first.err
    second = lookalike("backup", file, "--store", store)
    assert second.code == 0
    assert re.search(
        r"the backup that was there is replaced: 7 photos and 1 decision, made 20.*with thumbnails",
        second.err,
    )


def test_a_store_that_is_whole_is_not_taken_back_by_a_repair(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.lookalike-backup"
    assert lookalike("backup", file, "--store", store).code == 0
    refused = in_one_line(lookalike("repair", "--from-backup", file, "--yes", "--store", store), 2)
    assert "the store is whole: nothing to repair" in refused
    assert f"`lookalike restore {file} --store {store}`" in refused
    assert list(store.glob("*before-restore*")) == []
    none = tmp_path / "none"
    assert lookalike("repair", "--from-backup", file, "--yes", "--store", none).code == 0


def test_a_check_that_was_asked_for_is_told_also_when_all_is_well(store: Path) -> None:
    said = lookalike("doctor", "--recall", "--content", "--store", store).out.decode()
    assert re.search(r"^ok +recall +.*", said, re.MULTILINE)
    assert re.search(r"^ok +content +8 photos read again", said, re.MULTILINE)
    assert "recall" not in lookalike("doctor", "--store", store).out.decode()


def test_what_is_no_backup_is_neither_overwritten_nor_restored(store: Path, photos: Path) -> None:
    photo = photos / "2021" / "photo0.jpg"
    before = photo.read_bytes()
    assert "not a backup" in in_one_line(lookalike("backup", photo, "--store", store), 2)
    assert "no backup" in in_one_line(lookalike("restore", photo, "--yes", "--store", store), 2)
    assert photo.read_bytes() == before


def test_compact_says_what_it_won(store: Path) -> None:
    execute(store, "CREATE TABLE filler AS SELECT zeroblob(2000000)", "DROP TABLE filler")
    run = lookalike("compact", "--store", store)
    assert run.code == 0
    assert int(run.err.split()[1].replace(",", "")) > 1_900_000
    assert lookalike("doctor", "--deep", "--store", store).code == 0


# --- exit codes


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_every_reading_command_says_in_one_line_that_the_catalog_is_damaged(
    store: Path, photos: Path, command: tuple[str, ...]
) -> None:
    damaged = store / "catalog.db"
    damaged.write_bytes(b"this is no database, whatever its name says. " * 500)
    run = call(command, photos, store)
    assert run.code == 1
    assert "Traceback" not in run.err
    assert "lookalike doctor" in run.err or command[0] == "doctor"


@pytest.mark.parametrize("table", ["file", "embedding"])
@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_no_damaged_page_is_a_mistake_of_ours(
    store: Path, photos: Path, command: tuple[str, ...], table: str
) -> None:
    damage(store, table)
    (store / "index.json").unlink()
    run = call(command, photos, store)
    assert "Traceback" not in run.err
    assert "internal error" not in run.err
    assert run.code in (0, 1, 10)


WRITING = [("index", "PHOTO"), ("reject", "PHOTO", "PHOTO2"), ("undecide", "PHOTO", "PHOTO2"), ("compact",)]


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_a_store_in_use_ends_with_5_and_names_the_holder(
    store: Path, photos: Path, command: tuple[str, ...]
) -> None:
    with holder(store) as process:
        said = in_one_line(call(command, photos, store, "--lock-timeout", "0.2"), 5)
    assert f"process {process.pid}" in said
    assert "0.2 s" in said


def test_a_killed_holder_is_not_named(store: Path, photos: Path) -> None:
    with holder(store) as process:
        process.kill()
        process.wait()
    note = (store / "store.lock.json").read_bytes()
    with holder(store):
        (store / "store.lock.json").write_bytes(note)
        said = in_one_line(call(("compact",), photos, store, "--lock-timeout", "0.1"), 5)
    assert "in use by another process" in said


@pytest.mark.parametrize("command", [command for command in READING if command[0] != "dupes"], ids=" ".join)
def test_a_newer_store_is_read(store: Path, photos: Path, command: tuple[str, ...]) -> None:
    execute(store, "PRAGMA user_version = 99")
    assert call(command, photos, store).code in (0, 10)


@pytest.mark.parametrize("command", [*WRITING, ("repair", "--yes")], ids=" ".join)
def test_a_newer_store_is_not_written_to_and_ends_with_6(
    store: Path, photos: Path, command: tuple[str, ...]
) -> None:
    execute(store, "PRAGMA user_version = 99")
    if command[0] == "repair":
        execute(store, "DELETE FROM embedding WHERE id = 1")
    before = (store / "catalog.db").read_bytes()
    assert "update lookalike" in call(command, photos, store).err
    assert call(command, photos, store).code == 6
    assert (store / "catalog.db").read_bytes() == before


def test_copies_of_a_newer_store_are_listed_as_far_as_known(store: Path) -> None:
    known = lookalike("dupes", "--store", store, "--format", "json").json
    execute(store, "PRAGMA user_version = 99")
    run = lookalike("dupes", "--store", store, "--format", "json")
    assert (run.code, run.json) == (0, known)
    assert "what is known already" in run.err


# Runs command lines in a namespace in which their store lies on a read-only mount, and says how each ended.
RUN_ALL = """
import json, subprocess, sys
from lookalike.tests.library import lookalike
store, lines = sys.argv[1:]
subprocess.run(["mount", "--bind", store, store], check=True)
subprocess.run(["mount", "-o", "remount,ro,bind", store], check=True)
for line in lines.splitlines():
    run = lookalike(*json.loads(line))
    print(json.dumps([run.code, run.err]))
"""


def on_read_only_medium(commands: list[tuple[str, ...]], photos: Path, store: Path) -> list[Run]:
    lines = "\n".join(json.dumps(line_of(command, photos, store)) for command in commands)
    done = run_child(RUN_ALL, store, lines, namespace=True)
    assert done.returncode == 0, done.stderr
    return [Run(code, b"", err) for code, err in map(json.loads, done.stdout.splitlines())]


@pytest.mark.skipif(not can_mount(), reason="no user namespaces; the store's tests step down instead")
def test_a_store_on_a_read_only_medium_is_read_and_writes_end_with_7(store: Path, photos: Path) -> None:
    runs = on_read_only_medium([*READING, *WRITING], photos, store)
    for command, run in zip([*READING, *WRITING], runs, strict=True):
        if command in READING:
            assert run.code in (0, 10), (command, run.err)
        else:
            in_one_line(run, 7)


def test_a_store_on_a_full_disk_ends_with_7(store: Path, photos: Path) -> None:
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from lookalike.cli import run; sys.exit(run(sys.argv[1:]))"
    )
    a, b = photos / "2022" / "photo1.jpg", photos / "2022" / "photo4.jpg"
    done = run_child(limited, "confirm", a, b, "--store", store)
    in_one_line(Run(done.returncode, b"", done.stderr), 7)
    assert lookalike("doctor", "--deep", "--store", store).code == 0


ON_A_FULL_DISK = """
import subprocess, sys
from pathlib import Path
from lookalike.cli import run

disk, first, second, store = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", disk], check=True)
(Path(disk) / "filler").write_bytes(b"0" * 16 * 1024)
calls = [
    ["dupes", "--plan", f"{disk}/plan.json"],
    ["dupes", "--html", f"{disk}/report.html"],
    ["export", "--vectors", f"{disk}/vectors.npz"],
    ["export", "--sqlite", f"{disk}/photos.db"],
    ["explain", first, second, "--image", f"{disk}/why.png"],
]
for call in calls:
    print("CODE", run([*call, "--store", store]), flush=True)
print("LEFT", [each.name for each in Path(disk).iterdir()])
"""


@pytest.mark.skipif(not can_mount(), reason="no user namespaces")
def test_what_does_not_fit_on_its_disk_ends_with_7(store: Path, photos: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    first, second = photos / "2021/photo0.jpg", photos / "edited/photo0-small.jpg"
    done = run_child(ON_A_FULL_DISK, disk, first, second, store, namespace=True)
    assert re.findall(r"CODE (\d+)", done.stdout) == ["7"] * 5, done.stderr
    told = [line for line in done.stderr.splitlines() if "cannot write" in line]
    assert len(told) == 5
    assert all(re.search("No space left on device|disk is full", line) for line in told)
    assert "LEFT ['filler']" in done.stdout
