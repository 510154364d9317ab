"""Copies found as units of work are those that one process finds: the same evidence, the same groups."""

import shutil
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike import Library
from lookalike.bulk.cell_stages import CellStage
from lookalike.bulk.comparison import Block, Comparison
from lookalike.bulk.copies import CopiesFound, Finder, fold_copies
from lookalike.bulk.copy_stages import (
    ListStage,
    PairStage,
    ProveStage,
    by_component,
    listed_in,
    plan_proofs,
)
from lookalike.bulk.dataset import DataSet
from lookalike.bulk.here import Here
from lookalike.bulk.parts import Part
from lookalike.bulk.place import Place
from lookalike.bulk.run import RunOptions
from lookalike.commands.bulk_dupes import _lines as lines_of
from lookalike.dedup.candidates import cells
from lookalike.dedup.candidates.update import compare_new
from lookalike.dedup.copies import FindOptions
from lookalike.dedup.groups.groups import Pair, star_groups
from lookalike.dedup.proof.prove_all import prove_all
from lookalike.errors import ExitCode, LookalikeError
from lookalike.store.progress import Watch
from lookalike.store.store import Store
from lookalike.tests.bulk.conftest import Bucket
from lookalike.tests.bulk.sets import done, draw_copies, imported, made, planned
from lookalike.tests.children import run_child
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, save

SCENES, BLOCK = 8, 5
INSIDE = Here(0)


@dataclass(frozen=True)
class StoreSource:
    """An ordinary store, with results elsewhere."""

    folder: str
    results: str

    @property
    def place(self) -> Place:
        return Place.of(self.results)

    @contextmanager
    def open(self) -> Iterator[Store]:
        with Store.open(self.folder) as store:
            yield store


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of scenes with edits of them, indexed and not compared."""
    base = tmp_path_factory.mktemp("copies")
    for seed in range(SCENES):
        picture = draw_photo(seed, 320, 240)
        save(base / "photos" / f"{seed}.jpg", picture, quality=92)
        if seed % 2:
            save(base / "photos" / f"{seed}-cropped.jpg", picture.crop((20, 10, 310, 230)), quality=80)
            save(base / "photos" / f"{seed}-turned.png", picture.transpose(Image.Transpose.ROTATE_90))
    with Library.open(base / "store", create=True) as library:
        library.index([base / "photos"])
    return base / "store"


@pytest.fixture(scope="module")
def expected(indexed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same store after one process compared and proved all."""
    folder = tmp_path_factory.mktemp("expected") / "store"
    shutil.copytree(indexed, folder)
    with Store.open(folder, write=True) as store:
        compare_new(store)
        prove_all(store, workers=1)
    return folder


@pytest.fixture
def source(indexed: Path, tmp_path: Path) -> StoreSource:
    shutil.copytree(indexed, tmp_path / "store")
    return StoreSource(str(tmp_path / "store"), str(tmp_path / "set"))


def rows(folder: str | Path, table: str) -> list[tuple[Any, ...]]:
    columns = {
        "pair": "a, b, cosine, verifier, verdict, log_odds, evidence",
        "photo_hash": "content_id, hash, quality",
    }
    with closing(sqlite3.connect(Path(folder) / "catalog.db")) as catalog:
        return sorted(catalog.execute(f"SELECT {columns[table]} FROM {table}").fetchall())


def groups(folder: str | Path) -> list[list[str]]:
    with Library.open(folder, write=True) as library:
        # Which pairs are copies is what may differ; full size decides only what is kept.
        found = library.copies.find(options=FindOptions(second_look=False)).groups
        return [
            [group.keeper.path, *sorted(member.file.path for member in group.members)] for group in found
        ]


def found_in(source: StoreSource, comparison: Comparison, **options: Any) -> CopiesFound:
    found = Finder(comparison, INSIDE).find(**options)
    assert found is not None
    with Store.open(source.folder, write=True) as store:
        fold_copies(comparison, store)
    return found


