"""Running work over a stream of tasks: threads here, other machines behind the same protocol later."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

from .machine import default_workers

Task = TypeVar("Task")
Result = TypeVar("Result")


class Executor(Protocol):
    """Something that runs work over tasks and gives the results back in the order of the tasks."""

    def run(self, tasks: Iterable[Task], work: Callable[[Task], Result]) -> Iterator[Result]:
        """Yield work(task) for each task; tasks are taken only a little ahead of the results."""
        ...


class ThreadExecutor:
    """Threads of this process: decoding, hashing and the engines release the interpreter's lock.

    workers: number of threads. At most twice as many tasks are under way or waiting to be fetched,
    which bounds the memory.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or default_workers()

    def run(self, tasks: Iterable[Task], work: Callable[[Task], Result]) -> Iterator[Result]:
        """Yield work(task) for each task, in order; the first exception ends the run."""
        under_way: deque[Future[Result]] = deque()
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="lookalike")
        try:
            for task in tasks:
                under_way.append(pool.submit(work, task))
                if len(under_way) >= 2 * self.workers:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
