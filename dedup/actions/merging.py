"""What leaving files say and kept ones do not goes into the sidecars of these, before anything moves."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...errors import Refusal
from ...store.catalog.contents import ids_of
from ...store.catalog.holdings import holdings_of
from ...store.view import View
from ..packets import MOST_BYTES, Fields, fields_of, in_words, is_plain, lacking
from .moves import read_small
from .outcome import MERGE, Outcome
from .sidecars import Change, Sidecars
from .units import Removal, Unit
from .writes import Write, is_sidecar


class Merging:
    """Merges what the files of units say.

    said: by digest (blake3 in hex), what contents say themselves. sidecars: None where nothing is merged.
    """

    def __init__(self, said: Mapping[str, Fields], sidecars: Sidecars | None) -> None:
        self._said = said
        self._merged: dict[int, Fields] = {}
        self._sidecars = sidecars

    def changes(self, unit: Unit) -> Iterator[tuple[Removal, Change, dict[str, Any]]]:
        """Yield how the sidecars of kept files are to change, and what is added.

        Each is to be written before the next one is asked for, as both may be of one sidecar.

        Raises:
            Refusal: it cannot be merged, or nobody knows what they say: nothing of the unit must be moved.
        """
        if self._sidecars is None:
            return
        for removal in unit.removals:
            more = lacking(self._ours(removal, self._sidecars), list(self._theirs(removal)))
            change = self._sidecars.change(removal.keeper.path, more) if more else None
            if change is not None:
                yield removal, change, more

    def write(self, unit: Unit) -> tuple[list[Write], list[Outcome]]:
        """Write into the sidecars of the kept files, all that is needed or nothing.

        Raises:
            Refusal: see `changes`.
            StoreUnwritable: the journal cannot be written.
        """
        writes, outcomes = list[Write](), list[Outcome]()
        try:
            for removal, change, more in self.changes(unit):
                assert self._sidecars is not None
                writes.append(self._sidecars.write(change, removal.path))
                self._merged[writes[-1].number] = more
                outcomes.append(outcome_of_merge(change, "done", more))
        except BaseException:
            self.take_back(writes)
            raise
        return writes, outcomes

    def take_back(self, writes: Iterable[Write]) -> None:
        """Make sidecars what they were."""
        if self._sidecars is not None:
            self._sidecars.take_back(writes)

    def check(self, writes: Iterable[Write]) -> None:
        """Check that sidecars say what was merged into them; later merges add to it.

        Raises:
            Refusal: one does not; somebody else wrote to it.
        """
        for write in writes:
            now = [fields_of(_read(write.path))]
            if lacking(now, [self._merged[write.number]]):
                name = os.path.basename(write.path)
                raise Refusal("changed", f"{name} changed while files were moved")

    def _ours(self, removal: Removal, sidecars: Sidecars) -> list[Fields]:
        own = self._of(removal, removal.keeper.digest)
        return [own, *(fields_of(_read(path)) for path in sidecars.beside(removal.keeper.path))]

    def _theirs(self, removal: Removal) -> Iterator[Fields]:
        file = removal.member.file
        yield self._of(removal, file.digest)
        for companion in file.companions:
            if not is_sidecar(companion.path):
                continue
            data = _read(companion.path)
            if is_plain(data):
                yield fields_of(data)
            elif removal.member.merge and not _is_beside(data, removal):
                name = os.path.basename(companion.path)
                raise Refusal("metadata", f"{name} says more than can be merged")

    def _of(self, removal: Removal, digest: str) -> Fields:
        if removal.member.file.digest == removal.keeper.digest:
            return {}  # both say the same
        if digest not in self._said:
            raise Refusal("unknown", "what it says is not known yet; run `lookalike index`")
        return self._said[digest]


def said_by(view: View, removals: Iterable[Removal]) -> dict[str, Fields]:
    """Return what the contents of removals and of their keepers say, by digest, of those that are known."""
    digests = {file.digest for each in removals for file in (each.member.file, each.keeper)}
    ids = {digest.hex(): key for digest, key in ids_of(view, list(map(bytes.fromhex, digests))).items()}
    held = holdings_of(view, sorted(ids.values()))
    return {digest: held[key].fields for digest, key in ids.items() if key in held}


def outcome_of_merge(change: Change, state: str, more: Fields, run: str = "") -> Outcome:
    """Return what becomes of a sidecar."""
    return Outcome(
        state, change.path, "sidecar", 0, MERGE, keeper=change.photo, reason=in_words(more), run=run
    )


def _read(path: str) -> bytes:
    try:
        return read_small(path, MOST_BYTES)
    except OSError as error:
        name = os.path.basename(path)
        raise Refusal("unreadable", f"{name} cannot be read: {error.strerror}") from error


def _is_beside(data: bytes, removal: Removal) -> bool:
    """Tell whether the kept file has the same sidecar."""
    beside = (each.path for each in removal.keeper.companions if is_sidecar(each.path))
    return any(_read(path) == data for path in beside)
