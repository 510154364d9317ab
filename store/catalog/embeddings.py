"""Embeddings in the catalog, each checked against its checksum when it is read; models and epochs."""

import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from ...errors import StoreCorrupt
from ..columns import ColumnRow, Columns
from ..index.exact import Ids
from ..records import Code, Codes, EmbeddedPhoto, Vectors
from ..spec import EmbedderSpec
from ..view import View
from .contents import newest_id, put_contents
from .schema import (
    embedding_checksum,
    embedding_table,
    epoch_table,
    model_table,
    now,
    pieces,
    store_table,
)

_embedding = embedding_table.c
_COLUMNS = (_embedding.content_id, _embedding.norm, _embedding.vector, _embedding.checksum)

_EPOCHS_KEPT = 10_000


def vectors_since(view: View, epoch: int) -> Iterator[tuple[Ids, Codes]]:
    """Yield blocks of (ids (n,), unit vectors (n, dim) fp16) that came after the epoch, in order.

    Raises:
        StoreCorrupt: an embedding is damaged.
    """
    for ids, codes, _ in vectors_and_norms(view, epoch):
        yield ids, codes


def vectors_and_norms(view: View, epoch: int = 0) -> Iterator[tuple[Ids, Codes, Vectors]]:
    """Yield what `vectors_since` does, and the lengths that the vectors had, (n,) float32.

    Raises:
        StoreCorrupt: an embedding is damaged.
    """
    if view.model is None:
        return
    model_id, dim = view.model.id, view.model.spec.dim
    rows = view.connection.execution_options(yield_per=4096).execute(
        sa.select(*_COLUMNS)
        .where(_embedding.model_id == model_id, _embedding.epoch > epoch)
        .order_by(_embedding.id)
    )
    for block in (_whole(view, some) for some in rows.partitions(4096)):
        ids = np.array([row[0] for row in block], dtype=np.int64)
        codes = np.concatenate([_code(row, dim) for row in block])
        yield ids, codes.reshape(len(ids), dim), np.array([row[1] for row in block], np.float32)


def _whole(view: View, rows: Iterable[Sequence[Any]]) -> Iterable[Sequence[Any]]:
    """Return rows of _COLUMNS with their vectors, which need not lie in the catalog."""
    if view.columns is None:
        return rows
    known = list(rows)
    vectors = view.columns.vectors([row[0] for row in known])
    return [(*row[:2], vector, row[3]) for row, vector in zip(known, vectors, strict=True)]


def _code(row: Sequence[Any], dim: int) -> Codes:
    content_id, norm, vector, checksum = row
    if len(vector) != 2 * dim:
        raise StoreCorrupt(
            f"the embedding of photo {content_id} has {len(vector)} bytes, not {2 * dim}; "
            "run `lookalike doctor` to see what is affected"
        )
    if checksum != embedding_checksum(content_id, norm, vector):
        raise StoreCorrupt(
            f"the embedding of photo {content_id} is damaged: its checksum differs; "
            "run `lookalike doctor` to see what is affected"
        )
    return np.frombuffer(vector, dtype=np.float16)


def raw_vectors(view: View, ids: Sequence[int]) -> dict[int, Vectors]:
    """Return the pooled features as they left the network (up to fp16), by content id.

    Raises:
        StoreCorrupt: an embedding is damaged.
    """
    found: dict[int, Vectors] = {}
    if view.model is None:
        return found
    model_id, dim = view.model.id, view.model.spec.dim
    for some in pieces(ids):
        rows = view.connection.execute(
            sa.select(*_COLUMNS).where(_embedding.model_id == model_id, _embedding.content_id.in_(some))
        )
        for row in _whole(view, rows):
            found[row[0]] = _code(row, dim).astype(np.float32) * np.float32(row[1])
    return found


def units_of(view: View, ids: Ids) -> Codes:
    """Return the unit vectors of contents (ids ascending, each once), (n, dim); zeros for what is gone.

    Raises:
        StoreCorrupt: an embedding is damaged.
    """
    model_id, dim = view.known_model.id, view.known_model.spec.dim
    # Past SQLAlchemy, as every search asks; one value for all ids, so that the statement stays the same.
    rows = view.connection.exec_driver_sql(
        "SELECT content_id, norm, vector, checksum FROM embedding"
        " WHERE model_id = ? AND content_id IN (SELECT value FROM json_each(?))",
        (model_id, json.dumps(ids.tolist())),
    )
    found = np.zeros((len(ids), dim), np.float16)
    places = {each: place for place, each in enumerate(ids.tolist())}
    for row in _whole(view, rows):
        found[places[row[0]]] = _code(row, dim)
    return found


