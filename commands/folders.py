"""The commands about folders and missing files: what is gone, and taking it out of the library."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from ..library import Library
from ..output.console import OFFLINE, show, tell
from ..output.listing import Listing, columns, day, file_size, printable
from ..search.filters.values import read_duration
from ..store.documents import Row, path_fields
from . import options as opt
from .fields import plural

if TYPE_CHECKING:
    from ..indexer.folders import FolderStatus
    from ..store.absence import Forgotten, Missing


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
        show(missing_listing(library.folders.missing(paths or [])), form)


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
        found = library.folders.forget(paths) if yes else library.folders.preview_forget(paths)
    show(forget_listing(found, done=yes), form)
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
        found = (
            library.folders.purge(age, paths or [])
            if yes
            else library.folders.preview_purge(age, paths or [])
        )
    show(purge_listing(found.files, found.photos, done=yes), form)
    if not yes and (found.files or found.photos):
        tell("nothing was changed; --yes does it")
    for root in found.spared:
        tell(f"{root.path}: {root.state}; nothing of it was purged. Index it when it is back, or forget it")
    if found.spared:
        raise typer.Exit(OFFLINE)


_COLUMNS = ("path", "since", "bytes", "blake3", "is_elsewhere")


def missing_listing(files: "Iterable[Missing]") -> Listing:
    """List files that are missing."""

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        found = list(rows)
        yield from columns([_missing_line(row) for row in found]) if found else ["nothing is missing"]
        if found:
            only = sum(not row["is_elsewhere"] for row in found)
            yield f"{files_word(len(found))} missing, {only:,} of them without another copy in the library"

    return Listing("files", map(_missing_row, files), lines, lambda row: [row], _COLUMNS)


def _missing_row(file: "Missing") -> Row:
    return {
        **path_fields(file.path),
        "since": file.since,
        "bytes": file.size,
        "blake3": file.digest,
        "is_elsewhere": file.is_elsewhere,
    }


def _missing_line(row: Row) -> tuple[str, ...]:
    since = day(row["since"]) or "unknown"
    return since, file_size(row["bytes"]), "=" if row["is_elsewhere"] else " ", printable(row["path"])


def purge_listing(files: "Iterable[Missing]", photos: int, *, done: bool) -> Listing:
    """List files that leave, or would leave, the library with so many photos."""

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        found = list(rows)
        yield from columns([_missing_line(row) for row in found]) if found else []
        verb = "left" if done else "would leave"
        word = plural(photos, "photo that no file holds", "photos that no file holds")
        yield f"{files_word(len(found))} and {photos:,} {word} {verb} the library"

    return Listing("files", map(_missing_row, files), lines, lambda row: [row], _COLUMNS)


def forget_listing(folders: "Iterable[Forgotten]", *, done: bool) -> Listing:
    """List folders that leave, or would leave, the library."""

    def row(each: "Forgotten") -> Row:
        return {
            **path_fields(each.path),
            "files": each.files,
            "missing": each.missing,
            "photos": each.photos,
            "is_root": each.is_root,
        }

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        some = False
        for each in rows:
            some = True
            verb = "left" if done else "would leave"
            yield (
                f"{printable(each['path'])}: {files_word(each['files'])} {verb} the library "
                f"({each['missing']:,} missing; {each['photos']:,} "
                f"{plural(each['photos'], 'photo lies', 'photos lie')} nowhere else)"
            )
        if not some:
            yield "nothing is known there"

    names = ("path", "files", "missing", "photos", "is_root")
    return Listing("folders", map(row, folders), lines, lambda each: [each], names)


def files_word(count: int) -> str:
    """Return a number of files in words."""
    return f"{count:,} {plural(count, 'file', 'files')}"


def root_fields(status: "FolderStatus") -> Row:
    """Return what the status says of a folder."""
    totals = status.totals
    return {
        **path_fields(status.path),
        "state": status.state,
        "photos": totals.photos,
        "files": totals.files,
        "missing": totals.missing,
        "scanned_at": totals.scanned_at,
        "fs_id": totals.root.drive.fs_id,
        "marker": totals.root.drive.marker,
    }


def root_words(row: Row) -> str:
    """Return a folder of the status for people."""
    missing = f", {row['missing']:,} missing" if row["missing"] else ""
    scanned = f"scanned {day(row['scanned_at'])} UTC" if row["scanned_at"] else "never scanned to its end"
    photos = f"{row['photos']:,} {plural(row['photos'], 'photo', 'photos')}"
    return f"{printable(row['path'])} ({row['state']}; {photos}{missing}; {scanned})"
