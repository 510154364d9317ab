"""What the commands about labels list: the JSON objects, the CSV columns and the tables."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .documents import Row
from .listings import plural
from .render import Listing, columns, printable

if TYPE_CHECKING:
    from .store.taught import Taught
    from .words.label import LabelCount
    from .words.teaching import Trial


def labels_listing(labels: "Iterable[LabelCount]", *, as_tree: bool) -> Listing:
    """List the labels of a library; as_tree: the table has each below what it is a kind of."""

    def row(label: "LabelCount") -> Row:
        above = list(label.path)
        return {"label": label.name, "above": above, "photos": label.photos, "taught": label.is_taught}

    return Listing(
        key="labels",
        rows=map(row, labels),
        lines=_tree_lines if as_tree else _lines,
        flat=lambda row: [{**row, "above": " > ".join(row["above"])}],
        columns=("label", "above", "photos", "taught"),
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
        photos = f"{row['photos']:,} {plural(row['photos'], 'photo', 'photos')}"
        note = " (taught)" if row["taught"] else ""
        yield f"{'  ' * len(row['above'])}{printable(row['label'])}{note}: {photos}"
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

    return Listing("taught", map(row, labels), lines, lambda row: [row], ("label", "yes", "no", "at"))


def trial_listing(name: str, trial: "Trial") -> Listing:
    """List the one row that says how well a taught label does."""
    row = trial_fields(name, trial)
    return Listing("trials", [row], lambda _: trial_lines(name, trial), lambda row: [row], tuple(row))


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
    """Say how well a taught label does."""
    yield f"{printable(name)}: {trial.verdict}"
    yield (
        f"average precision {trial.precision:.2f} +- {trial.spread:.2f}: examples that it was not shown, "
        f"among other photos of the library ({trial.splits} splits; what else shows it counts as an error)"
    )
    shares = (
        f"{100 * trial.found:.0f} % of these examples, and of {100 * trial.said:.1f} % of photos at random"
    )
    yield f"it was said of {shares}"
