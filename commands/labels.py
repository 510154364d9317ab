"""The commands about labels: what photos show, and labels that the user teaches."""

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from ..errors import UsageError
from ..library import Library
from ..output.console import stop_on_signal, tell
from ..output.listing import Listing, Summary
from ..output.text import columns, plural, printable
from ..store.documents import Row
from . import options as opt
from .groups import Topic, command
from .options import argument, flag, value

if TYPE_CHECKING:
    from ..search.labels.label import LabelCount
    from ..search.labels.training import Trial
    from ..store.catalog.labels import Taught
    from ..store.filters.where import Where

# --- labels -----------------------------------------------------------------------------------

TreeOption = Annotated[bool, flag("--tree", "Show labels below what they are a kind of.")]


@dataclass(frozen=True)
class Sidecar:
    """Writing labels beside photos."""

    panel: ClassVar[str] = "Sidecars"

    write_xmp: bool = flag("--write-xmp", "Show which labels would go into XMP sidecars; with --yes write.")
    label: opt.Repeatable = value("--label", "NAME", "Write only this label; repeatable.")
    yes: bool = flag("--yes", "Write them; `undo` takes it back.")

    def check(self) -> None:
        """Check that something is to be written.

        Raises:
            UsageError: it is not.
        """
        if (self.label or self.yes) and not self.write_xmp:
            raise UsageError("--label and --yes belong to --write-xmp")


@command(
    Topic.FIND,
    "lookalike labels",
    "lookalike labels --in Pictures/2023 --tree",
    "lookalike labels --write-xmp --label dog --confidence 0.8 --yes",
)
def labels(
    tree: TreeOption = False,
    confidence: opt.ConfidenceOption = None,
    *,
    sidecar: Sidecar,
    filters: opt.Filters,
    form: opt.RowsOption = opt.Rows.table,
    at: opt.WriteArgs,
) -> Listing:
    """List what the photos likely show.

    With the number of photos; these are the labels for `search --label`. They come from the classifier
    that the network was trained with, applied to the stored embeddings: animals, plants, food, vehicles,
    buildings and things, a thousand kinds and the words above them, but hardly any people, and no faces or
    events. A photo of a terrier counts as a dog, too. Where nothing is sure enough, a photo has no label.

    --write-xmp adds them to the keywords in the sidecar of each photo (made where there is none, as
    beach.jpg.xmp); all else in a sidecar stays as it is. `lookalike undo` takes it back.
    """
    sidecar.check()
    if sidecar.write_xmp:
        return _write_xmp(at, sidecar, filters, confidence, form)
    with at.reading() as library:
        found = library.labels.count(filters.of(library), confidence=confidence)
    return labels_listing(found, as_tree=tree)


def _write_xmp(
    at: opt.WriteArgs, sidecar: Sidecar, filters: opt.Filters, confidence: float | None, form: opt.Rows
) -> Listing:
    from ..output.outcomes import Style, outcomes_listing
    from ..output.progress import ProgressBar
    from ..store.progress import Watch

    style, stop = Style("written", kept=False, has_all=False), stop_on_signal()
    with at.writing() if sidecar.yes else at.reading() as library, ProgressBar() as progress:
        wanted = _keywords(library, sidecar.label, filters.of(library), confidence)
        found = (
            library.files.write_keywords(wanted, Watch(progress, stop))
            if sidecar.yes
            else list(library.files.preview_keywords(wanted))
        )
    end = () if found else ("there is nothing to write: no photo has such a label that it does not name",)
    return outcomes_listing(found, style, form, end=end, is_stopped=stop.is_set())


def _keywords(
    library: Library, only: list[str] | None, where: "Where", confidence: float | None
) -> dict[str, list[str]]:
    """Return the labels of each file, without those that are among its own keywords already."""
    named = only or [each.name for each in library.labels.count(where, confidence=confidence)]
    labels = defaultdict[int, list[str]](list)
    for name in named:
        for photo in library.labels.ids([name], where, confidence).tolist():
            labels[photo].append(name)
    holdings = library.holdings(sorted(labels))
    wanted: dict[str, list[str]] = {}
    for photo in library.photos(where):
        held = holdings.get(photo.id)
        own = {each.casefold() for each in held.fields.get("keywords", ())} if held else set()
        more = [each for each in labels.get(photo.id, ()) if each.casefold() not in own]
        wanted |= {file.path: more for file in photo.files if more}
    return wanted


# --- teach ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lesson:
    """What to do with taught labels: one thing at a time."""

    name: opt.Text = argument("NAME", "What to call the label.")
    yes: opt.Repeatable = value("--yes", "IMAGE", "This shows it: a file, id:N, or a folder; repeatable.")
    no: opt.Repeatable = value("--no", "IMAGE", "This does not, though it may look so; repeatable.")
    test: opt.Text = value("--test", "NAME", "Show how good a taught label is.")
    forget: opt.Text = value("--forget", "NAME", "Forget a taught label.")
    list_: bool = flag("--list", "List the taught labels.")

    def check(self) -> None:
        """Check that it is one thing.

        Raises:
            UsageError: it is not.
        """
        examples = self.yes or self.no
        if sum((self.name is not None, self.test is not None, self.forget is not None, self.list_)) != 1:
            raise UsageError("give one of: NAME with --yes IMAGE, --test NAME, --forget NAME, --list")
        if self.name is not None and not examples:
            raise UsageError(f"teach {self.name!r} by pictures: --yes IMAGE, several times, or a folder")
        if self.name is None and examples:
            raise UsageError("--yes and --no belong to a NAME")


