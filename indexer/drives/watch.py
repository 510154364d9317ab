"""A watch over a folder from before its scan until its run is recorded: drives go away in the middle."""

import os
from collections.abc import Collection, Sequence

from ...store.records import FileResult, FileStat
from ..scan.walk import identity
from .drives import drive_of, fs_id_of, is_empty

# Where nothing could be read yet, so many failed reads in a row mean that nothing can be.
_IN_A_ROW = 20


class RootGone(Exception):
    """The drive of a root went away while its files were read."""


class Guard:
    """Watches over a root from before its scan until its run is recorded."""

    def __init__(self, folder: bytes) -> None:
        self._folder = folder
        self._before = identity(folder)
        self._device = _block_device(self._before)
        self._had_entries = _has_entries(folder)
        self.drive = drive_of(folder)
        self._devs: frozenset[int] = frozenset()
        self._failed = 0
        self._last_read: FileStat | None = None

    def expect(self, files: Collection[FileStat]) -> None:
        """Note which files are to be read."""
        self._devs = frozenset(file.dev for file in files)

    def is_gone(self) -> bool:
        """Tell whether the root is not what it was when this began."""
        now = identity(self._folder)
        if now is None or now != self._before or _has_entries(self._folder) != self._had_entries:
            return True
        if self._device is not None and not os.path.exists(self._device):
            return True  # pulled out: what the system still remembers can even be read
        return fs_id_of(self._folder) != self.drive.fs_id

    def check(self) -> None:
        """Make sure that the root is still there.

        Raises:
            RootGone: it is not.
        """
        if self.is_gone():
            raise RootGone

    def reachable(self, batch: Sequence[FileResult]) -> tuple[list[FileResult], bool]:
        """Return what may be recorded of a batch, and whether the root is gone.

        If it is, only what could be read counts, and from the drives that were scanned.
        """
        for result in batch:
            if result.failure is not None and result.failure.code == "read_error":
                self._failed += 1
            elif result.digest is not None:
                self._failed, self._last_read = 0, result.stat
        if not self.is_gone() and not self._is_dead():
            return list(batch), False
        kept = [each for each in batch if each.failure is None and each.stat.dev in self._devs]
        return kept, True

    def _is_dead(self) -> bool:
        """Tell whether reading fails now, also for a file that could be read before."""
        if self._failed and self._last_read is not None:
            return not _can_be_read(os.path.join(self._folder, self._last_read.rel))
        return self._failed >= _IN_A_ROW


def _has_entries(folder: bytes) -> bool:
    try:
        return not is_empty(folder)
    except OSError:
        return False


def _block_device(identity: tuple[int, int] | None) -> str | None:
    """Return where the system lists the disk of a folder, None if it does not."""
    if identity is None or not hasattr(os, "major"):
        return None
    path = f"/sys/dev/block/{os.major(identity[0])}:{os.minor(identity[0])}"
    return path if os.path.exists(path) else None


def _can_be_read(path: bytes) -> bool:
    """Tell whether the disk still gives the beginning of a file, not only the system's memory of it."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.read(descriptor, 4096)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, PermissionError):
        return True  # somebody was at this file; that says nothing of the drive
    except OSError:
        return False
    return True
