"""How far a long run is, shown to people on stderr."""

import os
import stat
import sys
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from .manners import is_quiet
from .screen import short
from .text import cut, printable

# What is counted, by the first word of what is done.
_UNITS = {
    "holding": "splits",
    "proving": "pairs",
    "comparing at": "pairs",
    "moving": "files",
    "putting": "files",
    "pruning": "files",
}
# Cells of a name beside its bar.
_NAME = 28
# After so many seconds the pace is known; so many seconds are told before.
_PACE_S, _LONG_S = 3.0, 20.0

# Is told what is done, how many pairs are left, and the seconds that they will take.
Forecast = Callable[[str, int, float], None]


def _goes_to_a_file() -> bool:
    try:
        return stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError):
        return False


class ProgressBar:
    """A bar with rate, time left and failures so far; nothing unless stderr is a terminal.

    It is gone when the run is over. alone: nothing either when results are written at the same time, to the
    terminal or to what may show them there, such as `head`. forecast: is told of long work also where there
    is no bar, unless the run is quiet.
    """

    def __init__(self, *, alone: bool = False, forecast: Forecast | None = None) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[failed]}"),
            console=console,
            transient=True,
            disable=is_quiet() or not sys.stderr.isatty() or (alone and not _goes_to_a_file()),
        )
        self._forecast = forecast
        self._task: TaskID | None = None

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
        """Start the bar of a folder, in the place of the last one."""
        from rich.markup import escape

        name = escape(cut(printable(short(folder)), _NAME))
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._failed, self._what = 0, folder
        self._unit = next((unit for start, unit in _UNITS.items() if folder.startswith(start)), "photos")
        self._is_untold = self._unit == "pairs"
        self._task = self._bar.add_task(name, total=files, rate="", failed="")

    def advance(self, files: int, failed: int) -> None:
        """Move the bar on."""
        assert self._task is not None
        self._failed += failed
        self._bar.advance(self._task, files)
        speed = self._bar.tasks[0].speed
        self._bar.update(
            self._task,
            rate=f"{speed:.0f} {self._unit}/s" if speed and speed >= 0.5 else "",
            failed=f"{self._failed:,} unreadable" if self._failed else "",
        )
        if self._forecast is not None and self._is_untold and not is_quiet():
            self._foretell(self._forecast, self._bar.tasks[0])

    def _foretell(self, forecast: Forecast, task: Task) -> None:
        """Say once how long it will take, when the pace is known and the end is far."""
        if task.elapsed is None or task.elapsed < _PACE_S or not task.completed:
            return
        self._is_untold = False
        left = (task.total or 0) - task.completed
        seconds = task.elapsed * left / task.completed
        if seconds >= _LONG_S:
            forecast(self._what, int(left), seconds)
