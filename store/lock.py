"""One writer at a time, by a kernel lock that dies with its process."""

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import filelock

from ..errors import StoreLocked, StoreUnwritable
from .catalog.schema import now

fcntl: Any
try:
    import fcntl
except ImportError:
    fcntl = None


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
        raise _unlockable(folder, error) from error
    try:
        _sign(path)
        yield
    finally:
        lock.release()


def _unlockable(folder: str, error: OSError) -> StoreUnwritable:
    return StoreUnwritable(
        f"cannot lock the store {folder}: {error.strerror}; check its permissions, or choose another "
        "place for the store"
    )


@contextlib.contextmanager
def sharing(folder: str, timeout_s: float) -> Iterator[None]:
    """Have the store open for writing, among others who have; see `alone`."""
    with _flocked(folder, timeout_s, alone=False):
        yield


@contextlib.contextmanager
def alone(folder: str, timeout_s: float) -> Iterator[None]:
    """Be the only one who has the store open for writing: needed to put another file in its place.

    A writer that still had the old file open would write into it, or take the new one's log away.

    Raises:
        StoreLocked: somebody else has it open.
    """
    with _flocked(folder, timeout_s, alone=True):
        yield


@contextlib.contextmanager
def _flocked(folder: str, timeout_s: float, *, alone: bool) -> Iterator[None]:
    if fcntl is None:  # Windows replaces no file that is open
        yield
        return
    try:
        descriptor = os.open(os.path.join(folder, "writers.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise _unlockable(folder, error) from error
    try:
        _wait_for(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH, folder, timeout_s)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, kind: int, folder: str, timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                path = os.path.join(folder, "store.lock")
                raise StoreLocked(
                    f"the store {folder} is open for writing, last by {_holder(path)}; "
                    f"waited {timeout_s:g} s: wait for it to end, or stop it"
                ) from None
            time.sleep(0.05)


def holder_of(folder: str, name: str) -> str | None:
    """Say who holds a lock of the store now, None when nobody does.

    Raises:
        OSError: the lock cannot be tried, as in a folder that may only be read.
    """
    path = os.path.join(folder, f"{name}.lock")
    if not os.path.exists(path):
        return None
    lock = filelock.FileLock(path, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except filelock.Timeout:
        return _holder(path)
    lock.release()
    return None


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
        if holder["host"] == socket.gethostname() and not is_alive(holder["pid"]):
            return "another process"  # the note is of one that was killed; the holder has not signed yet
        return "process {pid} on {host} since {since} ({command})".format(**holder)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return "another process"


def is_alive(pid: int) -> bool:
    """Tell whether a process of this machine is there; True where that cannot be told."""
    if os.name == "nt":
        return True  # asking with signal 0 would end it there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
