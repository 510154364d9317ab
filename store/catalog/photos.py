"""Reading from the catalog: photos with their files, errors, totals, vectors."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from ..filters.where import ALL, Where, date_of_photo
from ..index.exact import Ids
from .schema import content_table, embedding_table, epoch_table, file_table, root_table
from .write import pieces, roots

_file, _content, _embedding = file_table.c, content_table.c, embedding_table.c
joined = file_table.join(root_table, _file.root_id == root_table.c.id).join(
    content_table, _file.content_id == _content.id
)


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """One file of a photo. path: absolute, undecodable bytes as surrogates. mtime_ns: nanoseconds."""

    path: str
    dev: int
    ino: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Photo:
    """One content of the library with the files that hold it, ordered by path (at least one).

    id: its stable number. digest: blake3, 64 hex digits. size: bytes. width, height: pixels.
    pixel_digest: 64 hex digits, the same for photos that show the same pixels.
    date: local ISO 8601, the capture time or else the modification time of the first file.
    """

    id: int
    digest: str
    size: int
    width: int
    height: int
    format: str
    date: str
    taken: str | None
    camera: str | None
    lens: str | None
    latitude: float | None
    longitude: float | None
    altitude: float | None
    warning: str | None
    pixel_digest: str
    files: tuple[PhotoFile, ...]

    @property
    def path(self) -> str:
        """The path of its first file."""
        return self.files[0].path


@dataclass(frozen=True, slots=True)
class FileError:
    """A file that could not be indexed, and why."""

    path: str
    error: str
    message: str


@dataclass(frozen=True, slots=True)
class Totals:
    """How much a store holds: files per state, contents, sizes in bytes."""

    present: int
    absent: int
    excluded: int
    failed: int
    photos: int
    photo_bytes: int
    file_bytes: int


def visible_ids(connection: sa.Connection, where: Where) -> Ids:
    """Return the ids of the contents with at least one file that passes, ascending."""
    rows = connection.execute(
        sa.select(_file.content_id).select_from(joined).where(where.condition(roots(connection))).distinct()
    )
    return np.sort(np.fromiter((row[0] for row in rows), dtype=np.int64))


def visible_among(connection: sa.Connection, ids: Sequence[int], where: Where = ALL) -> Ids:
    """Return those of the content ids with at least one file that passes, ascending."""
    ask = _passing if where else _present
    found = [each for some in pieces(ids) for each in ask(connection, some, where)]
    return np.unique(np.array(found, dtype=np.int64))


def _present(connection: sa.Connection, ids: Sequence[int], _: Where) -> Iterator[int]:
    # Past SQLAlchemy, as every search asks: its words cost more than the answer.
    marks = ",".join("?" * len(ids))
    question = f"SELECT content_id FROM file WHERE state = 'present' AND content_id IN ({marks})"
    return (row[0] for row in connection.exec_driver_sql(question, tuple(ids)))


def _passing(connection: sa.Connection, ids: Sequence[int], where: Where) -> Iterator[int]:
    condition = sa.and_(_file.content_id.in_(ids), where.condition(roots(connection)))
    return iter(
        connection.execute(sa.select(_file.content_id).select_from(joined).where(condition)).scalars()
    )


def photos(connection: sa.Connection, where: Where, ids: Sequence[int] | None = None) -> Iterator[Photo]:
    """Yield photos with their files that pass, by id; ids: only these."""
    if ids is None:
        yield from _grouped(connection, where, sa.true())
        return
    for some in pieces(sorted(ids)):
        yield from _grouped(connection, where, _content.id.in_(some))


def repeated(connection: sa.Connection, where: Where) -> Iterator[Photo]:
    """Yield the photos that more than one file holds, by id."""
    several = (
        sa.select(_file.content_id)
        .select_from(joined)
        .where(where.condition(roots(connection)))
        .group_by(_file.content_id)
        .having(sa.func.count() > 1)
    )
    yield from _grouped(connection, where, _content.id.in_(several))


def _grouped(connection: sa.Connection, where: Where, more: sa.ColumnElement[bool]) -> Iterator[Photo]:
    rows = connection.execution_options(yield_per=1000).execute(
        sa.select(
            root_table.c.path.label("root"),
            *(_file.rel, _file.dev, _file.ino, _file.mtime_ns),
            date_of_photo().label("date"),
            *content_table.columns,
        )
        .select_from(joined)
        .where(where.condition(roots(connection)), more)
        .order_by(_content.id, root_table.c.path, _file.rel)
    )
    group: list[sa.Row[tuple[object, ...]]] = []
    for row in rows:
        if group and group[0].id != row.id:
            yield _photo(group)
            group = []
        group.append(row)
    if group:
        yield _photo(group)


def _photo(rows: Sequence[sa.Row[tuple[object, ...]]]) -> Photo:
    first = rows[0]
    return Photo(
        id=first.id,
        digest=first.digest.hex(),
        size=first.size,
        width=first.width,
        height=first.height,
        format=first.format,
        date=first.date,
        taken=first.taken,
        camera=first.camera,
        lens=first.lens,
        latitude=first.latitude,
        longitude=first.longitude,
        altitude=first.altitude,
        warning=first.warning,
        pixel_digest=first.pixel_digest.hex(),
        files=tuple(
            PhotoFile(os.fsdecode(os.path.join(row.root, row.rel)), row.dev, row.ino, row.mtime_ns)
            for row in rows
        ),
    )


def errors(connection: sa.Connection) -> Iterator[FileError]:
    """Yield the files that could not be indexed, by path."""
    rows = connection.execution_options(yield_per=1000).execute(
        sa.select(root_table.c.path, _file.rel, _file.error, _file.message)
        .join_from(file_table, root_table, _file.root_id == root_table.c.id)
        .where(_file.state == "failed")
        .order_by(root_table.c.path, _file.rel)
    )
    for root, rel, error, message in rows:
        yield FileError(os.fsdecode(os.path.join(root, rel)), error, message)


def totals(connection: sa.Connection) -> Totals:
    """Count what the store holds."""
    states: dict[str, int] = {
        row[0]: row[1]
        for row in connection.execute(sa.select(_file.state, sa.func.count()).group_by(_file.state))
    }
    present = _file.state == "present"
    held = sa.select(_file.content_id).where(present)
    count, size = connection.execute(
        sa.select(sa.func.count(), sa.func.sum(_content.size)).where(_content.id.in_(held))
    ).one()
    bytes_on_disk = connection.execute(sa.select(sa.func.sum(_file.size)).where(present))
    return Totals(
        present=states.get("present", 0),
        absent=states.get("absent", 0),
        excluded=states.get("excluded", 0),
        failed=states.get("failed", 0),
        photos=count,
        photo_bytes=size or 0,
        file_bytes=bytes_on_disk.scalar_one() or 0,
    )


def newest_file_id(connection: sa.Connection) -> int:
    """Return the highest row id of a file, 0 when there is none."""
    return connection.execute(sa.select(sa.func.max(_file.id))).scalar_one() or 0


def count_elsewhere(connection: sa.Connection, root_id: int, file_ids: Sequence[int], after: int) -> int:
    """Count the files (by row id) whose content a file after that id holds in another root."""
    other = file_table.alias()
    held = sa.exists().where(
        other.c.content_id == _file.content_id,
        other.c.state == "present",
        other.c.root_id != root_id,
        other.c.id > after,
    )
    return sum(
        connection.execute(sa.select(sa.func.count()).where(_file.id.in_(some), held)).scalar_one()
        for some in pieces(file_ids)
    )


def latest_epoch(connection: sa.Connection) -> tuple[int, str]:
    """Return the number and nonce (hex) of the newest epoch; (0, "") before the first."""
    row = connection.execute(
        sa.select(epoch_table).order_by(epoch_table.c.epoch.desc()).limit(1)
    ).one_or_none()
    return (row.epoch, row.nonce.hex()) if row else (0, "")


def has_epoch(connection: sa.Connection, epoch: int, nonce: str) -> bool:
    """Tell whether the catalog has recorded this epoch with this nonce."""
    found = connection.execute(
        sa.select(epoch_table.c.nonce).where(epoch_table.c.epoch == epoch)
    ).scalar_one_or_none()
    return found is not None and found.hex() == nonce
