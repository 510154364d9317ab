"""A search without an example: the photos that pass the filter."""

import math

from ..errors import UsageError
from ..store.store import Store
from .arranging import SORTS
from .query import Answer, Result, SearchOptions


def list_photos(store: Store, options: SearchOptions) -> Answer:
    """Return k photos that pass options.where, newest first or as options.sort says.

    The query of the answer is "", the scores are NaN: there is nothing to be like.

    Raises:
        UsageError: k is less than 1, or there is no such order.
    """
    if options.k < 1 or options.sort not in SORTS:
        raise UsageError(f"cannot list {options.k} photos by {options.sort!r}; say {', '.join(SORTS)}")
    order = "-time" if options.sort == "score" else options.sort
    with store.reading() as view:
        photos = list(view.ordered_photos(options.where, order, options.k))
    return Answer("", tuple(Result(math.nan, photo) for photo in photos))
