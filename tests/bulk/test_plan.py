"""Planning a data set: what is new, changed or gone, in lists that depend on nothing else."""

import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from lookalike.bulk.dataset import DataSet
from lookalike.bulk.extras import PACKAGES
from lookalike.bulk.plan import PlanOptions, plan
from lookalike.bulk.planned import Planned
from lookalike.bulk.sources import scan_of
from lookalike.bulk.status import status_of
from lookalike.errors import SpecMismatch, StoreCorrupt, StoreMissing, StoreTooNew, UsageError
from lookalike.indexer.embed.embedder import default_spec
from lookalike.indexer.scan.walk import Scan, ScanOptions
from lookalike.tests.bulk import sets
from lookalike.tests.bulk.conftest import Bucket
from lookalike.tests.library import lookalike, on_terminal
from lookalike.tests.store.making import run_python, without_privileges


def touch(folder: Path, *names: str | bytes) -> Path:
    """Make files that look like photos from outside; no plan opens them."""
    for name in names:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(name if isinstance(name, bytes) else name.encode())
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return touch(tmp_path / "photos", *(f"{n % 3}/{n:02}.jpg" for n in range(10)))


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    return sets.made(tmp_path / "set")


def lists(data: DataSet) -> list[list[str]]:
    found = Planned(data)
    return [[os.fsdecode(file.rel) for file in found.unit(number).files] for number in found.sizes]


def test_a_unit_is_so_many_files_by_path(data: DataSet, photos: Path) -> None:
    report = sets.planned(data, photos)
    assert (report.new, report.units, report.listed) == (10, 3, 10)
    found = lists(data)
    assert [len(each) for each in found] == [4, 4, 2]
    assert [each for some in found for each in some] == sorted(f"{n % 3}/{n:02}.jpg" for n in range(10))


def test_a_list_is_the_same_whoever_plans_it(data: DataSet, photos: Path, tmp_path: Path) -> None:
    other = sets.made(tmp_path / "other")
    for each in (data, other):
        sets.planned(each, photos)
    of_one, of_other = Planned(data), Planned(other)
    assert [of_one.unit(n).digest for n in range(3)] == [of_other.unit(n).digest for n in range(3)]
    assert len({of_one.unit(n).digest for n in range(3)}) == 3


def test_planned_again_only_what_is_new_or_changed_is_read(data: DataSet, photos: Path) -> None:
    sets.planned(data, photos)
    assert sets.planned(data, photos).units == 0
    assert len(data.plans.names()) == 1  # it told nothing new

    touch(photos, "3/new.jpg")
    (photos / "0/00.jpg").write_bytes(b"changed")
    (photos / "1/01.jpg").unlink()
    (photos / "2/02.jpg").rename(photos / "2/renamed.jpg")
    report = sets.planned(data, photos)

    assert (report.new, report.changed, report.unchanged, report.absent) == (2, 1, 7, 2)
    assert lists(data)[3:] == [["0/00.jpg", "2/renamed.jpg", "3/new.jpg"]]
    assert Planned(data).replaced() == {0: {b"0/00.jpg"}}
    assert sets.planned(data, photos).units == 0


def test_names_that_are_no_text_are_planned_as_they_are(data: DataSet, tmp_path: Path) -> None:
    sets.planned(data, touch(tmp_path / "photos", b"caf\xe9.jpg", "ü.jpg"))
    assert [file.rel for file in Planned(data).unit(0).files] == [b"caf\xe9.jpg", "ü.jpg".encode()]


def test_each_source_has_units_of_its_own(data: DataSet, photos: Path, tmp_path: Path) -> None:
    other = touch(tmp_path / "another", "x.jpg")
    report = sets.planned(data, photos, other)
    assert report.units == 4
    found = Planned(data)
    assert [os.fsdecode(found.of_source()[n]) for n in found.sizes] == [str(other), *[str(photos)] * 3]
    assert [found.unit(n).source for n in found.sizes] == list(found.of_source().values())


# --- what may not look like deleted photos ---------------------------------------------------------


def test_a_folder_that_is_empty_or_away_is_refused_and_nothing_is_planned(
    data: DataSet, photos: Path
) -> None:
    sets.planned(data, photos)
    photos.rename(photos.with_name("elsewhere"))
    (refused,) = sets.planned(data, photos).refused
    assert "is away" in refused
    photos.mkdir()
    (refused,) = sets.planned(data, photos).refused
    assert "accept_missing=10" in refused
    assert len(data.plans.names()) == 1

    run = lookalike("bulk", "plan", photos, "--to", data.place.url, "--input-size", "64")
    assert run.code == 4
    assert "--accept-missing 10" in run.err
    assert sets.planned(data, photos, accept_missing=10).absent == 10
    photos.rmdir()
    photos.with_name("elsewhere").rename(photos)
    report = sets.planned(data, photos)
    assert (report.units, report.unchanged, report.absent) == (0, 10, 0)  # they are back, and known
    assert Planned(data).gone() == {0: set(), 1: set(), 2: set()}


