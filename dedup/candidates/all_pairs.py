"""Comparing photos with all: a tile of scores and of hashes at a time, of which the best are kept.

Each pair of two new photos is met once and counts for both, so that comparing all with all takes half of
the products. Memory grows with the number of photos, never with its square. A score is exact to the last
digit: what is found does not depend on how the work is cut.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ...indexer.executor import ThreadExecutor, default_workers
from ...store.index.exact import Ids, bit_distances
from ...store.progress import NEVER
from ...store.records import Vectors
from .hashes import Hashes
from .int8 import Left, products
from .topk import (
    MOST_PHOTOS,
    Best,
    Entries,
    Keys,
    Listed,
    Rows,
    best,
    entries,
    key_of_score,
    parts,
    score_of_key,
)

Mask = npt.NDArray[np.bool_]

# A tile of scores: 8 MB, which stay in the cache. So many rows of tiles are finished together.
_HIGH, _WIDE = 512, 4096
_ROWS = _WIDE

_MOST_WORKERS = 16  # each takes 30 MB
_SOME_POINTS = 1 << 8
# From this share of a tile's scores on, all of them anew are cheaper than these one by one.
_MANY = 1 / 64

_NOTHING = np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """What is compared: the new photos first, then the others, each part ordered by id.

    ids: (n,). new: how many are. points: (n, d) as `CopySpace.project` gives them. hashes: n.
    """

    ids: Ids
    new: int
    points: Vectors
    hashes: Hashes

    def scores(self, a: Rows, b: Rows) -> Vectors:
        """Return the scores of photos at places a[i] and b[i], (m,)."""
        found = np.empty(len(a), np.float32)
        for start in range(0, len(a), _SOME_POINTS):
            some = slice(start, start + _SOME_POINTS)
            ours, theirs = self.points[a[some]], self.points[b[some]]
            found[some] = np.einsum("nd,nd->n", ours, theirs, dtype=np.float64)
        return found

    def part(self, places: slice) -> "Photos":
        """Return the photos at these places, which are some of the others or new ones, or both."""
        new = max(0, min(self.new, places.stop) - places.start)
        words = Hashes(
            self.hashes.words[:, places], self.hashes.turned[:, places], self.hashes.textured[places]
        )
        return Photos(self.ids[places], new, self.points[places], words)

    def subset(self, places: Rows) -> "Photos":
        """Return the photos at these places, in their order, all as new."""
        hashes = self.hashes.subset(places)
        return Photos(self.ids[places], len(places), self.points[places], hashes)

    def followed_by(self, others: "Photos") -> "Photos":
        """Return these, all new, and then the others."""
        return Photos(
            np.concatenate([self.ids, others.ids]),
            self.new + others.new,
            np.concatenate([self.points, others.points]),
            self.hashes.followed_by(others.hashes),
        )


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """What is near enough to be kept.

    floor: score from which on the k nearest are. edge: a higher one that keys tell, too: what has its key
    or a lower one has at least this score. gate: score from which on photos are whose hashes differ in at
    most most_bits, of which the k nearest by hash count; almost_same: bits that need no score.
    """

    k: int
    floor: float
    edge: float
    gate: float
    most_bits: int
    almost_same: int


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """What was found for some photos: the nearest, with keys of scores; those of like hashes, with bits."""

    near: Listed
    alike: Listed

    def part(self, rows: slice) -> "Strip":
        """Return what was found for some of the photos, at their places."""
        return Strip(self.near.part(rows), self.alike.part(rows))

    def moved(self, places: int) -> "Strip":
        """Return the same for photos that are so many places further on."""
        return Strip(self.near.moved(places), self.alike.moved(places))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What a part of the work found, as numbers that sort themselves."""

    near: Entries
    alike: Entries


@dataclass(frozen=True, slots=True)
class Block:
    """Some photos and others, by place, which a tile has the scores of."""

    rows: slice
    columns: slice

    @property
    def size(self) -> int:
        """The number of pairs."""
        return int((self.rows.stop - self.rows.start) * (self.columns.stop - self.columns.start))

    def places(self, flat: Rows) -> tuple[Rows, Rows]:
        """Return the places of pairs by their number in the tile."""
        row, column = np.divmod(flat, self.columns.stop - self.columns.start)
        return row + self.rows.start, column + self.columns.start


