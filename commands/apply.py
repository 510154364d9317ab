"""The commands that move files: applying a plan, undoing that, emptying the quarantine."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from ..errors import ExitCode
from ..output.console import read_data, stop_on_signal, tell
from ..output.listing import Listing
from ..output.text import as_options, columns, file_size, plural, printable
from ..search.filters.values import read_duration
from ..store.documents import Row, path_fields
from . import options as opt
from .groups import Topic, command
from .options import argument, flag, value

if TYPE_CHECKING:
    from ..dedup.actions.apply import ApplyOptions
    from ..dedup.actions.journal import Record
    from ..dedup.actions.outcome import Outcome

# --- apply ------------------------------------------------------------------------------------


class Method(StrEnum):
    """What becomes of a file that is moved."""

    auto = "auto"
    trash = "trash"
    quarantine = "quarantine"
    hardlink = "hardlink"
    symlink = "symlink"
    reflink = "reflink"


@dataclass(frozen=True)
class Moving:
    """How files are moved."""

    method: Method = value(
        "--method", "HOW", "auto, trash or quarantine; or hardlink, symlink, reflink.", Method.auto
    )
    quarantine: opt.Text = value(
        "--quarantine", "DIR", "Put the quarantine there; default: at the top of the library."
    )
    protect: opt.Repeatable = value(
        "--protect", "DIR", "Never give up files below this folder; repeatable."
    )
    include_similar: bool = flag("--include-similar", "Also move look-alikes that are selected.")

    def options(self) -> "ApplyOptions":
        """Return what was said."""
        from ..dedup.actions.apply import ApplyOptions

        folder = None if self.quarantine is None else os.path.realpath(self.quarantine)
        return ApplyOptions(self.method.value, self.include_similar, tuple(self.protect or ()), folder)


PlanArgument = Annotated[str, argument("PLAN", "What `dupes --plan` or the page wrote (`-`: stdin).")]


@command(
    Topic.CLEAN_UP,
    "lookalike apply plan.json",
    "lookalike apply plan.json --yes",
    "lookalike apply plan.json --method hardlink --yes",
)
def apply(
    plan: PlanArgument,
    yes: opt.YesOption = False,
    *,
    moving: Moving,
    form: opt.FormatOption = opt.Format.table,
    at: opt.WriteArgs,
) -> Listing:
    """Show what a plan would move; with --yes, move it.

    Right before a file is moved, it and the one to keep are looked at again, byte by byte, and the one to
    keep is decoded; what has changed since the plan was made is left alone. Files go to the trash, or to a
    quarantine folder on the same drive where there is no trash, with the sidecars, RAWs and videos that
    belong to them; a link takes the place of an exact copy. Nothing is ever removed, everything is
    journaled first, and `lookalike undo` puts it back.
    """
    from ..dedup.actions.planfile import read_plan
    from ..output.progress import ProgressBar
    from ..store.progress import Watch

    read = read_plan(read_data(plan), "stdin" if plan == "-" else plan)
    options = moving.options()
    if not yes:
        with at.reading() as library:
            return outcomes_listing(library.files.preview(read, options), "moved", form)
    stop = stop_on_signal()
    with at.writing() as library, ProgressBar() as progress:
        found = library.files.apply(read, options, Watch(progress, stop))
    if any(outcome.state == "done" for outcome in found):
        tell("`lookalike undo --yes` puts back what was moved")
    return outcomes_listing(found, "moved", form, is_stopped=stop.is_set())


# --- undo -------------------------------------------------------------------------------------

RunArgument = Annotated[
    opt.Text, argument("JOURNAL", "Name of a run; default: the newest not yet put back.")
]
FromOption = Annotated[opt.Repeatable, value("--from", "DIR", "Also look for the files there; repeatable.")]
ListOption = Annotated[bool, flag("--list", "List what was moved so far, newest first.")]


@command(Topic.CLEAN_UP, "lookalike undo", "lookalike undo --yes", "lookalike undo --list")
def undo(
    run: RunArgument = None,
    yes: opt.YesOption = False,
    from_: FromOption = None,
    list_: ListOption = False,
    *,
    form: opt.FormatOption = opt.Format.table,
    at: opt.WriteArgs,
) -> Listing | None:
    """Show what `apply` moved; with --yes, put it back.

    Files are known by their content, wherever in the quarantine, the trash or a --from folder they are
    now, and go back to where they were; nothing is replaced. It can be run again after a crash, or twice.
    """
    from ..dedup.actions.undo import UndoOptions
    from ..output.progress import ProgressBar
    from ..store.progress import Watch

    if list_:
        with at.reading() as library:
            return journals_listing(library.files.journals())
    options = UndoOptions(run, tuple(from_ or ()))
    with at.writing() if yes else at.reading() as library:
        record = library.files.record_to_undo(run)
        if record is None:
            _tell_troubles(library.files.journals())
            tell("there is nothing to undo")
            return None
        _tell_troubles([record])
        if not yes:
            return outcomes_listing(library.files.preview_undo(record, options), "put back", form)
        stop = stop_on_signal()
        with ProgressBar() as progress:
            found = library.files.undo(record, options, Watch(progress, stop))
    return outcomes_listing(found, "put back", form, is_stopped=stop.is_set())


def _tell_troubles(records: "Iterable[Record]") -> None:
    """Tell which journals, or lines of them, are left out."""
    from ..dedup.actions.journal import troubles

    for trouble in troubles(records):
        tell(trouble)


# --- prune ------------------------------------------------------------------------------------

OlderOption = Annotated[
    str, value("--older-than", "TIME", "Only files quarantined for at least this: 30d, 12h, 0d.")
]
OnlyRunOption = Annotated[opt.Text, value("--run", "JOURNAL", "Only what this run moved.")]


@command(Topic.CLEAN_UP, "lookalike prune", "lookalike prune --older-than 90d --yes")
def prune(
    older_than: OlderOption = "30d",
    run: OnlyRunOption = None,
    yes: opt.YesOption = False,
    *,
    form: opt.FormatOption = opt.Format.table,
    at: opt.WriteArgs,
) -> Listing:
    """Show old files of the quarantine; with --yes, delete them.

    Only files that were quarantined for long enough, and only if the file that was kept for them is there
    and can be read. They are deleted for good. The trash is yours to empty.
    """
    from ..dedup.actions.prune import PruneOptions
    from ..output.progress import ProgressBar
    from ..store.progress import Watch

    options = PruneOptions(read_duration(older_than, "--older-than"), run)
    with at.reading() as library:
        _tell_troubles(library.files.journals())
        if not yes:
            return outcomes_listing(library.files.preview_prune(options), "deleted for good", form)
    stop = stop_on_signal()
    with at.writing() as library, ProgressBar() as progress:
        found = library.files.prune(options, Watch(progress, stop))
    return outcomes_listing(found, "deleted for good", form, is_stopped=stop.is_set())


# --- what became of files ---------------------------------------------------------------------

_MARKS = {"planned": "[x]", "done": "[x]", "before": "[=]", "left": "[ ]"}
_KINDS = {"exact": "same bytes as", "copy": "copy of", "similar": "looks like"}


def outcomes_listing(
    outcomes: "Iterable[Outcome]", verb: str, form: str, *, is_stopped: bool = False
) -> Listing:
    """List what became, or would become, of files. verb: what was done to them, as a participle.

    As paths: those that were, or would be, acted on. is_stopped: the run ended early.
    """
    found = list(outcomes)
    states = {outcome.state for outcome in found}
    notes = ["nothing was changed; --yes does it"] if "planned" in states else []
    if form != "table":
        notes += [f"{each.path}: {each.reason}" for each in found if each.state == "left"]
    stopped = ExitCode.INTERRUPTED if is_stopped else ExitCode.DONE
    return Listing(
        key="files",
        rows=map(_row, found),
        lines=lambda rows: _lines(list(rows), verb),
        columns=["state", "path", "kind", "bytes", "method", "to", "keeper", "code", "reason", "run"],
        is_path=lambda row: row["state"] in ("planned", "done"),
        notes=notes,
        exit=ExitCode.PARTLY if "left" in states else stopped,
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
    size = file_size(sum(row["bytes"] for row in rows if row["state"] in ("planned", "done")))
    parts = {
        "planned": f"{plural(count['planned'], 'file')} would be {verb} ({size})",
        "done": f"{plural(count['done'], 'file')} {verb} ({size})",
        "before": f"{count['before']:,} done already",
        "left": f"{count['left']:,} left alone",
    }
    yield "; ".join(text for state, text in parts.items() if count[state])


def _name(path: str, top: str) -> str:
    return printable(os.path.relpath(path, top))


def _words(row: Row, top: str) -> str:
    if row["state"] == "left":
        return f"left alone: {printable(as_options(row['reason']))}"
    if row["state"] == "before":
        return "done already"
    what = _KINDS.get(row["kind"], f"{row['kind']}, belongs to a copy of")
    return f"{row['method']}: {what} {_name(row['keeper'], top)}"


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
                f"{plural(row['files'], 'file')}, {row['standing']:,} not put back "
                f"({file_size(row['bytes'])})",
            )
            for row in rows
        ]
        yield from columns(table) if table else ["nothing was moved yet"]

    names = ("run", "began", "method", "files", "standing", "bytes", "path")
    return Listing("journals", map(row, records), lines, names)
