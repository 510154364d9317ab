"""The contents of the library: ids, blake3 digests, metadata."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from ..names import format_name
from ..records import Content
from ..view import View
from .schema import content_table, file_table, pieces

_file, _content = file_table.c, content_table.c

# For whoever asks for many contents one by one: the text goes to the driver as it is.
EMBEDDED_ID = """
SELECT content.id FROM content
JOIN embedding ON embedding.content_id = content.id
JOIN store ON store.model_id = embedding.model_id
WHERE content.digest = ?
"""


def all_digests(view: View) -> Iterator[bytes]:
    """Yield the digests of all contents, in no order."""
    rows = view.connection.execution_options(yield_per=10_000).execute(sa.select(_content.digest))
    yield from rows.scalars()


def sorted_digests(view: View, *, only_present: bool = False) -> Iterator[bytes]:
    """Yield the digests of all contents, or of those that a present file holds, ascending."""
    question = sa.select(_content.digest).order_by(_content.digest)
    if only_present:
        question = question.where(
            _content.id.in_(sa.select(_file.content_id).where(_file.state == "present"))
        )
    yield from view.connection.execution_options(yield_per=10_000).execute(question).scalars()


def all_formats(view: View) -> list[str]:
    """Return the formats of all contents, as people call them."""
    rows = view.connection.execute(sa.select(_content.format).distinct())
    return sorted({format_name(each) for each in rows.scalars()})


def count_contents(view: View) -> int:
    """Return the number of contents, whether their files are present or not."""
    return view.connection.execute(sa.select(sa.func.count()).select_from(content_table)).scalar_one()


def newest_id(view: View) -> int:
    """Return the highest id of a content, 0 when there is none."""
    return view.connection.execute(sa.select(sa.func.max(content_table.c.id))).scalar_one() or 0


def count_newer(view: View, after: int) -> int:
    """Return the number of contents with a higher id."""
    newer = sa.select(sa.func.count()).where(content_table.c.id > after)
    return view.connection.execute(newer).scalar_one()


def digests_of(view: View, ids: Sequence[int]) -> dict[int, bytes]:
    """Return the digests of contents by id."""
    found: dict[int, bytes] = {}
    for some in pieces(ids):
        rows = view.connection.execute(sa.select(_content.id, _content.digest).where(_content.id.in_(some)))
        found.update((row[0], row[1]) for row in rows)
    return found


def ids_of(view: View, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Return the ids of the contents that are known, embedded or not, by digest."""
    found: dict[bytes, int] = {}
    for some in pieces(digests):
        rows = view.connection.execute(
            sa.select(_content.digest, _content.id).where(_content.digest.in_(some))
        )
        found.update((row.digest, row.id) for row in rows)
    return found


def is_embedded(view: View, digest: bytes) -> bool:
    """Tell whether the content is embedded by the current model."""
    return id_of(view, digest) is not None


def id_of(view: View, digest: bytes) -> int | None:
    """Return the id of a content that is embedded, else None."""
    row = view.connection.exec_driver_sql(EMBEDDED_ID, (digest,)).first()
    return row[0] if row else None


def put_contents(view: View, contents: Sequence[Content]) -> dict[bytes, int]:
    """Insert contents; what is known of those that are there is replaced. Returns the ids, by digest."""
    rows = [_content_row(content) for content in contents]
    if view.columns is not None:
        rows = _unknown(view, rows)
    if rows:
        statement = insert(content_table)
        changed = {name: statement.excluded[name] for name in rows[0] if name != "digest"}
        view.connection.execute(
            statement.on_conflict_do_update(index_elements=["digest"], set_=changed), rows
        )
    return ids_of(view, [content.digest for content in contents])


def _unknown(view: View, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Replace what is known of contents that are there; return the rows of the others.

    To try to insert what is there would use up an id, and columns have a row for each id.
    """
    known = ids_of(view, [row["digest"] for row in rows])
    changed = [row | {"known": row["digest"]} for row in rows if row["digest"] in known]
    if changed:
        names: dict[str, Any] = {
            name: sa.bindparam(name) for name in changed[0] if name not in ("known", "digest")
        }
        view.connection.execute(
            sa.update(content_table).where(_content.digest == sa.bindparam("known")).values(names), changed
        )
    return list({row["digest"]: row for row in rows if row["digest"] not in known}.values())


def _content_row(content: Content) -> dict[str, Any]:
    metadata = content.metadata
    return {
        "digest": content.digest,
        "size": content.size,
        "width": content.width,
        "height": content.height,
        "format": content.format,
        "pixel_digest": content.pixel_digest,
        "taken": metadata.taken,
        "camera": metadata.camera,
        "lens": metadata.lens,
        "latitude": metadata.latitude,
        "longitude": metadata.longitude,
        "altitude": metadata.altitude,
        "warning": content.warning,
    }
