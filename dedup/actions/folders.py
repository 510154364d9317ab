"""Folders that are held open: what is done in them is done there, whatever their names lead to by then."""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from ...errors import Refusal
from ...store.names import is_below
from . import moves
from .moves import At

_HAS_DESCRIPTORS = {os.open, os.mkdir, os.rename, os.stat, os.unlink} <= os.supports_dir_fd
_PLAIN = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0)
_NO_LINK = _PLAIN | getattr(os, "O_NOFOLLOW", 0)
_OTHERS_WRITE = 0o022
_ROOT = 0
_ELSEWHERE = "name another place by `quarantine=DIR` (with `method=quarantine`)"

# The owner that files made here get, and whether they keep the mode that they are made with.
Custom = Callable[[], tuple[int, bool]]


class Held:
    """Open folders, each opened once; use it as a context manager. Without descriptors, names must do."""

    def __init__(self) -> None:
        """Hold none yet."""
        self._open: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def at(self, path: str) -> At:
        """Return a name in its folder, which is opened by whatever way leads there.

        Raises:
            OSError: it cannot be opened.
        """
        return At(path, self._opened(os.path.dirname(path)))

    def _opened(self, folder: str) -> int | None:
        if _HAS_DESCRIPTORS and folder not in self._open:
            self._open[folder] = os.open(folder, _PLAIN)
        return self._open.get(folder)

    def below(self, top: str, path: str, *, make: bool = False) -> At:
        """Return a name in its folder, to which no link leads. make: folders that lack are made.

        top: a folder above it, which is opened by whatever way leads there.

        Raises:
            OSError: a folder cannot be opened or made; see `is_of_link`.
        """
        self._opened(folder := top)
        for name in os.path.relpath(os.path.dirname(path), top).split(os.sep):
            if name != os.curdir:
                folder = os.path.join(folder, name)
                self.make(folder, 0o777) if make else self._enter(folder)
        return At(os.path.join(folder, os.path.basename(path)), self._open.get(folder))

    def make(self, path: str, mode: int = 0o700) -> bool:
        """Open a folder, made if need be, which is no link; True: it was made.

        Raises:
            OSError: it cannot be made or opened; see `is_of_link`.
        """
        is_new = path not in self._open and moves.make_folder(self.at(path), mode)
        self._enter(path)
        return is_new

    def _enter(self, path: str) -> None:
        place = self.at(path)
        if place.folder is None:
            if os.path.islink(path):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        elif path not in self._open:
            self._open[path] = os.open(place.name, _NO_LINK, dir_fd=place.folder)

    def tidy(self, folder: str, top: str) -> None:
        """Remove a folder and those above it, as long as they are empty, up to and with `top`."""
        with suppress(OSError):
            while is_below(folder, [top]):
                moves.remove_folder(self.at(folder))
                folder = os.path.dirname(folder)

    def make_own(self, path: str) -> bool:
        """Open a folder as `make` does that belongs to this user, and that nobody else writes into.

        Raises:
            OSError: it cannot be made or opened.
            Refusal: it is a link, another user's, or others can write into it.
        """
        place = self.at(path)
        try:
            is_new = self.make(path)
        except OSError as error:
            if is_of_link(error) and os.path.islink(path):
                raise _is_link(path) from error
            raise
        if place.folder is not None:
            _check_own(self.found(path), path, lambda: moves.custom_in(place))
        return is_new

    def found(self, path: str) -> os.stat_result:
        """Return the stat of a folder that is held."""
        return os.fstat(self._open[path]) if path in self._open else os.lstat(path)


def is_of_link(error: OSError) -> bool:
    """Tell whether a folder may not have been opened since a link has its name; else a file has."""
    return error.errno in (errno.ENOTDIR, errno.ELOOP)


def has_entries(folder: str) -> bool:
    """Tell whether a folder is there; an empty one is where a drive would be."""
    with suppress(OSError), os.scandir(folder) as entries:
        return next(entries, None) is not None
    return False


def check_as_it_is(path: str) -> None:
    """Check a folder as `Held.make_own` will, as far as can be told without writing; none is fine.

    Where owner and mode are those of the folder above, the file system may give the same to all.

    Raises:
        Refusal: it is a link, another user's, or others can write into it.
    """
    try:
        found, above = os.lstat(path), os.stat(os.path.dirname(path))
    except OSError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise _is_link(path)
    is_same = found.st_mode == above.st_mode
    if _HAS_DESCRIPTORS and stat.S_ISDIR(found.st_mode):
        _check_own(found, path, lambda: (above.st_uid, not is_same))


def _is_link(path: str) -> Refusal:
    return Refusal(
        "foreign", f"{path} is a link, perhaps to a stranger's folder; remove it, or {_ELSEWHERE}"
    )


def _check_own(found: os.stat_result, path: str, custom: Custom) -> None:
    """Check that a folder is as if this user had made it right now.

    Drives of other systems and shares of a NAS give owner and mode to all files alike, and tell nothing.
    """
    is_own, is_shared = found.st_uid in (os.geteuid(), _ROOT), bool(found.st_mode & _OTHERS_WRITE)
    if is_own and not is_shared:
        return
    owner, keeps_mode = custom()
    if not is_own and found.st_uid != owner:
        raise Refusal("foreign", f"{path} belongs to another user (number {found.st_uid}); {_ELSEWHERE}")
    if is_shared and keeps_mode:
        raise Refusal("foreign", f"others can write into {path}; `chmod go-w` it, or {_ELSEWHERE}")
