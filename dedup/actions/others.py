"""Which files are not what a run moved though they have its content: the library's own, and other runs'."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress

from ...store.catalog.contents import ids_of
from ...store.catalog.files import digests_at
from ...store.catalog.photos import photos_of
from ...store.store import Store
from .journal import Action, Record, journals
from .survivor import Inode, inode_of
from .trash import QUARANTINE


class Others:
    """The files that `undo` of a run must not take for what the run moved."""

    def __init__(self, store: Store, record: Record) -> None:
        self._store, self._record = store, record
        self._set_aside: set[Inode] | None = None

    def has(self, action: Action, place: str) -> bool:
        """Tell whether a file with the content of an action is the library's, a kept one, or another run's.

        A file is known by its inode and its real path, so that another name of a folder hides nothing.
        """
        real = os.path.realpath(place)
        if f"{os.sep}{QUARANTINE}{os.sep}" in real:
            return True
        kept = {path for each in self._record.actions for path in (each.keeper, each.same_as) if path}
        known, inodes = self._known(action)
        paths = kept | known
        if real in map(os.path.realpath, paths) or self._is_beside_a_photo(action, real):
            return True
        return inode_of(os.lstat(place)) in inodes | _inodes(paths) | self._of_other_runs()

    def _known(self, action: Action) -> tuple[set[str], set[Inode]]:
        """Return the paths and inodes at which the catalog has a content, without what the run moved."""
        own = {each.path for each in self._record.actions}
        with self._store.reading() as view:
            ids = list(ids_of(view, [bytes.fromhex(action.digest)]).values())
            files = [file for photo in photos_of(view, ids=ids) for file in photo.files]
        inodes = {(file.dev, file.ino) for file in files if file.path not in own}
        return {file.path for file in files}, inodes

    def _is_beside_a_photo(self, action: Action, real: str) -> bool:
        """Tell whether a companion lies beside a photo of the library that has its name."""
        if action.is_photo:
            return False
        folder, name = os.path.split(real)
        stem = name.partition(".")[0] + "."
        with self._store.reading() as view:
            near = [os.path.join(folder, each) for each in os.listdir(folder) if each.startswith(stem)]
            return any(map(os.path.lexists, digests_at(view, near)))

    def _of_other_runs(self) -> set[Inode]:
        if self._set_aside is None:
            records = (each for each in journals(self._store.folder) if each.name != self._record.name)
            self._set_aside = _inodes(action.to for each in records for action in each.pending)
        return self._set_aside


def _inodes(paths: Iterable[str]) -> set[Inode]:
    return set(_looks(paths))


def _looks(paths: Iterable[str]) -> Iterator[Inode]:
    for path in paths:
        with suppress(OSError):
            yield inode_of(os.lstat(path))
