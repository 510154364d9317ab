"""The few ways in which a file of the user is touched, each in one step and none over another file.

The only module that renames, links or removes what is not our own.
"""

import ctypes
import errno
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class At:
    """A name in a folder that is held open. path: what it is called. folder: None: by its path alone."""

    path: str
    folder: int | None = None

    @property
    def name(self) -> str:
        """What to call it beside the descriptor of its folder."""
        return self.path if self.folder is None else os.path.basename(self.path)


def at(place: str | At) -> At:
    """Return a place that may be given by its path."""
    return At(place) if isinstance(place, str) else place


def is_there(place: At) -> bool:
    """Tell whether there is anything, a link that leads nowhere included."""
    try:
        os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
    except OSError:
        return False
    return True


def move_new(source: str | At, target: str | At) -> None:
    """Rename a file within its file system; a file at target is never replaced.

    Raises:
        FileExistsError: there is one.
        OSError: as os.rename; EXDEV for another file system: nothing is ever copied and removed.
    """
    source, target = at(source), at(target)
    if _rename(source, target, _NO_REPLACE):
        return
    if is_there(target):  # a moment's gap, where the system has no better way
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target.path)
    os.rename(source.name, target.name, src_dir_fd=source.folder, dst_dir_fd=target.folder)


def exchange(a: str | At, b: str | At) -> bool:
    """Exchange two names of one file system in one step; False: this cannot be done here."""
    return _rename(at(a), at(b), _EXCHANGE)


def _rename(source: At, target: At, flags: int) -> bool:
    """Rename by the system's own call; False where it has none."""
    call = _renameat2()
    if call is None:
        return False
    places = (
        (_HERE if each.folder is None else each.folder, os.fsencode(each.name)) for each in (source, target)
    )
    if call(*(part for place in places for part in place), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), source.path, None, target.path)


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


def link_to(method: str, original: str, place: str | At, like: os.stat_result) -> None:
    """Make at a place, where nothing is, something that shows the bytes of original.

    method: "hardlink", "symlink" or "reflink". like: the file whose place it takes; a reflink gets its
    times and permissions.

    Raises:
        Refusal: the file system cannot do it.
        OSError: it failed; nothing is left of it.
    """
    place = at(place)
    try:
        if method == "hardlink":
            os.link(original, place.name, dst_dir_fd=place.folder, follow_symlinks=False)
        elif method == "symlink":
            os.symlink(original, place.name, dir_fd=place.folder)
        else:
            _clone(original, place, like)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise Refusal("other_filesystem", "the kept file is on another file system") from error
        if error.errno in (*_UNSUPPORTED, errno.EPERM, errno.EMLINK):
            raise Refusal("unsupported", f"this file system can make no {method} here") from error
        raise


def _clone(original: str, place: At, like: os.stat_result) -> None:
    import fcntl  # not everywhere

    try:
        with open(original, "rb") as source, open(new_file(place), "wb") as target:
            fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
            os.fchmod(target.fileno(), stat.S_IMODE(like.st_mode))
            os.utime(target.fileno(), ns=(like.st_atime_ns, like.st_mtime_ns))
    except FileExistsError:
        raise
    except OSError:
        with suppress(OSError):
            remove_for_good(place)
        raise


