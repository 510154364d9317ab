"""Comparing photos with all: a tile of scores and of hashes at a time, of which the best are kept.

Each pair of two new photos is met once and counts for both, so that comparing all with all takes half of
the products. Memory grows with the number of photos, never with its square.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import UsageError
from ...indexer.executor import ThreadExecutor, default_workers
from ...store.index.exact import Ids, bit_distances
from ...store.progress import NEVER
from ...store.records import Vectors
from .hashes import Hashes
from .int8 import Left, products
from .topk import MOST_PHOTOS, Best, Entries, Rows, best, entries, key_of_score, score_of_key

Mask = npt.NDArray[np.bool_]

# A tile of scores: 8 MB, which stay in the cache. So many rows of tiles are finished together.
_HIGH, _WIDE = 512, 4096
_ROWS = _WIDE

_MOST_WORKERS = 16  # each takes 30 MB
_SOME_POINTS = 1 << 10
# From this share of a tile's scores on, all of them anew are cheaper than these one by one.
_MANY = 1 / 64

_NOTHING = np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """What is compared: the new photos first, then the others, each part ordered by id.

    ids: (n,). new: how many are. points: (n, d) unit vectors in the space for copies. hashes: n.
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
            found[some] = np.einsum("nd,nd->n", self.points[a[some]], self.points[b[some]])
        return found


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """What is near enough to be kept.

    floor: score from which on the k nearest are. gate: score from which on photos are whose hashes differ
    in at most most_bits, of which the k nearest by hash count; almost_same: bits that need no score.
    """

    k: int
    floor: float
    gate: float
    most_bits: int
    almost_same: int


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """What was found for some photos: the place of the photo, the key, the number by id of the other.

    near: keys of scores. alike: bits.
    """

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


class AllPairs:
    """Compares the new of some photos with all of them."""

    def __init__(self, photos: Photos, limits: SearchLimits) -> None:
        """Make ready for comparing.

        Raises:
            UsageError: there are more than eight million photos.
        """
        if len(photos.ids) >= MOST_PHOTOS:
            raise UsageError(
                f"{len(photos.ids):,} photos are too many to compare, at most {MOST_PHOTOS - 1:,}; "
                "keep a part of them in another store"
            )
        self._photos, self._limits = photos, limits
        self._products = products(photos.points, photos.new, _WIDE)
        self._codes = photos.hashes.codes()
        self._rooms = threading.local()
        self._number = np.empty(len(photos.ids), np.int64)
        self._number[np.argsort(photos.ids)] = np.arange(len(photos.ids))
        self._near, self._alike = (Best(photos.new, limits.k) for _ in range(2))

    def run(self, stop: threading.Event = NEVER) -> Iterator[tuple[slice, Strip]]:
        """Yield places of new photos and the best that was found for them, in order."""
        threads = ThreadExecutor(min(default_workers(), _MOST_WORKERS))
        for start in range(0, self._photos.new, _ROWS):
            rows = slice(start, min(start + _ROWS, self._photos.new))
            left = self._products.left(rows)
            for found in threads.run(self._columns(start), partial(self._strip, rows, left)):
                if stop.is_set():
                    return
                self._near.add(found.near)
                self._alike.add(found.alike)
            yield rows, Strip(self._near.take(rows.stop), self._alike.take(rows.stop))

    def _columns(self, start: int) -> Iterator[slice]:
        count = len(self._photos.ids)
        return (slice(each, min(each + _WIDE, count)) for each in range(start, count, _WIDE))

    def _strip(self, rows: slice, left: Left, columns: slice) -> Strip:
        tiles = [
            self._tile(slice(start, min(start + _HIGH, rows.stop)), left[place : place + _HIGH], columns)
            for place, start in zip(
                range(0, _ROWS, _HIGH), range(rows.start, rows.stop, _HIGH), strict=False
            )
        ]
        return Strip(
            self._joined([each.near for each in tiles]), self._joined([each.alike for each in tiles])
        )

    def _joined(self, found: list[Entries]) -> Entries:
        # Of photos that are all alike there is more than memory for.
        return best(np.concatenate(found), self._limits.k)

    def _tile(self, rows: slice, left: Left, columns: slice) -> Strip:
        tile = self._products.tile(left, columns)
        room = self._room("mask", np.bool_)[: tile.size].reshape(tile.shape)
        flat = np.flatnonzero(np.greater_equal(tile, self._products.least(self._limits.gate), out=room))
        near = np.flatnonzero(np.greater_equal(tile, self._products.least(self._limits.floor), out=room))
        rough = np.asarray(np.take(tile, near) * np.float32(self._products.unit), np.float32)
        alike = self._alike_ones(Block(rows, columns), flat)
        return Strip(self._near_ones(Block(rows, columns), near, rough), alike)

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
        return self._for_both(a[close], b[close], key_of_score(exact[close]), self._near)

    def _least(self, places: slice) -> Vectors:
        """Return the rough scores that count for photos; of those that are not new, none does."""
        least = np.full(places.stop - places.start, 2, np.float32)
        bounds = self._near.bounds[places]
        least[: len(bounds)] = score_of_key(bounds) - np.float32(2 * self._products.margin)
        return least

    def _exact(self, block: Block, a: Rows, b: Rows) -> Vectors:
        if len(a) <= _MANY * block.size:
            return self._photos.scores(a, b)
        points = self._photos.points
        scores = points[block.rows] @ points[block.columns].T
        return np.asarray(scores[a - block.rows.start, b - block.columns.start], np.float32)

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


def where(mask: Mask) -> tuple[Rows, Rows]:
    """Return what `np.nonzero` does, at a third of its price for masks that hold little."""
    row = np.repeat(np.arange(len(mask)), np.count_nonzero(mask, axis=1))
    return row, np.flatnonzero(mask) - row * mask.shape[1]
