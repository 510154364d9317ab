"""What never shares a group, whatever the pixels say."""

import os
import re
from collections import defaultdict
from collections.abc import Mapping
from itertools import chain

from ...indexer.decode.sniff import RAW
from ...store.catalog.holdings import holdings_of
from ...store.catalog.pairs import keep_apart, proven_pairs, same_pixels
from ...store.catalog.photos import Photo, photos_of
from ...store.records import Holdings
from ...store.store import Store
from .companions import are_companions
from .shots import Shot, exposures_differ, shot_of, times_differ


class Apart:
    """Tells which photos are kept apart: rejected by the user, two shots, companions, raw and developed.

    What the user confirmed is joined. The same pixels are one shot, though their metadata were changed:
    what is known of the time or the exposure of one is known of all of them.
    """

    def __init__(
        self,
        photos: Mapping[int, Photo],
        decided: Mapping[tuple[int, int], str],
        holdings: Mapping[int, Holdings],
    ) -> None:
        """Prepare for these photos.

        decided: "confirmed" or "rejected" by ids, the smaller one first. holdings: by id, as far as known.
        """
        self._photos = photos
        self._decided = decided
        self._folders = {
            photo.id: frozenset(os.path.dirname(file.path) for file in photo.files)
            for photo in photos.values()
        }
        self._times: dict[str, set[Shot]] = defaultdict(set)
        self._exposures: dict[str, set[Shot]] = defaultdict(set)
        for photo in photos.values():
            shot = shot_of(photo, holdings.get(photo.id))
            if shot.taken:
                self._times[photo.pixel_digest].add(shot)
            if shot.exposure_time or shot.bias is not None:
                self._exposures[photo.pixel_digest].add(shot)

    def __call__(self, a: int, b: int) -> bool:
        """Tell whether two photos, by id, must not share a group."""
        decided = self._decided.get((min(a, b), max(a, b)))
        if decided:
            return decided == "rejected"
        first, second = self._photos[a], self._photos[b]
        if first.pixel_digest == second.pixel_digest:
            return False
        # What a raw file shows is a preview: no picture was made from it, and none stands for it.
        raws = [each.format == RAW for each in (first, second)]
        if any(raws) and not (all(raws) and are_one_raw(first, second)):
            return True
        if self._are_two_shots(first, second):
            return True
        # Halves lie beside each other, and most pairs do not: asked of every pair, so asked cheaply.
        return not self._folders[a].isdisjoint(self._folders[b]) and are_one_unit(first, second)

    def _are_two_shots(self, first: Photo, second: Photo) -> bool:
        for known, differ in ((self._times, times_differ), (self._exposures, exposures_differ)):
            some, others = known.get(first.pixel_digest), known.get(second.pixel_digest)
            if some and others and all(differ(a, b) for a in some for b in others):
                return True
        return False


def are_one_unit(first: Photo, second: Photo) -> bool:
    """Tell whether two photos are halves of one shot: some of their files are companions."""
    return any(are_companions(one.path, other.path) for one in first.files for other in second.files)


def are_one_raw(first: Photo, second: Photo) -> bool:
    """Tell whether two raw files may be of one shot: by their names, or by times that tell frames apart.

    Their previews alone do not: those of a burst are more alike than two renderings of one frame.
    """
    if all("." in (each.taken or "") for each in (first, second)):
        return True
    stems = [[_stem(file.path) for file in each.files] for each in (first, second)]
    return any(_is_named_in(a, b) or _is_named_in(b, a) for a in stems[0] for b in stems[1])


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0].casefold()


def _is_named_in(stem: str, other: str) -> bool:
    """Tell whether a name has another one in it: "2021-08 IMG_1100-Enhanced" has IMG_1100."""
    # The first question answers for most pairs of a burst: to compile a pattern costs hundreds of these.
    return stem in other and re.search(rf"(?<![^\W_]){re.escape(stem)}(?![^\W_])", other) is not None


def mark_apart(store: Store) -> None:
    """Have searches know which proven pairs never share a group, so that they do not count as one photo.

    The user's decisions do not matter here: searches go by them.
    """
    with store.reading() as view:
        known = proven_pairs(view)
        ids = {each for pair in known for each in pair}.union(chain(*same_pixels(view))) if known else set()
        photos = {photo.id: photo for photo in photos_of(view, ids=sorted(ids))}
        apart = Apart(photos, {}, holdings_of(view, sorted(photos)))
    # What is away just now stays as it was.
    now = {pair: apart(*pair) for pair in known if photos.keys() >= set(pair)}
    changed = {pair: is_apart for pair, is_apart in now.items() if is_apart != known[pair]}
    if changed:
        with store.writing() as view:
            keep_apart(view, changed)
