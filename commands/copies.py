"""The commands about copies: listing them, and saying what is one and what is not."""

import os
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import typer

from ..dedup.copies import DEFAULT_MAX_FALSE, DEFAULT_MIN_SCORE
from ..errors import StoreTooNew, StoreUnwritable
from ..library import Library
from ..output.console import INTERRUPTED, read_data, show, stop_on_signal, tell
from ..output.listing import Listing, columns, file_size, printable
from ..store.documents import Row, path_fields
from . import options as opt
from .fields import label_names, label_rows, photo_fields, pixels, plural

if TYPE_CHECKING:
    from ..dedup.groups.companions import Companion
    from ..dedup.groups.error_rate import Expectation
    from ..dedup.groups.groups import Group, Member
    from ..search.labels.label import Label
    from ..store.catalog.pairs import Decided, Decision


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
    from ..dedup.actions.plan import PLAN, plan_of, write_plan
    from ..dedup.groups.keeper import rules_from
    from ..output.progress import IndexProgress

    if html is not None:
        from ..output.report.write import REPORT

        REPORT.check(html)
    if plan is not None:
        PLAN.check(plan)
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
        report = library.copies.find(where, rules=rules, max_false=max_false, progress=progress, stop=stop)
        looks = library.copies.lookalikes(min_score, where, copies=report.groups) if similar else []
        groups = [*report.groups, *looks]
        labels = library.labels.of(ids_in(groups))
        origin = library.copies.origin(rules.protect)
        if html is not None and not stop.is_set():
            from ..output.report.data import Review
            from ..output.report.write import write_report

            review = Review(report.groups, origin, looks, rules, report.pairs, report.wrong)
            write_report(html, review, library.store, progress)
    show(dupes_listing(groups, labels), form)
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
        tell(doubt_in_words(report.pairs, report.wrong))


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
        (first, name), (second, other) = library.copies.content(a), library.copies.content(b)
        decided = {frozenset((each.a, each.b)) for each in library.copies.decisions()}
        library.copies.decide(first, second, kind)
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
            changed = library.copies.import_decisions(read_data(file), file)
            tell(f"{changed:,} taken over from {file}")
        found = library.copies.decisions()
        paths = library.copies.paths_of(digest for each in found for digest in (each.a, each.b))
    show(decisions_listing(found, paths), form)


def dupes_listing(
    groups: "Iterable[Group]", labels: "Mapping[int, tuple[Label, ...]]" = MappingProxyType({})
) -> Listing:
    """List groups; as paths: only the members that are selected, for scripts act on what they read.

    labels: what photos likely show, by id; a group has those that all of its photos have.
    """

    def flat(row: Row) -> Iterator[Row]:
        said = label_names(row["labels"])
        for member in row["members"]:
            yield {**member, "group": row["group"], "keeper": row["keeper"]["path"], "labels": said}

    names = "group keeper path class change transform score id width height bytes selected why_not labels"
    return Listing(
        key="groups",
        rows=(_group_row(number, group, labels) for number, group in enumerate(groups, 1)),
        lines=_group_lines,
        flat=flat,
        columns=names.split(),
        is_path=lambda row: row["selected"],
    )


def _group_row(number: int, group: "Group", labels: "Mapping[int, tuple[Label, ...]]") -> Row:
    keeper = photo_fields(group.keeper_photo, group.keeper)
    return {
        "group": number,
        "keeper": keeper | {"reason": group.reason, "companions": _companions(group.companions)},
        "members": [_member_row(member) for member in group.members],
        "labels": label_rows(common_labels(group, labels)),
        "wasted_bytes": group.wasted_bytes,
        "selected_bytes": group.selected_bytes,
    }


def ids_in(groups: "Iterable[Group]") -> set[int]:
    """Return the ids of all photos in groups."""
    return {
        photo.id for group in groups for photo in (group.keeper_photo, *(m.photo for m in group.members))
    }


def common_labels(group: "Group", labels: "Mapping[int, tuple[Label, ...]]") -> "list[Label]":
    """Return the labels that all photos of a group have, each as sure as in the least sure photo."""
    ids = {group.keeper_photo.id, *(member.photo.id for member in group.members)}
    each = [{label.name: label for label in labels.get(photo, ())} for photo in ids]
    shared = [label.name for label in labels.get(group.keeper_photo.id, ())]
    return [
        min((photo[name] for photo in each), key=lambda label: label.confidence)
        for name in shared
        if all(name in photo for photo in each)
    ]


def _member_row(member: "Member") -> Row:
    return {
        **photo_fields(member.photo, member.file),
        "class": member.kind,
        "transform": member.transform,
        "score": round(member.score, 6),
        "change": member.change,
        "selected": member.selected,
        "why_not": member.why_not,
        "companions": _companions(member.companions),
        "evidence": _evidence(member),
    }


