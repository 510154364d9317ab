"""Replacing a file in one step, and making the folder of a store."""

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from typing import BinaryIO


@contextlib.contextmanager
def replaced(path: str, mode: int = 0o600, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Give an empty file to fill and read; after the block it has taken the place of path.

    After a crash at any point path is the old file or the new one, whole: a temporary file beside the
    target, fsync, `os.replace`, fsync of the folder. The temporary file is removed when anything fails.
    Where others can write into the folder its name may lead elsewhere by now: what is to be written goes
    into the open file, not to its name. durable: False spares both waits, and a power loss may take it.

    Raises:
        OSError: it cannot be written, or another file has its name.
    """
    with _new_beside(path, mode) as out:
        try:
            yield out
            out.flush()
            if durable:
                os.fsync(out.fileno())
            check_name(out)
            out.close()  # Windows renames no open file
            os.replace(out.name, path)
            if durable:
                sync_folder(os.path.dirname(path))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(out.name)
            raise


@contextlib.contextmanager
def temporary_beside(path: str, mode: int = 0o600) -> Iterator[str]:
    """Give the path of an empty file beside path that is gone after the block, unless it was moved.

    For databases in a folder that nobody else writes into: they are opened by name.
    """
    temporary = _new_beside(path, mode)
    temporary.close()
    try:
        yield temporary.name
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary.name + suffix)


def _new_beside(path: str, mode: int) -> BinaryIO:
    """Make an empty file that was not there, beside path, and open it for writing and reading."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), mode)

    return open(f"{path}.{secrets.token_hex(8)}.tmp", "x+b", opener=opener)


def check_name(file: BinaryIO) -> None:
    """Check that an open file still has the name that it was opened by.

    Raises:
        FileNotFoundError: the name is gone.
        OSError: another file has it.
    """
    if not os.path.samestat(os.lstat(file.name), os.fstat(file.fileno())):
        raise OSError(errno.ESTALE, "somebody put another file in its place", file.name)


def is_shared(folder: str) -> bool:
    """Tell whether others can rename and replace files in a folder."""
    if os.name == "nt":
        return False
    found = os.stat(folder or ".")
    is_open = bool(found.st_mode & 0o022) and not found.st_mode & stat.S_ISVTX
    return is_open or found.st_uid not in (os.geteuid(), 0)


def discard(path: str) -> None:
    """Remove a file of our own that nobody misses, if that can be done."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def discard_folder(path: str) -> None:
    """Remove a folder of our own with all that is in it, as far as that can be done."""
    shutil.rmtree(path, ignore_errors=True)


def write_atomic(path: str, write: Callable[[BinaryIO], object]) -> None:
    """Replace path by what write puts out, whole or not at all; only its owner can read it."""
    with replaced(path) as out:
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
