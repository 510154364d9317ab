"""Tile by tile, of floats or bytes, with few new photos or many: it finds what sorting all scores gives."""

import threading
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from lookalike.dedup.candidates import all_pairs, int8
from lookalike.dedup.candidates.all_pairs import AllPairs, Effort, Photos, SearchLimits
from lookalike.dedup.candidates.hashes import HASH_BYTES, Hashes
from lookalike.dedup.candidates.topk import Listed, key_of_score

DIM = 40
LIMITS = SearchLimits(k=7, floor=0.4, edge=0.4, gate=0.1, most_bits=72, almost_same=48)

# No score lies within this of a limit: the last digits of a product may fall on either side.
CLEAR = 1e-5


def make_photos(seed: int, scenes: int, shots: int, new: int | None = None) -> Photos:
    """Return photos of scenes: shots lie around a direction, and some have the hash of another, turned."""
    random = np.random.default_rng(seed)
    count = scenes * shots
    made = np.repeat(random.normal(0, 1, (scenes, DIM)), shots, axis=0) + random.normal(0, 1, (count, DIM))
    points = np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)
    bits = random.integers(0, 256, (scenes, HASH_BYTES), dtype=np.uint8).repeat(shots, axis=0)
    bits ^= np.packbits(random.random((count, 256)) < random.uniform(0, 0.35, (count, 1)), axis=1)
    quality = random.choice([0, 100], count, p=[0.1, 0.9])
    turned = np.ascontiguousarray(Hashes.of(bits, quality).turned.T).view(np.uint8)
    hashes = Hashes.of(np.where(random.random((count, 1)) < 0.3, turned, bits), quality)
    order = random.permutation(10 * count)[:count].astype(np.int64)
    new = count if new is None else new
    return Photos(np.concatenate([np.sort(order[:new]), np.sort(order[new:])]), new, points, hashes)


def plainly(photos: Photos) -> tuple[list[list[int]], list[list[int]]]:
    """Return ids of the nearest, and of those of the same hash, of each new photo, best first."""
    scores = photos.points.astype(np.float64) @ photos.points.T.astype(np.float64)
    assert np.abs(scores - LIMITS.floor).min() > CLEAR / 100
    np.fill_diagonal(scores, -1)
    count = len(photos.ids)
    a, b = (side.ravel() for side in np.indices((count, count)))
    bits = photos.hashes.distances(a, b).reshape(count, count)
    plain = np.bitwise_count(photos.hashes.words[:, :, None] ^ photos.hashes.words[:, None, :])
    same = (scores >= LIMITS.gate) & (bits <= LIMITS.most_bits)
    same |= plain.sum(axis=0, dtype=np.int64) <= LIMITS.almost_same
    same &= photos.hashes.textured & photos.hashes.textured[:, None] & ~np.eye(count, dtype=np.bool_)
    keys = key_of_score(scores.astype(np.float32))
    near = scores >= LIMITS.floor
    return (
        [listed(photos, near[row], keys[row]) for row in range(photos.new)],
        [listed(photos, same[row], bits[row]) for row in range(photos.new)],
    )


def listed(photos: Photos, counts: npt.NDArray[np.bool_], keys: npt.NDArray[np.integer]) -> list[int]:
    order = np.lexsort((photos.ids, keys))
    found: list[int] = photos.ids[order][counts[order]][: LIMITS.k].tolist()
    return found


def scanned(photos: Photos) -> tuple[list[list[int]], list[list[int]]]:
    near: list[list[int]] = []
    alike: list[list[int]] = []
    for rows, found in AllPairs(photos, LIMITS).run():
        assert rows.start == len(near)
        near += lists(rows, found.near)
        alike += lists(rows, found.alike)
    return near, alike


def lists(rows: slice, found: Listed) -> list[list[int]]:
    assert not len(found.rows) or (rows.start <= found.rows.min() and found.rows.max() < rows.stop)
    return [found.ids[found.rows == row].tolist() for row in range(rows.start, rows.stop)]


