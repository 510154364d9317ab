"""The index of a library too large for one piece: parts that were trained alike, searched side by side."""

from collections.abc import Sequence

import numpy as np

from ..records import Codes, Vectors
from .exact import Ids, VectorIndex
from .ivf import ReducedIndex, Tuning, bitmap


class PartedIndex:
    """Unit vectors under 64-bit ids in parts of so many; its candidates must be scored again.

    All parts are copies of one index that was trained and empty, so that their distances are comparable:
    the nearest of all parts are those of one index with the same training.
    """

    is_exact = False

    def __init__(
        self, trained: ReducedIndex, size: int, parts: Sequence[ReducedIndex], tuning: Tuning
    ) -> None:
        self._trained = trained
        self.size = size
        self.parts = list(parts)
        self.tuning = tuning

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @property
    def dim(self) -> int:
        """Numbers in a vector."""
        return self._trained.dim

    @property
    def trained(self) -> ReducedIndex:
        """The empty index that all parts are copies of."""
        return self._trained

    @property
    def lists(self) -> int:
        """The number of lists of each part."""
        return self._trained.lists

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add unit vectors, to the last part until it is full. ids: (n,), all new. codes: (n, dim) fp16."""
        while len(ids):
            if not self.parts or len(self.parts[-1]) >= self.size:
                self.parts.append(self._trained.copy())
            count = self.size - len(self.parts[-1])
            self.parts[-1].add(ids[:count], codes[:count])
            ids, codes = ids[count:], codes[count:]

    def copy(self) -> "PartedIndex":
        """Return an index of its own with the same vectors; parts that are full are shared."""
        parts = [*self.parts[:-1], *(part.copy() for part in self.parts[-1:])]
        return PartedIndex(self._trained, self.size, parts, self.tuning)

    def ids(self) -> Ids:
        """Return the ids, part by part, (n,)."""
        return np.concatenate([np.empty(0, np.int64), *(part.ids() for part in self.parts)])

    def near(self, queries: Vectors, depth: int, allowed: Ids | None = None, effort: float = 1.0) -> Ids:
        """Return the ids of about the `depth` nearest; see `ReducedIndex.near`."""
        bits = None if allowed is None else bitmap(allowed)
        share = 1.0 if allowed is None else len(allowed) / max(len(self), 1)
        probes = self.tuning.probes_for(self.lists, depth, share, effort)
        found = [part.nearest(queries, depth, probes, bits) for part in self.parts]
        distances, ids = (np.concatenate(each, axis=1) for each in zip(*found, strict=True))
        # Where a part has fewer, its last ids are -1, at the largest distance.
        order = np.argsort(distances, axis=1, kind="stable")[:, :depth]
        return np.take_along_axis(ids, order, 1)


AnyIndex = VectorIndex | ReducedIndex | PartedIndex
