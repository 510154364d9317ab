"""One writer at a time, by a kernel lock that dies with its process."""

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator

import filelock

from ..errors import StoreLocked, StoreUnwritable
from .schema import now


@contextlib.contextmanager
def held(folder: str, name: str, timeout_s: float) -> Iterator[None]:
    """Hold the lock called name of the store in folder.

    Raises:
        StoreLocked: another process held it for all of timeout_s seconds; the message names it.
        StoreUnwritable: the lock file cannot be made.
    """
    path = os.path.join(folder, f"{name}.lock")
    lock = filelock.FileLock(path, timeout=timeout_s, mode=0o600)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise StoreLocked(
            f"the store {folder} is in use by {_holder(path)}; "
            f"waited {timeout_s:g} s: wait for it to end, or stop it"
        ) from None
    except OSError as error:
        raise StoreUnwritable(
            f"cannot lock the store {folder}: {error.strerror}; check its permissions, or choose another "
            "place with --store"
        ) from error
    try:
        _sign(path)
        yield
    finally:
        lock.release()


def _sign(path: str) -> None:
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": " ".join(sys.argv)[:200],
        "since": now(),
    }
    # Only a courtesy for the waiting side: a full disk must not stop the holder.
    with (
        contextlib.suppress(OSError),
        open(path + ".json", "w", encoding="utf-8", errors="backslashreplace", opener=_private) as out,
    ):
        json.dump(holder, out)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _holder(path: str) -> str:
    try:
        with open(path + ".json", encoding="utf-8") as source:
            holder = json.load(source)
        return "process {pid} on {host} since {since} ({command})".format(**holder)
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
