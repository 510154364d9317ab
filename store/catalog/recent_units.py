"""Unit vectors that were read lately, for whoever asks for those of photos that are near each other."""

import numpy as np
import numpy.typing as npt

from ..index.exact import Ids
from ..records import Codes
from ..view import View
from .embeddings import units_of


class RecentUnits:
    """Reads unit vectors, and keeps so many of those that were asked for last.

    Memory: a vector and 16 bytes for each that is kept. For views of one store, of which nothing is purged
    meanwhile.
    """

    def __init__(self, most: int, dim: int) -> None:
        self._ids = np.zeros(most, np.int64)  # ids count from 1
        self._asked = np.zeros(most, np.int64)
        self._codes = np.empty((most, dim), np.float16)
        self._times = 0

    def of(self, view: View, ids: Ids) -> Codes:
        """Return the unit vectors of contents (ids ascending, each once), (n, dim); see `units_of`."""
        self._times += 1
        places, are_here = self._places(ids)
        self._asked[places[are_here]] = self._times
        found = self._codes[places]
        found[~are_here] = units_of(view, ids[~are_here])
        self._keep(ids[~are_here], found[~are_here])
        return found

    def _places(self, ids: Ids) -> tuple[Ids, npt.NDArray[np.bool_]]:
        """Return where vectors are kept, (n,), and whether they are there at all."""
        order = np.argsort(self._ids)
        places = order[np.minimum(np.searchsorted(self._ids, ids, sorter=order), len(order) - 1)]
        return places, self._ids[places] == ids

    def _keep(self, ids: Ids, codes: Codes) -> None:
        """Keep vectors in the places of those that were not asked for the longest."""
        count = min(len(ids), len(self._ids))
        places = np.argpartition(self._asked, count - 1)[:count]
        self._ids[places], self._asked[places] = ids[:count], self._times
        self._codes[places] = codes[:count]
