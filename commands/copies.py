"""The command that lists copies."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from ..dedup import DEFAULT_MAX_FALSE, DEFAULT_MIN_SCORE
from ..errors import ExitCode, NeedsLocalStore, StoreTooNew, StoreUnwritable, UsageError
from ..library import Library
from ..output.console import stop_on_signal, tell
from ..output.copies import NO_LABELS, group_row, ids_in
from ..output.listing import Listing
from ..output.manners import hints, is_quiet, is_verbose
from ..output.screen import Styled, painted, screen
from ..output.text import (
    certainty,
    columns,
    common_folder,
    file_size,
    naming,
    path_below,
    pixels,
    plural,
    printable,
    rough_time,
)
from ..search.filters.values import read_bytes
from ..store.documents import Row
from . import options as opt
from .fields import label_names
from .groups import Topic, command
from .options import flag, value
from .settings import naming_the_line

if TYPE_CHECKING:
    from ..dedup.copies import FindOptions
    from ..dedup.groups.error_rate import Expectation
    from ..dedup.groups.groups import Group
    from ..dedup.groups.keeper import KeepRules
    from ..dedup.groups.report import CopyReport
    from ..search.labels.label import Label

# Groups that a terminal shows at once.
_FIRST = 20
NOTHING = "no duplicates found"
# Pictures that are smaller each way are icons.
_ICON = 64
# Of false matches that are to be expected.
_WORTH_TELLING = 0.01

# --- dupes ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Keep:
    """Which file of a group is kept."""

    panel: ClassVar[str] = "Which file to keep"

    keep: opt.Text = value(
        "--keep",
        "RULES",
        "Order of rules: original, resolution, companions, format, quality, metadata, name, oldest, "
        "folder, path.",
    )
    prefer: opt.Repeatable = value("--prefer", "DIR", "Keep files below this folder; repeatable.")
    protect: opt.Repeatable = value(
        "--protect", "DIR", "Never give up files below this folder; repeatable."
    )

    def rules(self, library: Library) -> "KeepRules":
        """Return the rules.

        Raises:
            UsageError: there is no such rule; or no such folder, nor one on a drive that is away.
        """
        from ..dedup.groups.keeper import folder_named, rules_from

        with naming_the_line("keep", self.keep):
            rules = rules_from(self.keep, (), ())
        folders: dict[str, list[str]] = {"prefer": [], "protect": []}
        for key, found in folders.items():
            for name in getattr(self, key) or ():
                with naming_the_line(key, name):
                    found.append(folder_named(name, library.folders.is_away))
        return replace(rules, prefer=tuple(folders["prefer"]), protect=tuple(folders["protect"]))


@dataclass(frozen=True)
class Kinds:
    """What is listed beside certain copies."""

    similar: bool = flag("--similar", "Also list groups of look-alikes.")
    min_score: float = value(
        "--min-score",
        "N",
        "Least score of look-alikes with their group's first.",
        DEFAULT_MIN_SCORE,
        min=0,
        max=1,
    )
    min_size_freed: opt.Text = value(
        "--min-size-freed", "SIZE", "Only groups whose copies take so much, such as 500kB."
    )
    every: bool = flag("--all", "List all groups; else a terminal shows the first 20.")
    max_false: float = value(
        "--max-false", "N", "How many false matches may be expected among all.", DEFAULT_MAX_FALSE, min=0
    )

    def worth_listing(self, groups: "Iterable[Group]") -> "list[Group]":
        """Return the groups whose copies take enough, those of icons last.

        Raises:
            UsageError: the size cannot be read.
        """
        least = 0.0 if self.min_size_freed is None else read_bytes(self.min_size_freed)
        if least is None:
            raise UsageError(f"cannot read --min-size-freed {self.min_size_freed}; write 500kB or 2MB")
        return sorted((group for group in groups if group.wasted_bytes >= least), key=_is_of_icons)


def _is_of_icons(group: "Group") -> bool:
    photos = (group.keeper_photo, *(member.photo for member in group.members))
    return all(max(photo.width, photo.height) < _ICON for photo in photos)


@dataclass(frozen=True)
class Choose:
    """What is preselected, and among which copies."""

    panel: ClassVar[str] = "What is preselected"

    include_edits: bool = flag("--include-edits", "Preselect edits as well: cropped, brighter, with text.")
    across_drives: bool = flag(
        "--across-drives", "Preselect copies on other drives and in backups as well."
    )
    merge_metadata: bool = flag(
        "--merge-metadata", "Preselect what only says more, for `apply --merge-metadata`."
    )
    within_folders: bool = flag("--within-folders", "Only copies in the same folder as the file to keep.")
    across_folders: bool = flag("--across-folders", "Only copies in other folders than the file to keep.")
    exact: bool = flag("--exact", "Only files of the same bytes; answers at once.")
    no_second_look: bool = flag(
        "--no-second-look", "Open no photo; then only copies of the same pixels are preselected."
    )

    def options(self, rules: "KeepRules", max_false: float) -> "FindOptions":
        """Return how to find copies.

        Raises:
            UsageError: both kinds of folders are asked for.
        """
        from ..dedup.copies import FindOptions
        from ..dedup.groups.members import Choosing

        if self.within_folders and self.across_folders:
            raise UsageError("give --within-folders or --across-folders, not both")
        return FindOptions(
            rules,
            max_false,
            Choosing(self.include_edits, self.across_drives, self.merge_metadata),
            self.exact,
            not self.no_second_look,
            "within" if self.within_folders else "across" if self.across_folders else "any",
        )


PlanOption = Annotated[opt.Text, value("--plan", "FILE", "Write what `apply` can do to this file (JSON).")]
HtmlOption = Annotated[
    opt.Text, value("--html", "FILE", "Write a page to review the groups and export a plan.")
]


@command(
    Topic.COPIES,
    "lookalike dupes",
    "lookalike dupes --html report.html",
    "lookalike dupes ~/Pictures --prefer ~/Pictures/album --plan plan.json",
)
def dupes(
    paths: opt.BelowArgument = None,
    html: HtmlOption = None,
    plan: PlanOption = None,
    *,
    kinds: Kinds,
    keeping: Keep,
    choose: Choose,
    filters: opt.Filters,
    form: opt.FormatOption = opt.Format.table,
    at: opt.WriteArgs,
) -> Listing:
    """List copies in groups, each with the file to keep.

    Copies are exact (the same bytes) or proven from the pixels: re-saved, resized, cropped, turned,
    edited. Other shots of a scene and bursts are not copies. The first run proves what is new and
    remembers it. With --similar, photos that merely look alike are listed too, to look at. Nothing is
    removed or changed: --plan writes what `lookalike apply` can do.

    The original is kept. Preselected, and listed by --format paths, is only what holds nothing of its own:
    files of the same bytes or pixels, and copies that were merely saved again, made smaller or converted,
    as a comparison of both at full size shows. Of others the list says what would be lost (keywords, a
    second page, a film, a place that differs) or why they stay: edits, documents, backups. That comparison
    opens files and takes most of a first run; it is remembered.
    """
    from ..dedup.actions.plan import PLAN, plan_of, write_plan
    from ..output.progress import ProgressBar

    if html is not None:
        from ..output.report.write import REPORT

        REPORT.check(html)
    if plan is not None:
        PLAN.check(plan)
    stop = stop_on_signal()
    notes: list[str] = []

    def forecast(what: str, pairs: int, seconds: float) -> None:
        is_first = what.startswith("proving")
        then = ", and then a comparison at full size" if is_first and options.second_look else ""
        time = f"about {rough_time(seconds)}{then}"
        tell(f"{what}: {plural(pairs, 'pair')} left, {time}; Ctrl-C keeps what is done")
        exact = library.copies.find(where, replace(options, exact=True)).groups if is_first else ()
        if exact:
            tell(_certain(exact, at))

    with _opened(at) as library, ProgressBar(forecast=forecast) as progress:
        rules = keeping.rules(library)
        options = choose.options(rules, kinds.max_false)
        where = filters.of(library, paths)
        report = library.copies.find(where, options, progress=progress, stop=stop)
        report = replace(report, groups=tuple(kinds.worth_listing(report.groups)))
        looks = (
            library.copies.lookalikes(kinds.min_score, where, copies=report.groups) if kinds.similar else []
        )
        groups = [*report.groups, *looks]
        labels = library.labels.of(ids_in(groups))
        origin = library.copies.origin(rules.protect)
        has_photos = library.totals().photos > 0
        if html is not None and not stop.is_set():
            from ..output.report.data import Review
            from ..output.report.write import write_report

            review = Review(report.groups, origin, looks, rules, report.pairs, report.wrong)
            write_report(html, review, library.store, progress)
            notes.append(f"report written to {html}; open it in a browser")
    if plan is not None:
        write_plan(plan, plan_of(report.groups, origin))
        call = f"lookalike apply {plan}{' --merge-metadata' if choose.merge_metadata else ''}"
        notes.append(f"plan written to {plan}; `{call}` shows what it would do")
    notes += _about(groups, report, form)
    if plan is None and html is None and any(group.selected_bytes for group in report.groups):
        in_browser = f"`{at.call('serve --write')}` to choose in a browser"
        notes += hints(f"next: `dupes --plan plan.json`, which `apply` then follows; or {in_browser}")
    end = ExitCode.INTERRUPTED if stop.is_set() else ExitCode.DONE
    nothing = NOTHING if has_photos else at.when_empty
    return dupes_listing(groups, labels, notes, end, every=kinds.every, nothing=nothing)


def _about(groups: "list[Group]", report: "CopyReport", form: opt.Format) -> Iterator[str]:
    """Yield what to know of a list of groups."""
    unselected = sum(not member.selected for group in groups for member in group.members)
    # Of most libraries it says "none", which nobody need read each time.
    if (
        form is opt.Format.table
        and (report.wrong.count >= _WORTH_TELLING or is_verbose())
        and not is_quiet()
    ):
        yield doubt_in_words(report.pairs, report.wrong)
    if report.away:
        folders = ", ".join(map(printable, report.away))
        yield f"away: {folders}; files there are listed as they were known, and not compared"
    if form in (opt.Format.paths, opt.Format.paths0) and unselected:
        yield f"only preselected files are listed; --format table shows {unselected:,} more"


def _certain(groups: "Sequence[Group]", at: opt.WriteArgs) -> str:
    """Say what is certain while the rest is being proven."""
    count = sum(len(group.members) for group in groups)
    size = file_size(sum(group.wasted_bytes for group in groups))
    words = "exact copy" if count == 1 else "exact copies"
    return f"known already: {count:,} {words} ({size}); at once: `{at.call('dupes --exact')}`"


def _opened(at: opt.WriteArgs) -> Library:
    """Open the library for writing, or for reading where that is all one can do."""
    try:
        return at.writing()
    except NeedsLocalStore:
        library = at.reading()  # which may say that it is not finished
        tell(f"copies as they were found; `lookalike bulk dupes {at.folder}` compares what is new")
        return library
    except (StoreUnwritable, StoreTooNew) as error:
        tell(f"{error}; going on with what is known already")
        return at.reading()


def dupes_listing(
    groups: "Iterable[Group]",
    labels: "Mapping[int, tuple[Label, ...]]" = NO_LABELS,
    notes: Sequence[str] = (),
    end: ExitCode = ExitCode.DONE,
    *,
    every: bool = True,
    nothing: str = NOTHING,
) -> Listing:
    """List groups; as paths: only the members that are selected, for scripts act on what they read.

    labels: what photos likely show, by id; a group has those that all of its photos have. every: else, a
    terminal shows the first ones only. nothing: what a table says where there are none.
    """

    def flat(row: Row) -> Iterator[Row]:
        labels = label_names(row["labels"])
        for member in row["members"]:
            yield {**member, "group": row["group"], "keeper": row["keeper"]["path"], "labels": labels}

    names = "group keeper path class change transform score id width height bytes selected why_not labels"
    return Listing(
        key="groups",
        rows=(group_row(number, group, labels) for number, group in enumerate(groups, 1)),
        lines=lambda rows: _group_lines(
            rows, sys.maxsize if every or screen() is None else _FIRST, nothing
        ),
        flat=flat,
        columns=names.split(),
        is_path=lambda row: row["selected"],
        notes=notes,
        exit=end,
    )


# --- the table --------------------------------------------------------------------------------


def _group_lines(rows: Iterable[Row], most: int, nothing: str) -> Iterator[str]:
    """Write groups, and what they come to. most: only so many of them. nothing: instead of them."""
    copies = lookalikes = wasted = selected = 0
    for row in rows:
        wasted, selected = wasted + row["wasted_bytes"], selected + row["selected_bytes"]
        is_copy = row["members"][0]["class"] != "similar"
        copies, lookalikes = copies + is_copy, lookalikes + (not is_copy)
        if copies + lookalikes <= most:
            yield from _one_group(row, is_copy)
            yield ""
    if is_quiet():
        return
    if copies + lookalikes > most:
        more = plural(copies + lookalikes - most, "more group")
        yield f"{more}: --all lists them, --html FILE or `lookalike serve` shows them"
    if lookalikes:
        yield f"{plural(lookalikes, 'group')} of look-alikes, to look at"
    if not copies:
        yield nothing
        return
    freed = f"{file_size(selected)} can be freed [x]" if selected else "nothing is preselected"
    yield f"{plural(copies, 'group')} of copies, {file_size(wasted)}; {freed}"


def _one_group(row: Row, is_copy: bool) -> Iterator[str]:
    """Write a group with what is long at the end of its lines, where a narrow terminal may wrap it."""
    files = [row["keeper"], *row["members"]]
    folder = common_folder(os.path.dirname(file["path"]) for file in files)
    what = _sizes(row) if is_copy else "look-alikes"
    number = f"group {row['group']}"
    yield painted(naming(f"{number} in ", folder, f": {what}") if folder else f"{number}: {what}", "head")
    why = row["keeper"]["reason"] + _beside(row["keeper"]["companions"])
    first = Styled("  keep", "keep") if is_copy else "  first"
    words = [(first, why), *(_mark_and_words(each) for each in row["members"])]
    names = [printable(path_below(file["path"], folder)) for file in files]
    table = [
        (mark, name, pixels(file), text)
        for file, name, (mark, text) in zip(files, names, words, strict=True)
    ]
    yield from columns(table, right=(2,), name=1)


def _sizes(row: Row) -> str:
    """Return what the copies of a group take, and what comes free with those that are preselected."""
    words = f"{plural(len(row['members']), 'copy', 'copies')}, {file_size(row['wasted_bytes'])}"
    return f"{words}; {file_size(row['selected_bytes'])} can be freed" if row["selected_bytes"] else words


def _mark_and_words(member: Row) -> tuple[str, str]:
    if member["class"] == "similar":
        return "  ", f"{member['score']:.3f} {member['transform'] or 'look-alike'}"
    words = member["transform"] + certainty(member["score"])
    # What belongs to another picture, too, would not be moved with this one; what is lost is named there.
    lost = {each["words"] for each in member["would_lose"]}
    beside = [each for each in member["companions"] if not each["shared"]]
    words += _beside([each for each in beside if f"its {os.path.basename(each['path'])}" not in lost])
    if member["would_lose"]:
        verb = "to merge" if member["merge"] else "would lose"
        words += f"; {verb}: {'; '.join(printable(each['words']) for each in member['would_lose'])}"
    elif member["why_not"] and member["why_not"] not in words:
        words += f" ({member['why_not']})"
    elif member["selected"]:
        words += ", loses nothing"
    return (Styled("  [x]", "go") if member["selected"] else "  [ ]"), words


def _beside(companions: list[Row]) -> str:
    names = [printable(os.path.basename(each["path"])) for each in companions]
    return f" + {', '.join(names)}" if names else ""


def doubt_in_words(pairs: int, wrong: "Expectation") -> str:
    """Say how many false matches to expect among the proven pairs."""
    count = f"about {wrong.count:.2g}" if wrong.count >= _WORTH_TELLING else "less than 0.01"
    most = f"no more than {wrong.high}" if wrong.high else "none"
    return f"{plural(pairs, 'proven pair')}; {count} false matches expected, very likely {most}"
