"""Units are done by anybody, in any order, and come to a library as `index` makes it."""

import json
import shutil
import signal
from pathlib import Path

import pytest

from lookalike.bulk.dataset import DataSet
from lookalike.bulk.embed import EmbedStage
from lookalike.bulk.here import Here
from lookalike.bulk.parts import Part
from lookalike.bulk.plan import plan
from lookalike.bulk.planned import Planned
from lookalike.bulk.run import MOST_TRIES, Failures, RunOptions, run
from lookalike.bulk.stages import UnitFailure
from lookalike.bulk.status import status_of
from lookalike.errors import RootOffline, StoreCorrupt
from lookalike.indexer.options import IndexOptions
from lookalike.indexer.run import index_folders
from lookalike.indexer.sandbox import decoders
from lookalike.store.store import Store
from lookalike.tests import decoders as lasting_decoders
from lookalike.tests.bulk import sets
from lookalike.tests.bulk.conftest import Bucket
from lookalike.tests.bulk.toy import wait_until
from lookalike.tests.children import Child, run_child
from lookalike.tests.indexer.sandbox.test_decoders import ABUSE, told
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, save


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sets.draw_library(tmp_path_factory.mktemp("drawn") / "photos")


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """A data set whose units are done, in one process and by one thread."""
    data = sets.made(tmp_path_factory.mktemp("whole") / "set")
    sets.planned(data, photos)
    report = sets.done(data)
    assert (report.units, report.failed_rows, report.left) == (4, len(sets.BROKEN), 0)
    return data


@pytest.fixture
def again(photos: Path, tmp_path: Path) -> DataSet:
    """The same, planned and not run."""
    data = sets.made(tmp_path / "set")
    sets.planned(data, photos)
    return data


def indexed(photos: Path, folder: Path) -> None:
    options = IndexOptions(sets.OPTIONS.scan, workers=1)
    with Store.open(folder, create=True) as store:
        index_folders(store, [photos], spec=sets.SPEC, options=options)


def test_a_library_of_units_is_row_by_row_the_one_that_index_makes(
    whole: DataSet, photos: Path, tmp_path: Path
) -> None:
    indexed(photos, tmp_path / "indexed")
    report = sets.imported(whole, tmp_path / "imported")
    assert (report.files, report.failed, report.new, report.waiting) == (14, len(sets.BROKEN), 7, 0)
    found = sets.rows(tmp_path / "imported")
    assert len(found["embedding"]) == len(found["thumbnail"]) == len(found["neighborhood"]) == 7
    assert sum(row[8] == "failed" for row in found["file"]) == len(sets.BROKEN)
    assert json.loads(found["root"][0][3]) == {"X3F": 1, "MP4": 1}
    assert sets.differing(tmp_path / "indexed", tmp_path / "imported") == []


def test_an_index_run_finds_nothing_to_do_after_an_import(
    whole: DataSet, photos: Path, tmp_path: Path
) -> None:
    sets.imported(whole, tmp_path / "store")
    options = IndexOptions(sets.OPTIONS.scan, workers=1)
    with Store.open(tmp_path / "store", create=True) as store:
        report = index_folders(store, [photos], spec=sets.SPEC, options=options)
    assert (report.embedded, report.recognized, report.absent, report.refused) == (0, 0, 0, [])


def test_rows_are_the_same_by_threads_by_parts_and_in_any_order(whole: DataSet, again: DataSet) -> None:
    stage = EmbedStage(again.place.url, workers=3)
    with stage.open(None) as work:
        for number in reversed(list(stage.units())):
            work(number)
    assert sets.digests(again) == sets.digests(whole)


def test_two_parts_do_all_units_between_them_with_the_same_rows(whole: DataSet, again: DataSet) -> None:
    first = run(EmbedStage(again.place.url), Here(0), again.place, options=RunOptions(Part(0, 2)))
    assert first.units == 4  # the other part has not come, and its units are done as well
    assert sets.done(again, part=Part(1, 2)).units == 0
    assert sets.digests(again) == sets.digests(whole)


def test_rows_tell_nothing_of_what_a_process_met_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoders, "DECODER", ABUSE)
    (tmp_path / "photos").mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / "photos" / name).write_bytes(told("segfault"))
    together, apart = sets.made(tmp_path / "together", 2), sets.made(tmp_path / "apart", 2)
    with lasting_decoders.ended_at_once():
        for data in (together, apart):
            sets.planned(data, tmp_path / "photos")
        sets.done(together)
        with EmbedStage(apart.place.url, workers=2).open(None) as work:
            work(1)
    assert sets.digests(apart).items() < sets.digests(together).items()
    assert status_of(together).errors == {"crashed": 3}
    sets.imported(together, tmp_path / "store")
    assert [row[1] for row in sets.rows(tmp_path / "store")["crasher"]] == ["crashed"]


