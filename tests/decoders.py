"""Decoders that go from test to test: starting one takes a quarter of a second, which most would pay."""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lookalike.indexer.sandbox import crew
from lookalike.indexer.sandbox.member import Limits, Member
from lookalike.indexer.sandbox.wire import Head

# What differs from test to test and is nothing to a decoder.
_OF_TESTS = "PYTEST_CURRENT_TEST"
_spare: defaultdict[object, list["_Lasting"]] = defaultdict(list)


class _Lasting(Member):
    """A decoder that waits for the next test when its work went well to the end."""

    kind: object = None
    _is_well = False

    def ask(self, *arguments: Any, **options: Any) -> tuple[Head, list[bytes]]:
        self._is_well = False
        head, buffers = super().ask(*arguments, **options)
        self._is_well = head.get("error", [""])[0] != "out_of_memory"
        return head, buffers

    def end(self) -> int | None:
        if self.kind is None or not self._is_well or self.is_worn or self._process.poll() is not None:
            return super().end()
        _spare[self.kind].append(self)
        return None


def _taken(module: str, limits: Limits) -> Member:
    """Return a decoder that waits, if it is one such as would be started now, else start one."""
    environment = {name: value for name, value in os.environ.items() if name != _OF_TESTS}
    kind = (module, limits, os.geteuid(), tuple(sorted(environment.items())))
    while _spare[kind]:
        member = _spare[kind].pop()
        if member._process.poll() is None:
            return member
        member.kind = None
        member.end()
    made = _Lasting(module, limits)
    made.kind = kind
    return made


@contextmanager
def lasting() -> Iterator[None]:
    """Let decoders outlive those who started them, until the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crew, "Member", _taken)
        yield
    for members in _spare.values():
        for member in members:
            member.kind = None
            member.end()
    _spare.clear()


@contextmanager
def ended_at_once() -> Iterator[None]:
    """Let decoders be as they are, where they are what is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crew, "Member", Member)
        yield
