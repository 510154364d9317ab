"""Which photos of a library are looked at for photos that are not of it, by the rules of `nominate`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...store.records import Vectors
from .all_pairs import where
from .copy_space import CopySpace
from .hashes import Hashes
from .nominate import ALMOST_SAME, DEFAULT_K, FEW, MAX_DISTANCE
from .topk import GRAIN, Rows

Mask = npt.NDArray[np.bool_]

# Scores of one block: 32 MB.
_CELLS = 1 << 23
_MAX_ROWS = 256
_GROUP = 64


@dataclass(frozen=True, slots=True, eq=False)
class Outside:
    """Photos to be compared with those of a library without being of it.

    points: (q, d) in the space for copies. hashes: q.
    """

    points: Vectors
    hashes: Hashes


def nominate_outside(
    queries: Outside,
    points: Vectors,
    space: CopySpace,
    hashes_of: Callable[[Rows], Hashes],
    k: int = DEFAULT_K,
) -> list[Rows]:
    """Return for each query the photos of a library that a proof should look at: rows of points.

    points: (n, d) of the library in the space for copies. hashes_of: gives the hashes of some of its
    rows; only those are asked for that are near enough for a hash to count. By the rules of `nominate`.
    """
    found: list[Rows] = []
    for some in _blocks(np.arange(len(queries.points)), len(points)):
        block = Outside(queries.points[some], queries.hashes.subset(some))
        found += _near_block(block, points, space, hashes_of, k)
    return found


def _near_block(
    queries: Outside, points: Vectors, space: CopySpace, hashes_of: Callable[[Rows], Hashes], k: int
) -> list[Rows]:
    scores = queries.points @ points.T
    row, column = _nearest(scores, k)
    near = _near_enough(scores, row, column, space)
    likely = scores >= space.gate
    some = np.flatnonzero(likely.any(axis=0))
    hashes = hashes_of(some).followed_by(queries.hashes)
    own = len(some) + np.arange(len(scores))
    hash_row, place = _same_hash(hashes, own, likely[:, some], k)
    rows = np.concatenate([row[near], hash_row])
    columns = np.concatenate([column[near], some[place]])
    return [np.unique(columns[rows == each]) for each in range(len(scores))]


def _blocks(rows: Rows, count: int) -> Iterator[Rows]:
    size = max(1, min(_MAX_ROWS, _CELLS // max(count, 1)))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _nearest(scores: Vectors, k: int) -> tuple[Rows, Rows]:
    """Return (row, column) of the k best of each row, by row; of equal scores the lower columns."""
    count, width = scores.shape
    k = min(k, width)
    bound = np.full((count, 1), -2, np.float32)
    groups = width // _GROUP
    if groups > k > 0:
        # k groups have a maximum of at least this, so the k best are no less: far cheaper than to sort.
        maxima = scores[:, : groups * _GROUP].reshape(count, _GROUP, groups).max(axis=1)
        bound = np.partition(maxima, groups - k, axis=1)[:, groups - k, None] - 2 * np.float32(GRAIN)
    row, column = where(scores >= bound)
    return _first(row, column, -np.round(scores[row, column] / GRAIN), k)


def _near_enough(scores: Vectors, row: Rows, column: Rows, space: CopySpace) -> Mask:
    """Return which of the nearest are worth a proof, (m,); by row, best first."""
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    floor = np.where(rank < FEW, min(space.few_floor, space.floor), space.floor)
    return np.asarray(scores[row, column] >= floor, np.bool_)


def _same_hash(hashes: Hashes, rows: Rows, maybe: Mask, k: int) -> tuple[Rows, Rows]:
    """Return (row, column) of the k nearest hashes of each row among those that may be, or are alike."""
    width = maybe.shape[1]
    maybe = maybe | hashes.almost_same(rows, width, ALMOST_SAME)
    itself = np.flatnonzero(rows < width)
    maybe[itself, rows[itself]] = False
    maybe &= hashes.textured[:width] & hashes.textured[rows, None]
    row, column = where(maybe)
    distance = hashes.distances(rows[row], column)
    close = distance <= MAX_DISTANCE
    return _first(row[close], column[close], distance[close], k)


def _first(row: Rows, column: Rows, key: npt.NDArray[np.generic], k: int) -> tuple[Rows, Rows]:
    """Return the k entries of each row with the lowest keys, by row and key; of equal keys by column."""
    order = np.lexsort((column, key, row))
    row, column = row[order], column[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    return row[rank < k], column[rank < k]
