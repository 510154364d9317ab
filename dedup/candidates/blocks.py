"""Comparing more photos with all than are compared at once: cut into blocks, one with one at a time.

The same is found whatever the blocks: a list of the best of all is among those of the best of each block,
and equals are told apart by their ids. A pair of two new photos is met once, as in `all_pairs`; what it
means for the photo of the later block waits on disk for that block's turn. So memory holds two blocks, and
what is little for each photo: its id and its hash.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np

from .all_pairs import EFFORT, AllPairs, Effort, Photos, SearchLimits, Strip, cut, strips
from .topk import Listed, merged

# Points, lists and what comparing takes are 2 kB for each photo.
_AT_ONCE = 1 << 22
# What was compared counts when its block was compared with all: of ten million photos, that is once in two
# hours of a core. Smaller ones cost more to make ready: 1 part in 100 of these.
_BLOCK = 1 << 17


@dataclass(frozen=True, slots=True)
class Blocks:
    """How photos are cut. at_once: so many are not. size: photos of a block. folder: what waits lies there.

    folder: None for the system's folder of temporary files.
    """

    at_once: int = _AT_ONCE
    size: int = _BLOCK
    folder: str | None = None

    def are_needed(self, count: int) -> bool:
        """Tell whether so many photos are too many to be compared at once."""
        return count > self.at_once

    def run(
        self, photos: Photos, limits: SearchLimits, effort: Effort = EFFORT
    ) -> Iterator[tuple[slice, Strip]]:
        """Yield places of new photos and the best that was found for them, in order; see `AllPairs.run`."""
        if not self.are_needed(len(photos.ids)):
            yield from AllPairs(photos, limits).run(effort)
            return
        cuts = list(cut(slice(0, len(photos.ids)), self.size))
        waiting: dict[int, _Kept] = {}
        for number, rows in enumerate(cuts):
            if rows.start >= photos.new:
                return
            found = self._compared(photos, limits, cuts[number:], waiting, effort)
            if effort.stop.is_set():
                return
            found = found.moved(rows.start)
            for some in strips(slice(rows.start, min(rows.stop, photos.new))):
                yield some, found.part(some)

    def _compared(
        self,
        photos: Photos,
        limits: SearchLimits,
        cuts: Sequence[slice],
        waiting: "dict[int, _Kept]",
        effort: Effort,
    ) -> Strip:
        """Return all that is found for the first block; what it is for the others waits for them."""
        block = photos.part(cuts[0])
        kept = waiting.pop(cuts[0].start, None)
        found = joined([AllPairs(block, limits).found(effort)] + ([kept.take()] if kept else []), limits.k)
        block = block.part(slice(0, block.new))
        for columns in cuts[1:]:
            others = photos.part(columns)
            kept = waiting.get(columns.start)
            theirs = kept.take() if kept else NOTHING
            ours, new = meet(block, others, limits, (found, theirs), effort)
            if effort.stop.is_set():
                break
            found = joined([found, ours], limits.k)
            if others.new:
                waiting[columns.start] = _Kept(joined([theirs, new], limits.k), self.folder)
        return found


def meet(
    block: Photos,
    others: Photos,
    limits: SearchLimits,
    begun: tuple[Strip, Strip] | None = None,
    effort: Effort = EFFORT,
) -> tuple[Strip, Strip]:
    """Compare photos, all new, with others; return what was found for these, and for the others.

    The latter for the new ones of them. begun: what was found for both among further photos; what is
    not better may be left out.
    """
    ours = len(block.ids)
    before = None
    if begun is not None:
        before = joined([begun[0], begun[1].moved(ours)], limits.k)
    found = AllPairs(block.followed_by(others), limits, apart=ours, begun=before).found(effort)
    rest = found.part(slice(ours, ours + others.new)).moved(-ours)
    return found.part(slice(0, ours)), rest


def joined(found: Sequence[Strip], k: int) -> Strip:
    """Return the k best for each photo of what several strips have."""
    return Strip(merged([each.near for each in found], k), merged([each.alike for each in found], k))


class _Kept:
    """What was found for a block, in a file without a name until it is taken."""

    def __init__(self, found: Strip, folder: str | None) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  open until it is taken
        for listed in (found.near, found.alike):
            for each in (listed.rows, listed.keys, listed.ids):
                np.save(self._file, each, allow_pickle=False)

    def take(self) -> Strip:
        """Return it; there is nothing here any more."""
        self._file.seek(0)
        arrays = [np.load(self._file, allow_pickle=False) for _ in range(6)]
        self._file.close()
        return Strip(Listed(*arrays[:3]), Listed(*arrays[3:]))


BY_SIZE = Blocks()

_NONE = np.empty(0, np.int64)
NOTHING = Strip(*(Listed(_NONE, _NONE, _NONE),) * 2)
