"""How a process and its workers talk: frames of JSON and plain buffers, nothing that could be run.

A frame is four bytes with the length of its head, the head as JSON, and the buffers whose lengths the head
lists in "buffers". An answer with "error" in its head is a code and a text.
"""

import json
import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

from ...errors import DecodeError

MAX_HEAD = 1 << 16
_MAX_TEXT = 500
_CODE = re.compile(r"[a-z_]{2,40}")
_LENGTH = struct.Struct(">I")

Head = dict[str, Any]
Buffers = Sequence[bytes | memoryview]
Frame = tuple[Head, Buffers]


def head_bytes(head: Head, buffers: Buffers = ()) -> bytes:
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
    if sum(lengths) > max_bytes:
        raise ValueError(f"buffers of {lengths[:3]} bytes")
    return head, [take(each) for each in lengths]


def check_error(head: Head) -> None:
    """Raise the error of an answer, if it has one.

    Raises:
        DecodeError: what the worker reports of its job. ValueError: the report is invalid.
    """
    if "error" not in head:
        return
    code, message = head["error"]
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise ValueError("an error without a code")
    raise DecodeError(code, text_in(message) or code)


def text_in(value: object) -> str | None:
    """Return a text of an answer, None where there is none.

    Raises:
        ValueError: it is something else, or too long.
    """
    if value is not None and not (isinstance(value, str) and len(value) <= _MAX_TEXT):
        raise ValueError("no text, or too long a one")
    return value
