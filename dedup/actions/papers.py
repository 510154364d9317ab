"""What a quarantine says of itself, so that `undo` puts its files back with any store or none.

Beside the folder of a run lies a journal of the same name: what was moved there, and no more. It costs no
wait for the disk, is read as a stranger's like every journal, and goes when the last file has gone.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress

from ...store.documents import dumps
from .folders import Held
from .journal import Action, Record, intents, journal_named, journals, read_journal
from .trash import PAPER, QUARANTINE

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def leave_papers(run: str, actions: Iterable[Action], held: Held) -> None:
    """Write what is about to be moved to quarantines beside them. held: their folders.

    Only the journal in the store is relied on: what cannot be written stops nothing.
    """
    by_base: dict[str, list[Action]] = defaultdict(list)
    for action in actions:
        by_base[action.base].append(action)
    by_base.pop("", None)  # of a trash
    for base, some in by_base.items():
        paper = held.at(os.path.join(base, QUARANTINE, run + PAPER))
        # What a full disk did not take whole ends here.
        lines = b"".join(b"\n" + dumps(row) for row in intents(some)) + b"\n"
        with (
            suppress(OSError),
            open(os.open(paper.name, _FLAGS, 0o600, dir_fd=paper.folder), "ab", 0) as out,
        ):
            out.write(lines)


def runs(store: str, folders: Sequence[str] = ()) -> list[Record]:
    """Return the journals of a store, newest first, and papers of runs of which the store cannot tell.

    folders: where to look for quarantines, which they hold, are, or lie in.
    """
    found = {path: name for folder in folders for path, name in _papers_in(folder)}
    own = journals(store)
    told = _told(own)
    more = [read_journal(path) for path, name in found.items() if name not in told]
    return sorted([*own, *more], key=lambda each: each.name, reverse=True)


def run_named(store: str, name: str, folders: Sequence[str] = ()) -> Record:
    """Return the journal of a run, by its name or the path of its file, of a store or in a quarantine.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    found = next((each for each in runs(store, folders) if each.name == name and not each.trouble), None)
    return found or journal_named(store, name)


def unknown_quarantines(store: str, folders: Iterable[str]) -> list[str]:
    """Return which folders hold a quarantine with files of runs of which a store cannot tell."""
    told = _told(journals(store))
    return [each for each in folders if any(name not in told for _, name in _papers_in(each))]


def named_runs(folders: Sequence[str]) -> set[str]:
    """Return the runs in those of some folders that are quarantines themselves, or lie in one."""
    found = set[str]()
    for folder in folders:
        base, rest = _quarantine_of(folder)
        run = rest.split(os.sep)[0]
        found |= {name for _, name in (_papers_in(folder) if base else []) if run in ("", name)}
    return found


def _quarantine_of(folder: str) -> tuple[str, str]:
    """Return the folder that holds the quarantine which a folder is or lies in, and the rest."""
    whole, quarantine = os.path.join(os.path.abspath(folder), ""), os.path.join(os.sep + QUARANTINE, "")
    base, found, rest = whole.partition(quarantine)
    return (base, rest) if found else ("", "")


def _told(records: Iterable[Record]) -> set[str]:
    return {each.name for each in records if not each.trouble}


def _papers_in(folder: str) -> list[tuple[str, str]]:
    """Return path and name of each run in the quarantine that a folder holds, is, or lies in."""
    top = os.path.join(_quarantine_of(folder)[0] or folder, QUARANTINE)
    if os.path.islink(top):
        return []  # not ours
    try:
        names = os.listdir(top)
    except OSError:
        return []
    return [(os.path.join(top, each), each[: -len(PAPER)]) for each in names if each.endswith(PAPER)]
