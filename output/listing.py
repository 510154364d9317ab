"""What a command returns, and how it is written: as table, JSON, JSON lines, CSV or paths."""

import csv
import io
import itertools
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from ..errors import ExitCode
from ..store.documents import SCHEMA_VERSION, Row, document, dumps, path_fields
from .text import fitting, printable

# A camera may call itself anything, =HYPERLINK("http://...") for one.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")

if TYPE_CHECKING:
    from ..store.catalog.photos import Photo, PhotoFile


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, ready for any format.

    key: name of the list in the JSON document. rows: one JSON object each. lines: the table, as text.
    flat: the CSV rows (and with them the paths) of one object; each has a "path". columns: of the CSV.
    is_path: which of the CSV rows are listed as paths. notes: for stderr, when the list is written.
    exit: the exit code, or what tells it when the list is written.
    """

    key: str
    rows: Iterable[Row]
    lines: Callable[[Iterable[Row]], Iterable[str]]
    columns: Sequence[str]
    flat: Callable[[Row], Iterable[Row]] = lambda row: [row]
    is_path: Callable[[Row], bool] = lambda _: True
    notes: Sequence[str] = ()
    exit: ExitCode | Callable[[], ExitCode] = ExitCode.DONE


@dataclass(frozen=True, slots=True)
class Summary:
    """A single thing. fields: as a JSON object. lines: as text. notes, exit: see `Listing`.

    is_account: it tells what was done, which nobody needs to know where all went well.
    """

    fields: Row
    lines: Iterable[str]
    notes: Sequence[str] = ()
    exit: ExitCode = ExitCode.DONE
    is_account: bool = False


def photo_fields(photo: "Photo", file: "PhotoFile | None" = None) -> Row:
    """Return what a listing says of a photo. file: which one of its files, None: the first."""
    return {
        **path_fields(file.path if file else photo.path),
        "id": photo.id,
        "width": photo.width,
        "height": photo.height,
        "format": photo.format,
        "bytes": photo.size,
        "date": photo.date,
    }


def write(result: Listing | Summary, form: str, out: IO[bytes]) -> None:
    """Write what a command returned in one of the formats; file names as the bytes they are on disk."""
    is_watched = out.isatty()
    for chunk in _as_summary(result, form) if isinstance(result, Summary) else _as_list(result, form):
        out.write(_for_eyes(chunk, form) if is_watched else chunk)
        if is_watched:
            out.flush()
    out.flush()


def _for_eyes(chunk: bytes, form: str) -> bytes:
    """Return a line for a terminal: what a name or a tag holds does not steer it. Scripts get the bytes."""
    if form not in ("table", "csv", "paths"):
        return chunk
    line = os.fsdecode(chunk.removesuffix(b"\n"))
    line = fitting(line, shutil.get_terminal_size().columns) if form == "table" else printable(line)
    return os.fsencode(line + "\n")


def _as_summary(summary: Summary, form: str) -> Iterator[bytes]:
    if form == "json":
        yield document(summary.fields)
    else:
        yield from (os.fsencode(line) + b"\n" for line in summary.lines)


def _as_list(listing: Listing, form: str) -> Iterator[bytes]:
    rows = iter(listing.rows)
    first = list(itertools.islice(rows, 1))  # an error comes before anything is written
    yield from _WRITERS[form](listing, itertools.chain(first, rows))


def _as_json(listing: Listing, rows: Iterator[Row]) -> Iterator[bytes]:
    yield f'{{"schema_version": {SCHEMA_VERSION}, "{listing.key}": ['.encode()
    for number, row in enumerate(rows):
        yield (b",\n" if number else b"\n") + dumps(row)
    yield b"\n]}\n"


def _as_jsonl(_: Listing, rows: Iterator[Row]) -> Iterator[bytes]:
    return (dumps({"schema_version": SCHEMA_VERSION, **row}) + b"\n" for row in rows)


def _as_csv(listing: Listing, rows: Iterator[Row]) -> Iterator[bytes]:
    yield _csv_line(listing.columns)
    for row in rows:
        for flat in listing.flat(row):
            yield _csv_line([flat.get(column, "") for column in listing.columns])


def _csv_line(values: Sequence[object]) -> bytes:
    text = io.StringIO()
    # Quoted is what holds a character of the line's end: of both kinds of them.
    csv.writer(text, lineterminator="\r\n").writerow(map(_cell, values))
    return os.fsencode(text.getvalue().removesuffix("\r\n") + "\n")


def _cell(value: object) -> object:
    """Return a value for CSV: a text that a spreadsheet would run as a formula gets an apostrophe."""
    if isinstance(value, str) and value.startswith(_FORMULAS):
        return f"'{value}"
    return "" if value is None else value


def _as_table(listing: Listing, rows: Iterator[Row]) -> Iterator[bytes]:
    return (os.fsencode(line) + b"\n" for line in listing.lines(rows))


def _as_paths(listing: Listing, rows: Iterator[Row], end: bytes = b"\n") -> Iterator[bytes]:
    flat = (each for row in rows for each in listing.flat(row))
    return (os.fsencode(each["path"]) + end for each in flat if listing.is_path(each))


def _as_paths0(listing: Listing, rows: Iterator[Row]) -> Iterator[bytes]:
    return _as_paths(listing, rows, b"\0")


_WRITERS: Mapping[str, Callable[[Listing, Iterator[Row]], Iterator[bytes]]] = {
    "json": _as_json,
    "jsonl": _as_jsonl,
    "csv": _as_csv,
    "table": _as_table,
    "paths": _as_paths,
    "paths0": _as_paths0,
}
