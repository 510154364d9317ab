"""Pictures of photos by id, made from their thumbnails; the last used ones stay in memory.

A process that proves needs this and no store: to know one would double the time that it takes to start.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from . import Picture
from .picture import grey_of
from .planes import Grey


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A photo as the proof gets it. width, height: of the photo, in pixels."""

    jpeg: bytes
    width: int
    height: int

    def picture(self) -> Picture | None:
        """Return what the proof makes of it; None when it is damaged, which must not end a run."""
        try:
            return Picture.from_thumbnail(self.jpeg, self.width, self.height)
        except ValueError:
            return None

    def grey(self) -> Grey | None:
        """Return it as the proof sees it, (h, w), without all else; None when it is damaged."""
        try:
            return grey_of(self.jpeg)
        except ValueError:
            return None


class Pictures:
    """At most `limit` pictures, the last used ones; safe to be asked from several threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[int, Picture | None] = OrderedDict()
        self._mutex = threading.Lock()

    def get(self, photo_id: int, thumbnail: Callable[[int], Thumbnail | None]) -> Picture | None:
        """Return the picture of a photo, from memory or of its thumbnail; None when it has none."""
        with self._mutex:
            if photo_id in self._kept:
                self._kept.move_to_end(photo_id)
                return self._kept[photo_id]
        found = thumbnail(photo_id)
        picture = None if found is None else found.picture()
        with self._mutex:
            self._kept[photo_id] = picture
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        return picture
