"""The commands about copies: listing them, and saying what is one and what is not."""

from typing import TYPE_CHECKING, NamedTuple

import typer

from . import copy_listings
from . import options as opt
from .console import INTERRUPTED, read_data, show, stop_on_signal, tell
from .errors import StoreTooNew, StoreUnwritable
from .library import Library
from .library_copies import DEFAULT_MAX_FALSE, DEFAULT_MIN_SCORE

if TYPE_CHECKING:
    from .dedup.groups import Group
    from .store.pairs import Decision


class Place(NamedTuple):
    """Which store, and how many seconds to wait for another one who writes to it."""

    store: str | None
    lock_timeout_s: float


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: lookalike dupes ~/Pictures --prefer ~/Pictures/album")(dupes)
    app.command(epilog="Example: lookalike reject sunset1.jpg sunset2.jpg")(reject)
    app.command(epilog="Example: lookalike confirm scan.tif print.jpg")(confirm)
    app.command(epilog="Example: lookalike undecide sunset1.jpg sunset2.jpg")(undecide)
    app.command(epilog="Example: lookalike decisions --format json")(decisions)


def dupes(
    paths: opt.BelowArgument = None,
    since: opt.SinceOption = None,
    until: opt.UntilOption = None,
    camera: opt.CameraOption = None,
    min_size: opt.MinSizeOption = None,
    format_is: opt.FormatIsOption = None,
    near: opt.NearOption = None,
    condition: opt.WhereOption = None,
    similar: opt.SimilarOption = False,
    min_score: opt.GroupScoreOption = DEFAULT_MIN_SCORE,
    keep: opt.KeepOption = None,
    prefer: opt.PreferOption = None,
    protect: opt.ProtectOption = None,
    max_false: opt.MaxFalseOption = DEFAULT_MAX_FALSE,
    plan: opt.PlanOption = None,
    html: opt.HtmlOption = None,
    lock_timeout: opt.LockTimeoutOption = 10,
    form: opt.FormatOption = opt.Format.table,
    store: opt.StoreOption = None,
) -> None:
    """List copies as groups, each with the file to keep; look-alikes on request.

    Copies are exact (the same bytes) or proven from the pixels: re-saved, resized, cropped, turned,
    edited; what was done is said in words. Other shots of a scene and bursts are not copies. The first
    run proves what is new and remembers it. With --similar, photos that merely look alike are listed too,
    to look at. Nothing is removed or changed: --plan writes what `lookalike apply` can do.

    What could go without a look is preselected, and only that is listed by --format paths: no page, nothing
    that is tilted or differs in its details, no look-alike, and nothing that leaves a RAW or a video alone.
    """
    from .dedup.keeper import rules_from
    from .dedup.plan import check_plan_target, plan_of, write_plan
    from .progress import IndexProgress

    if html is not None:
        from .report.write import check_target

        check_target(html)
    if plan is not None:
        check_plan_target(plan)
    rules = rules_from(keep, prefer or (), protect or ())
    with _opened(store, lock_timeout) as library, IndexProgress() as progress:
        where = library.where(
            paths or (),
            since,
            until,
            camera=camera or (),
            min_size=min_size,
            formats=format_is or (),
            near=near,
            where=condition,
        )
        stop = stop_on_signal()
        report = library.copies(where, rules=rules, max_false=max_false, progress=progress, stop=stop)
        looks = library.lookalikes(min_score, where, copies=report.groups) if similar else []
        groups = [*report.groups, *looks]
        labels = library.labels_of(copy_listings.ids_in(groups))
        origin = library.origin(rules.protect)
        if html is not None and not stop.is_set():
            from .report.data import Review

            review = Review(report.groups, origin, looks, rules, report.pairs, report.wrong)
            library.write_report(html, review, progress)
    show(copy_listings.dupes_listing(groups, labels), form)
    if html is not None and not stop.is_set():
        tell(f"report written to {html}; open it in a browser")
    if plan is not None:
        write_plan(plan, plan_of(report.groups, origin))
        tell(
            f"plan written to {plan}; nothing was changed, `lookalike apply {plan}` shows what it would do"
        )
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)
    if form in (opt.Format.paths, opt.Format.paths0):
        _tell_what_is_left_out(groups)
    if form is opt.Format.table and report.pairs:
        tell(copy_listings.doubt_in_words(report.pairs, report.wrong))


def _tell_what_is_left_out(groups: "list[Group]") -> None:
    left = sum(not member.selected for group in groups for member in group.members)
    if left:
        tell(f"only what is preselected is listed; {left:,} more to look at, see --format table")


def _opened(store: str | None, lock_timeout: float) -> Library:
    """Open the library for writing, or for reading where that is all one can do."""
    try:
        return Library.open(store, write=True, lock_timeout_s=lock_timeout)
    except (StoreUnwritable, StoreTooNew) as error:
        tell(f"{error}; going on with what is known already")
        return Library.open(store)


def reject(
    a: opt.DecidedArgument,
    b: opt.DecidedArgument,
    lock_timeout: opt.LockTimeoutOption = 10,
    store: opt.StoreOption = None,
) -> None:
    """Remember that two photos are not copies of each other."""
    _decide(a, b, "rejected", Place(store, lock_timeout))


def confirm(
    a: opt.DecidedArgument,
    b: opt.DecidedArgument,
    lock_timeout: opt.LockTimeoutOption = 10,
    store: opt.StoreOption = None,
) -> None:
    """Remember that two photos are copies of each other."""
    _decide(a, b, "confirmed", Place(store, lock_timeout))


def undecide(
    a: opt.DecidedArgument,
    b: opt.DecidedArgument,
    lock_timeout: opt.LockTimeoutOption = 10,
    store: opt.StoreOption = None,
) -> None:
    """Forget what was rejected or confirmed of two photos: the pixels decide again."""
    _decide(a, b, None, Place(store, lock_timeout))


def _decide(a: str, b: str, kind: "Decision | None", place: Place) -> None:
    with Library.open(place.store, write=True, lock_timeout_s=place.lock_timeout_s) as library:
        (first, name), (second, other) = library.content(a), library.content(b)
        decided = {frozenset((each.a, each.b)) for each in library.decisions()}
        library.decide(first, second, kind)
    if kind is not None:
        tell(f"{kind}: {name} and {other}; remembered by their content")
    elif frozenset((first, second)) in decided:
        tell(f"undecided again: {name} and {other}")
    else:
        tell(f"nothing was decided on {name} and {other}")


def decisions(
    file: opt.ImportOption = None,
    lock_timeout: opt.LockTimeoutOption = 10,
    form: opt.RowsOption = opt.Rows.table,
    store: opt.StoreOption = None,
) -> None:
    """List what was confirmed and rejected, by content, with the files that show it.

    With --import, decisions from such a listing (json or jsonl, of any store) are taken over first; of two
    on one pair the later counts.
    """
    with Library.open(store, write=file is not None, lock_timeout_s=lock_timeout) as library:
        if file is not None:
            changed = library.import_decisions(read_data(file), file)
            tell(f"{changed:,} taken over from {file}")
        found = library.decisions()
        paths = library.paths_of(digest for each in found for digest in (each.a, each.b))
    show(copy_listings.decisions_listing(found, paths), form)
