"""Whether what is kept for a file would outlast it: it must be another file, in a place that is kept.

One file may be seen by two ways: through FUSE, an overlay, or a NAS by two protocols. Then it has two
devices, but one time of modification and one of change; a move by the one way changes the latter by both.
"""

import os
import time
from collections.abc import Collection

from ...errors import Refusal
from ...indexer.scan.places import Ways
from ...store.place import holder_of, mounts_in, read_mounts
from .moves import At, at
from .witness import digest_of, look

# Here no file has two inodes, whichever way it is seen.
_PLAIN = frozenset(
    {
        *("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "bcachefs", "f2fs", "jfs", "nilfs2", "reiserfs"),
        *("vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "hfs", "hfsplus", "apfs", "udf", "iso9660"),
        *("tmpfs", "ramfs", "squashfs", "erofs"),
    }
)
# These tell the time of change as it is. "": the system has no table of mounts.
_TRUTHFUL = frozenset({"", "overlay", "nfs", "nfs4", "fuse.mergerfs"})
# These are asked anew at each look; of others what was seen lately may be remembered for so long.
_ASKED = ("overlay", "nfs", "fuse")
_REMEMBERED_S = 1.5
# In which steps file systems count time, in ns: FAT, SFTP, exFAT, JavaScript, databases, SMB, Linux.
_STEPS = (2_000_000_000, 1_000_000_000, 10_000_000, 1_000_000, 1_000, 100)

Inode = tuple[int, int]


class Survivors:
    """Tells whether files outlast others. set_aside: (device, inode) of what lies in quarantines."""

    def __init__(self, set_aside: Collection[Inode] = ()) -> None:
        self._set_aside = set_aside
        self._ways = Ways()
        self._kinds: dict[str, str] = {}
        self._waited: set[tuple[int, int]] = set()
        self._moved: dict[tuple[int, int], Refusal | None] = {}

    def check(self, place: str | At, kept: str, *, same_bytes: bool) -> None:
        """Check that a file which stays is another one than that at a place, and lies where files are kept.

        same_bytes: their contents are equal; files with others are two.

        Raises:
            Refusal: it is not, or that cannot be told, or nothing of these two devices is moved any more.
        """
        found, stays, path = look(place), look(kept), at(place).path
        if inode_of(found) == inode_of(stays):
            raise Refusal("same_file", f"it is the same file as {kept}, which is kept")
        if inode_of(stays) in self._set_aside or self._ways.nobodys(kept):
            raise Refusal("nobodys", f"{kept}, which is kept, lies in a quarantine, a trash or the like")
        why = self._moved.get(_devices(path, kept))
        if why is not None:
            raise why
        if same_bytes and found.st_dev != stays.st_dev:
            self._check_ways(path, kept)

    def check_moved(self, to: str, kept: str, *, same_bytes: bool) -> None:
        """Check that a file which stays did not go with the one that lies at `to` now.

        Of two devices the first such file is read. Where one went, no more is moved of these two.

        Raises:
            Refusal: it did, or that cannot be told.
        """
        if all(self._kind(each) in _PLAIN for each in (to, kept)):
            return
        devices = _devices(to, kept)
        try:
            if devices not in self._moved:
                self._moved[devices] = None
                digest_of(kept)
            self.check(to, kept, same_bytes=same_bytes)
        except Refusal as why:
            if why.code == "gone":
                why = Refusal("same_file", f"{kept}, which is kept, went with it: {_ONE_FILE}")
            if why.code in ("same_file", "two_ways"):
                self._moved[devices] = why
            raise why from None

    def _check_ways(self, path: str, kept: str) -> None:
        """Check that two files of two devices are not one file seen by two ways.

        Raises:
            Refusal: they are, or that cannot be told.
        """
        kinds = [self._kind(each) for each in (path, kept)]
        if all(kind in _PLAIN for kind in kinds):
            return
        self._wait(path, kept, kinds)
        looks = [look(each) for each in (path, kept)]
        if not _agree(*(each.st_mtime_ns for each in looks)):
            return
        if _agree(*(each.st_ctime_ns for each in looks)):
            raise Refusal("same_file", f"it and {kept}, which is kept, are {_ONE_FILE}")
        for kind, each in zip(kinds, looks, strict=True):
            if kind not in _PLAIN | _TRUTHFUL and _tells_no_change(each):
                raise Refusal(
                    "two_ways",
                    f"it cannot be told whether {kept}, which is kept, is another file or this one, seen "
                    f"through {kind}; {_HELP}",
                )

    def _kind(self, path: str) -> str:
        """Return the file system of a file as the kernel calls it, "" where it does not tell."""
        folder = os.path.dirname(path)
        if folder not in self._kinds:
            mount = holder_of(os.path.realpath(folder), mounts_in(read_mounts()))
            self._kinds[folder] = mount.kind if mount else ""
        return self._kinds[folder]

    def _wait(self, path: str, kept: str, kinds: list[str]) -> None:
        """Wait, once for two devices, until what was seen lately is forgotten."""
        devices = _devices(path, kept)
        if devices not in self._waited:
            self._waited.add(devices)
            if not all(kind in _PLAIN or kind.startswith(_ASKED) for kind in kinds):
                time.sleep(_REMEMBERED_S)


_BRANCHES = "user.mergerfs.allpaths"
_HELP = "unmount one of the two, or take it out of the library (`forget`)"
_ONE_FILE = f"one file seen by two ways; {_HELP}"


def check_single(path: str) -> None:
    """Check that a path names one file: in a pool of drives it may name one on each, and all would go.

    mergerfs tells by an attribute where it has files of that path.

    Raises:
        Refusal: it names several.
    """
    try:
        branches = os.getxattr(path, _BRANCHES, follow_symlinks=False)
    except (OSError, AttributeError):  # no pool, or a system that has no such attributes
        return
    found = [os.fsdecode(each) for each in branches.split(b"\0") if each]
    if len(found) > 1:
        raise Refusal(
            "two_ways",
            f"its path stands for {len(found)} files of the pool, which may differ: {', '.join(found)}; "
            "give them different names, or index the drives and not the pool",
        )


def inode_of(found: os.stat_result) -> Inode:
    """Return by what a file is known on this machine."""
    return found.st_dev, found.st_ino


def _devices(a: str, b: str) -> tuple[int, int]:
    """Return the devices of two files' folders; overlays give files of one folder several."""
    first, second = (os.stat(os.path.dirname(path)).st_dev for path in (a, b))
    return first, second


def _agree(a: int, b: int) -> bool:
    """Tell whether two times are one as far as the coarser of their file systems counts. a, b: in ns."""
    step = next((step for step in _STEPS if not a % step or not b % step), 1)
    return abs(a - b) < step


def _tells_no_change(found: os.stat_result) -> bool:
    """Tell whether the time of change may be made up: there is none, or it is that of the modification."""
    return not found.st_ctime_ns or _agree(found.st_ctime_ns, found.st_mtime_ns)