@pytest.mark.parametrize("block", [BLOCK, 1000], ids=["many blocks", "one block"])
def test_units_give_the_evidence_and_the_groups_of_one_process(
    source: StoreSource, expected: Path, block: int
) -> None:
    comparison = Comparison.of(source, block)
    assert len(comparison.blocks) == (4 if block == BLOCK else 1)
    found = found_in(source, comparison)
    for table in ("photo_hash", "pair"):
        assert rows(source.folder, table) == rows(expected, table)
    assert found.photos == 2 * SCENES
    assert (found.candidates, found.share) == (len(rows(expected, "pair")), None)
    assert found.copies >= SCENES
    assert groups(source.folder) == groups(expected)
    with Store.open(source.folder, write=True) as store:
        assert (compare_new(store), prove_all(store)) == (0, 0)


def test_parts_give_the_same(source: StoreSource, expected: Path) -> None:
    comparison = Comparison.of(source, BLOCK)
    for index in (1, 0):
        running = RunOptions(Part(index, 2))
        assert Finder(comparison, INSIDE, running=running).find() is not None
    with Store.open(source.folder, write=True) as store:
        fold_copies(comparison, store)
    assert rows(source.folder, "pair") == rows(expected, "pair")


def test_what_is_done_is_not_done_again_and_new_photos_change_the_last_block(
    source: StoreSource, tmp_path: Path, expected: Path
) -> None:
    with Store.open(source.folder, write=True) as store, store.writing() as view:
        view.connection.exec_driver_sql("UPDATE file SET state = 'absent' WHERE content_id > 12")
    before = Comparison.of(source, BLOCK)
    found_in(source, before)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*.parquet")}
    assert Finder(before, INSIDE).find() is not None
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*.parquet")} == times
    with Store.open(source.folder, write=True) as store, store.writing() as view:
        view.connection.exec_driver_sql("UPDATE file SET state = 'present'")
    after = Comparison.of(source, BLOCK)
    changed = [number for number, block in after.blocks.items() if before.blocks.get(number) != block]
    assert changed == [2, 3]
    assert PairStage(after).done() == {0, 1, 2}
    found_in(source, after)
    assert {row[:2] for row in rows(expected, "pair")} <= {row[:2] for row in rows(source.folder, "pair")}
    assert groups(source.folder) == groups(expected)


