"""Tables for other programs: data frames of pandas or Arrow, and files of Parquet and SQLite.

A table is told by its kinds: the name of each column with what it holds, `str`, `int`, `float`, `bool`,
`bytes`, `list` of str, or a number n: vectors of n float32. Rows are dicts that may hold more; None is an
empty cell.
"""

import contextlib
import itertools
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from ..errors import ExtraMissing
from .documents import Row
from .files import is_shared
from .own_files import OwnFile

Kind = type | int
Kinds = Mapping[str, Kind]

_BLOCK = 1024  # rows in memory at a time
_SIGN = b"lookalike"  # by this key of its metadata a Parquet file is recognized that may be replaced
_APPLICATION = 0x6C6F6F6B  # "look": the same for a SQLite file
_SQL = {str: "TEXT", int: "INTEGER", float: "REAL", bool: "INTEGER", bytes: "BLOB", list: "TEXT"}


def frame_of(rows: Iterable[Row], kinds: Kinds) -> Any:
    r"""Return rows as a pandas DataFrame or, where pandas is not installed, as an Arrow table.

    Bytes of file names that are no UTF-8 stand as escapes (`\udcff`), here and in files.

    Raises:
        ExtraMissing: neither is installed.
    """
    some = list(rows)
    try:
        import pandas
    except ImportError:
        return _arrow_table(some, kinds, "pandas or pyarrow")
    frame = pandas.DataFrame({name: [_plain(row.get(name)) for row in some] for name in kinds})
    types: dict[str, Any] = {name: kind for name, kind in kinds.items() if kind in (int, float)}
    if not some:  # no value tells pandas what a column is for
        types |= {name: kind if kind in (str, bool) else object for name, kind in kinds.items()} | types
    return frame.astype(types)


def _plain(value: Any) -> Any:
    """Return a value as other programs take it: no text holds lone surrogates."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _arrow(wanted: str = "pyarrow") -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise ExtraMissing(wanted, wanted.split()[0]) from error
    return pyarrow


def _arrow_table(rows: Sequence[Row], kinds: Kinds, wanted: str = "pyarrow") -> Any:
    arrow = _arrow(wanted)
    types = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}
    types |= {bytes: arrow.binary(), list: arrow.list_(arrow.string())}
    schema = arrow.schema(
        [
            (name, arrow.list_(arrow.float32(), kind) if isinstance(kind, int) else types[kind])
            for name, kind in kinds.items()
        ],
        metadata={_SIGN: b"1"},
    )
    columns = [[_plain(row.get(name)) for row in rows] for name in kinds]
    arrays = [arrow.array(each, field.type) for each, field in zip(columns, schema, strict=True)]
    return arrow.Table.from_arrays(arrays, schema=schema)


def _blocks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rest = iter(rows)
    while some := list(itertools.islice(rest, _BLOCK)):
        yield some


# --- Parquet ----------------------------------------------------------------------------------


def write_parquet(path: str, rows: Iterable[Row], kinds: Kinds) -> int:
    """Write rows to a Parquet file, block by block; return their number.

    The file is whole or not there: an older export is replaced at the very end.

    Raises:
        UsageError: see `OwnFile.check`.
        OutputUnwritable: the file cannot be written.
        ExtraMissing: pyarrow is not installed.
    """
    _arrow()
    from pyarrow import parquet

    with PARQUET.replaced(path) as out:
        blocks = _blocks(rows)
        first = _arrow_table(next(blocks, []), kinds)
        count = len(first)
        with parquet.ParquetWriter(out, first.schema, compression="zstd") as writer:
            writer.write_table(first)
            for some in blocks:
                writer.write_table(_arrow_table(some, kinds))
                count += len(some)
    return count


def _is_our_parquet(path: str) -> bool:
    from pyarrow import ArrowInvalid, parquet

    try:
        return _SIGN in (parquet.read_schema(path).metadata or {})
    except ArrowInvalid:
        return False


PARQUET = OwnFile("Parquet export", _is_our_parquet, (".parquet",))


# --- SQLite -----------------------------------------------------------------------------------


def write_sqlite(
    path: str, tables: Mapping[str, tuple[Kinds, Iterable[Row]]], indexes: Sequence[str]
) -> int:
    """Write tables to a SQLite file; return the number of rows of the first.

    indexes: as "photos(content)". The file is whole or not there.

    Raises:
        UsageError: see `OwnFile.check`.
        OutputUnwritable: the file cannot be written.
    """
    # SQLite opens files by name: not where another file may have that by then.
    folder = os.path.dirname(os.path.realpath(path))
    with (
        SQLITE.replaced(path) as out,
        tempfile.TemporaryDirectory(dir=None if is_shared(folder) else folder) as scratch,
    ):
        made = os.path.join(scratch, "export.db")
        with _disk_errors(), contextlib.closing(sqlite3.connect(made)) as connection, connection:
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            counts = [_fill(connection, name, *table) for name, table in tables.items()]
            for index in indexes:
                connection.execute(f"CREATE INDEX [{index}] ON {index}")
        with open(made, "rb") as source:
            _copy(source, out)
    return counts[0]


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """Have SQLite say as other files do that a disk is full or fails."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OSError(str(error)) from error


def _fill(connection: sqlite3.Connection, name: str, kinds: Kinds, rows: Iterable[Row]) -> int:
    columns = ", ".join(f"{column} {_SQL[_sql_kind(kind)]}" for column, kind in kinds.items())
    connection.execute(f"CREATE TABLE {name} ({columns})")
    marks = ", ".join("?" * len(kinds))
    count = 0
    for some in _blocks(rows):
        values = ([_cell(row.get(column)) for column in kinds] for row in some)
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", values)
        count += len(some)
    return count


def _sql_kind(kind: Kind) -> type:
    return bytes if isinstance(kind, int) else kind


def _cell(value: Any) -> Any:
    plain = _plain(value)
    return "; ".join(plain) if isinstance(plain, list) else plain


def _copy(source: BinaryIO, out: BinaryIO) -> None:
    while block := source.read(1 << 20):
        out.write(block)


def _is_our_sqlite(path: str) -> bool:
    with open(path, "rb") as file:
        head = file.read(72)
    return head.startswith(b"SQLite format 3\0") and head[68:] == _APPLICATION.to_bytes(4, "big")


SQLITE = OwnFile("SQLite export", _is_our_sqlite, (".db", ".sqlite", ".sqlite3"))
