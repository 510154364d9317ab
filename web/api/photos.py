"""One photo: what is known of it, and its picture in three sizes, by its id alone."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import FileResponse

from ...errors import DecodeError
from ...output.listing import photo_fields
from ...search.request import SearchRequest
from ...store.catalog.pairs import copies_of
from ...store.catalog.photos import Photo
from ...store.documents import SCHEMA_VERSION, path_fields
from ...store.names import is_remote
from ..problems import Gone
from ..served import Served
from .asked import PhotoId, Server, Wanted

router = APIRouter(prefix="/api/photos", tags=["photos"])

_FOR_EVER = "private, max-age=31536000, immutable"
# What a browser shows by itself; everything else is saved, and never shown as a page of ours.
_SHOWN = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "GIF": "image/gif",
}
_SIDES = (256, 4096)
_NEAR = timedelta(minutes=5)
_MOMENT, _ALIKE = 60, 24  # photos in a strip


@router.get("/{photo_id}")
def photo(served: Server, photo_id: PhotoId, wanted: Annotated[Wanted, Depends()]) -> dict[str, Any]:
    """Tell what is known of a photo, with all its files; first the one by which a filter shows it."""
    found = served.photo(photo_id)
    shown = served.known_photos([photo_id], wanted.filter(served)).get(photo_id, found)
    fields = served.library.fields([found])
    return {
        "schema_version": SCHEMA_VERSION,
        **photo_fields(shown),
        "taken": found.taken,
        "camera": found.camera,
        "lens": found.lens,
        "latitude": found.latitude,
        "longitude": found.longitude,
        "warning": found.warning,
        "blake3": found.digest,
        "files": [{**path_fields(each.path), "fields": fields[each.path]} for each in found.files],
        "fields": fields[shown.path],
    }


@router.get("/{photo_id}/related")
def related(served: Server, photo_id: PhotoId) -> dict[str, Any]:
    """List proven copies of a photo, photos of the same moment, and others that look like it."""
    found = served.photo(photo_id)
    with served.library.store.reading() as view:
        ids = copies_of(view, photo_id)
    copies = list(served.known_photos(ids).values())
    moment = list(islice(_of_moment(served, found), _MOMENT))
    seen = {photo_id, *(each.id for each in (*copies, *moment))}
    request = SearchRequest(examples=[photo_id], k=_ALIKE + len(seen), with_labels=False)
    with served.searching:
        results = served.library.searches.results(request)
    alike = [each.photo for each in results if each.photo.id not in seen][:_ALIKE]
    rows = {"copies": copies, "moment": moment, "alike": alike}
    return {
        "schema_version": SCHEMA_VERSION,
        **{name: list(map(photo_fields, some)) for name, some in rows.items()},
    }


def _of_moment(served: Served, photo: Photo) -> Iterator[Photo]:
    """Yield the photos taken at about the same time, by what they say themselves."""
    if photo.taken is None:
        return
    taken = datetime.fromisoformat(photo.taken[:19])
    first, last = (each.isoformat() for each in (taken - _NEAR, taken + _NEAR))
    where = served.library.where(where=f'taken >= "{first}" and taken <= "{last}"')
    yield from (each for each in served.library.photos(where, "time") if each.id != photo.id)


@router.get("/{photo_id}/thumb", response_class=Response)
def thumb(
    served: Server, photo_id: PhotoId, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """Give the thumbnail, a JPEG."""
    found = served.photo(photo_id)
    tag = f'"{found.digest}"'
    headers = {"ETag": tag, "Cache-Control": _FOR_EVER}
    if if_none_match == tag:
        return Response(status_code=304, headers=headers)
    jpeg = served.library.thumbnail(found)
    if jpeg is None:
        raise Gone("there is no thumbnail of it; the next `lookalike index` makes it")
    return Response(jpeg, media_type="image/jpeg", headers=headers)


@router.get("/{photo_id}/preview", response_class=Response)
def preview(
    served: Server, photo_id: PhotoId, side: Annotated[int, Query(ge=_SIDES[0], le=_SIDES[1])] = 1600
) -> Response:
    """Give the photo as a JPEG of at most `side` pixels; the thumbnail where its file cannot be read."""
    found = served.photo(photo_id)
    try:
        jpeg = served.previews.of_photo(found, side)
    except DecodeError as error:
        stored = served.library.thumbnail(found)
        if stored is None:
            raise
        reason = served.why_gone(found) if error.code == "gone" else str(error)
        told = {"X-Lookalike-Stand-In": quote(reason), "Cache-Control": "no-store"}
        return Response(stored, media_type="image/jpeg", headers=told)
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": _FOR_EVER})


@router.get("/{photo_id}/original", response_class=FileResponse)
def original(served: Server, photo_id: PhotoId) -> Response:
    """Give the file itself, or parts of it; the browser shows it if it is of its formats, else saves it."""
    found = served.photo(photo_id)
    path = _unchanged_file(found)
    if path is None:
        raise Gone(served.why_gone(found))
    kind = _SHOWN.get(found.format)
    headers = {"ETag": f'"{found.digest}"', "Content-Security-Policy": "default-src 'none'; sandbox"}
    return FileResponse(
        path,
        media_type=kind or "application/octet-stream",
        filename=os.path.basename(path).encode("utf-8", "replace").decode(),
        content_disposition_type="inline" if kind else "attachment",
        headers=headers,
    )


def _unchanged_file(photo: Photo) -> str | None:
    """Return the first file of a photo that is as it was indexed; None: there is none."""
    for file in photo.files:
        if is_remote(file.path):
            continue
        try:
            found = os.lstat(file.path)
        except OSError:
            continue
        if (found.st_size, found.st_mtime_ns) == (photo.size, file.mtime_ns):
            return file.path
    return None
