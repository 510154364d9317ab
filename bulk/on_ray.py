"""Running units on a Ray cluster: an actor for each CPU is given numbers, and answers with counts.

Nothing else goes through Ray: the results are files, and a unit whose file is there is done. So an actor
that ends is simply replaced, and its unit tried again.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .. import __version__
from ..errors import LookalikeError, UsageError
from ..indexer.executor import cores
from ..store.progress import Watch
from .extras import PACKAGES, needing
from .stages import Outcome, Stage, UnitFailure, Work, attempt, passed_on

_LOOK_S = 0.5  # how soon a stop and new nodes are seen
_MOST_STARTS = 3  # actors that may end while they open the stage, before their node is left out
_PATIENCE_S = 10.0
_CONNECTS = 3  # Ray gives itself 30 s to start, which a busy machine may not keep
_OBJECT_STORE = 80 << 20  # the least that Ray takes; nothing of ours lies in it


@dataclass(slots=True)
class OnRay:
    """Runs units on a Ray cluster.

    address: "auto" for the one that this machine is part of, "host:port" where it is part of several,
    "local" for one of its own that ends with the run, or with the block of `kept`.
    """

    address: str = "auto"
    _kept: contextlib.ExitStack | None = field(default=None, init=False, repr=False)
    _crew: "_Crew | None" = field(default=None, init=False, repr=False)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """See `Launcher`: a cluster of its own takes seconds to start, and so does each actor."""
        try:
            with contextlib.ExitStack() as self._kept:
                yield
        finally:
            self._kept = self._crew = None

    def run(self, stage: Stage, take: Callable[[], int | None], watch: Watch) -> Iterator[Outcome]:
        """See `Launcher`.

        Raises:
            UsageError: there is no such cluster, or other versions run there.
            LookalikeError: no node can open the stage.
        """
        number = take()
        if number is None:
            return
        ray = load_ray(self.address)
        with contextlib.ExitStack() as own:
            crew = self._crew
            if crew is None:
                block = self._kept or own
                block.enter_context(_connected(ray, self.address))
                crew = _Crew(ray)
                block.callback(crew.end)
                self._crew = crew if self._kept else None
            yield from crew.run(stage, number, take, watch)


def load_ray(address: str) -> Any:
    """Return the module `ray`, with what it would tell its makers, and print, left out.

    Raises:
        UsageError: it is not installed.
    """
    if address == "local" and "RAY_AUTH_MODE" not in os.environ:
        # Else Ray leaves a token in the user's home, and by that all clusters of this machine want it.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # a warning about GPUs
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # what Ray prints to stdout of workers that end
    with needing(f"ray {PACKAGES}"):
        import ray
        import ray.exceptions
        import ray.util.scheduling_strategies
    return ray


@contextlib.contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    """Be a driver of the cluster; a connection that this process has is used, and left as it is."""
    if ray.is_initialized():
        yield
        return
    if address not in ("auto", "local"):
        _check_answers(address)
    options: dict[str, Any] = {"address": address, "log_to_driver": False, "configure_logging": False}
    if address == "local":
        # Nobody else needs to reach it.
        options |= {"num_cpus": cores(), "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        options["object_store_memory"] = _OBJECT_STORE
    for tries_left in reversed(range(_CONNECTS if address == "local" else 1)):
        try:
            with _own_sigterm():
                ray.init(**options)
            break
        except Exception as error:
            if not tries_left:
                raise UsageError(f"cannot use the Ray cluster {address}: {_one_line(error)}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Check that somebody listens there: Ray would try for two minutes, and say so over and over."""
    host, _, port = address.rpartition(":")
    if not port.isdigit() or "/" in host:
        raise UsageError(f'a Ray cluster is "auto", "local" or HOST:PORT, not "{address}"')
    try:
        asyncio.run(asyncio.wait_for(_connect(host, int(port)), _PATIENCE_S))
    except OSError as error:
        raise UsageError(f"no Ray cluster answers at {address}") from error


async def _connect(host: str, port: int) -> None:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep what SIGTERM does here: Ray takes it."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # outside the main thread, where Ray leaves it alone, too
            signal.signal(signal.SIGTERM, handler)


