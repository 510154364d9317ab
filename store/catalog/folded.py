"""Which units of which data sets a catalog holds, so that each is taken in once."""

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from ..view import View
from .schema import folded_table

_folded = folded_table.c


def folded(view: View, data_set: str) -> dict[str, bytes]:
    """Return the digests of what was taken in of a data set, by name."""
    question = sa.select(_folded.name, _folded.digest).where(_folded.data_set == data_set)
    return {row.name: row.digest for row in view.connection.execute(question)}


def mark_folded(view: View, data_set: str, name: str, digest: bytes) -> None:
    """Record that something of a data set was taken in. digest: of what it was."""
    new = insert(folded_table).values(data_set=data_set, name=name, digest=digest)
    view.connection.execute(
        new.on_conflict_do_update(
            index_elements=["data_set", "name"], set_={"digest": new.excluded["digest"]}
        )
    )


def forget_folded(view: View, data_set: str) -> None:
    """Forget what was taken in of a data set; the photos stay."""
    view.connection.execute(sa.delete(folded_table).where(_folded.data_set == data_set))
