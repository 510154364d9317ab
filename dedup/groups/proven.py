"""Which contents the library would put into one group: what a plan calls copies must be such."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping

from ...store.catalog.holdings import holdings_of
from ...store.catalog.pairs import copies_touching, decisions_by_ids, ids_of_pixels, pixels_of
from ...store.catalog.photos import photos_of
from ...store.view import View
from .original import PairKey, key_of
from .separate import Apart


def proven(view: View, pairs: Collection[PairKey]) -> set[PairKey]:
    """Return those of some pairs of content ids (the smaller one first) that are copies in this library.

    A group is a star: its photos have a proof with its center, by their pixels or by the user's decision,
    so that two of them have one of their own or share a neighbor. What is kept apart is none.
    """
    ids = {each for pair in pairs for each in pair}
    if not ids:
        return set()
    decided = decisions_by_ids(view)
    pixels = pixels_of(view, sorted(ids))
    mates = ids_of_pixels(view, sorted(set(pixels.values())))
    near = _neighbors(view, ids, decided)
    for each, digest in pixels.items():
        near[each].update(mates[digest])
    shared = {pair: near[pair[0]] & near[pair[1]] for pair in pairs}
    apart = _kept_apart(view, ids.union(*mates.values(), *shared.values()), decided)

    def joins(a: int, b: int) -> bool:
        return a == b or (b in near[a] and not apart(a, b))

    return {
        (a, b)
        for a, b in pairs
        if not apart(a, b)
        and (joins(a, b) or any(joins(a, each) and joins(b, each) for each in shared[a, b]))
    }


def _neighbors(view: View, ids: set[int], decided: Mapping[PairKey, str]) -> defaultdict[int, set[int]]:
    """Return the photos that each of these has a proof or a confirmation with."""
    near: defaultdict[int, set[int]] = defaultdict(set)
    confirmed = (pair for pair, kind in decided.items() if kind == "confirmed")
    for pairs in (copies_touching(view, ids), confirmed):
        for a, b in pairs:
            near[a].add(b)
            near[b].add(a)
    return near


def _kept_apart(
    view: View, ids: Collection[int], decided: Mapping[PairKey, str]
) -> Callable[[int, int], bool]:
    """Return what tells of two photos whether they never share a group.

    Of one that was moved away meanwhile no more is asked than what the user decided.
    """
    photos = {photo.id: photo for photo in photos_of(view, ids=sorted(ids))}
    apart = Apart(photos, decided, holdings_of(view, sorted(photos)))

    def tells(a: int, b: int) -> bool:
        known = a in photos and b in photos
        return apart(a, b) if known else decided.get(key_of(a, b)) == "rejected"

    return tells
