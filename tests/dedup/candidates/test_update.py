"""Comparing what is new: in pieces that are whole, by vectors in memory or in the store, stopped or not."""

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lookalike.dedup.candidates import all_pairs, int8, nominate, update
from lookalike.dedup.candidates.blocks import Blocks
from lookalike.dedup.candidates.loading import NO_HASH
from lookalike.dedup.candidates.nominate import Findings, Search
from lookalike.dedup.candidates.update import compare_new
from lookalike.errors import StoreUnwritable
from lookalike.store.catalog.embeddings import units_of
from lookalike.store.catalog.hashes import compared_ids
from lookalike.store.catalog.pairs import unproved_pairs
from lookalike.store.index.exact import Ids
from lookalike.store.progress import NEVER, Watch
from lookalike.store.store import Store
from lookalike.store.view import View
from lookalike.tests.store.making import Filled, execute, make_result, open_filled

COUNT = 300

Hash = tuple[bytes, int]
Pairs = dict[tuple[int, int], float]


def made_hashes(_: Store, ids: list[int]) -> list[Hash]:
    """Every seventh photo has the hash of the one before it; every tenth has none."""
    return [hash_of(each - (each % 7 == 0)) if each % 10 else NO_HASH for each in ids]


def hash_of(number: int) -> Hash:
    return np.random.default_rng(number).bytes(32), 80


def pairs_of(store: Store) -> Pairs:
    with store.reading() as view:
        return {(a, b): cosine for a, b, cosine in unproved_pairs(view, 1)}


def compared(store: Store) -> set[int]:
    with store.reading() as view:
        return set(compared_ids(view).tolist())


class Counter:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int]] = []
        self.seen = 0

    def begin(self, folder: str, files: int) -> None:
        self.begun.append((folder, files))

    def advance(self, files: int, failed: int) -> None:
        self.seen += files + failed


