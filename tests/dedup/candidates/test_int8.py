"""Scores from bytes are those from floats within what they say of themselves."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lookalike.dedup.candidates import int8
from lookalike.dedup.candidates.int8 import GRAPH, ByteProducts, FloatProducts, Products
from lookalike.store.records import Vectors

WIDTH = 256
Makers = [FloatProducts, lambda points: ByteProducts(points, WIDTH)]


def unit(points: "np.typing.NDArray[np.float64]") -> Vectors:
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), np.float32)


def make_points(kind: str, count: int = 700, dim: int = 96) -> Vectors:
    random = np.random.default_rng(3)
    if kind == "alike":
        return unit(random.normal(0, 1, (1, dim)) + random.normal(0, 0.05, (count, dim)))
    if kind == "single numbers":  # as far from being spread over all numbers as a point can be
        return unit(np.eye(dim)[random.integers(dim, size=count)])
    return unit(random.normal(0, 1, (count, dim)))


def scores_of(made: Products, rows: slice, columns: slice) -> Vectors:
    return np.asarray(made.tile(made.left(rows), columns) * made.unit, np.float32)


@pytest.mark.parametrize("kind", ["random", "alike", "single numbers"])
@pytest.mark.parametrize("make", Makers, ids=["floats", "bytes"])
def test_scores_are_right_within_the_margin(make: "type[FloatProducts]", kind: str) -> None:
    points = make_points(kind)
    made = make(points)
    for columns in (slice(0, WIDTH), slice(WIDTH, 2 * WIDTH), slice(2 * WIDTH, len(points))):
        exact = points[40:300].astype(np.float64) @ points[columns].astype(np.float64).T
        assert np.abs(scores_of(made, slice(40, 300), columns) - exact).max() <= made.margin
    assert made.margin < 0.03


@pytest.mark.parametrize("make", Makers, ids=["floats", "bytes"])
def test_no_score_that_reaches_a_limit_is_missed(make: "type[FloatProducts]") -> None:
    points = make_points("alike")
    made, columns = make(points), slice(0, WIDTH)
    exact = points.astype(np.float64) @ points[columns].astype(np.float64).T
    for limit in np.quantile(exact, [0.01, 0.5, 0.99]).tolist():
        reached = made.tile(made.left(slice(0, len(points))), columns) >= made.least(limit)
        assert reached[exact >= limit].all()
        assert not reached[exact < limit - 2.1 * made.margin].any()


def test_the_graph_is_one_product_of_bytes() -> None:
    """Built by hand into the module: the package that makes graphs is not needed to run one."""
    model = onnx.load_model_from_string(GRAPH)
    onnx.checker.check_model(model)
    (node,) = model.graph.node
    assert (node.op_type, list(node.input), list(node.output)) == ("MatMulInteger", ["a", "b", "z"], ["c"])
    zero = numpy_helper.to_array(model.graph.initializer[0])
    assert (str(zero.dtype), zero.item()) == ("uint8", 64)


def test_two_products_of_bytes_never_exceed_sixteen_bits() -> None:
    points = make_points("single numbers")
    left = ByteProducts(points, WIDTH).left(slice(0, len(points)))
    assert left.min() >= 1
    # Older processors add two products up in 16 bits, and cut off what is more.
    assert 2 * int(left.max()) * 127 < 1 << 15


def test_few_rows_are_not_worth_turning_all_into_bytes() -> None:
    points = make_points("random")
    assert isinstance(int8.products(points, 50, WIDTH), FloatProducts)
    assert isinstance(int8.products(points, 5000, WIDTH), ByteProducts)
