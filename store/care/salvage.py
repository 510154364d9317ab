"""Reading what can still be read of a damaged database, row by row around the bad pages."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..catalog.database import quoted

# What a damaged file may raise beside sqlite3.Error: text that is none, numbers out of range.
_HARM = (sqlite3.DatabaseError, UnicodeDecodeError, OverflowError)
_SMALLEST_ROW = 24  # bytes; bounds the row ids of a table whose end cannot be read
_BLOCK = 1000

Fits = Callable[[Sequence[Any]], bool]


@contextlib.contextmanager
def damaged(path: str) -> Iterator[sqlite3.Connection]:
    """Open a database for reading that may be damaged, if it opens at all."""
    with contextlib.closing(sqlite3.connect(f"file:{quoted(path)}?mode=ro", uri=True)) as source:
        source.text_factory = lambda data: data.decode("utf-8", "replace")
        # writable_schema: neither a file that was cut short nor one broken table is a reason to stop.
        for pragma in (
            "trusted_schema = OFF",
            "cell_size_check = ON",
            "mmap_size = 0",
            "writable_schema = ON",
        ):
            source.execute(f"PRAGMA {pragma}")
        yield source


def copy_table(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    fits: Fits = lambda _: True,
) -> tuple[int, int]:
    """Copy the rows that can be read and that fit; return how many, and how many row ids could not be read.

    The caller's transaction in target stays open.
    """
    reader = _Reader(source, table, [name for name in columns if name in _columns(source, table)])
    names, marks = ", ".join(["rowid", *reader.columns]), ", ".join("?" * (1 + len(reader.columns)))
    saved = 0
    for row in reader.rows():
        if fits(row[1:]):
            saved += target.execute(
                f'INSERT OR IGNORE INTO "{table}" ({names}) VALUES ({marks})', row
            ).rowcount
    return saved, reader.lost


def _columns(source: sqlite3.Connection, table: str) -> list[str]:
    try:
        return [row[1] for row in source.execute(f'PRAGMA table_info("{table}")')]
    except _HARM:
        return []


class _Reader:
    """The rows of one table by row id. lost: how many row ids could not be read."""

    def __init__(self, source: sqlite3.Connection, table: str, columns: Sequence[str]) -> None:
        self._source, self._table = source, table
        self.columns = columns
        self.lost = 0

    def rows(self) -> Iterator[Sequence[Any]]:
        """Yield (rowid, *columns) of the rows that can be read."""
        if not self.columns:
            return
        stack = [(self._end("min", 1), self._end("max", None))]
        while stack:
            first, last = stack.pop()
            reached = first - 1
            try:
                for row in self._range(first, last):
                    yield row
                    reached = row[0]
            except _HARM:
                stack += self._around(reached + 1, last, is_stuck=reached < first)

    def _around(self, first: int, last: int, *, is_stuck: bool) -> list[tuple[int, int]]:
        """Cut a range at whose begin something is damaged, or give up what cannot be cut."""
        if first >= last:
            self.lost += first == last
            return []
        if not is_stuck:
            return [(first, last)]
        middle = (first + last) // 2
        return [(middle + 1, last), (first, middle)]

    def _range(self, first: int, last: int) -> Iterator[Sequence[Any]]:
        names = ", ".join(["rowid", *self.columns])
        rows = self._source.execute(
            f'SELECT {names} FROM "{self._table}" NOT INDEXED WHERE rowid BETWEEN ? AND ? ORDER BY rowid',
            (first, last),
        )
        yield from rows

    def _end(self, which: str, default: int | None) -> int:
        """Return the first or last row id; when that cannot be read, a bound that is wide enough."""
        try:
            found = self._source.execute(
                f'SELECT {which}(rowid) FROM "{self._table}" NOT INDEXED'
            ).fetchone()[0]
            if found is not None:
                return int(found)
            return 1 if which == "min" else 0
        except _HARM:
            return self._bound() if default is None else default

    def _bound(self) -> int:
        with contextlib.suppress(*_HARM):
            row = self._source.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = ?", (self._table,)
            ).fetchone()
            if row:
                return int(row[0])
        path = self._source.execute("PRAGMA database_list").fetchone()[2]
        return os.path.getsize(path) // _SMALLEST_ROW
