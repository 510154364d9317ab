"""Which pairs of photos are handed to the proof: near in the space for copies, or of the same hash.

Every new photo is compared with all, a block at a time: exact, and memory grows with the number of photos,
never with its square.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..store.records import Vectors
from ..store.vectors import Ids
from .copyspace import AnyVectors, CopySpace
from .hashes import Hashes

# More than the copies that a photo usually has: they crowd each other's lists.
DEFAULT_K = 20

# A picture that was turned by 25 degrees keeps a cosine of .35 with what it was; so many of the nearest are
# looked at down to the lower floor, which costs 4 pairs of 100.
FEW = 6

# Bits of 256. Whole pictures that are re-saved, edited, stamped, turned or mirrored stay below; different
# photos of 1.3 million pairs did so 21 times.
MAX_DISTANCE = 72

# From here down the hashes need nobody's word: a picture without its colors may be far away in the space
# for copies (cosine 0.08) with not one bit changed, and stamps all over it change 27.
ALMOST_SAME = 48

# Scores of one block: 32 MB.
_CELLS = 1 << 23
_MAX_ROWS = 256
_GROUP = 64
_SOME_VECTORS = 1 << 10

# Scores this close are equal: the last digits depend on how a product is cut into blocks.
_GRAIN = 2.0**-16

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs worth a proof, and the neighbors of the new photos that came of the search.

    pairs: (m, 2) ids, a < b, each once, ascending. cosine: (m,) of their embeddings. new: (n_new,) ids,
    ascending. neighbors: (n_new, k) ids of the nearest in the space for copies, ordered by cosine, -1 where
    there are fewer. scores: (n_new, k) cosines of the embeddings, -1 where there is none.
    """

    pairs: Ids
    cosine: Vectors
    new: Ids
    neighbors: Ids
    scores: Vectors


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """What is compared, ordered by id, so that the order in which photos came changes nothing.

    ids: (n,) ascending. units: (n, dim) unit embeddings in the order they came; place: (n,) where in
    them each photo's is. points: (n, d) in the space for copies. hashes: n.
    """

    ids: Ids
    units: AnyVectors
    place: Rows
    points: Vectors
    hashes: Hashes

    def cosines(self, rows: Rows, row: Rows, column: Rows) -> Vectors:
        """Return the cosines of the embeddings of photos rows[row[i]] and column[i], (m,)."""
        ours = self.units[self.place[rows]].astype(np.float32)
        found = np.empty(len(row), np.float32)
        for start in range(0, len(row), _SOME_VECTORS):
            some = slice(start, start + _SOME_VECTORS)
            others = self.units[self.place[column[some]]].astype(np.float32)
            found[some] = np.einsum("nd,nd->n", ours[row[some]], others)
        return np.clip(found, -1, 1)


def nominate(
    ids: Ids,
    units: AnyVectors,
    hashes: Hashes,
    space: CopySpace,
    *,
    new: Mask | None = None,
    k: int = DEFAULT_K,
) -> Candidates:
    """Return the pairs of a new photo with any photo that a proof should look at.

    ids: (n,) unlike each other, in any order. units: (n, dim) unit embeddings of these. hashes: of
    these. new: (n,) which are compared with all; None: all. k: a photo nominates its k nearest above the
    space's floor, and k more by their hashes.

    A pair of two old photos is never in it. A photo that many old ones have among their k nearest is
    met from its own side only.
    """
    photos = _sorted(ids, units, hashes, space)
    is_new = np.ones(len(ids), bool) if new is None else new[photos.place]
    rows = _blocks(np.flatnonzero(is_new), len(ids))
    return _joined([_nothing(k), *(_compare(photos, some, space, k) for some in rows)])


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


def _nothing(k: int) -> Candidates:
    ids, scores = np.empty(0, np.int64), np.empty(0, np.float32)
    return Candidates(ids.reshape(0, 2), scores, ids, ids.reshape(0, k), scores.reshape(0, k))


