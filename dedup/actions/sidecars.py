"""Writing into the XMP sidecars of photos: which one it is, whether it may be touched, journaled first."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from blake3 import blake3

from ...errors import Refusal
from ...indexer.decode.sidecars import read_sidecars
from ...indexer.scan.places import Ways
from ...store.catalog.files import note_sidecars
from ...store.names import is_below, is_remote
from ...store.store import Store
from ..groups.companions import CompanionFinder, kind_beside
from ..packets import MOST_BYTES, merged
from .journal import Journal
from .moves import read_small, write_over
from .outcome import MERGE, Outcome
from .survivor import check_single
from .witness import look
from .writes import ENDING, Write, is_sidecar


@dataclass(frozen=True, slots=True)
class Change:
    """What a sidecar is to say. before: what it says; None: it is not there."""

    path: str
    photo: str
    before: bytes | None
    after: bytes


class Sidecars:
    """Writes into the sidecars of photos.

    protect: folders in which nothing may be touched. journal: gives the run's journal when needed.
    """

    def __init__(self, protect: Iterable[str], journal: Callable[[], Journal]) -> None:
        self._protected = [os.path.realpath(folder) for folder in protect]
        self._journal = journal
        self._ways = Ways()
        self._number = 0

    def said(self, photo: str) -> bytes | None:
        """Return what the sidecar of a photo says, None where it has none.

        Raises:
            Refusal: see `change`.
        """
        return _read(self._place(photo))

    def beside(self, photo: str) -> list[str]:
        """Return the paths of the sidecars that are a photo's own, also where none may be written to."""
        return [] if is_remote(photo) else [path for path, is_shared in _sidecars(photo) if not is_shared]

    def change(self, photo: str, more: Mapping[str, Any]) -> Change | None:
        """Return how the sidecar of a photo says more; None where it says that already.

        more: by the names of `Holdings.fields`.

        Raises:
            Refusal: it cannot, or must not be written to.
        """
        path = self._place(photo)
        before = _read(path)
        after = merged(before, more)
        return None if after == before else Change(path, photo, before, after)

    def write(self, change: Change, leaving: str = "") -> Write:
        """Write a sidecar, journaled first.

        Raises:
            Refusal: it changed, or cannot be written; it is as it was.
            StoreUnwritable: the journal cannot be written.
        """
        self._number += 1
        digest = blake3(change.after).hexdigest()
        size = len(change.after)
        write = Write(self._number, change.path, change.photo, leaving, change.before, digest, size)
        journal = self._journal()
        journal.intend_write(write)
        try:
            mode = stat.S_IMODE(look(change.photo).st_mode) & 0o666
            write_over(change.path, change.after, change.before, mode)
        except (OSError, Refusal) as error:
            journal.end_writes([write], "failed")
            if isinstance(error, Refusal):
                raise
            name = os.path.basename(change.path)
            raise Refusal("unwritable", f"{name} cannot be written: {error.strerror or error}") from error
        journal.end_writes([write], "done")
        return write

    def take_back(self, writes: Iterable[Write]) -> None:
        """Take writes back, the last one first; what somebody else changed since stays."""
        for write in reversed(list(writes)):
            with suppress(OSError, Refusal):
                write.take_back()
                self._journal().end_writes([write], "undone")

    def _place(self, photo: str) -> str:
        """Return where the sidecar of a photo is, or will be."""
        folder, name = os.path.split(photo)
        if is_remote(photo):
            raise Refusal("unsupported", f"{name} lies in an object store, where nothing is touched")
        if is_below(os.path.realpath(folder), self._protected):
            raise Refusal("protected", f"{name} is in a protected folder: its sidecar is not written to")
        if self._ways.is_others(photo):
            raise Refusal("other_program", f"{name} is in the library of another program")
        if self._ways.nobodys(photo):
            raise Refusal("nobodys", f"{name} lies among what is nobody's photo")
        found = list(_sidecars(photo))
        if len(found) > 1:
            names = " and ".join(os.path.basename(path) for path, _ in found)
            raise Refusal("companions", f"{name} has several sidecars: {names}")
        if found and found[0][1]:
            other = os.path.basename(found[0][0])
            raise Refusal("companions", f"the sidecar {other} belongs to another photo as well")
        return found[0][0] if found else f"{photo}{ENDING}"


def tell_of_sidecars(store: Store, outcomes: Iterable[Outcome]) -> None:
    """Record in the catalog what those sidecars say now that a run wrote into, or took that back from."""
    said, finder = dict[str, Mapping[str, Any]](), CompanionFinder()
    for photo in {each.keeper for each in outcomes if each.method == MERGE and each.state == "done"}:
        names = (os.fsencode(os.path.basename(path)) for path, _ in _sidecars(photo, finder))
        with suppress(FileNotFoundError):
            said[photo], _ = read_sidecars(os.fsencode(os.path.dirname(photo)), sorted(names, key=len))
    if said:
        with store.writing() as view:
            note_sidecars(view, said)


def _sidecars(photo: str, finder: CompanionFinder | None = None) -> Iterator[tuple[str, bool]]:
    """Yield the XMP sidecars of a photo itself, and whether each is shared; none of its RAW or film.

    finder: has listed the folders; None: the folder is listed as it is now.
    """
    name = os.path.basename(photo)
    for each in (finder or CompanionFinder()).companions(photo):
        other = os.path.basename(each.path)
        if is_sidecar(other) and kind_beside(name, other) == "sidecar":
            yield each.path, each.shared


def _read(path: str) -> bytes | None:
    if not os.path.lexists(path):
        return None
    found = look(path)
    name = os.path.basename(path)
    if found.st_nlink > 1:
        raise Refusal("linked", f"{name} is one file with several names")
    check_single(path)
    try:
        return read_small(path, MOST_BYTES)  # what is longer is refused by whoever reads it
    except OSError as error:
        raise Refusal("unreadable", f"{name} cannot be read: {error.strerror}") from error
