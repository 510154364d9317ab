"""Within cells a part of the pairs is compared, and a sample tells how much that finds."""

from dataclasses import replace

import numpy as np
import pytest

from lookalike.dedup.candidates.all_pairs import AllPairs, Photos
from lookalike.dedup.candidates.blocks import joined
from lookalike.dedup.candidates.cells import (
    ASKED_BY_HASH,
    Cells,
    Sample,
    cells_in,
    compare_in_cells,
    count_of_cells,
    count_to_train,
    with_all,
)
from lookalike.dedup.candidates.hashes import HASH_BYTES, Hashes
from lookalike.store.records import unit_vectors
from lookalike.tests.dedup.candidates.test_all_pairs import DIM, LIMITS, make_photos
from lookalike.tests.dedup.candidates.test_blocks import numbers, on_grid

PHOTOS = on_grid(make_photos(1, 150, 3))
CELLS = Cells.of(PHOTOS, 20)


def pairs_of(found: object) -> set[tuple[int, int]]:
    rows, _, ids = numbers(found)[:3]  # type: ignore[arg-type]
    return {(int(PHOTOS.ids[row]), other) for row, other in zip(rows, ids, strict=True)}


def test_who_asks_in_every_cell_finds_what_comparing_all_finds() -> None:
    found, compared = compare_in_cells(PHOTOS, LIMITS, CELLS, asked=20)
    assert numbers(found) == numbers(AllPairs(PHOTOS, LIMITS).found())
    count = len(PHOTOS.ids)
    # A pair of two cells is compared from both sides.
    assert count * (count - 1) // 2 < compared < 1.4 * count * (count - 1)


def test_who_asks_in_few_cells_compares_and_misses_little() -> None:
    everything = pairs_of(AllPairs(PHOTOS, LIMITS).found())
    shares, costs = [], []
    for asked in (1, 2, 4):
        found, compared = compare_in_cells(PHOTOS, LIMITS, CELLS, asked)
        shares.append(len(pairs_of(found) & everything) / len(everything))
        costs.append(compared)
    assert shares == sorted(shares)
    assert shares[-1] > 0.9
    assert costs == sorted(costs)
    assert costs[0] < 0.5 * costs[-1]


def test_a_photo_lies_in_one_cell_and_asks_in_others() -> None:
    nearest, by_hash = CELLS.nearest(PHOTOS, 3)
    assert nearest.shape == (450, 3)
    assert by_hash.shape == (450, ASKED_BY_HASH)
    scores = PHOTOS.points @ CELLS.points.T
    np.testing.assert_array_equal(nearest, np.argsort(-scores, axis=1)[:, :3])
    cells = list(cells_in(nearest))
    assert sorted(np.concatenate([each.lying for each in cells]).tolist()) == list(range(450))
    for cell in cells:
        assert not set(cell.lying.tolist()) & set(cell.asking.tolist())
        (number,) = set(nearest[cell.lying, 0].tolist())
        assert cell.asking.tolist() == np.flatnonzero((nearest[:, 1:] == number).any(axis=1)).tolist()


def test_almost_the_same_hash_is_met_wherever_the_points_lie() -> None:
    random = np.random.default_rng(4)
    points = unit_vectors(random.normal(0, 1, (300, DIM)).astype(np.float32))
    bits = random.integers(0, 256, (300, HASH_BYTES), dtype=np.uint8)
    bits[1] = bits[0]
    bits[1, :2] ^= 255
    points[1] = -points[0]
    quality = np.full(300, 100)
    photos = on_grid(Photos(np.arange(300), 300, points, Hashes.of(bits, quality)))
    cells = Cells.of(photos, 16)
    found, _ = compare_in_cells(photos, LIMITS, cells, 1)
    assert (found.alike.rows.tolist(), found.alike.ids.tolist()) == ([0, 1], [1, 0])
    blind = replace(photos, hashes=Hashes.of(bits, np.zeros(300, np.int64)))
    assert (cells.nearest(blind)[1] == -1).all()
    assert not len(Cells.of(blind, 16).hashes)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_photos_have_few_cells(count: int) -> None:
    photos = PHOTOS.part(slice(0, count))
    found, _ = compare_in_cells(photos, LIMITS, Cells.of(photos, 8))
    assert numbers(found) == numbers(AllPairs(photos, LIMITS).found())


def test_the_number_of_cells_grows_by_the_root() -> None:
    assert [count_of_cells(n) for n in (1, 100_000, 10_000_000)] == [3, 1024, 10_240]
    assert count_to_train(1000) == 1000
    assert count_to_train(100_000) == 65_536


def test_a_sample_finds_what_all_find_for_its_photos() -> None:
    rows = np.sort(np.random.default_rng(0).permutation(450)[:40])
    sample = PHOTOS.subset(rows)
    blocks = [PHOTOS.part(slice(0, 200)), PHOTOS.part(slice(200, 450))]
    found = [AllPairs(sample, LIMITS).found(), *(with_all(sample, each, LIMITS) for each in blocks)]
    everything = AllPairs(PHOTOS, LIMITS).found()
    for row, place in enumerate(rows.tolist()):
        mine = joined(found, LIMITS.k).part(slice(row, row + 1)).moved(-row)
        assert numbers(mine) == numbers(everything.part(slice(place, place + 1)).moved(-place))


def test_each_photo_of_a_sample_counts_for_as_many_as_it_was_drawn_from() -> None:
    ids, with_copies = np.arange(10, 100_010), np.arange(100_000) < 1600
    sample = Sample.draw(ids, with_copies)
    assert len(sample.ids) == 500
    assert (np.diff(sample.ids) > 0).all()
    rare = sample.ids < 1610
    assert rare.sum() == 250
    assert np.unique(sample.weights[rare]).tolist() == pytest.approx([1600 / 250])
    assert float(sample.weights.sum()) == pytest.approx(100_000, rel=1e-5)


@pytest.mark.parametrize(("copies", "drawn"), [(0, 300), (7, 300), (1000, 300), (100, 300)])
def test_what_one_half_of_a_sample_lacks_the_other_has(copies: int, drawn: int) -> None:
    sample = Sample.draw(np.arange(1000), np.arange(1000) < copies)
    assert len(sample.ids) == len(set(sample.ids.tolist())) == drawn
    assert float(sample.weights.sum()) == pytest.approx(1000, rel=1e-4)
    assert (sample.ids < copies).sum() == (drawn if copies == 1000 else min(copies, drawn // 2))


def test_the_estimate_is_right_on_the_average_where_cells_lose_whole_photos() -> None:
    """2,000 photos have a copy in the other half of the ids; a tenth of these pairs is missed by cells."""
    random = np.random.default_rng(5)
    copies = {photo: {photo ^ 1} for photo in range(2000)}
    lost = set((2 * random.choice(1000, 100, replace=False)).tolist())
    met = {photo: others for photo, others in copies.items() if photo & ~1 not in lost}
    with_copies = np.array([photo in met for photo in range(20_000)])
    shares = [
        Sample.draw(np.arange(20_000), with_copies, seed).found_share(copies, met) for seed in range(60)
    ]
    assert np.mean(shares) == pytest.approx(0.9, abs=0.02)
    assert Sample.draw(np.arange(20_000), with_copies).found_share({}, {}) == 1.0
