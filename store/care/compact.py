"""Giving back the room that a store no longer needs."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass

import sqlalchemy as sa

from ..catalog.database import open_writer, quoted, store_errors
from ..catalog.schema import (
    PAGE_SIZE,
    embedding_table,
    local_map_table,
    neighborhood_table,
    photo_hash_table,
    store_table,
)
from ..files import temporary_beside
from ..place import need_room
from ..store import Store
from .swap import alone, swap_in

# Less than this is not worth writing a database anew.
_WORTH = 0.02


@dataclass(frozen=True, slots=True)
class Compacted:
    """Sizes of the store's databases with their logs, in bytes."""

    before: int
    after: int

    @property
    def freed(self) -> int:
        """Bytes that were freed."""
        return self.before - self.after


def compact(folder: str, lock_timeout_s: float = 10) -> Compacted:
    """Shrink the database files by writing them anew; a kill leaves the old or the new file.

    Raises:
        StoreUnwritable: there is no room for a new file beside the old one.
        StoreLocked: others have the store open for writing.
    """
    folder = os.path.abspath(folder)
    Store.open(folder, write=True, lock_timeout_s=lock_timeout_s).close()  # up to date, its log folded back
    paths = [os.path.join(folder, name) for name in ("catalog.db", "thumbs.db")]
    with alone(folder, lock_timeout_s), store_errors(folder):
        before = sum(map(_size, paths))
        _drop_superseded(paths[0])
        for path in paths:
            _rewrite(path, folder)
        return Compacted(before, sum(map(_size, paths)))


def _size(path: str) -> int:
    return sum(os.path.getsize(path + end) for end in ("", "-wal") if os.path.exists(path + end))


def _drop_superseded(path: str) -> None:
    """Drop what belongs to a model that is not the store's any more."""
    engine = open_writer(path, PAGE_SIZE)
    current = sa.select(sa.func.coalesce(store_table.c.model_id, -1)).scalar_subquery()
    try:
        with engine.begin() as connection:
            for table in (embedding_table, photo_hash_table, local_map_table, neighborhood_table):
                connection.execute(sa.delete(table).where(table.c.model_id != current))
    finally:
        engine.dispose()


def _rewrite(path: str, folder: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    if free <= _WORTH * pages:
        return
    need_room(folder, (pages - free) * size + (1 << 20), f"writing {path} anew")
    with temporary_beside(path) as temporary:
        with closing(sqlite3.connect(f"file:{quoted(path)}?mode=rw", uri=True)) as connection:
            connection.execute("VACUUM INTO ?", (temporary,))
        swap_in(temporary, path, None)