@dataclass(frozen=True, slots=True)
class Effort:
    """threads: how many compare, None: as many as there are cores. stop: set it to end early."""

    threads: int | None = None
    stop: threading.Event = NEVER


EFFORT = Effort()


class AllPairs:
    """Compares the new of some photos with all of them, or the first of these with those after them."""

    def __init__(
        self, photos: Photos, limits: SearchLimits, *, apart: int = 0, begun: Strip | None = None
    ) -> None:
        """Make ready for comparing.

        apart: so many of the new are compared with those after them, and nothing else is. begun: what was
        found before for the new ones, among other photos: what is not better need not be found.

        Raises:
            ValueError: there are more than eight million photos; see `blocks`.
        """
        if len(photos.ids) >= MOST_PHOTOS:
            raise ValueError(f"{len(photos.ids):,} photos are too many to compare at once")
        self._photos, self._limits, self._apart = photos, limits, apart
        self._rows = apart or photos.new
        self._products = products(photos.points, self._rows, _WIDE, apart)
        self._codes = photos.hashes.codes()
        self._rooms = threading.local()
        self._by_id = np.argsort(photos.ids)
        self._number = np.empty(len(photos.ids), np.int64)
        self._number[self._by_id] = np.arange(len(photos.ids))
        self._near, self._alike = (
            Best(photos.new, limits.k, None if each is None else each.bounds(photos.new, limits.k))
            for each in ((None, None) if begun is None else (begun.near, begun.alike))
        )

    def run(self, effort: Effort = EFFORT) -> Iterator[tuple[slice, Strip]]:
        """Yield places of new photos and the best that was found for them, in order."""
        for rows in self._scan(effort):
            yield rows, self._taken(rows.stop)

    def found(self, effort: Effort = EFFORT) -> Strip:
        """Return the best for all new photos at once; of a run that was stopped, what there is by then."""
        for _ in self._scan(effort):
            pass
        return self._taken(self._photos.new)

    def _scan(self, effort: Effort) -> Iterator[slice]:
        """Yield places of photos that were just compared."""
        threads = ThreadExecutor(min(effort.threads or default_workers(), _MOST_WORKERS))
        # A thread that is started costs as much as a small tile.
        run = _one_by_one if threads.workers == 1 else threads.run
        for rows in strips(slice(0, self._rows)):
            left = self._products.left(rows)
            for found in run(self._columns(rows.start), partial(self._strip, rows, left)):
                if effort.stop.is_set():
                    return
                self._near.add(found.near)
                self._alike.add(found.alike)
            yield rows

    def _taken(self, stop: int) -> Strip:
        return Strip(self._listed(self._near.take(stop)), self._listed(self._alike.take(stop)))

    def _listed(self, found: Entries) -> Listed:
        row, keys, which = parts(found)
        return Listed(row, keys, self._photos.ids[self._by_id[which]])

    def _columns(self, start: int) -> Iterator[slice]:
        """Yield the columns for the rows from start on, a tile's width each."""
        count = len(self._photos.ids)
        return cut(slice(self._apart or start, count), _WIDE)

    def _strip(self, rows: slice, left: Left, columns: slice) -> _Found:
        tiles = [
            self._tile(slice(start, min(start + _HIGH, rows.stop)), left[place : place + _HIGH], columns)
            for place, start in zip(
                range(0, _ROWS, _HIGH), range(rows.start, rows.stop, _HIGH), strict=False
            )
        ]
        return _Found(
            self._joined([each.near for each in tiles]), self._joined([each.alike for each in tiles])
        )

    def _joined(self, found: list[Entries]) -> Entries:
        # Of photos that are all alike there is more than memory for.
        return best(np.concatenate(found), self._limits.k)

    def _tile(self, rows: slice, left: Left, columns: slice) -> _Found:
        tile = self._products.tile(left, columns)
        room = self._room("mask", np.bool_)[: tile.size].reshape(tile.shape)
        flat = np.flatnonzero(np.greater_equal(tile, self._products.least(self._limits.gate), out=room))
        near = np.flatnonzero(np.greater_equal(tile, self._products.least(self._limits.floor), out=room))
        rough = np.asarray(np.take(tile, near) * np.float32(self._products.unit), np.float32)
        alike = self._alike_ones(Block(rows, columns), flat)
        return _Found(self._near_ones(Block(rows, columns), near, rough), alike)

    def _room(self, name: str, kind: type[np.generic]) -> npt.NDArray[Any]:
        """Return room for a tile, taken once by each thread."""
        rooms = self._rooms.__dict__
        if name not in rooms:
            rooms[name] = np.empty(_HIGH * _WIDE, kind)
        room: npt.NDArray[Any] = rooms[name]
        return room

    def _near_ones(self, block: Block, flat: Rows, rough: Vectors) -> Entries:
        a, b = block.places(flat)
        least = np.minimum(
            self._least(block.rows)[a - block.rows.start],
            self._least(block.columns)[b - block.columns.start],
        )
        close = (rough >= least) & (b > a)
        a, b = a[close], b[close]
        exact = self._exact(block, a, b)
        close = exact >= np.float32(self._limits.floor)
        return self._for_both(a[close], b[close], self._keys(exact[close]), self._near)

    def _keys(self, scores: Vectors) -> Keys:
        edge = np.float32(self._limits.edge)
        keys = key_of_score(scores)
        # Keys are rounded: what has the edge's may lie on either side.
        keys[(keys == key_of_score(edge)) & (scores < edge)] += 1
        return keys

    def _least(self, places: slice) -> Vectors:
        """Return the rough scores that count for photos; of those that are not new, none does."""
        least = np.full(places.stop - places.start, 2, np.float32)
        bounds = self._near.bounds[places]
        least[: len(bounds)] = score_of_key(bounds) - np.float32(2 * self._products.margin)
        return least

    def _exact(self, block: Block, a: Rows, b: Rows) -> Vectors:
        if len(a) <= _MANY * block.size:
            return self._photos.scores(a, b)
        ours, theirs = (
            self._photos.points[each].astype(np.float64) for each in (block.rows, block.columns)
        )
        return np.asarray((ours @ theirs.T)[a - block.rows.start, b - block.columns.start], np.float32)

    def _alike_ones(self, block: Block, flat: Rows) -> Entries:
        """Return whose hashes are alike: of those that are near enough for that to count, and of all."""
        hashes = self._photos.hashes
        alike = hashes.alike(block.rows, block.columns, flat, self._limits.most_bits)
        a, b, bits = self._trusted(block, alike)
        close = self._exact(block, a, b) >= np.float32(self._limits.gate)
        found = self._for_both(a[close], b[close], bits[close], self._alike)
        codes = self._codes[block.rows], self._codes[block.columns]
        different = bit_distances(*codes, out=self._room("bits", np.int32))
        if different.min() > self._limits.almost_same:
            return found
        almost = self._trusted(block, np.flatnonzero(different <= self._limits.almost_same))
        return np.concatenate([found, self._for_both(*almost, self._alike)])

    def _trusted(self, block: Block, flat: Rows) -> tuple[Rows, Rows, Rows]:
        """Return the pairs, met for the first time, of which the hashes may be trusted, and their bits."""
        a, b = block.places(flat)
        textured = self._photos.hashes.textured
        trusted = textured[a] & textured[b] & (b > a)
        a, b = a[trusted], b[trusted]
        return a, b, self._photos.hashes.distances(a, b).astype(np.int64)

    def _for_both(self, a: Rows, b: Rows, keys: Rows, kept: Best) -> Entries:
        """Return findings for a and, where these are new, for b."""
        new = b < self._photos.new
        whom = np.concatenate([a, b[new]])
        keys = np.concatenate([keys, keys[new]])
        which = self._number[np.concatenate([b, a[new]])]
        counts = keys <= kept.bounds[whom]
        return entries(whom[counts], keys[counts], which[counts])


def _one_by_one(columns: Iterable[slice], work: Callable[[slice], _Found]) -> Iterator[_Found]:
    return map(work, columns)


def strips(rows: slice) -> Iterator[slice]:
    """Yield places in the pieces that are finished together."""
    return cut(rows, _ROWS)


def cut(places: slice, size: int) -> Iterator[slice]:
    """Yield places in pieces of a size; the last may be smaller."""
    return (
        slice(start, min(start + size, places.stop)) for start in range(places.start, places.stop, size)
    )


def where(mask: Mask) -> tuple[Rows, Rows]:
    """Return what `np.nonzero` does, at a third of its price for masks that hold little."""
    row = np.repeat(np.arange(len(mask)), np.count_nonzero(mask, axis=1))
    return row, np.flatnonzero(mask) - row * mask.shape[1]
