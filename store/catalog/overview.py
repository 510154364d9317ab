"""What a page shows of all photos at once: a few numbers of each, in columns."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from ..filters.sql import column_of
from ..index.exact import Ids
from ..view import View
from .schema import content_table, date_of_photo, file_table, pieces, root_table

_file, _content = file_table.c, content_table.c
_joined = file_table.join(root_table, _file.root_id == root_table.c.id).join(
    content_table, _file.content_id == _content.id
)
_DATE = "S19"  # of ISO 8601, to the second

Column = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """A column of names. numbers: (n,) int32, of each photo its name in `names`; -1: it has none."""

    names: tuple[str, ...]
    numbers: Column

    def counts(self, chosen: "npt.NDArray[np.intp] | slice") -> list[tuple[str, int]]:
        """Return how often each name occurs among the chosen rows, the most frequent first."""
        found = self.numbers[chosen]
        counted = np.bincount(found[found >= 0], minlength=len(self.names))
        order = np.argsort(-counted, kind="stable")
        return [(self.names[each], int(counted[each])) for each in order if counted[each]]


@dataclass(frozen=True, slots=True, eq=False)
class Overview:
    """The photos of a library that are there, each once, by its first file; newest first.

    ids: (n,) int64. aspects: (n,) float32, width by height. months: (n,) int32, twelve times the year plus
    the month from 0. folders, cameras: of each photo.
    """

    ids: Ids
    aspects: npt.NDArray[np.float32]
    months: Column
    folders: Names
    cameras: Names


def overview_of(view: View) -> Overview:
    """Return the overview of a library: about 1.5 seconds and 30 MB for a million photos."""
    path = sa.func.min(column_of("path"))
    # SQLite takes what is neither grouped nor counted from the row with the least path: the first file.
    rows = view.connection.execute(
        sa.select(_file.content_id, _content.width, _content.height, date_of_photo(), _content.camera, path)
        .select_from(_joined)
        .where(_file.state == "present")
        .group_by(_file.content_id)
    ).all()
    ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    widths = np.fromiter((row[1] for row in rows), np.float32, len(rows))
    heights = np.fromiter((row[2] for row in rows), np.float32, len(rows))
    dates = np.array([row[3][:19].encode("ascii", "replace") for row in rows], _DATE)
    newest = np.lexsort((ids, dates))[::-1]
    folders = _names(os.fsdecode(os.path.dirname(row[5])) for row in rows)
    cameras = _names(row[4] for row in rows)
    return Overview(
        ids[newest],
        (widths / heights)[newest],
        _months(dates)[newest],
        Names(folders.names, folders.numbers[newest]),
        Names(cameras.names, cameras.numbers[newest]),
    )


def _names(values: Iterable[str | None]) -> Names:
    known: dict[str, int] = {}
    numbers = [-1 if each is None else known.setdefault(each, len(known)) for each in values]
    return Names(tuple(known), np.array(numbers, np.int32))


def _months(dates: npt.NDArray[np.bytes_]) -> Column:
    """Return the months of dates in ISO 8601. What is no date is of no month: 0."""
    digits = dates.view(np.uint8).reshape(len(dates), -1)[:, :7].astype(np.int32) - ord("0")
    year = digits[:, 0] * 1000 + digits[:, 1] * 100 + digits[:, 2] * 10 + digits[:, 3]
    month = digits[:, 5] * 10 + digits[:, 6]
    months: Column = np.where((year >= 0) & (month >= 1) & (month <= 12), year * 12 + month - 1, 0)
    return months


def names_of(view: View, ids: Iterable[int]) -> dict[int, str]:
    """Return the path of the first file that is there of each content."""
    path = sa.func.min(column_of("path"))
    found: dict[int, str] = {}
    for some in pieces(list(ids)):
        rows = view.connection.execute(
            sa.select(_file.content_id, path)
            .select_from(_joined)
            .where(_file.state == "present", _file.content_id.in_(some))
            .group_by(_file.content_id)
        )
        found |= {row[0]: os.fsdecode(row[1]) for row in rows}
    return found
