"""Long work for the page: one job at a time, followed by its stages, and stopped as Ctrl-C would."""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from ..errors import LookalikeError, StoreLocked
from ..store.documents import Row
from ..store.lock import held
from ..store.progress import Watch
from .events import Events
from .problems import Gone

Kind = Literal["index", "dupes", "apply", "undo"]
_KEPT = 20
_TELL_EVERY_S = 0.2


@dataclass(eq=False)
class Job:
    """A piece of long work; it is the `Progress` of its run.

    state: "running", "done", "stopped" or "failed". words: what it did, or why it failed. result: as the
    command line's JSON.
    """

    number: int
    kind: Kind
    about: str
    events: Events
    stop: threading.Event = field(default_factory=threading.Event)
    began: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    state: str = "running"
    words: str = ""
    result: Row = field(default_factory=dict)
    stage: str = ""
    total: int = 0
    done: int = 0
    failed: int = 0
    _stage_began: float = 0.0
    _told: float = 0.0

    def begin(self, what: str, files: int) -> None:
        """Receive what is done now, and to how many files."""
        self.stage, self.total, self.done = what, files, 0
        self._stage_began = time.monotonic()
        self.tell()

    def advance(self, files: int, failed: int) -> None:
        """Receive that so many more are done."""
        self.done, self.failed = self.done + files, self.failed + failed
        if time.monotonic() - self._told > _TELL_EVERY_S:
            self.tell()

    def tell(self) -> None:
        """Tell every page how far it is."""
        self._told = time.monotonic()
        self.events.tell("job", self.fields())

    @property
    def watch(self) -> Watch:
        """What follows and stops the run."""
        return Watch(self, self.stop)

    def fields(self) -> Row:
        """Return it as a JSON object. rate: files a second. left: seconds; None while it is unknown."""
        took = time.monotonic() - self._stage_began
        rate = self.done / took if self.done and took > 0 else 0.0
        left = max(0, self.total - self.done) / rate if rate and self.state == "running" else None
        return {
            "id": self.number,
            "kind": self.kind,
            "about": self.about,
            "state": self.state,
            "is_stopping": self.stop.is_set() and self.state == "running",
            "began": self.began,
            "stage": self.stage,
            "done": self.done,
            "total": self.total,
            "failed": self.failed,
            "rate": round(rate, 2),
            "left": None if left is None else round(left, 1),
            "words": self.words,
            "result": self.result,
        }


class Jobs:
    """The job that runs, and the last ones."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._mutex = threading.Lock()
        self._numbers = itertools.count(1)
        self._kept: deque[Job] = deque(maxlen=_KEPT)
        self._thread: threading.Thread | None = None

    def check_free(self, folder: str, *names: str) -> None:
        """Check that no job runs and nobody holds locks of a store, before a job would wait for them.

        Raises:
            StoreLocked: the message says who does.
        """
        self._check_idle()
        for name in names:
            with held(folder, name, 0):
                pass

    def _check_idle(self) -> None:
        if self.running is not None:
            raise StoreLocked(f"{self.running.about} is still going on: wait for it to end, or stop it")

    def start(self, kind: Kind, about: str, work: Callable[[Job], str]) -> Job:
        """Start a job in a thread of its own. about: what it is done to. work: returns what it did.

        Raises:
            StoreLocked: another one is running.
        """
        with self._mutex:
            self._check_idle()
            job = Job(next(self._numbers), kind, about, self._events)
            self._kept.appendleft(job)
            self._thread = threading.Thread(target=self._run, args=[job, work], daemon=True)
            self._thread.start()
        job.tell()
        return job

    def _run(self, job: Job, work: Callable[[Job], str]) -> None:
        state = "failed"
        try:
            job.words = work(job)
            state = "stopped" if job.stop.is_set() else "done"
        except LookalikeError as error:
            job.words = str(error)
        except Exception as error:
            job.words = f"internal error ({type(error).__name__}: {error}); please report it"
        job.state = state
        job.tell()

    @property
    def running(self) -> Job | None:
        """The job that runs now."""
        return next((each for each in self._kept if each.state == "running"), None)

    def all(self) -> list[Job]:
        """Return the jobs, newest first."""
        return list(self._kept)

    def named(self, number: int) -> Job:
        """Return a job.

        Raises:
            Gone: it is too long ago.
        """
        found = next((each for each in self._kept if each.number == number), None)
        if found is None:
            raise Gone(f"there is no job {number}")
        return found

    def wait(self) -> None:
        """Wait for the job that runs to end."""
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Stop what runs, and wait until it is in order."""
        if self.running is not None:
            self.running.stop.set()
        self.wait()
