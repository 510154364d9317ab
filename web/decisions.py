"""What people say of groups: no copies, or copies indeed. Many at once, and each step can be taken back."""

import itertools
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..errors import UsageError
from ..library import Library
from ..store.catalog.pairs import Decision
from .choices import files_of
from .groups import Listed
from .review import Review, State

Decisions = list[tuple[str, str, Decision | None]]
_BACK = 100


@dataclass(eq=False)
class Decider:
    """Remembers decisions in the library, and what was decided before."""

    library: Library
    review: Review
    _before: "OrderedDict[str, Decisions]" = field(default_factory=OrderedDict)

    def decide(self, groups: Iterable[Listed], kind: Decision) -> str:
        """Say of all pairs of groups that they are copies, or that they are none; return the step's name.

        Raises:
            UsageError: the files of all groups have the same bytes.
        """
        pairs, states = dict[tuple[str, str], None](), dict[str, State]()
        for each in groups:
            found = _pairs_of(each, kind)
            if found:
                pairs |= dict.fromkeys(found)
                choice = self.review.of(each.key).choice
                states[each.key] = State(choice, "rejected" if kind == "rejected" else "looked")
        if not pairs:
            raise UsageError("these files have the same bytes: they are copies whatever one says")
        known = {(each.a, each.b): each.kind for each in self.library.copies.decisions()}
        before: Decisions = [(*pair, known.get(pair)) for pair in pairs]
        self.library.copies.decide_all((*pair, kind) for pair in pairs)
        step = self.review.change(states)
        self._before[step] = before
        while len(self._before) > _BACK:
            self._before.popitem(last=False)
        return step

    def undo(self, step: str) -> list[str]:
        """Take a step of the review back, with what was decided in it; return the groups' keys.

        Raises:
            Gone: it was taken back before, or is too long ago.
        """
        before = self._before.pop(step, None)
        if before is not None:
            self.library.copies.decide_all(before)
        return self.review.undo(step)


def _pairs_of(listed: Listed, kind: Decision) -> list[tuple[str, str]]:
    """Return the pairs of contents that a decision is on, each in the order of the catalog."""
    digests = list(dict.fromkeys(photo.digest for photo, _ in files_of(listed.group)))
    if kind == "confirmed":
        pairs: Iterable[tuple[str, str]] = ((digests[0], other) for other in digests[1:])
    else:
        pairs = itertools.combinations(digests, 2)
    return [(min(pair), max(pair)) for pair in pairs]
