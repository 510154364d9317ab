"""Cut into blocks, photos find what they find at once: the same lists, pairs and cosines, bit by bit."""

import threading
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lookalike.dedup.candidates import all_pairs, int8
from lookalike.dedup.candidates.all_pairs import AllPairs, Effort, Photos, Strip
from lookalike.dedup.candidates.blocks import Blocks, joined, meet
from lookalike.dedup.candidates.copy_space import STEP, CopySpace
from lookalike.dedup.candidates.hashes import HASH_BYTES, Hashes
from lookalike.dedup.candidates.loading import room_on_disk
from lookalike.dedup.candidates.nominate import nominate
from lookalike.dedup.candidates.topk import Listed
from lookalike.store.records import unit_vectors
from lookalike.tests.dedup.candidates.test_all_pairs import LIMITS, make_photos
from lookalike.tests.dedup.candidates.test_nominate import Case

COUNT = 450


@pytest.fixture(autouse=True, params=["floats", "bytes"])
def small_tiles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Cut the work into small tiles, and have scores computed in both ways; return in which."""
    for name, size in (("_HIGH", 16), ("_WIDE", 64), ("_ROWS", 64), ("_MANY", 0.05)):
        monkeypatch.setattr(all_pairs, name, size)
    monkeypatch.setattr(int8, "_WORTH_BYTES", 1 if request.param == "bytes" else 1 << 20)
    return str(request.param)


def on_grid(photos: Photos) -> Photos:
    """Return them as `project` places photos."""
    return replace(photos, points=np.asarray(np.rint(photos.points / STEP) * STEP, np.float32))


def all_equal(photos: Photos) -> Photos:
    points = np.repeat(photos.points[:1], len(photos.ids), axis=0)
    blank = np.zeros((len(photos.ids), HASH_BYTES), np.uint8)
    return replace(photos, points=points, hashes=Hashes.of(blank, np.full(len(photos.ids), 100)))


def without_texture(photos: Photos) -> Photos:
    nothing = np.zeros(len(photos.ids), np.int64)
    return replace(photos, hashes=Hashes.of(photos.hashes.codes(), nothing))


def numbers(found: Strip) -> list[list[int]]:
    return [
        each.tolist()
        for listed in (found.near, found.alike)
        for each in (listed.rows, listed.keys, listed.ids)
    ]


def found_by(photos: Photos, blocks: Blocks) -> Strip:
    # What is finished together begins anew with each block.
    return joined([NONE, *(found for _, found in blocks.run(photos, LIMITS))], LIMITS.k)


def strips_of(photos: Photos, blocks: Blocks) -> list[tuple[int, int, list[list[int]]]]:
    return [(rows.start, rows.stop, numbers(found)) for rows, found in blocks.run(photos, LIMITS)]


LIBRARIES = {
    "all new": on_grid(make_photos(1, 150, 3)),
    "few new": on_grid(make_photos(2, 150, 3, 70)),
    "new ends in a block": on_grid(make_photos(3, 90, 5, 300)),
    "crowded": on_grid(make_photos(4, 3, 150)),
    "all equal": all_equal(make_photos(5, 1, COUNT, 400)),
    "no texture": without_texture(on_grid(make_photos(6, 30, 15))),
    "nothing new": on_grid(make_photos(7, 150, 3, 0)),
}


@pytest.mark.parametrize("size", [COUNT // 2, 65, 64, 100], ids=lambda size: f"{-(-COUNT // size)} blocks")
@pytest.mark.parametrize("library", LIBRARIES)
def test_blocks_find_what_is_found_at_once(library: str, size: int, small_tiles: str) -> None:
    assert numbers(found_by(LIBRARIES[library], Blocks(0, size))) == found_at_once(library, small_tiles)


@cache
def found_at_once(library: str, _: str) -> list[list[int]]:
    """Return what is found without blocks, once for each way of computing scores."""
    return numbers(found_by(LIBRARIES[library], Blocks()))


def test_each_new_photo_is_given_once_and_in_order() -> None:
    photos = LIBRARIES["new ends in a block"]
    given = [place for start, stop, _ in strips_of(photos, Blocks(0, 100)) for place in range(start, stop)]
    assert given == list(range(300))


def test_blocks_are_cut_where_there_are_too_many() -> None:
    photos = LIBRARIES["all new"]
    assert strips_of(photos, Blocks(COUNT, 100)) == strips_of(photos, Blocks())
    assert strips_of(photos, Blocks(COUNT - 1, 100)) != strips_of(photos, Blocks())


def test_blocks_may_meet_in_any_order_without_knowing_of_each_other() -> None:
    photos = LIBRARIES["all new"]
    cuts = [photos.part(slice(start, start + 150)) for start in (0, 150, 300)]
    found: list[list[Strip]] = [[AllPairs(each, LIMITS).found()] for each in cuts]
    for a, b in ((1, 2), (0, 2), (0, 1)):
        for number, strip in zip((a, b), meet(cuts[a], cuts[b], LIMITS), strict=True):
            found[number].append(strip)
    lists = [joined(each, LIMITS.k).moved(150 * number) for number, each in enumerate(found)]
    assert numbers(joined(lists, LIMITS.k)) == numbers(found_by(photos, Blocks()))


@pytest.mark.parametrize("count", [1, 2, 7])
def test_pairs_cosines_and_neighbors_are_the_same_whatever_the_number_of_blocks(count: int) -> None:
    case = Case(4, [6, 1, 3] * 30)
    case.units[3:19] = case.units[2]
    new = np.random.default_rng(0).random(len(case.ids)) < 0.8
    given = nominate(case.ids, case.units, case.hashes, case.space, new=new, k=5)
    size = -(-len(case.ids) // count)
    cut = nominate(case.ids, case.units, case.hashes, case.space, new=new, k=5, blocks=Blocks(0, size))
    for name in ("pairs", "cosine", "new", "neighbors", "scores"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(given, name))
    assert len(given.pairs) > 200


def test_a_stop_gives_only_blocks_that_met_all() -> None:
    photos, stop = LIBRARIES["all new"], threading.Event()
    whole = strips_of(photos, Blocks(0, 64))
    given = []
    for rows, found in Blocks(0, 64).run(photos, LIMITS, Effort(stop=stop)):
        given.append((rows.start, rows.stop, numbers(found)))
        if len(given) == 3:
            stop.set()
    assert given == whole[:3]


def test_points_on_disk_are_as_good_as_those_in_memory(tmp_path: Path) -> None:
    photos = LIBRARIES["few new"]
    points = room_on_disk(str(tmp_path))(photos.points.shape, np.float32)
    assert not points.any()
    points[:] = photos.points
    assert strips_of(replace(photos, points=points), Blocks(0, 100)) == strips_of(photos, Blocks(0, 100))
    assert not list(tmp_path.iterdir())


def test_a_point_is_the_same_whatever_is_placed_with_it() -> None:
    random = np.random.default_rng(3)
    units = unit_vectors(random.random((3000, 1280)).astype(np.float32)).astype(np.float16)
    matrix = random.normal(0, 1, (1280, 256)).astype(np.float32)
    space = CopySpace(np.full(1280, 0.5, np.float32), matrix, 0.4, 0.1)
    whole = space.project(units)
    assert np.isfinite(whole).all()
    for start, stop in ((0, 1), (1, 3), (3, 8), (8, 72), (72, 1100), (1100, 2997), (2997, 3000)):
        np.testing.assert_array_equal(space.project(units[start:stop]), whole[start:stop])


_NOTHING = np.empty(0, np.int64)
NONE = Strip(*(Listed(_NOTHING, _NOTHING, _NOTHING),) * 2)
