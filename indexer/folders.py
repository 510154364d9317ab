"""What a library does about its folders: are they there, what is missing, and taking out what is gone."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..store.absence import count_purgeable, forgettable, missing_files, purgeable
from ..store.catalog.folders import totals_by_root

if TYPE_CHECKING:  # the heavy modules load when they are first needed
    from ..store.absence import Forgotten, Missing, Purge
    from ..store.catalog.folders import RootTotals
    from ..store.store import Store
    from .drives.drives import State


@dataclass(frozen=True, slots=True)
class RootStatus:
    """A folder of the library as it is now. totals: what is known of it.

    state: "online", "away", "empty", "other drive", or "suspect": fewer than half of its photos are there.
    """

    totals: "RootTotals"
    state: "State"

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

    files: "list[Missing]"
    photos: int
    spared: list[RootStatus]


class RootsOfLibrary:
    """The methods of `Library` about its folders and about files that are missing."""

    if TYPE_CHECKING:
        store: Store

    def roots(self) -> list[RootStatus]:
        """Return the folders of the library, each looked at now."""
        from .drives.drives import state_of, traces_of

        with self.store.reading() as view:
            totals = totals_by_root(view)
        return [
            RootStatus(each, state_of(each.root.path, each.root.drive, traces_of(self.store, each.root)))
            for each in totals
        ]

    def missing(self, folders: Sequence[str | os.PathLike[str]] = ()) -> "list[Missing]":
        """Return the files that are absent, at or below any of the folders (none: all), by path.

        Raises:
            UsageError: a folder is not in the library.
        """
        with self.store.reading() as view:
            return list(missing_files(view, _real(folders)))

    def preview_forget(self, folders: Sequence[str | os.PathLike[str]]) -> "list[Forgotten]":
        """Return what `forget` would take out of the library.

        Raises:
            UsageError: a folder is not in the library.
        """
        with self.store.reading() as view:
            return forgettable(view, _real(folders))

    def forget(self, folders: Sequence[str | os.PathLike[str]]) -> "list[Forgotten]":
        """Take folders, or parts of them, out of the library; photos and decisions stay as they are.

        The library must be open for writing. What is known of the contents stays until a purge.

        Raises:
            UsageError: a folder is not in the library.
            StoreLocked: an index run is under way.
        """
        from ..store.absence import forget

        return forget(self.store, _real(folders))

    def preview_purge(
        self, missing_for: timedelta, folders: Sequence[str | os.PathLike[str]] = ()
    ) -> Purged:
        """Return what `purge` would take out of the library."""
        purge, spared = self._purge(missing_for, folders)
        with self.store.reading() as view:
            return Purged(list(purgeable(view, purge)), count_purgeable(view, purge), spared)

    def purge(self, missing_for: timedelta, folders: Sequence[str | os.PathLike[str]] = ()) -> Purged:
        """Take files out of the library that have been missing so long, and contents that no file holds.

        The library must be open for writing. The user's decisions stay, and so do contents that still lie
        where `apply` put them. Of folders that are not online nothing is taken.

        Raises:
            UsageError: a folder is not in the library.
            StoreLocked: an index run is under way.
        """
        from ..store.absence import purge_missing

        purge, spared = self._purge(missing_for, folders)
        return Purged(*purge_missing(self.store, purge), spared)

    def _purge(
        self, missing_for: timedelta, folders: Sequence[str | os.PathLike[str]]
    ) -> "tuple[Purge, list[RootStatus]]":
        """Return what to purge, and the folders to spare although they have something to lose."""
        from ..store.absence import Purge

        until = (datetime.now(UTC) - missing_for).isoformat(timespec="seconds")
        roots = self.roots()
        online = tuple(each.totals.root for each in roots if each.state == "online")
        away = tuple(each.totals.root for each in roots if each.state != "online")
        purge = Purge(until, tuple(_real(folders)), online, self._set_aside())
        with self.store.reading() as view:
            others = [file.path for file in purgeable(view, Purge(until, purge.folders, away))]
        spared = [each for each in roots if any(_is_in(path, each.path) for path in others)]
        return purge, spared

    def _set_aside(self) -> frozenset[bytes]:
        """Return the contents that `apply` put somewhere, from where they can still come back."""
        from ..dedup.actions.journal import journals

        acts = (act for record in journals(self.store.folder) for act in record.pending)
        return frozenset(bytes.fromhex(act.digest) for act in acts if os.path.lexists(act.to))


def _real(folders: Sequence[str | os.PathLike[str]]) -> list[bytes]:
    return [os.path.realpath(os.fsencode(folder)) for folder in folders]


def _is_in(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))
