"""A line of a journal as it comes back: a stranger's, until every field of it was looked at.

All functions raise ValueError for what no run of ours has written.
"""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from ...store.documents import Row
from .planfile import path_in

# Five paths of the longest kind that any system has, escaped, fit well.
LONGEST_LINE = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def lines_of(source: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a journal, with their ends; what is too long for one comes as a "?"."""
    while line := source.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = source.readline(LONGEST_LINE)
            line = b"?" + line[-1:]
        yield line


def row_of(line: bytes) -> Row:
    """Return the object of a line."""
    try:
        row = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(row, dict):
        raise ValueError("no object")
    return row


def number_in(row: Row, name: str, least: int = 0) -> int:
    """Return a whole number of at least `least`, below 2**64."""
    value = row.get(name)
    if type(value) is not int or not least <= value < 1 << 64:  # a bool is no number
        raise ValueError(f"{name} is no such number")
    return value


def text_in(row: Row, name: str, most: int = 64) -> str:
    """Return a text of at most so many characters."""
    value = row.get(name)
    if not isinstance(value, str) or len(value) > most:
        raise ValueError(f"{name} is no such text")
    return value


def digest_in(row: Row, name: str) -> str:
    """Return a blake3 digest in hex."""
    value = text_in(row, name)
    if not _DIGEST.fullmatch(value):
        raise ValueError(f"{name} is no digest")
    return value


def place_in(row: Row, name: str) -> str:
    """Return an absolute path, or "" where there is none."""
    if not isinstance(row.get(name), str):
        raise ValueError(f"{name} is no path")
    try:
        path = path_in(row, name)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{name} is no path") from error
    if path and (not os.path.isabs(path) or b"\0" in os.fsencode(path)):
        raise ValueError(f"{name} is no absolute path")
    return path


def moment_of(text: str) -> datetime:
    """Return the time that a journal says it began at, or that a run is named after; UTC."""
    for form in ("%Y-%m-%dT%H:%M:%S%z", "%Y%m%dT%H%M%S-%f"):
        try:
            found = datetime.strptime(text, form)
        except ValueError:
            continue
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        if 1970 <= found.year < 3000:  # others count on from there
            return found
    raise ValueError("no time")
