"""Runs of apply and undo in processes that can be killed."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from lookalike.tests.children import Child

_RUN = "import sys; from lookalike.tests.dedup.actions.killing import work; work(*sys.argv[1:])"

# Everything that changes something, one by one.
POINTS = {
    "lookalike.dedup.actions.moves": (
        *("move_new", "exchange", "link_to", "drop_link", "remove_for_good"),
        *("make_folders", "make_folder", "sync_folders"),
    ),
    "lookalike.dedup.actions.folders": ("Held.tidy",),
    "lookalike.dedup.actions.journal": ("Journal.write",),
    "lookalike.dedup.actions.apply": ("take_away", "put_back"),
}


class Runner:
    """Starts runs over the shelf in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self, **job: Any) -> int:
        """Start a run and return the number of its process. See `_work` for the jobs."""
        self._child = Child(_RUN, self._folder, json.dumps(job), namespace="stuck" in job)
        return self._child.pid

    def wait(self) -> tuple[int, dict[str, int]]:
        """Return the exit code of the run (-9: killed) and how often each point was passed, if it ended."""
        counts, told = self._child.communicate()
        sys.stderr.write(told)
        return self._child.wait(), json.loads(counts or "{}")

    def run(self, **job: Any) -> tuple[int, dict[str, int]]:
        """Start a run and wait for it."""
        self.start(**job)
        return self.wait()


def work(folder: str, job: str) -> None:
    """Do a job, and say how often each point was passed."""
    told = json.loads(job)
    counts = _arm(**told.pop("kill", {}))
    _work(Path(folder), **told)
    sys.stdout.write(json.dumps(counts))


def _work(folder: Path, what: str, method: str = "quarantine", stuck: Sequence[str] = ()) -> None:
    """Do what a job says. what: "apply" the plan, "prune" at once, or "undo" all runs, newest first.

    stuck: files that cannot be removed, and folders in which nothing can.
    """
    from lookalike.dedup.actions.apply import ApplyOptions, apply_plan
    from lookalike.dedup.actions.journal import journals
    from lookalike.dedup.actions.planfile import read_plan
    from lookalike.dedup.actions.prune import PruneOptions, prune
    from lookalike.dedup.actions.undo import UndoOptions, undo
    from lookalike.store.progress import UNWATCHED
    from lookalike.store.store import Store

    for place in stuck:
        _hold(place)
    with Store.open(folder / "store", write=True) as store:
        if what == "apply":
            plan = read_plan((folder / "plan.json").read_bytes(), "plan.json")
            apply_plan(store, plan, ApplyOptions(method=method), UNWATCHED)
            return
        if what == "prune":
            prune(store, PruneOptions(timedelta(seconds=-5)), UNWATCHED)
            return
        for record in journals(store.folder):
            if record.pending:
                outcomes = undo(store, record, UndoOptions(), UNWATCHED)
                assert all(each.state in ("done", "before") for each in outcomes), outcomes


def _hold(place: str) -> None:
    """Mount a place over itself: a file is busy then, a folder read-only."""
    subprocess.run(["mount", "--bind", place, place], check=True)
    if os.path.isdir(place):
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)


def _arm(point: str = "", when: str = "", count: int = 0, delay_s: float = 0) -> Counter[str]:
    """Count how often each point is passed, and die at the count-th pass of one, before or after it.

    Without a point: delay_s after the count-th pass of any of them, at whatever instant that is.
    """
    import importlib

    counts: Counter[str] = Counter()
    for module, names in POINTS.items():
        for name in names:
            home: Any = importlib.import_module(module)
            *owner, last = name.split(".")
            for each in owner:
                home = getattr(home, each)
            setattr(home, last, _deadly(getattr(home, last), name, counts, (point, when, count, delay_s)))
    return counts


def _deadly(original: Any, name: str, counts: Counter[str], at: tuple[str, str, int, float]) -> Any:
    def wrapped(*arguments: Any, **options: Any) -> Any:
        counts[name] += 1
        number = counts[name]
        if not at[0] and counts.total() == at[2]:
            signal.setitimer(signal.ITIMER_REAL, max(at[3], 1e-6))
        if (name, "before", number) == at[:3]:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **options)
        if (name, "after", number) == at[:3]:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped
