"""The groups of a library: exact copies, and on request look-alikes to look at."""

from collections.abc import Iterable, Iterator

import numpy as np

from ...store.catalog.embeddings import raw_vectors
from ...store.catalog.holdings import holdings_of
from ...store.catalog.photos import Photo, photos_of, repeated_photos, visible_ids
from ...store.filters.where import ALL, Where
from ...store.index.exact import Ids
from ...store.index.search import nearest_photos
from ...store.view import View
from .capture_time import shot_in_words
from .groups import Group, Member, Pair, exact_group, star_groups
from .separate import are_one_unit
from .shots import shot_of

_BLOCK = 256

# A photo has few look-alikes, or hundreds (blank pages, a burst): the search widens only for these.
_FIRST_K, _MOST_K = 16, 256


def similar_pairs(view: View, min_score: float, where: Where = ALL) -> Iterator[Pair]:
    """Yield each pair of photos whose embeddings score min_score or more, a < b.

    Most pairs come twice, once from each side, with scores that may differ in the last digits. Of a photo
    with more than 255 such neighbors the best 255 count.
    """
    ids = visible_ids(view, where)
    for start in range(0, len(ids), _BLOCK):
        block = ids[start : start + _BLOCK]
        yield from _pairs_of(view, block, min_score, ids if where else None)


def _pairs_of(view: View, ids: Ids, min_score: float, allowed: Ids | None) -> Iterator[Pair]:
    k = _FIRST_K
    while len(ids):
        vectors = raw_vectors(view, ids.tolist())
        ids = np.array([each for each in ids.tolist() if each in vectors], dtype=np.int64)
        if not len(ids):
            return
        found = nearest_photos(view, np.stack([vectors[each] for each in ids.tolist()]), k, allowed=allowed)
        is_full = found.scores[:, -1] >= min_score if k <= _MOST_K // 4 else np.zeros(len(ids), bool)
        is_full &= found.ids.shape[1] == k
        for row in np.flatnonzero(~is_full):
            yield from _row_pairs(int(ids[row]), found.ids[row], found.scores[row], min_score)
        ids, k = ids[is_full], k * 4


def _row_pairs(
    photo: int, ids: Ids, scores: np.ndarray[tuple[int], np.dtype[np.float32]], min_score: float
) -> Iterator[Pair]:
    for other, score in zip(ids.tolist(), scores.tolist(), strict=True):
        # When one side's list is cut off, the pair is met from the other side only.
        if other >= 0 and other != photo and score >= min_score:
            yield Pair(min(photo, other), max(photo, other), score)


def exact_groups(view: View, where: Where = ALL) -> Iterator[Group]:
    """Yield the groups of files with the same bytes, most wasted space first."""
    groups = (exact_group(photo) for photo in repeated_photos(view, where))
    found = [(-group.wasted_bytes, group.keeper.path, group) for group in groups if group]
    yield from (group for *_, group in sorted(found, key=lambda row: row[:2]))


def similar_groups(
    view: View, min_score: float, where: Where = ALL, copies: Iterable[Group] = ()
) -> Iterator[Group]:
    """Yield groups of look-alikes: each member scores min_score or more with the keeper.

    Nothing here is proven to be a copy. Exact copies of one content count once, and the groups of copies
    that are known, as what is kept of them. Two halves of one shot are no look-alikes.
    """
    hidden = {member.photo.id for group in copies for member in group.members}
    hidden -= {group.keeper_photo.id for group in copies}
    pairs = [p for p in similar_pairs(view, min_score, where) if p.a not in hidden and p.b not in hidden]
    ids = {each for pair in pairs for each in (pair.a, pair.b)}
    photos = {photo.id: photo for photo in photos_of(view, where, sorted(ids))}
    pairs = [pair for pair in pairs if not are_one_unit(photos[pair.a], photos[pair.b])]
    holdings = holdings_of(view, sorted(photos))
    for star in star_groups(pairs, rank=lambda each: photos[each].digest):
        keeper = photos[star[0].a]
        shots = {
            each: shot_of(photos[each], holdings.get(each)) for each in (star[0].a, *(p.b for p in star))
        }
        members = tuple(
            _lookalike(photos[pair.b], pair.score, shot_in_words(shots[pair.a].taken, shots[pair.b].taken))
            for pair in star
        )
        yield Group(keeper, keeper.files[0], members)


def _lookalike(other: Photo, score: float, words: str) -> Member:
    return Member(other, other.files[0], "similar", words, score, why_not="look-alike")
