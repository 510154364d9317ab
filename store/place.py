"""Where a store lies: its file system, the room on it, and whether others carry it about."""

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import StoreUnwritable, UsageError

MOUNTS = "/proc/self/mountinfo"
_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "afs", "ceph", "glusterfs"),
        *("fuse.sshfs", "fuse.rclone", "fuse.glusterfs", "fuse.s3fs", "fuse.davfs2", "davfs", "ncpfs"),
    }
)
_SYNCED = ("dropbox", "onedrive", "icloud", "mobile documents", "google drive", "nextcloud", "syncthing")
_ALLOW = "LOOKALIKE_ALLOW_NETWORK_STORE"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder's file system. kind: as the kernel calls it, "" where that is unknown. free: bytes."""

    folder: str
    kind: str
    free: int

    @property
    def is_network(self) -> bool:
        """Whether another machine may change the files, and locks and shared memory may not hold."""
        return self.kind in _NETWORK

    @property
    def syncer(self) -> str | None:
        """The word in the path that tells of a program that copies the folder elsewhere."""
        parts = self.folder.lower().split(os.sep)
        return next((word for word in _SYNCED for part in parts if part.startswith(word)), None)


def place_of(folder: str, mounts: str | None = None) -> Place:
    """Look at where a folder lies, or will lie. mounts: the text of mountinfo, None: ask the kernel."""
    there = os.path.realpath(folder)
    while not os.path.isdir(there) and there != os.path.dirname(there):
        there = os.path.dirname(there)
    text = read_mounts() if mounts is None else mounts
    return Place(os.path.abspath(folder), mount_of(os.path.realpath(folder), text).kind, _free(there))


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system. kind: as the kernel calls it. source: its device, or a name.

    point: where it is mounted. root: which of its own folders is seen there, "/" but for bind mounts.
    """

    kind: str = ""
    source: str = ""
    point: str = ""
    root: str = "/"

    def holds(self, path: str) -> bool:
        """Tell whether a path leads to it, or to a mount that hides a part of it."""
        return path == self.point or path.startswith(self.point.rstrip("/") + "/")

    def own_path(self, path: str) -> str:
        """Return what a path that it holds is on the file system itself."""
        return self.root.rstrip("/") + "/" + path[len(self.point) :].lstrip("/")


def mounts_in(text: str) -> list[Mount]:
    """Return the mounts in the text of mountinfo; those that hide others come after them."""
    found = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) >= 5 and right:
            kind, source, *_ = (*map(_plain, right.split(" ")[:2]), "")
            found.append(Mount(kind, source, point=_plain(fields[4]), root=_plain(fields[3])))
    return found


def holder_of(path: str, mounts: Iterable[Mount]) -> Mount | None:
    """Return the mount that a path leads to: of those with the longest point the last."""
    best = None
    for mount in mounts:
        if mount.holds(path) and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def mount_of(path: str, mounts: str) -> Mount:
    """Return the mount that holds path; an empty one when the text of mountinfo does not tell."""
    return holder_of(path, mounts_in(mounts)) or Mount()


def _plain(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), field)


def read_mounts(file: str = MOUNTS) -> str:
    """Return the kernel's table of mounts, "" where there is none."""
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as source:
            return source.read()
    except OSError:
        return ""


def _free(folder: str) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def is_network_allowed() -> bool:
    """Tell whether the user takes the risk of a store on a network drive."""
    return os.environ.get(_ALLOW, "") not in ("", "0")


def allow_network() -> None:
    """Take that risk for this process and those that it starts."""
    os.environ[_ALLOW] = "1"


def check_new(folder: str) -> None:
    """Check that a new store may be made in folder.

    Raises:
        StoreUnwritable: it lies on a network drive, and that was not allowed.
    """
    place = place_of(folder)
    if place.is_network and not is_network_allowed():
        raise StoreUnwritable(
            f"{folder} lies on a network drive ({place.kind}), where a database can be damaged; choose a "
            "folder on this machine for the store (the photos may lie anywhere), or take the risk: "
            "`allow_network_store=True`"
        )


# What lies in the folder of a store, and where data, settings and cache of a program share one folder.
_OWN = re.compile(
    r"(catalog|thumbs)\.db.*|index(-.*\.faiss|\.json)(\..*)?|.*\.lock|journals|review\.json"
    r"|config\.toml|Cache|lost\+found|\..*|.*\.tmp",
    re.DOTALL,
)


def check_unused(folder: str) -> None:
    """Check that a store may be made in folder: a new or empty one, or one that shows signs of a store.

    Raises:
        UsageError: other files lie there.
    """
    names = os.listdir(folder) if os.path.isdir(folder) else []
    others = sorted(name for name in names if not _OWN.fullmatch(name))
    if others and not {"catalog.db", "thumbs.db", "journals"} & {*names}:
        raise UsageError(
            f"{folder} holds other files, {others[0]} for one, and a store takes a folder of its own: "
            "name a new or an empty one for it"
        )


def need_room(folder: str, needed: int, task: str) -> None:
    """Check that so many bytes are free where folder lies.

    Raises:
        StoreUnwritable: they are not.
    """
    free = place_of(folder).free
    if free < needed:
        raise StoreUnwritable(
            f"{task} needs {needed:,} bytes in {folder}, only {free:,} are free; free some space first"
        )
