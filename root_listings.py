"""What the commands about folders list: missing files, and what leaves the library."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .documents import Row, path_fields
from .listings import plural
from .render import Listing, columns, day, file_size, printable

if TYPE_CHECKING:
    from .library_roots import RootStatus
    from .store.absence import Forgotten, Missing

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


def root_fields(status: "RootStatus") -> Row:
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
