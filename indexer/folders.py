"""The folders of a library: are they there, what is missing, taking out what is gone: `library.folders`."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..errors import UsageError
from ..store.absence import (
    Forgotten,
    Missing,
    Purge,
    count_purgeable,
    forget,
    forgettable,
    missing_files,
    purge_missing,
    purgeable,
)
from ..store.catalog.folders import RootTotals, totals_by_root
from ..store.catalog.photos import photos_of
from ..store.filters.where import ALL
from ..store.store import Store
from .bitrot import Reread, reread
from .drives.drives import State, state_of, traces_of


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """A folder of the library as it is now. totals: what is known of it.

    state: "online", "away", "empty", "other drive", or "suspect": fewer than half of its photos are there.
    """

    totals: RootTotals
    state: State

    @property
    def path(self) -> str:
        """Its absolute path."""
        return os.fsdecode(self.totals.root.path)


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge takes, or took, out of the library.

    files: rows of absent files. photos: how many contents that no file holds. spared: folders of which
    nothing is taken, because they are not online.
    """

    files: list[Missing]
    photos: int
    spared: list[FolderStatus]


class Folders:
    """The folders of a library, and the files that are missing there.

    set_aside: returns the contents that were moved out of them and can still come back.
    """

    def __init__(self, store: Store, set_aside: Callable[[], frozenset[bytes]]) -> None:
        self.store = store
        self._set_aside = set_aside

    def status(self) -> list[FolderStatus]:
        """Return the folders of the library, each looked at now."""
        with self.store.reading() as view:
            totals = totals_by_root(view)
        return [
            FolderStatus(each, state_of(each.root.path, each.root.drive, traces_of(self.store, each.root)))
            for each in totals
        ]

    def missing(self, folders: Sequence[str | os.PathLike[str]] = ()) -> list[Missing]:
        """Return the files that are absent, at or below any of the folders (none: all), by path.

        Raises:
            UsageError: a folder is not in the library.
        """
        with self.store.reading() as view:
            return list(missing_files(view, _real(folders)))

    def preview_forget(self, folders: Sequence[str | os.PathLike[str]]) -> list[Forgotten]:
        """Return what `forget` would take out of the library.

        Raises:
            UsageError: a folder is not in the library.
        """
        with self.store.reading() as view:
            return forgettable(view, _real(folders))

    def forget(self, folders: Sequence[str | os.PathLike[str]]) -> list[Forgotten]:
        """Take folders, or parts of them, out of the library; photos and decisions stay as they are.

        The library must be open for writing. What is known of the contents stays until a purge.

        Raises:
            UsageError: a folder is not in the library.
            StoreLocked: an index run is under way.
        """
        return forget(self.store, _real(folders))

    def preview_purge(
        self, missing_for: timedelta, folders: Sequence[str | os.PathLike[str]] = ()
    ) -> Purged:
        """Return what `purge` would take out of the library."""
        purge, spared = self._purge(missing_for, folders)
        with self.store.reading() as view:
            return Purged(list(purgeable(view, purge)), count_purgeable(view, purge), spared)

    def purge(self, missing_for: timedelta, folders: Sequence[str | os.PathLike[str]] = ()) -> Purged:
        """Take out files that have been missing for at least missing_for, and contents that no file holds.

        The library must be open for writing. The user's decisions stay, and so do contents that still lie
        where `apply` put them. Of folders that are not online nothing is taken.

        Raises:
            UsageError: a folder is not in the library.
            StoreLocked: an index run is under way.
        """
        purge, spared = self._purge(missing_for, folders)
        return Purged(*purge_missing(self.store, purge), spared)

    def _purge(
        self, missing_for: timedelta, folders: Sequence[str | os.PathLike[str]]
    ) -> tuple[Purge, list[FolderStatus]]:
        """Return what to purge, and the folders to spare although they have something to lose."""
        until = (datetime.now(UTC) - missing_for).isoformat(timespec="seconds")
        roots = self.status()
        online = tuple(each.totals.root for each in roots if each.state == "online")
        away = tuple(each.totals.root for each in roots if each.state != "online")
        purge = Purge(until, tuple(_real(folders)), online, self._set_aside())
        with self.store.reading() as view:
            others = [file.path for file in purgeable(view, Purge(until, purge.folders, away))]
        spared = [each for each in roots if any(_is_in(path, each.path) for path in others)]
        return purge, spared

    def reread(self, share: float = 1.0) -> Iterator[Reread]:
        """Read a share of the files, in (0, 1], again, and compare them with what was indexed.

        Raises:
            UsageError: the share is out of range.
        """
        if not 0 < share <= 1:
            raise UsageError(
                f"a sample is more than 0 % and up to 100 % of the files, not {share * 100:g} %"
            )
        with self.store.reading() as view:
            yield from reread(photos_of(view, ALL), share)


def _real(folders: Sequence[str | os.PathLike[str]]) -> list[bytes]:
    return [os.path.realpath(os.fsencode(folder)) for folder in folders]


def _is_in(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))
