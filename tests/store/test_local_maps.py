"""Local maps are kept with their photos, checked when read, and go with them."""

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import StoreCorrupt
from lookalike.store.absence import Purge, purge_missing
from lookalike.store.care.checks import check_store
from lookalike.store.care.repair import repair
from lookalike.store.catalog.contents import digests_of
from lookalike.store.catalog.folders import all_roots
from lookalike.store.catalog.local_maps import digests_without_map, read_maps
from lookalike.store.records import Cells, FileResult, LocalMap
from lookalike.store.store import Store

from .making import Filled, digest_of, make_result, open_filled

KIND = 77


def cells_of(seed: int, rows: int = 7, columns: int = 9) -> Cells:
    return np.random.default_rng(seed).integers(-127, 128, (rows, columns, 22)).astype(np.int8)


def mapped(seed: int, kind: int = KIND, rows: int = 7) -> FileResult:
    result = make_result(seed)
    assert result.photo is not None
    return replace(result, photo=replace(result.photo, local_map=LocalMap(kind, cells_of(seed, rows))))


def stored(store: Store, kind: int = KIND) -> dict[int, Cells]:
    """Return the maps by the seed of their photo."""
    with store.reading() as view:
        digests = {digest_of(seed): seed for seed in range(20)}
        maps = [pair for each in read_maps(view, kind) for pair in zip(each.ids, each.cells, strict=True)]
        seeds = {key: digests[value] for key, value in digests_of(view, [int(k) for k, _ in maps]).items()}
        return {seeds[int(photo_id)]: cells for photo_id, cells in maps}


@pytest.fixture
def filled(folder: Path) -> Filled:
    filled = open_filled(folder, [0])
    filled.add(mapped(1), mapped(2), mapped(3, rows=5), mapped(4, kind=78))
    return filled


def damage(folder: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as catalog:
        assert catalog.execute(statement).rowcount == 1
        catalog.commit()


def test_maps_come_back_as_they_were_and_only_those_of_the_kind(filled: Filled) -> None:
    found = stored(filled.store)
    assert set(found) == {1, 2, 3}
    assert all(np.array_equal(found[seed], cells_of(seed, 5 if seed == 3 else 7)) for seed in found)
    assert set(stored(filled.store, 78)) == {4}


def test_photos_without_a_map_of_the_kind_are_known_and_can_get_one(filled: Filled) -> None:
    with filled.store.reading() as view:
        assert digests_without_map(view, KIND) == {digest_of(0), digest_of(4)}
    filled.add(mapped(0), mapped(4))
    with filled.store.reading() as view:
        assert digests_without_map(view, KIND) == set()
    assert set(stored(filled.store)) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    "change",
    [
        "cells = zeroblob(1386)",
        "cells = zeroblob(1385)",
        "cells = x''",
        "map_rows = 9, map_columns = 7",
        "map_rows = 0",
        "map_columns = 'nine'",
        "checksum = checksum + 1",
    ],
)
def test_damage_to_a_map_is_noticed_and_repair_drops_it_alone(filled: Filled, change: str) -> None:
    folder = Path(filled.store.folder)
    filled.store.publish()
    filled.store.close()
    damage(folder, f"UPDATE local_map SET {change} WHERE content_id = 2")

    with Store.open(folder) as store:
        with pytest.raises(StoreCorrupt, match="photo 2 is damaged"):
            stored(store)
        broken = {each.what for each in check_store(store) if each.level == "broken"}
    assert broken == {"maps"}
    assert repair(str(folder)).mended.maps == 1
    with Store.open(folder) as store:
        assert set(stored(store)) == {2, 3}
        assert not [each for each in check_store(store) if each.level == "broken"]
        with store.reading() as view:
            assert digest_of(1) in digests_without_map(view, KIND)


def test_a_damaged_catalog_is_saved_with_its_maps(filled: Filled) -> None:
    folder = Path(filled.store.folder)
    filled.store.close()
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as catalog:
        # What no check of SQLite bears: an index that lacks a row.
        catalog.execute("PRAGMA writable_schema = ON")
        catalog.execute("UPDATE sqlite_master SET rootpage = 9999 WHERE name = 'pair_by_verdict'")
        catalog.commit()
    repair(str(folder))
    with Store.open(folder) as store:
        assert set(stored(store)) == {1, 2, 3}


def test_a_map_goes_when_its_photo_is_purged(filled: Filled) -> None:
    store = filled.store
    store.settle(filled.root, absent=[filled.known()[b"2.jpg"]], excluded=[], returned=[])
    with store.reading() as view:
        roots = tuple(all_roots(view))
    files, contents = purge_missing(store, Purge("9999", roots=roots))
    assert (len(files), contents) == (1, 1)
    assert set(stored(store)) == {1, 3}


def test_a_row_takes_less_than_its_share_of_a_page(folder: Path) -> None:
    filled = open_filled(folder, [])
    results = [make_result(seed) for seed in range(500)]
    filled.add(*results)
    filled.store.close()
    before = (folder / "catalog.db").stat().st_size
    with Store.open(folder, write=True) as store:
        for result in results:
            assert result.photo is not None
        largest = LocalMap(2**62, np.full((7, 10, 22), -128, np.int8))
        again = [replace(r, photo=replace(r.photo, local_map=largest)) for r in results if r.photo]
        store.commit(filled.root, again)
    grown = (folder / "catalog.db").stat().st_size - before
    assert grown / 500 < 1900
