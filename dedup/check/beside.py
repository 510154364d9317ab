"""What lies beside a new file, and whether the library has it beside its own: RAW, video, sidecars."""

import os
from collections.abc import Iterable
from dataclasses import replace

from ...indexer.scan.ignore import is_photo_name
from ..groups.companions import Companion, CompanionFinder
from .matches import Checked, Match

_WORDS = {"raw": "RAW", "video": "video", "audio": "spoken note", "sidecar": "sidecar"}


class Beside:
    """Adds the companions to what a check found; each folder is listed once."""

    def __init__(self) -> None:
        """Know no folder yet."""
        self._of_new, self._of_library = CompanionFinder(), CompanionFinder()

    def __call__(self, checked: Checked) -> Checked:
        """Return it with its companions, and its matches with those that only the new file has."""
        if checked.error is not None:
            return checked
        companions = self._of_new.companions(checked.path)
        matches = tuple(self._compared(match, companions) for match in checked.matches)
        return replace(checked, companions=companions, matches=matches)

    def _compared(self, match: Match, companions: Iterable[Companion]) -> Match:
        # A photo is checked on its own, wherever the library has it.
        beside = [each for each in companions if not is_photo_name(os.fsencode(each.path))]
        if not beside:
            return match
        ours = {
            (each.kind, each.size)
            for file in match.files
            for each in self._of_library.companions(file.path)
        }
        lacking = [_in_words(each) for each in beside if (each.kind, each.size) not in ours]
        return replace(match, more="; ".join([*([match.more] if match.more else []), *lacking]))


def _in_words(companion: Companion) -> str:
    return f"{_WORDS.get(companion.kind, companion.kind)} {os.path.basename(companion.path)}"
