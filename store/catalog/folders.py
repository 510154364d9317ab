"""What the catalog says of the folders of the library: their drives, their files, the last scan."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ..filters.where import rel_below
from ..records import Drive, Root
from ..view import View
from .schema import file_table, now, root_table

_file = file_table.c


@dataclass(frozen=True, slots=True)
class RootTotals:
    """How much a root holds.

    photos: contents with a file that is there. files, missing: numbers of files that are there, and that
    are absent. scanned_at: end of the last scan that was believed (ISO 8601, UTC). unread: how many files
    hold a picture or a film that is not looked into, by their ending, as of the last scan of all of it.
    """

    root: Root
    photos: int
    files: int
    missing: int
    scanned_at: str | None
    unread: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Trace:
    """What is remembered of a file, to see whether it is still there. size: bytes, times: nanoseconds."""

    rel: bytes
    size: int
    mtime_ns: int


def totals_by_root(view: View) -> list[RootTotals]:
    """Count what each root holds, by path."""
    counts = {
        (root_id, state): (files, photos)
        for root_id, state, files, photos in view.connection.execute(
            sa.select(
                _file.root_id, _file.state, sa.func.count(), sa.func.count(_file.content_id.distinct())
            ).group_by(_file.root_id, _file.state)
        )
    }
    rows = view.connection.execute(sa.select(root_table.c.id, root_table.c.scanned_at, root_table.c.unread))
    scanned = {key: (at, json.loads(unread or "{}")) for key, at, unread in rows}
    found = []
    for root in all_roots(view):
        files, photos = counts.get((root.id, "present"), (0, 0))
        missing, _ = counts.get((root.id, "absent"), (0, 0))
        found.append(RootTotals(root, photos, files, missing, *scanned[root.id]))
    return found


def sample_files(view: View, root: Root, count: int) -> Sequence[Trace]:
    """Return up to twice count present files from all over a root: all of them if there are no more."""
    present = (_file.root_id == root.id, _file.state == "present")
    total = view.connection.execute(sa.select(sa.func.count()).where(*present)).scalar_one()
    step = max(1, total // count)
    question = sa.select(_file.rel, _file.size, _file.mtime_ns).where(*present).limit(2 * count)
    # Ids may be spread unevenly: some sample is better than none.
    rows = view.connection.execute(question.where(_file.id % step == 0)).all() or view.connection.execute(
        question
    )
    return [Trace(*row) for row in rows]


def set_drive(view: View, root: Root, drive: Drive) -> None:
    """Record by what the drive of a root is known again."""
    view.connection.execute(
        sa.update(root_table)
        .where(root_table.c.id == root.id)
        .values(fs_id=drive.fs_id, marker=drive.marker)
    )


def set_unread(view: View, root: Root, unread: Mapping[str, int]) -> None:
    """Record how many files of which kinds a scan of the whole root passed over."""
    view.connection.execute(
        sa.update(root_table).where(root_table.c.id == root.id).values(unread=json.dumps(unread))
    )


def all_roots(view: View) -> list[Root]:
    """Return all folders of the library, by path."""
    root = root_table.c
    columns = (root.id, root.path, root.fs_id, root.marker)
    rows = view.connection.execute(sa.select(*columns).order_by(root.path))
    return [Root(key, path, Drive(fs_id, marker)) for key, path, fs_id, marker in rows]


def ensure_root(view: View, path: bytes) -> tuple[Root, bytes]:
    """Return the root that holds the folder at path, and the folder's path below it.

    A folder inside a known root belongs to that root; a folder around known roots takes them over, so
    that no file is ever listed under two roots.
    """
    known = all_roots(view)
    for root in known:
        below = rel_below(path, root.path)
        if below is not None:
            return root, below
    root_id = view.connection.execute(
        sa.insert(root_table).values(path=path).returning(root_table.c.id)
    ).scalar_one()
    for inner in known:
        prefix = rel_below(inner.path, path)
        if prefix is not None:
            _absorb(view, inner, root_id, prefix)
    return Root(root_id, path), b""


def _absorb(view: View, inner: Root, root_id: int, prefix: bytes) -> None:
    rows = view.connection.execute(
        sa.select(file_table.c.id, file_table.c.rel).where(file_table.c.root_id == inner.id)
    ).all()
    moved = [{"key": row.id, "rel": os.path.join(prefix, row.rel)} for row in rows]
    if moved:
        view.connection.execute(
            sa.update(file_table)
            .where(file_table.c.id == sa.bindparam("key"))
            .values(root_id=root_id, rel=sa.bindparam("rel")),
            moved,
        )
    view.connection.execute(sa.delete(root_table).where(root_table.c.id == inner.id))


def mark_scanned(view: View, root: Root) -> None:
    """Record that the root was scanned to its end now."""
    view.connection.execute(
        sa.update(root_table).where(root_table.c.id == root.id).values(scanned_at=now())
    )
    # Those that went away before this was recorded have been missing since now at the latest.
    file = file_table.c
    undated = (file.root_id == root.id, file.state == "absent", file.missing_since.is_(None))
    view.connection.execute(sa.update(file_table).where(*undated).values(missing_since=now()))


def shared_files(view: View) -> dict[tuple[int, int], int]:
    """Return how many files two roots share, by their ids: one content under one path below both."""
    one, two = file_table.alias(), file_table.alias()
    join = one.join(two, sa.and_(one.c.content_id == two.c.content_id, one.c.rel == two.c.rel))
    rows = view.connection.execute(
        sa.select(one.c.root_id, two.c.root_id, sa.func.count())
        .select_from(join)
        .where(one.c.root_id < two.c.root_id, one.c.state == "present", two.c.state == "present")
        .group_by(one.c.root_id, two.c.root_id)
    )
    return {(a, b): count for a, b, count in rows}
