"""Parquet files of a data set: written whole, read in parts, and known by a digest of their rows."""

import io
import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from blake3 import blake3

from ..errors import StoreCorrupt
from .place import Place

_TOLD = b"lookalike"
_COMPRESSION = "zstd"


def as_parquet(groups: Iterable[pa.Table], schema: pa.Schema, told: Mapping[str, Any]) -> bytes:
    """Return a Parquet file with a row group for each table. told: JSON in its footer."""
    out = io.BytesIO()
    with pq.ParquetWriter(out, schema, compression=_COMPRESSION) as writer:
        for table in groups:
            writer.write_table(table, row_group_size=max(1, table.num_rows))
        writer.add_key_value_metadata({_TOLD.decode(): json.dumps(told)})
    return out.getvalue()


@contextmanager
def reading(place: Place, name: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file of a place; of a large one only what is asked for is read.

    Raises:
        FileNotFoundError: it is not there. StoreCorrupt: it is none.
    """
    with place.open(name) as source:
        try:
            with pq.ParquetFile(source) as file:
                yield file
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise damaged(place, name, str(error).partition("\n")[0]) from error


def told_in(file: pq.ParquetFile) -> Mapping[str, Any]:
    """Return what `as_parquet` was told."""
    found: Mapping[str, Any] = json.loads(file.metadata.metadata.get(_TOLD, b"{}"))
    return found


def damaged(place: Place, name: str, why: str) -> StoreCorrupt:
    """Return the error that says that a file cannot be believed."""
    return StoreCorrupt(
        f"{place.url}/{name} is damaged ({why}); delete it, and what made it makes it again"
    )


def rows_digest(table: pa.Table, columns: Sequence[str] | None = None) -> str:
    """Return the blake3 of what rows say, in hex, by whatever version of Parquet they were written."""
    summed = blake3()
    for name in columns or table.column_names:
        summed.update(b"".join(_framed(each) for each in [name, *table.column(name).to_pylist()]))
    return summed.hexdigest()


def _framed(value: object) -> bytes:
    if value is None:
        return b"\0"
    data = value if isinstance(value, bytes) else repr(value).encode()
    return struct.pack("<cq", b"b" if isinstance(value, bytes) else b"v", len(data)) + data