@command(
    Topic.FIND,
    'lookalike teach "grandma\'s garden" --yes garden1.jpg --yes garden2.jpg',
    'lookalike teach --test "grandma\'s garden"',
)
def teach(
    *,
    lesson: Lesson,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.RowsOption = opt.Rows.table,
    at: opt.WriteArgs,
) -> Listing | Summary | None:
    """Teach a label of your own by example pictures.

    For `search --label NAME`. Five pictures make a good beginning; some that look like it and are something
    else (--no) help. Pictures are files, indexed or not, id:N, or folders of the library. Teaching a label
    again adds examples; --forget it first to begin anew. --test holds out a part of the examples and shows
    how well these are found.
    """
    from ..output.progress import ProgressBar

    lesson.check()
    changes = lesson.name is not None or lesson.forget is not None
    with at.writing(engine) if changes else at.reading(engine) as library:
        if lesson.name is not None:
            made = _teach(library, lesson.name, lesson, at)
            return taught_listing([made]) if form is not opt.Rows.table else None
        if lesson.forget is not None:
            library.labels.forget(lesson.forget)
            tell(f"forgot {lesson.forget!r}")
            return None
        if lesson.test is not None:
            with ProgressBar() as progress:
                trial = library.labels.test(lesson.test, progress=progress)
            return _trial(lesson.test, trial, form)
        return taught_listing(library.labels.taught())


def _teach(library: Library, name: str, lesson: Lesson, at: opt.StoreArgs) -> "Taught":
    made = library.labels.teach(name, lesson.yes or (), lesson.no or ())
    found = len(library.labels.ids([name]))
    counts = f"{plural(len(made.yes), 'example')} and {plural(len(made.no), 'counter-example')}"
    likely = plural(found, "photo likely shows", "photos likely show")
    shown = f": {at.call(f'search --label {shlex.quote(name)}')}" if found else ""
    tell(f"taught {name!r} by {counts}; {likely} it{shown}")
    return made


# --- as text and rows -------------------------------------------------------------------------


def labels_listing(labels: "Iterable[LabelCount]", *, as_tree: bool) -> Listing:
    """List the labels of a library; as_tree: the table has each below what it is a kind of."""

    def row(label: "LabelCount") -> Row:
        above = list(label.path)
        return {"label": label.name, "above": above, "photos": label.photos, "taught": label.is_taught}

    return Listing(
        key="labels",
        rows=map(row, labels),
        lines=_tree_lines if as_tree else _lines,
        columns=("label", "above", "photos", "taught"),
        flat=lambda row: [{**row, "above": " > ".join(row["above"])}],
    )


def _lines(rows: Iterable[Row]) -> Iterator[str]:
    table = [(f"{row['photos']:,}", printable(row["label"]), _place(row)) for row in rows]
    yield from columns(table, right=(0,)) if table else ["no photo has a label that is likely enough"]


def _place(row: Row) -> str:
    return "(taught)" if row["taught"] else " > ".join(row["above"])


def _tree_lines(rows: Iterable[Row]) -> Iterator[str]:
    # Taught labels stand first; the rest by their path, so that each follows what it is a kind of.
    ordered = sorted(rows, key=lambda row: (not row["taught"], [*row["above"], row["label"]]))
    for row in ordered:
        note = " (taught)" if row["taught"] else ""
        label = f"{'  ' * len(row['above'])}{printable(row['label'])}{note}"
        yield f"{label}: {plural(row['photos'], 'photo')}"
    if not ordered:
        yield "no photo has a label that is likely enough"


def taught_listing(labels: "Iterable[Taught]") -> Listing:
    """List the labels that were taught, each with the number of its examples."""

    def row(label: "Taught") -> Row:
        return {"label": label.name, "yes": len(label.yes), "no": len(label.no), "at": label.at}

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        table = [
            (printable(row["label"]), f"{row['yes']:,} yes", f"{row['no']:,} no", row["at"]) for row in rows
        ]
        yield from columns(table, right=(1, 2)) if table else ["nothing was taught"]

    return Listing("taught", map(row, labels), lines, ("label", "yes", "no", "at"))


def _trial(name: str, trial: "Trial", form: opt.Rows) -> Listing | Summary:
    """Return how well a taught label does: a JSON object, or the one row of a list."""
    fields, lines = trial_fields(name, trial), trial_lines(name, trial)
    if form is opt.Rows.json:
        return Summary(fields, lines)
    return Listing("trials", [fields], lambda _: lines, tuple(fields))


def trial_fields(name: str, trial: "Trial") -> Row:
    """Return for JSON how well a taught label does."""
    return {
        "label": name,
        "average_precision": round(trial.precision, 4),
        "spread": round(trial.spread, 4),
        "found": round(trial.found, 4),
        "said": round(trial.said, 4),
        "splits": trial.splits,
        "verdict": trial.verdict,
    }


def trial_lines(name: str, trial: "Trial") -> Iterator[str]:
    """Write how well a taught label does, for people."""
    yield f"{printable(name)}: {trial.verdict}"
    yield (
        f"average precision {trial.precision:.2f} +- {trial.spread:.2f}: examples that it was not shown, "
        f"among other photos of the library ({trial.splits} splits; what else shows it counts as an error)"
    )
    shares = (
        f"{100 * trial.found:.0f} % of these examples, and {100 * trial.said:.1f} % of photos at random"
    )
    yield f"it is given to {shares}"
