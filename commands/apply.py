"""The commands that move files: applying a plan, undoing that, emptying the quarantine."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from ..library import Library
from ..output.console import INTERRUPTED, PARTLY, read_data, show, stop_on_signal, tell
from ..output.listing import Listing, columns, file_size, printable
from ..search.filters.values import read_duration
from ..store.documents import Row, path_fields
from . import options as opt
from .fields import plural

if TYPE_CHECKING:
    from ..dedup.actions.journal import Record
    from ..dedup.actions.outcome import Outcome


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: lookalike apply plan.json --yes")(apply)
    app.command(epilog="Example: lookalike undo --yes")(undo)
    app.command(epilog="Example: lookalike prune --older-than 30d --yes")(prune)


def apply(
    plan: opt.PlanArgument,
    yes: opt.YesOption = False,
    method: opt.MethodOption = opt.Method.auto,
    protect: opt.ProtectOption = None,
    include_similar: opt.IncludeSimilarOption = False,
    quarantine: opt.QuarantineOption = None,
    lock_timeout: opt.LockTimeoutOption = 10,
    form: opt.FormatOption = opt.Format.table,
    store: opt.StoreOption = None,
) -> None:
    """Act on the selected files of a plan: show what would be done, or do it with --yes.

    Right before each action both files are looked at again, byte by byte, and the one to keep is decoded;
    what has changed since the plan was made is left alone. Files go to the trash, or to a quarantine folder
    on the same drive where there is no trash, with the sidecars, RAWs and videos that belong to them.
    Nothing is ever removed, everything is journaled first, and `lookalike undo` puts it back.
    """
    from ..dedup.actions.apply import ApplyOptions
    from ..dedup.actions.planfile import read_plan
    from ..output.progress import IndexProgress
    from ..store.progress import Watch

    read = read_plan(read_data(plan), "stdin" if plan == "-" else plan)
    folder = None if quarantine is None else os.path.realpath(quarantine)
    options = ApplyOptions(method.value, include_similar, tuple(protect or ()), folder)
    if not yes:
        with Library.open(store) as library:
            _show(library.files.preview(read, options), form, "go")
        return
    stop = stop_on_signal()
    with (
        Library.open(store, write=True, lock_timeout_s=lock_timeout) as library,
        IndexProgress() as progress,
    ):
        found = library.files.apply(read, options, Watch(progress, stop))
    if any(outcome.state == "done" for outcome in found):
        tell("`lookalike undo --yes` puts back what went")
    _show(found, form, "go")
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)


def undo(
    run: opt.RunArgument = None,
    yes: opt.YesOption = False,
    from_: opt.FromOption = None,
    list_: opt.ListOption = False,
    lock_timeout: opt.LockTimeoutOption = 10,
    form: opt.FormatOption = opt.Format.table,
    store: opt.StoreOption = None,
) -> None:
    """Put back what `apply` moved: show what would be done, or do it with --yes.

    Files are known by their content, wherever in the quarantine, the trash or a --from folder they are
    now, and go where they lay; nothing is replaced. It can be run again after a crash, or twice.
    """
    from ..dedup.actions.undo import UndoOptions
    from ..output.progress import IndexProgress
    from ..store.progress import Watch

    if list_:
        with Library.open(store) as library:
            show(journals_listing(library.files.journals()), form)
        return
    options = UndoOptions(run, tuple(from_ or ()))
    with Library.open(store, write=yes, lock_timeout_s=lock_timeout) as library:
        record = library.files.record_to_undo(run)
        if record is None:
            tell("there is nothing to undo")
            return
        if record.damaged:
            tell(f"{record.damaged:,} lines of {record.path} are damaged: look into the quarantine, too")
        if not yes:
            _show(library.files.preview_undo(record, options), form, "come back")
            return
        stop = stop_on_signal()
        with IndexProgress() as progress:
            found = library.files.undo(record, options, Watch(progress, stop))
    _show(found, form, "come back")
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)


def prune(
    older_than: opt.OlderOption = "30d",
    run: opt.OnlyRunOption = None,
    yes: opt.YesOption = False,
    lock_timeout: opt.LockTimeoutOption = 10,
    form: opt.FormatOption = opt.Format.table,
    store: opt.StoreOption = None,
) -> None:
    """Remove for good what lies in the quarantine: show what would go, or do it with --yes.

    Only what has lain there for a while goes, and only if what was kept for it is there and can be read.
    The trash is yours to empty.
    """
    from ..dedup.actions.prune import PruneOptions
    from ..output.progress import IndexProgress
    from ..store.progress import Watch

    options = PruneOptions(read_duration(older_than, "--older-than"), run)
    if not yes:
        with Library.open(store) as library:
            _show(library.files.preview_prune(options), form, "be removed for good")
        return
    stop = stop_on_signal()
    with (
        Library.open(store, write=True, lock_timeout_s=lock_timeout) as library,
        IndexProgress() as progress,
    ):
        found = library.files.prune(options, Watch(progress, stop))
    _show(found, form, "be removed for good")
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)


def _show(outcomes: "Iterable[Outcome]", form: opt.Format, verb: str) -> None:
    """List outcomes; raise the exit code when something was left alone."""
    seen: list[Outcome] = []

    def noted() -> "Iterable[Outcome]":
        for outcome in outcomes:
            seen.append(outcome)
            yield outcome

    show(outcomes_listing(noted(), verb), form)
    if any(outcome.state == "planned" for outcome in seen):
        tell("nothing was changed; --yes does it")
    if form is not opt.Format.table:
        for outcome in seen:
            if outcome.state == "left":
                tell(f"{outcome.path}: {outcome.reason}")
    if any(outcome.state == "left" for outcome in seen):
        raise typer.Exit(PARTLY)


_MARKS = {"planned": "[x]", "done": "[x]", "before": "[=]", "left": "[ ]"}
_KINDS = {"exact": "same bytes as", "copy": "copy of", "similar": "looks like"}
_PAST = {"go": "went", "come back": "came back", "be removed for good": "were removed for good"}


def outcomes_listing(outcomes: "Iterable[Outcome]", verb: str) -> Listing:
    """List what became, or would become, of files. verb: what they do, in the infinitive.

    As paths: those that were, or would be, acted on.
    """
    return Listing(
        key="files",
        rows=map(_row, outcomes),
        lines=lambda rows: _lines(list(rows), verb),
        flat=lambda row: [row],
        columns=["state", "path", "kind", "bytes", "method", "to", "keeper", "code", "reason", "run"],
        is_path=lambda row: row["state"] in ("planned", "done"),
    )


def _row(outcome: "Outcome") -> Row:
    return {
        "state": outcome.state,
        **path_fields(outcome.path),
        "kind": outcome.kind,
        "bytes": outcome.size,
        "method": outcome.method,
        **path_fields(outcome.to, "to"),
        **path_fields(outcome.keeper, "keeper"),
        "code": outcome.code,
        "reason": outcome.reason,
        "run": outcome.run,
    }


def _lines(rows: list[Row], verb: str) -> Iterator[str]:
    if not rows:
        yield "there is nothing to do"
        return
    folders = {os.path.dirname(row[name]) for row in rows for name in ("path", "keeper")}
    top = os.path.commonpath(folders)
    yield f"in {printable(top)}:"
    table = [(f"  {_MARKS[row['state']]}", _name(row["path"], top), _words(row, top)) for row in rows]
    yield from columns(table)
    yield ""
    count = Counter(row["state"] for row in rows)
    size = sum(row["bytes"] for row in rows if row["state"] in ("planned", "done"))
    yield from _summary(count, size, verb)


def _name(path: str, top: str) -> str:
    return printable(os.path.relpath(path, top))


def _words(row: Row, top: str) -> str:
    if row["state"] == "left":
        return f"left alone: {printable(row['reason'])}"
    if row["state"] == "before":
        return "done already"
    what = _KINDS.get(row["kind"], f"{row['kind']}, belongs to a copy of")
    return f"{row['method']}: {what} {_name(row['keeper'], top)}"


def _summary(count: "Counter[str]", size: int, verb: str) -> Iterator[str]:
    said = []
    if count["planned"]:
        said.append(f"{_files(count['planned'])} would {verb} ({file_size(size)})")
    if count["done"]:
        said.append(f"{_files(count['done'])} {_PAST[verb]} ({file_size(size)})")
    if count["before"]:
        said.append(f"{count['before']:,} done already")
    if count["left"]:
        said.append(f"{count['left']:,} left alone")
    yield "; ".join(said)


def _files(count: int) -> str:
    return f"{count:,} {plural(count, 'file', 'files')}"


def journals_listing(records: "Iterable[Record]") -> Listing:
    """List what was done so far, newest first."""

    def row(record: "Record") -> Row:
        standing = [action for action in record.pending if os.path.lexists(action.to)]
        return {
            "run": record.name,
            "began": record.began,
            "method": record.method,
            "files": len(record.actions),
            "standing": len(standing),
            "bytes": sum(action.size for action in standing),
            **path_fields(record.path),
        }

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        table = [
            (
                row["run"],
                row["method"],
                f"{_files(row['files'])}, {row['standing']:,} still away ({file_size(row['bytes'])})",
            )
            for row in rows
        ]
        yield from columns(table) if table else ["nothing was done yet"]

    return Listing(
        key="journals",
        rows=map(row, records),
        lines=lines,
        flat=lambda row: [row],
        columns=["run", "began", "method", "files", "standing", "bytes", "path"],
    )
