"""Results of files as rows of Parquet, and back: what a unit found, one row a file."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ..store.catalog.holdings import as_text, from_text
from ..store.records import (
    Code,
    Content,
    EmbeddedPhoto,
    Failure,
    FileResult,
    FileStat,
    Holdings,
    LocalMap,
    Metadata,
)

_STAT = ("rel", "size", "mtime_ns", "ctime_ns", "dev", "ino")
_META = ("taken", "camera", "lens", "latitude", "longitude", "altitude")
_PLACES = ("latitude", "longitude", "altitude")

# rel: below the unit's source. size .. ino: of the file as it was read. digest: of its bytes, where they
# could be read. error, message, tries: of a file that failed. The rest is of its content, and null where it
# failed or where a row before has the same; unit: fp16, as bytes, since readers refuse lists that are null.
SCHEMA = pa.schema(
    [
        ("rel", pa.binary()),
        *((name, pa.int64()) for name in _STAT[1:]),
        ("digest", pa.binary()),
        ("error", pa.string()),
        ("message", pa.string()),
        ("tries", pa.int32()),
        ("bytes", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("format", pa.string()),
        ("pixel_digest", pa.binary()),
        *((name, pa.float64() if name in _PLACES else pa.string()) for name in _META),
        ("warning", pa.string()),
        ("holdings", pa.string()),
        ("norm", pa.float32()),
        ("unit", pa.binary()),
        ("thumbnail", pa.binary()),
        ("map_kind", pa.int64()),
        ("map_rows", pa.int32()),
        ("map_columns", pa.int32()),
        ("map_cells", pa.binary()),
    ]
)

# Of a file that was planned and not found; it is no photo of a library.
GONE = Failure("not_found", "the file went away before it was read")


def to_table(results: Iterable[FileResult]) -> pa.Table:
    """Return results as rows, in their order."""
    return pa.Table.from_pylist([_row(each) for each in results], SCHEMA)


def results_in(table: pa.Table) -> Iterator[FileResult]:
    """Yield the results that rows tell of."""
    for batch in table.to_batches(max_chunksize=256):
        yield from map(_result, batch.to_pylist())


def _row(result: FileResult) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(result.stat, name) for name in _STAT}
    row["digest"] = result.digest
    if result.failure:
        failure = result.failure
        row |= {"error": failure.code, "message": failure.message, "tries": failure.tries}
    if result.photo:
        row |= _of_content(result.photo.content) | _of_vector(result.photo)
    return row


def _of_content(content: Content) -> dict[str, Any]:
    told = {name: getattr(content.metadata, name) for name in _META}
    return {
        **told,
        "bytes": content.size,
        "width": content.width,
        "height": content.height,
        "format": content.format,
        "pixel_digest": content.pixel_digest,
        "warning": content.warning,
        "holdings": as_text(content.holdings),
    }


def _of_vector(photo: EmbeddedPhoto) -> dict[str, Any]:
    code = photo.vector if isinstance(photo.vector, Code) else Code.of(photo.vector)
    row = {"norm": code.norm, "unit": code.unit.tobytes(), "thumbnail": photo.thumbnail}
    if photo.local_map is None:
        return row
    rows, columns, _ = photo.local_map.cells.shape
    cells = photo.local_map.cells.tobytes()
    return {
        **row,
        "map_kind": photo.local_map.kind,
        "map_rows": rows,
        "map_columns": columns,
        "map_cells": cells,
    }


def _result(row: Mapping[str, Any]) -> FileResult:
    stat = FileStat(*(row[name] for name in _STAT))
    if row["error"] is not None:
        return FileResult(stat, row["digest"], failure=Failure(row["error"], row["message"], row["tries"]))
    photo = None if row["unit"] is None else _photo(row)
    return FileResult(stat, row["digest"], photo)


def _photo(row: Mapping[str, Any]) -> EmbeddedPhoto:
    content = Content(
        digest=row["digest"],
        size=row["bytes"],
        width=row["width"],
        height=row["height"],
        format=row["format"],
        pixel_digest=row["pixel_digest"],
        metadata=Metadata(**{name: row[name] for name in _META}),
        warning=row["warning"],
        holdings=from_text(row["holdings"]) or Holdings(),
    )
    code = Code(np.frombuffer(row["unit"], np.float16), row["norm"])
    return EmbeddedPhoto(content, code, row["thumbnail"], _local_map(row))


def _local_map(row: Mapping[str, Any]) -> LocalMap | None:
    if row["map_cells"] is None:
        return None
    cells = np.frombuffer(row["map_cells"], np.int8)
    return LocalMap(row["map_kind"], cells.reshape(row["map_rows"], row["map_columns"], -1))
