"""Search by several examples: a part of `Library`, apart because it is a subject of its own."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..store.catalog.contents import ids_of
from ..store.catalog.photos import photos_in

if TYPE_CHECKING:  # the heavy modules load when they are first needed
    from ..indexer.embed.embedder import Embedder
    from ..output.sheet.preview import Screen
    from ..store.filters.where import Where
    from ..store.spec import EmbedderSpec
    from ..store.store import Store
    from .answers import Answer, Result, SearchOptions
    from .by_images import Together
    from .examples import Example, Query
    from .last_search import LastSearch


class ExamplesOfLibrary:
    """The methods of `Library` that search by several examples and refine what was found."""

    if TYPE_CHECKING:
        store: Store

        @property
        def spec(self) -> EmbedderSpec | None:
            """The embedder of this library."""

        def embedder(self) -> Embedder:
            """Return the embedder of this library."""

        def _query(self, example: Any) -> Query: ...

        def with_labels(self, answers: Iterable[Answer]) -> Iterator[Answer]:
            """Yield answers with the labels of their photos."""

    def search_together(
        self,
        plus: Sequence[Any],
        minus: Sequence[Any] = (),
        *,
        weights: Sequence[float] = (),
        k: int = 10,
        where: "Where | None" = None,
        include_self: bool = False,
    ) -> "tuple[Result, ...]":
        """Return the k photos most like all of plus and least like minus, best first.

        plus, minus: examples as `search` takes them, results among them: `search_together([query, good],
        [bad])` refines what was found. weights: of plus, each above 0; by default all count the same.
        Scores are cosines to the vector that the examples make, lower than those of a single example.

        Raises:
            DecodeError: an example cannot be read; the message names it.
            UsageError: plus is empty, or weights, k or an example makes no sense.
        """
        from ..store.filters.where import ALL
        from .answers import SearchOptions
        from .by_images import Together

        together = Together(tuple(map(self._query, plus)), tuple(map(self._query, minus)), tuple(weights))
        answer = self.find_together(
            together, SearchOptions(k, where=where or ALL, include_self=include_self)
        )
        (answer,) = self.with_labels([answer])
        if answer.error is not None:
            raise answer.error
        return answer.results

    def find_together(self, together: "Together", options: "SearchOptions") -> "Answer":
        """Return one answer for several examples; see `together.find_together`."""
        from .by_images import find_together

        return find_together(self.store, together, options, self.embedder)

    # --- as pictures ------------------------------------------------------------------------------

    def write_sheet(self, path: "str | os.PathLike[str]", answers: "Sequence[Answer]") -> None:
        """Draw answers to a picture file, numbered, examples first; see `sheets.write.write_sheet`."""
        from ..output.sheet.write import write_sheet

        write_sheet(os.fspath(path), answers, self.store)

    def previews(self, answers: "Iterable[Answer]", screen: "Screen") -> "Iterator[bytes]":
        """Yield what shows answers as pictures in a terminal; see `sheets.preview.previews`."""
        from ..output.sheet.preview import previews

        return previews(answers, self.store, screen)

    # --- the last search --------------------------------------------------------------------------

    def remember_search(self, answer: "Answer") -> None:
        """Remember what was searched by and found, for `last_search`; not in the store, but for this user.

        Of a listing by label or filter, and of a search for a part, the results alone.
        """
        from .last_search import LastSearch, Remembered, remember

        if self.spec is None:
            return
        example = answer.example
        parts = (example.parts or (example,)) if example else ()
        remembered = tuple(
            Remembered(part.query.name, part.weight, part.digest, part.vector)
            for part in parts
            if part.vector is not None
        )
        results = tuple(result.photo.digest for result in answer.results)
        remember(self._name_of_store(), LastSearch(self.spec.fingerprint, remembered, results))

    def forget_search(self) -> None:
        """Forget the last search of this library in this terminal."""
        from .last_search import forget

        forget(self._name_of_store())

    def last_search(self) -> "LastSearch":
        """Return the search of this library that was remembered last in this terminal.

        Raises:
            UsageError: there is none, it is damaged, or it was by another model.
        """
        from ..errors import UsageError
        from .last_search import recall

        last = recall(self._name_of_store())
        if self.spec is None or last.fingerprint != self.spec.fingerprint:
            raise UsageError("the last search of this store was by another model; search again")
        return last

    def refined(self, more: Iterable[int] = (), less: Iterable[int] = ()) -> "Together":
        """Return the last search with numbered results of it as further examples, wanted or not.

        Raises:
            UsageError: see `last_search`; a number is of no result, of both, or of one that is gone.
        """
        from ..errors import UsageError
        from .by_images import Together

        last, more, less = self.last_search(), list(more), list(less)
        both = sorted(set(more) & set(less))
        if both:
            raise UsageError(f"result {both[0]} cannot be wanted and not wanted")
        plus, minus = (tuple(self._numbered(last, ranks)) for ranks in (more, less))
        return Together(plus, minus, earlier=tuple(_examples(last)))

    def _numbered(self, last: "LastSearch", ranks: Sequence[int]) -> "Iterable[Query]":
        from ..errors import UsageError
        from .examples import Query

        digests = {rank: bytes.fromhex(last.result(rank)) for rank in dict.fromkeys(ranks)}
        with self.store.reading() as view:
            paths = {
                photo.digest: photo
                for photo in photos_in(view, ids=list(ids_of(view, [*digests.values()]).values()))
            }
        for rank, digest in digests.items():
            photo = paths.get(digest.hex())
            if photo is None:
                raise UsageError(
                    f"result {rank} of the last search is not in the library any more; search again"
                )
            yield Query(photo.path, id=photo.id)

    def _name_of_store(self) -> str:
        with self.store.reading() as view:
            return view.uuid


def _examples(last: "LastSearch") -> "Iterable[Example]":
    from .examples import Example, Query

    for each in last.examples:
        yield Example(Query(each.name), each.vector, digest=each.digest, weight=each.weight)
