"""The commands about words for photos."""

import typer

from . import options as opt
from . import words_listings
from .console import show
from .library import Library


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
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
        found = library.labels(library.where(in_ or (), since, until), confidence=confidence)
        show(words_listings.labels_listing(found, as_tree=tree), form)
