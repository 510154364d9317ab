"""One small JPEG per content, in a database of its own (thumbs.db)."""

import os
from collections.abc import Iterable

import sqlalchemy as sa

from .database import fold_log, open_reader, open_writer, store_errors

_tables = sa.MetaData()
_thumb = sa.Table(
    "thumb",
    _tables,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("jpeg", sa.LargeBinary, nullable=False),
)


class Thumbs:
    """Thumbnails by content digest; a lost one is made again when its photo is next decoded."""

    def __init__(self, folder: str, *, writable: bool) -> None:
        path = os.path.join(folder, "thumbs.db")
        self._folder = folder
        self._there = writable or os.path.exists(path)
        self._engine = open_writer(path, page_size=4096) if writable else open_reader(path)
        if writable:
            _tables.create_all(self._engine)

    def put(self, thumbnails: Iterable[tuple[bytes, bytes]]) -> None:
        """Store (digest, JPEG) pairs; those already there stay."""
        rows = [{"digest": digest, "jpeg": jpeg} for digest, jpeg in thumbnails]
        if rows:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(_thumb).prefix_with("OR IGNORE"), rows)

    def get(self, digest: bytes) -> bytes | None:
        """Return the JPEG of a content, None when there is none."""
        if not self._there:
            return None
        with store_errors(self._folder), self._engine.begin() as connection:
            return connection.execute(
                sa.select(_thumb.c.jpeg).where(_thumb.c.digest == digest)
            ).scalar_one_or_none()

    def totals(self) -> tuple[int, int]:
        """Return the number of thumbnails and their size in bytes."""
        if not self._there:
            return 0, 0
        with store_errors(self._folder), self._engine.begin() as connection:
            size = sa.func.coalesce(sa.func.sum(sa.func.length(_thumb.c.jpeg)), 0)
            count, total = connection.execute(sa.select(sa.func.count(), size)).one()
        return int(count), int(total)

    def fold(self) -> None:
        """Move what the write-ahead log holds into the file; only for a writer."""
        fold_log(self._engine)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()