def test_a_stop_and_an_error_leave_what_is_done(
    source: StoreSource, expected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison, stop = Comparison.of(source, BLOCK), threading.Event()
    stop.set()
    assert Finder(comparison, INSIDE, Watch(stop=stop)).find() is None

    def fail(*_: object, **__: object) -> None:
        raise LookalikeError("no luck")

    with monkeypatch.context() as patch:
        patch.setattr("lookalike.bulk.copy_stages.meet", fail)
        with pytest.raises(
            LookalikeError, match=r"stage pairs failed three times \(LookalikeError: no luck"
        ):
            Finder(comparison, INSIDE).find()
    # Blocks with themselves went well.
    assert len(PairStage(comparison).done()) == 4
    assert Finder(comparison, INSIDE, running=RunOptions(retry_failed=True)).find() is not None
    with Store.open(source.folder, write=True) as store:
        fold_copies(comparison, store)
    assert rows(source.folder, "pair") == rows(expected, "pair")


def test_a_library_of_nothing_has_no_copies(tmp_path: Path) -> None:
    Store.open(tmp_path / "store", create=True).close()
    source = StoreSource(str(tmp_path / "store"), str(tmp_path / "set"))
    assert Finder(Comparison.of(source), INSIDE).find() == CopiesFound(0, 0, 0, 0)


# --- cells ----------------------------------------------------------------------------------------


def test_cells_find_most_and_say_how_much(source: StoreSource, expected: Path) -> None:
    comparison = Comparison.of(source, BLOCK)
    found = found_in(source, comparison, in_cells=True)
    assert found.photos == 2 * SCENES
    # So few photos are all in the sample: what comparing all nominates is proven, too. In a cell others may
    # be among the few nearest, so that there may be more pairs.
    assert set(rows(source.folder, "pair")) >= set(rows(expected, "pair"))
    assert found.share == 1.0
    assert groups(source.folder) == groups(expected)
    again = Finder(comparison, INSIDE).find(in_cells=True)
    assert again == found


def test_the_share_counts_the_copies_that_cells_miss(
    source: StoreSource, expected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As many cells as photos, each asks in its own only: whatever is found is a copy bit by bit.
    monkeypatch.setattr(cells, "_CELLS", 1 << 16)
    near = cells.Cells.nearest

    def one(self: cells.Cells, photos: Any, asked: int = cells.ASKED) -> Any:
        of_points, of_hashes = near(self, photos, asked)
        of_points[:, 1:], of_hashes[:, :] = -1, -1
        return of_points, of_hashes

    monkeypatch.setattr(cells.Cells, "nearest", one)
    comparison = Comparison.of(source, BLOCK)
    found = found_in(source, comparison, in_cells=True)
    with closing(sqlite3.connect(expected / "catalog.db")) as catalog:
        copies = set(catalog.execute("SELECT a, b FROM pair WHERE verdict = 'copy'").fetchall())
    lists = ListStage(comparison, CellStage(comparison).files())
    nominated = {(a, b) for number in lists.units() for a, b in lists.pairs_of(number)[0].tolist()}
    assert found.share == pytest.approx(len(copies & nominated) / len(copies))
    assert found.share is not None
    assert found.share < 0.9
    assert found.compared < 2 * SCENES


# --- from the command line ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_copies(tmp_path_factory.mktemp("drawn") / "photos")


@pytest.fixture(scope="module")
def finished(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set that is finished and not compared."""
    data = made(tmp_path_factory.mktemp("finished") / "set", size=5)
    planned(data, photos)
    done(data)
    unfinished = lookalike("bulk", "dupes", data.place.url)
    assert unfinished.code == ExitCode.ERROR
    assert "lookalike bulk finish" in unfinished.err
    assert lookalike("bulk", "finish", data.place.url).code == 0
    return Path(data.place.url)


@pytest.fixture(scope="module")
def in_store(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The groups of a store of the same photos."""
    folder = tmp_path_factory.mktemp("imported") / "store"
    imported(DataSet.open(str(finished)), folder)
    return groups_of(folder)


def groups_of(where: str | Path) -> Any:
    return lookalike("dupes", "--store", where, "--format", "json", "--no-second-look").json["groups"]


def test_a_data_set_has_the_groups_of_a_store(finished: Path, in_store: Any, tmp_path: Path) -> None:
    there = shutil.copytree(finished, tmp_path / "set")
    said = lookalike("bulk", "dupes", there, "--format", "json").json
    assert (said["photos"], said["compared"], said["copies"], said["share"]) == (8, 28, 4, None)
    assert [len(group["members"]) for group in in_store] == [1] * 4
    assert groups_of(there) == in_store


def test_dupes_lists_what_is_known_and_says_what_finds_more(finished: Path, tmp_path: Path) -> None:
    done = lookalike("dupes", "--plan", tmp_path / "plan.json", "--store", finished)
    assert done.code == 0, done.err
    assert f"lookalike bulk dupes {finished}" in done.err
    assert (tmp_path / "plan.json").exists()


# A part that is killed once so many results are written, before it says so to anybody.
PART = """
import os, signal, sys
from functools import partial
from lookalike import cli
from lookalike.bulk import here
from lookalike.bulk.comparison import Comparison
from lookalike.bulk.place import Folder

part, dies_after = sys.argv[2], int(sys.argv[3])
Comparison.of = partial(Comparison.of, size=3)
here.Here = lambda real=here.Here: real(0)
write, written = Folder.write, []

def dying(self, name, data):
    write(self, name, data)
    written.append(name)
    if len([each for each in written if each.endswith(".parquet")]) == dies_after:
        os.kill(os.getpid(), signal.SIGKILL)

Folder.write = dying
sys.exit(cli.run(["bulk", "dupes", sys.argv[1], "--part", part]))
"""


def test_parts_of_which_some_are_killed_find_the_groups_of_a_store(
    finished: Path, in_store: Any, tmp_path: Path
) -> None:
    there = shutil.copytree(finished, tmp_path / "set")

    def results() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in there.glob("[hpc]*/[hplcd]*-*.parquet")}

    # 13 units: 3 of hashes, 6 of pairs, 3 lists, and one of proofs.
    for part, dies_after in (("0/2", 2), ("1/2", 4), ("0/2", 5)):
        before = results()
        ended = run_child(PART, there, part, dies_after)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert results().items() >= before.items()  # what is done is not done again
        assert len(results()) == len(before) + dies_after
        assert not groups_of(there)
    for part in ("1/2", "0/2"):
        ended = run_child(PART, there, part, 0)
        assert ended.returncode == 0, ended.stderr
    assert groups_of(there) == in_store


def test_in_a_bucket_the_same_is_found(
    finished: Path, in_store: Any, s3: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_folder(finished, "set")
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("lookalike.bulk.here.Here", lambda: INSIDE)
    there = f"{s3.url}/set"
    for part in ("1/2", "0/2"):
        assert lookalike("bulk", "dupes", there, "--part", part).code == 0
    assert groups_of(there) == in_store
    assert s3.keys("set/claims") == []


def test_comparing_within_cells_is_said() -> None:
    said = list(lines_of(CopiesFound(1000, 4995, 300, 200, 0.9968), "set"))
    assert said[1] == "compared within cells: finds about 99.7% of what comparing all would"
    assert len(list(lines_of(CopiesFound(1000, 499_500, 300, 200), "set"))) == len(said) - 1


# --- order of proofs ------------------------------------------------------------------------------


def test_pairs_that_hang_together_stand_together() -> None:
    random = np.random.default_rng(0)
    chains = [np.arange(start, start + 40) for start in range(0, 400, 40)]
    links = np.concatenate([np.column_stack([chain[:-1], chain[1:]]) for chain in chains])
    names = np.sort(random.choice(10_000, 400, replace=False))
    pairs = np.sort(names[random.permutation(400)][links], axis=1)[random.permutation(len(links))]
    stars = star_groups([Pair(int(a), int(b), 0.9) for a, b in pairs])
    assert len(stars) > 10
    ordered = pairs[by_component(pairs)]
    assert sorted(ordered.tolist()) == sorted(pairs.tolist())
    pieces, seen = 0, set[int]()
    for a, b in ordered.tolist():
        pieces += not {a, b} & seen
        seen |= {a, b}
    components = np.split(ordered, range(39, len(ordered), 39))
    assert all(len(np.unique(each)) == 40 for each in components)
    by_part = [
        star for each in components for star in star_groups([Pair(int(a), int(b), 0.9) for a, b in each])
    ]
    assert sorted(by_part, key=repr) == sorted(stars, key=repr)


def test_pairs_are_listed_once_in_units_of_a_size(tmp_path: Path) -> None:
    comparison = Comparison(StoreSource("", str(tmp_path)), BLOCK, {0: Block(1, "")})
    stage, pairs = ProveStage(comparison), np.array([[1, 2], [1, 3], [2, 3], [7, 9], [1, 2]])
    cosine = np.linspace(0, 1, 5).astype(np.float32)
    assert plan_proofs(stage, pairs, cosine, size=3) == 4
    assert listed_in(stage.results) == {0: 3, 1: 1}
    assert plan_proofs(stage, pairs[:4], cosine[:4], size=3) == 0
    assert plan_proofs(stage, np.array([[7, 9], [8, 9]]), cosine[:2], size=3) == 1
    assert listed_in(stage.results) == {0: 3, 1: 1, 2: 1}
    assert stage.waiting(2)["b"].to_pylist() == [9]
