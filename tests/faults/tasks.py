"""What the forked runs do: commands as people give them, only with small batches."""

import itertools
import json
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookalike import cli
from lookalike.indexer import options
from lookalike.store.store import Store
from lookalike.tests.faults.points import Action, Fault, Points
from lookalike.tests.store.made_up import use_next_format

BATCH = 4
NEXT_FORMAT = "from now on in the next format"  # in place of a command line
DONE = (0, 3)  # 3: done, and a file could not be read, as is to be expected of one that is no picture


@dataclass(frozen=True, slots=True)
class SmallBatches(options.IndexOptions):
    """Options with many commits for a kill to come between; time shall not decide where a batch ends."""

    batch_files: int = BATCH
    batch_seconds: float = 1e9


def commands(argvs: Sequence[Sequence[str]]) -> int:
    """Run command lines one after the other until one fails; return how the last one ended."""
    setattr(options, "IndexOptions", SmallBatches)  # noqa: B010
    for argv in argvs:
        if argv == [NEXT_FORMAT]:
            use_next_format()
            continue
        code = cli.run(argv)
        if code not in DONE:
            return code
    return 0


def killed(argvs: Sequence[Sequence[str]], commits: int, delay_s: float) -> int:
    """Run command lines and die a moment after so many commits of photos, at whatever instant that is."""
    commit, seen = Store.commit, itertools.count(1)

    def committing(*arguments: Any) -> None:
        commit(*arguments)
        if next(seen) == commits:
            die_in(delay_s)

    setattr(Store, "commit", committing)  # noqa: B010
    if not commits:
        die_in(delay_s)
    return commands(argvs)


def die_in(delay_s: float) -> None:
    """Let the system end this process so soon; nothing of it has a say in that, as with SIGKILL."""
    signal.setitimer(signal.ITIMER_REAL, max(delay_s, 1e-6))


def timed(argvs: Sequence[Sequence[str]], times: str) -> int:
    """Run command lines and write down after how many seconds each commit of photos was done, and all."""
    commit, began, seen = Store.commit, time.monotonic(), list[float]()

    def committing(*arguments: Any) -> None:
        commit(*arguments)
        seen.append(time.monotonic() - began)

    setattr(Store, "commit", committing)  # noqa: B010
    code = commands(argvs)
    Path(times).write_text(json.dumps([*seen, time.monotonic() - began]))
    return code


def recorded(argvs: Sequence[Sequence[str]], record: str) -> int:
    """Run command lines and write down the points that they went through."""
    points = Points()
    points.install()
    code = commands(argvs)
    Path(record).write_text(json.dumps(points.seen))
    return code


def failing(argvs: Sequence[Sequence[str]], number: int, action: Action) -> int:
    """Run command lines of which one point fails."""
    Points(Fault(number, action)).install()
    return commands(argvs)
