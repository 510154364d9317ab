"""The pairs handed to the proof are those that comparing everything with everything gives."""

import tracemalloc
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from lookalike.dedup.candidates.copy_space import CopySpace
from lookalike.dedup.candidates.gallery import Outside, nominate_outside
from lookalike.dedup.candidates.hashes import HASH_BYTES, Hashes
from lookalike.dedup.candidates.nominate import ALMOST_SAME, FEW, MAX_DISTANCE, Candidates, nominate
from lookalike.dedup.candidates.topk import Rows
from lookalike.store.index.exact import Ids
from lookalike.store.records import Vectors

DIM = 48
FLOOR, GATE = 0.6, 0.2

# Scores so close to the floor may fall on either side.
TOLERANCE = 1e-4

Random = np.random.Generator


def make_units(random: Random, sizes: list[int], dim: int = DIM) -> npt.NDArray[np.float16]:
    """Return unit vectors (sum of sizes, dim): clusters, each around its own direction."""
    centers = random.normal(0, 1, (len(sizes), dim))
    vectors = np.repeat(centers, sizes, axis=0) + random.normal(0, 0.6, (sum(sizes), dim))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float16)


def make_space(random: Random, dim: int = DIM) -> CopySpace:
    mean, matrix = random.normal(0, 0.02, dim), random.normal(0, 1, (dim, dim // 2))
    return CopySpace(mean.astype(np.float32), matrix.astype(np.float32), FLOOR, GATE)


def random_bits(random: Random, count: int) -> npt.NDArray[np.uint8]:
    return random.integers(0, 256, (count, HASH_BYTES), dtype=np.uint8)


def make_hashes(random: Random, count: int) -> Hashes:
    """Return random hashes of which neighbors in number are often alike; one in ten is blank."""
    bits = random_bits(random, -(-count // 4)).repeat(4, axis=0)[:count]
    bits[random.random(bits.shape) < 0.1] ^= 17
    return Hashes.of(bits, random.choice([0, 100], count, p=[0.1, 0.9]))


class Case:
    """A library of clusters with its hashes."""

    def __init__(self, seed: int, sizes: list[int]) -> None:
        random = np.random.default_rng(seed)
        self.units = make_units(random, sizes)
        self.space = make_space(random)
        count = len(self.units)
        self.ids: Ids = np.sort(random.choice(10 * count, count, replace=False)).astype(np.int64)
        self.hashes = make_hashes(random, count)

    def nominate(self, new: npt.NDArray[np.bool_] | None = None, k: int = 20) -> Candidates:
        return nominate(self.ids, self.units, self.hashes, self.space, new=new, k=k)

    def scores(self) -> Vectors:
        points = self.space.project(self.units).astype(np.float64)
        return np.asarray(points @ points.T, np.float32)

    def cosines(self) -> Vectors:
        units = self.units.astype(np.float64)
        return np.asarray(units @ units.T, np.float32)

    def distances(self) -> npt.NDArray[np.int16]:
        count = len(self.ids)
        a, b = (side.ravel() for side in np.indices((count, count)))
        far = np.int16(256)
        trusted = self.hashes.textured[a] & self.hashes.textured[b]
        return np.where(trusted, self.hashes.distances(a, b), far).reshape(count, count)

    def almost_same(self) -> npt.NDArray[np.bool_]:
        words = self.hashes.words
        bits = np.bitwise_count(words[:, :, None] ^ words[:, None, :]).sum(axis=0, dtype=np.int64)
        trusted = self.hashes.textured
        return np.asarray((bits <= ALMOST_SAME) & trusted & trusted[:, None], np.bool_)


def pairs_of(candidates: Candidates) -> set[tuple[int, int]]:
    return {(a, b) for a, b in candidates.pairs.tolist()}


def as_pairs(ids: Ids, mask: npt.NDArray[np.bool_]) -> set[tuple[int, int]]:
    return {(int(ids[a]), int(ids[b])) for a, b in np.argwhere(np.triu(mask | mask.T, 1))}


@pytest.mark.parametrize("sizes", [[2, 3, 1, 1], [12] * 9, [1] * 300, [19, 2] * 30, [5] * 250])
def test_pairs_are_those_of_all_with_all(sizes: list[int]) -> None:
    case = Case(len(sizes), sizes)
    scores, distances = case.scores(), case.distances()
    # In clusters of no more than twenty no list is cut off above the floor.
    sure = (scores >= FLOOR + TOLERANCE) | ((scores >= GATE + TOLERANCE) & (distances <= MAX_DISTANCE))
    maybe = (scores >= FLOOR - TOLERANCE) | ((scores >= GATE - TOLERANCE) & (distances <= MAX_DISTANCE))
    sure, maybe = sure | case.almost_same(), maybe | case.almost_same()
    found = pairs_of(case.nominate(k=60))
    assert as_pairs(case.ids, sure) <= found <= as_pairs(case.ids, maybe)
    assert found


@pytest.mark.parametrize(
    ("different", "score", "quality", "expected"),
    [
        (MAX_DISTANCE, GATE + 0.1, 100, 1),
        (MAX_DISTANCE + 1, GATE + 0.1, 100, 0),
        (ALMOST_SAME, GATE - 0.1, 100, 1),
        (ALMOST_SAME + 1, GATE - 0.1, 100, 0),
        (0, GATE - 0.1, 0, 0),
        (0, GATE + 0.1, 0, 0),
        (128, FLOOR + 0.1, 0, 1),
    ],
)
def test_what_the_score_leaves_open_the_hash_decides(
    different: int, score: float, quality: int, expected: int
) -> None:
    bits = np.random.default_rng(1).integers(0, 2, (2, 256), dtype=np.uint8)
    bits[1] = bits[0]
    bits[1, :different] ^= 1
    hashes = Hashes.of(np.packbits(bits, axis=1), np.array([100, quality]))
    units = np.array([[1, 0], [score, np.sqrt(1 - score**2)]], np.float32)
    space = CopySpace(np.zeros(2, np.float32), None, FLOOR, GATE)
    assert len(nominate(np.arange(2), units, hashes, space).pairs) == expected


def test_a_pair_comes_once_with_the_cosine_of_its_embeddings() -> None:
    case = Case(3, [6] * 40)
    candidates = case.nominate()
    assert len(pairs_of(candidates)) == len(candidates.pairs)
    assert (candidates.pairs[:, 0] < candidates.pairs[:, 1]).all()
    places = np.searchsorted(case.ids, candidates.pairs)
    expected = case.cosines()[places[:, 0], places[:, 1]]
    np.testing.assert_allclose(candidates.cosine, expected, atol=1e-5)


@pytest.mark.parametrize("count", [3, 64 * 21, 64 * 21 + 37])
def test_neighbors_are_the_nearest_above_the_floor_by_falling_cosine(count: int) -> None:
    case = Case(count, [1] * count)
    case.space = replace(case.space, floor=0.5)
    candidates = case.nominate(k=20)
    scores, cosines = case.scores(), case.cosines()
    np.fill_diagonal(scores, -2)
    assert candidates.new.tolist() == case.ids.tolist()
    for row in range(0, count, 7):
        k = min(20, int((scores[row] >= 0.5).sum()))
        listed = np.searchsorted(case.ids, candidates.neighbors[row, :k])
        assert scores[row, listed].min(initial=1) >= np.sort(scores[row])[-max(k, 1)] - TOLERANCE
        np.testing.assert_allclose(candidates.scores[row, :k], cosines[row, listed], atol=1e-5)
        assert (np.diff(candidates.scores[row, :k]) <= TOLERANCE).all()
        assert (candidates.neighbors[row, k:] == -1).all()


def test_a_photo_nominates_no_more_than_its_nearest_by_score_and_by_hash() -> None:
    random = np.random.default_rng(1)
    case = Case(1, [300])
    case.hashes = Hashes.of(random_bits(random, 1).repeat(300, axis=0), np.full(300, 100))
    assert len(case.nominate(k=5).pairs) <= 300 * 10


def test_of_equal_photos_all_nominate_the_same_few() -> None:
    case = Case(2, [1])
    ids = np.arange(100, 200)
    hashes = Hashes.of(np.zeros((100, HASH_BYTES), np.uint8), np.zeros(100, np.int64))
    candidates = nominate(ids, case.units.repeat(100, axis=0), hashes, case.space, k=4)
    # A star around each of the first four: whichever is the hub, all others are linked with it.
    assert {a for a, _ in pairs_of(candidates)} == {100, 101, 102, 103}
    assert {b for a, b in pairs_of(candidates) if a == 100} == set(range(101, 200))


def test_new_photos_get_what_a_comparison_of_all_gives_them() -> None:
    case = Case(4, [6, 1, 3] * 50)
    new = np.random.default_rng(0).random(len(case.ids)) < 0.1
    every, some = case.nominate(k=30), case.nominate(new, k=30)
    among_new = set(case.ids[new].tolist())
    assert some.new.tolist() == sorted(among_new)
    assert pairs_of(some) == {pair for pair in pairs_of(every) if among_new & set(pair)}
    np.testing.assert_array_equal(some.neighbors, every.neighbors[new])
    np.testing.assert_allclose(some.scores, every.scores[new], atol=1e-6)


def test_adding_photos_in_parts_nominates_what_one_run_does() -> None:
    case = Case(5, [4] * 60)
    parts = np.random.default_rng(0).integers(0, 3, len(case.ids))
    found: set[tuple[int, int]] = set()
    for part in range(3):
        known = parts <= part
        hashes = case.hashes.subset(np.flatnonzero(known))
        new = parts[known] == part
        found |= pairs_of(nominate(case.ids[known], case.units[known], hashes, case.space, new=new, k=30))
    assert found == pairs_of(case.nominate(k=30))


def test_the_order_of_photos_changes_nothing() -> None:
    case = Case(6, [7, 1, 2] * 40)
    case.units[3:9] = case.units[2]
    order = np.random.default_rng(0).permutation(len(case.ids))
    given = case.nominate(k=5)
    shuffled = nominate(case.ids[order], case.units[order], case.hashes.subset(order), case.space, k=5)
    np.testing.assert_array_equal(given.pairs, shuffled.pairs)
    np.testing.assert_array_equal(given.neighbors, shuffled.neighbors)
    np.testing.assert_array_equal(given.cosine, shuffled.cosine)


@pytest.mark.parametrize("count", [0, 1])
def test_a_library_of_one_photo_or_none_has_no_pairs(count: int) -> None:
    case = Case(7, [1])
    candidates = nominate(
        case.ids[:count], case.units[:count], case.hashes.subset(np.arange(count)), case.space
    )
    assert candidates.pairs.shape == (0, 2)
    assert candidates.neighbors.shape == (count, 20)
    assert (candidates.neighbors == -1).all()


def test_nothing_new_nominates_nothing() -> None:
    case = Case(8, [5] * 10)
    candidates = case.nominate(np.zeros(50, bool))
    assert len(candidates.pairs) == len(candidates.new) == 0


def test_memory_grows_with_the_photos_and_not_with_their_square() -> None:
    random = np.random.default_rng(0)
    count, dim = 20_000, 64
    units = make_units(random, [2] * (count // 2), dim)
    hashes = Hashes.of(random_bits(random, count), np.full(count, 100))
    space = make_space(random, dim)
    new = np.arange(count) < 2000
    tracemalloc.start()
    candidates = nominate(np.arange(count), units, hashes, space, new=new)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(candidates.pairs) >= 900
    # All scores would be 160 MB for the new ones alone and 1,600 MB for all.
    assert peak < 140e6


@pytest.mark.parametrize("n_old", [1, 2, 30, 400])
def test_photos_outside_get_the_candidates_that_they_would_get_inside(n_old: int) -> None:
    """One by one, so that they are not each other's candidates."""
    case = Case(5, [7] * 60)
    space, old = case.space, np.arange(n_old)
    points = np.concatenate([space.project(case.units[[row]]) for row in old])
    asked: list[int] = []

    def hashes_of(rows: Rows) -> Hashes:
        asked.extend(rows.tolist())
        return case.hashes.subset(old[rows])

    queries = np.arange(400, 420)
    outside = Outside(space.project(case.units[queries]), case.hashes.subset(queries))
    found = nominate_outside(outside, points, space, hashes_of)

    for query, rows in zip(queries, found, strict=True):
        both = np.append(old, query)
        inside = nominate(
            case.ids[both], case.units[both], case.hashes.subset(both), space, new=both == query
        )
        expected = {int(each) for pair in inside.pairs for each in pair} - {int(case.ids[query])}
        assert set(case.ids[old[rows]].tolist()) == expected
    assert len(set(asked)) <= n_old


def test_an_empty_library_has_no_candidates_for_photos_outside() -> None:
    case = Case(5, [7])
    outside = Outside(case.space.project(case.units), case.hashes)

    found = nominate_outside(
        outside, np.empty((0, DIM // 2), np.float32), case.space, lambda rows: case.hashes.subset(rows)
    )

    assert [len(each) for each in found] == [0] * 7


def test_the_few_nearest_are_looked_at_down_to_a_lower_floor() -> None:
    """Eight photos lie around one, each nearer than the next, all between the two floors."""
    scores = np.linspace(FLOOR - 0.01, FLOOR - 0.08, FEW + 2)
    units = np.zeros((FEW + 3, FEW + 3), np.float32)
    units[0, 0] = 1
    units[1:, 0], units[np.arange(1, FEW + 3), np.arange(1, FEW + 3)] = scores, np.sqrt(1 - scores**2)
    units[1:, 0] *= 1 - 1e-6
    bits = np.random.default_rng(3).integers(0, 256, (len(units), HASH_BYTES), dtype=np.uint8)
    hashes = Hashes.of(bits, np.full(len(units), 100))
    plain = CopySpace(np.zeros(FEW + 3, np.float32), None, FLOOR, GATE)
    assert not len(nominate(np.arange(FEW + 3), units, hashes, plain, new=np.arange(FEW + 3) == 0).pairs)
    few = replace(plain, few_floor=FLOOR - 0.1)
    found = nominate(np.arange(FEW + 3), units, hashes, few, new=np.arange(FEW + 3) == 0)
    assert pairs_of(found) == {(0, each) for each in range(1, FEW + 1)}
