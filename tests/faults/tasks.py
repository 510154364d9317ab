"""What the forked runs do: commands as people give them, only with small batches."""

import functools
import json
from collections.abc import Sequence
from pathlib import Path

from lookalike import cli
from lookalike.indexer import options
from lookalike.tests.faults.points import Action, Fault, Points

BATCH = 4
DONE = (0, 3)  # 3: done, and a file could not be read, as is to be expected of one that is no picture


def commands(argvs: Sequence[Sequence[str]]) -> int:
    """Run command lines one after the other until one fails; return how the last one ended."""
    # Many commits for a kill to come between; time shall not decide where a batch ends.
    small = functools.partial(options.IndexOptions, batch_files=BATCH, batch_seconds=1e9)
    setattr(options, "IndexOptions", small)  # noqa: B010
    for argv in argvs:
        code = cli.run(argv)
        if code not in DONE:
            return code
    return 0


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
