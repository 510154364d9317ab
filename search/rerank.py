"""k-reciprocal re-ranking: photos that share a query's neighborhood come before those that do not.

A cosine compares two photos alone. That they have neighbors in common, which have them among their own in
turn, says more (Zhong et al. 2017, arXiv 1701.08398). Here it is done over the neighborhoods that the
library keeps of its photos, so that a query costs milliseconds.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..store.catalog.knn import NEIGHBORS, Neighborhoods, neighborhoods_of
from ..store.index.exact import Ids, Neighbors
from ..store.records import Vectors
from ..store.view import View

# Below so many photos a neighborhood of twenty is no neighborhood: there it found less as often as more.
LEAST_PHOTOS = 200

# Nearest photos that are ranked anew.
CANDIDATES = 200

# Neighbors whose neighborhoods count as one's own (k2 of Zhong et al., less the photo itself).
_CLOSEST = 5

# What scores so high is the query itself, or looks the same to the network.
_SELF = 0.9999

# Where more of the candidates have no neighborhood yet, they are ranked by the cosine alone.
_MOST_UNKNOWN = 0.1

_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RerankWeights:
    """How much shared neighbors count; the defaults were found by benchmarks/search/reranking.py.

    jaccard: the cosine that sharing the whole neighborhood is worth. gap: where the cosine of a query's
    best neighbor is above that of the twentieth by more than this, few photos are like the query, and
    sharing counts less in proportion. decay: how fast the neighborhoods of neighbors (the query expansion)
    count less as their cosine falls below that of the best.
    """

    jaccard: float = 0.6
    gap: float = 0.12
    decay: float = 16.0


MEASURED = RerankWeights()


@dataclass(frozen=True, slots=True, eq=False)
class LocalGraph:
    """The k-NN graph around some candidates: their neighborhoods, and those of their closest neighbors."""

    known: Neighborhoods

    @classmethod
    def around(cls, view: View, candidates: Ids) -> "LocalGraph":
        """Return the part around candidates (any shape, -1 for none)."""
        near = neighborhoods_of(view, candidates[candidates >= 0])
        closest = np.setdiff1d(near.neighbors[:, :_CLOSEST], near.ids)
        return cls(_joined(near, neighborhoods_of(view, closest[closest > 0])))

    def covers(self, candidates: Ids) -> bool:
        """Tell whether nearly all candidates (any shape, -1 for none) have a neighborhood."""
        there = candidates[candidates >= 0]
        _, are_known = self.known.places(there)
        return bool((~are_known).sum() <= _MOST_UNKNOWN * len(there))

    def same_as(self, ids: Ids) -> Ids:
        """Return for photos the ones that stand for them and their proven copies, in the shape of ids."""
        places, are_known = self.known.places(ids)
        if not len(self.known):
            return ids
        return np.where(are_known, self.known.same_as[places], ids)


def _joined(a: Neighborhoods, b: Neighborhoods) -> Neighborhoods:
    order = np.argsort(np.concatenate([a.ids, b.ids]))
    return Neighborhoods(
        *(
            np.concatenate([getattr(a, name), getattr(b, name)])[order]
            for name in ("ids", "same_as", "neighbors", "scores", "mutual")
        )
    )


def rerank(found: Neighbors, graph: LocalGraph, weights: RerankWeights = MEASURED) -> Neighbors:
    """Return the neighbors of queries in a better order, with the cosines that they had.

    found: (q, m), best first. The first CANDIDATES of each query are ranked anew.
    """
    ids, scores = found.ids.copy(), found.scores.copy()
    for row in range(len(ids)):
        count = min(CANDIDATES, int((ids[row] >= 0).sum()))
        order = _order(ids[row, :count], scores[row, :count], graph, weights)
        ids[row, :count], scores[row, :count] = ids[row, order], scores[row, order]
    return Neighbors(ids, scores)


def _order(ids: Ids, scores: Vectors, graph: LocalGraph, weights: RerankWeights) -> Ids:
    """Return the order of one query's candidates, best first."""
    _, are_known = graph.known.places(ids)
    if not len(ids) or not graph.covers(ids):
        return np.arange(len(ids))
    query = _Query(ids, scores, graph.known, weights)
    shared = np.where(are_known, query.shared(), 0)
    return np.lexsort((ids, -(scores + query.weight * shared)))


