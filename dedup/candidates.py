"""Which pairs of photos are alike enough to be looked at; bounded in memory, never an N x N matrix."""

from collections.abc import Iterator

import numpy as np

from ..store.filters import ALL, Where
from ..store.vectors import Ids
from ..store.view import View
from .groups import Pair

_BLOCK = 256

# A photo has few look-alikes, or hundreds (blank pages, a burst): the search widens only for these.
_FIRST_K, _MOST_K = 16, 256


def similar_pairs(view: View, min_score: float, where: Where = ALL) -> Iterator[Pair]:
    """Yield each pair of photos whose embeddings score min_score or more, a < b.

    Most pairs come twice, once from each side, with scores that may differ in the last digits. Of a photo
    with more than 255 such neighbors the best 255 count.
    """
    ids = view.visible_ids(where)
    for start in range(0, len(ids), _BLOCK):
        block = ids[start : start + _BLOCK]
        yield from _pairs_of(view, block, min_score, ids if where else None)


def _pairs_of(view: View, ids: Ids, min_score: float, allowed: Ids | None) -> Iterator[Pair]:
    k = _FIRST_K
    while len(ids):
        vectors = view.raw_vectors(ids.tolist())
        ids = np.array([each for each in ids.tolist() if each in vectors], dtype=np.int64)
        if not len(ids):
            return
        found = view.nearest(np.stack([vectors[each] for each in ids.tolist()]), k, allowed=allowed)
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
