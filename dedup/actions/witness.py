"""What a file is right now, compared with a plan or a journal."""

import ctypes
import errno
import os
import stat
import sys
from datetime import UTC, datetime
from functools import cache
from typing import Any

from blake3 import blake3

from ...errors import DecodeError, Refusal
from ...indexer.decode.read import read_file
from ...indexer.sandbox.decoders import open_picture
from ...store.records import file_time
from .moves import At, at
from .planfile import PlannedFile

_BLOCK = 1 << 20
_LONG_SIDE = 64  # pixels are not what is wanted
_FLAGS = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)
# Of Linux' statx: ask the file system itself, of a name and not where it leads.
_FORCE_SYNC, _NO_FOLLOW, _BASIC_STATS, _STATX_BYTES = 0x2000, 0x100, 0x7FF, 256
_HERE = -100  # AT_FDCWD
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)  # EPERM: of old containers

State = tuple[int, int, int, int]


def look(path: str | At) -> os.stat_result:
    """Return the stat of a regular file as its file system has it now, whatever the kernel remembers.

    Raises:
        Refusal: there is none, or it is something else.
    """
    place = at(path)
    try:
        _refresh(place)
        found = os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        raise Refusal("gone", "it is not there any more") from None
    except OSError as error:
        raise Refusal("unreadable", f"it cannot be looked at: {error.strerror}") from error
    if stat.S_ISLNK(found.st_mode):
        raise Refusal("link", "it is a symbolic link now")
    if not stat.S_ISREG(found.st_mode):
        raise Refusal("not_a_file", "it is not a file any more")
    return found


def _refresh(place: At) -> None:
    """Have FUSE and NFS asked for what they say of a file; for a second or longer the kernel would not.

    Raises:
        OSError: it is not there, or cannot be looked at.
    """
    call = _statx()
    if call is None:
        return
    ignored = ctypes.create_string_buffer(_STATX_BYTES)
    folder = _HERE if place.folder is None else place.folder
    if call(folder, os.fsencode(place.name), _FORCE_SYNC | _NO_FOLLOW, _BASIC_STATS, ignored):
        number = ctypes.get_errno()
        if number not in _UNSUPPORTED:
            raise OSError(number, os.strerror(number), place.path)


@cache
def _statx() -> Any:
    """Return the system's call, None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        call = ctypes.CDLL(None, use_errno=True).statx
    except (OSError, AttributeError):
        return None
    call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_char_p]
    call.restype = ctypes.c_int
    return call


def state_of(found: os.stat_result) -> State:
    """Return what an edit changes and a rename does not: device, inode, size, time."""
    return found.st_dev, found.st_ino, found.st_size, file_time(found.st_mtime_ns)


def expect(found: os.stat_result, size: int, mtime_ns: int) -> None:
    """Check size and time of a file.

    Raises:
        Refusal: they are others.
    """
    if found.st_size != size:
        raise Refusal("changed", f"it has {found.st_size:,} bytes, the plan expects {size:,}")
    if file_time(found.st_mtime_ns) != file_time(mtime_ns):
        raise Refusal(
            "changed", f"it was modified at {_time(found.st_mtime_ns)}, the plan expects {_time(mtime_ns)}"
        )


def _time(ns: int) -> str:
    try:
        return datetime.fromtimestamp(ns / 1e9, UTC).isoformat(sep=" ")
    except (ValueError, OverflowError, OSError):
        return f"{ns} ns"


def digest_of(path: str | At) -> tuple[str, os.stat_result]:
    """Return blake3 (hex) and stat of a file that did not change while it was read.

    Raises:
        Refusal: it cannot be read, or it changed.
    """
    look(path)
    place = at(path)
    try:
        with open(os.open(place.name, _FLAGS, dir_fd=place.folder), "rb", buffering=0) as source:
            before = os.fstat(source.fileno())
            hasher = blake3()
            while block := source.read(_BLOCK):
                hasher.update(block)
            after = os.fstat(source.fileno())
    except FileNotFoundError:
        raise Refusal("gone", "it is not there any more") from None
    except OSError as error:
        raise Refusal("unreadable", f"it cannot be read: {error.strerror}") from error
    if state_of(before) != state_of(after):
        raise Refusal("changed", "it is being written to")
    return hasher.hexdigest(), after


def examine(file: PlannedFile) -> os.stat_result:
    """Check that a file is what the plan says, byte by byte; return its stat.

    Raises:
        Refusal: it is not.
    """
    expect(look(file.path), file.size, file.mtime_ns)
    digest, found = digest_of(file.path)
    expect(found, file.size, file.mtime_ns)
    if digest != file.digest:
        raise Refusal("changed", "it has other bytes than the plan expects, at the same size and time")
    return found


def examine_keeper(file: PlannedFile) -> os.stat_result:
    """Check that a file which stays is what the plan says, and a picture that can be read.

    Raises:
        Refusal: it is not.
    """
    expect(look(file.path), file.size, file.mtime_ns)
    data, found = _read_picture(file.path)
    if blake3(data).hexdigest() != file.digest:
        raise Refusal("changed", "it has other bytes than the plan expects")
    expect(found, file.size, file.mtime_ns)
    return found


def is_whole_picture(path: str, digest: str) -> bool:
    """Tell whether a file holds a certain content and can be decoded."""
    try:
        data, _ = _read_picture(path)
    except Refusal:
        return False
    return blake3(data).hexdigest() == digest


def _read_picture(path: str) -> tuple[bytes, os.stat_result]:
    found = look(path)
    name = os.fsencode(path)
    try:
        data, seen = read_file(name, name)
        # All of a JPEG is read even if few of its pixels are made.
        open_picture(data, min_side=1, long_side=_LONG_SIDE)
    except FileNotFoundError:
        raise Refusal("gone", "it is not there any more") from None
    except DecodeError as error:
        raise Refusal("unreadable", f"it cannot be read: {error}") from error
    if (seen.dev, seen.ino, seen.size, seen.mtime_ns) != state_of(found):
        raise Refusal("changed", "it is being written to")
    return data, found
