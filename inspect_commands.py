"""The commands that look at single pictures: is it in the library already, and why is it a copy."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from . import inspect_listings
from . import options as opt
from .console import INTERRUPTED, PARTLY, say, say_document, show, stop_on_signal, tell
from .library import Library

if TYPE_CHECKING:
    from .dedup.matches import Checked

FOUND = 10


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: lookalike check ~/card --new --format paths0 | xargs -0 cp -t ~/Pictures")(
        check
    )
    app.command(epilog="Example: lookalike explain beach.jpg beach-small.jpg --image why.png")(explain)


def check(
    new: opt.NewArgument,
    against: opt.AgainstOption = None,
    only_new: opt.OnlyNewOption = False,
    workers: opt.WorkersOption = None,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.FormatOption = opt.Format.table,
    store: opt.StoreOption = None,
) -> None:
    """Say of each photo in NEW whether the library has it already.

    As the same bytes, the same pixels or a proven copy: re-saved, resized, cropped, edited; in what it
    differs is said, and whether the new one is the better one. NEW is only read and need not be indexed. A
    file that itself lies in the library is not its own match. As paths, what is found is listed, with --new
    what is not. Ends with 10 when something was found, else with 3 when something could not be read.
    """
    from .progress import IndexProgress

    tally = inspect_listings.Tally()
    with Library.open(store, engine=engine) as library, IndexProgress(alone=True) as progress:
        stop = stop_on_signal()
        checked = library.check(new, against=against or (), workers=workers, progress=progress, stop=stop)
        watched = _watched(checked, tally)
        show(inspect_listings.check_listing(watched, tally, form, only_new=only_new), form)
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)
    if tally.found or tally.unreadable:
        raise typer.Exit(FOUND if tally.found else PARTLY)


def _watched(checked: "Iterable[Checked]", tally: inspect_listings.Tally) -> "Iterator[Checked]":
    """Pass results on and count them; what could not be read is told on stderr."""
    for each in checked:
        tally.count(each)
        if each.error is not None:
            tell(f"{each.path}: {each.error}")
        yield each


def explain(
    a: opt.PictureArgument,
    b: opt.PictureArgument,
    image: opt.SheetOption = None,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.SummaryOption = opt.Summary.table,
    store: opt.StoreOption = None,
) -> None:
    """Say why two pictures are copies of each other, or why not.

    The verdict with what decided, the numbers beside what copies have, whether a search for copies would
    look at the pair at all, and what else is known: capture times, the same pixels, what you decided.
    """
    with Library.open(store, engine=engine) as library:
        found = library.explain(a, b)
        if image is not None:
            library.draw(found, image)
            tell(f"drawn to {image}")
    if form is opt.Summary.json:
        say_document(inspect_listings.explanation_fields(found))
    else:
        say("\n".join(inspect_listings.explanation_lines(found)))
