"""Decoders and comparers that go from test to test: starting one takes 0.3 s, which most would pay."""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lookalike.indexer.sandbox import pool
from lookalike.indexer.sandbox.framing import Head
from lookalike.indexer.sandbox.process import WorkerKind, WorkerProcess

# What differs from test to test and is nothing to these workers.
_OF_TESTS = {
    "PYTEST_CURRENT_TEST",
    "HOME",
    "XDG_DATA_HOME",
    *map("LOOKALIKE_{}".format, ("CACHE", "CONFIG", "STORE")),
}
_spare: defaultdict[object, list["_Lasting"]] = defaultdict(list)


class _Lasting(WorkerProcess):
    """A worker that waits for the next test when its work went well to the end."""

    key: object = None
    _is_well = False

    def ask(self, *arguments: Any, **options: Any) -> tuple[Head, list[bytes]]:
        self._is_well = False
        head, buffers = super().ask(*arguments, **options)
        self._is_well = head.get("error", [""])[0] != "out_of_memory"
        return head, buffers

    def end(self) -> int | None:
        if self.key is None or not self._is_well or self.should_recycle or self._process.poll() is not None:
            return super().end()
        _spare[self.key].append(self)
        return None


def _taken(kind: WorkerKind) -> WorkerProcess:
    """Return a worker that waits, if it is one such as would be started now, else start one.

    A prover remembers pictures by the numbers of one library, and is never taken by another.
    """
    if kind.name not in ("decoder", "comparer"):
        return WorkerProcess(kind)
    environment = {name: value for name, value in os.environ.items() if name not in _OF_TESTS}
    key = (kind, os.geteuid(), tuple(sorted(environment.items())))
    while _spare[key]:
        process = _spare[key].pop()
        if process._process.poll() is None:
            return process
        process.key = None
        process.end()
    made = _Lasting(kind)
    made.key = key
    return made


@contextmanager
def lasting() -> Iterator[None]:
    """Let these workers outlive those who started them, until the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "WorkerProcess", _taken)
        yield
    for processes in _spare.values():
        for process in processes:
            process.key = None
            process.end()
    _spare.clear()


@contextmanager
def ended_at_once() -> Iterator[None]:
    """Let workers be as they are, where they are what is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "WorkerProcess", WorkerProcess)
        yield
