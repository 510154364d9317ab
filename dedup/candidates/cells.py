"""Comparing photos only with those of the same part of the space: a few of a thousand pairs, not all.

The space for copies is cut into cells around centers. A photo lies in its nearest cell and asks in those
nearest to it: a copy that fell on the other side of a border is met all the same. The rule that photos of
almost the same hash are copies wherever they lie has cells of its own, around hashes. What comes of it is a
part of what comparing all gives, most of it; how much is measured on the library itself (`Sample`).
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
import numpy.typing as npt

from ...indexer.executor import ThreadExecutor
from ...store.index.exact import Ids, faiss_module
from ...store.records import Vectors
from .all_pairs import EFFORT, AllPairs, Effort, Mask, Photos, SearchLimits, Strip
from .blocks import NOTHING, joined, meet
from .hashes import HASH_BYTES, Bits
from .topk import Listed, Rows

Numbers = npt.NDArray[np.int32]  # of cells; -1 for none

# In how many cells a photo asks. Of 4,175 proven copies among 101,605 photos six of 1,032 cells lose one,
# at 1.8 % of the pairs; eight one, too, four 22, one 611. Almost the same hashes lie closer together.
ASKED, ASKED_BY_HASH = 6, 2

# A photo more makes a cell a little larger and asks for a little more cells: both costs grow alike.
_CELLS, _AT = 1024, 100_000

_AT_ONCE = 256  # cells of which the lists are merged together

_TRAINED_ON = 64  # photos for each cell
_ROUNDS = 10
_SEED = 1

# The sample: so many photos, but no more than cost a hundredth of comparing all.
_MOST_SAMPLED, _LEAST_SAMPLED, _SAMPLED_PART = 2048, 300, 1 / 200


def count_of_cells(photos: int) -> int:
    """Return how many cells so many photos are cut into: by the root of their number."""
    return max(1, round(_CELLS * math.sqrt(photos / _AT)))


def count_to_train(photos: int) -> int:
    """Return how many of so many photos the centers are made of."""
    return min(photos, _TRAINED_ON * count_of_cells(photos))


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The centers of cells. points: (c, d) unit vectors. hashes: (h, 32), of those that may be trusted."""

    points: Vectors
    hashes: Bits

    @classmethod
    def of(cls, photos: Photos, count: int) -> "Cells":
        """Make so many of each kind of a sample of photos, by k-means; always the same of the same."""
        trusted = photos.hashes.codes()[photos.hashes.textured]
        signs = np.unpackbits(trusted, axis=1).astype(np.float32) * 2 - 1
        hashes = np.packbits(_centers(signs, count) > 0, axis=1)
        return cls(_centers(photos.points, count), hashes.reshape(-1, HASH_BYTES))

    def nearest(self, photos: Photos, asked: int = ASKED) -> tuple[Numbers, Numbers]:
        """Return the cells of points (n, asked) and of hashes (n, ASKED_BY_HASH), the nearest first.

        -1 where there are fewer, and for hashes that may not be trusted.
        """
        faiss = faiss_module()
        index = faiss.IndexFlatIP(self.points.shape[1])
        index.add(self.points)
        of_points = index.search(np.ascontiguousarray(photos.points), asked)[1]
        of_hashes = np.full((len(photos.ids), ASKED_BY_HASH), -1, np.int32)
        if len(self.hashes):
            binary = faiss.IndexBinaryFlat(8 * HASH_BYTES)
            binary.add(self.hashes)
            of_hashes = binary.search(photos.hashes.codes(), ASKED_BY_HASH)[1].astype(np.int32)
            of_hashes[~photos.hashes.textured] = -1
        return of_points.astype(np.int32), of_hashes


