"""Reading from the catalog: which contents there are, by digest."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from .schema import content_table, file_table
from .write import pieces

_file, _content = file_table.c, content_table.c


def digests(connection: sa.Connection) -> Iterator[bytes]:
    """Yield the digests of all contents, in no order."""
    rows = connection.execution_options(yield_per=10_000).execute(sa.select(_content.digest))
    yield from rows.scalars()


def digests_sorted(connection: sa.Connection, only_present: bool) -> Iterator[bytes]:
    """Yield the digests of all contents, or of those that a present file holds, ascending."""
    question = sa.select(_content.digest).order_by(_content.digest)
    if only_present:
        question = question.where(
            _content.id.in_(sa.select(_file.content_id).where(_file.state == "present"))
        )
    yield from connection.execution_options(yield_per=10_000).execute(question).scalars()


def count_contents(connection: sa.Connection) -> int:
    """Return the number of contents, whether their files are present or not."""
    return connection.execute(sa.select(sa.func.count()).select_from(content_table)).scalar_one()


def present_digests(connection: sa.Connection, root_id: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (path below the root, digest of its content) of the present files of a root."""
    rows = connection.execution_options(yield_per=10_000).execute(
        sa.select(_file.rel, _content.digest)
        .join_from(file_table, content_table, _file.content_id == _content.id)
        .where(_file.root_id == root_id, _file.state == "present")
    )
    return ((row[0], row[1]) for row in rows)


def digests_of(connection: sa.Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """Return the digests of contents by id."""
    found: dict[int, bytes] = {}
    for some in pieces(ids):
        rows = connection.execute(sa.select(_content.id, _content.digest).where(_content.id.in_(some)))
        found.update((row[0], row[1]) for row in rows)
    return found
