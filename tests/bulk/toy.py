"""A stage that writes small files, and does what a test orders: fails, kills its process, waits."""

import contextlib
import hashlib
import os
import secrets
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lookalike.bulk.stages import UnitReport, Work
from lookalike.errors import ModelError, RootOffline
from lookalike.store.files import write_atomic

PATIENCE_S = 120.0


def wait_until(is_so: Callable[[], object]) -> None:
    """Wait for an event that another process makes."""
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


def is_gone(process: int) -> bool:
    """Tell whether a process has ended, be it that nobody has asked for its exit code yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@dataclass(frozen=True)
class Toy:
    """folder: results, tries and orders lie there. n: units."""

    folder: str
    n: int
    name: str = "toy"

    def at(self, *names: str) -> Path:
        path = Path(self.folder, *names)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def order(self, number: int, what: str) -> None:
        """Let a unit "fail", "kill" its process, be "away" (both may be "once"), or "hold"."""
        self.at("orders", str(number)).write_text(what)

    def let_go(self) -> None:
        self.at("go").touch()

    def held(self) -> dict[int, int]:
        """Return the units that wait, each with the process that does it."""
        found = [path.name.split("-") for path in self.at("held", "*").parent.glob("*")]
        return {int(number): int(process) for number, process in found}

    def tries(self) -> Counter[int]:
        """Return how often each unit was begun."""
        return Counter(int(path.name.split("-")[0]) for path in self.at("tries", "*").parent.glob("*"))

    def units(self) -> dict[int, int]:
        return {number: number % 3 + 1 for number in range(self.n)}

    def done(self) -> set[int]:
        return {int(path.stem) for path in self.at("results", "*").parent.glob("*.txt")}

    def is_whole(self) -> bool:
        """Tell whether all results are there, each as it must be, and nothing else."""
        found = {path.name: path.read_bytes() for path in self.at("results", "*").parent.iterdir()}
        return found == {f"{number}.txt": _result(number) for number in range(self.n)}

    @contextlib.contextmanager
    def open(self, threads: int | None) -> Iterator[Work]:  # noqa: ARG002 - part of the protocol
        if self.at("cannot open").exists():
            raise ModelError("there are no weights here")
        yield self._do

    def _do(self, number: int) -> UnitReport:
        self.at("tries", f"{number}-{secrets.token_hex(4)}").touch()
        order = self.at("orders", str(number))
        self._obey(order.read_text() if order.exists() else "", number)
        write_atomic(str(self.at("results", f"{number}.txt")), lambda out: out.write(_result(number)))
        return UnitReport(number, number % 3 + 1, 0, 0.0)

    def _obey(self, order: str, number: int) -> None:
        if order == "fail":
            raise ValueError(f"unit {number}\nwas told to fail")
        if order.endswith(" once"):
            order = order.removesuffix(" once") if self.tries()[number] == 1 else ""
        if order == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if order == "away":
            raise RootOffline("the photos are away")
        if order == "hold":
            self.at("held", f"{number}-{os.getpid()}").touch()
            wait_until(self.at("go").exists)


def _result(number: int) -> bytes:
    return hashlib.shake_256(number.to_bytes(8)).digest(10_000)
