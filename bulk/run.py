"""Running a stage: each unit whose result is missing, until it is done or has failed three times."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..store.progress import UNWATCHED, Watch
from .dataset import sweep_unfinished
from .parts import Part, Shares
from .place import Place
from .stages import Launcher, Outcome, Stage, UnitFailure

MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class RunOptions:
    """part: the share of this run, None: all units. retry_failed: try again what was given up."""

    part: Part | None = None
    retry_failed: bool = False


@dataclass(slots=True)
class RunReport:
    """What a run did.

    units, rows, failed_rows: what it finished. given_up: units that failed too often, with the last reason.
    left: units neither done nor given up: it was stopped, or others are at them.
    """

    units: int = 0
    rows: int = 0
    failed_rows: int = 0
    given_up: dict[int, str] = field(default_factory=dict)
    left: int = 0


class Failures:
    """The tries of a stage that came to nothing: a small file each, DATASET/failed/STAGE-UNIT-TRY."""

    def __init__(self, place: Place, stage: str) -> None:
        self._place, self._stage = place.at("failed"), stage

    def tries(self) -> Mapping[int, int]:
        """Return how often each unit has failed, by one listing."""
        found: dict[int, int] = {}
        for name in self._place.names(f"{self._stage}-"):
            number, n_try = (int(part) for part in name.split("-")[-2:])
            found[number] = max(found.get(number, 0), n_try)
        return found

    def given_up(self) -> dict[int, str]:
        """Return the units that failed too often, with the last reason; some may be done by now."""
        return {
            number: self._place.read(self._name(number, MOST_TRIES)).decode()
            for number, n_tries in self.tries().items()
            if n_tries >= MOST_TRIES
        }

    def add(self, failure: UnitFailure) -> int:
        """File one more try of a unit, and return how many there are."""
        for n_try in range(1, MOST_TRIES + 1):
            if self._place.create(self._name(failure.number, n_try), failure.reason.encode()):
                return n_try
        return MOST_TRIES

    def forget(self, numbers: Iterable[int]) -> None:
        """Forget all tries of these units."""
        for number in numbers:
            for n_try in range(MOST_TRIES, 0, -1):
                self._place.remove(self._name(number, n_try))

    def _name(self, number: int, n_try: int) -> str:
        return f"{self._stage}-{number:08d}-{n_try}"


def run(
    stage: Stage,
    launcher: Launcher,
    place: Place,
    watch: Watch = UNWATCHED,
    options: RunOptions | None = None,
) -> RunReport:
    """Do the units of a stage that are not done; what is finished stays, whatever happens.

    place: the data set, where failures and claims are kept.

    Raises:
        LookalikeError: the stage cannot be opened, or the place not be written to.
    """
    sweep_unfinished(place)
    running = _Run(stage, place, watch, options or RunOptions())
    for outcome in launcher.run(stage, running.take, watch):
        running.enter(outcome)
    return running.ended()


class _Run:
    """What is left of a stage, and what became of the rest."""

    def __init__(self, stage: Stage, place: Place, watch: Watch, options: RunOptions) -> None:
        self._failures = Failures(place, stage.name)
        self._watch = watch
        self._stage, self._rows = stage, stage.units()
        left = self._rows.keys() - stage.done()
        given_up = {number: why for number, why in self._failures.given_up().items() if number in left}
        if options.retry_failed:
            self._failures.forget(given_up)
            given_up = {}
        queue = [number for number in self._rows if number in left and number not in given_up]
        self.report = RunReport(given_up=given_up, left=len(queue))
        self._shares = Shares(options.part, stage, place) if options.part else None
        if options.part:
            own = [number for number in queue if options.part.owns(number)]
            watch.progress.begin(stage.name, sum(self._rows[number] for number in own))
            queue = own + options.part.others(queue)
        else:
            watch.progress.begin(stage.name, sum(self._rows[number] for number in queue))
        self._queue = deque(queue)

    def take(self) -> int | None:
        """Return the next unit to do."""
        while self._queue:
            number = self._queue.popleft()
            if self._shares is None or self._shares.claim(number):
                return number
        return None

    def ended(self) -> RunReport:
        """Return the report, with what others have done meanwhile taken off what is left."""
        if self._shares:
            self.report.left = len(self._rows.keys() - self._stage.done() - self.report.given_up.keys())
        return self.report

    def enter(self, outcome: Outcome) -> None:
        """Take what came of a unit."""
        if isinstance(outcome, UnitFailure):
            self._enter_failure(outcome)
        else:
            self.report.units += 1
            self.report.left -= 1
            self.report.rows += outcome.rows
            self.report.failed_rows += outcome.failed_rows
            self._watch.progress.advance(outcome.rows, outcome.failed_rows)
        if self._shares:
            self._shares.release(outcome.number)

    def _enter_failure(self, failure: UnitFailure) -> None:
        if self._failures.add(failure) < MOST_TRIES:
            self._queue.append(failure.number)  # last of all: the others need not wait for it
            return
        self.report.given_up[failure.number] = failure.reason
        self.report.left -= 1
        rows = self._rows[failure.number]
        self._watch.progress.advance(rows, rows)
