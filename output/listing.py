"""Results as table, JSON, JSON lines, CSV or paths; the meaning is the same in all of them."""

import csv
import io
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from ..store.documents import SCHEMA_VERSION, Row, dumps


@dataclass(frozen=True, slots=True)
class Listing:
    """What a command lists, ready for any format.

    key: name of the list in the JSON document. rows: one JSON object each. lines: the table, as text.
    flat: the CSV rows (and with them the paths) of one object; each has a "path". columns: of the CSV.
    is_path: which of the CSV rows are listed as paths.
    """

    key: str
    rows: Iterable[Row]
    lines: Callable[[Iterable[Row]], Iterable[str]]
    flat: Callable[[Row], Iterable[Row]]
    columns: Sequence[str]
    is_path: Callable[[Row], bool] = lambda _: True


def write(listing: Listing, form: str, out: IO[bytes]) -> None:
    """Write the listing in a format of the command line; file names as the bytes they are on disk."""
    is_watched = out.isatty()
    for chunk in _WRITERS[form](listing):
        out.write(chunk)
        if is_watched:
            out.flush()
    out.flush()


def _as_json(listing: Listing) -> Iterator[bytes]:
    rows = iter(listing.rows)
    first = next(rows, None)  # an error comes before anything is written, not after half a document
    yield f'{{"schema_version": {SCHEMA_VERSION}, "{listing.key}": ['.encode()
    if first is not None:
        yield b"\n" + dumps(first)
    for row in rows:
        yield b",\n" + dumps(row)
    yield b"\n]}\n"


def _as_jsonl(listing: Listing) -> Iterator[bytes]:
    for row in listing.rows:
        yield dumps({"schema_version": SCHEMA_VERSION, **row}) + b"\n"


def _as_csv(listing: Listing) -> Iterator[bytes]:
    yield _csv_line(listing.columns)
    for flat in _flat(listing):
        yield _csv_line([flat.get(column, "") for column in listing.columns])


def _as_table(listing: Listing) -> Iterator[bytes]:
    for line in listing.lines(listing.rows):
        yield os.fsencode(line) + b"\n"


def _as_paths(listing: Listing) -> Iterator[bytes]:
    for path in _paths(listing):
        yield path + b"\n"


def _as_paths0(listing: Listing) -> Iterator[bytes]:
    for path in _paths(listing):
        yield path + b"\0"


_WRITERS: Mapping[str, Callable[[Listing], Iterator[bytes]]] = {
    "json": _as_json,
    "jsonl": _as_jsonl,
    "csv": _as_csv,
    "table": _as_table,
    "paths": _as_paths,
    "paths0": _as_paths0,
}


def _flat(listing: Listing) -> Iterator[Row]:
    for row in listing.rows:
        yield from listing.flat(row)


def _paths(listing: Listing) -> Iterator[bytes]:
    return (os.fsencode(flat["path"]) for flat in _flat(listing) if listing.is_path(flat))


def _csv_line(values: Sequence[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(["" if value is None else value for value in values])
    return os.fsencode(text.getvalue())


# --- text for people ------------------------------------------------------------------------


def printable(text: str) -> str:
    """Return text with control characters and stray bytes escaped: no name may steer the terminal."""
    return "".join(
        repr(char)[1:-1] if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char
        for char in text
    )


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


def day(date: str | None) -> str:
    """Return an ISO 8601 date for people: "2023-05-01 12:30"."""
    return (date or "")[:16].replace("T", " ")
