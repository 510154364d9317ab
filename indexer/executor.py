"""Running work over a stream of tasks, with as many workers as the machine has cores and memory for."""

import math
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

from ..store.address_space import address_space_limit

Task = TypeVar("Task")
Result = TypeVar("Result")

# Small batches are the fastest on a CPU; and a chunk is what Ctrl-C waits for.
_CHUNK = 8
# Tasks for each worker: a photo that takes seconds must not keep the others from going on.
_AHEAD = 16
# Memory of a run without workers, and for each worker: its decoder, and what the network needs.
_RUN, _WORKER = 256 << 20, 128 << 20
# The rest of the memory belongs to others, and to the system, which keeps files in it.
_SHARE = 0.5
_ROOT = Path("/")


class Executor(Protocol):
    """Runs work over tasks: threads here, other machines behind the same protocol later."""

    def run(self, tasks: Iterable[Task], work: Callable[[Task], Result]) -> Iterator[Result]:
        """Yield work(task) for each task; tasks are taken only a little ahead of the results."""
        ...


class ThreadExecutor:
    """Threads of this process: decoding, hashing and the engines release the interpreter's lock.

    workers: number of threads. At most twice as many tasks are under way or wait for a thread, and sixteen
    times as many if those count that are done and wait for a slow one before them: this bounds the memory.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or default_workers()

    def run(self, tasks: Iterable[Task], work: Callable[[Task], Result]) -> Iterator[Result]:
        """Yield work(task) for each task, in order; the first exception ends the run."""
        taken: deque[Future[Result]] = deque()
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="lookalike")
        try:
            for task in tasks:
                taken.append(pool.submit(work, task))
                yield from self._before_the_next(taken)
            while taken:
                yield taken.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _before_the_next(self, taken: deque[Future[Result]]) -> Iterator[Result]:
        """Wait until another task may be taken; yield what can be fetched meanwhile."""
        while True:
            while taken and (taken[0].done() or len(taken) >= _AHEAD * self.workers):
                yield taken.popleft().result()
            waiting = [each for each in taken if not each.done()]
            if len(waiting) < 2 * self.workers:
                return
            wait(waiting, return_when=FIRST_COMPLETED)


def in_chunks(tasks: Sequence[Task], workers: int, stop: threading.Event) -> Iterator[Sequence[Task]]:
    """Yield the tasks in chunks until somebody wants the run to end.

    The last chunks are smaller: no worker is left with much to do alone.
    """
    done = 0
    while not stop.is_set() and done < len(tasks):
        size = min(_CHUNK, -(-(len(tasks) - done) // (2 * workers)))
        yield tasks[done : done + size]
        done += size


def default_workers(root: Path = _ROOT) -> int:
    """Return one worker for each core that we may use, fewer where the memory is small; at least one.

    root: where /proc and /sys are.
    """
    n = cores(root)
    memory = memory_bytes(root)
    if memory is not None:
        n = min(n, int((_SHARE * memory - _RUN) // _WORKER))
    return max(1, n)


def cores(root: Path = _ROOT) -> int:
    """Return the cores that this process may use: its affinity, and what its control group is allowed."""
    if hasattr(os, "process_cpu_count"):
        n = os.process_cpu_count() or 1
    elif hasattr(os, "sched_getaffinity"):
        n = len(os.sched_getaffinity(0))
    else:
        n = os.cpu_count() or 1
    return min([n, *(math.ceil(quota) for quota in _quotas(root))])


def memory_bytes(root: Path = _ROOT) -> int | None:
    """Return the memory that this process may use, by the machine, a group or a limit; None: unknown."""
    limits = [*_memory_limits(root), address_space_limit() or 0]
    with suppress(ValueError, OSError, AttributeError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min((each for each in limits if each > 0), default=None)


def _quotas(root: Path) -> Iterator[float]:
    """Yield how many cores' time our control group and those above it may have."""
    for group in _groups(root, "cpu"):
        for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
            words = " ".join(_text(group / name) for name in names).split()
            # "max", or -1 in the older kind: no limit.
            if len(words) == 2 and all(word.isdecimal() for word in words) and int(words[1]):
                yield int(words[0]) / int(words[1])


def _memory_limits(root: Path) -> Iterator[int]:
    for group in _groups(root, "memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            text = _text(group / name)
            if text.isdecimal():
                yield int(text)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of our control group and of those above it, of both kinds (Linux)."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            top = root / "sys/fs/cgroup" / (controller if controllers else "")
            # In a container the path may be that of the world outside; then there is only the top.
            below = top / path.lstrip("/")
            yield from (group for group in (below, *below.parents) if group.is_relative_to(top))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
