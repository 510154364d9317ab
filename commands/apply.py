"""The commands that move files: applying a plan, undoing that, emptying the quarantine."""

import os
import re
import shlex
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from ..output.console import read_data, stop_on_signal, tell
from ..output.listing import Listing
from ..output.outcomes import Style, outcomes_listing
from ..output.waiting import (
    after_apply,
    after_prune,
    after_undo,
    journals_listing,
    nothing_to_undo,
    places_of,
)
from ..search.filters.values import read_duration
from . import options as opt
from .groups import Topic, command
from .options import argument, flag, value

if TYPE_CHECKING:
    from ..dedup.actions.apply import ApplyOptions
    from ..dedup.actions.journal import Record
    from ..dedup.actions.undo import UndoOptions
    from ..library import Library

AllOption = Annotated[bool, flag("--all", "List each file; else many are summed up by folder.")]

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
        "--quarantine", "DIR", "A quarantine in this folder, no trash; default: at the top of the library."
    )
    protect: opt.Repeatable = value(
        "--protect", "DIR", "Never give up files below this folder; repeatable."
    )
    include_similar: bool = flag("--include-similar", "Also move look-alikes that are selected.")
    merge_metadata: bool = flag(
        "--merge-metadata", "Write what leaving files say (keywords, rating) beside the kept ones first."
    )

    def options(self) -> "ApplyOptions":
        """Return what was said."""
        from ..dedup.actions.apply import ApplyOptions

        folder = None if self.quarantine is None else os.path.realpath(self.quarantine)
        # Who names a folder does not want the trash.
        method = Method.quarantine if folder and self.method is Method.auto else self.method
        protect = tuple(self.protect or ())
        return ApplyOptions(method.value, self.include_similar, protect, folder, self.merge_metadata)


_NOTHING_SELECTED = ("the plan moves nothing: no file in it is selected",)
PlanArgument = Annotated[str, argument("PLAN", "What `dupes --plan` or the page wrote (`-`: stdin).")]


@command(
    Topic.CLEAN_UP,
    "lookalike apply plan.json",
    "lookalike apply plan.json --all",
    "lookalike apply plan.json --yes",
    "lookalike apply plan.json --method hardlink --yes",
    "lookalike apply plan.json --merge-metadata --yes",
)
def apply(
    plan: PlanArgument,
    yes: opt.YesOption = False,
    all_: AllOption = False,
    *,
    moving: Moving,
    form: opt.FormatOption = opt.Format.table,
    at: opt.WriteArgs,
) -> Listing:
    """Show what a plan would move; with --yes, move it.

    Right before a file is moved, it and the one to keep are read once more, and the one to keep is decoded;
    what has changed since the plan was made is left alone. Files go to the trash, or to a quarantine
    folder on the same drive where there is no trash, with the sidecars, RAWs and videos that belong to
    them; a link takes the place of an exact copy. Nothing is ever removed, so that no space is
    free before `lookalike prune`, or before you empty the trash. Everything is journaled first, and
    `lookalike undo` puts it back.
    """
    from ..dedup.actions.planfile import MOST_BYTES, read_plan
    from ..output.progress import ProgressBar
    from ..store.progress import Watch

    read = read_plan(read_data(plan, MOST_BYTES), "stdin" if plan == "-" else plan)
    options, style = moving.options(), Style("moved", "to", every=all_)
    if not yes:
        with at.reading() as library:
            planned = list(library.files.preview(read, options))
        end = tuple(places_of(planned, "planned")) if planned else _NOTHING_SELECTED
        return outcomes_listing(planned, style, form, end=end)
    stop = stop_on_signal()
    with at.writing() as library, ProgressBar() as progress:
        found = library.files.apply(read, options, Watch(progress, stop))
    end = tuple(after_apply(found, at.call)) if found or stop.is_set() else _NOTHING_SELECTED
    return outcomes_listing(found, style, form, end=end, is_stopped=stop.is_set())


# --- undo -------------------------------------------------------------------------------------

RunArgument = Annotated[
    opt.Repeatable,
    argument("RUN/FILE", "A run; or files, each as it was called. Default: the newest run not put back."),
]
# As journals are called.
_RUN = re.compile(r"\d{8}T\d{6}-\d{6}|.*\.jsonl")
FromOption = Annotated[
    opt.Repeatable,
    value("--from", "DIR", "Also look for the files there, or for a quarantine; repeatable."),
]
ListOption = Annotated[
    bool, flag("--list", "List the runs so far, newest first, and what became of their files.")
]


