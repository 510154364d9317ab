"""What the commands about labels list: the JSON objects, the CSV columns and the tables."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .documents import Row
from .listings import plural
from .render import Listing, columns, printable

if TYPE_CHECKING:
    from .words.label import LabelCount


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