def stop_after(pieces: int, stop: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set an event as soon as so many pieces were searched."""
    search = Search.findings

    def findings(self: Search, given: threading.Event = NEVER) -> Iterator[Findings]:
        for number, found in enumerate(search(self, given), start=1):
            if number == pieces:
                stop.set()
            yield found

    monkeypatch.setattr(Search, "findings", findings)


@pytest.fixture(autouse=True, scope="module")
def small_pieces() -> Iterator[None]:
    """Cut the work so that some hundred photos take several pieces, tiles and hashes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, size in (("_HIGH", 16), ("_WIDE", 64), ("_ROWS", 64)):
            patch.setattr(all_pairs, name, size)
        patch.setattr(update, "_SOME_HASHES", 50)
        patch.setattr(nominate, "_SOME_PAIRS", 100)
        yield


@pytest.fixture(scope="module")
def not_compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a closed store of COUNT photos that were not compared."""
    made = open_filled(tmp_path_factory.mktemp("not-compared") / "store", range(COUNT))
    made.store.close()
    return Path(made.store.folder)


@pytest.fixture
def made(not_compared: Path, tmp_path: Path) -> Iterator[Callable[[str], Filled]]:
    """Make equal stores of COUNT photos that were not compared."""
    opened: list[Store] = []

    def make(name: str) -> Filled:
        filled = open_filled(Path(shutil.copytree(not_compared, tmp_path / name)))
        opened.append(filled.store)
        return filled

    yield make
    for store in opened:
        store.close()


@pytest.fixture(scope="module")
def expected(not_compared: Path, tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """What one run over all photos finds."""
    folder = shutil.copytree(not_compared, tmp_path_factory.mktemp("expected") / "store")
    with Store.open(folder, write=True) as store:
        assert compare_new(store, hashes_of=made_hashes) == COUNT
        found = pairs_of(store)
    assert len(found) > COUNT
    return found


def test_a_run_that_was_stopped_goes_on_and_finds_the_same(
    made: Callable[[str], Filled], expected: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, stop, counter = made("stopped").store, threading.Event(), Counter()
    with monkeypatch.context() as patch:
        stop_after(2, stop, patch)
        assert compare_new(store, Watch(counter, stop), hashes_of=made_hashes) == 128
    assert (counter.begun, counter.seen) == ([("comparing photos", COUNT)], 128)
    assert len(compared(store)) == 128
    assert pairs_of(store).items() < expected.items()
    assert compare_new(store, hashes_of=made_hashes) == COUNT - 128
    assert pairs_of(store) == pytest.approx(expected, abs=1e-6)
    assert compare_new(store, hashes_of=made_hashes) == 0


def test_what_is_committed_before_an_error_is_whole(
    made: Callable[[str], Filled], expected: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, calls = made("broken").store, []
    put = Store.put_comparison

    def fail_later(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) >= 3:
            raise StoreUnwritable("the disk is full")
        put(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put_comparison", fail_later)
        with pytest.raises(StoreUnwritable):
            compare_new(store, hashes_of=made_hashes)
    assert len(compared(store)) == 128
    assert compare_new(store, hashes_of=made_hashes) == COUNT - 128
    assert pairs_of(store) == pytest.approx(expected, abs=1e-6)


def test_a_stop_while_hashes_are_made_records_nothing(made: Callable[[str], Filled]) -> None:
    store, stop = made("early").store, threading.Event()
    asked = []

    def stop_soon(given: Store, ids: list[int]) -> list[Hash]:
        asked.append(len(ids))
        stop.set()
        return made_hashes(given, ids)

    assert compare_new(store, Watch(stop=stop), hashes_of=stop_soon) == 0
    assert asked == [50]
    assert not compared(store)


def test_photos_that_come_later_meet_all_that_were_there(
    made: Callable[[str], Filled], expected: Pairs
) -> None:
    filled = made("grown")
    ids = sorted(compared(filled.store) | set(range(1, COUNT + 1)))
    filled.lose(*(b"%d.jpg" % (each - 1) for each in ids if each % 3 == 0))
    assert compare_new(filled.store, hashes_of=made_hashes) == 200
    filled.add(*(make_result(each - 1) for each in ids if each % 3 == 0))
    assert compare_new(filled.store, hashes_of=made_hashes) == 100
    found = pairs_of(filled.store)
    # What a later photo has among its nearest it meets; what has it among its own was compared before.
    missed = expected.keys() - found.keys()
    assert len(missed) < 0.15 * len(expected)
    assert all({a % 3 == 0, b % 3 == 0} == {True, False} for a, b in missed)


@pytest.mark.parametrize("worth_bytes", [1, 1 << 20], ids=["bytes", "floats"])
def test_vectors_from_the_store_give_what_those_in_memory_do(
    made: Callable[[str], Filled], expected: Pairs, monkeypatch: pytest.MonkeyPatch, worth_bytes: int
) -> None:
    asked: list[int] = []

    def counted(view: View, ids: Ids) -> object:
        asked.append(len(ids))
        return units_of(view, ids)

    monkeypatch.setattr(update, "_MOST_KEPT", 0)
    monkeypatch.setattr(int8, "_WORTH_BYTES", worth_bytes)
    monkeypatch.setattr(update, "units_of", counted)
    store = made("large").store
    compare_new(store, hashes_of=made_hashes)
    assert pairs_of(store) == pytest.approx(expected, abs=1e-6)
    # So many at a time, however many photos there are.
    assert 0 < max(asked) <= 200


@pytest.mark.parametrize("size", [64, 150, 299])
def test_too_many_photos_are_compared_in_blocks_and_find_the_same(
    made: Callable[[str], Filled], expected: Pairs, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    store, stop = made("blocks").store, threading.Event()
    before = sorted(Path(store.folder).iterdir())
    with monkeypatch.context() as patch:
        stop_after(2, stop, patch)
        compare_new(store, Watch(stop=stop), hashes_of=made_hashes, blocks=Blocks(0, size))
    assert 0 < len(compared(store)) < COUNT
    compare_new(store, hashes_of=made_hashes, blocks=Blocks(0, size))
    assert compared(store) == set(range(1, COUNT + 1))
    assert pairs_of(store) == expected
    assert sorted(Path(store.folder).iterdir()) == before


def test_no_room_for_blocks_is_said(made: Callable[[str], Filled], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store = made("full").store
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(StoreUnwritable, match="No space left on device; so many need files"):
        compare_new(store, hashes_of=made_hashes, blocks=Blocks(0, 64))
    assert not compared(store)


@pytest.mark.parametrize("blocks", [Blocks(), Blocks(0, 64)], ids=["at once", "in blocks"])
def test_a_photo_without_an_embedding_is_left_out(
    made: Callable[[str], Filled], expected: Pairs, blocks: Blocks
) -> None:
    store = made("lost").store
    execute(Path(store.folder), "DELETE FROM embedding WHERE content_id IN (5, 250)")
    assert compare_new(store, hashes_of=made_hashes, blocks=blocks) == COUNT - 2
    assert compared(store) == set(range(1, COUNT + 1)) - {5, 250}
    found = pairs_of(store)
    assert not any({5, 250} & set(pair) for pair in found)
    assert {
        pair: each for pair, each in expected.items() if not {5, 250} & set(pair)
    }.items() <= found.items()


def test_the_index_is_not_needed(made: Callable[[str], Filled], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_index(_: View) -> None:
        raise AssertionError("all vectors in memory are too many")

    monkeypatch.setattr(View, "index", no_index)
    assert compare_new(made("any").store, hashes_of=made_hashes) == COUNT