@command(
    Topic.CLEAN_UP,
    "lookalike undo",
    "lookalike undo --yes",
    "lookalike undo IMG_1234.jpg --yes",
    "lookalike undo --list",
)
def undo(
    what: RunArgument = None,
    yes: opt.YesOption = False,
    from_: FromOption = None,
    list_: ListOption = False,
    all_: AllOption = False,
    *,
    form: opt.FormatOption = opt.Format.table,
    at: opt.WriteArgs,
) -> Listing:
    """Show what `apply` moved; with --yes, put it back.

    Files are known by their content, wherever in the quarantine, the trash or a --from folder they are
    now, and go back to where they were; nothing is replaced. It can be run again after a crash, or twice.
    Without the name of a run it takes the newest of which something can be put back; of files the newest
    that moved all of them, and what belongs to them comes back, too. --from a quarantine, or a folder that
    holds one, needs no store that knows of it.
    """
    from ..dedup.actions.journal import troubles
    from ..dedup.actions.undo import passed_over
    from ..output.progress import ProgressBar
    from ..store.progress import Watch

    if list_:
        with _any_library(at, from_) as library:
            _tell_of_unknown(library, at, from_)
            return journals_listing(library.files.journals(from_ or ()))
    folders, style = tuple(from_ or ()), Style("put back", "from", False, all_)
    with _any_library(at, from_, yes=yes) as library:
        record, options = _meant(library, what, folders)
        records = library.files.journals(folders)
        _tell_of_unknown(library, at, from_)
        for trouble in troubles(filter(None, [record]) if what else records):
            tell(trouble)
        if record is None:
            tell(nothing_to_undo(records))
            return outcomes_listing([], style, form)
        for other in [] if what else passed_over(records, record, folders):
            tell(
                f"the run {other.name} is passed over, as nothing of it can be put back now: "
                f"`lookalike undo {other.name}` says why"
            )
        end = tuple(after_undo((each for each in records if each.name != record.name), at.call))
        if not yes:
            return outcomes_listing(library.files.preview_undo(record, options), style, form, end=end)
        stop = stop_on_signal()
        with ProgressBar() as progress:
            found = library.files.undo(record, options, Watch(progress, stop))
    return outcomes_listing(found, style, form, end=end, is_stopped=stop.is_set())


def _meant(
    library: "Library", what: opt.Repeatable, folders: tuple[str, ...]
) -> "tuple[Record | None, UndoOptions]":
    """Return the run to undo, and which of its files."""
    from ..dedup.actions.undo import UndoOptions

    run = what[0] if what and len(what) == 1 and _RUN.fullmatch(what[0]) else None
    if what and run is None:
        record, files = library.files.run_with(what, folders)
        return record, UndoOptions(record.name, folders, files)
    return library.files.record_to_undo(run, folders), UndoOptions(run, folders)


@contextmanager
def _any_library(at: opt.WriteArgs, from_: opt.Repeatable, *, yes: bool = False) -> "Iterator[Library]":
    """Open the library, or an empty one where there is none: a quarantine says what was moved there."""
    from ..errors import StoreMissing
    from ..library import Library

    with ExitStack() as stack:
        try:
            library = at.writing() if yes else at.reading()
        except StoreMissing as error:
            if not from_:
                raise StoreMissing(
                    f"{error}; what lies in a quarantine in DIR, `undo --from DIR` puts back"
                ) from None
            library = Library.open(stack.enter_context(TemporaryDirectory()), create=True)
        yield stack.enter_context(library)


def _tell_of_unknown(library: "Library", at: opt.WriteArgs, from_: opt.Repeatable = None) -> None:
    """Say where files wait that another store moved, or a journal that is lost was about."""
    for folder in [] if from_ else library.files.unknown_quarantines():
        tell(
            f"the quarantine in {folder} has files of runs that this store cannot tell of: "
            f"`{at.call(f'undo --from {shlex.quote(folder)}')}` shows them"
        )


# --- prune ------------------------------------------------------------------------------------

OlderOption = Annotated[
    str, value("--older-than", "TIME", "Only files quarantined for at least this: 30d, 12h, 0d.")
]
OnlyRunOption = Annotated[opt.Text, value("--run", "JOURNAL", "Only what this run moved.")]


@command(
    Topic.CLEAN_UP,
    "lookalike prune",
    "lookalike prune --older-than 90d --yes",
    "lookalike prune --older-than 0d",
)
def prune(
    older_than: OlderOption = "30d",
    run: OnlyRunOption = None,
    yes: opt.YesOption = False,
    all_: AllOption = False,
    *,
    form: opt.FormatOption = opt.Format.table,
    at: opt.WriteArgs,
) -> Listing:
    """Show old files of the quarantine; with --yes, delete them.

    Only files that were quarantined for long enough, and only if the file that was kept for them is there
    and can be read. They are deleted for good. What is not due yet is listed with its day; nothing is ever
    deleted by itself. The trash is yours to empty.
    """
    from ..dedup.actions.prune import PruneOptions
    from ..output.progress import ProgressBar
    from ..store.progress import Watch

    options = PruneOptions(read_duration(older_than, "--older-than"), run)
    style, stop = Style("deleted for good", every=all_), threading.Event()
    with at.writing() if yes else at.reading() as library:
        if run is not None:
            library.files.record_to_undo(run)  # there may be no such run
        if yes:
            stop = stop_on_signal()
            with ProgressBar() as progress:
                found = library.files.prune(options, Watch(progress, stop))
        else:
            found = list(library.files.preview_prune(options))
        moved, records = library.moved(), library.files.journals()
        _tell_of_unknown(library, at)
    away = sum(each.standing().away.files for each in records if run in (None, each.name))
    for trouble in moved.troubles:
        tell(trouble)
    lots = [lot for lot in moved.lots if run in (None, lot.run)]
    end = tuple(after_prune(lots, options.older_than, at.call, nothing=not found, away=away))
    return outcomes_listing(found, style, form, end=end, is_stopped=stop.is_set())
