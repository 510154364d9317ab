"""Search by example: embed the query the same way, take the nearest photos, say what they are."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ..errors import DecodeError, UsageError
from ..indexer.embedder import Embedder
from ..indexer.executor import ThreadExecutor
from ..indexer.sandbox.opener import OPENED_AT_HOME, Opener
from ..store.filters import ALL, Where
from ..store.listing import Photo
from ..store.records import Vectors
from ..store.store import Store
from ..store.vectors import Ids, Neighbors
from ..store.view import View
from .examples import Example, Preparation, Query
from .rerank import CANDIDATES, LEAST_PHOTOS, Surroundings, rerank

# So many queries share one pass over the index.
_BATCH = 64

# More neighbors are asked for than shown: the query itself may be among them, and copies.
_SPARE = 8
_OF_EACH = 2


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What to answer with.

    k: number of neighbors. min_score: cosine in [-1, 1] that neighbors must reach. where: filter on the
    library, applied before the ranking. include_self: let a query that lies in the library be its own
    result. plain: rank by the cosine alone, not by neighbors of neighbors. include_copies: show every
    proven copy of a photo, not one of them.
    """

    k: int = 10
    min_score: float = -1.0
    where: Where = ALL
    include_self: bool = False
    plain: bool = False
    include_copies: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """One neighbor. score: cosine similarity in [-1, 1], higher is closer.

    photo: with those of its files that are not the query itself. copies: how many proven copies of it are
    as near, and not shown.
    """

    score: float
    photo: Photo
    copies: int = 0

    @property
    def path(self) -> str:
        """The path of its first file."""
        return self.photo.path


@dataclass(frozen=True, slots=True)
class Answer:
    """The neighbors of one query, best first; or why the query could not be read.

    is_reranked: whether neighbors of neighbors were asked, so that scores need not fall all the way.
    """

    query: str
    results: tuple[Result, ...] = ()
    error: DecodeError | None = None
    is_reranked: bool = False


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
    is_reranked = False
    if good:
        with store.reading() as view:
            rows, is_reranked = _search(view, good, options)
        found = {id(example): row for example, row in zip(good, rows, strict=True)}
    for example in examples:
        is_good = example.error is None
        yield Answer(example.query.name, found.get(id(example), ()), example.error, is_reranked and is_good)


def _search(
    view: View, examples: Sequence[Example], options: SearchOptions
) -> tuple[list[tuple[Result, ...]], bool]:
    """Return the results of each example, and whether they were ranked by neighbors of neighbors."""
    vectors = np.stack([example.vector for example in examples if example.vector is not None])
    is_reranked = not options.plain and len(view.index()) >= LEAST_PHOTOS
    depth = max(options.k + _SPARE, CANDIDATES if is_reranked else 0)
    while True:
        neighbors = view.nearest(vectors, depth, options.where)
        around = Surroundings.of(view, neighbors.ids)
        ranked = rerank(neighbors, around) if is_reranked else neighbors
        rows = _rows(view, examples, ranked, around, options)
        is_all = (neighbors.ids < 0).any() or (neighbors.scores[:, -1] < options.min_score).all()
        if is_all or neighbors.ids.shape[1] < depth or all(len(row) >= options.k for row in rows):
            return rows, is_reranked
        depth *= 4  # copies took the places


def _rows(
    view: View,
    examples: Sequence[Example],
    neighbors: Neighbors,
    around: Surroundings,
    options: SearchOptions,
) -> list[tuple[Result, ...]]:
    """Return what is to be shown of the neighbors of each example, best first."""
    stands = neighbors.ids if options.include_copies else around.stand_ins(neighbors.ids)
    rows = [_found(*row, options) for row in zip(neighbors.ids, neighbors.scores, stands, strict=True)]
    # Photos cost more to look up than all else.
    wanted = sorted({each.id for row in rows for each in row})
    photos = {photo.id: photo for photo in view.photos(options.where, wanted)}
    return [_results(*each, photos, options) for each in zip(examples, rows, strict=True)]


class _Found(NamedTuple):
    """A neighbor. stands: the photo that stands for it and its copies. copies: how many there are."""

    id: int
    score: float
    stands: int
    copies: int


def _found(ids: Ids, scores: Vectors, stands: Ids, options: SearchOptions) -> list[_Found]:
    """Return the neighbors of one query to look up; of copies two, as one may be the query."""
    is_near = (ids >= 0) & (scores >= options.min_score)
    copies, taken = Counter(stands[is_near].tolist()), Counter[int]()
    found: list[_Found] = []
    for row in zip(ids[is_near].tolist(), scores[is_near].tolist(), stands[is_near].tolist(), strict=True):
        taken[row[2]] += 1
        if taken[row[2]] <= _OF_EACH:
            found.append(_Found(*row, copies[row[2]]))
        if len(taken) >= options.k + _SPARE:
            break
    return found


def _results(
    example: Example, found: Sequence[_Found], photos: dict[int, Photo], options: SearchOptions
) -> tuple[Result, ...]:
    results: dict[int, Result] = {}
    own = None
    for each in found:
        photo = photos.get(each.id)
        if photo is None or each.stands in results:
            continue
        files = [f for f in photo.files if options.include_self or not example.is_own(photo, f)]
        if not files:
            own = each.stands
            continue
        others = each.copies - 1 - (own == each.stands)
        results[each.stands] = Result(each.score, replace(photo, files=tuple(files)), max(others, 0))
    return tuple(results.values())[: options.k]
