"""Replacing a database of the store; the old one is kept beside it."""

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator

from ...errors import StoreUnwritable
from .. import lock
from ..files import replaced, sync_file, sync_folder


@contextlib.contextmanager
def alone(folder: str, timeout_s: float) -> Iterator[None]:
    """Hold off everybody who writes to the store, and wait until nobody has it open for writing.

    Raises:
        StoreLocked: somebody has.
    """
    with (
        lock.alone(folder, timeout_s),
        lock.held(folder, "indexing", timeout_s),
        lock.held(folder, "store", timeout_s),
    ):
        yield


def keep_beside(path: str, word: str) -> str:
    """Give a file a second name, PATH.WORD-TIME, and return it; the file itself stays where it is."""
    name = f"{path}.{word}-{time.strftime('%Y%m%d-%H%M%S')}"
    number, kept = 1, name
    while os.path.lexists(kept):
        number += 1
        kept = f"{name}-{number}"
    try:
        os.link(path, kept)
    except OSError:  # some file systems have no second names
        with replaced(kept) as copy, open(path, "rb") as old:
            shutil.copyfileobj(old, copy, 1 << 20)
    return kept


def swap_in(new: str, path: str, word: str | None) -> str | None:
    """Put the database `new` in the place of the one at path; the caller is `alone`.

    word: the old one is kept as PATH.WORD-TIME, which is returned; None: it is not kept.

    The log of the old one must not be taken for that of the new one: it is folded back, or kept beside with
    the old file where that is too damaged. A kill in between leaves the old file or the new one.
    """
    try:
        kept = None
        if os.path.exists(path):
            _fold(path)
            kept = keep_beside(path, word) if word else None
            _clear_logs(path, kept)
        sync_file(new)
        os.replace(new, path)
        sync_folder(os.path.dirname(path))
    except OSError as error:
        raise StoreUnwritable(
            f"cannot replace {path}: {error.strerror}; the old file is unchanged"
        ) from error
    return kept


def _fold(path: str) -> None:
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _clear_logs(path: str, kept: str | None) -> None:
    """Remove the logs of the old file; those that are not empty are kept with it."""
    for suffix in ("-wal", "-journal", "-shm"):
        log = path + suffix
        with contextlib.suppress(FileNotFoundError):
            if kept and suffix != "-shm" and os.path.getsize(log):
                os.replace(log, kept + suffix)
            else:
                os.unlink(log)