def test_another_drive_in_the_place_of_a_source_is_refused(data: DataSet, photos: Path) -> None:
    sets.planned(data, photos)
    name = Path(data.plans.url) / "0000.parquet"
    fs_id = Planned(data).sources[os.fsencode(photos)].fs_id
    assert fs_id is not None
    other = "0" * len(fs_id)
    name.write_bytes(name.read_bytes().replace(fs_id.encode(), other.encode()))
    shutil.rmtree(photos)
    touch(photos, *(f"other/{n}.jpg" for n in range(9)))

    (refused,) = sets.planned(data, photos).refused

    assert "another drive" in refused
    assert not sets.planned(data, photos, accept_drive=True, accept_missing=10).refused


def test_a_folder_that_cannot_be_listed_is_a_row_until_it_can_be() -> None:
    with tempfile.TemporaryDirectory() as base:  # not below tmp_path: pytest keeps that to its owner
        os.chmod(base, 0o755)
        photos = touch(Path(base, "photos"), "a.jpg", "closed/b.jpg")
        data = sets.made(Path(base, "set"))
        sets.planned(data, photos)
        for each in (data.place.url, data.plans.url):
            os.chmod(each, 0o777)
        (photos / "closed").chmod(0)
        with without_privileges():
            report = sets.planned(data, photos)
        (photos / "closed").chmod(0o755)
        assert len(report.problems) == 1
        assert (report.absent, report.unchanged) == (0, 1)
        assert status_of(data).errors == {"no_permission": 1}
        assert sets.planned(data, photos).problems == []
        assert status_of(data).errors == {}


def test_what_a_rule_leaves_out_later_is_left_out_and_not_gone(data: DataSet, photos: Path) -> None:
    sets.planned(data, photos)
    report = sets.planned(data, photos, scan=ScanOptions(exclude=("2/",)))
    assert (report.excluded, report.absent, report.units) == (3, 0, 0)


def test_a_part_of_a_source_is_planned_alone(data: DataSet, photos: Path) -> None:
    sets.planned(data, photos)
    touch(photos, "1/new.jpg", "2/new.jpg")
    (photos / "1/01.jpg").unlink()
    report = sets.planned(data, photos / "1")
    assert (report.new, report.absent, report.unchanged) == (1, 1, 2)
    assert lists(data)[3:] == [["1/new.jpg"]]
    (photos / "1").rename(photos / "3")
    report = sets.planned(data, photos / "1", accept_missing=9)
    assert (report.absent, report.new) == (3, 4)  # the folder above can tell


# --- what is refused --------------------------------------------------------------------------------


def test_another_model_is_refused_in_one_line(data: DataSet, photos: Path) -> None:
    sets.planned(data, photos)
    with pytest.raises(SpecMismatch, match="input_size 64, not 256"):
        DataSet.make(data.place.url, default_spec())
    run = lookalike("bulk", "plan", photos, "--to", data.place.url, "--input-size", "96")
    assert run.code == 2
    assert len(run.err.splitlines()) == 1
    assert "input_size 64, not 96" in run.err
    assert lookalike("bulk", "plan", photos, "--to", data.place.url).code == 0  # the one that it has
    run = lookalike("bulk", "plan", photos, "--to", data.place.url, "--unit-size", "5")
    assert (run.code, "have 4 files, not 5" in run.err) == (2, True)


