"""Reading embeddings from the catalog; each is checked against its checksum."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from ...errors import StoreCorrupt
from ..index.exact import Ids
from ..records import Codes, Vectors
from . import schema
from .schema import embedding_table
from .write import pieces

_embedding = embedding_table.c


def vectors_since(
    connection: sa.Connection, model_id: int, epoch: int, dim: int
) -> Iterator[tuple[Ids, Codes]]:
    """Yield blocks of (ids (n,), unit vectors (n, dim) fp16) that came after the epoch, in order.

    Raises:
        StoreCorrupt: an embedding is damaged.
    """
    for ids, codes, _ in blocks_since(connection, model_id, epoch, dim):
        yield ids, codes


def blocks_since(
    connection: sa.Connection, model_id: int, epoch: int, dim: int
) -> Iterator[tuple[Ids, Codes, Vectors]]:
    """Yield what `vectors_since` does, and the lengths that the vectors had, (n,) float32.

    Raises:
        StoreCorrupt: an embedding is damaged.
    """
    rows = connection.execution_options(yield_per=4096).execute(
        sa.select(*_embedding_columns(connection))
        .where(_embedding.model_id == model_id, _embedding.epoch > epoch)
        .order_by(_embedding.id)
    )
    for block in rows.partitions(4096):
        ids = np.array([row[0] for row in block], dtype=np.int64)
        codes = np.concatenate([_code(row, dim) for row in block])
        yield ids, codes.reshape(len(ids), dim), np.array([row[1] for row in block], np.float32)


def _embedding_columns(connection: sa.Connection) -> tuple[sa.ColumnElement[Any], ...]:
    """Return content, norm, vector and checksum; catalogs of older formats have no checksums."""
    checksum = _embedding.checksum if _has_checksums(connection) else sa.literal("none")
    return _embedding.content_id, _embedding.norm, _embedding.vector, checksum


def _has_checksums(connection: sa.Connection) -> bool:
    return schema.version_of(connection, reading=True) >= 5


def _code(row: Sequence[Any], dim: int) -> Codes:
    content_id, norm, vector, checksum = row
    if len(vector) != 2 * dim:
        raise StoreCorrupt(
            f"the embedding of photo {content_id} has {len(vector)} bytes, not {2 * dim}; "
            "run `lookalike doctor` to see what is affected"
        )
    if checksum not in ("none", schema.embedding_checksum(content_id, norm, vector)):
        raise StoreCorrupt(
            f"the embedding of photo {content_id} is damaged: its checksum differs; "
            "run `lookalike doctor` to see what is affected"
        )
    return np.frombuffer(vector, dtype=np.float16)


def raw_vectors(
    connection: sa.Connection, model_id: int, ids: Sequence[int], dim: int
) -> dict[int, Vectors]:
    """Return the pooled features as they left the network (up to fp16), by content id."""
    found: dict[int, Vectors] = {}
    for some in pieces(ids):
        rows = connection.execute(
            sa.select(*_embedding_columns(connection)).where(
                _embedding.model_id == model_id, _embedding.content_id.in_(some)
            )
        )
        for row in rows:
            found[row.content_id] = _code(row, dim).astype(np.float32) * np.float32(row.norm)
    return found


def units(connection: sa.Connection, model_id: int, ids: Ids, dim: int) -> Codes:
    """Return the unit vectors of contents (ids ascending, each once), (n, dim); zeros for what is gone.

    Raises:
        StoreCorrupt: an embedding is damaged.
    """
    checksum = "checksum" if _has_checksums(connection) else "'none'"
    # Past SQLAlchemy, as every search asks; one value for all ids, so that the statement stays the same.
    rows = connection.exec_driver_sql(
        f"SELECT content_id, norm, vector, {checksum} FROM embedding"
        " WHERE model_id = ? AND content_id IN (SELECT value FROM json_each(?))",
        (model_id, json.dumps(ids.tolist())),
    )
    found = np.zeros((len(ids), dim), np.float16)
    places = {each: place for place, each in enumerate(ids.tolist())}
    for row in rows:
        found[places[row[0]]] = _code(row, dim)
    return found


def embedded_ids(connection: sa.Connection, model_id: int, until: int) -> Ids:
    """Return the ids of the contents that have a vector of the model up to an epoch, ascending."""
    rows = connection.execute(
        sa.select(_embedding.content_id)
        .where(_embedding.model_id == model_id, _embedding.epoch <= until)
        .order_by(_embedding.content_id)
    )
    return np.fromiter(rows.scalars(), np.int64)


def count_embeddings(connection: sa.Connection, model_id: int, until: int) -> int:
    """Return the number of embeddings of the model up to and with an epoch."""
    return connection.execute(
        sa.select(sa.func.count()).where(_embedding.model_id == model_id, _embedding.epoch <= until)
    ).scalar_one()
