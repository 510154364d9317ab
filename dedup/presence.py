"""Whether files that the catalog tells of are still there: people delete what they are told is a copy."""

import os
from collections.abc import Sequence

from ..store.filters import rel_below
from ..store.listing import Photo, PhotoFile
from ..store.records import Root


class Presence:
    """Looks at files, none of which is opened. Of a folder that is away nothing is known: it counts."""

    def __init__(self, roots: Sequence[Root]) -> None:
        self._roots = [root.path for root in roots]

    def __call__(self, photo: Photo, file: PhotoFile) -> bool:
        """Tell whether a file may still hold the photo: it has the size, or its folder is away."""
        path = os.fsencode(file.path)
        try:
            return os.stat(path).st_size == photo.size
        except OSError:
            return not any(rel_below(path, root) is not None and _is_online(root) for root in self._roots)


def _is_online(root: bytes) -> bool:
    """Tell whether a folder is there; an empty one is where a drive would be."""
    try:
        with os.scandir(root) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
