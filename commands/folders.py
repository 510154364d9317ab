"""The commands about folders and missing files: what is gone, and taking it out of the library."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from ..errors import ExitCode
from ..library import Library
from ..output.listing import Listing
from ..output.manners import is_quiet
from ..output.screen import together
from ..output.text import columns, day, file_size, naming, plural, printable
from ..output.waiting import Call
from ..search.filters.values import read_duration
from ..store.documents import Row, path_fields
from ..store.names import is_below, real_path
from . import options as opt
from .groups import Topic, command
from .options import argument, flag, value

if TYPE_CHECKING:
    from ..indexer.folders import FolderStatus
    from ..store.absence import Forgotten, Missing

# States of a folder of which nobody can tell what is there.
_UNSEEN = ("away", "empty", "other drive")
_NOT_YET = "nothing was changed; --yes does it"


MovedOption = Annotated[bool, flag("--moved", "List what `apply` moved instead, and what became of it.")]


@command(
    Topic.LIBRARY,
    "lookalike missing",
    "lookalike missing ~/Pictures --format csv > missing.csv",
    "lookalike missing --moved",
)
def missing(
    paths: opt.BelowArgument = None,
    moved: MovedOption = False,
    *,
    form: opt.FormatOption = opt.Format.table,
    at: opt.StoreArgs,
) -> Listing:
    """List photos of the library that are not there any more.

    With the time since which they are missing; `=` stands before those whose content another file of the
    library holds. They are hidden from all results, and are back without decoding when their files are.
    What `apply` moved is not missing: it is only counted, and listed with --moved. Nor is what lies in a
    folder that is away, of which nothing is known: it is counted in the end.
    """
    with at.reading() as library:
        found = library.folders.absent(paths or [])
        away = [] if moved else not_here(library, paths or [])
    return moved_listing(found, at.call) if moved else missing_listing(found, at.call, away)


ForgetArgument = Annotated[list[str], argument("PATH", "Folders of the library, or parts of them.")]


@command(Topic.LIBRARY, "lookalike forget /mnt/old-disk", "lookalike forget /mnt/old-disk --yes")
def forget(
    paths: ForgetArgument,
    yes: opt.YesOption = False,
    *,
    form: opt.FormatOption = opt.Format.table,
    at: opt.WriteArgs,
) -> Listing:
    """Take folders out of the library; photos stay on the disk.

    A folder that was indexed, or one below it; without --yes, it is only shown how much that is. Your
    decisions stay. A folder below one that is indexed again comes back, unless you --exclude it there. What
    is known of the contents stays until `lookalike purge`, so that nothing is decoded when they come back.
    """
    with at.writing() if yes else at.reading() as library:
        found = library.folders.forget(paths) if yes else library.folders.preview_forget(paths)
    return forget_listing(found, done=yes)


MissingForOption = Annotated[
    str, value("--missing-for", "TIME", "Only photos missing for at least this: 30d, 12h, 0d.")
]


@command(Topic.LIBRARY, "lookalike purge", "lookalike purge --missing-for 90d --yes")
def purge(
    paths: opt.BelowArgument = None,
    missing_for: MissingForOption = "30d",
    yes: opt.YesOption = False,
    *,
    form: opt.FormatOption = opt.Format.table,
    at: opt.WriteArgs,
) -> Listing:
    """Forget photos that have been missing for long, with --yes.

    What is known of them is deleted for good: embeddings, thumbnails, proofs. Your decisions stay, and so
    does what `apply` moved and `undo` can put back. Nothing of a folder is forgotten that is away, or looks
    as if its drive were, and the command ends with 4. No file on a disk is touched.
    """
    age = read_duration(missing_for, "--missing-for")
    with at.writing() if yes else at.reading() as library:
        act = library.folders.purge if yes else library.folders.preview_purge
        found = act(age, paths or [])
    notes = [] if yes or not (found.files or found.photos) else [_NOT_YET]
    notes += [
        f"{root.path}: {root.state}; nothing of it was purged. Index it when it is back, or forget it"
        for root in found.spared
    ]
    end = ExitCode.OFFLINE if found.spared else ExitCode.DONE
    return Listing(
        "files",
        map(_missing_row, found.files),
        lambda rows: _purge_lines(list(rows), found.photos, yes),
        _COLUMNS,
        notes=notes,
        exit=end,
    )


_COLUMNS = ("path", "since", "bytes", "blake3", "is_elsewhere")


def unseen_roots(library: Library) -> "list[FolderStatus]":
    """Return the folders of the library that cannot be seen and have files."""
    return [root for root in library.folders.status() if root.state in _UNSEEN and root.totals.files]


def unseen_words(files: int, root: "FolderStatus") -> str:
    """Return what to say of so many files of a folder that cannot be seen."""
    return f"{plural(files, 'file')} of {printable(root.path)} cannot be seen now ({root.state})"


def not_here(library: Library, folders: Sequence[str]) -> list[str]:
    """Return what to say of folders of the library that cannot be seen: in or around some, if named."""
    asked = [real_path(folder) for folder in folders]
    return [
        unseen_words(root.totals.files, root)
        for root in unseen_roots(library)
        if not asked or is_below(root.path, asked) or any(is_below(each, [root.path]) for each in asked)
    ]


def missing_listing(files: "Sequence[Missing]", call: Call, away: Sequence[str] = ()) -> Listing:
    """List the files that are missing; those that `apply` took are only counted. away: see `not_here`."""
    taken = [file for file in files if file.fate != "missing"]

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        found = list(rows)
        yield from _missing_lines(found) if found else ["nothing is missing"]
        if found and not is_quiet():
            # One that was moved by hand and then deleted is missing from two places.
            lost = {row["blake3"] or row["path"] for row in found if not row["is_elsewhere"]}
            photos = plural(len(lost), "photo that no other file holds", "photos that no other file holds")
            yield f"{plural(len(found), 'file')} missing, with {photos}"
        if taken:
            yield f"not missing ({call('missing --moved')} lists them):"
            yield from _fate_sums(taken, call)

    rows = (_missing_row(file) for file in files if file.fate == "missing")
    return Listing("files", rows, lines, _COLUMNS, notes=away)


def moved_listing(files: "Sequence[Missing]", call: Call) -> Listing:
    """List the files that `apply` took, with what became of them."""
    taken = [file for file in files if file.fate != "missing"]

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        found = list(rows)
        folder, names = together([row["path"] for row in found])
        yield from [naming("in ", folder, ":")] if folder else []
        table = [
            (row["state"], file_size(row["bytes"]), printable(name))
            for row, name in zip(found, names, strict=True)
        ]
        yield from columns(table, name=2) if table else ["`apply` moved nothing that is not back"]
        yield from _fate_sums(taken, call)

    rows = (_missing_row(file) | {"state": file.fate, **path_fields(file.to, "to")} for file in taken)
    return Listing("files", rows, lines, (*_COLUMNS, "state", "to"))


def _fate_sums(files: "Sequence[Missing]", call: Call) -> Iterator[str]:
    """Write how many files `apply` took, by what became of them."""
    fates = Counter(file.fate for file in files)
    words = {
        "moved": f"moved by `apply`; {call('undo')} shows what can be put back",
        "deleted": "deleted by `prune`; a copy of each was kept",
        "gone": "moved by `apply` and gone from there: by an emptied trash, for example",
    }
    yield from (f"  {plural(fates[fate], 'file')} {text}" for fate, text in words.items() if fates[fate])


def _missing_row(file: "Missing") -> Row:
    return {
        **path_fields(file.path),
        "since": file.since,
        "bytes": file.size,
        "blake3": file.digest,
        "is_elsewhere": file.is_elsewhere,
    }


def _missing_lines(rows: list[Row]) -> Iterator[str]:
    folder, names = together([row["path"] for row in rows])
    if folder:
        yield naming("in ", folder, ":")
    table = [
        (
            day(row["since"]) or "unknown",
            file_size(row["bytes"]),
            " ="[row["is_elsewhere"]],
            printable(name),
        )
        for row, name in zip(rows, names, strict=True)
    ]
    yield from columns(table, name=3)


def _purge_lines(rows: list[Row], photos: int, done: bool) -> Iterator[str]:
    """Write what leaves, or would leave, the library. photos: how many of them no file holds any more."""
    if rows:
        yield from _missing_lines(rows)
    count = plural(photos, "photo that no file holds", "photos that no file holds")
    yield f"{plural(len(rows), 'file')} and {count} {_left(done)} the library"


def _left(done: bool) -> str:
    return "left" if done else "would leave"


def forget_listing(folders: "Iterable[Forgotten]", *, done: bool) -> Listing:
    """List folders that leave, or would leave, the library."""
    found = list(folders)

    def row(each: "Forgotten") -> Row:
        counts = {name: getattr(each, name) for name in ("files", "missing", "photos", "is_root")}
        return path_fields(each.path) | counts

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        for each in rows:
            elsewhere = plural(each["photos"], "photo is", "photos are")
            yield (
                f"{printable(each['path'])}: {plural(each['files'], 'file')} {_left(done)} the library "
                f"({each['missing']:,} missing; {elsewhere} nowhere else)"
            )
        if not found:
            yield "nothing is known there"

    names = ("path", "files", "missing", "photos", "is_root")
    return Listing("folders", map(row, found), lines, names, notes=[_NOT_YET] if found and not done else [])


def root_fields(status: "FolderStatus") -> Row:
    """Return what the status says of a folder."""
    totals = status.totals
    return {
        **path_fields(status.path),
        "state": status.state,
        "photos": totals.photos,
        "files": totals.files,
        "missing": status.missing,
        **{name: status.fates.get(name, 0) for name in ("moved", "deleted", "gone")},
        "unread": dict(totals.unread),
        "scanned_at": totals.scanned_at,
        "fs_id": totals.root.drive.fs_id,
        "marker": totals.root.drive.marker,
    }


def root_words(row: Row) -> str:
    """Return a folder of the status for people."""
    missing = f", {row['missing']:,} missing" if row["missing"] else ""
    scanned = f"scanned {day(row['scanned_at'])} UTC" if row["scanned_at"] else "never scanned to its end"
    return f"{printable(row['path'])} ({row['state']}; {plural(row['files'], 'file')}{missing}; {scanned})"
