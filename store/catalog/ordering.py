"""The photos that pass a filter in an order, without holding more of them than their ids."""

from collections.abc import Iterator

import sqlalchemy as sa

from ...errors import UsageError
from ..filters.sql import column_of
from ..filters.where import Where
from ..view import View
from .photos import Photo, joined, passing, photos_of
from .schema import date_of_photo, file_table

# "time": oldest first; "-time": newest first, both by Photo.date; "path": by the first file of each.
ORDERS = ("time", "-time", "path")

_BLOCK = 500


def ordered_ids(view: View, where: Where, order: str, limit: int | None = None) -> list[int]:
    """Return the ids of the photos that pass, in one of ORDERS, at most limit; equal ones by path.

    Raises:
        UsageError: there is no such order.
    """
    if order not in ORDERS:
        raise UsageError(f"order is one of {', '.join(ORDERS)}, not {order!r}")
    path, date = sa.func.min(column_of("path")), date_of_photo()
    # SQLite takes the date, of which nothing is said, from the row with the least path: the first file.
    first = {"time": date, "-time": date.desc(), "path": path}[order]
    rows = view.connection.execute(
        sa.select(file_table.c.content_id, path)
        .select_from(joined)
        .where(passing(view, where))
        .group_by(file_table.c.content_id)
        .order_by(first, path)
        .limit(limit)
    )
    return [row[0] for row in rows]


def ordered_photos(view: View, where: Where, order: str, limit: int | None = None) -> Iterator[Photo]:
    """Yield the photos that pass with their files that do, in one of ORDERS, at most limit."""
    ids = ordered_ids(view, where, order, limit)
    for begin in range(0, len(ids), _BLOCK):
        some = ids[begin : begin + _BLOCK]
        found = {photo.id: photo for photo in photos_of(view, where, some)}
        yield from (found[each] for each in some)
