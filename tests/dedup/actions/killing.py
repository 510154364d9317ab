"""Runs of apply and undo in processes that can be killed, forked from one that has loaded everything.

As a script it is that process: it takes a job a line, forks, says the number of the child, and how it
ended.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Self

# Everything that changes something, one by one.
POINTS = {
    "lookalike.dedup.actions.moves": (
        *("move_new", "exchange", "link_to", "drop_link", "remove_for_good"),
        *("make_folders", "remove_empty_folders", "sync_folders"),
    ),
    "lookalike.dedup.actions.journal": ("Journal.write",),
    "lookalike.dedup.actions.apply": ("take_away", "put_back"),
}


class Runner:
    """Starts runs over the shelf in a folder; use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lookalike.tests.dedup.actions.killing", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            pass

    def start(self, **job: Any) -> int:
        """Start a run and return the number of its process. See `_work` for the jobs."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._read())

    def wait(self) -> tuple[int, dict[str, int]]:
        """Return the exit code of the run (-9: killed) and how often each point was passed, if it ended."""
        code, counts = json.loads(self._read())
        return int(code), dict(counts)

    def run(self, **job: Any) -> tuple[int, dict[str, int]]:
        """Start a run and wait for it."""
        self.start(**job)
        return self.wait()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process that starts runs has ended"
        return line


def _serve(folder: Path) -> None:
    import lookalike.dedup.actions.apply
    import lookalike.dedup.actions.undo  # noqa: F401 - all is loaded before the first fork

    for line in sys.stdin:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _child(folder, json.loads(line), writer)
        os.close(writer)
        _say(child)
        with open(reader, "rb") as counts:
            said = counts.read()
        _, status = os.waitpid(child, 0)
        _say(json.dumps([os.waitstatus_to_exitcode(status), json.loads(said or b"{}")]))


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _child(folder: Path, job: dict[str, Any], writer: int) -> None:
    try:
        counts = _arm(**job.pop("kill", {}))
        _work(folder, **job)
        os.write(writer, json.dumps(counts).encode())
        code = 0
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        code = 1
    os._exit(code)


def _work(folder: Path, what: str, method: str = "quarantine") -> None:
    """Do what a job says. what: "apply" the plan, or "undo" all runs, newest first."""
    from lookalike.dedup.actions.apply import ApplyOptions, apply_plan
    from lookalike.dedup.actions.journal import journals
    from lookalike.dedup.actions.planfile import read_plan
    from lookalike.dedup.actions.undo import UndoOptions, undo
    from lookalike.store.progress import UNWATCHED
    from lookalike.store.store import Store

    with Store.open(folder / "store", write=True) as store:
        if what == "apply":
            plan = read_plan((folder / "plan.json").read_bytes(), "plan.json")
            apply_plan(store, plan, ApplyOptions(method=method), UNWATCHED)
            return
        for record in journals(store.folder):
            if record.pending:
                outcomes = undo(store, record, UndoOptions(), UNWATCHED)
                assert all(each.state in ("done", "before") for each in outcomes), outcomes


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


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