def test_what_cannot_be_a_source_is_said(data: DataSet, photos: Path, tmp_path: Path) -> None:
    sets.planned(data, photos / "1")
    with pytest.raises(UsageError, match="there is no folder"):
        sets.planned(data, tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is a file"):
        sets.planned(data, photos / "0/00.jpg")
    with pytest.raises(UsageError, match="is around"):
        sets.planned(data, photos)


def test_a_data_set_takes_a_folder_of_its_own(photos: Path, s3: Bucket, tmp_path: Path) -> None:
    s3.put("mine/a.jpg", b"-")
    for there, other in ((photos, "0"), (photos / "0", "00.jpg"), (f"{s3.url}/mine", "a.jpg")):
        run = lookalike("bulk", "plan", photos, "--to", there)
        assert (run.code, f"{there} holds other files, {other} for one" in run.err) == (2, True)
    assert not list(tmp_path.rglob("dataset.json"))
    assert s3.keys("mine") == ["mine/a.jpg"]
    touch(photos / "new", ".DS_Store", "plan/0.tmp")  # what is hidden, and what a crash left, is in no way
    assert lookalike("bulk", "plan", photos, "--to", photos / "new").code == 0


def test_a_data_set_that_cannot_be_read_is_said_in_a_line(data: DataSet, tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="bulk plan"):
        DataSet.open(str(tmp_path))
    file = Path(data.place.url) / "dataset.json"
    text = file.read_text()
    file.write_text(text.replace('"format": 1', '"format": 2'))
    with pytest.raises(StoreTooNew):
        DataSet.open(data.place.url)
    for bad in (text[:40], text.replace('"input_size": 64', '"input_size": 65')):
        file.write_text(bad)
        with pytest.raises(StoreCorrupt, match=r"dataset\.json"):
            DataSet.open(data.place.url)


def test_without_its_packages_it_says_what_to_install(tmp_path: Path) -> None:
    install = f"pip install {PACKAGES}"
    without = "import sys; sys.modules['pyarrow'] = None; "
    ended = run_python(
        f"{without}from lookalike import cli; sys.exit(cli.run(sys.argv[1:]))", "bulk", "status", tmp_path
    )
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert install in ended.stderr
    assert install in lookalike("bulk", "--help").out.decode()


def test_what_comes_next_can_be_copied(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "`lookalike bulk run 'my set'`" in on_terminal("bulk", "plan", photos, "--to", "my set")


def test_what_later_steps_lack_is_said_by_the_plan(
    data: DataSet, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.bulk.extras.find_spec", {"lance": None}.get)
    run = lookalike("bulk", "plan", photos, "--to", data.place.url)
    assert (
        run.err
        == f"lookalike: `bulk finish` and `bulk dupes` will need lance, too: pip install {PACKAGES}\n"
    )
    for name in [each for each in sys.modules if each.startswith("lookalike.bulk.") and "finish" in each]:
        monkeypatch.delitem(sys.modules, name)  # which a test before this one may have loaded
    monkeypatch.setitem(sys.modules, "lance", None)
    run = lookalike("bulk", "finish", tmp_path / "nowhere")
    assert (run.code, "there is no data set" in run.err) == (1, True)


# --- object stores ----------------------------------------------------------------------------------

_TREE = (
    *("a.jpg", "2019/b.JPG", "2019/.hidden.jpg", ".dot/c.jpg", "notes.txt", "2019/raw.X3F", "2019/._b.jpg"),
    *(
        "@eaDir/t.jpg",
        "private/.nomedia",
        "private/d.jpg",
        "thumbs/e.jpg",
        "2020/in/f.heic",
        "Trash/files/g.jpg",
    ),
    *("Trash/info/g.trashinfo", "2020.jpg", "2020/in.jpg"),
)


@pytest.mark.parametrize("options", [ScanOptions(), ScanOptions(("thumbs/", "2020/*.jpg"), hidden=True)])
def test_a_bucket_is_walked_by_the_rules_of_a_folder(
    s3: Bucket, tmp_path: Path, options: ScanOptions
) -> None:
    touch(tmp_path / "photos", *_TREE)
    for name in _TREE:
        s3.put(f"photos/{name}", name.encode())
    there = scan_of(f"{s3.url}/photos".encode(), options, b"", ())
    here = Scan(os.fsencode(tmp_path / "photos"), options)
    assert [(file.rel, file.size) for file in there] == [(file.rel, file.size) for file in here]
    assert (there.unread, sorted(there.skipped)) == (here.unread, sorted(here.skipped))
    assert there.problems == here.problems == []
    assert there.covers(b"2019/gone.jpg")


def test_a_bucket_is_planned_again_by_what_it_says_of_its_objects(s3: Bucket) -> None:
    for name in ("a.jpg", "b.jpg", "in/c.jpg"):
        s3.put(f"again/{name}", name.encode())
    source = f"{s3.url}/again"
    run = lookalike("bulk", "plan", source, "--to", f"{s3.url}/set", "--unit-size", "2", "--format", "json")
    assert (run.code, run.json["new"], run.json["units"]) == (0, 3, 2)
    data = DataSet.open(f"{s3.url}/set")
    s3.put("again/b.jpg", b"others")
    s3.put("again/d.jpg", b"new")
    s3.remove("again/in/c.jpg")
    report = plan(data, [source], PlanOptions())
    assert (report.new, report.changed, report.absent, report.unchanged) == (1, 1, 1, 1)
    assert lists(data) == [["a.jpg", "b.jpg"], ["in/c.jpg"], ["b.jpg", "d.jpg"]]
    assert replace(plan(data, [source], PlanOptions()), listed=0).units == 0
    (refused,) = plan(data, [f"{s3.url}/again", f"{s3.url}/nothing"], PlanOptions()).refused
    assert "away" in refused
