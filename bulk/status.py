"""How far a data set is: units done and left, how fast they come, and which files failed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .dataset import DataSet
from .embed import EMBED
from .planned import Planned
from .results import Footer, failures, footers
from .run import Failures

# The rate is that of the last so many units.
_LAST = 100


@dataclass(frozen=True, slots=True)
class Status:
    """How far a data set is.

    sources: what they are called. units, files: how many were planned; done_units, done_files: of these.
    given_up: units that failed too often, with the last reason. errors: how many files failed and how many
    folders could not be listed, by code. rate: files a second while the last units were done, None: none.
    """

    sources: Sequence[bytes]
    units: int
    done_units: int
    files: int
    done_files: int
    given_up: Mapping[int, str]
    errors: Mapping[str, int]
    rate: float | None

    @property
    def left_units(self) -> int:
        """Units that wait for a run."""
        return self.units - self.done_units - len(self.given_up)

    @property
    def hours_left(self) -> float | None:
        """How long the rest takes at this rate; None where that is not known."""
        return (self.files - self.done_files) / self.rate / 3600 if self.rate else None


def status_of(data: DataSet) -> Status:
    """Return how far a data set is.

    Raises:
        StoreCorrupt: a plan or a result is damaged.
    """
    planned, results = Planned(data), data.results()
    sizes = planned.sizes
    given_up = Failures(data.place, EMBED).given_up()
    first = footers(data, (names[0] for names in results.values()))
    return Status(
        sources=sorted(planned.sources),
        units=len(sizes),
        done_units=len(results),
        files=sum(sizes.values()),
        done_files=sum(sizes.get(number, 0) for number in results),
        given_up={number: why for number, why in given_up.items() if number not in results},
        errors=_errors(data, planned),
        rate=_rate(sorted(first, key=lambda each: each.ended)[-_LAST:]),
    )


def _errors(data: DataSet, planned: Planned) -> Counter[str]:
    """Count what failed and still matters, by code."""
    replaced, gone = planned.replaced(), planned.gone()
    found = Counter(planned.problems().values())
    for number, files in failures(data).items():
        past = replaced.get(number, set()) | gone.get(number, set())
        found.update(code for rel, code in files.items() if rel not in past)
    return found


def _rate(last: Sequence[Footer]) -> float | None:
    """Return the files a second of units, by the time in which at least one was being done."""
    busy, until = 0.0, 0.0
    for each in sorted(last, key=lambda footer: footer.began):
        busy += max(0.0, each.ended - max(each.began, until))
        until = max(until, each.ended)
    return sum(each.n_rows for each in last) / busy if busy else None
