"""The photos in the order in which the page shows them: of all, or of those that pass a filter."""

import hashlib
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..store.catalog.overview import Overview, overview_of
from ..store.catalog.photos import Totals, count_totals, visible_ids
from ..store.filters.where import Where
from ..store.store import Store
from .problems import Gone

Rows = npt.NDArray[np.intp]

_SETS = 32  # kept: of filters tried one after the other
# While an index run goes on, the catalog changes every second: not all of it is read again each time.
_REST_S, _REST_FACTOR = 2.0, 10.0


@dataclass(frozen=True, slots=True, eq=False)
class PhotoSet:
    """The photos that pass a filter, in an order. revision: that they are of. rows: of the overview."""

    name: str
    revision: str
    where: Where
    overview: Overview
    rows: Rows

    def ids(self, start: int, n: int) -> list[int]:
        """Return the ids of n photos from a place on."""
        return [int(each) for each in self.overview.ids[self.rows[start : start + n]]]

    def aspects(self) -> bytes:
        """Return a byte for each photo: 128 + 32 * log2(width / height), to 1 % from 1:16 to 16:1."""
        steps = np.rint(np.log2(self.overview.aspects[self.rows]) * 32) + 128
        packed: bytes = np.clip(steps, 0, 255).astype(np.uint8).tobytes()
        return packed

    def months(self) -> list[tuple[str, int]]:
        """Return the months in the order of the photos, each with how many follow one another."""
        months = self.overview.months[self.rows]
        if not len(months):
            return []
        starts = np.flatnonzero(np.diff(months, prepend=months[0] - 1))
        counts = np.diff(starts, append=len(months))
        return [
            (f"{month // 12:04d}-{month % 12 + 1:02d}" if month else "", int(count))
            for month, count in zip(months[starts].tolist(), counts, strict=True)
        ]


@dataclass(eq=False)
class Shelf:
    """Knows the photos of a library as the catalog has them now, and the sets that were asked for."""

    store: Store
    _mutex: threading.Lock = field(default_factory=threading.Lock)
    _overview: Overview | None = None
    _sign: str = ""
    _next_at: float = 0.0
    _totals: Totals | None = None
    _totals_sign: str = ""
    _count_at: float = 0.0
    _sets: "OrderedDict[str, PhotoSet]" = field(default_factory=OrderedDict)

    def overview(self) -> tuple[Overview, str]:
        """Return the overview of the library, and a word that changes when it does."""
        with self._mutex:
            sign = _sign_of(self.store.folder)
            if self._overview is None or (sign != self._sign and time.monotonic() >= self._next_at):
                started = time.monotonic()
                with self.store.reading() as view:
                    self._overview = overview_of(view)
                self._sign = sign
                now = time.monotonic()
                self._next_at = now + max(_REST_S, _REST_FACTOR * (now - started))
            return self._overview, self._sign

    def totals(self) -> Totals:
        """Return how much the library holds; counted when the catalog changed, as every page asks often."""
        with self._mutex:
            sign = _sign_of(self.store.folder)
            if self._totals is None or (sign != self._totals_sign and time.monotonic() >= self._count_at):
                started = time.monotonic()
                with self.store.reading() as view:
                    self._totals = count_totals(view)
                self._totals_sign = sign
                now = time.monotonic()
                self._count_at = now + _REST_FACTOR * (now - started)
            return self._totals

    def revision(self) -> str:
        """Return a word that changes when the catalog does; takes no time."""
        return _sign_of(self.store.folder)

    def select(self, where: Where, *, oldest_first: bool = False) -> PhotoSet:
        """Return the photos that pass a filter, newest first."""
        overview, sign = self.overview()
        key = f"{sign} {where!r} {oldest_first}"
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        with self._mutex:
            found = self._sets.get(name)
        if found is None:
            rows = self._rows(overview, where)
            found = PhotoSet(name, sign, where, overview, rows[::-1] if oldest_first else rows)
        with self._mutex:
            self._sets[name] = found
            self._sets.move_to_end(name)
            while len(self._sets) > _SETS:
                self._sets.popitem(last=False)
        return found

    def _rows(self, overview: Overview, where: Where) -> Rows:
        if not where:
            return np.arange(len(overview.ids))
        with self.store.reading() as view:
            passing = visible_ids(view, where)
        return np.flatnonzero(np.isin(overview.ids, passing))

    def named(self, name: str) -> PhotoSet:
        """Return a set that was selected before.

        Raises:
            Gone: it is too long ago.
        """
        with self._mutex:
            found = self._sets.get(name)
        if found is None:
            raise Gone("these photos were asked for too long ago; reload the page")
        return found


def _sign_of(folder: str) -> str:
    """Return what changes with each commit to a catalog, told by its files alone."""
    signs = []
    for name in ("catalog.db", "catalog.db-wal"):
        try:
            found = os.stat(os.path.join(folder, name))
            signs.append(f"{found.st_ino}.{found.st_size}.{found.st_mtime_ns}")
        except FileNotFoundError:
            signs.append("-")
    return " ".join(signs)
