"""Is the store whole? Each check tells what it looked at and what it found."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import sqlalchemy as sa

from ..errors import StoreCorrupt, StoreError
from . import snapshot
from .database import open_reader, store_errors
from .schema import content_table, embedding_table, file_table
from .store import Store
from .vectors import VectorIndex
from .view import View

_RENEW = "delete index.json, and the next index run writes a new one"
_REMADE = "the next index run makes them again"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. level: "ok", "note" (nothing is lost) or "broken"."""

    level: Literal["ok", "note", "broken"]
    what: str
    message: str


def check_store(store: Store) -> Iterator[Finding]:
    """Yield the findings about a store, the most basic first; stops where going on makes no sense."""
    try:
        catalog_findings = list(_check_catalog(store))
        yield from catalog_findings
        if all(finding.level != "broken" for finding in catalog_findings):
            with store.reading() as view:
                yield _check_vectors(view)
                yield _check_snapshot(store, view)
                yield _check_thumbs(store, view)
            yield _check_folder(store.folder)
    except StoreError as error:
        yield Finding("broken", "store", str(error))


def check_sqlite() -> Finding:
    """Say whether this SQLite has the WAL-reset bug (3.7.0 to 3.51.2, fixed in some older lines)."""
    found = sqlite3.sqlite_version_info
    fixed = found >= (3, 51, 3) or (3, 50, 7) <= found < (3, 51) or (3, 44, 6) <= found < (3, 45)
    if fixed:
        return Finding("ok", "sqlite", sqlite3.sqlite_version)
    return Finding(
        "ok", "sqlite", f"{sqlite3.sqlite_version} (WAL-reset bug: held off, all writes share one lock)"
    )


def _check_catalog(store: Store) -> Iterator[Finding]:
    engine = open_reader(os.path.join(store.folder, "catalog.db"))
    with store_errors(store.folder), engine.begin() as connection:
        damage = connection.exec_driver_sql("PRAGMA quick_check(5)").scalars().all()
        if damage != ["ok"]:
            yield Finding("broken", "catalog", "; ".join(map(str, damage)))
            return
        yield Finding("ok", "catalog", "the database is sound")
        strays = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        yield _judge(len(strays), "references", "rows refer to others that are not there")
        yield _judge(_unembedded(connection), "embeddings", "photos with files have no embedding")
    engine.dispose()


def _judge(wrong: int, what: str, complaint: str) -> Finding:
    if wrong:
        return Finding("broken", what, f"{wrong:,} {complaint}")
    return Finding("ok", what, "all there")


def _unembedded(connection: sa.Connection) -> int:
    present = sa.select(file_table.c.content_id).where(file_table.c.state == "present")
    embedded = sa.select(embedding_table.c.content_id)
    missing = sa.select(sa.func.count()).where(
        content_table.c.id.in_(present), content_table.c.id.not_in(embedded)
    )
    contentless = sa.select(sa.func.count()).where(
        file_table.c.state == "present", file_table.c.content_id.is_(None)
    )
    return connection.execute(missing).scalar_one() + connection.execute(contentless).scalar_one()


def _check_vectors(view: View) -> Finding:
    """Read every vector: right length, finite, unit."""
    count = bad = 0
    try:
        for _, codes in view.vectors_since(0):
            with np.errstate(invalid="ignore", over="ignore"):  # what is damaged may be any number
                lengths = np.linalg.norm(codes.astype(np.float32), axis=1)
            count += len(codes)
            bad += int((~(np.abs(lengths - 1) < 0.01)).sum())
    except StoreCorrupt as error:
        return Finding("broken", "vectors", str(error))
    if bad:
        return Finding("broken", "vectors", f"{bad:,} of {count:,} vectors are damaged")
    return Finding("ok", "vectors", f"{count:,} vectors read and sound")


def _check_snapshot(store: Store, view: View) -> Finding:
    """Compare the snapshot with the catalog, vector by vector."""
    manifest = snapshot.read_manifest(store.folder)
    if manifest is None:
        return Finding("note", "index", "no snapshot; the index is built from the catalog at each start")
    try:
        view.check(manifest.stamp)
        index = snapshot.load(store.folder, manifest)
    except ValueError as error:
        return Finding(
            "note",
            "index",
            f"{error}: it is not used; {_RENEW}",
        )
    if not _is_prefix(index, view):
        return Finding("broken", "index", "the snapshot differs from the catalog; delete index.json")
    return Finding("ok", "index", f"the snapshot holds {len(index):,} vectors as the catalog has them")


def _is_prefix(index: VectorIndex, view: View) -> bool:
    ids, codes, start = index.ids(), index.codes(), 0
    for block_ids, block in view.vectors_since(0):
        stop = min(start + len(block_ids), len(ids))
        same_ids = np.array_equal(ids[start:stop], block_ids[: stop - start])
        if not same_ids or not np.array_equal(codes[start:stop], block[: stop - start]):
            return False
        start = stop
    return start == len(ids)


def _check_thumbs(store: Store, view: View) -> Finding:
    if not store.thumbs.is_sound():
        return Finding("note", "thumbnails", f"thumbs.db is damaged; {_REMADE}")
    lost = sum(1 for _ in store.thumbs.missing(view.digests_sorted(only_present=True)))
    if lost:
        return Finding("note", "thumbnails", f"{lost:,} photos have lost theirs; {_REMADE}")
    count, size = store.thumbs.totals()
    return Finding("ok", "thumbnails", f"{count:,} thumbnails, {size / 1e6:,.1f} MB")


def _check_folder(folder: str) -> Finding:
    """See whether others could slip something into the store; modes say nothing on Windows."""
    if os.name != "nt" and os.stat(folder).st_mode & 0o022:
        return Finding("note", "folder", f"others can write into {folder}; `chmod go-w` keeps them out")
    return Finding("ok", "folder", "only its owner can write into it")
