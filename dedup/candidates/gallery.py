"""The photos of a library, loaded once, for comparing others with them; nothing is written."""

from collections.abc import Sequence

import numpy as np

from ...store.catalog.photos import visible_ids
from ...store.filters.where import ALL, Where
from ...store.records import Vectors
from ...store.store import Store
from ..proof import Picture
from .copy_space import AnyVectors, CopySpace
from .hashes import Hashes, dct_hash
from .loading import known_hashes, placed, space_of
from .outside import Outside, nominate_outside
from .topk import Rows
from .update import hash_photos


class Gallery:
    """What candidates are found in: places in the space for copies, and perceptual hashes.

    A hash that no earlier run has stored is made from the thumbnail when it is first asked for. About
    1 kB of memory for each photo. Not thread-safe.
    """

    def __init__(self, store: Store, where: Where = ALL) -> None:
        """Load the photos that pass the filter; the store must have a model."""
        self._store = store
        with store.reading() as view:
            self.space: CopySpace = space_of(view)
            ids = visible_ids(view, where)
            found = placed(view, self.space, ids)
            there = np.flatnonzero(found.there)
            self._ids = ids[there]
            self._points = found.points if len(there) == len(ids) else found.points[there]
            self._hashes = known_hashes(view, self._ids)

    def candidates(self, vectors: Sequence[Vectors], pictures: Sequence[Picture]) -> list[list[int]]:
        """Return for each of some pictures the ids of the photos that a proof should look at.

        vectors: (dim,) float32 each, of any length.
        """
        if not len(self._ids) or not vectors:
            return [[] for _ in vectors]
        found = nominate_outside(
            Outside(self.space.project(as_units(vectors)), hashes_of(pictures)),
            self._points,
            self.space,
            self._hashes_of,
        )
        return [self._ids[rows].tolist() for rows in found]

    def _hashes_of(self, rows: Rows) -> Hashes:
        missing = rows[~self._hashes.known[rows]]
        self._hashes.put(missing, hash_photos(self._store, self._ids[missing].tolist()))
        return self._hashes.at(rows)


def as_units(vectors: Sequence[Vectors]) -> AnyVectors:
    """Return unit vectors (n, dim) as the store keeps them, of vectors of any length."""
    stacked = np.stack(vectors)
    lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
    return np.asarray(stacked / np.maximum(lengths, 1e-12), np.float16)


def hashes_of(pictures: Sequence[Picture]) -> Hashes:
    """Return the perceptual hashes of pictures."""
    made = [dct_hash(picture.sheet.grey) for picture in pictures]
    return Hashes.of(np.stack([bits for bits, _ in made]), np.array([quality for _, quality in made]))
