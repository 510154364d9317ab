"""Text for people: counts, sizes, dates, columns, and names that cannot steer a terminal."""

import os
import re
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from ..store.names import is_remote
from ..store.words import plural as plural
from .screen import Styled, cells, painted, screen, short

# A name that is cut keeps so many cells.
_LEAST_NAME = 20
# What is to be typed.
_QUOTED = re.compile(r"`[^`]*`")


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


def some_names(paths: Sequence[str], most: int = 3) -> str:
    """Return the first of some files by name, then how many more there are: "a.jpg, b.jpg and 7 more"."""
    names = ", ".join(map(short, paths[:most]))
    return f"{names} and {len(paths) - most:,} more" if len(paths) > most else names


def shortened(text: str, fits: Callable[[str], bool]) -> str:
    """Return text that fits; what is too long loses its middle, so that endings stay."""
    kept, cut = len(text), text
    while kept > 1 and not fits(cut):
        kept -= 1
        cut = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return cut


def columns(
    rows: Sequence[Sequence[str]], right: Sequence[int] = (), *, name: int | None = None
) -> Iterator[str]:
    """Lay rows out in columns; right: numbers of the columns to align at their right side.

    On a terminal no row is wider than that: where paths in the column `name` are long, the last column
    stands below them; else it goes on below. What still does not fit loses its middle.
    """
    shown = screen()
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    room = shown.width if shown else sys.maxsize
    if name is not None:
        others = sum(widths) - widths[name] + 2 * (len(widths) - 1)
        least = max(_LEAST_NAME, room - others)
        # What stands behind a name can go on below; a name cannot.
        most = least if name == len(widths) - 1 else max(least, room // 2 - sum(widths[:name]) - 2 * name)
        if widths[name] > most and name < len(widths) - 1:
            yield from _in_two_lines(rows, right, name, room)
            return
        rows = _with_names_cut(rows, name, most)
        widths[name] = min(widths[name], most)
    for row in rows:
        yield from _row(row, widths, right, room)


def _in_two_lines(
    rows: Sequence[Sequence[str]], right: Sequence[int], name: int, room: int
) -> Iterator[str]:
    """Lay out rows whose last column stands below the column of names."""
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)][:-1]
    most = max(_LEAST_NAME, room - sum(widths) + widths[name] - 2 * (len(widths) - 1))
    widths[name] = min(widths[name], most)
    indent = " " * (sum(widths[:name]) + 2 * name)
    for row in _with_names_cut(rows, name, most):
        yield from _row(row[:-1], widths, right, room)
        lines = [cut(line, room - len(indent)) for line in _lines_of(row[-1], room - len(indent))]
        yield from (indent + painted(line, getattr(row[-1], "style", None)) for line in lines)


def _with_names_cut(rows: Sequence[Sequence[str]], name: int, most: int) -> list[list[str]]:
    return [[*row[:name], cut_path(row[name], most), *row[name + 1 :]] for row in rows]


def _row(row: Sequence[str], widths: Sequence[int], right: Sequence[int], room: int) -> Iterator[str]:
    indent = sum(widths[:-1]) + 2 * (len(widths) - 1)
    first, *more = _lines_of(row[-1], max(_LEAST_NAME, room - indent))
    cut_to = [*row[:-1], first]
    padded = [
        painted(_padded(cell, width, number in right), getattr(old, "style", None))
        for number, (cell, width, old) in enumerate(zip(cut_to, widths, row, strict=True))
    ]
    yield "  ".join(padded).rstrip()
    yield from (" " * indent + painted(line, getattr(row[-1], "style", None)) for line in more)


def _lines_of(text: str, room: int) -> list[str]:
    return [text] if cells(text) <= room else wrapped(text, room)


def _padded(cell: str, width: int, is_right: bool) -> str:
    blanks = " " * (width - cells(cell))
    return blanks + cell if is_right else cell + blanks


def naming(before: str, path: str, after: str = "") -> str:
    """Return a line about a file or folder; its name loses its middle where a terminal is too narrow."""
    shown = screen()
    room = shown.width - cells(before) - cells(after) if shown else sys.maxsize
    return f"{before}{cut_path(printable(short(path)), max(_LEAST_NAME, room))}{after}"


def fitting(line: str, width: int) -> str:
    """Return a line for a terminal: what is too wide goes on below its last column.

    As it is if it fits or has a style already, or is something to type, which is copied from one line.
    """
    if cells(line) <= width or "\033" in line or re.search("lookalike [a-z]", _QUOTED.sub("", line)):
        return line
    gaps = [
        match.end() for match in re.finditer(r"(?:^| )  *(?=\S)", line[: width // 2]) if match.end() > 1
    ]
    indent = " " * (max(gaps) if gaps else 2)
    return "\n".join(wrapped(line, width, indent))


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Return text in lines of that many cells, those below the first with an indent.

    Only at spaces: a path, and what stands in backticks to be typed, are copied whole, and may be wider.
    """
    whole = _QUOTED.sub(lambda quoted: quoted[0].replace(" ", "\0"), text)
    if not whole.isascii():  # it counts signs, of which "日" takes two cells
        whole = "".join(each + "\1" * (cells(each) - 1) for each in whole)
    lines = textwrap.wrap(
        whole, width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
    return [line.replace("\0", " ").replace("\1", "") for line in lines] or [""]


def cut_path(path: str, width: int) -> str:
    """Return a path that takes no more cells than that; its folder loses its middle before its name."""
    folder, slash, name = path.rpartition("/")
    room = width - cells(slash + name)
    if cells(path) <= width or not slash:
        return cut(path, width)
    return f"{cut(folder, room)}/{name}" if room >= 2 else cut(f"…/{name}", width)


def cut(text: str, width: int) -> str:
    """Return text that takes no more cells than that; it loses its middle. A style stays."""
    kept = shortened(text, lambda each: cells(each) <= width)
    return Styled(kept, text.style) if isinstance(text, Styled) else kept


def file_size(size: int) -> str:
    """Return bytes for people: "512 B", "3.4 MB"."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def rough_time(seconds: float) -> str:
    """Return a length of time for people: "40 s", "13 min", "2.5 h"."""
    if seconds < 90:
        return f"{max(1, round(seconds, -1)):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


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
