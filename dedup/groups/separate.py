"""What never shares a group, whatever the pixels say."""

import os
from collections import defaultdict
from collections.abc import Mapping

from ...store.catalog.photos import Photo
from .capture_time import moments_differ
from .companions import are_companions


class Apart:
    """Tells which photos are kept apart: rejected by the user, two shots, or companions of each other.

    What the user confirmed is joined. The same pixels are one shot, though their metadata were changed:
    what is known of the time of one is known of all of them.
    """

    def __init__(self, photos: Mapping[int, Photo], decided: Mapping[tuple[int, int], str]) -> None:
        """Prepare for these photos. decided: "confirmed" or "rejected" by ids, the smaller one first."""
        self._photos = photos
        self._decided = decided
        self._folders = {
            photo.id: frozenset(os.path.dirname(file.path) for file in photo.files)
            for photo in photos.values()
        }
        self._times: dict[str, set[str]] = defaultdict(set)
        for photo in photos.values():
            if photo.taken:
                self._times[photo.pixel_digest].add(photo.taken)

    def __call__(self, a: int, b: int) -> bool:
        """Tell whether two photos, by id, must not share a group."""
        decided = self._decided.get((min(a, b), max(a, b)))
        if decided:
            return decided == "rejected"
        first, second = self._photos[a], self._photos[b]
        if first.pixel_digest == second.pixel_digest:
            return False
        if self._are_two_shots(first, second):
            return True
        # Halves lie beside each other, and most pairs do not: asked of every pair, so asked cheaply.
        return not self._folders[a].isdisjoint(self._folders[b]) and are_one_unit(first, second)

    def _are_two_shots(self, first: Photo, second: Photo) -> bool:
        times, others = self._times.get(first.pixel_digest), self._times.get(second.pixel_digest)
        if not times or not others:
            return False
        return all(moments_differ(a, b) for a in times for b in others)


def are_one_unit(first: Photo, second: Photo) -> bool:
    """Tell whether two photos are halves of one shot: some of their files are companions."""
    return any(are_companions(one.path, other.path) for one in first.files for other in second.files)
