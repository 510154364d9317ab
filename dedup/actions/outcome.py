"""What became, or would become, of one file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...errors import Refusal
from .units import Unit

# The method of what is written into a sidecar: no file is moved.
MERGE = "merge"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became, or would become, of one file.

    state: "planned" (it would be done), "done", "before" (it was done already), "left" (nothing was) or
    "waiting" (of a MERGE: it is taken back together with a later one into the same sidecar).
    path: where it lay. to: where it is, or would be. method: of the action. kind: the class of a photo, or
    what kind of companion it is. size: bytes. keeper: the file that stays for it. code, reason: why it was
    left, or waits; of a MERGE that is done the reason is what is written. run: the name of the journal that
    has it.
    """

    state: str
    path: str
    kind: str
    size: int
    method: str = ""
    to: str = ""
    keeper: str = ""
    code: str = ""
    reason: str = ""
    run: str = ""


def left(unit: Unit, why: Refusal) -> Iterator[Outcome]:
    """Yield the outcomes of a unit to which nothing was done."""
    return outcomes(unit, "left", code=why.code, reason=str(why))


def outcomes(unit: Unit, state: str, **more: str) -> Iterator[Outcome]:
    """Yield one outcome for each file of a unit."""
    for removal in unit.removals:
        file = removal.member.file
        yield Outcome(state, file.path, removal.member.kind, file.size, keeper=removal.keeper.path, **more)
    for companion, removal in unit.companions:
        yield Outcome(
            state, companion.path, companion.kind, companion.size, keeper=removal.keeper.path, **more
        )


def count(found: Iterable[Outcome], state: str) -> int:
    """Count the outcomes of a state."""
    return sum(each.state == state for each in found)