class _Actor:
    """What runs on a CPU of the cluster."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._work: Work | None = None

    def version(self) -> str:
        """Return the version of lookalike there."""
        return __version__

    def open(self, stage: Stage) -> LookalikeError | None:
        """Open a stage, in place of the one before; return why that is not possible, None if it is."""
        try:
            self._open.close()
            self._work = self._open.enter_context(stage.open(threads=1))
        except Exception as error:
            return passed_on(error)
        return None

    def do(self, number: int) -> Outcome | LookalikeError:
        """Do a unit; return why this machine cannot go on, if it cannot."""
        assert self._work
        try:
            return attempt(self._work, number)
        except LookalikeError as error:
            return error


@dataclass(slots=True)
class _Seat:
    """An actor on a node. asked: what it has not answered, in its order: methods, or one unit.

    No unit waits for it behind another: the round trip takes milliseconds, and another CPU may be idle.
    """

    actor: Any
    node: str
    host: str
    asked: deque[tuple[int | str, Any]] = field(default_factory=deque)

    @property
    def has_unit(self) -> bool:
        """Whether it is at a unit."""
        return bool(self.asked) and isinstance(self.asked[0][0], int)


class _Crew:
    """An actor for each CPU of the nodes that are there now; for one stage after another."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        # An actor that ends is replaced here, where it is known which unit it was at.
        self._actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Actor)
        self._seats: list[_Seat] = []

    def run(
        self, stage: Stage, number: int | None, take: Callable[[], int | None], watch: Watch
    ) -> Iterator[Outcome]:
        """Hand out units of a stage, this one first, until there are none."""
        self._begin(stage)
        try:
            while not watch.is_stopped and (
                number is not None or any(seat.has_unit for seat in self._seats)
            ):
                self._look_at_nodes()
                for seat in self._seats:
                    if number is not None and not seat.asked:
                        seat.asked.append((number, seat.actor.do.remote(number)))
                        number = self._next(take)
                yield from self._answers()
                number = self._next(take) if number is None else number  # what failed is there again
        finally:
            for seat in [seat for seat in self._seats if seat.asked]:
                self._leave(seat)

    def _begin(self, stage: Stage) -> None:
        self._stage = stage
        self._starts = Counter[str]()  # of a node: actors that came to nothing
        self._refusal = LookalikeError()
        self._returned: list[int] = []  # units of machines that could not go on
        self._look_at = 0.0
        for seat in self._seats:
            seat.asked.append(("open", seat.actor.open.remote(stage)))

    def _next(self, take: Callable[[], int | None]) -> int | None:
        return self._returned.pop() if self._returned else take()

    def end(self) -> None:
        """End all actors, whatever they are at."""
        for seat in self._seats:
            self._ray.kill(seat.actor)

    def _look_at_nodes(self) -> None:
        """Place actors on the CPUs that have none; where others use one, it starts once that is free."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_S
        nodes = [
            node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1
        ]
        for node in nodes:
            if self._starts[node["NodeID"]] < _MOST_STARTS:
                n_seats = sum(seat.node == node["NodeID"] for seat in self._seats)
                self._seats += [self._seat(node) for _ in range(int(node["Resources"]["CPU"]) - n_seats)]
        if nodes and not self._seats:
            raise self._refusal

    def _seat(self, node: dict[str, Any]) -> _Seat:
        there = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            node["NodeID"], soft=False
        )
        actor = self._actor.options(scheduling_strategy=there).remote()
        first = [("version", actor.version.remote()), ("open", actor.open.remote(self._stage))]
        return _Seat(actor, node["NodeID"], node["NodeManagerHostname"], deque(first))

    def _answers(self) -> Iterator[Outcome]:
        """Wait a while for an answer, and yield what came of a unit."""
        first = {seat.asked[0][1]: seat for seat in self._seats if seat.asked}
        if not first:
            time.sleep(_LOOK_S)  # no node is there
            return
        ready, _ = self._ray.wait(list(first), timeout=_LOOK_S)
        for ref in ready:
            seat = first[ref]
            what, _ = seat.asked.popleft()
            try:
                answer = self._ray.get(ref)
            except self._ray.exceptions.RayError as error:
                yield from self._lost(seat, what, error)
            else:
                yield from self._answered(seat, what, answer)

    def _answered(self, seat: _Seat, what: int | str, answer: Any) -> Iterator[Outcome]:
        if isinstance(answer, LookalikeError):
            self._returned += [what] if isinstance(what, int) else []
            self._refuse(seat, type(answer)(f"{seat.host}: {answer}"), _MOST_STARTS)
        elif isinstance(what, int):
            yield answer
        elif what == "version" and answer != __version__:
            raise UsageError(
                f"lookalike is {answer} on {seat.host} and {__version__} here: "
                "all machines need the same version"
            )

    def _lost(self, seat: _Seat, what: int | str, error: Exception) -> Iterator[Outcome]:
        """Do without an actor that has ended, or cannot be reached: its node gets another."""
        if "No module named 'lookalike'" in str(error):
            raise UsageError(f"lookalike is not installed on {seat.host}; all machines need it") from error
        if isinstance(what, int):
            self._leave(seat)
            yield UnitFailure(what, _how_lost(seat.host, error))
        elif _has_died(error):
            self._leave(seat)  # that a node is gone is no reason why the others cannot open the stage
        else:
            why = f"{seat.host}: a worker cannot start: {_one_line(error)}"
            self._refuse(seat, LookalikeError(why), 1)

    def _refuse(self, seat: _Seat, why: LookalikeError, n_starts: int) -> None:
        """Do without an actor, and in the end without its node."""
        self._leave(seat)
        self._starts[seat.node] += n_starts
        self._refusal = why

    def _leave(self, seat: _Seat) -> None:
        self._seats.remove(seat)
        self._ray.kill(seat.actor)


def _has_died(error: Exception) -> bool:
    return "its node has died" in str(error)


def _how_lost(host: str, error: Exception) -> str:
    if _has_died(error):
        return f"{host} left the cluster while it did this"
    return f"the process that did it on {host} was killed, as when memory runs out, or crashed"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
