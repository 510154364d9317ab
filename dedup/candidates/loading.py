"""What a library knows of its photos, for comparing: places in the space for copies, embeddings, hashes.

Embeddings come from the catalog a block at a time: of a million photos all of them would be 2.6 GB.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...store.catalog.embeddings import count_embeddings, vectors_since
from ...store.catalog.hashes import stored_hashes
from ...store.index.exact import Ids
from ...store.records import Vectors
from ...store.view import View
from .copy_space import (
    MAX_FIT,
    MIN_FIT,
    CopySpace,
    copy_space,
    plain_space,
    shipped_fingerprint,
    shipped_space,
)
from .hashes import HASH_BYTES, Hashes
from .topk import Rows

Halves = npt.NDArray[np.float16]
Mask = npt.NDArray[np.bool_]
# Makes an array of zeros of a shape and a type.
Room = Callable[[tuple[int, ...], type[np.float32]], Vectors]

_SOME = 1 << 14  # points that are moved at once

NO_HASH = (bytes(HASH_BYTES), 0)


def space_of(view: View) -> CopySpace:
    """Return the space for copies of a library that has a model; see `copy_space`."""
    assert view.model is not None, "something was indexed"
    spec = view.model.spec
    # The shipped space needs no look at the library.
    if spec.fingerprint == shipped_fingerprint():
        return shipped_space()
    count = count_embeddings(view)
    if count < MIN_FIT:
        return plain_space(spec.dim)
    return copy_space(spec.fingerprint, _every(view, -(-count // MAX_FIT)))


def _every(view: View, step: int) -> Halves:
    """Return the first and then every step-th embedding, (n, dim)."""
    found, begin = [], 0
    for _, units in vectors_since(view, 0):
        found.append(units[-begin % step :: step])
        begin += len(units)
    return np.concatenate(found)


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Photos in the space for copies.

    points: (n, d) unit vectors. there: (n,) which have an embedding at all. units: (n, dim) the
    embeddings, None where they were not to be kept.
    """

    points: Vectors
    there: Mask
    units: Halves | None

    def those_there(self) -> "Placed":
        """Return the photos that have an embedding, where these were: nothing of the others is kept."""
        rows = np.flatnonzero(self.there)
        for start in range(0, len(rows), _SOME):
            some = rows[start : start + _SOME]
            self.points[start : start + len(some)] = self.points[some]
        units = None if self.units is None else self.units[rows]
        return Placed(self.points[: len(rows)], self.there[rows], units)


def room_on_disk(folder: str) -> Room:
    """Return what makes arrays that lie in files without a name: memory holds what is used of them.

    It raises OSError where the folder has no room for one.
    """

    def room(shape: tuple[int, ...], kind: type[np.float32]) -> Vectors:
        with tempfile.TemporaryFile(dir=folder) as file:
            size = max(1, int(np.prod(shape)) * np.dtype(kind).itemsize)
            file.truncate(size)
            if sys.platform != "darwin":
                # Now: a page for which there is no room later would end the process.
                os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, kind, "r+", shape=shape)

    return room


def placed(view: View, space: CopySpace, ids: Ids, *, keep: bool = False, room: Room = np.zeros) -> Placed:
    """Return where photos are in the space, in the order of the ids.

    keep: their embeddings, too. room: makes the array of points.
    """
    assert view.model is not None, "something was indexed"
    dim = view.model.spec.dim
    points = room((len(ids), dim if space.matrix is None else space.matrix.shape[1]), np.float32)
    there = np.zeros(len(ids), np.bool_)
    units = np.zeros((len(ids), dim), np.float16) if keep else None
    order = np.argsort(ids)
    for block, codes in vectors_since(view, 0):
        place, found = _places(ids, order, block)
        points[place] = space.project(codes[found])
        there[place] = True
        if units is not None:
            units[place] = codes[found]
    return Placed(points, there, units)


@dataclass(frozen=True, slots=True, eq=False)
class KnownHashes:
    """Perceptual hashes of photos. bits: (n, 32). quality: (n,). known: (n,) which there are."""

    bits: npt.NDArray[np.uint8]
    quality: npt.NDArray[np.int64]
    known: Mask

    def put(self, rows: Rows, found: list[tuple[bytes, int]]) -> None:
        """Take note of hashes and qualities of photos by their place."""
        if found:
            joined = b"".join(bits for bits, _ in found)
            self.bits[rows] = np.frombuffer(joined, np.uint8).reshape(-1, HASH_BYTES)
            self.quality[rows] = [quality for _, quality in found]
            self.known[rows] = True

    def at(self, rows: Rows | slice) -> Hashes:
        """Return the hashes of some, ready to be compared."""
        return Hashes.of(self.bits[rows], self.quality[rows])


def known_hashes(view: View, ids: Ids) -> KnownHashes:
    """Return the hashes of photos that were compared before, in the order of the ids."""
    known = KnownHashes(
        np.zeros((len(ids), HASH_BYTES), np.uint8),
        np.zeros(len(ids), np.int64),
        np.zeros(len(ids), np.bool_),
    )
    order = np.argsort(ids)
    for block in stored_hashes(view):
        place, found = _places(ids, order, block.ids)
        known.bits[place], known.quality[place] = block.bits[found], block.quality[found]
        known.known[place] = True
    return known


def _places(ids: Ids, order: Rows, wanted: Ids) -> tuple[Rows, Rows]:
    """Return where in ids (ascending by order) those wanted are that are in it, and which these are."""
    if not len(ids):
        return order, order
    place = order[np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)]
    found = np.flatnonzero(ids[place] == wanted)
    return place[found], found
