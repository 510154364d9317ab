"""Search by label: the photos that have all of some labels, the surest first."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from ..store.catalog.knn import proven_copies
from ..store.catalog.photos import photos_of
from ..store.filters.where import Where
from ..store.view import View
from .answers import Answer, Result
from .labels.labeler import Labeler
from .order import candidates_of, selected
from .request import SearchRequest


def answer_by_label(view: View, labeler: Labeler, request: SearchRequest, where: Where) -> Answer:
    """Return the photos that pass where and have all labels of the request.

    Raises:
        UsageError, StoreCorrupt, ModelError: see `Labeler.find`.
    """
    found = labeler.find(view, request.labels, where, request.confidence)
    copies = {} if request.include_copies or not len(found.ids) else proven_copies(view)
    ranked = [column[: candidates_of(request)] for column in found.ranked(request.min_score, copies)]
    best = labeled_results(view, labeler, ranked, where)
    return Answer(" + ".join(request.labels), selected(view, best, request), is_by_label=True)


def labeled_results(
    view: View, labeler: Labeler, ranked: Sequence[NDArray[Any]], where: Where
) -> list[Result]:
    """Return photos as results with their labels.

    ranked: ids, confidences, and how many copies of each are left out, (n,) each.
    """
    ids, sure, copies = (column.tolist() for column in ranked)
    photos = {photo.id: photo for photo in photos_of(view, where, ids)}
    labels = labeler.labels_of(view, ids) if ids else {}
    return [
        Result(score, photos[each], count, labels.get(each, ()))
        for each, score, count in zip(ids, sure, copies, strict=True)
    ]
