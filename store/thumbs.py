"""One small JPEG per content, in a database of its own (thumbs.db)."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa

from ..errors import StoreCorrupt
from .catalog.database import fold_log, is_damage, open_reader, open_writer, store_errors
from .catalog.schema import pieces
from .columns import Columns

_log = logging.getLogger(__name__)

_PAGE_SIZE = 4096
_BLOCK = 1024
JPEG = b"\xff\xd8\xff"

_tables = sa.MetaData()
_thumb = sa.Table(
    "thumb",
    _tables,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("jpeg", sa.LargeBinary, nullable=False),
)


class Thumbs:
    """Thumbnails by content digest; a lost one is made again by the next index run.

    A damaged database counts as none: readers find it empty, a writer renames it and begins a new one.
    """

    def __init__(self, folder: str, *, writable: bool) -> None:
        self._folder = folder
        self._path = os.path.join(folder, "thumbs.db")
        self._there = writable or os.path.exists(self._path)
        if not writable:
            self._engine = open_reader(self._path)
            return
        self._engine = open_writer(self._path, page_size=_PAGE_SIZE)
        try:
            _tables.create_all(self._engine)
            self._glance()
        except sa.exc.DBAPIError as error:
            self._renew(error)

    def _renew(self, error: sa.exc.DBAPIError) -> None:
        """Begin a new database if the old one is damaged; the caller holds the store's lock.

        Raises:
            DBAPIError: it is something else; the error that was given.
        """
        if not is_damage(error):
            raise error
        _log.warning("%s is damaged (%s); starting a new one", self._path, error.orig)
        self._engine.dispose()
        # The log first: beside a new file SQLite would take it for the log of that one.
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                os.replace(self._path + suffix, f"{self._path}.damaged{suffix}")
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        self._engine = open_writer(self._path, page_size=_PAGE_SIZE)
        _tables.create_all(self._engine)

    def put(self, thumbnails: Iterable[tuple[bytes, bytes]]) -> None:
        """Store (digest, JPEG) pairs; those already there stay. The caller holds the store's lock."""
        rows = [{"digest": digest, "jpeg": jpeg} for digest, jpeg in thumbnails]
        if not rows:
            return
        try:
            self._insert(rows)
        except sa.exc.DBAPIError as error:
            self._renew(error)
            self._insert(rows)

    def _insert(self, rows: list[dict[str, bytes]]) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.insert(_thumb).prefix_with("OR IGNORE"), rows)

    def get(self, digest: bytes) -> bytes | None:
        """Return the JPEG of a content, None when there is none."""
        rows = self._ask(sa.select(_thumb.c.jpeg).where(_thumb.c.digest == digest))
        return next((row[0] for row in rows), None)

    def get_many(self, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the JPEGs of contents, of those that have one."""
        found: dict[bytes, bytes] = {}
        for some in pieces(digests):
            rows = self._ask(sa.select(_thumb.c.digest, _thumb.c.jpeg).where(_thumb.c.digest.in_(some)))
            found.update((digest, jpeg) for digest, jpeg in rows)
        return found

    def count(self) -> int:
        """Return the number of thumbnails."""
        rows = self._ask(sa.select(sa.func.count()).select_from(_thumb))
        return next((int(row[0]) for row in rows), 0)

    def totals(self) -> tuple[int, int]:
        """Return the number of thumbnails and their size in bytes."""
        size = sa.func.coalesce(sa.func.sum(sa.func.length(_thumb.c.jpeg)), 0)
        rows = self._ask(sa.select(sa.func.count(), size))
        return next(((int(row[0]), int(row[1])) for row in rows), (0, 0))

    def count_damaged(self) -> int:
        """Return the number of thumbnails that do not begin as a JPEG does."""
        rows = self._ask(sa.select(_thumb.c.jpeg))
        return sum(not row[0].startswith(JPEG) for row in rows)

    def missing(self, digests: Iterable[bytes]) -> Iterator[bytes]:
        """Yield those of the digests (ascending) that have no thumbnail."""
        rows = self._ask(sa.select(_thumb.c.digest).order_by(_thumb.c.digest))
        return _not_among(digests, (row[0] for row in rows))

    def keep_only(self, digests: Iterable[bytes]) -> int:
        """Remove the thumbnails of all other contents; return how many. digests: ascending.

        The caller holds the store's lock.
        """
        rows = self._ask(sa.select(_thumb.c.digest).order_by(_thumb.c.digest))
        strays = list(_not_among([row[0] for row in rows], digests))
        with self._engine.begin() as connection:
            for some in pieces(strays):
                connection.execute(sa.delete(_thumb).where(_thumb.c.digest.in_(some)))
        return len(strays)

    def is_sound(self) -> bool:
        """Tell whether the first row can be read; True where there is no database."""
        try:
            self._glance()
        except sa.exc.DBAPIError as error:
            return not is_damage(error)
        return True

    def _glance(self) -> None:
        if self._there:
            with self._engine.begin() as connection:
                connection.execute(sa.select(_thumb).limit(1)).all()

    def _ask(self, question: sa.Executable) -> Iterator[Any]:
        """Yield the answers, as many as a damaged database still gives."""
        if not self._there:
            return
        try:
            with store_errors(self._folder), self._engine.begin() as connection:
                yield from connection.execution_options(yield_per=10_000).execute(question)
        except StoreCorrupt as error:
            _log.info("thumbnails cannot be read: %s", error)

    def fold(self) -> None:
        """Move what the write-ahead log holds into the file; only for a writer."""
        fold_log(self._engine)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


class ColumnThumbs(Thumbs):
    """Thumbnails that lie with the other columns of photos, where they came with the photos.

    ids_of: returns the ids of contents, by digest.
    """

    def __init__(self, columns: Columns, ids_of: Callable[[Sequence[bytes]], Mapping[bytes, int]]) -> None:
        self._columns = columns
        self._ids_of = ids_of

    def put(self, thumbnails: Iterable[tuple[bytes, bytes]]) -> None:
        """Do nothing: a photo is appended to the columns with its thumbnail."""

    def get(self, digest: bytes) -> bytes | None:
        """See `Thumbs`."""
        return self.get_many([digest]).get(digest)

    def get_many(self, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        """See `Thumbs`."""
        ids = self._ids_of(digests)
        found = zip(ids, self._columns.thumbnails(list(ids.values())), strict=True)
        return {digest: jpeg for digest, jpeg in found if jpeg}

    def count(self) -> int:
        """See `Thumbs`."""
        return self.totals()[0]

    def totals(self) -> tuple[int, int]:
        """See `Thumbs`."""
        return self._columns.thumbnail_totals()

    def count_damaged(self) -> int:
        """See `Thumbs`."""
        found = (
            jpeg
            for some in _runs(range(1, len(self._columns) + 1))
            for jpeg in self._columns.thumbnails(some)
        )
        return sum(jpeg != b"" and not jpeg.startswith(JPEG) for jpeg in found)

    def missing(self, digests: Iterable[bytes]) -> Iterator[bytes]:
        """See `Thumbs`."""
        remaining = iter(digests)
        while some := list(islice(remaining, _BLOCK)):
            found = self.get_many(some)
            yield from (digest for digest in some if digest not in found)

    def keep_only(self, digests: Iterable[bytes]) -> int:  # noqa: ARG002 - as of `Thumbs`
        """Do nothing: what the catalog does not name is found by nobody."""
        return 0

    def is_sound(self) -> bool:
        """See `Thumbs`."""
        return True

    def fold(self) -> None:
        """Do nothing: there is no log."""

    def close(self) -> None:
        """Do nothing: whoever opened the columns closes them."""


def _runs(ids: range) -> Iterator[range]:
    return (ids[start : start + _BLOCK] for start in range(0, len(ids), _BLOCK))


def make_empty(path: str) -> None:
    """Make the tables of a database of thumbnails in an empty file."""
    engine = open_writer(path, page_size=_PAGE_SIZE)
    _tables.create_all(engine)
    fold_log(engine)
    engine.dispose()


def _not_among(digests: Iterable[bytes], others: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the digests that are not among the others; both ascend."""
    rest = iter(others)
    other = next(rest, None)
    for digest in digests:
        while other is not None and other < digest:
            other = next(rest, None)
        if other != digest:
            yield digest
