"""Which photos a query is about: conditions on the metadata, compiled to SQL."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ..catalog.schema import date_of_photo, file_table
from ..names import spellings
from ..records import Root

if TYPE_CHECKING:
    from .terms import Term

_file = file_table.c


@dataclass(frozen=True, slots=True)
class Where:
    """A filter on photos; the empty one takes all that are present.

    folders: absolute paths as bytes; a photo passes when it lies below any of them, or is one of them.
    since, until: beginnings of ISO 8601 dates ("2023", "2023-05-01"), both ends included, compared with
        the capture time, or with the file's modification time where that is unknown.
    term: what else must hold; None: nothing.
    """

    folders: tuple[bytes, ...] = ()
    since: str | None = None
    until: str | None = None
    term: "Term | None" = None

    def __bool__(self) -> bool:
        return bool(self.folders or self.since or self.until or self.term)

    def condition(self, roots: Sequence[Root]) -> sa.ColumnElement[bool]:
        """Return the condition over file joined with root and content. roots: all of the store."""
        parts: list[sa.ColumnElement[bool]] = [_file.state == "present"]
        if self.folders:
            # A system may spell the accents of a name in another way than it is typed.
            named = [path for folder in self.folders for path in spellings(folder)]
            parts.append(within(roots, named))
        if self.since:
            parts.append(date_of_photo() >= self.since)
        if self.until:
            # "2023-12-31T23:59" < "2023~": the tilde sorts behind all of ISO 8601.
            parts.append(date_of_photo() <= self.until + "~")
        if self.term:
            from .sql import condition_of  # a plain search is faster without it

            parts.append(condition_of(self.term))
        return sa.and_(*parts)


ALL = Where()


def rel_below(folder: bytes, base: bytes) -> bytes | None:
    """Return the path of folder below base, b"" when they are the same, None when it is not below."""
    if folder == base:
        return b""
    prefix = os.path.join(base, b"")
    return folder[len(prefix) :] if folder.startswith(prefix) else None


def within(roots: Sequence[Root], folders: Sequence[bytes]) -> sa.ColumnElement[bool]:
    """Match files at or below any of the folders (absolute). roots: all roots of the store."""
    return sa.or_(sa.false(), *(_below(root, folder) for root in roots for folder in folders))


def _below(root: Root, folder: bytes) -> sa.ColumnElement[bool]:
    rest = rel_below(folder, root.path)
    if rest == b"" or rel_below(root.path, folder) is not None:
        return _file.root_id == root.id
    if rest is None:
        return sa.false()
    return sa.and_(_file.root_id == root.id, below_condition(rest))


def below_condition(rel: bytes) -> sa.ColumnElement[bool]:
    """Match files at or below a path within their root; b"" is the whole root."""
    if not rel:
        return sa.true()
    # "0" follows "/" in ASCII: a range over the index instead of a scan with a pattern.
    inside = sa.and_(_file.rel >= rel + b"/", _file.rel < rel + b"0")
    return sa.or_(_file.rel == rel, inside)
