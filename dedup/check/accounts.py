"""What one picture holds that another one does not, of pictures that need not be in the library."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...store.progress import NEVER, Watch
from ..groups.account import Loss, Party, as_seen, edit_lost, edit_of, held, pixels_lost
from ..groups.original import Maker, in_doubt
from ..look import Look
from ..look.looker import Looker, Sight
from ..proof import Evidence


@dataclass(frozen=True, slots=True)
class Compared:
    """Two proven copies. evidence: from the one that is kept to the other."""

    kept: Party
    other: Party
    evidence: Evidence

    @property
    def is_same(self) -> bool:
        """Whether both show the same pixels."""
        return self.kept.photo.pixel_digest == self.other.photo.pixel_digest


STOPPED = Look(failed="stopped before it was taken")


def taken_looks(
    pairs: Iterable[Compared], workers: int | None = None, stop: threading.Event = NEVER
) -> Iterator[Look | None]:
    """Yield the look at each pair at full size, in their order; None where none is needed or can be.

    stop: set it to end early; looks that were not taken are STOPPED then.
    """
    pairs = list(pairs)
    sights = [
        Sight(
            replace(pair.kept.photo, id=2 * number),
            replace(pair.other.photo, id=2 * number + 1),
            pair.evidence.matrix,
        )
        for number, pair in enumerate(pairs)
        if not pair.is_same and pair.evidence.how != "none" and _is_map(pair.evidence.matrix)
    ]
    looks: dict[int, Look] = {}
    if sights:
        with Looker(workers) as looker:
            looks = {sight.a.id // 2: STOPPED for sight in sights} | {
                sight.a.id // 2: look for sight, look in looker.looks(sights, Watch(stop=stop))
            }
    for number, pair in enumerate(pairs):
        look = looks.get(number)
        yield in_doubt(look, _maker(pair.kept), _maker(pair.other)) if look else None


def _maker(party: Party) -> Maker:
    return Maker.of(party.photo, party.holdings, party.companions)


def _is_map(matrix: tuple[float, ...]) -> bool:
    return abs(float(np.linalg.det(np.reshape(matrix, (3, 3))))) > 1e-9


def losses(pair: Compared, look: Look | None) -> tuple[Loss, ...]:
    """Return what would be lost if the other picture went and the kept one stayed."""
    kept, other = pair.kept.photo, pair.other.photo
    more = tuple(held(pair.kept, pair.other))
    if pair.is_same:
        return more
    seen = as_seen(pair.evidence, look)
    edit = edit_of(kept, other, seen, look)
    if edit:
        return edit_lost(edit), *more
    lost = pixels_lost(kept, other, seen, look)
    return (*((lost,) if lost else ()), *more)
