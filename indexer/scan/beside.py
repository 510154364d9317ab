"""Which XMP sidecars lie beside which photos, by the listing of a folder; none is opened."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

import xxhash

from ...store.records import FileStat

_ENDING = b".xmp"

# Changes with what is read of sidecars: those that were read by an older rule are read again.
_RULE = 1

Entry = os.DirEntry[bytes]


class Sidecars(NamedTuple):
    """The sidecars of a photo: their names, and a number that is another one when any of them changed.

    names: in the same folder, the one whose word counts last: "a.xmp", then "a.jpg.xmp". state: positive.
    """

    names: tuple[bytes, ...]
    state: int


class Beside:
    """The sidecars in a folder.

    stat: returns the stat of an entry, None for one that is no sidecar: no file, or excluded.
    """

    def __init__(self, entries: Iterable[Entry], stat: Callable[[Entry], os.stat_result | None]) -> None:
        self._stat = stat
        self._by_owner: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry.name[-4:].lower() == _ENDING:
                self._by_owner[_spelling(entry.name[:-4])].append(entry)

    def of(self, name: bytes) -> Sidecars | None:
        """Return the sidecars of a photo of the folder, None where it has none."""
        if not self._by_owner:
            return None
        whole = _spelling(name)
        near = [*self._by_owner.get(os.path.splitext(whole)[0], ()), *self._by_owner.get(whole, ())]
        found = [(entry.name, stat) for entry in near if (stat := self._stat(entry)) is not None]
        return Sidecars(tuple(name for name, _ in found), _state(found)) if found else None


def _spelling(name: bytes) -> str:
    """Return what all spellings of a name have in common: macOS takes accents apart, cameras shout."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", os.fsdecode(name)).casefold())


def _state(found: Iterable[tuple[bytes, os.stat_result]]) -> int:
    told = [_RULE, *((name, FileStat.of(b"", stat)) for name, stat in found)]
    # 63 bits are what SQLite keeps of a number.
    return (xxhash.xxh3_64_intdigest(repr(told).encode()) >> 1) or 1
