"""What the catalog says of the folders of the library: their drives, their files, the last scan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ..records import Drive, Root
from .schema import file_table, root_table
from .write import roots

_file = file_table.c


@dataclass(frozen=True, slots=True)
class RootTotals:
    """How much a root holds.

    photos: contents with a file that is there. files, missing: numbers of files that are there, and that
    are absent. scanned_at: end of the last scan that was believed (ISO 8601, UTC).
    """

    root: Root
    photos: int
    files: int
    missing: int
    scanned_at: str | None


@dataclass(frozen=True, slots=True)
class Trace:
    """What is remembered of a file, to see whether it is still there. size: bytes, times: nanoseconds."""

    rel: bytes
    size: int
    mtime_ns: int


def totals_by_root(connection: sa.Connection) -> list[RootTotals]:
    """Count what each root holds, by path."""
    counts = {
        (root_id, state): (files, photos)
        for root_id, state, files, photos in connection.execute(
            sa.select(
                _file.root_id, _file.state, sa.func.count(), sa.func.count(_file.content_id.distinct())
            ).group_by(_file.root_id, _file.state)
        )
    }
    rows = connection.execute(sa.select(root_table.c.id, root_table.c.scanned_at))
    scanned: dict[int, str | None] = {row[0]: row[1] for row in rows}
    found = []
    for root in roots(connection):
        files, photos = counts.get((root.id, "present"), (0, 0))
        missing, _ = counts.get((root.id, "absent"), (0, 0))
        found.append(RootTotals(root, photos, files, missing, scanned[root.id]))
    return found


def sample(connection: sa.Connection, root: Root, count: int) -> Sequence[Trace]:
    """Return up to twice count present files from all over a root: all of them if there are no more."""
    present = (_file.root_id == root.id, _file.state == "present")
    total = connection.execute(sa.select(sa.func.count()).where(*present)).scalar_one()
    step = max(1, total // count)
    question = sa.select(_file.rel, _file.size, _file.mtime_ns).where(*present).limit(2 * count)
    # Ids may be spread unevenly: some sample is better than none.
    rows = connection.execute(question.where(_file.id % step == 0)).all() or connection.execute(question)
    return [Trace(*row) for row in rows]


def set_drive(connection: sa.Connection, root: Root, drive: Drive) -> None:
    """Record by what the drive of a root is known again."""
    connection.execute(
        sa.update(root_table)
        .where(root_table.c.id == root.id)
        .values(fs_id=drive.fs_id, marker=drive.marker)
    )


def set_devices(connection: sa.Connection, devices: Mapping[int, int]) -> None:
    """Record the device that files are on now, by row id."""
    if devices:
        connection.execute(
            sa.update(file_table)
            .where(file_table.c.id == sa.bindparam("key"))
            .values(dev=sa.bindparam("device")),
            [{"key": key, "device": device} for key, device in devices.items()],
        )
