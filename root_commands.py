"""The commands about folders and missing files: what is gone, and taking it out of the library."""

import typer

from . import options as opt
from . import root_listings
from .console import OFFLINE, show, tell
from .durations import read_duration
from .library import Library


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: lookalike missing ~/Pictures --format csv > missing.csv")(missing)
    app.command(epilog="Example: lookalike forget /mnt/old-disk --yes")(forget)
    app.command(epilog="Example: lookalike purge --missing-for 90d --yes")(purge)


def missing(
    paths: opt.BelowArgument = None,
    form: opt.FormatOption = opt.Format.table,
    store: opt.StoreOption = None,
) -> None:
    """List the photos that the library knows and that are not there any more.

    With the time since which they are missing; `=` stands before those whose content another file of the
    library holds. They are hidden from all results, and are back without decoding when their files are.
    """
    with Library.open(store) as library:
        show(root_listings.missing_listing(library.missing(paths or [])), form)


def forget(
    paths: opt.ForgetArgument,
    yes: opt.YesOption = False,
    form: opt.FormatOption = opt.Format.table,
    store: opt.StoreOption = None,
) -> None:
    """Take folders out of the library: show how much that is, or do it with --yes.

    A folder that was indexed, or one below it. The photos on the disk are not touched, and your decisions
    stay. A folder below one that is indexed again comes back, unless you --exclude it there. What is known
    of the contents stays until `lookalike purge`, so that nothing is decoded when they come back.
    """
    with Library.open(store, write=yes) as library:
        found = library.forget(paths) if yes else library.preview_forget(paths)
    show(root_listings.forget_listing(found, done=yes), form)
    if found and not yes:
        tell("nothing was changed; --yes does it")


def purge(
    paths: opt.BelowArgument = None,
    missing_for: opt.MissingForOption = "30d",
    yes: opt.YesOption = False,
    form: opt.FormatOption = opt.Format.table,
    store: opt.StoreOption = None,
) -> None:
    """Forget photos that have been missing for long: show which, or do it with --yes.

    What is known of them goes for good: embeddings, thumbnails, proofs. Your decisions stay, and so does
    what `apply` moved and `undo` can put back. Of a folder that is away, or looks as if its drive were,
    nothing goes, and the command ends with 4. No file on a disk is touched.
    """
    age = read_duration(missing_for, "--missing-for")
    with Library.open(store, write=yes) as library:
        found = library.purge(age, paths or []) if yes else library.preview_purge(age, paths or [])
    show(root_listings.purge_listing(found.files, found.photos, done=yes), form)
    if not yes and (found.files or found.photos):
        tell("nothing was changed; --yes does it")
    for root in found.spared:
        tell(f"{root.path}: {root.state}; nothing of it was purged. Index it when it is back, or forget it")
    if found.spared:
        raise typer.Exit(OFFLINE)
