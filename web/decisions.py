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
        before = self._change([(*pair, kind) for pair in pairs])
        step = self.review.change(states)
        self._remember(step, before)
        return step

    def undo(self, step: str) -> tuple[str, list[str]]:
        """Take a step of the review back, with what was decided in it.

        Returns: the step that does it again, and the keys of the groups.

        Raises:
            Gone: it was taken back before, or is too long ago.
        """
        before = self._before.get(step)
        now = None if before is None else self._change(before)
        again, keys = self.review.undo(step)
        if now is not None:
            del self._before[step]
            self._remember(again, now)
        return again, keys

    def _change(self, decisions: Decisions) -> Decisions:
        """Decide pairs; return what was decided of them before."""
        known = {(each.a, each.b): each.kind for each in self.library.copies.decisions()}
        self.library.copies.decide_all(decisions)
        return [(a, b, known.get((a, b))) for a, b, _ in decisions]

    def _remember(self, step: str, before: Decisions) -> None:
        self._before[step] = before
        while len(self._before) > _BACK:
            self._before.popitem(last=False)


def _pairs_of(listed: Listed, kind: Decision) -> list[tuple[str, str]]:
    """Return the pairs of contents that a decision is on, each in the order of the catalog."""
    digests = list(dict.fromkeys(photo.digest for photo, _ in files_of(listed.group)))
    if kind == "confirmed":
        pairs: Iterable[tuple[str, str]] = ((digests[0], other) for other in digests[1:])
    else:
        pairs = itertools.combinations(digests, 2)
    return [(min(pair), max(pair)) for pair in pairs]
