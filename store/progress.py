"""Who looks on while files are acted on."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..dedup.proof.prove_all import Progress


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on. progress: is told of every file that is done. stop: set it to end the run early."""

    progress: "Progress | None" = None
    stop: threading.Event | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether somebody wants the run to end early."""
        return self.stop is not None and self.stop.is_set()

    def begin(self, what: str, files: int) -> None:
        """Say that so many files are to be acted on."""
        if self.progress is not None:
            self.progress.begin(what, files)

    def advance(self, files: int, failed: int) -> None:
        """Say that so many more files are done and so many of these failed."""
        if self.progress is not None:
            self.progress.advance(files, failed)


UNWATCHED = Watch()
