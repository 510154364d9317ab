"""Writing to the catalog: roots, files, contents, embeddings. Each function runs in a transaction."""

import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from ...errors import StoreCorrupt
from ..filters.where import below_condition, rel_below
from ..records import Content, Drive, EmbeddedPhoto, FileResult, KnownFile, Root
from ..spec import EmbedderSpec
from .schema import (
    content_table,
    embedding_checksum,
    embedding_table,
    epoch_table,
    file_table,
    knows_drives,
    model_table,
    now,
    root_table,
    store_table,
)

T = TypeVar("T")

# SQLite takes 32,766 values in a statement; questions about many keys are asked in pieces.
_KEYS_PER_QUESTION = 10_000

_EPOCHS_KEPT = 10_000


def pieces(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut keys into runs that fit one SQL statement."""
    for start in range(0, len(keys), _KEYS_PER_QUESTION):
        yield keys[start : start + _KEYS_PER_QUESTION]


@dataclass(frozen=True, slots=True)
class Model:
    """The embedder of a store. id: its row."""

    id: int
    spec: EmbedderSpec


def store_uuid(connection: sa.Connection) -> str:
    """Return the random name that this store was born with."""
    return str(connection.execute(sa.select(store_table.c.uuid)).scalar_one())


def current_model(connection: sa.Connection) -> Model | None:
    """Return the model whose embeddings are searched, None before the first index run."""
    join = store_table.join(model_table, store_table.c.model_id == model_table.c.id)
    row = connection.execute(
        sa.select(model_table.c.id, model_table.c.spec).select_from(join)
    ).one_or_none()
    if row is None:
        return None
    return Model(row.id, spec_from(row.spec))


def spec_from(text: str) -> EmbedderSpec:
    """Return the embedder that a row of the catalog describes.

    Raises:
        StoreCorrupt: the text is damaged.
    """
    try:
        return EmbedderSpec.from_json(text)
    except (ValueError, TypeError) as error:
        raise StoreCorrupt(f"the store's record of its model is damaged: {error}") from error


def set_model(connection: sa.Connection, spec: EmbedderSpec) -> None:
    """Make spec the model of the store."""
    model_id = connection.execute(
        sa.insert(model_table)
        .values(fingerprint=spec.fingerprint, spec=spec.to_json(), dim=spec.dim)
        .returning(model_table.c.id)
    ).scalar_one()
    connection.execute(sa.update(store_table).values(model_id=model_id))


def bump_epoch(connection: sa.Connection) -> int:
    """Begin a new epoch with a fresh nonce and return its number."""
    last = connection.execute(sa.select(sa.func.max(epoch_table.c.epoch))).scalar_one()
    epoch = (last or 0) + 1
    connection.execute(sa.insert(epoch_table).values(epoch=epoch, nonce=secrets.token_bytes(16), at=now()))
    return epoch


def trim_epochs(connection: sa.Connection, published: int) -> None:
    """Forget old epochs: only snapshots are compared with them, and they name the published one."""
    newest = sa.select(sa.func.max(epoch_table.c.epoch)).scalar_subquery()
    connection.execute(
        sa.delete(epoch_table).where(
            epoch_table.c.epoch <= newest - _EPOCHS_KEPT, epoch_table.c.epoch != published
        )
    )


# --- roots ------------------------------------------------------------------------------------


def roots(connection: sa.Connection) -> list[Root]:
    """Return all folders of the library, by path."""
    root = root_table.c
    drive = (root.fs_id, root.marker) if knows_drives(connection) else (sa.null(), sa.null())
    rows = connection.execute(sa.select(root.id, root.path, *drive).order_by(root.path))
    return [Root(key, path, Drive(fs_id, marker)) for key, path, fs_id, marker in rows]


def ensure_root(connection: sa.Connection, path: bytes) -> tuple[Root, bytes]:
    """Return the root that holds the folder at path, and the folder's path below it.

    A folder inside a known root belongs to that root; a folder around known roots takes them over, so
    that no file is ever listed under two roots.
    """
    known = roots(connection)
    for root in known:
        below = rel_below(path, root.path)
        if below is not None:
            return root, below
    root_id = connection.execute(
        sa.insert(root_table).values(path=path).returning(root_table.c.id)
    ).scalar_one()
    for inner in known:
        prefix = rel_below(inner.path, path)
        if prefix is not None:
            _absorb(connection, inner, root_id, prefix)
    return Root(root_id, path), b""


def _absorb(connection: sa.Connection, inner: Root, root_id: int, prefix: bytes) -> None:
    rows = connection.execute(
        sa.select(file_table.c.id, file_table.c.rel).where(file_table.c.root_id == inner.id)
    ).all()
    moved = [{"key": row.id, "rel": os.path.join(prefix, row.rel)} for row in rows]
    if moved:
        connection.execute(
            sa.update(file_table)
            .where(file_table.c.id == sa.bindparam("key"))
            .values(root_id=root_id, rel=sa.bindparam("rel")),
            moved,
        )
    connection.execute(sa.delete(root_table).where(root_table.c.id == inner.id))


def mark_scanned(connection: sa.Connection, root_id: int) -> None:
    """Record that the root was scanned to its end now."""
    connection.execute(sa.update(root_table).where(root_table.c.id == root_id).values(scanned_at=now()))
    # Those that went away before this was recorded have been missing since now at the latest.
    file = file_table.c
    undated = (file.root_id == root_id, file.state == "absent", file.missing_since.is_(None))
    connection.execute(sa.update(file_table).where(*undated).values(missing_since=now()))


# --- files ------------------------------------------------------------------------------------


def known_files(connection: sa.Connection, root_id: int, below: bytes) -> dict[bytes, KnownFile]:
    """Return what is remembered of the files at or below a path in a root, by relative path."""
    file = file_table.c
    columns = (file.rel, file.id, file.size, file.mtime_ns, file.ctime_ns, file.ino, file.dev)
    rows = connection.execute(
        sa.select(*columns, file.state, file.error).where(file.root_id == root_id, below_condition(below))
    )
    return {
        rel: KnownFile(key, (size, mtime, ctime, ino), state, error, dev)
        for rel, key, size, mtime, ctime, ino, dev, state, error in rows
    }


def set_state(connection: sa.Connection, file_ids: Sequence[int], state: str) -> None:
    """Change the state of files, and note since when those are missing that are absent."""
    since = sa.func.coalesce(file_table.c.missing_since, now()) if state == "absent" else None
    for some in pieces(file_ids):
        connection.execute(
            sa.update(file_table).where(file_table.c.id.in_(some)).values(state=state, missing_since=since)
        )


def restore_state(connection: sa.Connection, file_ids: Sequence[int]) -> None:
    """Give files that came back unchanged the state they had before they went."""
    was = sa.case((file_table.c.error.is_(None), "present"), else_="failed")
    for some in pieces(file_ids):
        connection.execute(
            sa.update(file_table).where(file_table.c.id.in_(some)).values(state=was, missing_since=None)
        )


def forget_problems(connection: sa.Connection, file_ids: Sequence[int]) -> None:
    """Remove rows that never were photos; a row with a content stays whatever is asked."""
    for some in pieces(file_ids):
        connection.execute(
            sa.delete(file_table).where(file_table.c.id.in_(some), file_table.c.content_id.is_(None))
        )


def put_files(connection: sa.Connection, root_id: int, results: Iterable[FileResult]) -> None:
    """Insert or update the rows of files; contents must be there already."""
    results = list(results)
    ids = content_ids(connection, [result.digest for result in results if result.digest])
    rows = [_file_row(root_id, result, ids) for result in results]
    if not rows:
        return
    statement = insert(file_table)
    keys = ("root_id", "rel")
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)


def _file_row(root_id: int, result: FileResult, ids: dict[bytes, int]) -> dict[str, Any]:
    stat, failure = result.stat, result.failure
    return {
        "root_id": root_id,
        "rel": stat.rel,
        "dev": stat.dev,
        "ino": stat.ino,
        "size": stat.size,
        "mtime_ns": stat.mtime_ns,
        "ctime_ns": stat.ctime_ns,
        "content_id": None if failure else ids[result.digest or b""],
        "state": "failed" if failure else "present",
        "error": failure.code if failure else None,
        "message": failure.message if failure else None,
        "missing_since": None,
    }


# --- contents and embeddings ------------------------------------------------------------------


def content_ids(connection: sa.Connection, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Return the ids of the contents that are known, by digest."""
    content = content_table.c
    found: dict[bytes, int] = {}
    for some in pieces(digests):
        rows = connection.execute(sa.select(content.digest, content.id).where(content.digest.in_(some)))
        found.update((row.digest, row.id) for row in rows)
    return found


# For whoever asks for many contents one by one: the text goes to the driver as it is.
IS_EMBEDDED = """
SELECT 1 FROM content
JOIN embedding ON embedding.content_id = content.id
JOIN store ON store.model_id = embedding.model_id
WHERE content.digest = ?
"""


def has_embedding(connection: sa.Connection, model_id: int, digest: bytes) -> bool:
    """Tell whether the content with this digest is embedded by the model."""
    join = content_table.join(embedding_table, embedding_table.c.content_id == content_table.c.id)
    found = connection.execute(
        sa.select(sa.literal(1))
        .select_from(join)
        .where(content_table.c.digest == digest, embedding_table.c.model_id == model_id)
    )
    return found.first() is not None


def put_photos(
    connection: sa.Connection, model_id: int, epoch: int, photos: Sequence[EmbeddedPhoto]
) -> None:
    """Insert contents and embeddings; what is there already stays as it is."""
    if not photos:
        return
    connection.execute(
        insert(content_table).on_conflict_do_nothing(index_elements=["digest"]),
        [_content_row(photo.content) for photo in photos],
    )
    ids = content_ids(connection, [photo.content.digest for photo in photos])
    vectors = np.stack([photo.vector for photo in photos]).astype(np.float32)
    norms = np.linalg.norm(vectors, axis=1)
    units = (vectors / norms[:, None]).astype(np.float16)
    connection.execute(
        insert(embedding_table).on_conflict_do_nothing(index_elements=["model_id", "content_id"]),
        [
            {
                "model_id": model_id,
                "content_id": ids[photo.content.digest],
                "epoch": epoch,
                "norm": float(norm),
                "vector": unit.tobytes(),
                "checksum": embedding_checksum(ids[photo.content.digest], float(norm), unit.tobytes()),
            }
            for photo, norm, unit in zip(photos, norms, units, strict=True)
        ],
    )


def _content_row(content: Content) -> dict[str, Any]:
    metadata = content.metadata
    return {
        "digest": content.digest,
        "size": content.size,
        "width": content.width,
        "height": content.height,
        "format": content.format,
        "pixel_digest": content.pixel_digest,
        "taken": metadata.taken,
        "camera": metadata.camera,
        "lens": metadata.lens,
        "latitude": metadata.latitude,
        "longitude": metadata.longitude,
        "altitude": metadata.altitude,
        "warning": content.warning,
    }
