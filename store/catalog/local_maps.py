"""Local maps in the catalog: one row per photo, each checked against its checksum when it is read."""

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from ...errors import StoreCorrupt
from ..columns import Columns
from ..index.exact import Ids
from ..records import Cells, EmbeddedPhoto, LocalMap
from ..view import View
from .schema import content_table, embedding_table, local_map_table, pieces, signed_checksum

_map, _embedding = local_map_table.c, embedding_table.c
_COLUMNS = (_map.content_id, _map.kind, _map.map_rows, _map.map_columns, _map.cells, _map.checksum)
_BLOCK = 4096
_HEAD = struct.Struct("<qqhh")


@dataclass(frozen=True, slots=True, eq=False)
class MapsOfShape:
    """Local maps of one shape. ids: (n,) ascending. cells: (n, rows, columns, d) int8."""

    ids: Ids
    cells: Cells


def checksum(content_id: int, local_map: LocalMap) -> int:
    """Return xxh3-64 over what a row says of a content, as SQLite's signed 64 bits."""
    rows, columns = local_map.cells.shape[:2]
    return _sum(content_id, local_map.kind, rows, columns, local_map.cells.tobytes())


def _sum(content_id: int, kind: int, rows: int, columns: int, cells: bytes) -> int:
    return signed_checksum(_HEAD.pack(content_id, kind, rows, columns) + cells)


def put_maps(view: View, ids: Mapping[bytes, int], photos: Sequence[EmbeddedPhoto]) -> None:
    """Record the local maps of photos, of those that have one. ids: of their contents, by digest."""
    rows = [
        _row(view.known_model.id, ids[photo.content.digest], photo.local_map)
        for photo in photos
        if photo.local_map is not None
    ]
    # What is there may be of another kind, or damaged: the newest holds; of columns, which stay, the first.
    rule = "OR REPLACE"
    if view.columns is not None:
        rule, rows = "OR IGNORE", [{**row, "cells": b""} for row in rows]
    if rows:
        view.connection.execute(sa.insert(local_map_table).prefix_with(rule), rows)


def _row(model_id: int, content_id: int, local_map: LocalMap) -> dict[str, Any]:
    rows, columns, _ = local_map.cells.shape
    return {
        "content_id": content_id,
        "model_id": model_id,
        "kind": local_map.kind,
        "map_rows": rows,
        "map_columns": columns,
        "cells": local_map.cells.tobytes(),
        "checksum": checksum(content_id, local_map),
    }


def read_maps(view: View, kind: int) -> list[MapsOfShape]:
    """Return all local maps of one kind.

    Raises:
        StoreCorrupt: one is damaged.
    """
    # Cells of one shape end to end: an array for each row would take as long as reading it.
    ids: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    cells: defaultdict[tuple[int, ...], bytearray] = defaultdict(bytearray)
    for row in _rows(view, _of_kind(view, kind)):
        if not _is_whole(row):
            raise StoreCorrupt(
                f"the local map of photo {row[0]} is damaged; run `lookalike repair`, "
                "then `lookalike index --regions`"
            )
        content_id, _, rows, columns, data, _ = row
        shape = (rows, columns, len(data) // (rows * columns))
        ids[shape].append(content_id)
        cells[shape] += data
    return [
        MapsOfShape(np.array(of_shape, np.int64), np.frombuffer(cells[shape], np.int8).reshape(-1, *shape))
        for shape, of_shape in ids.items()
    ]


def _of_kind(view: View, kind: int) -> sa.ColumnElement[bool]:
    return sa.and_(_map.model_id == _model_id(view), _map.kind == kind)


def _model_id(view: View) -> int:
    return view.model.id if view.model else 0


def _rows(view: View, where: sa.ColumnElement[bool]) -> Iterator[Sequence[Any]]:
    question = sa.select(*_COLUMNS).where(where).order_by(_map.content_id)
    rows = view.connection.execution_options(yield_per=_BLOCK).execute(question)
    for block in rows.partitions(_BLOCK):
        yield from block if view.columns is None else _filled(view.columns, block)


def _filled(columns: Columns, rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """Yield rows of _COLUMNS with their cells, which do not lie in the catalog."""
    for row, cells in zip(rows, columns.cells([row[0] for row in rows]), strict=True):
        yield (*row[:4], cells, row[5])


def _is_whole(row: Sequence[Any]) -> bool:
    content_id, kind, rows, columns, cells, said = row
    try:
        summed = _sum(content_id, kind, rows, columns, cells)
    except (struct.error, TypeError):  # what SQLite keeps there may be of any type and size
        return False
    return bool(summed == said and rows > 0 < columns and cells and len(cells) % (rows * columns) == 0)


def bad_maps(view: View) -> list[int]:
    """Return the ids of the photos whose local map is damaged."""
    return [row[0] for row in _rows(view, sa.true()) if not _is_whole(row)]


def drop_bad_maps(view: View) -> int:
    """Delete damaged local maps, and those of photos or models that are not there; return how many."""
    lost = sa.or_(
        _map.content_id.not_in(sa.select(content_table.c.id)),
        _map.model_id.not_in(sa.select(_embedding.model_id)),
    )
    dropped = view.connection.execute(sa.delete(local_map_table).where(lost)).rowcount
    for some in pieces(bad_maps(view)):
        dropped += view.connection.execute(
            sa.delete(local_map_table).where(_map.content_id.in_(some))
        ).rowcount
    return dropped


def check_maps(view: View) -> tuple[int, int]:
    """Return how many local maps are damaged, of how many."""
    count = view.connection.execute(sa.select(sa.func.count()).select_from(local_map_table)).scalar_one()
    return len(bad_maps(view)), count


def digests_without_map(view: View, kind: int) -> set[bytes]:
    """Return the embedded contents that have no local map of this kind."""
    having = sa.select(_map.content_id).where(_of_kind(view, kind))
    rows = view.connection.execute(
        sa.select(content_table.c.digest)
        .join(embedding_table, _embedding.content_id == content_table.c.id)
        .where(_embedding.model_id == _model_id(view), content_table.c.id.not_in(having))
    )
    return set(rows.scalars())