def test_a_file_that_went_away_after_the_plan_is_a_row_and_no_photo(
    photos: Path, again: DataSet, tmp_path: Path
) -> None:
    moved = shutil.copytree(photos, tmp_path / "photos")
    data = sets.made(tmp_path / "other")
    sets.planned(data, moved)
    (moved / "clear.png").unlink()
    assert sets.done(data).failed_rows == len(sets.BROKEN) + 1
    assert status_of(data).errors["not_found"] == 1

    indexed(moved, tmp_path / "indexed")
    sets.imported(data, tmp_path / "imported")
    assert sets.differing(tmp_path / "indexed", tmp_path / "imported") == []

    save(moved / "clear.png", draw_photo(9, 64, 64))
    assert sets.planned(data, moved).units == 1  # it is back, and is read then
    assert "not_found" not in status_of(data).errors or sets.done(data).units == 1


def test_a_source_that_is_away_is_no_row_of_any_file(again: DataSet, photos: Path, tmp_path: Path) -> None:
    data = sets.made(tmp_path / "other")
    gone = shutil.copytree(photos, tmp_path / "drive")
    sets.planned(data, gone)
    gone.rename(tmp_path / "elsewhere")
    with pytest.raises(RootOffline, match="away"):
        sets.done(data)
    gone.mkdir()  # as an empty mount point
    with pytest.raises(RootOffline, match="away"):
        sets.done(data)
    assert data.units.names() == []


def test_only_failed_files_are_read_again_and_their_unit_has_a_small_supplement(
    photos: Path, tmp_path: Path
) -> None:
    mended = shutil.copytree(photos, tmp_path / "photos")
    data = sets.made(tmp_path / "set")
    sets.planned(data, mended)
    sets.done(data)
    before = sets.digests(data)
    for name in sets.BROKEN - {"cut.jpg"}:
        save(mended / name, draw_photo(20 + len(name), 64, 48))
    sets.imported(data, tmp_path / "store")

    report = sets.tried_again(data)

    assert (report.rows, report.failed_rows) == (len(sets.BROKEN), 1)
    assert sets.digests(data).items() >= before.items()
    assert sum(status_of(data).errors.values()) == 1
    sets.imported(data, tmp_path / "store")
    indexed(mended, tmp_path / "indexed")
    assert sets.differing(tmp_path / "indexed", tmp_path / "store") == []
    assert sets.tried_again(data).rows == 1
    assert sets.imported(data, tmp_path / "store").units == 1


