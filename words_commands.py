"""The commands about words for photos."""

import typer

from . import options as opt
from . import words_listings
from .console import say_document, show, tell
from .errors import UsageError
from .library import Library


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
        found = library.labels(library.where(in_ or (), since, until), confidence=confidence)
        show(words_listings.labels_listing(found, as_tree=tree), form)


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
            made = library.teach(name, yes or (), no or ())
            found = len(library.labelled_ids([name]))
            tell(
                f"taught {name!r} by {len(made.yes)} examples and {len(made.no)} counter-examples; "
                f"{found:,} photos are likely it: lookalike search --label {name!r}"
            )
            if form is not opt.Rows.table:
                show(words_listings.taught_listing([made]), form)
        elif forget is not None:
            library.forget_label(forget)
            tell(f"forgot {forget!r}")
        elif test is not None:
            _show_trial(library, test, form)
        else:
            show(words_listings.taught_listing(library.taught()), form)


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
    trial = library.test_label(name)
    if form is opt.Rows.json:
        say_document(words_listings.trial_fields(name, trial))
    else:
        show(words_listings.trial_listing(name, trial), form)
