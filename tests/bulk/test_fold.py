"""Units are taken into a library: each once, in any pieces, and whatever ends on the way."""

import json
import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path

import pytest

from lookalike.bulk.dataset import DataSet
from lookalike.bulk.embed import EmbedStage
from lookalike.bulk.fold import fold, import_into
from lookalike.errors import SpecMismatch
from lookalike.indexer.embed.embedder import default_spec
from lookalike.indexer.folders import Folders
from lookalike.indexer.options import IndexOptions
from lookalike.indexer.run import index_folders
from lookalike.indexer.scan.walk import ScanOptions
from lookalike.store.absence import Fates
from lookalike.store.care.checks import check_store
from lookalike.store.progress import NO_PROGRESS, Watch
from lookalike.store.store import Store
from lookalike.tests.bulk import sets
from lookalike.tests.children import run_child
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, save
from lookalike.tests.store.making import without_privileges

COUNT = 6


def draw(photos: Path, *seeds: int) -> Path:
    for seed in seeds:
        save(photos / f"{seed}.jpg", draw_photo(seed, 64, 48), quality=90)
    return photos


@pytest.fixture(scope="module")
def _drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos beside the data set that is made of them."""
    base = tmp_path_factory.mktemp("drawn")
    draw(base / "photos", *range(COUNT))
    (base / "photos" / "x.jpg").write_bytes(b"no picture")
    return base


@pytest.fixture
def photos(_drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(_drawn / "photos", tmp_path / "photos"))


@pytest.fixture
def data(photos: Path, tmp_path: Path) -> DataSet:
    """A data set of three units that are done."""
    made = sets.made(tmp_path / "set", 3)
    sets.planned(made, photos)
    sets.done(made)
    return made


def index(photos: Path, folder: Path, **options: object) -> None:
    chosen = IndexOptions(**{"scan": sets.OPTIONS.scan, "workers": 1, **options})  # type: ignore[arg-type]
    with Store.open(folder, create=True) as store:
        index_folders(store, [photos], spec=sets.SPEC, options=chosen)


def change(photos: Path) -> None:
    """Let files come, go, move, change and be copied."""
    (photos / "0.jpg").unlink()
    (photos / "1.jpg").rename(photos / "moved.jpg")
    save(photos / "2.jpg", draw_photo(22, 64, 48), quality=90)
    shutil.copy(photos / "3.jpg", photos / "copy.jpg")
    save(photos / "x.jpg", draw_photo(23, 64, 48), quality=90)
    draw(photos / "new", 24)


def test_planned_and_imported_again_it_is_the_library_of_two_index_runs(
    data: DataSet, photos: Path, tmp_path: Path
) -> None:
    index(photos, tmp_path / "indexed")
    sets.imported(data, tmp_path / "store")
    change(photos)
    index(photos, tmp_path / "indexed", accept_missing=9)

    report = sets.planned(data, photos, accept_missing=9)
    assert (report.new, report.changed, report.absent) == (3, 2, 2)
    assert sets.done(data).rows == 5
    taken = sets.imported(data, tmp_path / "store")

    assert (taken.units, taken.files, taken.new, taken.absent) == (2, 5, 3, 2)
    assert sets.differing(tmp_path / "indexed", tmp_path / "store") == []


def test_plans_and_units_imported_all_at_once_come_to_the_same(
    data: DataSet, photos: Path, tmp_path: Path
) -> None:
    sets.imported(data, tmp_path / "in two")
    change(photos)
    sets.planned(data, photos, accept_missing=9)
    sets.done(data)
    (photos / "new" / "24.jpg").unlink()
    (photos / "0.jpg").write_bytes(b"back, and no picture")
    sets.planned(data, photos, accept_missing=9)
    sets.done(data)
    for folder in ("in two", "at once"):
        sets.imported(data, tmp_path / folder)

    in_two, at_once = sets.rows(tmp_path / "in two"), sets.rows(tmp_path / "at once")
    assert in_two["file"] == at_once["file"]
    # What two changed files held before came into the first library only.
    assert set(at_once["content"]) < set(in_two["content"])
    assert len(in_two["content"]) - len(at_once["content"]) == 2


def test_files_that_a_rule_leaves_out_are_left_out_as_by_index(
    data: DataSet, photos: Path, tmp_path: Path
) -> None:
    scan = ScanOptions(exclude=("1.jpg", "2.jpg"))
    index(photos, tmp_path / "indexed")
    index(photos, tmp_path / "indexed", scan=scan)
    sets.imported(data, tmp_path / "store")
    sets.planned(data, photos, scan=scan)
    sets.imported(data, tmp_path / "store")
    assert sets.differing(tmp_path / "indexed", tmp_path / "store") == []

    index(photos, tmp_path / "indexed")
    sets.planned(data, photos)
    assert sets.imported(data, tmp_path / "store").units == 0
    assert sets.differing(tmp_path / "indexed", tmp_path / "store") == []


def test_units_that_are_done_later_are_taken_in_later(photos: Path, tmp_path: Path) -> None:
    data = sets.made(tmp_path / "set", 3)
    sets.planned(data, photos)
    with EmbedStage(data.place.url, workers=1).open(None) as work:
        work(1)
        report = sets.imported(data, tmp_path / "store")
        assert (report.units, report.waiting, report.files) == (1, 2, 3)
        work(0)
        work(2)
    report = sets.imported(data, tmp_path / "store")
    assert (report.units, report.waiting, report.files) == (2, 0, 4)
    assert sets.imported(data, tmp_path / "store").units == 0
    index(photos, tmp_path / "indexed")
    assert sets.differing(tmp_path / "indexed", tmp_path / "store") == []


def test_a_source_inside_a_folder_of_the_library_is_part_of_that(
    data: DataSet, photos: Path, tmp_path: Path
) -> None:
    outer = tmp_path / "outer"
    inner = Path(shutil.move(photos, outer / "in" / "photos"))
    draw(outer, 30)
    other = sets.made(tmp_path / "other", 9)
    sets.planned(other, inner)
    sets.done(other)
    for folder in ("indexed", "store"):
        index(outer / "in", tmp_path / folder, scan=ScanOptions(exclude=("photos/",)))
    sets.imported(other, tmp_path / "store")
    index(inner, tmp_path / "indexed")
    ours, theirs = sets.rows(tmp_path / "store"), sets.rows(tmp_path / "indexed")
    assert ours["file"] == theirs["file"]
    assert {row[1] for row in ours["file"]} == {
        b"photos/" + os.fsencode(each.name) for each in inner.iterdir()
    }


def test_a_folder_that_was_forgotten_comes_back_whole(data: DataSet, photos: Path, tmp_path: Path) -> None:
    sets.imported(data, tmp_path / "store")
    before = sets.rows(tmp_path / "store")
    with Store.open(tmp_path / "store", write=True) as store:
        Folders(store, Fates).forget([photos])
    assert sets.imported(data, tmp_path / "store").units == 3
    assert sets.rows(tmp_path / "store")["file"] == before["file"]


def test_a_library_of_another_model_takes_no_unit(data: DataSet, tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", create=True) as store:
        store.use_spec(default_spec(input_size=96))
        with pytest.raises(SpecMismatch, match="input_size 96, not 64"):
            fold(data, store)
    run = lookalike("bulk", "import", data.place.url, "--store", tmp_path / "store")
    assert (run.code, run.err.count("\n")) == (2, 1)


def test_an_import_that_is_stopped_goes_on_where_it_was(data: DataSet, tmp_path: Path) -> None:
    class Stopping:
        def __init__(self) -> None:
            self.stop = threading.Event()

        def begin(self, *_: object) -> None:
            pass

        def advance(self, *_: object) -> None:
            self.stop.set()

    progress = Stopping()
    with Store.open(tmp_path / "store", create=True) as store:
        report = import_into(data, store, Watch(progress, progress.stop))
        assert (report.units, report.interrupted) == (1, True)
        report = import_into(data, store, Watch(NO_PROGRESS))
        assert (report.units, report.interrupted) == (2, False)
    sets.imported(data, tmp_path / "other")
    assert sets.differing(tmp_path / "other", tmp_path / "store") == []


def test_a_folder_that_could_not_be_listed_is_among_the_errors_as_by_index() -> None:
    with tempfile.TemporaryDirectory() as base:  # not below tmp_path: pytest keeps that to its owner
        os.chmod(base, 0o755)
        photos, data = draw(Path(base, "photos"), 0), sets.made(Path(base, "set"))
        draw(photos / "closed", 1)
        for each in (data.place.url, Path(base, "indexed")):
            os.makedirs(each, exist_ok=True)
            os.chmod(each, 0o777)
        (photos / "closed").chmod(0)
        with without_privileges():
            sets.planned(data, photos)
            index(photos, Path(base, "indexed"))
        (photos / "closed").chmod(0o755)
        sets.done(data)
        report = sets.imported(data, Path(base, "store"))
        assert report.failed == 1
        assert sets.differing(Path(base, "indexed"), Path(base, "store")) == []

        sets.planned(data, photos)
        sets.done(data)
        sets.imported(data, Path(base, "store"))
        for path in (Path(base, "indexed"), *Path(base, "indexed").iterdir()):
            if os.geteuid() == 0:
                os.chown(path, 0, 0)
        index(photos, Path(base, "indexed"))
        assert sets.differing(Path(base, "indexed"), Path(base, "store")) == []


_IMPORT = """
import json, sys
from lookalike.bulk.dataset import DataSet
from lookalike.bulk.fold import import_into
from lookalike.store.store import Store
from lookalike.tests.faults.points import Fault, Points
url, folder, number, action = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
points = Points(Fault(number, action))
points.install()
with Store.open(folder, create=True) as store:
    import_into(DataSet.open(url), store)
print(json.dumps(points.seen))
"""


def test_a_kill_at_any_step_of_an_import_loses_nothing_and_doubles_nothing(
    data: DataSet, tmp_path: Path
) -> None:
    recorded = run_child(_IMPORT, data.place.url, tmp_path / "whole", -1, "kill before")
    points = json.loads(recorded.stdout)
    writing = [
        n for n, name in enumerate(points) if name.startswith(("catalog: INSERT", "catalog: COMMIT"))
    ]
    assert any("folded" in name for name in points)
    for n, number in enumerate(writing[:: max(1, len(writing) // 5)]):
        folder = tmp_path / f"store{n}"
        action = ("kill before", "kill after")[n % 2]
        ended = run_child(_IMPORT, data.place.url, folder, number, action)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        ended = run_child(_IMPORT, data.place.url, folder, -1, action)
        assert ended.returncode == 0, ended.stderr
        assert sets.differing(tmp_path / "whole", folder) == []
        with Store.open(folder) as store:
            assert [str(each) for each in check_store(store) if each.level == "broken"] == []
