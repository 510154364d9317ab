"""Which contents need no decoding: asked for every file that is read, from all workers."""

from collections.abc import Collection, Iterable

from ..store.catalog.contents import all_digests
from ..store.store import Store

_PREFIX = 3  # bytes: 16 M places, 16 MB; at a million photos 6 % of new ones are asked for in vain


class KnownContents:
    """Tells whether a content is in the store, or in the batch that is committed next.

    incomplete: contents that lack something, such as a thumbnail. They count as not known: decoding them
    again is how they get it.

    Most photos of a first run are new: their digests are looked up in a table of prefixes first, and
    only a hit asks the catalog.
    """

    def __init__(self, store: Store, incomplete: Collection[bytes] = ()) -> None:
        self._store = store
        self._waiting: set[bytes] = set()
        self._bare = set(incomplete)
        self._prefixes = bytearray(1 << 8 * _PREFIX)
        with store.reading() as view:
            self._mark(all_digests(view))

    def __contains__(self, digest: object) -> bool:
        assert isinstance(digest, bytes)
        if not self._prefixes[_place(digest)]:
            return False
        if digest in self._waiting:
            return True
        if digest in self._bare:
            return False
        return self._store.knows(digest)

    def expect(self, digests: Iterable[bytes]) -> None:
        """Count contents as known that will be in the next commit."""
        fresh = set(digests)
        self._waiting |= fresh
        self._bare -= fresh
        self._mark(fresh)

    def committed(self) -> None:
        """Note that everything expected is in the store now."""
        self._waiting.clear()

    def _mark(self, digests: Iterable[bytes]) -> None:
        for digest in digests:
            self._prefixes[_place(digest)] = 1


def _place(digest: bytes) -> int:
    return int.from_bytes(digest[:_PREFIX], "big")
