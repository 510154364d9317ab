"""Searching a library: `library.searches`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import DecodeError, UsageError
from ..indexer.embed.embedder import Embedder
from ..indexer.outside import Source
from ..store.catalog.contents import digests_of, ids_of
from ..store.catalog.photos import photos_of
from ..store.records import Vectors, unit_vectors
from ..store.store import Store
from ..store.view import View
from . import last_search
from .answers import RESULT_KINDS, Answer, Results
from .by_image import answers_by_image, prepared
from .by_images import answer_together
from .examples import Example, Query, as_query
from .last_search import LastSearch, RememberedExample
from .order import answer_by_filter
from .request import SearchKind, SearchRequest
from .session import Session


class Searches:
    """Searches in a library: by examples, by parts of pictures, by labels, or by a filter alone."""

    def __init__(self, store: Store, embedder: Callable[[], Embedder]) -> None:
        self.store = store
        self.embedder = embedder

    def answers(self, request: SearchRequest) -> Iterator[Answer]:
        """Yield the answers to a request: one for each example, or one in all; see `SearchRequest.kind`.

        An example that cannot be read makes the error of its answer.

        Raises:
            UsageError: the request makes no sense; see `SearchRequest.check`. While it is answered: a label
                or a folder is not known, a box does not fit the only example, a result of the last search
                is gone.
            ModelError: there is no classifier for labels, or the network cannot be loaded.
            StoreError: see errors.py.
        """
        request.check()
        return self._answers(request)

    def results(self, request: SearchRequest) -> Results:
        """Return the results of a request with one answer.

        Raises:
            DecodeError: an example cannot be read; PictureNotFound: it is not there.
            UsageError, ModelError, StoreError: see `answers`.
        """
        if not request.has_one_answer:
            raise UsageError(
                "several examples have an answer each: search by them together, or ask for answers"
            )
        (answer,) = self.answers(request)
        return self._results_of(answer)

    def frame(self, request: SearchRequest) -> Any:
        """Return the results of a request as one data frame; see `Results.frame`.

        Its first column, query, names the example that a row answers.

        Raises:
            ExtraMissing: neither pandas nor pyarrow is installed.
            DecodeError, UsageError, ModelError, StoreError: see `results`.
        """
        from ..store.frames import frame_of

        answers = self.answers(request)
        rows = ({"query": each.query, **row} for each in answers for row in self._results_of(each).rows())
        return frame_of(rows, {"query": str, **RESULT_KINDS})

    def embed(self, images: Iterable[Any], *, normalized: bool = True) -> Vectors:
        """Return the embeddings of images, (n, dim) float32, the way the library is embedded.

        images: in any form that a search takes. normalized: of length 1, so that a product of two is their
        score; False: pooled features as they left the network. Those of photos of the library are stored
        in half precision. They are read and embedded in parallel.

        Raises:
            DecodeError: one cannot be read; PictureNotFound: it is not there.
            UsageError: one is of another form.
            StoreMissing: nothing was indexed yet, so that there is no model.
        """
        queries = [as_query(each) for each in images]
        found = np.zeros((len(queries), self.embedder().spec.dim), np.float32)
        session = Session(self.store, self.embedder, SearchRequest())
        for row, example in zip(found, prepared(session, queries), strict=True):
            if example.vector is None:
                raise (example.error or DecodeError("bad_vector", "no vector")).naming(example.query.name)
            row[:] = example.vector
        return unit_vectors(found) if normalized and len(found) else found

    def _results_of(self, answer: Answer) -> Results:
        if answer.error is not None:
            raise answer.error.naming(answer.query)
        return Results.of(answer.results, self.store.thumbs)

    def _answers(self, request: SearchRequest) -> Iterator[Answer]:
        queries = [as_query(each) for each in request.examples]
        if request.has_one_answer:
            with self.store.reading() as view:
                answer = self._one(view, Session(self.store, self.embedder, request, view), queries)
            yield answer
            return
        session = Session(self.store, self.embedder, request)
        with self.store.reading() as view:
            session.scope(view)  # what is wrong with it is seen before any work
        if request.remember:
            self.forget()  # results come several times with the same number
        yield from self._each(session, queries)

    def _one(self, view: View, session: Session, queries: Sequence[Query]) -> Answer:
        """Return the answer to a request that has one; all is read in one view."""
        request = session.request
        if request.kind in (SearchKind.label, SearchKind.filter):
            answer = _listed(view, session)
        else:
            session.scope(view)  # what is wrong with it is seen before any work
            answer = self._by_example(view, session, queries)
        if request.remember and answer.error is None:
            _remember(view, answer)
        return answer

    def _by_example(self, view: View, session: Session, queries: Sequence[Query]) -> Answer:
        request = session.request
        if request.kind is SearchKind.together:
            last = last_search.recall(view.uuid) if request.refines else None
            more, less = (_numbered(view, last, ranks) for ranks in (request.more, request.less))
            return answer_together(session, _examples(last), more, less)
        if request.text is not None:
            queries = [Query(f'"{request.text}"', vector=self.embedder().embed_text(request.text))]
        (answer,) = self._each(session, queries)
        return answer

    def _each(self, session: Session, queries: Sequence[Query]) -> Iterator[Answer]:
        if session.request.kind in (SearchKind.image, SearchKind.text):
            return answers_by_image(session, queries)
        from .regions.by_region import answers_by_region  # a plain search does without

        return answers_by_region(session, queries)

    # --- the last search --------------------------------------------------------------------------

    def forget(self) -> None:
        """Forget the last search of this library in this terminal."""
        last_search.forget(self.store.uuid)

    def last(self) -> LastSearch:
        """Return the search of this library that was remembered last in this terminal.

        Raises:
            UsageError: there is none, or it is damaged.
        """
        return last_search.recall(self.store.uuid)


def _listed(view: View, session: Session) -> Answer:
    """Return the answer to a request without an example."""
    request, where = session.request, session.where(view)
    if request.kind is SearchKind.filter:
        answer = answer_by_filter(view, request, where)
    else:
        from .by_label import answer_by_label  # a plain search does without

        answer = answer_by_label(view, session.labeler(view), request, where)
    return session.labeled(view, [answer])[0]


def _remember(view: View, answer: Answer) -> None:
    """Remember what was searched by and found; not in the store, but for this user.

    Of a list by label or filter, and of a search for a part or by text, the results alone.
    """
    example = answer.example
    parts = (example.parts or (example,)) if example else ()
    examples = tuple(
        RememberedExample(
            part.query.name, part.weight, _digest_of(view, part), part.own_path or part.query.path
        )
        for part in parts
        if part.vector is not None and part.query.vector is None
    )
    results = tuple(result.photo.digest for result in answer.results)
    last_search.remember(view.uuid, LastSearch(examples, results))


def _digest_of(view: View, example: Example) -> str:
    """Return the digest of an example's content; "" of a picture in memory."""
    query = example.query
    if example.digest is not None:
        return example.digest
    if query.id is not None:
        return digests_of(view, [query.id])[query.id].hex()
    return Source.from_bytes(query.data).digest.hex() if query.data else ""


def _examples(last: LastSearch | None) -> list[tuple[Query, float]]:
    return [
        (Query(each.name, path=each.path, digest=each.digest), each.weight)
        for each in (last.examples if last else ())
    ]


def _numbered(view: View, last: LastSearch | None, ranks: Sequence[int]) -> list[Query]:
    """Return numbered results of the last search as queries."""
    if last is None:
        return []
    digests = {rank: last.result(rank) for rank in dict.fromkeys(ranks)}
    ids = ids_of(view, [bytes.fromhex(each) for each in digests.values()])
    photos = {photo.digest: photo for photo in photos_of(view, ids=list(ids.values()))}
    for rank, digest in digests.items():
        if digest not in photos:
            raise UsageError(
                f"result {rank} of the last search is not in the library any more; search again"
            )
    return [Query(photos[each].path, id=photos[each].id) for each in digests.values()]
