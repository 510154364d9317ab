"""Running units on this machine, in processes of their own: what ends a process does not end the run."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait

from ..errors import LookalikeError
from ..indexer.executor import cores
from ..store.progress import Watch
from .stages import Outcome, Stage, UnitFailure, attempt, passed_on

_LOOK_S = 0.2  # how soon a stop is seen
_END_S = 5.0
# Neither threads nor open files of ours go over.
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(slots=True)
class Here:
    """Runs units on this machine.

    processes: one is enough for work that uses threads; 0: do it in this process.
    """

    processes: int = 1
    _kept: "list[_Worker] | None" = field(default=None, init=False, repr=False)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """See `Launcher`: a process takes most of a second to load what stages need."""
        kept: list[_Worker] = []
        self._kept = kept
        try:
            yield
        finally:
            self._kept = None
            for worker in kept:
                worker.end()

    def run(self, stage: Stage, take: Callable[[], int | None], watch: Watch) -> Iterator[Outcome]:
        """See `Launcher`; in this process a unit under way is finished when the watch is stopped."""
        if not self.processes:
            return _inside(stage, take, watch)
        return _in_processes(_Workers(self.processes, stage, self._kept), take, watch)


def _inside(stage: Stage, take: Callable[[], int | None], watch: Watch) -> Iterator[Outcome]:
    number = take()
    if number is None:
        return
    with stage.open(None) as work:
        while number is not None and not watch.is_stopped:
            yield attempt(work, number)
            number = take()


def _in_processes(workers: "_Workers", take: Callable[[], int | None], watch: Watch) -> Iterator[Outcome]:
    try:
        while not watch.is_stopped:
            workers.hand_out(take)
            busy = {worker.channel: worker for worker in workers.all if worker.number is not None}
            if not busy:
                return
            for channel in wait(busy, _LOOK_S):
                worker = busy[channel]  # type: ignore[index]
                yield from worker.outcomes()
                if worker.has_ended:
                    workers.all.remove(worker)
    finally:
        workers.end()


class _Workers:
    """Up to n processes for a stage. kept: those of earlier stages, where these are left, too."""

    def __init__(self, n: int, stage: Stage, kept: "list[_Worker] | None") -> None:
        self.all: list[_Worker] = []
        self._n, self._stage, self._kept = n, stage, kept

    def hand_out(self, take: Callable[[], int | None]) -> None:
        """Give a unit to each worker that has none, and have workers for more of them, n in all."""
        free = [worker for worker in self.all if worker.number is None]
        while free or len(self.all) < self._n:
            number = take()
            if number is None:
                return
            if not free:
                self.all.append(self._next())
            (free.pop() if free else self.all[-1]).give(number)

    def _next(self) -> "_Worker":
        worker = None
        while self._kept and not (worker and worker.is_alive):
            worker = self._kept.pop()
        if not (worker and worker.is_alive):
            worker = _Worker(None if self._n == 1 else max(1, cores() // self._n))
        worker.begin(self._stage)
        return worker

    def end(self) -> None:
        """End all, but those that can be kept."""
        for worker in self.all:
            if self._kept is None or worker.number is not None:
                worker.end()
            else:
                self._kept.append(worker)


class _Worker:
    """A process that does one unit after another. number: the unit it is at."""

    def __init__(self, threads: int | None) -> None:
        self.channel, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(threads, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.number: int | None = None
        self.has_ended = False
        self._has_opened = False

    @property
    def is_alive(self) -> bool:
        """Whether it has not been killed while it had nothing to do."""
        return self._process.is_alive()

    def begin(self, stage: Stage) -> None:
        """Let it open a stage, in place of the one before."""
        self._send(stage)

    def give(self, number: int) -> None:
        """Let it do a unit."""
        self.number = number
        self._send(number)

    def _send(self, what: Stage | int) -> None:
        with suppress(BrokenPipeError):  # it has ended, which `outcomes` is told
            self.channel.send(what)

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what became of its unit, if that is known by now.

        Raises:
            LookalikeError: this machine cannot do the stage, or go on with it.
        """
        try:
            told = self.channel.recv()
        except (EOFError, OSError):
            yield self._ended()
            return
        if isinstance(told, LookalikeError):
            raise told
        self._has_opened = True
        if told is not None:
            self.number = None
            yield told

    def _ended(self) -> UnitFailure:
        self.has_ended = True
        self.end()
        why = f"the process that did it {_how_ended(self._process.exitcode)}"
        # One that was kept from an earlier stage can start: it was killed, maybe before this one was begun.
        if self.number is None or not self._has_opened:
            raise LookalikeError(f"a worker process cannot start: it {_how_ended(self._process.exitcode)}")
        return UnitFailure(self.number, why)

    def end(self) -> None:
        """End it, whatever it is at."""
        self.channel.close()
        self._process.join(_END_S if self.has_ended or self.number is None else 0)
        self._process.kill()
        self._process.join()


def _how_ended(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "was killed, as when memory runs out"
    return f"ended with signal {-code}" if code is not None and code < 0 else f"ended with code {code}"


def _serve(threads: int | None, channel: Connection) -> None:
    """Be a worker for one stage after another."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that hands out
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, BrokenPipeError):
        try:
            stage = channel.recv()
            while True:
                stage = _serve_stage(stage, threads, channel)
        except (EOFError, BrokenPipeError):
            raise
        except Exception as error:
            channel.send(passed_on(error))


def _serve_stage(stage: Stage, threads: int | None, channel: Connection) -> Stage:
    """Open a stage, say so with None, and do what units come; return the next stage.

    An error of the machine, which is told in place of an answer, ends the worker.
    """
    with stage.open(threads) as work:
        channel.send(None)
        while isinstance(asked := channel.recv(), int):
            channel.send(attempt(work, asked))
        next_stage: Stage = asked
        return next_stage


def _end_with_parent() -> None:
    """End at once when nobody waits for results any more: who starts again does the same unit anew."""
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
