"""Running work over a stream of tasks: threads here, other machines behind the same protocol later."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol, TypeVar

from .machine import default_workers

Task = TypeVar("Task")
Result = TypeVar("Result")

# Small batches are the fastest on a CPU; and a chunk is what Ctrl-C waits for.
_CHUNK = 8
# Tasks for each worker: a photo that takes seconds must not keep the others from going on.
_AHEAD = 16


class Executor(Protocol):
    """Something that runs work over tasks and gives the results back in the order of the tasks."""

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
