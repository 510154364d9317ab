"""The commands that move files: acting on a plan, taking that back, emptying the quarantine."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from . import act_listings
from . import options as opt
from .console import INTERRUPTED, PARTLY, read_data, show, stop_on_signal, tell
from .durations import read_duration
from .library import Library

if TYPE_CHECKING:
    from .dedup.acts.outcome import Outcome


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

    Right before each act both files are looked at again, byte by byte, and the one to keep is decoded;
    what has changed since the plan was made is left alone. Files go to the trash, or to a quarantine folder
    on the same drive where there is no trash, with the sidecars, RAWs and videos that belong to them.
    Nothing is ever removed, everything is journaled first, and `lookalike undo` puts it back.
    """
    from .dedup.acts.planfile import read_plan
    from .dedup.apply import ApplyOptions
    from .dedup.watching import Watch
    from .progress import IndexProgress

    read = read_plan(read_data(plan), "stdin" if plan == "-" else plan)
    folder = None if quarantine is None else os.path.realpath(quarantine)
    options = ApplyOptions(method.value, include_similar, tuple(protect or ()), folder)
    if not yes:
        with Library.open(store) as library:
            _show(library.preview(read, options), form, "go")
        return
    stop = stop_on_signal()
    with (
        Library.open(store, write=True, lock_timeout_s=lock_timeout) as library,
        IndexProgress() as progress,
    ):
        found = library.apply(read, options, Watch(progress, stop))
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
    from .dedup.undo import UndoOptions
    from .dedup.watching import Watch
    from .progress import IndexProgress

    if list_:
        with Library.open(store) as library:
            show(act_listings.journals_listing(library.journals()), form)
        return
    options = UndoOptions(run, tuple(from_ or ()))
    with Library.open(store, write=yes, lock_timeout_s=lock_timeout) as library:
        record = library.record_to_undo(run)
        if record is None:
            tell("there is nothing to undo")
            return
        if record.damaged:
            tell(f"{record.damaged:,} lines of {record.path} are damaged: look into the quarantine, too")
        if not yes:
            _show(library.preview_undo(record, options), form, "come back")
            return
        stop = stop_on_signal()
        with IndexProgress() as progress:
            found = library.undo(record, options, Watch(progress, stop))
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
    from .dedup.prune import PruneOptions
    from .dedup.watching import Watch
    from .progress import IndexProgress

    options = PruneOptions(read_duration(older_than, "--older-than"), run)
    if not yes:
        with Library.open(store) as library:
            _show(library.preview_prune(options), form, "be removed for good")
        return
    stop = stop_on_signal()
    with (
        Library.open(store, write=True, lock_timeout_s=lock_timeout) as library,
        IndexProgress() as progress,
    ):
        found = library.prune(options, Watch(progress, stop))
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

    show(act_listings.outcomes_listing(noted(), verb), form)
    if any(outcome.state == "planned" for outcome in seen):
        tell("nothing was changed; --yes does it")
    if form is not opt.Format.table:
        for outcome in seen:
            if outcome.state == "left":
                tell(f"{outcome.path}: {outcome.reason}")
    if any(outcome.state == "left" for outcome in seen):
        raise typer.Exit(PARTLY)
