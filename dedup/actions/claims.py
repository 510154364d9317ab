"""What a plan says of photos, compared with what the library knows of them."""

import os
from collections.abc import Iterable

from ...errors import Refusal
from ...store.catalog.contents import ids_of
from ...store.catalog.files import digests_at
from ...store.view import View
from ..groups.original import PairKey, key_of
from ..groups.proven import proven
from .planfile import PlannedFile
from .units import RealPaths, Removal


class Claims:
    """The claims of a plan: which files these are, and which of them are copies."""

    def __init__(self, view: View, removals: Iterable[Removal]) -> None:
        """Ask the library, once, for all that is needed to check some removals."""
        removals = list(removals)
        files = [file for each in removals for file in (each.member.file, each.keeper)]
        digests = {file.digest for file in files}
        self._ids = {d.hex(): key for d, key in ids_of(view, list(map(bytes.fromhex, digests))).items()}
        self._real = RealPaths()
        paths = dict.fromkeys(path for file in files for path in (file.path, self._real(file.path)))
        self._digests = {path: digest.hex() for path, digest in digests_at(view, list(paths)).items()}
        copies = (self._pair(each) for each in removals if each.member.kind == "copy")
        self._copies = proven(view, {pair for pair in copies if pair is not None})

    def _pair(self, removal: Removal) -> PairKey | None:
        member, keeper = (self._ids.get(each.digest) for each in (removal.member.file, removal.keeper))
        return None if member is None or keeper is None else key_of(member, keeper)

    def check(self, removal: Removal) -> None:
        """Check that a photo is what the plan calls it beside the one that stays.

        Raises:
            Refusal: the library does not know them, or of no such thing.
        """
        pair, kind, kept = self._pair(removal), removal.member.kind, os.path.basename(removal.keeper.path)
        if pair is None:
            raise Refusal("unknown", "it is not a photo of this library; is it the right store?")
        if kind == "exact" and removal.member.file.digest != removal.keeper.digest:
            raise Refusal("unproven", f"its bytes are not those of {kept}, as the plan says")
        if kind == "copy" and pair not in self._copies:
            raise Refusal(
                "unproven",
                f"nothing here proves it a copy of {kept}; `lookalike confirm` both if they are copies",
            )

    def check_place(self, file: PlannedFile) -> None:
        """Check that the library knows a file with this content at this path.

        Raises:
            Refusal: it does not.
        """
        if file.digest not in (self._digests.get(file.path), self._digests.get(self._real(file.path))):
            raise Refusal("unknown", "the library has no such photo there; index its folder first")
