"""The care of a library: is it whole, bring it back, back it up. A part of `Library`."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .store.catalog.photos import photos_in

if TYPE_CHECKING:  # the heavy modules load when they are first needed
    from .indexer.bitrot import Reread
    from .store.care.backup import Backup
    from .store.care.compact import Compacted
    from .store.care.repair import Repaired
    from .store.store import Store

Folder = str | os.PathLike[str]


class CareOfLibrary:
    """The methods of `Library` that look after its store. Those on a folder work on damaged stores, too."""

    if TYPE_CHECKING:
        store: Store

    def backup(self, path: Folder, *, thumbnails: bool = False) -> "Backup":
        """Write all that the store knows into one file, while others may go on writing to the store.

        Raises:
            UsageError: there is something at path that is no backup.
            StoreUnwritable: there is no room for it.
        """
        from .store.care.backup import backup

        return backup(self.store, os.fspath(path), thumbnails=thumbnails)

    def reread(self, share: float = 1.0) -> "Iterator[Reread]":
        """Read a share of the files, in (0, 1], again, and compare them with what was indexed.

        Raises:
            UsageError: the share is out of range.
        """
        from .errors import UsageError
        from .indexer.bitrot import reread
        from .store.filters.where import ALL

        if not 0 < share <= 1:
            raise UsageError(
                f"a sample is more than 0 % and up to 100 % of the files, not {share * 100:g} %"
            )
        with self.store.reading() as view:
            yield from reread(photos_in(view, ALL), share)

    @staticmethod
    def damage(folder: Folder) -> list[str]:
        """Say what is wrong with the store in folder, as sentences; [] when it is whole."""
        from .store.care.repair import damage_of

        return damage_of(os.fspath(folder))

    @staticmethod
    def repair(folder: Folder, *, lock_timeout_s: float = 10) -> "Repaired":
        """Bring the damaged store in folder back, see `store.repair`; nothing that can be read is lost."""
        from .store.care.repair import repair

        return repair(os.fspath(folder), lock_timeout_s)

    @staticmethod
    def read_backup(path: Folder) -> "Backup":
        """Return what a backup says of itself after a look at every byte; see `store.backup`."""
        from .store.care.backup import read_backup

        return read_backup(os.fspath(path))

    @staticmethod
    def restore(path: Folder, folder: Folder, *, lock_timeout_s: float = 10) -> str | None:
        """Put a backup in the place of the store in folder; return where the old catalog is kept."""
        from .store.care.backup import restore

        return restore(os.fspath(path), os.fspath(folder), lock_timeout_s)

    @staticmethod
    def compact(folder: Folder, *, lock_timeout_s: float = 10) -> "Compacted":
        """Give back the room that the store in folder no longer needs."""
        from .store.care.compact import compact

        return compact(os.fspath(folder), lock_timeout_s)

    @staticmethod
    def allow_network_store() -> None:
        """Let new stores of this process lie on network drives, at the user's own risk."""
        from .store.place import allow_network

        allow_network()
