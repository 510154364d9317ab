"""All that a library knows, for other programs: a row for each file, and files of Parquet and SQLite."""

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..store.catalog.embeddings import raw_vectors
from ..store.catalog.holdings import told_of
from ..store.catalog.photos import photos_of
from ..store.documents import Row
from ..store.filters.where import Where
from ..store.frames import Kinds, write_parquet, write_sqlite
from ..store.names import date_in_name
from ..store.records import Vectors, stars, unit_vectors
from .answers import label_rows
from .listing import photo_fields

if TYPE_CHECKING:
    from ..dedup.groups.groups import Group
    from ..search.labels.labels import Labels
    from ..store.catalog.photos import Photo, PhotoFile
    from ..store.store import Store

# What metadata say of a photo, by what `--where` calls it, and by what it is called in `Holdings.fields`.
SAID = {
    **{name: name for name in ("keywords", "people", "rating", "title", "iso")},
    "aperture": "f_number",
    "exposure": "exposure_time",
    "focal_length": "focal_length",
}
# Photos whose labels are made together.
_TOGETHER = 512

PHOTO_KINDS: Kinds = {
    "path": str,
    "content": str,
    "id": int,
    "width": int,
    "height": int,
    "format": str,
    "bytes": int,
    "date": str,
    "taken": str,
    "taken_from": str,
    "camera": str,
    "lens": str,
    "latitude": float,
    "longitude": float,
    "altitude": float,
    "keywords": list,
    "people": list,
    "rating": int,
    "title": str,
    "iso": float,
    "aperture": float,
    "exposure": float,
    "focal_length": float,
    "warning": str,
    "labels": list,
}
_COPY_KINDS: Kinds = {
    "group_id": int,
    "path": str,
    "content": str,
    "kept": bool,
    "kind": str,
    "score": float,
    "change": str,
    "selected": bool,
    "why_not": str,
    "bytes": int,
}
_LABEL_KINDS: Kinds = {"content": str, "label": str, "confidence": float}
_THUMB_KINDS: Kinds = {"content": str, "jpeg": bytes}
_INDEXES = ("photos(path)", "photos(content)", "copies(group_id)", "labels(label)", "thumbs(content)")


def export_rows(store: "Store", labels: "Labels", photos: "Iterable[Photo]") -> Iterator[Row]:
    """Yield one object for each file of photos."""
    for some in _together(photos):
        ids = [photo.id for photo in some]
        shown = labels.of(ids)
        with store.reading() as view:
            told = told_of(view, some)
        for photo in some:
            for file in photo.files:
                said = told[file.path]
                yield photo_fields(photo, file) | {
                    "content": photo.digest,
                    **_taken_fields(photo, file, said),
                    "camera": photo.camera,
                    "lens": photo.lens,
                    "latitude": photo.latitude,
                    "longitude": photo.longitude,
                    "altitude": photo.altitude,
                    **_said_fields(said),
                    "warning": photo.warning,
                    "labels": label_rows(shown.get(photo.id, ())),
                }


def _said_fields(fields: Row) -> Row:
    """Return what metadata say; of what was rejected the rating is -1, as `--where` has it."""
    row: Row = {name: fields.get(field) for name, field in SAID.items()}
    if row["rating"] is not None:
        row["rating"] = stars(row["rating"])
    return row | {name: row[name] or [] for name in ("keywords", "people")}


def _taken_fields(photo: "Photo", file: "PhotoFile", fields: Row) -> Row:
    """Return when a photo was taken, and what says so: a tag of its metadata, or the name of the file."""
    if photo.taken is not None:
        return {"taken": photo.taken, "taken_from": fields.get("taken_from")}
    named = date_in_name(file.path)
    return {"taken": named, "taken_from": "file name" if named else None}


def _together(things: Iterable[Any]) -> Iterator[list[Any]]:
    remaining = iter(things)
    while some := list(itertools.islice(remaining, _TOGETHER)):
        yield some


def export_parquet(store: "Store", labels: "Labels", path: str, where: Where) -> int:
    """Write a row for each file, with its embedding, to a Parquet file; return their number.

    Raises:
        UsageError: see `OwnFile.check`.
        OutputUnwritable: the file cannot be written.
        ExtraMissing: pyarrow is not installed.
    """

    def rows() -> Iterator[Row]:
        for some in _together(_rows(store, labels, where)):
            with store.reading() as view:
                vectors = raw_vectors(view, sorted({row["id"] for row in some}))
            yield from ({**row, "vector": _unit(vectors.get(row["id"]))} for row in some)

    dim = store.spec.dim if store.spec else 1
    return write_parquet(path, rows(), {**PHOTO_KINDS, "vector": dim})


def _unit(vector: Vectors | None) -> Vectors | None:
    return None if vector is None else unit_vectors(vector)


def _rows(store: "Store", labels: "Labels", where: Where) -> Iterator[Row]:
    with store.reading() as view:
        for row in export_rows(store, labels, photos_of(view, where)):
            yield row | {"labels": [label["name"] for label in row["labels"]]}


def export_sqlite(
    store: "Store", labels: "Labels", groups: "Iterable[Group]", path: str, where: Where
) -> int:
    """Write photos, copies, labels and thumbs to a SQLite file of flat tables; return the number of files.

    Raises:
        UsageError: see `OwnFile.check`.
        OutputUnwritable: the file cannot be written.
    """
    tables = {
        "photos": (PHOTO_KINDS, _rows(store, labels, where)),
        "copies": (_COPY_KINDS, _copies(groups)),
        "labels": (_LABEL_KINDS, _labels(store, labels, where)),
        "thumbs": (_THUMB_KINDS, _thumbs(store, where)),
    }
    return write_sqlite(path, tables, _INDEXES)


def _copies(groups: "Iterable[Group]") -> Iterator[Row]:
    from ..dedup.groups.report import copy_rows  # it brings OpenCV, which `status` shall not wait for

    return ({**row, "group_id": row["group"]} for row in copy_rows(groups))


def _labels(store: "Store", labels: "Labels", where: Where) -> Iterator[Row]:
    with store.reading() as view:
        for some in _together(photos_of(view, where)):
            shown = labels.of(photo.id for photo in some)
            for photo in some:
                for label in shown.get(photo.id, ()):
                    yield {"content": photo.digest, "label": label.name, "confidence": label.confidence}


def _thumbs(store: "Store", where: Where) -> Iterator[Row]:
    with store.reading() as view:
        for some in _together(photos_of(view, where)):
            found = store.thumbs.get_many([bytes.fromhex(photo.digest) for photo in some])
            yield from ({"content": digest.hex(), "jpeg": jpeg} for digest, jpeg in found.items())
