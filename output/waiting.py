"""What `apply` moved, in words: where it lies, until when, how to put it back, how to free the space."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..store.documents import Row, path_fields
from .listing import Listing
from .text import columns, file_size, naming, plural, printable

if TYPE_CHECKING:
    from ..dedup.actions.journal import Record
    from ..dedup.actions.outcome import Outcome
    from ..dedup.actions.waiting import Lot

# What `prune` waits for if nobody says otherwise.
PATIENCE = timedelta(days=30)

# Returns what to type for a command and its options, with the store where that is needed.
Call = Callable[[str], str]


def date_of(moment: datetime | None) -> str:
    """Return a day for people, where they are: "30 Dec 2026"."""
    if moment is None:
        return "an unknown day"
    with suppress(OverflowError, OSError, ValueError):  # a damaged journal says any year
        moment = moment.astimezone()
    return f"{moment.day} {moment:%b %Y}"


def due_at(began: datetime | None, patience: timedelta) -> datetime | None:
    """Return when files that were moved at a time may be deleted, None where that is not known."""
    with suppress(OverflowError):
        return began and began + patience
    return None


def amount(files: int, size: int) -> str:
    """Return so many files of so many bytes for people: "449 files, 1.2 GB"."""
    return f"{plural(files, 'file')}, {file_size(size)}"


# --- after apply ------------------------------------------------------------------------------


def places_of(outcomes: "Iterable[Outcome]", state: str) -> Iterator[str]:
    """Write where files of a state lie, or would lie: a line for each quarantine and trash."""
    from ..dedup.actions.waiting import holder

    places: dict[tuple[str, str], list[Outcome]] = {}
    for each in outcomes:
        if each.state == state and each.method != "merge":
            kind = "trash" if each.method == "trash" else "quarantine"
            places.setdefault((kind, holder(each.method, each.to)), []).append(each)
    for (kind, folder), some in places.items():
        who = amount(len(some), sum(each.size for each in some))
        if len(places) == 1:
            who = _by_count(len(some), "it", "they")
        verb = "would go to" if state == "planned" else _by_count(len(some), "is in", "are in")
        yield f"{who} {verb} the {kind} {printable(folder)}"


def _by_count(count: int, one: str, more: str) -> str:
    return one if count == 1 else more


def after_apply(outcomes: "Sequence[Outcome]", call: Call) -> Iterator[str]:
    """Write where the moved files lie, that no space is free yet, and what can be done now."""
    methods = {each.method for each in outcomes if each.state == "done"} - {"merge"}
    if not methods:
        return
    yield from places_of(outcomes, "done")
    yield ""
    if methods <= {"trash", "quarantine"}:
        yield "No space is freed yet: what was moved is still on the disk."
    else:
        yield "Links to the kept files took their place. No space is freed yet: what the links"
        yield "replaced is still on the disk."
    ways = [("  to free the space now:", each) for each in ways_to_free(methods, call)]
    yield from columns([("  to put them back:", call("undo --yes")), *ways])


def ways_to_free(methods: Set[str], call: Call) -> Iterator[str]:
    """Yield what can be done now to free the space of what was moved by some methods."""
    if methods - {"trash"}:
        yield call("prune --older-than 0d --yes")
    if "trash" in methods:
        yield "empty the trash in your file manager"


def not_free_yet(methods: Set[str], call: Call) -> str:
    """Return a sentence for where there is one line: that no space is free yet, and what frees it."""
    return f"No space is freed yet; to free it: {' and '.join(ways_to_free(methods, call))}"


def after_undo(others: "Iterable[Record]", call: Call) -> Iterator[str]:
    """Write how much of other runs waits, if anything does."""
    found = [each.standing().waiting for each in others]
    files, size = sum(each.files for each in found), sum(each.size for each in found)
    if files:
        wait = _by_count(files, "waits", "wait")
        yield f"of other runs still {wait} {amount(files, size)}: {call('undo --list')}"


def nothing_to_undo(records: "Sequence[Record]") -> str:
    """Return that nothing can be put back, and why: people mean the newest run. records: newest first."""
    standings = ((each, each.standing()) for each in records)
    newest = next(
        ((each, found) for each, found in standings if found.back.files < len(each.actions)), None
    )
    if newest is None or not newest[1].pruned.files:
        return "there is nothing to undo: `lookalike undo --list` says what became of each run"
    pruned, when = newest[1].pruned, date_of(newest[0].began_at)
    return (
        f"there is nothing to undo: {amount(pruned.files, pruned.size)} of the newest run, of {when}, were "
        "deleted for good by `prune`; `lookalike undo --list` says what became of each run"
    )


# --- what waits -------------------------------------------------------------------------------


def after_prune(
    lots: "Sequence[Lot]", older_than: timedelta, call: Call, *, nothing: bool, away: int = 0
) -> Iterator[str]:
    """Write what waits in quarantines and is not due yet, and until when.

    nothing: no file was due, so that people want to know why. away: files on drives that are not there.
    """
    now = datetime.now(UTC)
    dues = [(lot, due_at(lot.began, older_than)) for lot in lots if not lot.is_trash]
    waiting = [(lot, due) for lot, due in dues if due is None or due > now]
    if waiting:
        yield "nothing is due yet; in the quarantine wait:" if nothing else "in the quarantine still wait:"
        yield from _by_folder(waiting)
        yield f"to delete them now: {call('prune --older-than 0d --yes')}"
        yield f"to put them back:   {call('undo --yes')}"
    elif nothing and not away:
        yield "there is nothing to delete: no file waits in a quarantine"
    if away:
        yield f"{plural(away, 'file')} in quarantines whose drive or folder is away: left alone"
    yield from _in_trash(lots)


def _by_folder(waiting: "Sequence[tuple[Lot, datetime | None]]") -> Iterator[str]:
    """Write what waits until when; where a run has a quarantine on each of several drives, by these."""
    folders = list(dict.fromkeys(lot.folder for lot, _ in waiting))
    for folder in folders:
        if len(folders) > 1:
            yield naming("  in ", os.path.dirname(folder), ":")
        rows = [(lot, due) for lot, due in waiting if lot.folder == folder]
        yield from columns(
            [(f"  {lot.run}", amount(lot.files, lot.size), f"due from {date_of(due)}") for lot, due in rows]
        )


def _in_trash(lots: "Sequence[Lot]") -> Iterator[str]:
    folders = {
        lot.folder: [each for each in lots if each.folder == lot.folder] for lot in lots if lot.is_trash
    }
    for folder, some in folders.items():
        files, size = sum(each.files for each in some), sum(each.size for each in some)
        verb = _by_count(files, "lies", "lie")
        yield f"{amount(files, size)} that `apply` moved {verb} in the trash {printable(folder)}:"
        yield "  to free the space, empty the trash in your file manager"


def waiting_fields(lots: "Sequence[Lot]", away: int = 0) -> Row:
    """Return what waits in quarantines, or in trashes, as a JSON object. away: files on other drives."""
    began = min((lot.began for lot in lots if lot.began is not None), default=None)
    return {
        "files": sum(lot.files for lot in lots),
        "bytes": sum(lot.size for lot in lots),
        "not_removed": sum(lot.kept for lot in lots),
        "away": away,
        "oldest": began and began.isoformat(timespec="seconds"),
        "folders": [path_fields(folder) for folder in dict.fromkeys(lot.folder for lot in lots)],
    }


def waiting_words(row: Row, kind: str) -> Iterator[str]:
    """Write what waits for people, from `waiting_fields`. kind: "quarantine" or "trash"."""
    if row["away"]:
        yield f"{plural(row['away'], 'file')} on a drive that is away"
    if not row["files"]:
        return
    since = date_of(datetime.fromisoformat(row["oldest"]) if row["oldest"] else None)
    yield f"{amount(row['files'], row['bytes'])}, moved since {since}"
    for folder in row["folders"]:
        yield f"in {printable(folder['path'])}"
    if row["not_removed"]:
        yield f"{row['not_removed']:,} of these could not be deleted so far"
    yield f"`lookalike undo` puts {_by_count(row['files'], 'it', 'them')} back"
    if kind == "quarantine":
        yield "`lookalike prune --older-than 0d --yes` frees the space"
    else:
        yield "to free the space, empty the trash in your file manager"


# --- runs -------------------------------------------------------------------------------------


def journals_listing(records: "Iterable[Record]") -> Listing:
    """List what was done so far, newest first, with what became of it."""

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        table = [line for row in rows for line in _record_lines(row)]
        yield from columns(table) if table else ["nothing was moved yet"]

    names = "run began method files standing bytes due in_quarantine in_trash not_removed put_back"
    return Listing(
        "journals",
        map(record_row, records),
        lines,
        [*names.split(), "deleted", "gone", "away", "damaged_lines", "trouble", "path"],
    )


def record_row(record: "Record") -> Row:
    """Return a run that moved files, and what became of them, as a JSON object."""
    found = record.standing()
    due = due_at(record.began_at, PATIENCE)
    return {
        "run": record.name,
        "began": record.began,
        "method": record.method,
        "files": len(record.actions),
        "standing": found.waiting.files,
        "bytes": found.waiting.size,
        "due": due and due.isoformat(timespec="seconds"),
        "in_quarantine": found.quarantined.files,
        "in_trash": found.trashed.files,
        "not_removed": found.kept.files,
        "put_back": found.back.files,
        "deleted": found.pruned.files,
        "gone": found.gone.files,
        "away": found.away.files,
        "damaged_lines": found.damaged,
        "trouble": record.trouble,
        "sidecars": len(record.writes),
        "sidecars_written": len(record.pending_writes),
        "moved_bytes": sum(action.size for action in record.actions),
        **path_fields(record.path),
    }


def _record_lines(row: Row) -> Iterator[tuple[str, str, str]]:
    states = list(_states(row)) or ["nothing was moved"]
    yield row["run"], amount(row["files"], row["moved_bytes"]), states[0]
    yield from (("", "", state) for state in states[1:])


def _states(row: Row) -> Iterator[str]:
    due = date_of(datetime.fromisoformat(row["due"]) if row["due"] else None)
    states = (
        (row["in_quarantine"], f"waiting, may be pruned from {due}"),
        (row["in_trash"], "in the trash"),
        (row["put_back"], "put back"),
        (row["deleted"], "deleted for good"),
        (row["not_removed"], "could not be deleted, still in the quarantine"),
        (row["gone"], "no longer where they were put"),
        (row["away"], "away: the drive or folder with their quarantine is not there"),
    )
    parts = [(count, words) for count, words in states if count]
    for count, words in parts:
        yield f"{count:,} {words}" if len(parts) > 1 else words
    written = row["sidecars_written"]
    if written:
        yield f"{plural(written, 'sidecar')} written to"
    if row["sidecars"] > written:
        yield f"{plural(row['sidecars'] - written, 'sidecar')} put back"
    if row["damaged_lines"]:
        yield plural(row["damaged_lines"], "damaged line")
    if row["trouble"]:
        yield printable(row["trouble"])
