"""From proven copies to what they say of each other at full size: look where it decides, remember it."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ...store.catalog.looks import looks_of, put_looks
from ...store.catalog.photos import Photo
from ...store.progress import UNWATCHED, Watch
from ...store.store import Store
from ..look import LOOK_VERSION, Look, reversed_look
from ..look.looker import PASSING, Looker, Sight
from ..proof.planes import inverted
from .keeper import KeepRules
from .original import PairKey
from .report import GroupInput, Stars, missing_looks

_BATCH = 64
# Each round asks what the round before made of a group; few groups need more than three.
_MOST_ROUNDS = 8

_NO_MAP = "no map between both is known"


def known_looks(store: Store, stars: Stars) -> dict[PairKey, Look]:
    """Return what was seen of the photos of these groups."""
    ids = {photo.id for photos in stars for photo in photos}
    with store.reading() as view:
        found = looks_of(view, ids, LOOK_VERSION)
    return {pair: Look.from_dict(told) for pair, told in found.items()}


def look_where_it_decides(
    store: Store, known: GroupInput, stars: Stars, rules: KeepRules, watch: Watch = UNWATCHED
) -> dict[PairKey, Look]:
    """Take the looks that the choice in these groups needs, and return all that are known then.

    A batch is remembered at a time: what is stopped goes on where it was. Looks that could not be taken
    because a file is away or memory ran out are not remembered.
    """
    looks = known_looks(store, stars)
    with Looker() as looker:
        left = missing_looks(known, rules, looks, stars)
        for _ in range(_MOST_ROUNDS):
            if not left or watch.is_stopped:
                break
            sights, blind = _sights(known, left, looks)
            looks |= dict.fromkeys(blind, Look(failed=_NO_MAP))
            watch.progress.begin("comparing at full size", len(sights))
            looks |= _take(store, looker, sights, watch)
            left = missing_looks(known, rules, looks, [photos for photos, _ in left])
    return looks


def _take(store: Store, looker: Looker, sights: Sequence[Sight], watch: Watch) -> dict[PairKey, Look]:
    taken: dict[PairKey, Look] = {}
    fresh: dict[PairKey, Look] = {}

    def remember() -> None:
        with store.writing() as view:
            put_looks(view, LOOK_VERSION, ((pair, look.as_dict()) for pair, look in fresh.items()))
        fresh.clear()

    try:
        for sight, look in looker.looks(sights, watch):
            a, b = sight.key
            taken[min(a, b), max(a, b)] = look if a < b else reversed_look(look)
            if look.failed not in PASSING:
                fresh[min(a, b), max(a, b)] = taken[min(a, b), max(a, b)]
            if len(fresh) >= _BATCH:
                remember()
    finally:
        if fresh:
            remember()
    return taken


def _sights(
    known: GroupInput,
    left: Iterable[tuple[Sequence[Photo], dict[PairKey, bool]]],
    looks: Mapping[PairKey, Look],
) -> tuple[list[Sight], list[PairKey]]:
    """Return the pairs to look at with the map between both, and those without any.

    Who came first is asked before what differs: where another file turns out to be kept, nobody needs that.
    """
    sights, blind = [], []
    for photos, pairs in left:
        by_id = {photo.id: photo for photo in photos}
        between = _Maps(known, photos)
        for (a, b), full in sorted(pairs.items()):
            matrix = between(by_id[a], by_id[b])
            if matrix is None:
                blind.append((a, b))
            else:
                first = looks.get((a, b))
                sights.append(Sight(by_id[a], by_id[b], matrix, full and first is not None, first))
    return sights, blind


class _Maps:
    """The maps between the thumbnails of a group's photos: proven ones, else by way of a third photo."""

    def __init__(self, known: GroupInput, photos: Sequence[Photo]) -> None:
        self._proofs = known.proofs
        self._center = photos[0]
        self._same: dict[str, list[Photo]] = {}
        for photo in photos:
            self._same.setdefault(photo.pixel_digest, []).append(photo)

    def __call__(self, a: Photo, b: Photo) -> tuple[float, ...] | None:
        direct = self._direct(a, b)
        if direct is not None:
            return tuple(direct.ravel().tolist())
        there, on = self._direct(a, self._center), self._direct(self._center, b)
        if there is None or on is None:
            return None
        matrix = on @ there
        return tuple((matrix / matrix[2, 2]).ravel().tolist())

    def _direct(self, a: Photo, b: Photo) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]] | None":
        if a.pixel_digest == b.pixel_digest:
            return np.eye(3)
        for one in self._same[a.pixel_digest]:
            for other in self._same[b.pixel_digest]:
                proof = self._proofs.get((min(one.id, other.id), max(one.id, other.id)))
                if proof is not None and proof.how != "none":
                    matrix = np.array(proof.matrix).reshape(3, 3)
                    return matrix if one.id < other.id else inverted(matrix)
        return None
