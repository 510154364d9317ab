"""What requests have in common: the library that is served, and a filter in the page's words."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response

from ...errors import UsageError
from ...search.filters.filters import any_words
from ...search.filters.parser import parse
from ...store.filters.terms import Compare, Term, all_of
from ...store.filters.where import Where
from ...store.records import MAX_ID
from ..served import Served


def served_by(request: Request, response: Response) -> Served:
    """Return what the server works with. The answer names the store, for the addresses of pictures.

    Raises:
        StoreMissing, Replaced: the store is not there.
    """
    served: Served = request.app.state.served
    served.check_store()
    response.headers["X-Lookalike-Store"] = served.mark
    return served


Server = Annotated[Served, Depends(served_by)]
PhotoId = Annotated[int, Path(ge=1, le=MAX_ID)]


@dataclass(frozen=True)
class Wanted:
    """Which photos are wanted.

    where: a condition as `lookalike search --where` takes it. folder: of a facet, by its id. camera: part
    of a name. since, until: dates, both included. keyword, person: each of those that stand there, one a
    line. rating: "1" to "5" or "rejected". words: each is part of a path, a keyword, a person or a title.
    """

    where: Annotated[str, Query(max_length=4000)] = ""
    folder: Annotated[str, Query(max_length=64)] = ""
    camera: Annotated[str, Query(max_length=200)] = ""
    since: Annotated[str, Query(max_length=30)] = ""
    until: Annotated[str, Query(max_length=30)] = ""
    keyword: Annotated[str, Query(max_length=2000)] = ""
    person: Annotated[str, Query(max_length=2000)] = ""
    rating: Annotated[str, Query(max_length=30)] = ""
    words: Annotated[str, Query(max_length=400)] = ""

    def filter(self, served: Served) -> Where:
        """Return the filter.

        Raises:
            UsageError: something cannot be read.
        """
        folders = [folder_named(served, self.folder)] if self.folder else []
        return served.library.where(
            folders,
            self.since or None,
            self.until or None,
            camera=[self.camera] if self.camera else [],
            where=all_of(list(self._terms())),
        )

    def _terms(self) -> Iterator[Term]:
        if self.where.strip():
            yield parse(self.where)
        for field, values in (("keyword", self.keyword), ("person", self.person)):
            yield from (Compare(field, "=", each) for each in values.split("\n") if each)
        if self.rating:
            yield parse(f"rating = {-1 if self.rating == 'rejected' else self.rating}")
        if (term := any_words(self.words)) is not None:
            yield term


def folder_id(path: str) -> str:
    """Return the name by which the page knows a folder: no path is ever taken from it."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def folder_named(served: Served, name: str) -> str:
    """Return the path of a folder of the library.

    Raises:
        UsageError: there is none.
    """
    for path in served.shelf.overview()[0].folders:
        if folder_id(path) == name:
            return path
    raise UsageError("this folder is not in the library any more; reload the page")


def is_in(path: str, root: str) -> bool:
    """Tell whether a folder is another one or lies in it."""
    return path == root or path.startswith(root.rstrip("/") + "/")
