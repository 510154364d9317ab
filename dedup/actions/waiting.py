"""Where that lies which `apply` moved, told by the journals and a look at the disk."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ...store.absence import Fates
from .journal import Action, Record, troubles
from .trash import QUARANTINE


@dataclass(slots=True)
class Lot:
    """Files that one run moved to one quarantine or trash, and that lie there.

    run: its name. began: when, None where that is not known. folder: the quarantine, or the trash. kept:
    how many of the files `prune` could not remove. size: bytes.
    """

    run: str
    began: datetime | None
    folder: str
    is_trash: bool
    files: int = 0
    kept: int = 0
    size: int = 0


def holder(method: str, to: str) -> str:
    """Return the quarantine or the trash that a file was moved to. method: by which. to: where it lies."""
    if method != "trash":
        head, found, _ = to.partition(os.path.join(os.sep, QUARANTINE, ""))
        return os.path.join(head, QUARANTINE) if found else os.path.dirname(to)
    folder = os.path.dirname(to)
    return os.path.dirname(folder) if os.path.basename(folder) == "files" else folder


@dataclass(frozen=True, slots=True)
class Moved:
    """What `apply` moved, as it lies now.

    fates: of the files. lots: what lies where it was put, newest run first. away: how many files lie in a
    "quarantine" or "trash" on drives that are not there. troubles: what is wrong with
    journals, in lines.
    """

    fates: Fates
    lots: list[Lot]
    troubles: list[str]
    away: Counter[str] = field(default_factory=Counter)


# By where a file lies (see `Standing`), what it is to the library.
_FATES = {
    "quarantined": "moved",
    "trashed": "moved",
    "kept": "moved",
    "away": "moved",
    "pruned": "deleted",
    "gone": "gone",
}


def moved(records: Sequence[Record]) -> Moved:
    """Return what became of the files of some runs, newest first, by one look at each that is not back."""
    fates: dict[tuple[str, str], tuple[str, str]] = {}
    lots: dict[tuple[str, str], Lot] = {}
    away = Counter[str]()
    for record in records:
        for action in record.actions:
            state, key = record.state_of(action), (action.path, action.digest)
            fate = _FATES.get(state)
            if fate == "moved":
                fates[key] = fate, action.to
                if state == "away":
                    away["trash" if action.method == "trash" else "quarantine"] += 1
                else:
                    _add(lots, record, action, is_kept=state == "kept")
            elif fate and action.method not in ("hardlink", "reflink"):  # whose links went without us
                fates.setdefault(key, (fate, ""))  # another run may have moved it once more
    unread = [f"{record.path}: {record.trouble}" for record in records if record.trouble]
    return Moved(Fates(fates, unread), list(lots.values()), list(troubles(records)), away)


def _add(lots: dict[tuple[str, str], Lot], record: Record, action: Action, *, is_kept: bool) -> None:
    folder = holder(action.method, action.to)
    if (record.name, folder) not in lots:
        lots[record.name, folder] = Lot(record.name, record.began_at, folder, action.method == "trash")
    lot = lots[record.name, folder]
    lot.files += 1
    lot.kept += is_kept
    lot.size += action.size
