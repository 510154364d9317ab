"""Making a catalog consistent: rows that refer to lost ones are removed, lost photos are read again."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from ...errors import StoreCorrupt
from ..catalog import knn, labels, local_maps
from ..catalog.schema import (
    content_table,
    embedding_checksum,
    embedding_table,
    epoch_table,
    file_table,
    holdings_table,
    look_table,
    model_table,
    neighborhood_table,
    now,
    pair_table,
    photo_hash_table,
    pieces,
    root_table,
    store_table,
)
from ..view import View, spec_from

# No file ever had such a time: the next index run takes the file for changed, and reads it.
READ_AGAIN = -1
LOST = "record_lost"
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Mended:
    """Numbers of things that were damaged.

    vectors: photos without a usable vector. records: files whose photo's record is lost. strays: files of
    a folder whose record is lost. pairs: hashes, neighborhoods and pairs of lost photos. dropped: vectors
    that could not be used. taught: labels with a damaged record. maps: local maps that could not be used.
    """

    vectors: int = 0
    records: int = 0
    strays: int = 0
    pairs: int = 0
    dropped: int = 0
    taught: int = 0
    maps: int = 0

    @property
    def total(self) -> int:
        """The sum of them."""
        found = (self.vectors, self.records, self.strays, self.pairs, self.dropped, self.taught, self.maps)
        return sum(found)


def mend(connection: sa.Connection) -> Mended:
    """Mend a catalog within the caller's transaction; begins a new history when anything was wrong.

    A file whose photo lost its vector stays, and the next index run embeds it again. A file whose photo
    lost its record is among the errors until then. None of them counts as gone.
    """
    model_id, dim = _ensure_model(connection)
    strays = _delete_strays(connection, file_table, file_table.c.root_id, root_table.c.id)
    pairs = sum(
        _delete_strays(connection, table, column, content_table.c.id)
        for table, column in (
            (photo_hash_table, photo_hash_table.c.content_id),
            (neighborhood_table, neighborhood_table.c.content_id),
            (pair_table, pair_table.c.a),
            (pair_table, pair_table.c.b),
            (look_table, look_table.c.a),
            (look_table, look_table.c.b),
            (holdings_table, holdings_table.c.content_id),
        )
    )
    pairs += _delete_strays(connection, photo_hash_table, photo_hash_table.c.model_id, model_table.c.id)
    # Nothing is lost: the next index run finds them again.
    view = View(connection)
    knn.drop_damaged(view)
    maps = local_maps.drop_bad_maps(view)
    dropped = _drop_vectors(connection, model_id, dim)
    records = _ask_for_records(connection)
    vectors = _ask_for_vectors(connection, model_id)
    mended = Mended(vectors, records, strays, pairs, dropped, labels.drop_damaged(view), maps)
    if mended.total or _is_ahead(connection):
        begin_history(connection)
    return mended


def _is_ahead(connection: sa.Connection) -> bool:
    """Tell whether a vector is of an epoch that never was."""
    newest = sa.select(sa.func.coalesce(sa.func.max(epoch_table.c.epoch), 0)).scalar_subquery()
    ahead = sa.select(embedding_table.c.id).where(embedding_table.c.epoch > newest)
    return connection.execute(ahead.limit(1)).first() is not None


def begin_history(connection: sa.Connection) -> None:
    """Forget all epochs and begin one that no snapshot and no index in memory was ever made of."""
    last = connection.execute(
        sa.select(
            sa.func.max(
                sa.func.coalesce(sa.select(sa.func.max(epoch_table.c.epoch)).scalar_subquery(), 0),
                sa.func.coalesce(sa.select(sa.func.max(embedding_table.c.epoch)).scalar_subquery(), 0),
            )
        )
    ).scalar_one()
    connection.execute(sa.delete(epoch_table))
    connection.execute(
        sa.insert(epoch_table).values(epoch=last + 1, nonce=secrets.token_bytes(16), at=now())
    )


def _ensure_model(connection: sa.Connection) -> tuple[int | None, int]:
    """Return the model of the store and its dimension; a lost record of either is made again."""
    model_id = None
    for row in connection.execute(sa.select(model_table).order_by(model_table.c.id)).all():
        if _is_spec(connection, row.id):
            model_id = row.id
        else:
            connection.execute(sa.delete(model_table).where(model_table.c.id == row.id))
    there = connection.execute(sa.select(store_table.c.id, store_table.c.model_id)).one_or_none()
    if there is None:
        name = str(uuid.uuid4())
        connection.execute(
            sa.insert(store_table).values(id=1, uuid=name, created_at=now(), model_id=model_id)
        )
    else:
        known = sa.select(model_table.c.id).where(model_table.c.id == there.model_id)
        if connection.execute(known).first():
            model_id = there.model_id
        if model_id != there.model_id:
            connection.execute(sa.update(store_table).values(model_id=model_id))
    dim = sa.select(model_table.c.dim).where(model_table.c.id == model_id)
    return model_id, connection.execute(dim).scalar_one_or_none() or 0


def _is_spec(connection: sa.Connection, model_id: int) -> bool:
    text = connection.execute(
        sa.select(model_table.c.spec).where(model_table.c.id == model_id)
    ).scalar_one()
    try:
        spec_from(text)
    except StoreCorrupt:
        return False
    return True


def _delete_strays(
    connection: sa.Connection, table: sa.Table, column: sa.Column[int], key: sa.Column[int]
) -> int:
    """Delete the rows of a table that refer to a row that is not there."""
    return connection.execute(sa.delete(table).where(column.not_in(sa.select(key)))).rowcount


def bad_vectors(connection: sa.Connection, model_id: int | None, dim: int) -> list[int]:
    """Return the row ids of the embeddings that cannot be searched: wrong length, checksum, no unit."""
    embedding = embedding_table.c
    columns = (embedding.id, embedding.vector, embedding.norm, embedding.content_id, embedding.checksum)
    rows = connection.execution_options(yield_per=_BLOCK).execute(
        sa.select(*columns).where(embedding.model_id == model_id)
    )
    bad: list[int] = []
    for block in rows.partitions(_BLOCK):
        right = [row for row in block if isinstance(row[1], bytes) and len(row[1]) == 2 * dim]
        bad += sorted({row[0] for row in block} - {row[0] for row in right})
        bad += [row[0] for row in right if not (_is_length(row[2]) and _has_its_checksum(row))]
        codes = np.frombuffer(b"".join(row[1] for row in right), np.float16).reshape(len(right), dim)
        with np.errstate(invalid="ignore", over="ignore"):  # what is damaged may be any number
            lengths = np.linalg.norm(codes.astype(np.float32), axis=1)
        bad += [right[place][0] for place in np.flatnonzero(~(np.abs(lengths - 1) < 0.01))]
    return sorted(set(bad))


def _has_its_checksum(row: Sequence[Any]) -> bool:
    _, vector, norm, content_id, checksum = row
    return bool(checksum == embedding_checksum(content_id, norm, vector))


def _is_length(norm: object) -> bool:
    return isinstance(norm, float) and 0 < norm < float("inf")


def _drop_vectors(connection: sa.Connection, model_id: int | None, dim: int) -> int:
    """Delete the embeddings of no photo, of no model, and those that cannot be searched."""
    embedding = embedding_table.c
    dropped = _delete_strays(connection, embedding_table, embedding.content_id, content_table.c.id)
    dropped += _delete_strays(connection, embedding_table, embedding.model_id, model_table.c.id)
    for some in pieces(bad_vectors(connection, model_id, dim)):
        dropped += connection.execute(sa.delete(embedding_table).where(embedding.id.in_(some))).rowcount
    return dropped


def _ask_for_vectors(connection: sa.Connection, model_id: int | None) -> int:
    """Have the files of photos without a vector read again; return the number of such photos."""
    file = file_table.c
    embedded = sa.select(embedding_table.c.content_id).where(embedding_table.c.model_id == model_id)
    lost = sa.and_(file.content_id.is_not(None), file.content_id.not_in(embedded))
    count = sa.select(sa.func.count(file.content_id.distinct())).where(lost)
    photos = connection.execute(count).scalar_one()
    connection.execute(sa.update(file_table).where(lost).values(ctime_ns=READ_AGAIN))
    return photos


def _ask_for_records(connection: sa.Connection) -> int:
    """Have the files read again of whose photo nothing is known any more; return their number."""
    file = file_table.c
    dangling = file.content_id.not_in(sa.select(content_table.c.id))
    empty = sa.and_(file.content_id.is_(None), file.error.is_(None))
    state = sa.case((file.state == "present", "failed"), else_=file.state)
    return connection.execute(
        sa.update(file_table)
        .where(sa.or_(dangling, empty))
        .values(
            content_id=None,
            state=state,
            error=LOST,
            message="this photo's record was lost with a part of the catalog; the next index run reads it",
            ctime_ns=READ_AGAIN,
        )
    ).rowcount
