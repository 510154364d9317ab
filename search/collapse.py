"""Which of a query's neighbors are shown: not the query itself, and copies of one photo once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..store.catalog.photos import Photo, photos_of
from ..store.index.exact import Ids, Neighbors
from ..store.view import View
from .answers import Result, SearchOptions
from .examples import Example


class _Found(NamedTuple):
    """A neighbor. stands: the photo that stands for it and its copies. copies: how many there are."""

    id: int
    score: float
    stands: int
    copies: int


def shown(
    view: View,
    examples: Sequence[Example],
    neighbors: Neighbors,
    stands: Ids,
    options: SearchOptions,
) -> list[list[Result]]:
    """Return up to options.k results of each example, best first.

    stands: in the shape of neighbors.ids, the photo that stands for each and its copies.
    """
    # Of copies so many, as all but one may be examples.
    of_each = 1 + max(len(example.parts) or 1 for example in examples)
    rows = [
        _found(zip(*(each.tolist() for each in row), strict=True), of_each, options)
        for row in zip(neighbors.ids, neighbors.scores, stands, strict=True)
    ]
    # Photos cost more to look up than all else.
    wanted = sorted({each.id for row in rows for each in row})
    photos = {photo.id: photo for photo in photos_of(view, options.where, wanted)}
    return [_results(*each, photos, options) for each in zip(examples, rows, strict=True)]


def _found(row: Iterable[tuple[int, float, int]], of_each: int, options: SearchOptions) -> list[_Found]:
    """Return the neighbors (id, score, what stands for it) of one query to look up."""
    near = [each for each in row if each[0] >= 0 and each[1] >= options.min_score]
    copies, taken = Counter(stands for *_, stands in near), Counter[int]()
    found: list[_Found] = []
    for photo_id, score, stands in near:
        taken[stands] += 1
        if taken[stands] <= of_each:
            found.append(_Found(photo_id, score, stands, copies[stands]))
        if len(taken) >= options.k + of_each:
            break
    return found


def _results(
    example: Example, found: Sequence[_Found], photos: dict[int, Photo], options: SearchOptions
) -> list[Result]:
    results: dict[int, Result] = {}
    own = Counter[int]()
    for each in found:
        photo = photos.get(each.id)
        if photo is None or each.stands in results:
            continue
        files = [f for f in photo.files if options.include_self or not example.is_own(photo, f)]
        if not files:
            own[each.stands] += 1
            continue
        others = each.copies - 1 - own[each.stands]
        results[each.stands] = Result(each.score, replace(photo, files=tuple(files)), others)
    return list(results.values())[: options.k]