def embedded_ids(view: View, until: int | None = None) -> Ids:
    """Return the ids of the photos with a vector up to an epoch (None: all), ascending."""
    rows = view.connection.execute(
        sa.select(_embedding.content_id).where(*_up_to(view, until)).order_by(_embedding.content_id)
    )
    return np.fromiter(rows.scalars(), np.int64)


def count_embeddings(view: View, until: int | None = None) -> int:
    """Return the number of embeddings up to and with an epoch (None: all)."""
    return view.connection.execute(sa.select(sa.func.count()).where(*_up_to(view, until))).scalar_one()


def _up_to(view: View, epoch: int | None) -> tuple[sa.ColumnElement[bool], ...]:
    if view.model is None:
        return (sa.false(),)
    until = view.epoch if epoch is None else epoch
    return _embedding.model_id == view.model.id, _embedding.epoch <= until


# --- writing ----------------------------------------------------------------------------------


def set_model(view: View, spec: EmbedderSpec) -> None:
    """Make spec the model of the store."""
    model_id = view.connection.execute(
        sa.insert(model_table)
        .values(fingerprint=spec.fingerprint, spec=spec.to_json(), dim=spec.dim)
        .returning(model_table.c.id)
    ).scalar_one()
    view.connection.execute(sa.update(store_table).values(model_id=model_id))


def bump_epoch(view: View) -> int:
    """Begin a new epoch with a fresh nonce and return its number."""
    last = view.connection.execute(sa.select(sa.func.max(epoch_table.c.epoch))).scalar_one()
    epoch = (last or 0) + 1
    view.connection.execute(
        sa.insert(epoch_table).values(epoch=epoch, nonce=secrets.token_bytes(16), at=now())
    )
    return epoch


def trim_epochs(view: View, published: int) -> None:
    """Forget old epochs: only snapshots are compared with them, and they name the published one."""
    newest = sa.select(sa.func.max(epoch_table.c.epoch)).scalar_subquery()
    view.connection.execute(
        sa.delete(epoch_table).where(
            epoch_table.c.epoch <= newest - _EPOCHS_KEPT, epoch_table.c.epoch != published
        )
    )


def put_photos(view: View, epoch: int, photos: Sequence[EmbeddedPhoto]) -> dict[bytes, int]:
    """Insert contents and embeddings; those already there stay unchanged. Returns the ids, by digest."""
    newest = newest_id(view) if view.columns is not None else 0
    ids = put_contents(view, [photo.content for photo in photos])
    if not photos:
        return ids
    rows = [_row(view.known_model.id, epoch, ids[photo.content.digest], photo.vector) for photo in photos]
    if view.columns is not None:
        rows = _put_outside(view.columns, newest, photos, rows)
    view.connection.execute(
        insert(embedding_table).on_conflict_do_nothing(index_elements=["model_id", "content_id"]), rows
    )
    return ids


def _row(model_id: int, epoch: int, content_id: int, vector: Vectors | Code) -> dict[str, Any]:
    # Made a unit vector twice, its last bits could differ.
    code = vector if isinstance(vector, Code) else Code.of(vector)
    data = code.unit.tobytes()
    return {
        "model_id": model_id,
        "content_id": content_id,
        "epoch": epoch,
        "norm": code.norm,
        "vector": data,
        "checksum": embedding_checksum(content_id, code.norm, data),
    }


def _put_outside(
    columns: Columns, newest: int, photos: Sequence[EmbeddedPhoto], rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Append what is bulky of the photos after the newest to the columns; return the rows without it."""
    if newest != len(columns):
        raise StoreCorrupt(f"{len(columns):,} photos have columns, not {newest:,}")
    new: dict[int, ColumnRow] = {}
    for photo, row in zip(photos, rows, strict=True):
        number, cells = row["content_id"], photo.local_map.cells.tobytes() if photo.local_map else b""
        if number > newest:
            new.setdefault(number, ColumnRow(number, row["vector"], cells, photo.thumbnail))
    if new:
        columns.append([new[number] for number in sorted(new)])
    return [{**row, "vector": b""} for row in rows]
