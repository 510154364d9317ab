"""How long runs are followed and stopped: progress events, and a stop that anyone may set."""

import threading
from dataclasses import dataclass
from reprlib import repr as short
from typing import Protocol

from ..errors import UsageError

NEVER = threading.Event()  # a stop that nobody sets


class Progress(Protocol):
    """Receives progress events."""

    def begin(self, what: str, files: int) -> None:
        """Receive what is done now, or to which folder, and to how many files."""

    def advance(self, files: int, failed: int) -> None:
        """Receive that so many more files are done, and so many of these failed."""


class NullProgress:
    """A Progress that shows nothing."""

    def begin(self, what: str, files: int) -> None:
        """Ignore it."""

    def advance(self, files: int, failed: int) -> None:
        """Ignore it."""


NO_PROGRESS = NullProgress()


@dataclass(frozen=True, slots=True)
class Watch:
    """progress: receives what a run does. stop: set it to end the run early; what was finished is kept."""

    progress: Progress = NO_PROGRESS
    stop: threading.Event = NEVER

    @property
    def is_stopped(self) -> bool:
        """Whether somebody wants the run to end early."""
        return self.stop.is_set()


UNWATCHED = Watch()


def watch_of(progress: Progress | None, stop: threading.Event | None) -> Watch:
    """Return a watch with what is given.

    Raises:
        UsageError: progress is no Progress.
    """
    if progress is not None and not hasattr(progress, "advance"):
        raise UsageError(f"progress is an object with `begin` and `advance`, not {short(progress)}")
    return Watch(progress or NO_PROGRESS, stop or NEVER)
