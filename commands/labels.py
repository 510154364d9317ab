"""The commands about words for photos."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from ..errors import UsageError
from ..library import Library
from ..output.console import say_document, show, tell
from ..output.listing import Listing, columns, printable
from ..store.documents import Row
from . import options as opt
from .fields import plural

if TYPE_CHECKING:
    from ..search.labels.label import LabelCount
    from ..search.labels.training import Trial
    from ..store.catalog.labels import Taught


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog='Example: lookalike teach "grandma\'s garden" --yes garden1.jpg --yes garden2.jpg')(
        teach
    )
    app.command(epilog="Example: lookalike labels --in Pictures/2023 --tree")(labels)


def labels(
    in_: opt.InOption = None,
    since: opt.SinceOption = None,
    until: opt.UntilOption = None,
    confidence: opt.ConfidenceOption = None,
    tree: opt.TreeOption = False,
    form: opt.RowsOption = opt.Rows.table,
    store: opt.StoreOption = None,
) -> None:
    """List what the photos likely show, with the number of photos: labels for `search --label`.

    They come from the classifier that the network was trained with, applied to the stored embeddings:
    animals, plants, food, vehicles, buildings and things, a thousand kinds and the words above them, but
    hardly any people, and no faces or events. A photo of a terrier counts as a dog, too. A photo for which
    nothing is sure enough has no label.
    """
    with Library.open(store) as library:
        found = library.labels.count(library.where(in_ or (), since, until), confidence=confidence)
        show(labels_listing(found, as_tree=tree), form)


def teach(
    name: opt.TaughtArgument = None,
    yes: opt.ShowsOption = None,
    no: opt.ShowsNotOption = None,
    test: opt.TestOption = None,
    forget: opt.ForgetOption = None,
    list_: opt.ListTaughtOption = False,
    engine: opt.EngineOption = opt.Engine.auto,
    lock_timeout: opt.LockTimeoutOption = 10,
    form: opt.RowsOption = opt.Rows.table,
    store: opt.StoreOption = None,
) -> None:
    """Teach a label of your own by pictures that show it, for `search --label NAME`.

    Five pictures make a good beginning; some that look like it and are something else (--no) help. Pictures
    are files, indexed or not, id:N, or folders of the library. Teaching a label again adds examples;
    --forget it first to begin anew. --test holds out a part of the examples and says how well these are
    found.
    """
    _check_one_thing(name, yes or no, test, forget, list_)
    changes = name is not None or forget is not None
    with Library.open(store, write=changes, engine=engine, lock_timeout_s=lock_timeout) as library:
        if name is not None:
            made = library.labels.teach(name, yes or (), no or ())
            found = len(library.labels.ids([name]))
            tell(
                f"taught {name!r} by {len(made.yes)} examples and {len(made.no)} counter-examples; "
                f"{found:,} photos are likely it: lookalike search --label {name!r}"
            )
            if form is not opt.Rows.table:
                show(taught_listing([made]), form)
        elif forget is not None:
            library.labels.forget(forget)
            tell(f"forgot {forget!r}")
        elif test is not None:
            _show_trial(library, test, form)
        else:
            show(taught_listing(library.labels.taught()), form)


def _check_one_thing(
    name: str | None, examples: object, test: str | None, forget: str | None, list_: bool
) -> None:
    if sum((name is not None, test is not None, forget is not None, list_)) != 1:
        raise UsageError("give one of: NAME with --yes IMAGE, --test NAME, --forget NAME, --list")
    if name is not None and not examples:
        raise UsageError(f"teach {name!r} by pictures: --yes IMAGE, several times, or a folder")
    if name is None and examples:
        raise UsageError("--yes and --no belong to a NAME")


def _show_trial(library: Library, name: str, form: opt.Rows) -> None:
    trial = library.labels.test(name)
    if form is opt.Rows.json:
        say_document(trial_fields(name, trial))
    else:
        show(trial_listing(name, trial), form)


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
