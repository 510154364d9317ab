"""Where a moved file is now: at its place, or wherever somebody took it, known by its content."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from ...errors import Refusal
from ..groups.keeper import is_below
from .journal import Action, Record
from .trash import QUARANTINE
from .witness import digest_of, look


class Finder:
    """Finds the files of a journal. roots: of the library today. more: folders that the user names."""

    def __init__(self, record: Record, roots: Sequence[str] = (), more: Sequence[str] = ()) -> None:
        bases = {action.base for action in record.actions if action.base}
        runs = [os.path.join(base, QUARANTINE, record.name) for base in (*bases, *roots, *more)]
        bins = {os.path.dirname(action.to) for action in record.actions if action.method == "trash"}
        self._folders = [*dict.fromkeys(runs), *sorted(bins), *more]
        self._name = record.name
        self._by_size: dict[int, list[str]] | None = None

    def find(self, action: Action) -> Action:
        """Return the action with the places that its file and its path have now.

        Raises:
            Refusal: no file with its content is found.
        """
        for place in self._candidates(action):
            with suppress(Refusal):
                if look(place).st_size == action.size and digest_of(place)[0] == action.digest:
                    return self._relocated(action, place)
        raise Refusal(
            "gone",
            f"nothing with its content lies at {action.to} or elsewhere in the quarantine and the trash; "
            "`from=FOLDER` looks in another folder",
        )

    def _candidates(self, action: Action) -> Iterator[str]:
        yield action.to
        if self._by_size is None:
            self._by_size = _by_size(self._folders)
        yield from (path for path in self._by_size.get(action.size, []) if path != action.to)

    def _relocated(self, action: Action, place: str) -> Action:
        """Return an action whose folder may have another name today: the quarantine went with it."""
        base, found, _ = place.partition(os.path.join(os.sep + QUARANTINE, self._name, ""))
        if not found or not action.base or base == action.base:
            return replace(action, to=place)
        path, keeper = (_under(base, each, action.base) for each in (action.path, action.keeper))
        return replace(action, to=place, base=base, path=path, keeper=keeper)


def _under(base: str, path: str, before: str) -> str:
    """Return the path that a file has when the folder `before` is called `base`."""
    return os.path.join(base, os.path.relpath(path, before)) if is_below(path, [before]) else path


def _by_size(folders: Iterable[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for top in folders:
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                with suppress(OSError):
                    found[os.lstat(path).st_size].append(path)
    return found
