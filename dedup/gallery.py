"""The photos of a library, loaded once, for comparing others with them; nothing is written."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..store.filters import ALL, Where
from ..store.records import Vectors
from ..store.store import Store
from .comparing import hash_photos
from .copyspace import AnyVectors, CopySpace, copy_space
from .hashes import HASH_BYTES, Hashes, dct_hash
from .nominate import Outside, Rows, nominate_outside
from .proof import Picture

_BLOCK = 1 << 12


class Gallery:
    """What candidates are found in: places in the space for copies, and perceptual hashes.

    A hash that no earlier run has stored is made from the thumbnail when it is first asked for. About
    1 kB of memory for each photo. Not thread-safe.
    """

    def __init__(self, store: Store, where: Where = ALL) -> None:
        """Load the photos that pass the filter; the store must have a model."""
        self._store = store
        with store.reading() as view:
            assert view.model is not None, "something was indexed"
            index = view.index()
            ids, units = index.ids(), index.codes()
            places = np.flatnonzero(np.isin(ids, view.visible_ids(where)))
            places = places[np.argsort(ids[places])]
            stored = view.hashes()
            self.space: CopySpace = copy_space(view.model.spec.fingerprint, units)
        self._ids = ids[places]
        self._points = _projected(self.space, units, places)
        self._bits = np.zeros((len(places), HASH_BYTES), np.uint8)
        self._quality = np.zeros(len(places), np.int64)
        self._is_hashed = np.zeros(len(places), bool)
        self._put({row: stored[each] for row, each in enumerate(self._ids.tolist()) if each in stored})

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
        missing = rows[~self._is_hashed[rows]].tolist()
        made = hash_photos(self._store, [int(self._ids[row]) for row in missing])
        self._put(dict(zip(missing, made, strict=True)))
        return Hashes.of(self._bits[rows], self._quality[rows])

    def _put(self, found: dict[int, tuple[bytes, int]]) -> None:
        for row, (bits, quality) in found.items():
            self._bits[row] = np.frombuffer(bits, np.uint8)
            self._quality[row] = quality
            self._is_hashed[row] = True


def as_units(vectors: Sequence[Vectors]) -> AnyVectors:
    """Return unit vectors (n, dim) as the store keeps them, of vectors of any length."""
    stacked = np.stack(vectors)
    lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
    return np.asarray(stacked / np.maximum(lengths, 1e-12), np.float16)


def hashes_of(pictures: Sequence[Picture]) -> Hashes:
    """Return the perceptual hashes of pictures."""
    made = [dct_hash(picture.sheet.grey) for picture in pictures]
    return Hashes.of(np.stack([bits for bits, _ in made]), np.array([quality for _, quality in made]))


def _projected(space: CopySpace, units: AnyVectors, places: npt.NDArray[np.int64]) -> Vectors:
    """Return the places of some vectors, (n, d), without a second copy of all of them as float32."""
    starts = range(0, max(1, len(places)), _BLOCK)
    return np.concatenate([space.project(units[places[start : start + _BLOCK]]) for start in starts])
