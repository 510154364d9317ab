"""The few best of what is found for each of very many photos, in one sorted array of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...store.index.exact import Ids
from ...store.records import MAX_ID, Vectors

Entries = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
Keys = npt.NDArray[np.int64]

# A finding is one number: for whom, how good (the lower the better), and which. So they sort by themselves.
_WHICH_BITS, _KEY_BITS = 23, 18
MOST_PHOTOS = 1 << _WHICH_BITS
NO_BOUND = (1 << _KEY_BITS) - 1

# Scores this close are equal: the last digits depend on how a product is cut into blocks.
GRAIN = 2.0**-16

_SHELF = 1 << 15
_WORTH_SORTING = 1 << 17


def key_of_score(scores: Vectors | np.float32) -> Keys:
    """Return keys that order scores from the best on; of one score its key."""
    keys = np.rint((1 - scores.astype(np.float64)) / GRAIN)
    return np.asarray(np.clip(keys, 0, NO_BOUND - 1), np.int64)


def score_of_key(keys: Keys) -> Vectors:
    """Return the scores of keys, of a bound too: rounded to a grain."""
    return np.asarray(1 - keys * GRAIN, np.float32)


def entries(whom: Rows, keys: Keys, which: Rows) -> Entries:
    """Return findings: for the photos `whom`, how good, and which; all (m,), numbers below MOST_PHOTOS."""
    upper = (whom << _KEY_BITS) | keys
    return (upper.astype(np.uint64) << np.uint64(_WHICH_BITS)) | which.astype(np.uint64)


def parts(found: Entries) -> tuple[Rows, Keys, Rows]:
    """Return (whom, keys, which) of findings."""
    keys = (found >> np.uint64(_WHICH_BITS)) & np.uint64(NO_BOUND)
    return _whom(found), keys.astype(np.int64), (found & np.uint64(MOST_PHOTOS - 1)).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """The best findings for some photos, in order: by photo, then the best, of equals the lowest id.

    rows: (m,) places of the photos. keys: (m,). ids: (m,) of what was found. One number has no room for
    these of more photos than MOST_PHOTOS.
    """

    rows: Rows
    keys: Keys
    ids: Ids

    def part(self, rows: slice) -> "Listed":
        """Return what is listed for some of the photos, at their places."""
        some = slice(*np.searchsorted(self.rows, [rows.start, rows.stop]))
        return Listed(self.rows[some], self.keys[some], self.ids[some])

    def moved(self, places: int) -> "Listed":
        """Return the same for photos that are so many places further on."""
        return Listed(self.rows + places, self.keys, self.ids)

    def bounds(self, count: int, k: int) -> Keys:
        """Return what `Best` has for that many photos once this is in it, (count,)."""
        found = np.full(count, NO_BOUND, np.int64)
        last = np.flatnonzero(rank_of(self.rows) == k - 1)
        found[self.rows[last]] = self.keys[last]
        return found


def merged(lists: Sequence[Listed], k: int) -> Listed:
    """Return the k best for each photo of what several lists have, each once."""
    rows, keys, ids = (
        np.concatenate([getattr(each, name) for each in lists]) for name in ("rows", "keys", "ids")
    )
    low = ids.min(initial=MAX_ID)
    if max(rows.max(initial=0), ids.max(initial=low) - low) < MOST_PHOTOS:
        # Numbers that sort themselves: a tenth of the time of three columns.
        rows, keys, which = parts(best(entries(rows, keys, ids - low), k))
        return Listed(rows, keys, which + low)
    order = np.lexsort((ids, keys, rows))
    rows, keys, ids = rows[order], keys[order], ids[order]
    again = np.zeros(len(rows), np.bool_)
    again[1:] = (np.diff(rows) == 0) & (np.diff(keys) == 0) & (np.diff(ids) == 0)
    rows, keys, ids = rows[~again], keys[~again], ids[~again]
    few = rank_of(rows) < k
    return Listed(rows[few], keys[few], ids[few])


def rank_of(rows: Rows) -> Rows:
    """Return how many of the same photo stand before each, (m,). rows: ascending."""
    return np.arange(len(rows)) - np.searchsorted(rows, rows)


def best(found: Entries, k: int) -> Entries:
    """Return the k best findings for each, in order, each once."""
    found = np.sort(found)
    is_first = np.append(True, found[1:] != found[:-1])
    if not is_first.all():
        found = found[is_first[: len(found)]]
    whom = _whom(found)
    is_few = np.ones(len(found), np.bool_)
    is_few[k:] = whom[k:] != whom[:-k]
    return found[is_few]


class Best:
    """The k best findings for each of `count` photos, as they come.

    bounds: (count,) keys; a finding with a higher one is not among the k best, and need not be added. All
    that is kept for a photo is k numbers, and about as much again of what waits to be sorted in.
    """

    def __init__(self, count: int, k: int, bounds: Keys | None = None) -> None:
        """Begin with nothing. bounds: those to begin with, where the rest would not be among the best."""
        self._k = k
        # Some photos each: what sorting takes beside is little then.
        self._shelves = [_Shelf() for _ in range(0, count, _SHELF)]
        self._done = 0
        self.bounds: Keys = np.full(count, NO_BOUND, np.int64) if bounds is None else bounds.copy()

    def add(self, found: Entries) -> None:
        """Take findings into account: ascending, for photos that were not taken yet."""
        if not len(found):
            return
        first, last = (int(each) // _SHELF for each in _whom(found[[0, -1]]))
        cuts = np.searchsorted(found, [_begin(each * _SHELF) for each in range(first + 1, last + 1)])
        for shelf, some in zip(self._shelves[first : last + 1], np.split(found, cuts), strict=True):
            if len(some) and shelf.add(some):
                self._tighten(shelf.sort(self._k))

    def take(self, stop: int) -> Entries:
        """Return the best for the next photos up to stop, in order; there is no more to come for them."""
        begin, end = _begin(self._done), _begin(stop)
        shelves = self._shelves[self._done // _SHELF : -(-stop // _SHELF)]
        found = [each for shelf in shelves for each in shelf.all() if len(each)]
        for done in range(self._done // _SHELF, stop // _SHELF):
            self._shelves[done] = _Shelf()
        self._done = stop
        if not found:
            return np.empty(0, np.uint64)
        return best(np.concatenate([each[(begin <= each) & (each < end)] for each in found]), self._k)

    def _tighten(self, kept: Entries) -> None:
        """Lower the bounds of the photos that have k findings. kept: of one shelf, in order."""
        whom, keys, _ = parts(kept)
        last = np.flatnonzero(whom[self._k - 1 :] == whom[: max(0, len(whom) - self._k + 1)]) + self._k - 1
        self.bounds[whom[last]] = keys[last]


class _Shelf:
    """What was found for some photos: sorted, and waiting to be."""

    def __init__(self) -> None:
        self._kept = np.empty(0, np.uint64)
        self._waiting: list[Entries] = []

    def add(self, found: Entries) -> bool:
        """Put findings to those waiting; return whether sorting pays."""
        self._waiting.append(found)
        return sum(map(len, self._waiting)) > max(_WORTH_SORTING, len(self._kept))

    def sort(self, k: int) -> Entries:
        """Sort in what waits; return all that is kept."""
        self._kept = best(np.concatenate(self.all()), k)
        self._waiting = []
        return self._kept

    def all(self) -> list[Entries]:
        """Return all that is here."""
        return [self._kept, *self._waiting]


def _begin(photo: int) -> np.uint64:
    """Return the lowest finding for a photo."""
    return np.uint64(photo << (_WHICH_BITS + _KEY_BITS))


def _whom(found: Entries) -> Rows:
    return (found >> np.uint64(_WHICH_BITS + _KEY_BITS)).astype(np.int64)
