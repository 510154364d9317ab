"""Running units on this machine, in processes of their own: what ends a process does not end the run."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from ..errors import LookalikeError
from ..indexer.executor import cores
from ..store.progress import Watch
from .stages import Outcome, Stage, UnitFailure, attempt, passed_on

_LOOK_S = 0.2  # how soon a stop is seen
_END_S = 5.0
# Neither threads nor open files of ours go over.
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Here:
    """Runs units on this machine.

    processes: one is enough for work that uses threads; 0: do it in this process.
    """

    processes: int = 1

    def kept(self) -> AbstractContextManager[None]:
        """See `Launcher`: there is nothing to keep."""
        return nullcontext()

    def run(self, stage: Stage, take: Callable[[], int | None], watch: Watch) -> Iterator[Outcome]:
        """See `Launcher`; in this process a unit under way is finished when the watch is stopped."""
        return (
            _in_processes(self.processes, stage, take, watch)
            if self.processes
            else _inside(stage, take, watch)
        )


def _inside(stage: Stage, take: Callable[[], int | None], watch: Watch) -> Iterator[Outcome]:
    number = take()
    if number is None:
        return
    with stage.open(None) as work:
        while number is not None and not watch.is_stopped:
            yield attempt(work, number)
            number = take()


def _in_processes(n: int, stage: Stage, take: Callable[[], int | None], watch: Watch) -> Iterator[Outcome]:
    threads = None if n == 1 else max(1, cores() // n)
    workers: list[_Worker] = []
    try:
        while not watch.is_stopped:
            _hand_out(workers, n, take, lambda: _Worker(stage, threads))
            busy = {worker.channel: worker for worker in workers if worker.number is not None}
            if not busy:
                return
            for channel in wait(busy, _LOOK_S):
                worker = busy[channel]  # type: ignore[index]
                yield from worker.outcomes()
                if worker.has_ended:
                    workers.remove(worker)
    finally:
        for worker in workers:
            worker.end()


def _hand_out(
    workers: "list[_Worker]", n: int, take: Callable[[], int | None], start: "Callable[[], _Worker]"
) -> None:
    """Give a unit to each worker that has none, and start workers for more of them, n in all."""
    free = [worker for worker in workers if worker.number is None]
    while free or len(workers) < n:
        number = take()
        if number is None:
            return
        if not free:
            workers.append(start())
        (free.pop() if free else workers[-1]).give(number)


class _Worker:
    """A process that does one unit after another. number: the unit it is at."""

    def __init__(self, stage: Stage, threads: int | None) -> None:
        self.channel, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(stage, threads, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.number: int | None = None
        self.has_ended = False
        self._is_open = False

    def give(self, number: int) -> None:
        """Let it do a unit."""
        self.number = number
        with suppress(BrokenPipeError):  # it has ended, which `outcomes` is told
            self.channel.send(number)

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
        self._is_open = True
        if told is not None:
            self.number = None
            yield told

    def _ended(self) -> UnitFailure:
        self.has_ended = True
        self.end()
        why = f"the process that did it {_how_ended(self._process.exitcode)}"
        if self.number is None or not self._is_open:
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


def _serve(stage: Stage, threads: int | None, channel: Connection) -> None:
    """Be a worker: open the stage, say so with None or why not with an error, and do what units come."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that hands out
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, BrokenPipeError):
        try:
            with stage.open(threads) as work:
                channel.send(None)
                while True:
                    channel.send(attempt(work, channel.recv()))
        except (EOFError, BrokenPipeError):
            raise
        except Exception as error:
            channel.send(passed_on(error))


def _end_with_parent() -> None:
    """End at once when nobody waits for results any more: who starts again does the same unit anew."""
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