def new_file(place: At) -> int:
    """Make a file of this user's alone, where nothing is, and return its descriptor, to be written to.

    Raises:
        FileExistsError: there is something.
        OSError: it cannot be made.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    return os.open(place.name, flags, 0o600, dir_fd=place.folder)


def drop_link(place: At) -> bool:
    """Remove a link of ours whose bytes have another name; False: it may be the last, and stays."""
    found = os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode) and found.st_nlink < 2:
        return False
    os.unlink(place.name, dir_fd=place.folder)
    return True


def remove_for_good(place: str | At) -> None:
    """Remove a file that lay in a quarantine, or what a trash says of one that came back."""
    place = at(place)
    os.unlink(place.name, dir_fd=place.folder)


def copy_new(source: str | At, target: str | At) -> None:
    """Copy a file to another file system, whole or not at all; a file at target is never replaced.

    Raises:
        FileExistsError: there is one.
        OSError: it failed.
    """
    source, target = at(source), at(target)
    temporary = _beside(target, ".tmp")
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        with (
            open(os.open(source.name, flags, dir_fd=source.folder), "rb") as old,
            open(new_file(temporary), "wb") as new,
        ):
            shutil.copyfileobj(old, new, 1 << 20)
            new.flush()
            shutil.copystat(old.fileno(), new.fileno())  # type: ignore[arg-type]  # all it calls take these
            os.fsync(new.fileno())
            made = os.fstat(new.fileno())
        found = os.stat(temporary.name, dir_fd=temporary.folder, follow_symlinks=False)
        if not os.path.samestat(made, found):
            raise OSError(errno.ESTALE, "somebody put another file in its place", temporary.path)
        move_new(temporary, target)
    except BaseException:
        with suppress(OSError):
            remove_for_good(temporary)
        raise


def _beside(place: At, ending: str = "") -> At:
    """Return a name that nobody has, in the folder of a place."""
    name = f".lookalike-{secrets.token_hex(8)}{ending}"
    return At(os.path.join(os.path.dirname(place.path), name), place.folder)


def make_folders(path: str, top_mode: int = 0o777) -> None:
    """Make a folder and what is missing above it."""
    os.makedirs(path, top_mode, exist_ok=True)


def make_folder(place: At, mode: int) -> bool:
    """Make a folder; False: there is something of its name."""
    try:
        os.mkdir(place.name, mode, dir_fd=place.folder)
    except FileExistsError:
        return False
    return True


def custom_in(place: At) -> tuple[int, bool]:
    """Return the owner of new files beside a place, and whether they keep the mode they are made with.

    A file is made to find out, and removed.
    """
    new = _beside(place)
    descriptor = new_file(new)
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
        remove_for_good(new)
    return found.st_uid, stat.S_IMODE(found.st_mode) == 0o600


def remove_folder(place: At) -> None:
    """Remove a folder if it is empty.

    Raises:
        OSError: it is not, or cannot be removed.
    """
    os.rmdir(place.name, dir_fd=place.folder)


def remove_empty_folders(top: str) -> None:
    """Remove what is empty of the folders below one; no link is followed."""
    if hasattr(os, "fwalk"):
        for folder, names, _, descriptor in os.fwalk(top, topdown=False):
            _remove_folders(At(os.path.join(folder, name), descriptor) for name in names)
    else:
        for folder, names, _ in os.walk(top, topdown=False):
            _remove_folders(At(os.path.join(folder, name)) for name in names)


def _remove_folders(places: Iterable[At]) -> None:
    for place in places:
        with suppress(OSError):
            remove_folder(place)


def sync_folders(*folders: str) -> None:
    """Make sure that a rename in these folders outlasts a power loss, as far as the system can."""
    for folder in dict.fromkeys(folders):
        with suppress(OSError):
            sync_folder(folder)


def write_over(path: str, data: bytes | None, before: bytes | None, mode: int = 0o600) -> None:
    """Make a small file say something else, in one step, if it says what it is thought to.

    data, before: None: no file. mode: of a new file.

    Raises:
        Refusal: it says something else, or is no file; it stays as it is.
        OSError: it failed; nothing was done.
    """
    temporary = os.path.join(os.path.dirname(path), f".lookalike-{secrets.token_hex(8)}.tmp")
    made = None if data is None else _write_new(temporary, data, path if before is not None else None, mode)
    try:
        if before is None:
            move_new(temporary, path)
            return
        if made is None:
            move_new(path, temporary)
        elif not exchange(temporary, path):
            if not says(path, before):  # a moment's gap, where the system has no better way
                raise Refusal("changed", "it changed since")
            os.replace(temporary, path)
            return
        if not says(temporary, before):
            if made is None:
                move_new(temporary, path)
            else:
                exchange(temporary, path)
            raise Refusal("changed", "it changed since")
    except FileExistsError:
        raise Refusal("changed", "there is one by now") from None
    finally:
        if (made is not None and _is(temporary, made)) or (before is not None and says(temporary, before)):
            os.unlink(temporary)
        sync_folders(os.path.dirname(path))


def _write_new(path: str, data: bytes, like: str | None, mode: int) -> os.stat_result:
    if like is not None:
        mode = stat.S_IMODE(os.lstat(like).st_mode)
    with open(new_file(At(path)), "wb") as out:
        try:
            out.write(data)
            out.flush()
            if hasattr(os, "fchmod"):
                os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        except OSError:
            os.unlink(path)
            raise
        return os.fstat(out.fileno())


def _is(path: str, found: os.stat_result) -> bool:
    with suppress(OSError):
        return os.path.samestat(os.lstat(path), found)
    return False


def says(path: str, data: bytes) -> bool:
    """Tell whether a file holds exactly these bytes; a link, or what cannot be read, does not."""
    with suppress(OSError):
        return read_small(path, len(data)) == data
    return False


def read_small(path: str, most: int) -> bytes:
    """Return the bytes of a file, no link, of which it has at most so many, and one more if there are.

    Raises:
        OSError: it cannot be read, or is no file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as source:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no file", path)
        return source.read(most + 1)
