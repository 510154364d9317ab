"""Backups are no duplicates: what is kept twice on purpose, on another drive or in a mirrored folder."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...store.catalog.folders import RootTotals, mirrored, totals_by_root
from ...store.catalog.photos import PhotoFile
from ...store.filters.where import rel_below
from ...store.view import View

# A folder of the library nearly all of whose photos lie in another one under the same names is its backup.
_MIRRORED = 0.9
_FEWEST = 3
# Two cards of one camera name different photos alike.
_SAME = 0.5
_ASKED = 100


@dataclass(frozen=True, slots=True)
class Backups:
    """roots: paths of the library's folders. mirrors: of these, pairs of a mirror and what it mirrors."""

    roots: tuple[bytes, ...] = ()
    mirrors: frozenset[tuple[bytes, bytes]] = field(default_factory=frozenset)

    def are_apart(self, kept: PhotoFile, other: PhotoFile) -> str:
        """Return why one file is no duplicate of the other: "on another drive", "in a backup"; "" if it is.

        Nothing in a mirror is one: what goes there alone comes back with the next run of whatever mirrors.
        """
        if kept.dev != other.dev:
            return "on another drive"
        if not self.mirrors:
            return ""
        pair = self._root(kept.path), self._root(other.path)
        return "in a backup" if pair in self.mirrors or self.is_in_mirror(other.path) else ""

    def is_in_mirror(self, path: str) -> bool:
        """Tell whether a file lies in a folder of the library that mirrors another one."""
        return bool(self.mirrors) and self._root(path) in {mirror for mirror, _ in self.mirrors}

    def _root(self, path: str) -> bytes:
        """Return the innermost folder of the library that a file lies in."""
        inside = [root for root in self.roots if rel_below(os.fsencode(path), root) is not None]
        return max(inside, key=len, default=b"")


NO_BACKUPS = Backups()


def backups(view: View) -> Backups:
    """Find the folders of the library that mirror each other."""
    roots = totals_by_root(view)
    paths = tuple(each.root.path for each in roots)
    return Backups(paths, _mirrors(view, roots) if len(roots) > 1 else frozenset())


def _mirrors(view: View, roots: Sequence[RootTotals]) -> frozenset[tuple[bytes, bytes]]:
    found = set()
    for pair in itertools.combinations(roots, 2):
        # Of two that hold the same the one that came to the library later is the mirror.
        small, large = sorted(pair, key=lambda each: (each.files, -each.root.id))
        asked, named, same = mirrored(view, small.root, large.root, _ASKED)
        if named >= max(_FEWEST, _MIRRORED * asked) and same >= _SAME * named:
            found.add((small.root.path, large.root.path))
    return frozenset(found)
