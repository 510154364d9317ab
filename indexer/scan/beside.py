"""Which XMP sidecars lie beside which photos, by the listing of a folder; none is opened."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

import xxhash

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
        self._by_owner: dict[bytes, list[Entry]] = defaultdict(list)
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


def _spelling(name: bytes) -> bytes:
    """Return what all spellings of a name have in common: macOS takes accents apart, cameras shout."""
    if name.isascii():
        return name.lower()
    text = unicodedata.normalize("NFC", os.fsdecode(name)).casefold()
    return os.fsencode(unicodedata.normalize("NFC", text))


def _state(found: Iterable[tuple[bytes, os.stat_result]]) -> int:
    told = [(name, each.st_size, each.st_mtime_ns, each.st_ctime_ns, each.st_ino) for name, each in found]
    # SQLite keeps 64 bits with a sign.
    return (xxhash.xxh3_64_intdigest(repr((_RULE, told)).encode()) >> 1) or 1
