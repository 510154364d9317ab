"""The nearest photos of some queries, whatever kind of index there is, and how many of them it finds."""

from collections.abc import Callable

import numpy as np

from ..catalog.embeddings import units_of
from ..catalog.photos import visible_among, visible_ids
from ..filters.where import ALL, Where
from ..records import Codes, Vectors, unit_vectors
from ..view import View
from .exact import Ids, Neighbors, VectorIndex, by_score
from .ivf import ReducedIndex
from .parts import AnyIndex, PartedIndex

# Photos whose files are gone stay in the index; so many more are asked for before giving up on luck.
_SPARE = 16

# Neighbors that are looked through for those which pass a filter, before all that pass are asked for.
_SOME = 256

# So few are compared one by one: their vectors are read faster than the lists of a large index.
_FEW = 4096

# Candidates per neighbor at least: what was tuned for ten neighbors is asked for a thousand, too.
_DEPTH_PER_NEIGHBOR = 2

# Share of the lists that are looked at where some misses do no harm.
_ROUGH = 1 / 3

# Scores this close are equal.
_GRAIN = np.float32(1e-5)

# Reads unit vectors as `units_of` does.
ReadUnits = Callable[[View, Ids], Codes]


def nearest_photos(
    view: View, queries: Vectors, k: int, where: Where = ALL, allowed: Ids | None = None
) -> Neighbors:
    """Return the k nearest photos that pass the filter. queries: (q, dim) float32, any length.

    The filter acts before the ranking, so that k photos come back whenever k pass. allowed: the ids that
    pass it, ascending, for whoever asks many times and knows them.
    """
    if view.model is None:
        return VectorIndex(1).search(np.empty((len(queries), 1), np.float32), k)
    return _nearest(view, unit_vectors(queries), k, where, allowed)


def _nearest(view: View, units: Vectors, k: int, where: Where, allowed: Ids | None) -> Neighbors:
    index = view.index()
    if allowed is None and not isinstance(index, VectorIndex):
        # To ask of some hundred photos whether they pass is faster than which of a million do.
        for many in (_SOME,) if where else (k + _SPARE, _SOME):
            candidates = index.near(units, _depth(index, many))
            passing = np.isin(candidates, visible_among(view, _python(candidates), where))
            if (passing.sum(axis=1) >= _DEPTH_PER_NEIGHBOR * k).all():
                return scored(view, units, np.where(passing, candidates, -1), k)
    elif allowed is None and not where:
        found = search(view, index, units, k + _SPARE)
        wanted = min(k, found.ids.shape[1])
        seen = np.isin(found.ids, visible_among(view, _python(found.ids), where))
        if (seen.sum(axis=1) >= wanted).all():
            first = np.argsort(~seen, axis=1, kind="stable")[:, :k]
            ids, scores = found.ids, found.scores
            return Neighbors(np.take_along_axis(ids, first, 1), np.take_along_axis(scores, first, 1))
    return search(view, index, units, k, visible_ids(view, where) if allowed is None else allowed)


def search(view: View, index: AnyIndex, units: Vectors, k: int, allowed: Ids | None = None) -> Neighbors:
    """Return the k nearest of all that the index holds, or of those allowed, whether to be seen or not."""
    if isinstance(index, VectorIndex):
        return index.search(units, k, allowed)
    if allowed is not None and len(allowed) <= _FEW:
        return _among(view, units, allowed, k)
    return scored(view, units, index.near(units, _depth(index, k), allowed), k)


def roughly(view: View, index: AnyIndex, units: Vectors, k: int, read: ReadUnits = units_of) -> Neighbors:
    """Return about the k nearest of all, at half the price where an index is not exact.

    Of a large library 97 of 100 are found. read: how the vectors of candidates are read.
    """
    if isinstance(index, VectorIndex):
        return index.search(units, k)
    depth = min(_DEPTH_PER_NEIGHBOR * k, len(index))
    return scored(view, units, index.near(units, depth, effort=_ROUGH), k, read)


def _depth(index: ReducedIndex | PartedIndex, k: int) -> int:
    return min(max(index.tuning.depth, _DEPTH_PER_NEIGHBOR * k), len(index))


def _among(view: View, units: Vectors, allowed: Ids, k: int) -> Neighbors:
    """Return the k best of some photos, comparing all of them."""
    scores = units @ units_of(view, allowed).astype(np.float32).T
    return _best(np.broadcast_to(allowed, scores.shape), scores, k)


def scored(view: View, units: Vectors, candidates: Ids, k: int, read: ReadUnits = units_of) -> Neighbors:
    """Return the k best of each query's candidates (q, c), -1 for none, by their stored vectors."""
    ids = np.unique(candidates)
    ids = ids[ids >= 0]
    codes, place = read(view, ids), np.searchsorted(ids, candidates)
    if 2 * len(ids) < candidates.size:  # as float32 they take twice the room, but none is converted twice
        codes = codes.astype(np.float32)
    scores = np.full(candidates.shape, -np.inf, np.float32)
    for row, unit in enumerate(units):
        some = np.flatnonzero(candidates[row] >= 0)
        scores[row, some] = codes[place[row, some]].astype(np.float32, copy=False) @ unit
    return _best(candidates, scores, k)


def _best(ids: Ids, scores: Vectors, k: int) -> Neighbors:
    ordered = by_score(ids, np.minimum(scores, 1))
    return Neighbors(ordered.ids[:, :k], ordered.scores[:, :k])


class Truth:
    """The best scores that queries (q, dim), unit vectors, reach among all that they are shown.

    scores: (q, k) float32 in no order, -inf where fewer were shown.
    """

    def __init__(self, units: Vectors, k: int) -> None:
        self.units = units
        self._k = k
        self.scores = np.full((len(units), k), -np.inf, np.float32)

    def see(self, codes: Codes) -> None:
        """Compare the queries with unit vectors (n, dim)."""
        scores = np.minimum(self.units @ codes.astype(np.float32).T, 1)
        shown = np.concatenate([self.scores, scores], axis=1)
        self.scores = np.partition(shown, shown.shape[1] - self._k, axis=1)[:, -self._k :]


def recall(truth: Truth, scores: Vectors) -> float:
    """Return the share of the best that was found, of queries that are in the library themselves.

    scores: (q, k) of what was found. Of several with the same score any will do; the query itself, which is
    always found, does not count.
    """
    worst = truth.scores.min(axis=1, keepdims=True)
    hits = (scores >= worst - _GRAIN).sum(axis=1)
    most = truth.scores.shape[1] - 1
    return float(np.mean(np.clip(hits - 1, 0, most)) / most)


def _python(ids: Ids) -> list[int]:
    return [int(each) for each in np.unique(ids) if each >= 0]
