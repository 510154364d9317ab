"""Replacing a file in one step, and making the folder of a store."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import BinaryIO

from ..errors import StoreUnwritable


@contextlib.contextmanager
def replaced(path: str, mode: int = 0o600) -> Iterator[str]:
    """Give the path of an empty file to fill; after the block it has taken the place of path.

    After a crash at any point path is the old file or the new one, whole: a temporary file beside the
    target, fsync, `os.replace`, fsync of the folder. The temporary file is removed when anything fails.
    """
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, mode))
        yield temporary
        _sync_file(temporary)
        os.replace(temporary, path)
        _sync_folder(os.path.dirname(path))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_atomic(path: str, write: Callable[[BinaryIO], object]) -> None:
    """Replace path by what write puts out, whole or not at all; only its owner can read it."""
    with replaced(path) as temporary, open(temporary, "r+b") as out:
        write(out)


def _sync_file(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: str) -> None:
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(path or ".", os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: str) -> None:
    """Make the folder of a store and empty databases that only its owner can read.

    Raises:
        StoreUnwritable: they cannot be made.
    """
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for name in ("catalog.db", "thumbs.db"):
            # Closing a database's file drops the locks of SQLite in this process: only what is not there.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(os.path.join(folder, name), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnwritable(
            f"cannot make a store in {folder}: {error.strerror}; choose another place with --store"
        ) from error
