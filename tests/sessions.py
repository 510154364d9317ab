"""A session of the shipped network that goes from test to test: making one takes 55 ms.

The file of the network is read and checked as ever; a session remembers no picture that it has seen.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import onnxruntime
import pytest

_make = onnxruntime.InferenceSession
_made: list[tuple[bytes, onnxruntime.InferenceSession]] = []


def _session(graph: bytes, *arguments: Any, **options: Any) -> onnxruntime.InferenceSession:
    if not _made or _made[0][0] != graph:
        _made[:] = [(graph, _make(graph, *arguments, **options))]
    return _made[0][1]


@contextmanager
def lasting() -> Iterator[None]:
    """Let a session outlive the engine that it was made for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnxruntime, "InferenceSession", _session)
        yield
    _made.clear()
