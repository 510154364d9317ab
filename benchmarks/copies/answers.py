"""What a tool says is a copy of what in a folder, and what it took to say so."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lookalike import __version__
from lookalike.benchmarks.copies.truth import Pair, closed
from lookalike.benchmarks.processes import LOOKALIKE, Run, run


@dataclass(frozen=True, slots=True)
class Answer:
    """pairs: files joined, by their path below the folder. steps: the processes that it took, by name."""

    version: str
    pairs: set[Pair]
    steps: dict[str, Run]

    @property
    def wall_s(self) -> float:
        """Seconds from the first to the last."""
        return sum(step.wall_s for step in self.steps.values())

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes."""
        return sum(step.cpu_s for step in self.steps.values())

    @property
    def peak_bytes(self) -> int:
        """Return the most memory held at one moment."""
        return max(step.peak_bytes for step in self.steps.values())


def ask_lookalike(images: Path, store: Path) -> Answer:
    """Index a folder into a new store and list its copies, with the defaults, as a user would."""
    steps = {
        "index": run([*LOOKALIKE, "index", str(images), "--store", str(store)], watch=True),
        "dupes": run([*LOOKALIKE, "dupes", "--store", str(store), "--format", "json"], watch=True),
    }
    groups = json.loads(steps["dupes"].output)["groups"]
    files = ([group["keeper"]["path"], *(row["path"] for row in group["members"])] for group in groups)
    return Answer(f"lookalike {__version__}", pairs_below(images, files), steps)


def pairs_below(images: Path, groups: Iterable[Iterable[str]]) -> set[Pair]:
    """Return the pairs of each group, by the paths of their files below a folder."""
    root = images.resolve()
    return closed([os.path.relpath(file, root) for file in group] for group in groups)
