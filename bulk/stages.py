"""What bulk work is made of: stages, their units, and who runs them.

A unit is a number with a fixed list of files behind it. Its result is one file whose rows follow from that
list alone, so that it does not matter who runs it, how often, and on which machine; and a unit whose result
is there is done.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from ..errors import LookalikeError, ModelError, RootOffline, StoreUnwritable, UsageError
from ..store.progress import Watch


@dataclass(frozen=True, slots=True)
class UnitReport:
    """A unit that is done. rows: photos (or pairs) in it; failed_rows: those that could not be read."""

    number: int
    rows: int
    failed_rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class UnitFailure:
    """A try of a unit that came to nothing, and why, in one line."""

    number: int
    reason: str


Outcome = UnitReport | UnitFailure
Work = Callable[[int], UnitReport]


class Stage(Protocol):
    """One kind of work on all units of a data set.

    It goes to other processes and machines by pickle: names and numbers only, no data.
    """

    @property
    def name(self) -> str:
        """A short word: "embed", "hash", "pairs", "prove"; what failed is filed under it."""

    def units(self) -> Mapping[int, int]:
        """Return all units by number, each with the rows that it has; in the order to run them."""

    def done(self) -> set[int]:
        """Return the numbers of the units whose result is there, by one listing."""

    def open(self, threads: int | None) -> AbstractContextManager[Work]:
        """Load what is heavy, once a process, and give what does one unit and writes its result file whole.

        threads: how many the work may use; None: as many as the machine has cores and memory for.

        Raises:
            LookalikeError: this machine cannot do it: weights are missing, the photos are not mounted here.
        """


class Launcher(Protocol):
    """Runs units somewhere."""

    def kept(self) -> AbstractContextManager[None]:
        """Keep what the first run within the block starts, for the stages that follow there."""

    def run(self, stage: Stage, take: Callable[[], int | None], watch: Watch) -> Iterator[Outcome]:
        """Yield what comes of each unit that `take` gives, in any order.

        `take` gives None where there is nothing more, but may give a unit again once its failure was
        yielded: a run ends when there is nothing to take and nothing under way. When the watch is stopped
        it ends at once; units under way are lost.

        Raises:
            LookalikeError: no machine can do the stage, or go on with it.
        """


# No fault of the unit, which shall be done elsewhere or later: the photos are away, the disk is full, the
# object store lets nobody in.
MACHINE = (RootOffline, StoreUnwritable, UsageError, ModelError)


def attempt(work: Work, number: int) -> Outcome:
    """Do a unit; what goes wrong in it is a failure of the unit.

    Raises:
        LookalikeError: one of `MACHINE`.
    """
    try:
        return work(number)
    except MACHINE:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        return UnitFailure(number, f"{type(error).__name__}: {text}"[:500])


def passed_on(error: Exception) -> LookalikeError:
    """Return an error as what goes to the process that hands out units, and can be raised there."""
    return error if isinstance(error, MACHINE) else LookalikeError(str(error))
