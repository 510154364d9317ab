"""The folders of a library: are they there, what is missing, taking out what is gone: `library.folders`."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from ..errors import Refusal, UsageError
from ..store.absence import (
    Fates,
    Forgotten,
    Missing,
    Purge,
    count_purgeable,
    fated_rows,
    forget,
    forgettable,
    missing_files,
    purge_missing,
    purgeable,
)
from ..store.catalog.folders import RootTotals, all_roots, totals_by_root
from ..store.catalog.photos import photos_of
from ..store.filters.where import ALL, Where, rel_below
from ..store.names import AnyPath, listed, real_path
from ..store.store import Store
from .bitrot import Reread, reread
from .drives.drives import State, relocated_folders, state_of, traces_of

# Where a file that is absent is gone: what a plan did not meet in an object store, it did list.
_KNOWN_WHOLE = ("online", "remote")


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """A folder of the library as it is now. totals: what is known of it.

    state: "online", "away", "empty", "other drive", or "suspect": fewer than half of its photos are there;
    "remote" in an object store, which is not asked.
    fates: how many of its absent files `apply` took, by what became of them; see `Fates`.
    """

    totals: RootTotals
    state: State
    fates: Mapping[str, int] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """How many files are not there, and nobody said so."""
        return self.totals.missing - sum(self.fates.values())

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

    fates: returns what became of the files that `apply` took.
    """

    def __init__(self, store: Store, fates: Callable[[], Fates]) -> None:
        self.store = store
        self._fates = fates

    def is_away(self, path: str) -> bool:
        """Tell whether photos of the library lie below a folder, and the drive that they are on is away."""
        folder = os.fsencode(real_path(path))
        with self.store.reading() as view:
            roots = [root for root in all_roots(view) if rel_below(folder, root.path) is not None]
            known = next(iter(photos_of(view, Where(folders=(folder,)))), None)
        states = [state_of(root.path, root.drive, traces_of(self.store, root)) for root in roots]
        return known is not None and all(state in ("away", "empty", "other drive") for state in states)

    def status(self, fates: Fates | None = None) -> list[FolderStatus]:
        """Return the folders of the library, each looked at now. fates: if they are known already."""
        with self.store.reading() as view:
            totals = totals_by_root(view)
            # Most libraries miss nothing, and long journals take their time.
            is_complete = not any(each.missing for each in totals)
            rows = () if is_complete else fated_rows(view, fates or self._fates())
            counts: dict[int, Counter[str]] = defaultdict(Counter)
            for _, root_id, fate in rows:
                counts[root_id][fate] += 1
        return [
            FolderStatus(
                each,
                state_of(each.root.path, each.root.drive, traces_of(self.store, each.root)),
                counts[each.root.id],
            )
            for each in totals
        ]

    def relocated(self) -> list[tuple[str, str]]:
        """Return the folders that are not there while their files lie in another one: both paths."""
        return relocated_folders(self.store)

    def missing(self, folders: AnyPath | Sequence[AnyPath] = ()) -> list[Missing]:
        """Return the files that are absent, at or below any of the folders (none: all), by path.

        Not those that `apply` moved.

        Raises:
            UsageError: a folder is not in the library.
        """
        return [each for each in self.absent(folders) if each.fate == "missing"]

    def absent(self, folders: AnyPath | Sequence[AnyPath] = ()) -> list[Missing]:
        """Return the files that are absent, those that `apply` moved included, by path.

        Raises:
            UsageError: a folder is not in the library.
        """
        with self.store.reading() as view:
            found = list(missing_files(view, _real(folders)))
        fates = self._fates() if found else Fates()
        pairs = ((each, fates.fate(each.path, each.digest)) for each in found)
        return [replace(each, fate=fate, to=to) for each, (fate, to) in pairs]

    def preview_forget(self, folders: AnyPath | Sequence[AnyPath]) -> list[Forgotten]:
        """Return what `forget` would take out of the library.

        Raises:
            UsageError: a folder is not in the library.
        """
        with self.store.reading() as view:
            found = forgettable(view, _real(folders))
        return [replace(each, missing=self._missing_of(each)) for each in found]

    def _missing_of(self, folder: Forgotten) -> int:
        return len(self.missing([folder.path])) if folder.missing else 0

    def forget(self, folders: AnyPath | Sequence[AnyPath]) -> list[Forgotten]:
        """Take folders, or parts of them, out of the library; photos and decisions stay as they are.

        The library must be open for writing. What is known of the contents stays until a purge.

        Raises:
            UsageError: a folder is not in the library.
            StoreLocked: an index run is under way.
        """
        missing = {each.path: each.missing for each in self.preview_forget(folders)}
        found = forget(self.store, _real(folders))
        return [replace(each, missing=missing.get(each.path, each.missing)) for each in found]

    def preview_purge(self, missing_for: timedelta, folders: AnyPath | Sequence[AnyPath] = ()) -> Purged:
        """Return what `purge` would take out of the library."""
        purge, spared = self._purge(missing_for, folders)
        with self.store.reading() as view:
            return Purged(list(purgeable(view, purge)), count_purgeable(view, purge), spared)

    def purge(self, missing_for: timedelta, folders: AnyPath | Sequence[AnyPath] = ()) -> Purged:
        """Take out files that have been missing for at least missing_for, and contents that no file holds.

        The library must be open for writing. The user's decisions stay, and so do files and contents that
        still lie where `apply` put them. Of folders that are not online nothing is taken.

        Raises:
            UsageError: a folder is not in the library.
            Refusal: a journal cannot be read; what it moved could be taken for missing.
            StoreLocked: an index run is under way.
        """
        purge, spared = self._purge(missing_for, folders)
        return Purged(*purge_missing(self.store, purge), spared)

    def _purge(
        self, missing_for: timedelta, folders: AnyPath | Sequence[AnyPath]
    ) -> tuple[Purge, list[FolderStatus]]:
        """Return what to purge, and the folders to spare although they have something to lose."""
        until = (datetime.now(UTC) - missing_for).isoformat(timespec="seconds")
        fates = self._fates()
        for trouble in fates.unread:
            raise Refusal(
                "damaged",
                "nothing is purged, as a journal cannot be read, and what it moved may come back: "
                f"{trouble} (mend that, or move it out of the store)",
            )
        roots = self.status(fates)
        online = tuple(each.totals.root for each in roots if each.state in _KNOWN_WHOLE)
        away = tuple(each.totals.root for each in roots if each.state not in _KNOWN_WHOLE)
        with self.store.reading() as view:
            # A file that can still come back does so to its row.
            moved = [key for key, _, fate in fated_rows(view, fates) if fate == "moved"]
            purge = Purge(until, tuple(_real(folders)), online, fates.contents, moved)
            others = [file.path for file in purgeable(view, replace(purge, roots=away))]
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


def _real(folders: AnyPath | Sequence[AnyPath]) -> list[bytes]:
    return [real_path(os.fsencode(folder)) for folder in listed(folders)]


def _is_in(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))
