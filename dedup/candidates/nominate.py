"""Which pairs of photos are handed to the proof: near in the space for copies, or of the same hash.

Every new photo is compared with all: exact, at any size.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ...store.index.exact import Ids
from ...store.progress import NEVER
from ...store.records import Vectors
from .all_pairs import Effort, Mask, Photos, SearchLimits, Strip
from .blocks import BY_SIZE, Blocks
from .copy_space import AnyVectors, CopySpace
from .hashes import Hashes
from .topk import GRAIN, Listed, Rows, key_of_score, rank_of

# More than the copies that a photo usually has: they crowd each other's lists.
DEFAULT_K = 20

# A picture that was turned by 25 degrees keeps a cosine of .35 with what it was; so many of the nearest are
# looked at down to the lower floor, which costs 4 pairs of 100.
FEW = 6

# Bits of 256. Whole pictures that are re-saved, edited, stamped, turned or mirrored stay below; different
# photos of 1.3 million pairs did so 21 times.
MAX_DISTANCE = 72

# From here down the hashes alone are enough: a picture without its colors may be far away in the space
# for copies (cosine 0.08) with not one bit changed, and stamps all over it change 27.
ALMOST_SAME = 48

_SOME_PAIRS = 1 << 13
_SOME_VECTORS = 1 << 10

# Gives the unit embeddings (n, dim) of photos by id, each asked for once.
UnitsOf = Callable[[Ids], AnyVectors]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs worth a proof, and the neighbors of the new photos that came of the search.

    pairs: (m, 2) ids, a < b, each once, ascending. cosine: (m,) of their embeddings. new: (n_new,) ids,
    ascending. neighbors: (n_new, k) ids of the nearest in the space for copies, as far down as any are
    worth a proof, ordered by cosine, -1 where there are fewer. scores: (n_new, k) cosines of the
    embeddings, -1 where there is none.
    """

    pairs: Ids
    cosine: Vectors
    new: Ids
    neighbors: Ids
    scores: Vectors


def nominate(
    ids: Ids,
    units: AnyVectors,
    hashes: Hashes,
    space: CopySpace,
    *,
    new: Mask | None = None,
    k: int = DEFAULT_K,
    blocks: Blocks = BY_SIZE,
) -> Candidates:
    """Return the pairs of a new photo with any photo that a proof should look at.

    ids: (n,) unlike each other, in any order. units: (n, dim) unit embeddings of these. hashes: of
    these. new: (n,) which are compared with all; None: all. k: a photo nominates its k nearest above the
    space's floor, and k more by their hashes. blocks: how they are cut; it changes nothing that is found.

    A pair of two old photos is never in it. A photo that many old ones have among their k nearest is
    met from its own side only.
    """
    is_new = np.ones(len(ids), np.bool_) if new is None else new
    order = np.lexsort((ids, ~is_new))
    starts = range(0, max(len(ids), 1), _SOME_VECTORS)
    points = [space.project(units[order[start : start + _SOME_VECTORS]]) for start in starts]
    photos = Photos(ids[order], int(is_new.sum()), np.concatenate(points), hashes.subset(order))
    by_id = np.argsort(ids)
    search = Search(
        photos, space, lambda some: units[by_id[np.searchsorted(ids, some, sorter=by_id)]], k, blocks
    )
    return _joined([_nothing(k), *map(search.candidates, search.findings())])


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What a comparison with all found for the new photos at these places."""

    rows: slice
    strip: Strip


class Search:
    """The two halves of `nominate`, for some of the new photos at a time.

    Findings are mostly the work of all cores, outside of Python; candidates wait for embeddings to be
    read. So whoever has much to do does one while the other goes on.
    """

    def __init__(
        self,
        photos: Photos,
        space: CopySpace,
        units_of: UnitsOf,
        k: int = DEFAULT_K,
        blocks: Blocks = BY_SIZE,
    ) -> None:
        self._photos, self._blocks = photos, blocks
        self._lists = Lists(space, units_of, k)

    def findings(self, stop: threading.Event = NEVER) -> Iterator[Findings]:
        """Yield what was found, complete for its photos: they were compared with all.

        stop: set it to end early.
        """
        for rows, strip in self._blocks.run(self._photos, self._lists.limits, Effort(stop=stop)):
            yield Findings(rows, strip)

    def candidates(self, found: Findings) -> Candidates:
        """Return the pairs and neighbors of the photos for which this was found."""
        return self._lists.candidates(self._photos.ids[found.rows], found.strip.moved(-found.rows.start))


@dataclass(frozen=True, slots=True)
class Lists:
    """Makes candidates of what was found for photos. k: as in `nominate`."""

    space: CopySpace
    units_of: UnitsOf
    k: int = DEFAULT_K

    @property
    def limits(self) -> SearchLimits:
        """What is to be searched for."""
        lowest = min(self.space.few_floor, self.space.floor)
        return SearchLimits(self.k, lowest, self.space.floor, self.space.gate, MAX_DISTANCE, ALMOST_SAME)

    def candidates(self, ids: Ids, found: Strip) -> Candidates:
        """Return the pairs and neighbors of photos. ids: of these, which were found something for."""
        near, alike = found.near, found.alike
        first = ids[np.append(near.rows, alike.rows)]
        second = np.append(near.ids, alike.ids)
        cosine = cosines(first, second, self.units_of)
        worth = np.append(self._near_enough(near), np.ones(len(alike.ids), np.bool_))
        both = np.sort(np.column_stack([first, second])[worth], axis=1)
        pairs, place = np.unique(both, axis=0, return_index=True)
        listed = near.ids, cosine[: len(near.ids)]
        neighbors, scores = _as_lists((len(ids), self.k), near.rows, *listed)
        return Candidates(pairs, cosine[worth][place], ids, neighbors, scores)

    def _near_enough(self, near: Listed) -> Mask:
        """Return which of the nearest are worth a proof, (m,)."""
        floor = np.float32(self.space.floor)
        few = (rank_of(near.rows) < FEW) & (self.space.few_floor < floor)
        return np.asarray((near.keys <= key_of_score(floor)) | few, np.bool_)


def cosines(first: Ids, second: Ids, units_of: UnitsOf) -> Vectors:
    """Return the cosines of the embeddings of photos first[i] and second[i], (m,)."""
    found = np.empty(len(first), np.float32)
    for start in range(0, len(first), _SOME_PAIRS):
        some = slice(start, start + _SOME_PAIRS)
        wanted, place = np.unique(np.concatenate([first[some], second[some]]), return_inverse=True)
        a, b = np.split(place, 2)
        found[some] = _row_products(units_of(wanted).astype(np.float32), a, b)
    return np.clip(found, -1, 1)


def _row_products(units: Vectors, a: Rows, b: Rows) -> Vectors:
    found = np.empty(len(a), np.float32)
    for start in range(0, len(a), _SOME_VECTORS):
        some = slice(start, start + _SOME_VECTORS)
        found[some] = np.einsum("nd,nd->n", units[a[some]], units[b[some]])
    return found


def _as_lists(shape: tuple[int, int], row: Rows, ids: Ids, cosine: Vectors) -> tuple[Ids, Vectors]:
    """Return neighbors and scores, best first; shape: of both."""
    order = np.lexsort((ids, -np.round(cosine / GRAIN), row))
    row, ids, cosine = row[order], ids[order], cosine[order]
    rank = rank_of(row)
    neighbors, scores = np.full(shape, -1, np.int64), np.full(shape, -1, np.float32)
    neighbors[row, rank], scores[row, rank] = ids, cosine
    return neighbors, scores


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
