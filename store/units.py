"""Embeddings as their rows hold them, and many single ones by id."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from ..errors import StoreCorrupt
from . import schema
from .schema import embedding_table
from .vectors import Ids

_embedding = embedding_table.c


def embedding_columns(connection: sa.Connection) -> tuple[sa.ColumnElement[Any], ...]:
    """Return content, norm, vector and checksum; catalogs of older formats have no checksums."""
    checksum = (
        _embedding.checksum if schema.version_of(connection, reading=True) >= 5 else sa.literal("none")
    )
    return _embedding.content_id, _embedding.norm, _embedding.vector, checksum


def code(row: Sequence[Any], dim: int) -> npt.NDArray[np.float16]:
    """Return the unit vector of a row of `embedding_columns`, (dim,).

    Raises:
        StoreCorrupt: it is damaged.
    """
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


def units(connection: sa.Connection, model_id: int, ids: Ids, dim: int) -> npt.NDArray[np.float16]:
    """Return the unit vectors of contents (ids ascending, each once), (n, dim); zeros for what is gone.

    Raises:
        StoreCorrupt: an embedding is damaged.
    """
    found = np.zeros((len(ids), dim), np.float16)
    # One value for all ids: a statement with thousands of them takes longer to prepare than to run.
    wanted = sa.text("SELECT value FROM json_each(:ids)").bindparams(ids=json.dumps(ids.tolist()))
    rows = connection.execute(
        sa.select(*embedding_columns(connection)).where(
            _embedding.model_id == model_id, _embedding.content_id.in_(wanted)
        )
    )
    rows_of = {each: row for row, each in enumerate(ids.tolist())}
    for row in rows:
        found[rows_of[row[0]]] = code(row, dim)
    return found
