"""Backups are no duplicates: what is kept twice on purpose, on another drive or in a mirrored folder."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass

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
# What is larger than this many times an older folder that lies in it is no mirror of that.
_GROWN = 2


@dataclass(frozen=True, slots=True)
class Backups:
    """roots: paths of the library's folders. mirrors: those of them that mirror another one."""

    roots: tuple[bytes, ...] = ()
    mirrors: frozenset[bytes] = frozenset()

    def are_apart(self, kept: PhotoFile, other: PhotoFile) -> str:
        """Return why one file is no duplicate of the other: "on another drive", "in a backup"; "" if it is.

        Nothing in a mirror is one: what goes there alone comes back with the next run of whatever mirrors.
        Nor is anything beside a file that is kept there: the next run may remove that one.
        """
        if kept.dev != other.dev:
            return "on another drive"
        return "in a backup" if self.is_in_mirror(kept.path) or self.is_in_mirror(other.path) else ""

    def is_in_mirror(self, path: str) -> bool:
        """Tell whether a file lies in a folder of the library that mirrors another one."""
        return bool(self.mirrors) and self._root(path) in self.mirrors

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


def _mirrors(view: View, roots: Sequence[RootTotals]) -> frozenset[bytes]:
    by_age = sorted(roots, key=lambda each: each.root.id)
    found = (_mirror(view, *pair) for pair in itertools.combinations(by_age, 2))
    return frozenset(each.root.path for each in found if each)


def _mirror(view: View, first: RootTotals, second: RootTotals) -> RootTotals | None:
    """Return which of two folders mirrors the other one, the second if both may: it came later."""
    if _lies_in(view, second, first):
        return second
    if not _lies_in(view, first, second):
        return None
    # A mirror may still have what was deleted since; where that were most of it, the first is but a part.
    return second if second.files <= _GROWN * first.files else first


def _lies_in(view: View, some: RootTotals, other: RootTotals) -> bool:
    if _MIRRORED * some.files > other.files:
        return False
    asked, named, same = mirrored(view, some.root, other.root, _ASKED)
    return named >= max(_FEWEST, _MIRRORED * asked) and same >= _SAME * named
