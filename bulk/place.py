"""A place for files: a folder of this machine, or one in an object store ("s3://bucket/prefix")."""

import contextlib
import errno
import os
import re
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import StoreUnwritable
from ..store.files import discard, replaced, sync_file, sync_folder, temporary_beside
from ..store.names import is_remote
from ..store.records import FileStat

# What `replaced` calls a file that is not whole yet: a crash may leave it, and nobody is told of it.
_UNFINISHED = ".tmp"
_LEFT = re.compile(r".+\.[0-9a-f]{16}\.(tmp|new)", re.ASCII)
# The largest files are parts of an index: nobody writes one for so long.
_STALE_S = 86_400.0
# File systems without a second name for a file: FAT, some network drives.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
# Others of the same house read it too, on other machines: as far as their umask lets them.
_MODE = 0o666


@dataclass(frozen=True)
class Place(ABC):
    """A folder on disk or in an object store; small, and may be pickled.

    url: "s3://bucket/prefix", or the absolute path of a folder. Names may have slashes. Nothing is ever
    half written: a name leads to what was there before, or to the whole of what came after.

    All raise FileNotFoundError for a name that is not there, and:
        UsageError: the object store refuses: no credentials, no such bucket, no permission.
        RootOffline: the object store does not answer, for as long as `bulk.objects.PATIENCE_S`.
        StoreUnwritable: the disk is full, or the folder may not be read or written to.
    """

    url: str

    @staticmethod
    def of(url: str) -> "Place":
        """Return the place with a URL or a path; nothing is asked of it yet.

        Raises:
            UsageError: a package is missing, or nothing reads this kind of URL.
        """
        url = url.removeprefix("file://")
        if not is_remote(url):
            return Folder(os.path.abspath(url))
        return _far[0](url.rstrip("/"))

    def at(self, *names: str) -> "Place":
        """Return the place with these names below this one."""
        return type(self)("/".join([self.url.rstrip("/"), *names]))

    @property
    def path(self) -> str | None:
        """The path of a folder of this machine; None in an object store."""
        return None

    @property
    def is_local(self) -> bool:
        """Tell whether it is a folder of this machine, as far as paths tell: network drives are."""
        return self.path is not None

    @abstractmethod
    def names(self, prefix: str = "") -> list[str]:
        """Return the names directly below, of files and of folders, that begin with prefix, sorted.

        None where the place is not there yet.
        """

    @abstractmethod
    def files(self, prefix: str = "", refuse: Callable[[str], object] | None = None) -> Iterator[FileStat]:
        """Yield the files at any depth, as `FileStat` below this place, sorted by their names as bytes.

        prefix: how their names begin. refuse: is told of each whose name cannot be a path, which only
        happens in object stores.
        """

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Tell whether a file has this name."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return what a file holds."""

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """Open a file for reading: of a large one, only what is asked for comes."""

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Make a file, or put another in its place; folders above it are made."""

    @abstractmethod
    def create(self, name: str, data: bytes) -> bool:
        """Make a file where none is; tell whether this made it. Of several that try, one does."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    @abstractmethod
    def fetch(self, name: str, to_path: str) -> None:
        """Copy a file from here to a path of this machine, whole or not at all."""

    @abstractmethod
    def put_file(self, from_path: str, name: str) -> None:
        """Copy a file of this machine here, as `write` does."""


# What makes places of URLs: it knows networks, and this module does not.
_far: list[Callable[[str], Place]] = []


def far_places_by(make: Callable[[str], Place]) -> None:
    """Have the places of URLs made by a function."""
    _far[:] = [make]


def sweep(folder: str) -> None:
    """Remove files below a folder that a crash left half written, a day ago or longer."""
    for above, _, names in os.walk(folder):
        for path in (os.path.join(above, name) for name in names if _LEFT.fullmatch(name)):
            with contextlib.suppress(OSError):
                if time.time() - os.lstat(path).st_mtime > _STALE_S:
                    discard(path)


def list_files(
    place: Place, prefix: str = "", refuse: Callable[[str], object] | None = None
) -> Iterator[FileStat]:
    """Yield the files of a place at any depth; see `Place.files`."""
    return place.files(prefix, refuse)


class Folder(Place):
    """A folder of this machine."""

    @property
    def path(self) -> str:
        """The folder itself."""
        return self.url

    def names(self, prefix: str = "") -> list[str]:
        """See `Place`."""
        try:
            with _plain_errors(self.url):
                found = os.listdir(self.url)
        except FileNotFoundError:
            return []
        return sorted(name for name in found if name.startswith(prefix) and not name.endswith(_UNFINISHED))

    def files(self, prefix: str = "", refuse: object = None) -> Iterator[FileStat]:  # noqa: ARG002
        """See `Place`; links to folders are not followed."""
        root = os.fsencode(self.url)
        found = (
            os.path.relpath(os.path.join(folder, name), root)
            for folder, _, names in os.walk(root)
            for name in names
        )
        for rel in sorted(found):
            if rel.startswith(os.fsencode(prefix)) and not rel.endswith(os.fsencode(_UNFINISHED)):
                with contextlib.suppress(FileNotFoundError):
                    yield FileStat.of(rel, os.stat(os.path.join(root, rel)))

    def exists(self, name: str) -> bool:
        """See `Place`."""
        return os.path.isfile(self._at(name))

    def read(self, name: str) -> bytes:
        """See `Place`."""
        with _plain_errors(self._at(name)), open(self._at(name), "rb") as source:
            return source.read()

    def open(self, name: str) -> BinaryIO:
        """See `Place`."""
        with _plain_errors(self._at(name)):
            return open(self._at(name), "rb")

    def write(self, name: str, data: bytes) -> None:
        """See `Place`."""
        path = self._at(name)
        with _plain_errors(path), _replaced(path) as out:
            out.write(data)

    def create(self, name: str, data: bytes) -> bool:
        """See `Place`; where no file can have two names, of several that try at once the last one wins."""
        path = self._at(name)
        with _plain_errors(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with temporary_beside(path, _MODE) as made:
                with open(made, "wb") as out:
                    out.write(data)
                sync_file(made)
                is_ours = _take_name(made, path)
            sync_folder(os.path.dirname(path))
        return is_ours

    def remove(self, name: str) -> None:
        """See `Place`."""
        discard(self._at(name))

    def fetch(self, name: str, to_path: str) -> None:
        """See `Place`."""
        with _plain_errors(to_path), open(self._at(name), "rb") as source, _replaced(to_path) as out:
            shutil.copyfileobj(source, out)

    def put_file(self, from_path: str, name: str) -> None:
        """See `Place`."""
        path = self._at(name)
        with _plain_errors(path), open(from_path, "rb") as source, _replaced(path) as out:
            shutil.copyfileobj(source, out)

    def _at(self, name: str) -> str:
        return os.path.join(self.url, name)


@contextlib.contextmanager
def _replaced(path: str) -> Iterator[BinaryIO]:
    """Give a file to fill that takes the place of path, in a folder that is made if need be."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with replaced(path, _MODE) as out:
        yield out


def _take_name(made: str, path: str) -> bool:
    """Name a file path unless another has that name; tell whether it was done."""
    try:
        os.link(made, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):
            return False
        os.replace(made, path)
    return True


@contextlib.contextmanager
def _plain_errors(path: str) -> Iterator[None]:
    """Say of a folder that lets nothing be read or written which it is, and why."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreUnwritable(f"cannot use {path}: {error.strerror or error}") from error
