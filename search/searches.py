"""Searching a library: `library.searches`."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError
from ..indexer.decode.decode import decode_pil
from ..indexer.embed.embedder import Embedder
from ..store.catalog.contents import ids_of
from ..store.catalog.photos import Photo, photos_of
from ..store.filters.where import ALL, Where
from ..store.store import Store
from . import last_search
from .answers import Answer, Result, SearchOptions
from .by_image import find_similar
from .by_images import Together, find_together
from .examples import Example, Query
from .last_search import LastSearch, Remembered
from .order import list_photos
from .regions.boxes import BoxAsked, as_box

if TYPE_CHECKING:
    from .labels.labels import Labels


class Searches:
    """Searches in a library: by one example or several, by a part of one, or by nothing but a filter.

    labels: gives the labels of the library, once they are asked for.
    """

    def __init__(
        self, store: Store, embedder: Callable[[], Embedder], labels: "Callable[[], Labels]"
    ) -> None:
        self.store = store
        self.embedder = embedder
        self._labels = labels

    def one(
        self,
        example: Any,
        k: int = 10,
        *,
        min_score: float = -1.0,
        where: Where | None = None,
        include_self: bool = False,
        plain: bool = False,
        include_copies: bool = False,
        labels: Sequence[str] = (),
        box: BoxAsked | Sequence[float] | str | None = None,
    ) -> tuple[Result, ...]:
        """Return the k photos most like the example; see `Library.search`."""
        options = SearchOptions(
            k=k,
            min_score=min_score,
            where=where or ALL,
            include_self=include_self,
            plain=plain,
            include_copies=include_copies,
            allowed=self._labels().ids(labels, where) if labels else None,
            box=as_box(box),
        )
        (answer,) = self._labels().on(self.many([as_query(example)], options))
        if answer.error is not None:
            raise answer.error
        return answer.results

    def many(self, queries: Iterable[Query], options: SearchOptions) -> Iterator[Answer]:
        """Yield one answer for each query, in order; see `find_similar`."""
        return find_similar(self.store, queries, options, self.embedder)

    def list(self, options: SearchOptions) -> Answer:
        """Return k photos that pass a filter, newest first: the answer of a search without an example."""
        return list_photos(self.store, options)

    def together(
        self,
        plus: Sequence[Any],
        minus: Sequence[Any] = (),
        *,
        weights: Sequence[float] = (),
        k: int = 10,
        where: Where | None = None,
        include_self: bool = False,
    ) -> tuple[Result, ...]:
        """Return the k photos most like all of plus and least like minus, best first.

        plus, minus: examples as `search` takes them, results among them: `together([query, good],
        [bad])` refines what was found. weights: of plus, each above 0; by default all count the same.
        Scores are cosines to the vector that the examples make, lower than those of a single example.

        Raises:
            DecodeError: an example cannot be read; the message names it.
            UsageError: plus is empty, or weights, k or an example makes no sense.
        """
        together = Together(tuple(map(as_query, plus)), tuple(map(as_query, minus)), tuple(weights))
        answer = self.find_together(
            together, SearchOptions(k, where=where or ALL, include_self=include_self)
        )
        (answer,) = self._labels().on([answer])
        if answer.error is not None:
            raise answer.error
        return answer.results

    def find_together(self, together: Together, options: SearchOptions) -> Answer:
        """Return one answer for several examples; see `together.find_together`."""
        return find_together(self.store, together, options, self.embedder)

    # --- the last search --------------------------------------------------------------------------

    def remember(self, answer: Answer) -> None:
        """Remember what was searched by and found, for `last`; not in the store, but for this user.

        Of a listing by label or filter, and of a search for a part, the results alone.
        """
        spec = self.store.spec
        if spec is None:
            return
        example = answer.example
        parts = (example.parts or (example,)) if example else ()
        remembered = tuple(
            Remembered(part.query.name, part.weight, part.digest, part.vector)
            for part in parts
            if part.vector is not None
        )
        results = tuple(result.photo.digest for result in answer.results)
        last_search.remember(self._name_of_store(), LastSearch(spec.fingerprint, remembered, results))

    def forget(self) -> None:
        """Forget the last search of this library in this terminal."""
        last_search.forget(self._name_of_store())

    def last(self) -> LastSearch:
        """Return the search of this library that was remembered last in this terminal.

        Raises:
            UsageError: there is none, it is damaged, or it was by another model.
        """
        last, spec = last_search.recall(self._name_of_store()), self.store.spec
        if spec is None or last.fingerprint != spec.fingerprint:
            raise UsageError("the last search of this store was by another model; search again")
        return last

    def refined(self, more: Iterable[int] = (), less: Iterable[int] = ()) -> Together:
        """Return the last search with numbered results of it as further examples, wanted or not.

        Raises:
            UsageError: see `last`; a number is of no result, of both, or of one that is gone.
        """
        last, more, less = self.last(), list(more), list(less)
        both = sorted(set(more) & set(less))
        if both:
            raise UsageError(f"result {both[0]} cannot be wanted and not wanted")
        plus, minus = (tuple(self._numbered(last, ranks)) for ranks in (more, less))
        return Together(plus, minus, earlier=tuple(_examples(last)))

    def _numbered(self, last: LastSearch, ranks: Sequence[int]) -> Iterable[Query]:
        digests = {rank: bytes.fromhex(last.result(rank)) for rank in dict.fromkeys(ranks)}
        with self.store.reading() as view:
            paths = {
                photo.digest: photo
                for photo in photos_of(view, ids=list(ids_of(view, [*digests.values()]).values()))
            }
        for rank, digest in digests.items():
            photo = paths.get(digest.hex())
            if photo is None:
                raise UsageError(
                    f"result {rank} of the last search is not in the library any more; search again"
                )
            yield Query(photo.path, id=photo.id)

    def _name_of_store(self) -> str:
        return self.store.uuid


def _examples(last: LastSearch) -> Iterable[Example]:
    for each in last.examples:
        yield Example(Query(each.name), each.vector, digest=each.digest, weight=each.weight)


def as_query(example: Any) -> Query:
    """Return an example in any of the forms that `Library.search` takes as a query.

    Raises:
        UsageError: it is of no such form.
    """
    example = getattr(example, "photo", example)  # a result
    if isinstance(example, Photo):
        return Query(example.path, id=example.id)
    if isinstance(example, int):
        return Query(f"id:{example}", id=example)
    if isinstance(example, (bytes, bytearray, memoryview)):
        return Query("bytes", data=bytes(example))
    if isinstance(example, (str, os.PathLike)):
        return Query(os.fspath(example), path=os.fspath(example))
    if isinstance(example, np.ndarray):
        if example.dtype != np.uint8 or example.ndim != 3 or example.shape[2] != 3:
            shape = f"{example.dtype} {example.shape}"
            raise UsageError(f"an array must be (h, w, 3) uint8 RGB, this one is {shape}")
        return Query("array", picture=example)
    if hasattr(example, "getexif"):
        return Query("image", picture=decode_pil(example).image)
    raise UsageError(f"cannot search by a {type(example).__name__}: give a path, bytes or an image")
