"""Photos with their files, files that could not be indexed, totals."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from queue import Empty, SimpleQueue

import numpy as np
import sqlalchemy as sa

from ..filters.where import ALL, Where
from ..index.exact import Ids
from ..names import is_name_of_copy, is_remote
from ..view import View
from .folders import all_roots
from .schema import content_table, date_of_photo, file_table, pieces, root_table

_PATIENCE_S = 2.0  # a disk that has to start turning takes longer: its names come second, once

# Who asked a folder and got no answer: a hung server is asked again when it has answered, by one thread.
_unanswered: dict[bytes, threading.Thread] = {}

_file, _content = file_table.c, content_table.c
_Row = sa.Row[tuple[object, ...]]
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
    """One content of the library with the files that hold it (at least one).

    The first file stands for it: those come first whose folder of the library is there, then those that
    are not called as copies are, then by path.
    id: its stable number. digest: blake3, 64 hex digits. size: bytes. width, height: pixels.
    pixel_digest: 64 hex digits, the same for photos that show the same pixels.
    date: local ISO 8601, the capture time or else the modification time of the first file by path.
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


def passing(view: View, where: Where) -> sa.ColumnElement[bool]:
    """Return the condition of a filter over `joined`."""
    return where.condition(all_roots(view) if where.folders else ())


def visible_ids(view: View, where: Where = ALL) -> Ids:
    """Return the ids of the contents with at least one file that passes, ascending."""
    rows = view.connection.execute(
        sa.select(_file.content_id).select_from(joined).where(passing(view, where)).distinct()
    )
    return np.sort(np.fromiter((row[0] for row in rows), dtype=np.int64))


def visible_among(view: View, ids: Sequence[int], where: Where = ALL) -> Ids:
    """Return those of the content ids with at least one file that passes, ascending."""
    ask = _passing if where else _present
    found = [each for some in pieces(ids) for each in ask(view, some, where)]
    return np.unique(np.array(found, dtype=np.int64))


def _present(view: View, ids: Sequence[int], _: Where) -> Iterator[int]:
    # Past SQLAlchemy, as every search asks: its words cost more than the answer.
    marks = ",".join("?" * len(ids))
    question = f"SELECT content_id FROM file WHERE state = 'present' AND content_id IN ({marks})"
    return (row[0] for row in view.connection.exec_driver_sql(question, tuple(ids)))


def _passing(view: View, ids: Sequence[int], where: Where) -> Iterator[int]:
    condition = sa.and_(_file.content_id.in_(ids), passing(view, where))
    return iter(
        view.connection.execute(sa.select(_file.content_id).select_from(joined).where(condition)).scalars()
    )


def photos_of(view: View, where: Where = ALL, ids: Sequence[int] | None = None) -> Iterator[Photo]:
    """Yield photos with their files that pass, by id; ids: only these."""
    if ids is None:
        yield from _grouped(view, where, sa.true())
        return
    for some in pieces(sorted(ids)):
        yield from _grouped(view, where, _content.id.in_(some))


def repeated_photos(view: View, where: Where = ALL) -> Iterator[Photo]:
    """Yield the photos that more than one file holds, by id."""
    several = (
        sa.select(_file.content_id)
        .select_from(joined)
        .where(passing(view, where))
        .group_by(_file.content_id)
        .having(sa.func.count() > 1)
    )
    yield from _grouped(view, where, _content.id.in_(several))


def _grouped(view: View, where: Where, more: sa.ColumnElement[bool]) -> Iterator[Photo]:
    rows = view.connection.execution_options(yield_per=1000).execute(
        sa.select(
            root_table.c.path.label("root"),
            *(_file.rel, _file.dev, _file.ino, _file.mtime_ns),
            date_of_photo().label("date"),
            *content_table.columns,
        )
        .select_from(joined)
        .where(passing(view, where), more)
        .order_by(_content.id, root_table.c.path, _file.rel)
    )
    is_there = cache(_is_there)
    group: list[_Row] = []
    for row in rows:
        if group and group[0].id != row.id:
            yield _photo(group, is_there)
            group = []
        group.append(row)
    if group:
        yield _photo(group, is_there)


def _is_there(root: bytes) -> bool:
    """Tell whether a folder of the library has anything in it: where a drive is mounted stays, empty.

    A server that went away lets whoever asks wait for minutes: what gives no answer is not there.
    """
    if is_remote(root):
        return True
    if root in _unanswered and _unanswered[root].is_alive():
        return False
    answer = SimpleQueue[bool]()
    asking = threading.Thread(target=lambda: answer.put(_has_something(root)), daemon=True)
    asking.start()
    try:
        return answer.get(timeout=_PATIENCE_S)
    except Empty:
        _unanswered[root] = asking
        return False


def _has_something(folder: bytes) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def _best_first(rows: Sequence[_Row], is_there: Callable[[bytes], bool]) -> Sequence[_Row]:
    # Folders are asked for only where it matters: a network drive may take its time.
    is_elsewhere = len({row.root for row in rows}) > 1
    return sorted(
        rows,
        key=lambda row: (is_elsewhere and not is_there(row.root), is_name_of_copy(os.fsdecode(row.rel))),
    )


def _photo(rows: Sequence[_Row], is_there: Callable[[bytes], bool]) -> Photo:
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
            for row in (_best_first(rows, is_there) if len(rows) > 1 else rows)
        ),
    )


def file_errors(view: View) -> Iterator[FileError]:
    """Yield the files that could not be indexed, by path."""
    rows = view.connection.execution_options(yield_per=1000).execute(
        sa.select(root_table.c.path, _file.rel, _file.error, _file.message)
        .join_from(file_table, root_table, _file.root_id == root_table.c.id)
        .where(_file.state == "failed")
        .order_by(root_table.c.path, _file.rel)
    )
    for root, rel, error, message in rows:
        yield FileError(os.fsdecode(os.path.join(root, rel)), error, message)


def count_totals(view: View) -> Totals:
    """Count what the store holds."""
    states: dict[str, int] = {
        row[0]: row[1]
        for row in view.connection.execute(sa.select(_file.state, sa.func.count()).group_by(_file.state))
    }
    present = _file.state == "present"
    held = sa.select(_file.content_id).where(present)
    count, size = view.connection.execute(
        sa.select(sa.func.count(), sa.func.sum(_content.size)).where(_content.id.in_(held))
    ).one()
    bytes_on_disk = view.connection.execute(sa.select(sa.func.sum(_file.size)).where(present))
    return Totals(
        present=states.get("present", 0),
        absent=states.get("absent", 0),
        excluded=states.get("excluded", 0),
        failed=states.get("failed", 0),
        photos=count,
        photo_bytes=size or 0,
        file_bytes=bytes_on_disk.scalar_one() or 0,
    )