class _Query:
    """One query among its candidates: who is in its neighborhood, and who shares it."""

    def __init__(self, ids: Ids, scores: Vectors, known: Neighborhoods, weights: RerankWeights) -> None:
        places, are_known = known.places(ids)
        self._known, self._places, self._parameters = known, places, weights
        same_as = np.where(are_known, known.same_as[places], ids)
        # A query of the library is met as itself, among its candidates and in the neighborhoods; no other
        # is known to anybody.
        self._own = int(same_as[0]) if scores[0] >= _SELF else 0
        first = np.sort(np.unique(same_as, return_index=True)[1])
        first = first[same_as[first] != self._own][:NEIGHBORS]
        self._near, self._scores = same_as[first], scores[first]
        is_mutual = are_known[first] & (scores[first] >= known.reach[places[first]])
        self._keys, self._weights = self._neighborhood(is_mutual)

    @property
    def weight(self) -> float:
        """The cosine that sharing its whole neighborhood is worth."""
        if not len(self._scores):
            return 0.0
        gap = float(self._scores[0] - self._scores[-1])
        return self._parameters.jaccard * min(1.0, self._parameters.gap / max(gap, 1e-6))

    def _neighborhood(self, is_mutual: _Mask) -> tuple[Ids, Vectors]:
        """Return who is in the query's neighborhood, ascending, and how much: weights that sum up to 1."""
        own = np.concatenate([[np.e], np.exp(self._scores[is_mutual])])
        ids = [np.concatenate([[self._own], self._near[is_mutual]])]
        weights = [own / own.sum()]
        closest, shares = self._near[:_CLOSEST], self._shares(self._scores[None, :_CLOSEST])[0]
        places, are_known = self._known.places(closest)
        for place, share in zip(places[are_known], shares[are_known], strict=True):
            members, parts = _members(self._known, place[None])
            ids.append(members[0])
            weights.append(share * parts[0])
        keys, place_of = np.unique(np.concatenate(ids), return_inverse=True)
        summed = np.bincount(place_of, np.concatenate(weights), len(keys))
        return keys, np.asarray(summed / summed.sum(), np.float32)

    def shared(self) -> Vectors:
        """Return how much of the query's neighborhood is each candidate's as well: 0 to 1 (Jaccard)."""
        rows = np.unique(self._places)
        needed = self._known.neighbors[rows, :_CLOSEST]
        closest, are_known = self._known.places(needed)
        everybody = np.union1d(rows, closest[are_known])
        parts = self._parts(everybody)
        at = np.searchsorted(everybody, np.where(are_known, closest, rows[:, None]))
        shares = self._shares(self._known.scores[rows, :_CLOSEST]) * are_known
        mixed = parts[np.searchsorted(everybody, rows)] + np.einsum("rc,rck->rk", shares, parts[at])
        mixed /= 1 + shares.sum(axis=1, keepdims=True)
        common = np.minimum(mixed, self._weights).sum(axis=1)
        return np.asarray(common / (2 - common), np.float32)[np.searchsorted(rows, self._places)]

    def _parts(self, places: Ids) -> Vectors:
        """Return how much of the neighborhoods at places the query's members are, (n, keys)."""
        members, weights = _members(self._known, places)
        at = np.minimum(np.searchsorted(self._keys, members), len(self._keys) - 1)
        hit = (self._keys[at] == members) & (weights > 0)
        parts = np.zeros((len(places), len(self._keys)), np.float32)
        parts[np.nonzero(hit)[0], at[hit]] = weights[hit]
        return parts

    def _shares(self, scores: Vectors) -> Vectors:
        """Return how much the neighborhoods of the closest neighbors count, (n, closest), 1 the best."""
        return np.asarray(np.exp(self._parameters.decay * (scores - scores[:, :1])), np.float32)


def _members(known: Neighborhoods, places: Ids) -> tuple[Ids, Vectors]:
    """Return who is in the neighborhoods at places, (n, 1 + NEIGHBORS), and how much; 0 for nobody."""
    ids = np.concatenate([known.same_as[places, None], known.neighbors[places]], axis=1)
    weights = np.exp(known.scores[places]) * known.mutual[places]
    weights = np.concatenate([np.full((len(places), 1), np.e), weights], axis=1)
    return ids, np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
