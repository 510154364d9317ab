"""Text for people: counts, sizes, dates, columns, and names that cannot steer a terminal."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from ..store.names import is_remote
from ..store.words import plural as plural


def printable(text: str) -> str:
    """Return text with control characters and stray bytes escaped: no name may steer the terminal."""
    return "".join(
        repr(char)[1:-1] if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char
        for char in text
    )


def common_folder(folders: Iterable[str]) -> str:
    """Return the folder that holds all of some (absolute paths, or URLs); "" where none does."""
    named = set(folders)
    if not any(map(is_remote, named)):
        return os.path.commonpath(named)
    levels = zip(*(name.split("/") for name in named), strict=False)
    shared = [each[0] for each in takewhile(lambda level: len(set(level)) == 1, levels)]
    return "/".join(shared) if len(shared) >= 3 else ""  # "s3:", "", "bucket"


def path_below(path: str, folder: str) -> str:
    """Return a path as it is called in a folder that `common_folder` gave."""
    if not folder:
        return path
    return path[len(folder) + 1 :] if is_remote(folder) else os.path.relpath(path, folder)


def as_options(text: str) -> str:
    """Return a message of the library for the command line, where `accept_missing=3` is an option."""
    return re.sub(r"`([a-z_]+)=(?:True)?([^`]*)`", _as_option, text)


def _as_option(match: re.Match[str]) -> str:
    return f"--{match[1].replace('_', '-')} {match[2]}".rstrip()


def kinds_in_words(counts: Mapping[str, int]) -> str:
    """Return how many there are of which kind, most first: "1,204 CR2, 88 MP4"."""
    most_first = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{count:,} {kind}" for kind, count in most_first if count)


def shortened(text: str, fits: Callable[[str], bool]) -> str:
    """Return text that fits; what is too long loses its middle, so that endings stay."""
    kept, cut = len(text), text
    while kept > 1 and not fits(cut):
        kept -= 1
        cut = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return cut


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> Iterator[str]:
    """Lay rows out in columns; right: numbers of the columns to align at their right side."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def file_size(size: int) -> str:
    """Return bytes for people: "512 B", "3.4 MB"."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def pixels(row: Mapping[str, Any]) -> str:
    """Return the size of a listed photo: "4000x3000"."""
    return f"{row['width']}x{row['height']}"


def day(date: str | None) -> str:
    """Return an ISO 8601 date for people: "2023-05-01 12:30"."""
    return (date or "")[:16].replace("T", " ")


# A probability that rounds to one says nothing.
_CERTAIN = 0.9995


def certainty(probability: float) -> str:
    """Return how certain a copy is: ", 98.7 % sure"; "" where it is as good as certain."""
    return f", {100 * probability:.1f} % sure" if probability < _CERTAIN else ""
