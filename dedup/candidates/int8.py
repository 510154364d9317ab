"""Scores of many points with many others: by numbers of 8 bits where that pays, and within what error.

Products of bytes take a quarter of the time of those of floats. Whoever asks looks again at what comes near
a limit.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ...store.records import Vectors

Left = npt.NDArray[np.uint8] | Vectors
Tile = npt.NDArray[np.int32] | Vectors

# Turning all points into bytes costs as much as comparing them with so many in floats.
_WORTH_BYTES = 1024

# The graph of one node, MatMulInteger(a - 64, b): tests/dedup/candidates/test_int8.py takes it apart.
GRAPH = bytes.fromhex(
    "08083a6f0a1b0a01610a01620a017a120163220d4d61744d756c496e74656765721201672a08100242017a4a01405a15"
    "0a016112100a0e0802120a0a0312016d0a0312016b5a150a016212100a0e0803120a0a0312016b0a0312016e62150a01"
    "6312100a0e0806120a0a0312016d0a0312016e42040a00100d"
)
_ZERO = 64
# Seven bits on one side: processors without instructions for this add two products up in 16 bits.
_MOST_LEFT, _MOST_RIGHT = 63, 127

# An error is as good as normal after the turn below: one of a billion is larger.
_SIGMAS = 6
_SOME = 1 << 12


class Products(Protocol):
    """Scores of points with points, in numbers that are `unit` each and off by at most `margin`."""

    unit: float
    margin: float

    def left(self, rows: slice) -> Left:
        """Return some points as `tile` takes them, (rows, d)."""
        ...

    def tile(self, left: Left, columns: slice) -> Tile:
        """Return the scores of some points with some others, (rows, columns), in units."""
        ...

    def least(self, score: float) -> np.int32 | np.float32:
        """Return what a number of a tile must be for its score to be this one or more."""
        ...


def products(points: Vectors, rows: int, width: int, begin: int = 0) -> Products:
    """Return what is fastest for the scores of so many points with all, so many columns at a time.

    points: (n, d), unit vectors. begin: place of the first that is a column; the others begin a multiple of
    the width after it.
    """
    if rows < _WORTH_BYTES or points.shape[1] < 2:
        return FloatProducts(points)
    return ByteProducts(points, width, begin)


class FloatProducts:
    """Scores as they are."""

    unit = 1.0
    margin = 2.0**-16

    def __init__(self, points: Vectors) -> None:
        self._points = points

    def left(self, rows: slice) -> Left:
        """Return some points as `tile` takes them."""
        return self._points[rows]

    def tile(self, left: Left, columns: slice) -> Tile:
        """Return the scores of some points with some others."""
        return np.asarray(left @ self._points[columns].T, np.float32)

    def least(self, score: float) -> np.float32:
        """Return what a number of a tile must be for its score to be this one or more."""
        return np.float32(score - self.margin)


class ByteProducts:
    """Scores of points that were turned at random and rounded to 7 and to 8 bits.

    The turn spreads what is special of a point over all its numbers: none is much larger than others, so
    that the steps are small, and errors do not depend on each other.
    """

    def __init__(self, points: Vectors, width: int, begin: int = 0) -> None:
        import onnxruntime  # a tenth of a second, not needed for a few new photos

        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(GRAPH, options, providers=["CPUExecutionProvider"])
        self._points, self._width, self._begin = points, width, begin
        self._turn = _random_turn(points.shape[1])
        self._most = max(float(np.abs(some).max()) for some in self._turned(slice(0, len(points))))
        left, right = self._most / _MOST_LEFT, self._most / _MOST_RIGHT
        self.unit = left * right
        # Of unit vectors: a rounding error is uniform within half a step, times numbers of which the
        # squares sum up to one.
        self.margin = _SIGMAS * float(np.hypot(left, right)) / 12**0.5
        starts = range(begin, len(points), width)
        self._right = [self._columns(slice(start, min(start + width, len(points)))) for start in starts]

    def left(self, rows: slice) -> Left:
        """Return some points as `tile` takes them."""
        rounded = np.rint(np.concatenate(self._turned(rows)) * (_MOST_LEFT / self._most))
        return np.asarray(rounded + _ZERO, np.uint8)

    def tile(self, left: Left, columns: slice) -> Tile:
        """Return the scores of some points with some others."""
        right = self._right[(columns.start - self._begin) // self._width]
        (found,) = self._session.run(None, {"a": left, "b": right})
        return np.asarray(found, np.int32)

    def least(self, score: float) -> np.int32:
        """Return what a number of a tile must be for its score to be this one or more."""
        return np.int32((score - self.margin) / self.unit)

    def _columns(self, columns: slice) -> npt.NDArray[np.int8]:
        turned = np.concatenate(self._turned(columns))
        return np.ascontiguousarray(np.rint(turned * (_MOST_RIGHT / self._most)).astype(np.int8).T)

    def _turned(self, some: slice) -> list[Vectors]:
        starts = range(some.start, some.stop, _SOME)
        return [
            np.asarray(self._points[start : min(start + _SOME, some.stop)] @ self._turn, np.float32)
            for start in starts
        ]


def _random_turn(dim: int) -> Vectors:
    """Return a rotation (dim, dim), always the same."""
    normal = np.random.default_rng(0).standard_normal((dim, dim))
    return np.asarray(np.linalg.qr(normal)[0], np.float32)
