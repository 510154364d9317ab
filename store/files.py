"""Replacing a file in one step, and making the folder of a store."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from typing import BinaryIO


@contextlib.contextmanager
def replaced(path: str, mode: int = 0o600, *, durable: bool = True) -> Iterator[str]:
    """Give the path of an empty file to fill; after the block it has taken the place of path.

    After a crash at any point path is the old file or the new one, whole: a temporary file beside the
    target, fsync, `os.replace`, fsync of the folder. The temporary file is removed when anything fails.
    durable: False spares both waits, and a power loss may take the file.
    """
    temporary = _new_beside(path, mode)
    try:
        yield temporary
        if durable:
            sync_file(temporary)
        os.replace(temporary, path)
        if durable:
            sync_folder(os.path.dirname(path))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def temporary_beside(path: str, mode: int = 0o600) -> Iterator[str]:
    """Give the path of an empty file beside path that is gone after the block, unless it was moved."""
    temporary = _new_beside(path, mode)
    try:
        yield temporary
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary + suffix)


def _new_beside(path: str, mode: int) -> str:
    """Make an empty file that was not there, beside path."""
    temporary = f"{path}.{secrets.token_hex(8)}.tmp"
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    return temporary


def discard(path: str) -> None:
    """Remove a file of our own that nobody misses, if that can be done."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def write_atomic(path: str, write: Callable[[BinaryIO], object]) -> None:
    """Replace path by what write puts out, whole or not at all; only its owner can read it."""
    with replaced(path) as temporary, open(temporary, "r+b") as out:
        write(out)


def sync_file(path: str) -> None:
    """Make what a file holds last through a power loss."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: str) -> None:
    """Make the names in a folder last through a power loss."""
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(path or ".", os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