def test_a_result_is_believed_only_if_its_rows_and_its_list_fit(whole: DataSet, tmp_path: Path) -> None:
    data = copied(whole, tmp_path)
    names = data.units.names()
    (data_file,) = [Path(data.units.url) / names[0]]
    other = (Path(data.units.url) / names[1]).read_bytes()
    sound = data_file.read_bytes()
    for bad in (other, sound[:-100], sound[: len(sound) // 2], b""):
        data_file.write_bytes(bad)
        with pytest.raises(StoreCorrupt, match=names[0]):
            sets.imported(data, tmp_path / "store")
    data_file.unlink()
    assert sets.done(data).units == 1
    assert sets.digests(data) == sets.digests(whole)


def copied(data: DataSet, tmp_path: Path) -> DataSet:
    return DataSet.open(str(shutil.copytree(data.place.url, tmp_path / "copied")))


def test_photos_in_a_bucket_make_the_contents_that_they_make_in_a_folder(
    whole: DataSet, photos: Path, s3: Bucket, tmp_path: Path
) -> None:
    s3.put_folder(photos, "photos")
    data = sets.made(f"{s3.url}/set")
    plan(data, [f"{s3.url}/photos"], sets.OPTIONS)
    assert sets.done(data).failed_rows == len(sets.BROKEN)
    sets.imported(data, tmp_path / "bucket")
    sets.imported(whole, tmp_path / "folder")
    ours, theirs = sets.rows(tmp_path / "bucket"), sets.rows(tmp_path / "folder")
    different = {name for name in ours if ours[name] != theirs[name]}
    assert different == {"file", "root"}
    columns = (1, 7, 8, 9)  # path below the source, digest, state, error
    assert [[row[n] for n in columns] for row in ours["file"]] == [
        [row[n] for n in columns] for row in theirs["file"]
    ]
    assert ours["root"][0][0] == f"{s3.url}/photos".encode()


def test_the_command_line_tells_how_far_units_are_and_what_failed(photos: Path, tmp_path: Path) -> None:
    data, store = tmp_path / "set", tmp_path / "store"
    exclude = ("--exclude", "left out/", "--input-size", "64", "--unit-size", "4")
    run = lookalike("bulk", "plan", photos, "--to", data, *exclude, "--format", "json")
    assert (run.code, run.json["new"], run.json["unread"]) == (0, 14, {"X3F": 1, "MP4": 1})
    run = lookalike("bulk", "status", data)
    assert run.code == 0
    assert b"0 of 4 done, 4 to run" in run.out

    run = lookalike("bulk", "run", data, "--workers", "1", "--format", "json")
    assert (run.code, run.json["units"], run.json["files"], run.json["failed"]) == (3, 4, 14, 4)
    assert lookalike("bulk", "run", data).code == 0  # nothing was left to fail

    run = lookalike("bulk", "status", data, "--format", "json")
    assert run.code == 3
    assert run.json["units"] == {"planned": 4, "done": 4, "left": 0}
    assert run.json["errors"] == {"empty": 1, "not_an_image": 2, "truncated": 1}
    assert run.json["files_per_second"] > 0
    assert run.json["hours_left"] == 0
    run = lookalike("bulk", "import", data, "--store", store, "--format", "json")
    assert (run.code, run.json["new"], run.json["failed"], run.json["photos"]) == (3, 7, 4, 7)
    assert lookalike("bulk", "import", data, "--store", store).code == 0
    assert len(lookalike("errors", "--store", store, "--format", "jsonl").lines) == 4


def test_a_unit_that_was_given_up_is_named_and_tried_when_asked(again: DataSet) -> None:
    failures = Failures(again.place, "embed")
    while failures.add(UnitFailure(2, "RuntimeError: no room")) < MOST_TRIES:
        pass
    assert sets.done(again).units == 3
    run = lookalike("bulk", "status", again.place.url)
    assert (run.code, b"unit 2: RuntimeError: no room" in run.out) == (3, True)
    assert sets.done(again, retry_failed=True).units == 1
    assert status_of(again).given_up == {}


# --- what ends a run ------------------------------------------------------------------------------

_RUN = """
import sys
from lookalike.bulk.embed import EmbedStage
from lookalike.bulk.here import Here
from lookalike.bulk.place import Place
from lookalike.bulk.run import run
from lookalike.tests.faults.points import Fault, Points
url, number, action = sys.argv[1], int(sys.argv[2]), sys.argv[3]
Points(Fault(number, action)).install()
run(EmbedStage(url, workers=1), Here(0), Place.of(url))
"""


@pytest.mark.parametrize("action", ["kill before", "kill after"])
def test_a_kill_at_any_step_leaves_no_half_unit_and_the_next_run_does_the_others(
    action: str, tmp_path: Path
) -> None:
    for seed in range(2):
        save(tmp_path / "photos" / f"{seed}.jpg", draw_photo(seed, 64, 48))
    whole = sets.made(tmp_path / "whole", 1)
    sets.planned(whole, tmp_path / "photos")
    sets.done(whole)
    expected = sets.digests(whole)
    assert len(expected) == 2
    for number in range(4):  # a unit takes three steps: its file, its name, its folder
        data = sets.made(tmp_path / f"set{number}", 1)
        sets.planned(data, tmp_path / "photos")
        ended = run_child(_RUN, data.place.url, number, action)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        left = sets.digests(data)
        assert left.items() <= expected.items()
        assert len(left) == (number + (action == "kill after") + 1) // 3
        assert sets.done(data).units == len(expected) - len(left)
        assert sets.digests(data) == expected


def test_a_run_that_is_interrupted_says_so_by_its_exit_code(
    again: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Child(_MAIN, "bulk", "run", again.place.url, "--workers", "1") as child:
        wait_until(again.units.names)
        child.send_signal(signal.SIGINT)
        code = child.wait()
    left = len(Planned(again).sizes) - len(again.results())
    assert code == 130 or not left
    monkeypatch.setattr("lookalike.bulk.here.Here", lambda: Here(0))
    assert lookalike("bulk", "run", again.place.url).code == (3 if left else 0)
    assert len(again.results()) == 4


_MAIN = "import sys; from lookalike import cli; sys.exit(cli.run(sys.argv[1:]))"
