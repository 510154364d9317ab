"""Search by image: the photos nearest to an example's embedding, re-ranked, copies of one photo once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from ..errors import UsageError
from ..indexer.executor import ThreadExecutor
from ..indexer.sandbox.decoders import OPENED_AT_HOME, Opener
from ..store.index.search import nearest_photos
from ..store.records import Vectors
from ..store.view import View
from .answers import Answer, Result
from .collapse import Ranked, collapse
from .examples import Example, ExampleReader, Query
from .order import candidates_of, selected
from .request import Scope, SearchRequest
from .rerank import CANDIDATES, LEAST_PHOTOS, LocalGraph, rerank
from .session import Session

# So many examples share one pass over the index.
_BATCH = 64

# More neighbors are looked up than shown: the query itself may be among them, and copies.
_SPARE = 8


def answers_by_image(session: Session, queries: Sequence[Query]) -> Iterator[Answer]:
    """Yield one answer for each query, in their order."""
    ready = prepared(session, queries)
    while batch := list(islice(ready, _BATCH)):
        with session.reading() as view:
            found = answers_to(view, batch, session.request, session.scope(view))
            answers = session.labeled(view, list(found))
        yield from answers


def prepared(session: Session, queries: Sequence[Query]) -> Iterator[Example]:
    """Yield the queries as examples, in their order.

    Raises:
        UsageError: a vector is of another model.
    """
    for query in queries:
        _check_length(session, query.vector)
    executor = ThreadExecutor()
    with Opener(executor.workers, at_home=OPENED_AT_HOME) as open_photo:
        # One query has nobody to share the work with: threads would be a quarter of its time.
        is_one = len(queries) == 1
        reading = session.reading if is_one else session.store.reading
        read = ExampleReader(reading, session.embedder, open_photo)
        yield from map(read, queries) if is_one else executor.run(queries, read)


def _check_length(session: Session, vector: Vectors | None) -> None:
    spec = None if vector is None else session.store.spec
    if vector is not None and spec is not None and len(vector) != spec.dim:
        raise UsageError(
            f"a vector of this library has {spec.dim:,} numbers, not {len(vector):,}; `embed` makes them"
        )


def answers_to(
    view: View, examples: Sequence[Example], request: SearchRequest, scope: Scope
) -> Iterator[Answer]:
    """Yield one answer for each example, in their order."""
    good = [example for example in examples if example.vector is not None]
    found: dict[int, tuple[Result, ...]] = {}
    is_reranked = False
    if good:
        rows, is_reranked = _search(view, good, request, scope)
        found = {id(example): row for example, row in zip(good, rows, strict=True)}
    for example in examples:
        results = found.get(id(example), ())
        yield Answer(example.query.name, results, example.error, is_reranked and bool(results), example)


def _search(
    view: View, examples: Sequence[Example], request: SearchRequest, scope: Scope
) -> tuple[list[tuple[Result, ...]], bool]:
    """Return the results of each example, and whether they were re-ranked."""
    vectors = np.stack([example.vector for example in examples if example.vector is not None])
    is_reranked = request.rerank and len(view.index()) >= LEAST_PHOTOS
    wanted = replace(request, k=candidates_of(request))
    spare = max(_SPARE, *(len(each.parts) for each in examples))
    depth = max(wanted.k + spare, CANDIDATES if is_reranked else 0)
    while True:
        neighbors = nearest_photos(view, vectors, depth, scope.where, scope.ids)
        graph = LocalGraph.around(view, neighbors.ids)
        is_reranked = is_reranked and graph.covers(neighbors.ids[:, :CANDIDATES])
        best = rerank(neighbors, graph) if is_reranked else neighbors
        same_as = best.ids if request.include_copies else graph.same_as(best.ids)
        rows = collapse(view, examples, Ranked(best.ids, best.scores, same_as), scope.where, wanted)
        is_all = neighbors.ids.shape[1] < depth or (neighbors.ids < 0).any()
        if (
            is_all
            or all(len(row) >= wanted.k for row in rows)
            or (neighbors.scores[:, -1] < request.min_score).all()
        ):
            return [selected(view, row, request) for row in rows], is_reranked
        depth *= 4  # copies took the places
