"""How a process and its decoder talk: frames of JSON and plain buffers, nothing that could be run.

A frame is four bytes with the length of its head, the head as JSON, and the buffers whose lengths the head
lists in "buffers".
"""

import json
import struct
from collections.abc import Callable, Sequence
from typing import Any

MAX_HEAD = 1 << 16
_LENGTH = struct.Struct(">I")

Head = dict[str, Any]


def head_bytes(head: Head, buffers: Sequence[bytes | memoryview] = ()) -> bytes:
    """Return the beginning of a frame; the buffers follow it as they are."""
    text = json.dumps(head | {"buffers": [len(each) for each in buffers]}).encode("ascii")
    return _LENGTH.pack(len(text)) + text


def read_frame(take: Callable[[int], bytes], max_bytes: int) -> tuple[Head, list[bytes]]:
    """Return the head and the buffers of a frame. take: gives exactly so many bytes.

    Raises:
        ValueError: it is no such frame, or its buffers are longer than max_bytes in all.
    """
    (length,) = _LENGTH.unpack(take(_LENGTH.size))
    if not 0 < length <= MAX_HEAD:
        raise ValueError(f"a head of {length} bytes")
    head = json.loads(take(length))
    lengths = head.pop("buffers") if isinstance(head, dict) and "buffers" in head else None
    if not isinstance(lengths, list) or not all(type(each) is int and each >= 0 for each in lengths):
        raise ValueError("a head without the lengths of its buffers")
    if len(lengths) > 2 or sum(lengths) > max_bytes:
        raise ValueError(f"buffers of {lengths[:3]} bytes")
    return head, [take(each) for each in lengths]
