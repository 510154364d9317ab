"""What people call photos: by path, by id:N, or by the digest of the content."""

import os
import re
from reprlib import repr as short
from typing import Any, SupportsIndex

from blake3 import blake3

from ..errors import DecodeError, UsageError
from ..indexer.decode.read import read_file
from ..store.arguments import as_id
from ..store.catalog.contents import ids_of
from ..store.catalog.pairs import facts_of
from ..store.catalog.photos import Photo, photos_of
from ..store.filters.where import Where
from ..store.names import on_disk, real_path
from ..store.records import photo_id_in
from ..store.store import Store
from .actions.journal import journals

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


# A photo as callers name it: by a path, by id:N or its id, or by itself, or a result that holds it.
PhotoName = str | os.PathLike[str] | SupportsIndex | Photo


def name_of(photo: Any) -> str:
    """Return the path or id:N that a `PhotoName` stands for; a digest is a str, too.

    Raises:
        UsageError: it is none.
    """
    photo = getattr(photo, "photo", photo)  # of a result
    if isinstance(photo, Photo):
        return f"id:{photo.id}"
    if isinstance(photo, (str, os.PathLike)):
        return os.fsdecode(photo)
    try:
        return f"id:{as_id(photo)}"
    except TypeError as error:
        raise UsageError(f"a photo is named by its path or its id, not by {short(photo)}") from error


def photo_named(store: Store, name: str) -> Photo | None:
    """Return the photo of the library that a path or id:N names; None where it has no such file."""
    photo_id, path = photo_id_in(name), real_path(os.fsdecode(on_disk(os.fsencode(name))))
    with store.reading() as view:
        if photo_id is not None:
            return next(iter(photos_of(view, ids=[photo_id])), None)
        found = list(photos_of(view, Where(folders=(os.fsencode(path),))))
    return next((photo for photo in found if any(file.path == path for file in photo.files)), None)


def content_of(store: Store, name: str) -> tuple[str, str]:
    """Return the blake3 digest (hex) of a photo, and what to call it.

    name: a path, id:N (its file may be away), or such a digest.

    Raises:
        UsageError: there is nothing of that name.
    """
    if _DIGEST.fullmatch(name) and not os.path.lexists(name):
        return name, name
    photo = photo_named(store, name)
    if photo is not None:
        return photo.digest, photo.path
    photo_id = photo_id_in(name)
    return _by_file(name) if photo_id is None else _absent(store, name, photo_id)


def _absent(store: Store, name: str, photo_id: int) -> tuple[str, str]:
    with store.reading() as view:
        facts = facts_of(view, [photo_id]).get(photo_id)
    if facts is None:
        raise UsageError(f"there is no photo {name} in the library")
    return facts.digest.hex(), name


def _by_file(name: str) -> tuple[str, str]:
    """Return the content of a file outside: a photo may be decided on before it comes in."""
    path = os.fsencode(name)
    try:
        data, _ = read_file(path, path)
    except FileNotFoundError:
        raise UsageError(
            f"{name} is not a photo of the library, and there is no such file; of a photo whose file is "
            "away, give its id (id:N) or its digest"
        ) from None
    except DecodeError as error:
        raise UsageError(f"{name}: {error}") from error
    return blake3(data).hexdigest(), real_path(name)


def whereabouts(store: Store, digest: str) -> list[str]:
    """Return the paths at which a content (blake3 in hex) should lie, those of the library first."""
    with store.reading() as view:
        ids = list(ids_of(view, [bytes.fromhex(digest)]).values())
        paths = [file.path for photo in photos_of(view, ids=ids) for file in photo.files]
    actions = [
        action for record in journals(store.folder) for action in record.pending if action.digest == digest
    ]
    moved = [path for action in actions for path in (action.to, action.path) if os.path.lexists(path)]
    return list(dict.fromkeys([*paths, *moved]))
