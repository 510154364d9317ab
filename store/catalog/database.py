"""Opening SQLite files the safe way; errors of the driver become errors of the store."""

import contextlib
import os
import sqlite3
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from functools import cache
from typing import Any

import sqlalchemy as sa

from ...errors import StoreCorrupt, StoreError, StoreLocked, StoreUnwritable
from .. import lock, place

_COMPILED = 500  # statements, as SQLAlchemy keeps for an engine

Ready = Callable[[sqlite3.Connection], object]

# trusted_schema, cell_size_check: a damaged or foreign file must not run or crash anything.
# mmap_size = 0: memory-mapped reads of a damaged file end in SIGBUS.
_PRAGMAS = ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0", "cache_size = -65536")
_READER_PRAGMAS = (*_PRAGMAS, "temp_store = MEMORY")
_WRITER_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL")
# The log needs memory that all who open the file share: over a network there is none. (Not
# locking_mode = EXCLUSIVE, which would lock out our own reader.)
_NETWORK_PRAGMAS = ("journal_mode = DELETE", "synchronous = FULL")


def open_writer(path: str, page_size: int) -> sa.Engine:
    """Return an engine whose transactions take the write lock at once.

    A deferred transaction that reads first and writes later fails without waiting when another one
    commits in between, so every transaction begins IMMEDIATE.
    """
    # page_size acts only before the first table exists, and must come before WAL.
    is_network = place.is_network_allowed() and place.place_of(os.path.dirname(path)).is_network
    pragmas = (
        f"page_size = {page_size}",
        *(_NETWORK_PRAGMAS if is_network else _WRITER_PRAGMAS),
        *_PRAGMAS,
        "foreign_keys = ON",
    )
    return _engine(f"file:{quoted(path)}?mode=rwc", pragmas, "BEGIN IMMEDIATE")


def open_reader(path: str, ready: Ready = lambda _: None, *, fixed: bool = False) -> sa.Engine:
    """Return an engine that cannot write; each transaction sees one state of the file.

    ready: is given each new connection before it is used. fixed: nobody ever writes to the file again.
    """
    mode = "mode=ro"
    if fixed or not (_is_writable(os.path.dirname(path)) or os.path.exists(path + "-wal")):
        # Read-only media: SQLite cannot make the -shm file, and nobody can write behind our back.
        mode = "mode=ro&immutable=1"

    def prepare(connection: sqlite3.Connection) -> None:
        _finish_rollback(connection, path)
        ready(connection)

    return _engine(f"file:{quoted(path)}?{mode}", _READER_PRAGMAS, "BEGIN", prepare)


def _finish_rollback(connection: sqlite3.Connection, path: str) -> None:
    """Take back what a writer left half-done that was killed at the birth of the file.

    A new file keeps a rollback journal until it is in WAL mode. Whoever opens it next takes such a
    change back, which a connection for reading may not.
    """
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
        with (
            lock.held(os.path.dirname(path), "store", 10),
            contextlib.closing(sqlite3.connect(f"file:{quoted(path)}?mode=rw", uri=True)) as writer,
        ):
            writer.execute("PRAGMA user_version").fetchone()


def _is_writable(folder: str) -> bool:
    return os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def quoted(path: str) -> str:
    """Return a path as it stands in a file: URI."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _engine(uri: str, pragmas: tuple[str, ...], begin: str, ready: Ready = lambda _: None) -> sa.Engine:
    def connect() -> Any:
        connection = sqlite3.connect(uri, uri=True, timeout=10, check_same_thread=False)
        connection.isolation_level = None  # we say BEGIN ourselves
        ready(connection)
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    dialect, compiled = _shared()
    pool = sa.pool.QueuePool(connect, dialect=dialect)
    engine = sa.Engine(
        pool, dialect, sa.URL.create("sqlite"), execution_options={"compiled_cache": compiled}
    )

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


@cache
def _shared() -> tuple[sa.Dialect, MutableMapping[object, object]]:
    """Return what makes SQL of statements, and what it made: else each engine makes all of it anew."""
    model = sa.create_engine("sqlite://")
    model.connect().close()  # which tells the dialect what this SQLite can do
    model.dispose()
    return model.dialect, sa.util.LRUCache(_COMPILED)


def fold_log(writer: sa.Engine) -> None:
    """Fold the write-ahead log into the file, as far as readers allow; a failure loses nothing.

    A store that nobody has open is then whole in its named files and can be copied.
    """
    with contextlib.suppress(sa.exc.DBAPIError, sqlite3.Error):
        raw = writer.raw_connection()
        try:
            raw.cursor().execute("PRAGMA busy_timeout = 100")  # readers are not waited for
            raw.cursor().execute("PRAGMA optimize")
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            raw.close()


def is_damage(error: sa.exc.DBAPIError) -> bool:
    """Tell whether the file itself is at fault, not its permissions, a lock or the disk."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or "no such table" in str(error.orig)


def ask_once(engine: sa.Engine, question: str, values: tuple[object, ...]) -> bool:
    """Tell whether a question has any answer now: ten times as fast as in a transaction of its own."""
    raw = engine.raw_connection()
    try:
        return raw.cursor().execute(question, values).fetchone() is not None
    finally:
        raw.close()


def back_up(path: str, target: str) -> None:
    """Copy a database into the empty file target, as of now and with what its log holds."""
    with (
        contextlib.closing(sqlite3.connect(f"file:{quoted(path)}?mode=ro", uri=True)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


@contextlib.contextmanager
def store_errors(folder: str) -> Iterator[None]:
    """Turn the driver's errors within the block into the store's own, with what to do next."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _translated(str(error.orig), folder) from error
    # UnicodeDecodeError: the driver fails over its own message when that quotes a damaged schema.
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _translated(str(error), folder) from error
    except (AttributeError, IndexError, OverflowError, TypeError, ValueError) as error:
        if not _is_of_a_row(error):
            raise
        raise _translated(
            f"it holds a value that cannot be ({type(error).__name__}: {error})", folder
        ) from error


# Functions around the block of a caller that reads or writes: they pass its errors on.
_AROUND = ("store_errors", "reading", "writing")


def _is_of_a_row(error: Exception) -> bool:
    """Tell whether what a row holds is at fault: the store itself could not work with it.

    A damaged row may hold anything in any column, and SQLite returns it unchecked. Errors of the caller's
    own block pass by here, too, and stay what they are.
    """
    base = __package__.rpartition(".")[0]
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    modules = [str(each.f_globals.get("__name__")) for each in frames if each.f_code.co_name not in _AROUND]
    ours = [module for module in modules if module.startswith(f"{base}.")]
    return bool(ours) and ours[-1].startswith((f"{__package__}.", f"{base}.view"))


def _translated(reason: str, folder: str) -> StoreError:
    reason = " ".join(reason.split())  # a damaged schema is quoted with its line ends
    if "locked" in reason:
        return StoreLocked(f"the store {folder} is busy ({reason}); try again in a moment")
    if any(word in reason for word in ("full", "readonly", "unable to open", "disk I/O")):
        return StoreUnwritable(
            f"cannot open or write the store {folder}: {reason}; "
            "free some space or check its permissions, what was committed is safe"
        )
    return StoreCorrupt(
        f"a database of the store {folder} cannot be read: {reason}; "
        f"run `lookalike doctor --store {folder}` to see what is affected"
    )
