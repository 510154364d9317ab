"""One careful read of one file."""

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator

from ...errors import DecodeError, RootOffline, UsageError
from ...store.names import is_remote
from ...store.records import FileStat

MAX_FILE_BYTES = 512 << 20

# Several huge files in memory at once would cost more than all the rest of the program.
_LARGE = 64 << 20
_one_large_file = threading.Lock()

_CODES = {errno.EACCES: "no_permission", errno.EPERM: "no_permission"}

# Opening a named pipe would wait for ever without it.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

# Is given path, rel and is_patient of `read_file`.
ReadURL = Callable[[bytes, bytes, bool], tuple[bytes, FileStat]]
_url_readers: list[ReadURL] = []


def read_urls_by(reader: ReadURL) -> None:
    """Have files in object stores read by a function; what knows networks calls this."""
    _url_readers[:] = [reader]


def read_file(path: bytes, rel: bytes, *, is_patient: bool = False) -> tuple[bytes, FileStat]:
    """Return the bytes of a regular file and the stat that belongs to exactly these bytes.

    path: of a file, or the URL of one in an object store. is_patient: an object store that is away is
    waited for, and raises RootOffline, or UsageError where it refuses all: that says nothing of the file.

    Raises:
        FileNotFoundError: it went away.
        DecodeError: it cannot be read ("no_permission", "read_error"), is no regular file
            ("not_a_file"), is "empty", "too_large", or kept changing while it was read ("unstable"); or the
            object store cannot be asked ("unreachable").
    """
    if is_remote(path):
        return _read_url(path, rel, is_patient)
    try:
        for _ in range(2):
            data, before, after = _read(path)
            if _same(before, after) and len(data) == after.st_size:
                return data, FileStat.of(rel, after)
    except FileNotFoundError:
        raise
    except IsADirectoryError as error:
        raise DecodeError("read_error", "it is a folder; name a picture") from error
    except OSError as error:
        raise _unreadable(error) from error
    raise DecodeError("unstable", "the file changed while it was read; index again when it is at rest")


def read_small(path: bytes, most: int) -> bytes:
    """Return the bytes of a regular file of at most so many bytes.

    Raises:
        FileNotFoundError: it went away.
        DecodeError: it cannot be read ("no_permission", "read_error"), is no regular file
            ("not_a_file"), or is "too_large".
    """
    try:
        with open(os.open(path, _FLAGS), "rb", buffering=0) as source:
            found = os.fstat(source.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise DecodeError("not_a_file", "not a regular file")
            if found.st_size > most:
                raise DecodeError("too_large", f"it is larger than {most >> 20} MB")
            return source.read(most)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> DecodeError:
    code = _CODES.get(error.errno or 0, "read_error")
    return DecodeError(code, f"cannot read the file: {error.strerror or error}")


def _read_url(path: bytes, rel: bytes, is_patient: bool) -> tuple[bytes, FileStat]:
    if not _url_readers:
        raise DecodeError("unreachable", "nothing here reads object stores: open a `Library` first")
    try:
        return _url_readers[0](path, rel, is_patient)
    except (RootOffline, UsageError) as error:
        if is_patient:
            raise
        raise DecodeError("unreachable", str(error)) from error


def _read(path: bytes) -> tuple[bytes, os.stat_result, os.stat_result]:
    descriptor = os.open(path, _FLAGS)
    with open(descriptor, "rb", buffering=0) as source:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise DecodeError("not_a_file", "not a regular file")
        with room_for(before.st_size):
            return source.read(), before, os.fstat(descriptor)


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let a file of so many bytes be read within the block, of large ones one at a time.

    Raises:
        DecodeError: it is "empty" or "too_large".
    """
    if size == 0:
        raise DecodeError("empty", "the file is empty (0 bytes)")
    if size > MAX_FILE_BYTES:
        raise DecodeError(
            "too_large",
            f"the file has {size / 2**20:,.0f} MB; files up to {MAX_FILE_BYTES >> 20} MB are read",
        )
    with _one_large_file if size > _LARGE else contextlib.nullcontext():
        yield


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    def key(found: os.stat_result) -> tuple[int, int, int]:
        return (found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    return key(before) == key(after)
