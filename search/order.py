"""Which of the photos found are shown, and in what order."""

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from ..store.catalog.embeddings import units_of
from ..store.filters.where import Where
from ..store.records import Vectors
from ..store.view import View
from .answers import Answer, Result
from .request import SearchRequest

# Candidates for each result that is wanted, when they are spread over scenes.
CANDIDATES = 5

# How much being found again costs against being alike: 1 - lambda of maximal marginal relevance.
REPETITION = 0.4

# Photos of one scene are taken within minutes; after so many seconds half of the suspicion is gone.
_SCENE_S = 600.0

# What is as like but of another time repeats so much of it.
_OTHER_TIME = 0.5


def candidates_of(request: SearchRequest) -> int:
    """Return how many results `selected` wants to choose from."""
    return request.k * (CANDIDATES if request.diverse else 1)


def selected(view: View, found: Sequence[Result], request: SearchRequest) -> tuple[Result, ...]:
    """Return the k results to show of those found, which come best first, in the order requested."""
    if request.diverse and len(found) > request.k:
        found = _diversified(view, found, request.k)
    return tuple(in_order(found[: request.k], request.sort))


def _diversified(view: View, found: Sequence[Result], k: int) -> list[Result]:
    ids = np.array([result.photo.id for result in found], np.int64)
    order = np.argsort(ids)
    units = units_of(view, ids[order]).astype(np.float32)[np.argsort(order)]
    scores = np.array([result.score for result in found], np.float32)
    times = np.array([seconds_of(result.photo.taken) for result in found])
    return [found[at] for at in sorted(diversify(units, scores, times, k))]


def in_order(results: Sequence[Result], sort: str) -> Sequence[Result]:
    """Return results, which come best first, in one of SORTS."""
    if sort == "path":
        return sorted(results, key=lambda result: result.path)
    if sort == "score":
        return results
    return sorted(results, key=lambda result: result.photo.date, reverse=sort == "-time")


def diversify(
    units: Vectors, scores: Vectors, times: npt.NDArray[np.float64], k: int, repetition: float = REPETITION
) -> list[int]:
    """Return the places of k candidates that are like the query and unlike each other, the best first.

    Maximal marginal relevance (Carbonell and Goldstein 1998): one after the other, the one with the most
    of score - repetition * (how much it repeats one that was taken). units: (n, dim) unit vectors. scores:
    (n,) cosines to the query. times: (n,) seconds, NaN where unknown: then being alike alone counts.
    """
    taken: list[int] = []
    repeats = np.full(len(scores), -np.inf, np.float32)
    left = np.ones(len(scores), bool)
    for _ in range(min(k, len(scores))):
        worth = (1 - repetition) * scores - repetition * repeats if taken else scores
        best = int(np.argmax(np.where(left, worth, -np.inf)))
        taken.append(best)
        left[best] = False
        repeats = np.maximum(repeats, (units @ units[best]) * _same_time(times, times[best]))
    return taken


def _same_time(times: npt.NDArray[np.float64], time: float) -> Vectors:
    """Return how much of a likeness counts as one scene: (n,) from _OTHER_TIME to 1."""
    near = np.exp2(-np.abs(times - time) / _SCENE_S)
    return np.where(np.isnan(near), 1, _OTHER_TIME + (1 - _OTHER_TIME) * near).astype(np.float32)


def seconds_of(taken: str | None) -> float:
    """Return a capture time in seconds of the camera's clock; NaN where it is unknown."""
    if taken is None:
        return float("nan")
    return (datetime.fromisoformat(taken).replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()


def answer_by_filter(view: View, request: SearchRequest, where: Where) -> Answer:
    """Return k photos that pass where, newest first or as request.sort says.

    The query of the answer is "", the scores are NaN: there is nothing to be like.
    """
    from ..store.catalog.ordering import ordered_photos  # a plain search does without

    order = "-time" if request.sort == "score" else request.sort
    photos = list(ordered_photos(view, where, order, request.k))
    return Answer("", tuple(Result(math.nan, photo) for photo in photos))
