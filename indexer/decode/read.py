"""One careful read of one file."""

import errno
import os
import stat
import threading

from ...errors import DecodeError
from ...store.records import FileStat

MAX_FILE_BYTES = 512 << 20

# Several huge files in memory at once would cost more than all the rest of the program.
_LARGE = 64 << 20
_one_large_file = threading.Lock()

_CODES = {errno.EACCES: "no_permission", errno.EPERM: "no_permission"}

# Opening a named pipe would wait for ever without it.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_file(path: bytes, rel: bytes) -> tuple[bytes, FileStat]:
    """Return the bytes of a regular file and the stat that belongs to exactly these bytes.

    Raises:
        FileNotFoundError: it went away.
        DecodeError: it cannot be read ("no_permission", "read_error"), is no regular file
            ("not_a_file"), is "empty", "too_large", or kept changing while it was read ("unstable").
    """
    try:
        for _ in range(2):
            data, before, after = _read(path)
            if _same(before, after) and len(data) == after.st_size:
                return data, FileStat.of(rel, after)
    except FileNotFoundError:
        raise
    except OSError as error:
        code = _CODES.get(error.errno or 0, "read_error")
        raise DecodeError(code, f"cannot read the file: {error.strerror or error}") from error
    raise DecodeError("unstable", "the file changed while it was read; index again when it is at rest")


def _read(path: bytes) -> tuple[bytes, os.stat_result, os.stat_result]:
    descriptor = os.open(path, _FLAGS)
    with open(descriptor, "rb", buffering=0) as source:
        before = os.fstat(descriptor)
        _check(before)
        if before.st_size > _LARGE:
            with _one_large_file:
                return source.read(), before, os.fstat(descriptor)
        return source.read(), before, os.fstat(descriptor)


def _check(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise DecodeError("not_a_file", "not a regular file")
    if found.st_size == 0:
        raise DecodeError("empty", "the file is empty (0 bytes)")
    if found.st_size > MAX_FILE_BYTES:
        raise DecodeError(
            "too_large",
            f"the file has {found.st_size / 2**20:,.0f} MB; files up to {MAX_FILE_BYTES >> 20} MB are read",
        )


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    def key(found: os.stat_result) -> tuple[int, int, int]:
        return (found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    return key(before) == key(after)