def _centers(sample: Vectors, count: int) -> Vectors:
    """Return unit vectors that are means of those near them, at most so many."""
    count = min(count, len(sample))
    if not count:
        return np.empty((0, sample.shape[1]), np.float32)
    kmeans = faiss_module().Kmeans(
        sample.shape[1],
        count,
        niter=_ROUNDS,
        spherical=True,
        seed=_SEED,
        min_points_per_centroid=1,
        max_points_per_centroid=_TRAINED_ON,
    )
    kmeans.train(np.ascontiguousarray(sample))
    return np.asarray(kmeans.centroids, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """Places of photos, ascending. lying: those in the cell. asking: others, who ask in it."""

    lying: Rows
    asking: Rows

    @property
    def pairs(self) -> int:
        """The number of pairs that are compared."""
        return len(self.lying) * (len(self.lying) - 1) // 2 + len(self.lying) * len(self.asking)


def cells_in(nearest: Numbers) -> Iterator[Cell]:
    """Yield the cells that any photo lies in. nearest: (n, m) as `Cells.nearest` gives them."""
    lying, asking = _by_cell(nearest[:, :1]), _by_cell(nearest[:, 1:])
    for number, rows in lying.items():
        yield Cell(rows, asking.get(number, _NO_ROWS))


def _by_cell(numbers: Numbers) -> Mapping[int, Rows]:
    """Return the places of photos by cell."""
    row, column = np.nonzero(numbers >= 0)
    cell = numbers[row, column]
    order = np.argsort(cell, kind="stable")
    found, begins = np.unique(cell[order], return_index=True)
    return dict(zip(found.tolist(), np.split(row[order], begins[1:]), strict=False))


def compared(
    cells: Iterable[Cell], photos: Photos, limits: SearchLimits, threads: int | None = None
) -> Strip:
    """Return what is found within cells, for photos by their places among all of these."""
    # Cells are small: threads take one each.
    found = ThreadExecutor(threads).run(cells, partial(_compared, photos=photos, limits=limits))
    lists = [NOTHING]
    while strips := list(islice(found, _AT_ONCE)):
        lists = [joined([*lists, *strips], limits.k)]
    return lists[0]


def _compared(cell: Cell, photos: Photos, limits: SearchLimits) -> Strip:
    lying = photos.subset(cell.lying)
    found = [_at(AllPairs(lying, limits).found(_ALONE), cell.lying)]
    if len(cell.asking):
        ours, theirs = meet(photos.subset(cell.asking), lying, limits, effort=_ALONE)
        found += [_at(ours, cell.asking), _at(theirs, cell.lying)]
    return joined(found, limits.k)


def _at(found: Strip, places: Rows) -> Strip:
    """Return the same for photos at these places, ascending."""
    near, alike = (Listed(places[each.rows], each.keys, each.ids) for each in (found.near, found.alike))
    return Strip(near, alike)


def compare_in_cells(
    photos: Photos, limits: SearchLimits, cells: Cells, asked: int = ASKED
) -> tuple[Strip, int]:
    """Compare photos, all new, in cells; return what was found, and how many pairs were compared."""
    found = [cell for nearest in cells.nearest(photos, asked) for cell in cells_in(nearest)]
    return compared(found, photos, limits), sum(cell.pairs for cell in found)


# --- how much it finds ----------------------------------------------------------------------------


def with_all(sample: Photos, others: Photos, limits: SearchLimits, effort: Effort = EFFORT) -> Strip:
    """Return what is found for the photos of a sample when they are compared with others.

    Those of the others that are in the sample are passed over: `AllPairs` compares these with each other.
    """
    rest = others.subset(np.flatnonzero(~np.isin(others.ids, sample.ids)))
    return meet(sample, rest, limits, effort=effort)[0]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Photos that are compared with all, to tell how many copies cells find.

    weights: how many photos each stands for.

    Copies are rare: of 300 photos drawn from all alike, few or none would have any, and the share of so
    few says nothing. So half of the sample has copies, as far as is known from the cells and their proofs,
    and the other half has none: it alone can tell of photos of which every copy was missed. Each photo
    counts for as many as it was drawn from, so that neither half pushes the estimate up or down; what is
    left to chance is small, as long as few photos lose all their copies (where every seventh copy was
    missed, it said every fourteenth). And it is proven copies that are
    counted: candidates that were refused lie farther apart, and more of them are missed.
    """

    ids: Ids
    weights: Vectors

    @classmethod
    def draw(cls, ids: Ids, with_copies: Mask, seed: int = _SEED) -> "Sample":
        """Draw photos. ids: (n,) of all. with_copies: (n,) which have copies that were found."""
        random = np.random.default_rng(seed)
        count = min(len(ids), max(_LEAST_SAMPLED, min(_MOST_SAMPLED, int(_SAMPLED_PART * len(ids)))))
        kinds = [np.flatnonzero(with_copies), np.flatnonzero(~with_copies)]
        # What one half has not, the other takes.
        first = min(len(kinds[0]), max(count // 2, count - len(kinds[1])))
        rows = [
            random.choice(kind, some, replace=False)
            for kind, some in zip(kinds, (first, count - first), strict=True)
        ]
        weights = [
            np.full(len(some), len(kind) / max(1, len(some)))
            for some, kind in zip(rows, kinds, strict=True)
        ]
        order = np.argsort(chosen := np.concatenate(rows))
        return cls(ids[chosen[order]], np.concatenate(weights)[order].astype(np.float32))

    def found_share(
        self, copies: Mapping[int, Collection[int]], met: Mapping[int, Collection[int]]
    ) -> float:
        """Return about which share of all copies cells find; 1 where there are none.

        copies: of each photo of the sample, its proven copies among what comparing it with all nominates.
        met: those that were nominated within cells.
        """
        all_copies = found = 0.0
        for photo, weight in zip(self.ids.tolist(), self.weights.tolist(), strict=True):
            its = set(copies.get(photo, ()))
            all_copies += weight * len(its)
            found += weight * len(its & set(met.get(photo, ())))
        return found / all_copies if all_copies else 1.0


_ALONE = Effort(1)
_NO_ROWS = np.empty(0, np.int64)