def _joined(blocks: list[Candidates]) -> Candidates:
    pairs = np.concatenate([block.pairs for block in blocks])
    pairs, first = np.unique(pairs, axis=0, return_index=True)
    return Candidates(
        pairs,
        np.concatenate([block.cosine for block in blocks])[first],
        np.concatenate([block.new for block in blocks]),
        np.concatenate([block.neighbors for block in blocks]),
        np.concatenate([block.scores for block in blocks]),
    )


def _sorted(ids: Ids, units: AnyVectors, hashes: Hashes, space: CopySpace) -> Photos:
    place = np.argsort(ids)
    starts = range(0, max(len(ids), 1), _SOME_VECTORS)
    points = [space.project(units[place[start : start + _SOME_VECTORS]]) for start in starts]
    return Photos(ids[place], units, place, np.concatenate(points), hashes.subset(place))


def _blocks(rows: Rows, count: int) -> Iterator[Rows]:
    size = max(1, min(_MAX_ROWS, _CELLS // max(count, 1)))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _compare(photos: Photos, rows: Rows, space: CopySpace, k: int) -> Candidates:
    """Compare the photos at rows with all."""
    scores = photos.points[rows] @ photos.points.T
    scores[np.arange(len(rows)), rows] = -np.inf
    row, column = _nearest(scores, min(k, len(photos.ids) - 1))
    near = _near_enough(scores, row, column, space)
    hash_row, hash_column = _same_hash(photos.hashes, rows, scores >= space.gate, k)
    cosine = photos.cosines(rows, row, column)
    hash_cosine = photos.cosines(rows, hash_row, hash_column)
    first = rows[np.concatenate([row[near], hash_row])]
    second = np.concatenate([column[near], hash_column])
    neighbors, cosines = _as_lists(photos.ids, len(rows), k, row, column, cosine)
    return Candidates(
        pairs=np.sort(photos.ids[np.column_stack([first, second])], axis=1),
        cosine=np.concatenate([cosine[near], hash_cosine]),
        new=photos.ids[rows],
        neighbors=neighbors,
        scores=cosines,
    )


def _nearest(scores: Vectors, k: int) -> tuple[Rows, Rows]:
    """Return (row, column) of the k best of each row, by row; of equal scores the lower columns."""
    count, width = scores.shape
    k = min(k, width)
    bound = np.full((count, 1), -2, np.float32)
    groups = width // _GROUP
    if groups > k > 0:
        # k groups have a maximum of at least this, so the k best are no less: far cheaper than to sort.
        maxima = scores[:, : groups * _GROUP].reshape(count, _GROUP, groups).max(axis=1)
        bound = np.partition(maxima, groups - k, axis=1)[:, groups - k, None] - 2 * np.float32(_GRAIN)
    row, column = _where(scores >= bound)
    return _first(row, column, -np.round(scores[row, column] / _GRAIN), k)


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
    row, column = _where(maybe)
    distance = hashes.distances(rows[row], column)
    close = distance <= MAX_DISTANCE
    return _first(row[close], column[close], distance[close], k)


def _where(mask: Mask) -> tuple[Rows, Rows]:
    """Return what `np.nonzero` does, at a third of its price for masks that hold little."""
    row = np.repeat(np.arange(len(mask)), np.count_nonzero(mask, axis=1))
    return row, np.flatnonzero(mask) - row * mask.shape[1]


def _first(row: Rows, column: Rows, key: npt.NDArray[np.generic], k: int) -> tuple[Rows, Rows]:
    """Return the k entries of each row with the lowest keys, by row and key; of equal keys by column."""
    order = np.lexsort((column, key, row))
    row, column = row[order], column[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    return row[rank < k], column[rank < k]


def _as_lists(
    ids: Ids, count: int, k: int, row: Rows, column: Rows, cosine: Vectors
) -> tuple[Ids, Vectors]:
    """Return neighbors (count, k) and scores (count, k), best first."""
    order = np.lexsort((column, -np.round(cosine / _GRAIN), row))
    row, column, cosine = row[order], column[order], cosine[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    neighbors, scores = np.full((count, k), -1, np.int64), np.full((count, k), -1, np.float32)
    neighbors[row, rank], scores[row, rank] = ids[column], cosine
    return neighbors, scores
