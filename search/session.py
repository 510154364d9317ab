"""A request while it is answered: what its answers share."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from ..indexer.embed.embedder import Embedder
from ..store.catalog.contents import all_formats
from ..store.catalog.folders import all_roots
from ..store.filters.where import Where
from ..store.store import Store
from ..store.view import View
from .answers import Answer
from .filters.filters import FilterSpec, as_where, make_where
from .request import Scope, SearchRequest

if TYPE_CHECKING:
    from .labels.label import Label
    from .labels.labeler import Labeler


class Session:
    """A request with the photos that may be results, and the labels of those that are.

    view: in which all is read, for a request with one answer; None: each batch of answers has its own.
    """

    def __init__(
        self,
        store: Store,
        embedder: Callable[[], Embedder],
        request: SearchRequest,
        view: View | None = None,
    ) -> None:
        self.store = store
        self.embedder = embedder
        self.request = request
        self._view = view
        self._scope: Scope | None = None
        self._labeler: Labeler | None = None
        self._labels: dict[int, tuple[Label, ...]] = {}

    def reading(self) -> AbstractContextManager[View]:
        """Give the view to read in for a block; not for several threads at once."""
        return self.store.reading() if self._view is None else nullcontext(self._view)

    def where(self, view: View) -> Where:
        """Return the filter that results must pass.

        Raises:
            UsageError: a folder lies outside of the library, or a condition cannot be read.
        """
        where = self.request.where
        if not isinstance(where, FilterSpec):
            return as_where(where)
        return make_where(all_roots(view) if where.folders else (), where, lambda: all_formats(view))

    def scope(self, view: View) -> Scope:
        """Return which photos may be results, of a search by example; found once.

        Raises:
            UsageError: see `where`, or a label is not known.
        """
        if self._scope is None:
            where, labels = self.where(view), self.request.labels
            found = (
                self.labeler(view).find(view, labels, where, self.request.confidence) if labels else None
            )
            self._scope = Scope(where, found.ids if found else None)
        return self._scope

    def labeler(self, view: View) -> "Labeler":
        """Return what knows the labels of the library; made once."""
        from .labels.labeler import Labeler  # takes a twentieth of a second that not every search needs

        if self._labeler is None:
            self._labeler = Labeler.from_view(view)
        return self._labeler

    def labeled(self, view: View, answers: Sequence[Answer]) -> list[Answer]:
        """Return answers with the labels of their photos, where the request wants them."""
        return [self._labeled(view, each) if self.request.with_labels else each for each in answers]

    def _labeled(self, view: View, answer: Answer) -> Answer:
        if not answer.results or any(result.labels for result in answer.results):
            return answer
        missing = {each.photo.id for each in answer.results} - self._labels.keys()
        self._labels |= self.labeler(view).labels_of(view, list(missing))
        results = [replace(each, labels=self._labels.get(each.photo.id, ())) for each in answer.results]
        return replace(answer, results=tuple(results))
