"""Several examples as one vector."""

import numpy as np
import pytest

from lookalike.search.rocchio import Variation, combined
from lookalike.store.records import Vectors

DIM = 24


def some(count: int, seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).random((count, DIM), np.float32)


def units(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def weights(*values: float) -> Vectors:
    return np.array(values, np.float32)


def test_one_example_is_itself_whatever_its_length_and_weight() -> None:
    vector = some(1)

    assert combined(7 * vector, weights(3), None) == pytest.approx(units(vector)[0])


def test_the_heavier_example_is_the_nearer_one() -> None:
    a, b = pair = units(some(2))

    even, heavy = combined(pair, weights(1, 1), None), combined(pair, weights(3, 1), None)

    assert heavy @ a > even @ a
    assert heavy @ b < even @ b


def test_what_is_not_wanted_comes_further_down_than_without_saying_so() -> None:
    variation = Variation.among(units(some(200, seed=1)))
    wanted, other, *_ = pair = units(some(2, seed=2))
    for varied in (None, variation):
        without, with_less = (
            combined(pair[:1], weights(1), varied),
            combined(pair, weights(1, -1), varied),
        )

        assert with_less @ other < without @ other
        assert with_less @ wanted - with_less @ other > without @ wanted - without @ other


def test_evening_is_the_solution_with_the_shrunk_covariance() -> None:
    library = units(some(300, seed=3))
    variation = Variation.among(library)
    vector = some(1, seed=4)[0]

    covariance = np.cov(library, rowvar=False, bias=True)
    shrunk = covariance + 40 * np.trace(covariance) / DIM * np.eye(DIM)

    assert variation.evened(vector, 40) == pytest.approx(np.linalg.solve(shrunk, vector), rel=1e-3)


def test_what_all_of_a_library_varies_in_does_not_drown_what_the_examples_share() -> None:
    random = np.random.default_rng(5)
    library = 0.05 * random.standard_normal((400, DIM)) + 1
    library[:, 0] += 2 * random.standard_normal(400)  # indoors or outdoors, say
    library[:20, 1] += 0.5  # what twenty of them show
    found = units(library.astype(np.float32))
    variation = Variation.among(found)

    def hits(vector: Vectors) -> int:
        return int((np.argsort(-(found @ vector))[:20] < 20).sum())

    examples, even = found[:3], weights(1, 1, 1)
    assert hits(combined(examples, even, variation)) > hits(combined(examples, even, None))


def test_a_library_of_equal_photos_leaves_the_examples_as_they_are() -> None:
    same = np.repeat(units(some(1)), 60, axis=0)
    other = units(some(1, seed=6))

    vector = combined(other, weights(1), Variation.among(same))

    assert np.isfinite(vector).all()
    assert vector @ other[0] > vector @ same[0]
