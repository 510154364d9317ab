"""Films, and other files that nobody can look into: whether the library's folders have the same bytes."""

import filecmp
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

from ...indexer.scan.unread import unread_kind
from ...indexer.scan.walk import Scan, join
from ...store.catalog.folders import all_roots
from ...store.catalog.photos import file_errors
from ...store.filters.where import Where
from ...store.names import is_below, is_remote, real_path
from ...store.progress import Watch
from ...store.store import Store
from .matches import Checked


class _Stopped(Exception):
    """Somebody wants the run to end early; what was listed so far lacks some."""


class SameBytes:
    """Adds to a file that could not be compared those of the same bytes; the library is listed once.

    where: only below its folders. names: what is checked, and may be cleared: nothing below counts.
    """

    def __init__(self, store: Store, where: Where, names: Sequence[str], watch: Watch) -> None:
        self._store, self._where, self._watch = store, where, watch
        self._cleared = [real_path(name) for name in names]

    def __call__(self, checked: Iterable[Checked]) -> Iterator[Checked]:
        """Yield them with what was found; as they are if they were compared."""
        for each in checked:
            if each.error is None and each.is_compared:
                yield each
                continue
            with suppress(_Stopped):
                yield replace(each, same_bytes=tuple(self._found(each.path)))

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
        scans = (Scan(folder, only=self._is_unread) for folder in folders if not is_remote(folder))
        return {os.fsdecode(join(scan.root, file.rel)): file.size for scan in scans for file in scan}

    def _is_unread(self, name: bytes) -> bool:
        if self._watch.is_stopped:
            raise _Stopped
        return bool(unread_kind(name))

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