@pytest.fixture(params=["floats", "bytes"])
def small_tiles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the work into tiles so small that a few hundred photos take many."""
    for name, size in (("_HIGH", 16), ("_WIDE", 64), ("_ROWS", 64)):
        monkeypatch.setattr(all_pairs, name, size)
    monkeypatch.setattr(int8, "_WORTH_BYTES", 1 if request.param == "bytes" else 1 << 20)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize(
    ("scenes", "shots", "new"),
    [(100, 4, None), (30, 20, None), (100, 4, 1), (100, 4, 70), (3, 200, 300), (1, 65, 64), (64, 1, None)],
)
def test_what_is_found_is_what_sorting_all_scores_gives(scenes: int, shots: int, new: int | None) -> None:
    photos = make_photos(scenes, scenes, shots, new)
    near, alike = scanned(photos)
    expected_near, expected_alike = plainly(photos)
    assert near == expected_near
    assert alike == expected_alike
    assert any(near) or shots == 1


def test_tiles_of_full_size_find_what_small_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    photos = make_photos(5, 1500, 4, 4500)
    found = scanned(photos)
    for name, size in (("_HIGH", 100), ("_WIDE", 512), ("_ROWS", 512)):
        monkeypatch.setattr(all_pairs, name, size)
    monkeypatch.setattr(int8, "_WORTH_BYTES", 1 << 20)
    assert scanned(photos) == found
    assert sum(map(bool, found[1])) > 1000


@pytest.mark.usefixtures("small_tiles")
def test_photos_that_are_all_alike_fill_no_more_than_their_lists() -> None:
    photos = make_photos(6, 1, 300)
    photos.points[:] = photos.points[0]
    blank = np.zeros((300, HASH_BYTES), np.uint8)
    same = replace(photos, hashes=Hashes.of(blank, np.full(300, 100)))
    near, alike = scanned(same)
    for row in (0, 100, 299):
        # Of equals the lowest ids.
        expected = [each for each in np.sort(same.ids).tolist() if each != same.ids[row]][: LIMITS.k]
        assert near[row] == alike[row] == expected


@pytest.mark.usefixtures("small_tiles")
def test_a_scan_that_is_stopped_gives_only_what_is_complete() -> None:
    photos = make_photos(7, 100, 4)
    stop = threading.Event()
    whole = list(AllPairs(photos, LIMITS).run())
    given = []
    for rows, found in AllPairs(photos, LIMITS).run(Effort(stop=stop)):
        given.append((rows, found))
        if len(given) == 2:
            stop.set()
    assert len(given) == 2
    for (rows, found), (all_rows, all_found) in zip(given, whole, strict=False):
        assert rows == all_rows
        assert lists(rows, found.near) == lists(rows, all_found.near)
        assert lists(rows, found.alike) == lists(rows, all_found.alike)


def test_more_photos_than_a_number_can_tell_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_pairs, "MOST_PHOTOS", 400)
    with pytest.raises(ValueError, match="400 photos are too many"):
        AllPairs(make_photos(8, 100, 4), LIMITS)


def test_rough_scores_are_compared_with_bounds_of_both_sides() -> None:
    """A photo with a full list is still listed by one that has room."""
    random = np.random.default_rng(9)
    crowd = random.normal(0, 0.05, (30, DIM)) + np.eye(DIM)[0]
    lonely = 0.7 * np.eye(DIM)[0] + 0.71 * np.eye(DIM)[1]
    made = np.concatenate([crowd, lonely[None]])
    points = np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)
    hashes = Hashes.of(np.zeros((31, HASH_BYTES), np.uint8), np.zeros(31, np.int64))
    near, _ = scanned(Photos(np.arange(31), 31, points, hashes))
    assert len(near[30]) == LIMITS.k
    assert all(30 not in each for each in near[:30])