def _companions(companions: "Iterable[Companion]") -> list[Row]:
    from ..dedup.actions.plan import companion_rows

    return companion_rows(companions)


def _evidence(member: "Member") -> Row:
    if member.kind == "similar":
        return {"cosine": round(member.score, 6)}
    return dict(member.evidence) or {"blake3": member.photo.digest}


# --- the table --------------------------------------------------------------------------------

# A probability that rounds to one says nothing.
_SURE = 0.9995


def _group_lines(rows: Iterable[Row]) -> Iterator[str]:
    copies = lookalikes = wasted = selected = 0
    for row in rows:
        wasted, selected = wasted + row["wasted_bytes"], selected + row["selected_bytes"]
        is_copy = row["members"][0]["class"] != "similar"
        copies, lookalikes = copies + is_copy, lookalikes + (not is_copy)
        yield from _one_group(row, is_copy)
        yield ""
    if lookalikes:
        yield f"{lookalikes:,} {plural(lookalikes, 'group', 'groups')} of look-alikes, to look at"
    if not copies:
        yield "no duplicates found"
        return
    found = f"{copies:,} {plural(copies, 'group', 'groups')} of copies"
    yield f"{found}; {file_size(wasted)} could be won, {file_size(selected)} of it preselected [x]"


def _one_group(row: Row, is_copy: bool) -> Iterator[str]:
    """Write a group with what is long at the end of its lines, where a narrow terminal may wrap it."""
    files = [row["keeper"], *row["members"]]
    folder = os.path.commonpath([os.path.dirname(file["path"]) for file in files])
    what = f"{file_size(row['wasted_bytes'])} to win" if is_copy else "look-alikes"
    if row["labels"]:
        what += f", likely {printable(row['labels'][0]['name'])}"
    yield f"group {row['group']} in {printable(folder)}: {what}"
    why = row["keeper"]["reason"] + _beside(row["keeper"]["companions"])
    said = [("keep" if is_copy else "first", why), *(_mark_and_words(each) for each in row["members"])]
    names = [printable(os.path.relpath(file["path"], folder)) for file in files]
    table = [
        (f"  {mark}", name, pixels(file), words)
        for file, name, (mark, words) in zip(files, names, said, strict=True)
    ]
    yield from columns(table, right=(2,))


def _mark_and_words(member: Row) -> tuple[str, str]:
    if member["class"] == "similar":
        return "", f"{member['score']:.3f} {member['transform'] or 'look-alike'}"
    words = member["transform"]
    if member["score"] < _SURE:
        words += f", {100 * member['score']:.1f} % sure"
    if member["why_not"] and member["why_not"] not in words:
        words += f" ({member['why_not']})"
    # What belongs to another picture, too, would not go with this one.
    words += _beside([each for each in member["companions"] if not each["shared"]])
    return ("[x]" if member["selected"] else "[ ]"), words


def _beside(companions: list[Row]) -> str:
    names = [printable(os.path.basename(each["path"])) for each in companions]
    return f" + {', '.join(names)}" if names else ""


# --- plans and decisions ----------------------------------------------------------------------


def doubt_in_words(pairs: int, wrong: "Expectation") -> str:
    """Say how many of the proven pairs are to be expected wrong."""
    count = f"{wrong.count:.2g}" if wrong.count >= 0.01 else "less than 0.01"
    return (
        f"{pairs:,} proven {plural(pairs, 'pair', 'pairs')}; {count} to be expected wrong, "
        f"at most {wrong.high} (in 95 of 100 libraries like this)"
    )


def decisions_listing(decisions: "Iterable[Decided]", paths: Mapping[str, str]) -> Listing:
    """List what the user confirmed and rejected, by content. paths: a file of each digest that has one."""

    def row(each: "Decided") -> Row:
        names = {**_named(paths.get(each.a), "path_a"), **_named(paths.get(each.b), "path_b")}
        return {"a": each.a, "b": each.b, "kind": each.kind, "at": each.at} | names

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        table = [
            (row["kind"], row["at"], *(printable(row[f"path_{side}"] or row[side]) for side in "ab"))
            for row in rows
        ]
        yield from columns(table) if table else ["nothing was decided"]

    return Listing(
        key="decisions",
        rows=map(row, decisions),
        lines=lines,
        flat=lambda row: [row],
        columns=("a", "b", "kind", "at", "path_a", "path_b"),
    )


def _named(path: str | None, name: str) -> Row:
    return {name: None} if path is None else path_fields(path, name)
