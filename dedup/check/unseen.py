"""Films, and other files that nobody can look into: whether the library's folders have the same bytes."""

import filecmp
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

from ...indexer.scan.unread import unread_kind
from ...indexer.scan.walk import Scan, ScanOptions, join
from ...store.catalog.folders import all_roots
from ...store.catalog.photos import file_errors
from ...store.filters.where import Where
from ...store.names import is_below, is_remote, real_path
from ...store.store import Store
from .matches import Checked


class SameBytes:
    """Adds to a file that could not be compared those of the same bytes; the library is listed once.

    where: only below its folders. names: what is checked, and may be cleared: nothing below counts.
    """

    def __init__(self, store: Store, where: Where, names: Sequence[str]) -> None:
        self._store, self._where = store, where
        self._cleared = [real_path(name) for name in names]

    def __call__(self, checked: Checked) -> Checked:
        """Return it with what was found; as it is if it was compared."""
        if checked.error is None and checked.is_compared:
            return checked
        return replace(checked, same_bytes=tuple(self._found(checked.path)))

    def _found(self, path: str) -> Iterator[str]:
        with suppress(OSError):  # nothing is known of a file that cannot be read
            for other in self._by_size.get(os.stat(path).st_size, ()):
                if not os.path.samefile(path, other) and filecmp.cmp(path, other, shallow=False):
                    yield other

    @cached_property
    def _by_size(self) -> Mapping[int, Sequence[str]]:
        found = defaultdict[int, list[str]](list)
        for path, size in {**self._unread(), **self._failed()}.items():
            if not is_below(path, self._cleared):
                found[size].append(path)
        return found

    def _unread(self) -> dict[str, int]:
        """Return the sizes of the files that an index run does not look into."""
        with self._store.reading() as view:
            folders = self._where.folders or [root.path for root in all_roots(view)]
        scans = (Scan(folder, ScanOptions(all_files=True)) for folder in folders if not is_remote(folder))
        return {
            os.fsdecode(join(scan.root, file.rel)): file.size
            for scan in scans
            for file in scan
            if unread_kind(file.rel)
        }

    def _failed(self) -> dict[str, int]:
        """Return the sizes of the files that it could not read."""
        folders = [os.fsdecode(folder) for folder in self._where.folders]
        with self._store.reading() as view:
            paths = [each.path for each in file_errors(view)]
        found = {}
        for path in paths:
            with suppress(OSError):
                if not folders or is_below(path, folders):
                    found[path] = os.stat(path).st_size
        return found
