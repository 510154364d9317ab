"""Which of a query's neighbors are shown: not the query itself, and copies of one photo once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..store.catalog.photos import Photo, photos_of
from ..store.filters.where import Where
from ..store.index.exact import Ids
from ..store.names import is_name_of_copy
from ..store.records import Vectors
from ..store.view import View
from .answers import Result
from .examples import Example
from .request import SearchRequest

# Of copies of one photo so many are looked up, to show one that is not called as copies are.
_COPIES = 3


class Ranked(NamedTuple):
    """The neighbors of q queries, best first, all (q, m).

    ids: int64, -1 where fewer exist. scores: float32, cosines. same_as: int64, the photo that stands for
    each and its proven copies.
    """

    ids: Ids
    scores: Vectors
    same_as: Ids


class _Neighbor(NamedTuple):
    """A neighbor. same_as: the photo that stands for it and its copies, of which there are so many."""

    id: int
    score: float
    same_as: int
    copies: int


def collapse(
    view: View, examples: Sequence[Example], ranked: Ranked, where: Where, request: SearchRequest
) -> list[list[Result]]:
    """Return up to request.k results of each example that pass where, best first."""
    # Of copies so many, as all but some may be examples.
    of_each = _COPIES + max(len(example.parts) or 1 for example in examples)
    rows = [
        _to_look_up(zip(*(each.tolist() for each in row), strict=True), of_each, request)
        for row in zip(*ranked, strict=True)
    ]
    # Photos cost more to look up than all else.
    wanted = sorted({each.id for row in rows for each in row})
    photos = {photo.id: photo for photo in photos_of(view, where, wanted)}
    return [_results(*each, photos, request) for each in zip(examples, rows, strict=True)]


def _to_look_up(
    row: Iterable[tuple[int, float, int]], of_each: int, request: SearchRequest
) -> list[_Neighbor]:
    """Return the neighbors of one query, (id, score, same_as), of which results can be made."""
    near = [each for each in row if each[0] >= 0 and each[1] >= request.min_score]
    copies, taken = Counter(same_as for *_, same_as in near), Counter[int]()
    found: list[_Neighbor] = []
    for photo_id, score, same_as in near:
        taken[same_as] += 1
        if taken[same_as] <= of_each:
            found.append(_Neighbor(photo_id, score, same_as, copies[same_as]))
        if len(taken) >= request.k + of_each:
            break
    return found


def _results(
    example: Example, found: Sequence[_Neighbor], photos: dict[int, Photo], request: SearchRequest
) -> list[Result]:
    results: dict[int, Result] = {}
    own = Counter[int]()
    for each in found:
        photo = photos.get(each.id)
        shown = results.get(each.same_as)
        if photo is None or (shown and not is_name_of_copy(shown.path)):
            continue
        files = [f for f in photo.files if request.include_self or not example.is_own(photo, f)]
        if not files:
            own[each.same_as] += 1
            continue
        if shown and is_name_of_copy(files[0].path):
            continue
        others = each.copies - 1 - own[each.same_as]
        score = shown.score if shown else each.score  # that of the copies together, which has their place
        results[each.same_as] = Result(score, replace(photo, files=tuple(files)), others)
    return list(results.values())[: request.k]
