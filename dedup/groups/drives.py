"""Backups are no duplicates: what is kept twice on purpose, on another drive or in a mirrored folder."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from ...store.catalog.folders import RootTotals, shared_files, totals_by_root
from ...store.catalog.photos import PhotoFile
from ...store.filters.where import rel_below
from ...store.view import View

# A folder of the library nearly all of whose photos lie in another one under the same names is its backup.
_MIRRORED = 0.9
_FEWEST = 3


@dataclass(frozen=True, slots=True)
class Backups:
    """roots: paths of the library's folders. mirrored: pairs of them that hold the same files."""

    roots: tuple[bytes, ...] = ()
    mirrored: frozenset[frozenset[bytes]] = field(default_factory=frozenset)

    def are_apart(self, kept: PhotoFile, other: PhotoFile) -> str:
        """Return why two files are a photo and its backup: "on another drive", "in a backup"; "" if not."""
        if kept.dev != other.dev:
            return "on another drive"
        if self.mirrored:
            pair = frozenset((self._root(kept.path), self._root(other.path)))
            if pair in self.mirrored:
                return "in a backup"
        return ""

    def _root(self, path: str) -> bytes:
        """Return the innermost folder of the library that a file lies in."""
        inside = [root for root in self.roots if rel_below(os.fsencode(path), root) is not None]
        return max(inside, key=len, default=b"")


NO_BACKUPS = Backups()


def backups(view: View) -> Backups:
    """Find the folders of the library that mirror each other."""
    roots = totals_by_root(view)
    paths = tuple(each.root.path for each in roots)
    return Backups(paths, _mirrored(view, roots) if len(roots) > 1 else frozenset())


def _mirrored(view: View, roots: Iterable[RootTotals]) -> frozenset[frozenset[bytes]]:
    by_id = {each.root.id: each for each in roots}
    return frozenset(
        frozenset((by_id[a].root.path, by_id[b].root.path))
        for (a, b), count in shared_files(view).items()
        if count >= max(_FEWEST, _MIRRORED * min(by_id[a].files, by_id[b].files))
    )
