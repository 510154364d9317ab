"""Search by example: embed the query the same way, take the nearest photos, say what they are."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..indexer.embed.embedder import Embedder
from ..indexer.executor import ThreadExecutor
from ..indexer.sandbox.decoders import OPENED_AT_HOME, Opener
from ..store.index.search import nearest_photos
from ..store.store import Store
from ..store.view import View
from .answers import Answer, Result, SearchOptions
from .collapse import shown
from .examples import Example, Preparation, Query
from .order import arranged, candidates_of
from .rerank import CANDIDATES, LEAST_PHOTOS, Surroundings, rerank

# So many queries share one pass over the index.
_BATCH = 64

# More neighbors are asked for than shown: the query itself may be among them, and copies.
_SPARE = 8


def find_similar(
    store: Store,
    queries: Iterable[Query],
    options: SearchOptions,
    embedder: Callable[[], Embedder],
) -> Iterator[Answer]:
    """Yield one answer for each query, in their order.

    embedder: gives the embedder of the store's spec; called once a query is not in the library yet.

    Raises:
        UsageError: see `SearchOptions.check`.
        StoreError: see errors.py.
    """
    options.check()
    if options.box is not None:
        from .regions.by_region import find_regions

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


def answer_to(store: Store, example: Example, options: SearchOptions) -> Answer:
    """Return the answer to one example that is ready."""
    (answer,) = _answer(store, [example], options)
    return answer


def _answer(store: Store, examples: Sequence[Example], options: SearchOptions) -> Iterator[Answer]:
    good = [example for example in examples if example.vector is not None]
    found: dict[int, tuple[Result, ...]] = {}
    is_reranked = False
    if good:
        with store.reading() as view:
            rows, is_reranked = _search(view, good, options)
        found = {id(example): row for example, row in zip(good, rows, strict=True)}
    for example in examples:
        results = found.get(id(example), ())
        yield Answer(example.query.name, results, example.error, is_reranked and bool(results), example)


def _search(
    view: View, examples: Sequence[Example], options: SearchOptions
) -> tuple[list[tuple[Result, ...]], bool]:
    """Return the results of each example, and whether they were ranked by neighbors of neighbors."""
    vectors = np.stack([example.vector for example in examples if example.vector is not None])
    is_reranked = not options.plain and len(view.index()) >= LEAST_PHOTOS
    wanted = replace(options, k=candidates_of(options))
    spare = max(_SPARE, *(len(each.parts) for each in examples))
    depth = max(wanted.k + spare, CANDIDATES if is_reranked else 0)
    while True:
        neighbors = nearest_photos(view, vectors, depth, options.where, options.allowed)
        around = Surroundings.of(view, neighbors.ids)
        is_reranked = is_reranked and around.know(neighbors.ids[:, :CANDIDATES])
        ranked = rerank(neighbors, around) if is_reranked else neighbors
        stands = ranked.ids if options.include_copies else around.stand_ins(ranked.ids)
        rows = shown(view, examples, ranked, stands, wanted)
        is_all = neighbors.ids.shape[1] < depth or (neighbors.ids < 0).any()
        if (
            is_all
            or all(len(row) >= wanted.k for row in rows)
            or (neighbors.scores[:, -1] < options.min_score).all()
        ):
            return [arranged(view, row, options) for row in rows], is_reranked
        depth *= 4  # copies took the places
