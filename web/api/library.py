"""The library as a whole: what it contains, and the photos of a filter in their order."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from ...output.listing import photo_fields
from ...store.documents import SCHEMA_VERSION, Row, path_fields
from ..served import Served
from .asked import Server, Wanted, folder_id, is_in

router = APIRouter(prefix="/api", tags=["library"])

_MOST = 500  # photos in an answer
_NAMES = 200  # of a facet


@router.get("/status")
def status(served: Server, brief: bool = False) -> dict[str, Any]:
    """Tell what the library contains, and whether this page may change something.

    brief: without what must be counted, which takes a second or two in a library of a million photos.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        **path_fields(served.library.store.folder, "store"),
        **({} if brief else _totals(served)),
        "folders": [path_fields(root) for root in served.roots()],
        "can_write": served.can_write,
        "revision": served.shelf.revision(),
    }


def _totals(served: Served) -> Row:
    totals = served.shelf.totals()
    return {
        "photos": totals.photos,
        "files": totals.present,
        "bytes": totals.file_bytes,
        "missing": totals.absent,
        "failed": totals.failed,
    }


@router.get("/facets")
def facets(served: Server, wanted: Annotated[Wanted, Depends()]) -> dict[str, Any]:
    """Count how many of the photos that pass lie in which folder, are of which year, say what keyword."""
    found = served.shelf.select(wanted.filter(served))
    years: dict[str, int] = {}
    for month, count in found.months():
        years[month[:4]] = years.get(month[:4], 0) + count
    columns = ("cameras", "keywords", "people", "ratings")
    counts = {name: getattr(found.overview, name).counts(found.rows)[:_NAMES] for name in columns}
    counts["ratings"].sort(key=lambda row: row[0] if row[0].isdigit() else "", reverse=True)
    return {
        "schema_version": SCHEMA_VERSION,
        "folders": _folder_rows(served),
        "years": [{"name": name, "count": count} for name, count in years.items()],
        **{
            column: [{"name": name, "count": count} for name, count in rows]
            for column, rows in counts.items()
        },
    }


@router.get("/labels")
def labels(served: Server, wanted: Annotated[Wanted, Depends()]) -> dict[str, Any]:
    """Count what the photos that pass likely show, the most frequent first."""
    with served.searching:
        counts = served.library.labels.count(wanted.filter(served))
    most = sorted(counts, key=lambda each: -each.photos)[:_NAMES]
    return {
        "schema_version": SCHEMA_VERSION,
        "labels": [{"name": each.name, "count": each.photos} for each in most],
    }


@router.get("/labels/{name}")
def label(served: Server, name: str) -> dict[str, Any]:
    """Tell whether photos can be asked for by a label of this name. near: those written like it."""
    labels = served.library.labels
    is_known = labels.knows(name)
    near = [] if is_known else labels.near(name)
    return {"schema_version": SCHEMA_VERSION, "name": name, "is_known": is_known, "near": near}


def _folder_rows(served: Served) -> list[Row]:
    """Return the folders of the library as a tree, each below the one that it lies in."""
    folders, roots = served.shelf.overview()[0].folders, served.roots()
    rows = []
    for path in sorted(folders):
        depth = path.count("/") - min((root.count("/") for root in roots if is_in(path, root)), default=0)
        rows.append(
            {"id": folder_id(path), **path_fields(path), "depth": depth, "count": folders[path].photos}
        )
    return rows


@router.get("/sets")
def photo_set(
    served: Server, wanted: Annotated[Wanted, Depends()], sort: Literal["time", "-time"] = "-time"
) -> dict[str, Any]:
    """Select the photos that pass; tell how many there are, of which months, and the name of the set.

    revision: of the library that they are of, which may be older than that of /api/status by seconds.
    """
    found = served.shelf.select(wanted.filter(served), oldest_first=sort == "time")
    return {
        "schema_version": SCHEMA_VERSION,
        "set": found.name,
        "revision": found.revision,
        "count": len(found.rows),
        "months": found.months(),
    }


@router.get("/sets/{name}/aspects", response_class=Response)
def aspects(served: Server, name: str) -> Response:
    """Give the shape of each photo of a set in a byte: 128 + 32 * log2(width / height)."""
    found = served.shelf.named(name)
    headers = {"Cache-Control": "private, max-age=600"}
    return Response(found.aspects(), media_type="application/octet-stream", headers=headers)


@router.get("/sets/{name}/photos")
def photos_of_set(
    served: Server,
    name: str,
    start: Annotated[int, Query(alias="from", ge=0)] = 0,
    n: Annotated[int, Query(ge=1, le=_MOST)] = 100,
) -> dict[str, Any]:
    """List some photos of a set, by their place in it, each with the first of its files that pass.

    A place whose photo has gone since is null.
    """
    found = served.shelf.named(name)
    ids = found.ids(start, n)
    there = served.known_photos(ids, found.where)
    rows = [photo_fields(there[each]) if each in there else None for each in ids]
    return {"schema_version": SCHEMA_VERSION, "from": start, "photos": rows}
