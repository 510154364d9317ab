"""Which photos of a library are meant: a part of `Library`, apart because it is a subject of its own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from .store.catalog.folders import all_roots

if TYPE_CHECKING:  # the heavy modules load when they are first needed
    from .search.answers import Answer, SearchOptions
    from .search.filters.filters import MoreFilters
    from .store.filters.where import Where
    from .store.store import Store


class FiltersOfLibrary:
    """The methods of `Library` that say which photos are meant."""

    if TYPE_CHECKING:
        store: Store

    def where(
        self,
        folders: Sequence[str] = (),
        since: str | None = None,
        until: str | None = None,
        **more: "Unpack[MoreFilters]",
    ) -> "Where":
        """Return a filter for the other methods: by folder, date, and what else is said; see `Said`.

        >>> library.where(since="2023-06", camera=["Pixel"], min_size="12MP")     # doctest: +SKIP
        >>> library.where(where="near(48.137, 11.575, 10) and not has lens")      # doctest: +SKIP

        Raises:
            UsageError: a folder lies outside of the library, or something cannot be read.
        """
        from .search.filters.filters import Said, make_where

        with self.store.reading() as view:
            return make_where(all_roots(view), Said(folders, since, until, **more))

    def list_photos(self, options: "SearchOptions") -> "Answer":
        """Return k photos that pass a filter, newest first: the answer of a search without an example."""
        from .search.order import list_photos

        return list_photos(self.store, options)
