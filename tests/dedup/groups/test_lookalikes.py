"""Candidate pairs are those that comparing everything with everything gives."""

from pathlib import Path

import numpy as np
import pytest

from lookalike.dedup.groups.lookalikes import exact_groups, similar_groups, similar_pairs
from lookalike.store.filters.where import ALL, Where
from lookalike.store.records import FileResult, Vectors
from lookalike.tests.store.making import DIM, Filled, digest_of, make_photo, make_result, open_filled

MIN_SCORE = 0.9

# fp16 moves a score by less: pairs so close to the limit may fall on either side.
TOLERANCE = 1e-3


def make_clusters(sizes: list[int], seed: int = 5) -> Vectors:
    """Return vectors (sum of sizes, DIM): tight clusters, each around its own direction."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(0, 1, (len(sizes), DIM))
    spread = [rng.normal(0, 0.15, (size, DIM)) for size in sizes]
    return np.concatenate([c + s for c, s in zip(centers, spread, strict=True)]).astype(np.float32)


def put(filled: Filled, vectors: Vectors, folder: bytes = b"x") -> None:
    first = len(filled.known())
    results = []
    for seed, vector in enumerate(vectors, first):
        base = make_result(seed, folder + b"/%d.jpg" % seed)
        results.append(FileResult(base.stat, digest_of(seed), make_photo(seed, vector=vector)))
    filled.add(*results)


def found_pairs(
    filled: Filled, min_score: float = MIN_SCORE, where: Where = ALL
) -> dict[tuple[int, int], float]:
    with filled.store.reading() as view:
        pairs = list(similar_pairs(view, min_score, where))
    assert all(pair.a < pair.b for pair in pairs)
    return {(pair.a, pair.b): pair.score for pair in pairs}


def check_pairs(
    found: dict[tuple[int, int], float], vectors: Vectors, min_score: float = MIN_SCORE
) -> None:
    """Compare with numpy; ids count from 1 in the order of the vectors."""
    units = vectors.astype(np.float64) / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = units @ units.T
    for (a, b), score in found.items():
        assert abs(scores[a - 1, b - 1] - score) < TOLERANCE
    sure = {(int(a) + 1, int(b) + 1) for a, b in np.argwhere(np.triu(scores, 1) >= min_score + TOLERANCE)}
    maybe = {(int(a) + 1, int(b) + 1) for a, b in np.argwhere(np.triu(scores, 1) >= min_score - TOLERANCE)}
    assert sure <= set(found) <= maybe
    assert sure


@pytest.mark.parametrize(
    "sizes", [[2, 3, 1, 1], [15, 16, 17, 18, 1], [63, 64, 65, 66], [200, 1, 40], [254, 9]]
)
def test_pairs_are_those_of_all_with_all_in_clusters_of_any_size(filled: Filled, sizes: list[int]) -> None:
    vectors = make_clusters(sizes)
    put(filled, vectors)
    check_pairs(found_pairs(filled), vectors)


def test_of_a_photo_with_very_many_neighbors_the_best_255_come(filled: Filled) -> None:
    vectors = make_clusters([320])
    put(filled, vectors)
    units = vectors.astype(np.float64) / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = units @ units.T
    found = found_pairs(filled, 0.5)
    for photo in range(320):
        others = {a + b - photo - 2 for a, b in found if photo + 1 in (a, b)}
        best = [int(other) for other in np.argsort(-scores[photo]) if other != photo]
        # The last few may change places: fp16 moves scores in the last digits.
        assert set(best[:245]) <= others


@pytest.mark.parametrize("min_score", [0.5, 0.97])
def test_the_limit_is_the_users(filled: Filled, min_score: float) -> None:
    vectors = make_clusters([40, 30, 20])
    put(filled, vectors)
    check_pairs(found_pairs(filled, min_score), vectors, min_score)


def test_identical_vectors_are_all_pairs(filled: Filled) -> None:
    put(filled, np.repeat(make_clusters([1]), 70, axis=0))
    found = found_pairs(filled, 0.999)
    assert len(found) == 70 * 69 // 2


def test_a_filter_leaves_pairs_within_it_only(filled: Filled) -> None:
    vectors = make_clusters([30])
    put(filled, vectors, b"in")
    put(filled, vectors + np.float32(0.01), b"out")
    check_pairs(found_pairs(filled, where=Where(folders=(b"/photos/in",))), vectors)


def test_photos_that_are_gone_make_no_pairs(filled: Filled) -> None:
    vectors = make_clusters([30])
    put(filled, vectors)
    filled.lose(*(b"x/%d.jpg" % seed for seed in range(20, 30)))
    check_pairs(found_pairs(filled), vectors[:20])


@pytest.mark.parametrize("count", [0, 1])
def test_a_library_of_one_photo_or_none_has_no_pairs(filled: Filled, count: int) -> None:
    put(filled, make_clusters([1])[:count])
    assert found_pairs(filled) == {}


def test_groups_of_lookalikes_have_a_keeper_and_its_own_neighbors(filled: Filled) -> None:
    vectors = make_clusters([5, 1, 20])
    put(filled, vectors)
    with filled.store.reading() as view:
        groups = list(similar_groups(view, 0.6))
    assert [1 + len(group.members) for group in groups] == [20, 5]
    for group in groups:
        assert group.wasted_bytes == 0
        assert {member.kind for member in group.members} == {"similar"}
        keeper = vectors[group.keeper_photo.id - 1]
        for member in group.members:
            other = vectors[member.photo.id - 1]
            cosine = keeper @ other / np.linalg.norm(keeper) / np.linalg.norm(other)
            assert member.score == pytest.approx(cosine, abs=TOLERANCE)
            assert member.score >= 0.6


def test_exact_groups_come_with_most_wasted_space_first(folder: Path) -> None:
    filled = open_filled(folder, range(3))
    filled.add(make_result(0, b"again.jpg"))
    filled.add(*(make_result(2, b"again/%d.jpg" % n) for n in range(3)))
    with filled.store.reading() as view:
        wasted = [(group.keeper.path, group.wasted_bytes) for group in exact_groups(view)]
        inside = list(exact_groups(view, Where(folders=(b"/photos/again",))))
    filled.store.close()
    assert wasted == [("/photos/2.jpg", 3 * 1002), ("/photos/0.jpg", 1000)]
    assert [(group.keeper.path, group.wasted_bytes) for group in inside] == [("/photos/again/0.jpg", 2004)]
