"""Files that are written for the user: whole or not at all, and only over an older one of the same kind."""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import LookalikeError, OutputUnwritable, UsageError
from .files import replaced


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A kind of file of ours.

    what: its name in messages. is_ours: tells whether the file at a path is one; may raise OSError.
    suffixes: how names of such files end, in lower case; empty: in any way. mode: who may read it, less the
    umask. failure: the error where it cannot be written.
    """

    what: str
    is_ours: Callable[[str], bool]
    suffixes: tuple[str, ...] = ()
    mode: int = 0o666
    failure: type[LookalikeError] = OutputUnwritable

    def check(self, path: str) -> None:
        """Check that one may be written to path, before the work begins.

        Raises:
            UsageError: the name ends otherwise, there is no folder, or there is anything else at path.
        """
        if self.suffixes and not path.lower().endswith(self.suffixes):
            *others, last = self.suffixes
            endings = f"{', '.join(others)} or {last}" if others else last
            raise UsageError(f"the {self.what} goes into a file whose name ends in {endings}, not {path}")
        if _is_strangers_link(path):
            raise UsageError(f"{path} is a link of another user; choose another name for the {self.what}")
        if os.path.isdir(path):
            raise UsageError(f"{path} is a folder; name a file in it for the {self.what}")
        folder = os.path.dirname(os.path.realpath(path))
        if not _is_folder(folder):
            raise UsageError(f"there is no folder {folder} for the {self.what}; make it first")
        if os.path.lexists(path) and not self._is_one(path):
            raise UsageError(
                f"{path} is not a {self.what} of lookalike and is left unchanged; choose another name"
            )

    def _is_one(self, path: str) -> bool:
        try:
            # A pipe or a device might never answer.
            return stat.S_ISREG(os.stat(path).st_mode) and self.is_ours(path)
        except OSError:
            return False

    @contextlib.contextmanager
    def replaced(self, path: str) -> Iterator[BinaryIO]:
        """Give an empty file to fill; after the block it has taken the place of path.

        The file that a link points to is replaced, not the link, as whoever made the link expects.

        Raises:
            UsageError: see `check`, which looks again at the end.
            LookalikeError: it cannot be written; the kind is `failure`.
        """
        self.check(path)
        target = os.path.realpath(path)
        self.check(target)  # the link may lead elsewhere by now
        try:
            with replaced(target, self.mode) as out:
                yield out
                self.check(target)
        except OSError as error:
            reason = error.strerror or error
            raise self.failure(f"cannot write the {self.what} {path}: {reason}") from error


def _is_strangers_link(path: str) -> bool:
    """Tell whether there is a link that another user made: it would choose which file is replaced."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISLNK(found.st_mode) and os.name != "nt" and found.st_uid not in (os.geteuid(), 0)


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except PermissionError:  # whoever writes there is told
        return True
    except OSError:
        return False


def signed(sign: bytes, within: int) -> Callable[[str], bool]:
    """Return a test of files: whether a sign stands within so many bytes at the beginning."""

    def is_signed(path: str) -> bool:
        with open(path, "rb") as file:
            return sign in file.read(within)

    return is_signed
