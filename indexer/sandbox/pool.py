"""Some worker processes, each started when it is first needed and replaced when it has ended."""

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import LifoQueue
from typing import TypeVar

from ...errors import DecodeError
from .framing import Buffers, Head, check_error
from .process import WorkerEnded, WorkerKind, WorkerProcess

MAX_ANSWER = 16 << 20  # bytes: more than the largest input of a network, or picture to look at

Result = TypeVar("Result")
Check = Callable[[Head, list[bytes]], Result]


class NoWorkers(Exception):
    """No worker process can be started here, and none ever could."""


class WorkerPool:
    """At most `size` processes of a kind; use it as a context manager. Safe to use from several threads."""

    def __init__(self, size: int, kind: WorkerKind) -> None:
        self._kind = kind
        # The last one that worked is asked first: few pictures start few processes.
        self._idle: LifoQueue[WorkerProcess | None] = LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        self._running: set[WorkerProcess] = set()
        self._mutex = threading.Lock()
        self._has_worked = False

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        with self._mutex:
            running, self._running = self._running, set()
        for process in running:
            process.end()

    @property
    def processes(self) -> list[int]:
        """The numbers of those that are there now."""
        with self._mutex:
            return [process.number for process in self._running]

    def ask(self, job: Head, buffers: Buffers, check: Check[Result]) -> Result:
        """Return what check makes of the answer to a job; waits for a process that is idle.

        check: raises ValueError, KeyError or TypeError for an answer that the job cannot have.

        Raises:
            DecodeError: what the worker reports of its job.
            WorkerEnded: the process came to its end over it.
            NoWorkers: there are no such processes here.
        """
        process = self._idle.get()
        try:
            process = process or self._start()
            return _checked(process, job, buffers, check)
        except WorkerEnded:
            self._discard(process)
            process = None
            raise
        finally:
            if process is not None and process.should_recycle:
                self._discard(process)
                process = None
            self._idle.put(process)

    def _start(self) -> WorkerProcess:
        try:
            process = WorkerProcess(self._kind)
        except OSError as error:
            if self._has_worked:
                raise DecodeError(
                    "no_decoder", f"no {self._kind.name} could be started: {error}"
                ) from error
            raise NoWorkers(str(error)) from error
        with self._mutex:
            self._running.add(process)
            self._has_worked = True
        return process

    def _discard(self, process: WorkerProcess | None) -> None:
        if process is None:
            return
        process.end()
        with self._mutex, suppress(KeyError):
            self._running.remove(process)


def _checked(process: WorkerProcess, job: Head, buffers: Buffers, check: Check[Result]) -> Result:
    head, answer = process.ask(job, buffers, most=MAX_ANSWER)
    try:
        check_error(head)
        return check(head, answer)
    except DecodeError as error:
        if error.code == "out_of_memory":  # it may have kept what others left; it is not asked again
            process.end()
            raise WorkerEnded(error.code, str(error)) from error
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise process.protocol_error(error) from error
