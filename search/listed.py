"""A search without an example: the photos that pass the filter."""

import math

from ..store.store import Store
from .answers import Answer, Result, SearchOptions


def list_photos(store: Store, options: SearchOptions) -> Answer:
    """Return k photos that pass options.where, newest first or as options.sort says.

    The query of the answer is "", the scores are NaN: there is nothing to be like.

    Raises:
        UsageError: see `SearchOptions.check`.
    """
    options.check()
    order = "-time" if options.sort == "score" else options.sort
    with store.reading() as view:
        photos = list(view.ordered_photos(options.where, order, options.k))
    return Answer("", tuple(Result(math.nan, photo) for photo in photos))
