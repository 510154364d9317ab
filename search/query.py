"""Search by example: embed the query the same way, take the nearest photos, say what they are."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import DecodeError, UsageError
from ..indexer.embedder import Embedder
from ..indexer.executor import ThreadExecutor
from ..indexer.sandbox.opener import OPENED_AT_HOME, Opener
from ..store.filters import ALL, Where
from ..store.listing import Photo
from ..store.store import Store
from ..store.view import View
from .boxes import Box, BoxAsked
from .examples import Example, Preparation, Query

# So many queries share one pass over the index.
_BATCH = 64


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What to answer with.

    k: number of neighbors. min_score: cosine in [-1, 1] that neighbors must reach. where: filter on the
    library, applied before the ranking. include_self: let a query that lies in the library be its own
    result.
    box: the part of each query that is looked for, None: all of it looks like the whole of the others.
    """

    k: int = 10
    min_score: float = -1.0
    where: Where = ALL
    include_self: bool = False
    box: BoxAsked | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One neighbor. score: cosine similarity in [-1, 1], higher is closer.

    photo: with those of its files that are not the query itself. box: where in it a part was found.
    """

    score: float
    photo: Photo
    box: Box | None = None

    @property
    def path(self) -> str:
        """The path of its first file."""
        return self.photo.path


@dataclass(frozen=True, slots=True)
class Answer:
    """The neighbors of one query, best first; or why the query could not be read.

    without_map: how many photos pass the filter and have no local map to find a part in.
    """

    query: str
    results: tuple[Result, ...] = ()
    error: DecodeError | None = None
    without_map: int = 0


def find_similar(
    store: Store,
    queries: Iterable[Query],
    options: SearchOptions,
    embedder: Callable[[], Embedder],
) -> Iterator[Answer]:
    """Yield one answer for each query, in their order.

    embedder: gives the embedder of the store's spec; called once a query is not in the library yet.

    Raises:
        UsageError: k or min_score is out of range.
        StoreError: see errors.py.
    """
    if options.k < 1:
        raise UsageError(f"-k is the number of neighbors, at least 1, not {options.k}")
    if not -1 <= options.min_score <= 1:
        raise UsageError(f"scores are cosines from -1 to 1, not {options.min_score:g}")
    if options.box is not None:
        from .regions import find_regions

        yield from find_regions(store, queries, options, embedder)
        return
    executor = ThreadExecutor()
    waiting: list[Example] = []
    with Opener(executor.workers, at_home=OPENED_AT_HOME) as open_photo:
        prepare = Preparation(store, embedder, open_photo)
        # One query has nobody to share the work with: threads would be a quarter of its time.
        is_one = isinstance(queries, Sequence) and len(queries) == 1
        for example in map(prepare, queries) if is_one else executor.run(queries, prepare):
            waiting.append(example)
            if len(waiting) >= _BATCH:
                yield from _answer(store, waiting, options)
                waiting = []
    yield from _answer(store, waiting, options)


def _answer(store: Store, examples: Sequence[Example], options: SearchOptions) -> Iterator[Answer]:
    good = [example for example in examples if example.vector is not None]
    found: dict[int, tuple[Result, ...]] = {}
    if good:
        with store.reading() as view:
            rows = _search(view, good, options)
        found = {id(example): row for example, row in zip(good, rows, strict=True)}
    for example in examples:
        yield Answer(example.query.name, found.get(id(example), ()), example.error)


def _search(view: View, examples: Sequence[Example], options: SearchOptions) -> list[tuple[Result, ...]]:
    vectors = np.stack([example.vector for example in examples if example.vector is not None])
    # One more than asked for: the query itself may be among them.
    spare = 0 if options.include_self else 1
    neighbors = view.nearest(vectors, options.k + spare, options.where)
    wanted = [int(each) for each in np.unique(neighbors.ids) if each >= 0]
    photos = {photo.id: photo for photo in view.photos(options.where, wanted)}
    return [
        _results(example, ids.tolist(), scores.tolist(), photos, options)
        for example, ids, scores in zip(examples, neighbors.ids, neighbors.scores, strict=True)
    ]


def _results(
    example: Example,
    ids: Sequence[int],
    scores: Sequence[float],
    photos: dict[int, Photo],
    options: SearchOptions,
) -> tuple[Result, ...]:
    results = []
    for photo_id, score in zip(ids, scores, strict=True):
        photo = photos.get(photo_id)
        if photo is None or score < options.min_score:
            continue
        files = [f for f in photo.files if options.include_self or not example.is_own(photo, f)]
        if files:
            results.append(Result(score, replace(photo, files=tuple(files))))
    return tuple(results[: options.k])
