"""The few ways in which a file of the user is touched, each in one step and none over another file.

The only module that renames, links or removes what is not our own.
"""

import ctypes
import errno
import os
import shutil
import stat
import sys
from contextlib import suppress
from functools import cache
from typing import Any

from ...errors import Refusal
from ...store.files import sync_folder

# Of Linux' renameat2: do not replace; exchange the two names.
_NO_REPLACE, _EXCHANGE = 1, 2
_HERE = -100  # AT_FDCWD
# What a file system or a kernel says that knows none of that.
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY)
_FICLONE = 0x40049409


def move_new(source: str, target: str) -> None:
    """Rename a file within its file system; a file at target is never replaced.

    Raises:
        FileExistsError: there is one.
        OSError: as os.rename; EXDEV for another file system: nothing is ever copied and removed.
    """
    if _rename(source, target, _NO_REPLACE):
        return
    if os.path.lexists(target):  # a moment's gap, where the system has no better way
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    os.rename(source, target)


def exchange(a: str, b: str) -> bool:
    """Exchange two names of one file system in one step; False: this cannot be done here."""
    return _rename(a, b, _EXCHANGE)


def _rename(source: str, target: str, flags: int) -> bool:
    """Rename by the system's own call; False where it has none."""
    call = _renameat2()
    if call is None:
        return False
    if call(_HERE, os.fsencode(source), _HERE, os.fsencode(target), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), source, None, target)


@cache
def _renameat2() -> Any:
    """Return the system's call, None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    call.restype = ctypes.c_int
    return call


def link_to(method: str, original: str, path: str, like: os.stat_result) -> None:
    """Make at path, where nothing is, something that shows the bytes of original.

    method: "hardlink", "symlink" or "reflink". like: the file whose place it takes; a reflink gets its
    times and permissions.

    Raises:
        Refusal: the file system cannot do it.
        OSError: it failed; nothing is left of it.
    """
    try:
        if method == "hardlink":
            os.link(original, path, follow_symlinks=False)
        elif method == "symlink":
            os.symlink(original, path)
        else:
            _clone(original, path, like)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise Refusal("other_filesystem", "the kept file is on another file system") from error
        if error.errno in (*_UNSUPPORTED, errno.EPERM, errno.EMLINK):
            raise Refusal("unsupported", f"this file system can make no {method} here") from error
        raise


def _clone(original: str, path: str, like: os.stat_result) -> None:
    import fcntl  # not everywhere

    try:
        with open(original, "rb") as source, open(path, "xb") as target:
            fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
            os.fchmod(target.fileno(), stat.S_IMODE(like.st_mode))
        os.utime(path, ns=(like.st_atime_ns, like.st_mtime_ns))
    except FileExistsError:
        raise
    except OSError:
        with suppress(OSError):
            os.unlink(path)
        raise


def drop_link(path: str) -> bool:
    """Remove a link of ours whose bytes have another name; False: it may be the last, and stays."""
    found = os.lstat(path)
    if not stat.S_ISLNK(found.st_mode) and found.st_nlink < 2:
        return False
    os.unlink(path)
    return True


def remove_for_good(path: str) -> None:
    """Remove a file that lay in a quarantine, or what a trash says of one that came back."""
    os.unlink(path)


def copy_new(source: str, target: str) -> None:
    """Copy a file to another file system, whole or not at all; a file at target is never replaced.

    Raises:
        FileExistsError: there is one.
        OSError: it failed.
    """
    temporary = os.path.join(os.path.dirname(target), f".lookalike-{os.getpid()}.tmp")
    try:
        with open(source, "rb") as old, open(temporary, "xb") as new:
            shutil.copyfileobj(old, new, 1 << 20)
            new.flush()
            os.fsync(new.fileno())
        shutil.copystat(source, temporary)
        move_new(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def make_folders(path: str, top_mode: int = 0o777) -> None:
    """Make a folder and what is missing above it."""
    os.makedirs(path, top_mode, exist_ok=True)


def remove_empty_folders(path: str, above: str) -> None:
    """Remove a folder and those above it, as long as they are empty, up to and with `above`."""
    with suppress(OSError):
        while path == above or path.startswith(os.path.join(above, "")):
            os.rmdir(path)
            path = os.path.dirname(path)


def sync_folders(*folders: str) -> None:
    """Make sure that a rename in these folders outlasts a power loss, as far as the system can."""
    for folder in dict.fromkeys(folders):
        with suppress(OSError):
            sync_folder(folder)
