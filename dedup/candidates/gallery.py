"""Comparing photos that are not of the library with its own, loaded once; nothing is written."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...store.catalog.photos import visible_ids
from ...store.filters.where import ALL, Where
from ...store.records import Vectors, unit_vectors
from ...store.store import Store
from ..proof import Picture
from .all_pairs import where as places
from .copy_space import AnyVectors, CopySpace
from .hashes import Hashes, dct_hash
from .loading import known_hashes, placed, space_of
from .nominate import ALMOST_SAME, DEFAULT_K, FEW, MAX_DISTANCE
from .topk import GRAIN, Rows
from .update import hash_photos

Mask = npt.NDArray[np.bool_]

# Scores of one block: 32 MB.
_CELLS = 1 << 23
_MAX_ROWS = 256
_GROUP = 64


class Gallery:
    """What candidates are found in: places in the space for copies, and perceptual hashes.

    A hash that no earlier run has stored is made from the thumbnail when it is first asked for. About
    1 kB of memory for each photo. Not thread-safe.
    """

    def __init__(self, store: Store, where: Where = ALL) -> None:
        """Load the photos that pass the filter; the store must have a model."""
        self._store = store
        with store.reading() as view:
            self.space: CopySpace = space_of(view)
            ids = visible_ids(view, where)
            found = placed(view, self.space, ids)
            there = np.flatnonzero(found.there)
            self._ids = ids[there]
            self._points = found.points if len(there) == len(ids) else found.points[there]
            self._hashes = known_hashes(view, self._ids)

    def candidates(self, vectors: Sequence[Vectors], pictures: Sequence[Picture]) -> list[list[int]]:
        """Return for each of some pictures the ids of the photos that a proof should look at.

        vectors: (dim,) float32 each, of any length.
        """
        if not len(self._ids) or not vectors:
            return [[] for _ in vectors]
        found = nominate_outside(
            Outside(self.space.project(as_units(vectors)), hashes_of(pictures)),
            self._points,
            self.space,
            self._hashes_of,
        )
        return [self._ids[rows].tolist() for rows in found]

    def _hashes_of(self, rows: Rows) -> Hashes:
        missing = rows[~self._hashes.known[rows]]
        self._hashes.put(missing, hash_photos(self._store, self._ids[missing].tolist()))
        return self._hashes.at(rows)


def as_units(vectors: Sequence[Vectors]) -> AnyVectors:
    """Return unit vectors (n, dim) as the store keeps them, of vectors of any length."""
    return unit_vectors(np.stack(vectors)).astype(np.float16)


def hashes_of(pictures: Sequence[Picture]) -> Hashes:
    """Return the perceptual hashes of pictures."""
    made = [dct_hash(picture.sheet.grey) for picture in pictures]
    return Hashes.of(np.stack([bits for bits, _ in made]), np.array([quality for _, quality in made]))


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
    row, column = places(scores >= bound)
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
    row, column = places(maybe)
    distance = hashes.distances(rows[row], column)
    close = distance <= MAX_DISTANCE
    return _first(row[close], column[close], distance[close], k)


def _first(row: Rows, column: Rows, key: npt.NDArray[np.generic], k: int) -> tuple[Rows, Rows]:
    """Return the k entries of each row with the lowest keys, by row and key; of equal keys by column."""
    order = np.lexsort((column, key, row))
    row, column = row[order], column[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    return row[rank < k], column[rank < k]
