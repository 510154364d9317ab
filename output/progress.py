"""How far a long run is, shown to people on stderr."""

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .manners import is_quiet
from .text import printable


class ProgressBar:
    """A bar with rate, time left and failures so far; nothing unless stderr is a terminal.

    alone: nothing either when results are written to a terminal at the same time.
    """

    def __init__(self, *, alone: bool = False) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[failed]}"),
            console=console,
            disable=is_quiet() or not sys.stderr.isatty() or (alone and sys.stdout.isatty()),
        )
        self._failed = 0

    def __enter__(self) -> "ProgressBar":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def begin(self, folder: str, files: int) -> None:
        """Start the bar of a folder."""
        from rich.markup import escape

        name = escape(printable(folder))
        self._task = self._bar.add_task(name, total=files, rate="", failed="")

    def advance(self, files: int, failed: int) -> None:
        """Move the bar on."""
        self._failed += failed
        self._bar.advance(self._task, files)
        speed = self._bar.tasks[self._task].speed
        self._bar.update(
            self._task,
            rate=f"{speed:.0f} photos/s" if speed else "",
            failed=f"{self._failed:,} unreadable" if self._failed else "",
        )
