"""Where the pictures of a data set come from: folders, and prefixes in object stores."""

import errno
import os
import stat
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..errors import UsageError
from ..indexer.scan.places import check_asked
from ..indexer.scan.walk import Scan, ScanOptions, join
from ..store.names import is_remote
from ..store.records import FileStat
from .place import Place


def source_of(name: str) -> bytes:
    """Return what a source is called: the real path of a folder, or a URL without a slash at its end.

    Raises:
        UsageError: it lies in a place of nobody's photos, or is a file.
    """
    if is_remote(name):
        return os.fsencode(name.rstrip("/"))
    path = os.path.realpath(os.fsencode(name))
    check_asked([path])
    if os.path.isfile(path):
        raise UsageError(f"{name} is a file; a data set is planned of folders: name the one it is in")
    return path


def scan_of(root: bytes, options: ScanOptions, below: bytes, avoid: Iterable[bytes]) -> Scan:
    """Return a walk over a source, or over what is below a path in it. avoid: see `Scan`."""
    kind = _ObjectScan if is_remote(root) else Scan
    return kind(root, options, below=below, avoid=avoid)


class _ObjectScan(Scan):
    """A walk over the listing of an object store, as if its prefixes were folders."""

    def _stat(self, rel: bytes) -> os.stat_result:
        self._entries: dict[bytes, dict[bytes, _Entry]] = defaultdict(dict)
        for file in Place.of(os.fsdecode(join(self.root, rel))).files(refuse=self._refuse):
            self._enter(replace(file, rel=join(rel, file.rel)))
        if not self._entries:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return _Found(stat.S_IFDIR)  # type: ignore[return-value]  # what a walk asks of a stat

    def _refuse(self, name: str) -> None:
        self._problem(
            join(self.below, os.fsencode(name)), "bad_name", "its key is no path below the source"
        )

    def _enter(self, file: FileStat) -> None:
        """Note a file in its folder, and each folder in the one above."""
        folder, _, name = file.rel.rpartition(b"/")
        self._entries[folder][name] = _Entry(name, file)
        while folder != self.below:
            above, _, name = folder.rpartition(b"/")
            if name in self._entries[above]:
                return
            self._entries[above][name] = _Entry(name, None)
            folder = above

    def _list(self, rel: bytes) -> list[os.DirEntry[bytes]]:
        found = self._entries.pop(rel, {})
        return [found[name] for name in sorted(found)]  # type: ignore[misc]  # what a walk asks of entries


@dataclass(frozen=True, slots=True)
class _Found:
    """What a walk reads of a stat."""

    st_mode: int
    st_size: int = 0
    st_mtime_ns: int = 0
    st_ctime_ns: int = 0
    st_dev: int = 0
    st_ino: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    """An object, or a prefix of some, as an entry of a folder. file: None of a prefix."""

    name: bytes
    file: FileStat | None

    def is_file(self, **_: bool) -> bool:
        return self.file is not None

    def is_dir(self, **_: bool) -> bool:
        return self.file is None

    def is_symlink(self) -> bool:
        return False

    def stat(self, **_: bool) -> _Found:
        if self.file is None:
            return _Found(stat.S_IFDIR)
        file = self.file
        return _Found(stat.S_IFREG, file.size, file.mtime_ns, file.ctime_ns, file.dev, file.ino)
