"""Where a content can be read: in the library, or where `apply` put it."""

import os

from ..store.store import Store
from .journal import journals


def whereabouts(store: Store, digest: str) -> list[str]:
    """Return the paths at which a content (blake3 in hex) should lie, those of the library first."""
    with store.reading() as view:
        ids = list(view.ids_of([bytes.fromhex(digest)]).values())
        paths = [file.path for photo in view.photos(ids=ids) for file in photo.files]
    acts = [act for record in journals(store.folder) for act in record.pending if act.digest == digest]
    moved = [path for act in acts for path in (act.to, act.path) if os.path.lexists(path)]
    return list(dict.fromkeys([*paths, *moved]))
