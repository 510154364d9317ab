"""Failpoints from outside: the program has none; what it calls to change files is wrapped in a test.

A point is a call that changes something, named by what it does: "catalog: INSERT embedding", "fsync index",
"replace index.json"; and "catalog: SELECT", which may fail but changes nothing. A run is recorded once, and
then each of its points fails in turn.
"""

import errno
import os
import re
import signal
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from lookalike.store.index.exact import VectorIndex

Action = Literal["kill before", "kill after", "full", "I/O error", "no memory"]
ACTIONS: tuple[Action, ...] = ("kill before", "kill after", "full", "I/O error", "no memory")
# Nothing is on its way to the disk when a question is asked.
ACTIONS_READING: tuple[Action, ...] = ("I/O error", "no memory")

# What reaches a disk; all else of SQL is settings, and questions about them.
_CHANGES = re.compile(
    r"(INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|BEGIN IMMEDIATE|COMMIT|SELECT"
    r"|PRAGMA journal_mode|PRAGMA user_version =|PRAGMA wal_checkpoint)"
)


@dataclass(frozen=True)
class Fault:
    """What to do at which hit: number counts all points of a run, from 0."""

    number: int
    action: Action


class Points:
    """All points of this process, from `install` on."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.seen: list[str] = []
        self._fault = fault

    def install(self) -> None:
        """Wrap what changes files; there is no way back but the end of the process."""
        connect = sqlite3.connect
        points = self

        def connected(database: Any, *arguments: Any, **options: Any) -> sqlite3.Connection:
            return connect(database, *arguments, **options, factory=_connection_of(points, database))

        setattr(sqlite3, "connect", connected)  # noqa: B010 - the checker knows that it is not for this
        for name in ("fsync", "replace", "unlink"):
            setattr(os, name, self._wrapped(getattr(os, name), name))
        setattr(VectorIndex, "write", self._wrapped(VectorIndex.write, "write"))  # noqa: B010

    def passing(self, name: str, go: Callable[[], Any]) -> Any:
        """Go through a point: do what it is about, or fail before or after it."""
        if threading.current_thread() is not threading.main_thread():
            return go()  # what other threads do, they do in another order each time
        self.seen.append(name)
        action = self._fault.action if self._fault and self._fault.number == len(self.seen) - 1 else None
        if action == "kill before":
            os.kill(os.getpid(), signal.SIGKILL)
        elif action is not None and action != "kill after":
            raise _error(action, name)
        done = go()
        if action == "kill after":
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    def _wrapped(self, call: Callable[..., Any], verb: str) -> Callable[..., Any]:
        def through(*arguments: Any, **options: Any) -> Any:
            # A file name, a descriptor or an index: only the first two say more than the verb does.
            name = f"{verb} {_name_of(arguments[-1 if verb == 'replace' else 0])}".strip()
            return self.passing(name, lambda: call(*arguments, **options))

        return through


def _connection_of(points: Points, database: Any) -> type[sqlite3.Connection]:
    """Return the class of connections whose statements are points."""
    home = _name_of(re.sub(r"^file:|\?.*$", "", str(database))).removesuffix(".db")

    def through(sql: str, go: Callable[[], Any]) -> Any:
        found = _CHANGES.match(" ".join(sql.split()))
        return points.passing(f"{home}: {_summary(sql, found[1])}", go) if found else go()

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *values: Any) -> Any:
            return through(sql, lambda: super(Cursor, self).execute(sql, *values))

        def executemany(self, sql: str, *values: Any) -> Any:
            return through(sql, lambda: super(Cursor, self).executemany(sql, *values))

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, sql: str, *values: Any) -> Any:
            return self.cursor().execute(sql, *values)

        def commit(self) -> None:
            # The end of a reading changes nothing.
            if self.in_transaction and "mode=ro" not in str(database):
                through("COMMIT", super().commit)
            else:
                super().commit()

        def backup(self, *arguments: Any, **options: Any) -> None:
            points.passing(f"{home}: backup", lambda: super(Connection, self).backup(*arguments, **options))

    return Connection


def _summary(sql: str, verb: str) -> str:
    """Return the verb of a statement and the table that it changes."""
    found = re.search(r"(?:INTO|UPDATE|FROM|TABLE|INDEX)\s+(\w+)", sql)
    return f"{verb} {found[1]}" if found and verb != "SELECT" else verb


def _name_of(thing: Any) -> str:
    """Return the kind of file that a name or a descriptor is of, without numbers of its own."""
    if isinstance(thing, int):
        thing = os.readlink(f"/proc/self/fd/{thing}")
    if not isinstance(thing, (str, bytes)):
        return "index"
    name = os.path.basename(os.fsdecode(thing))
    return re.sub(r"index-.*\.faiss", "index", re.sub(r"\.[0-9a-f]{16}\.tmp", "", name))


def _error(action: Action, name: str) -> Exception:
    if action == "no memory":
        return MemoryError()
    is_sql = ": " in name
    if not is_sql:
        number = errno.ENOSPC if action == "full" else errno.EIO
        return OSError(number, os.strerror(number))
    full = action == "full"
    error = sqlite3.OperationalError("database or disk is full" if full else "disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_IOERR
    return error
