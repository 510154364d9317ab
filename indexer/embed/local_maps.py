"""Local maps: what a photo shows where, in few bytes, so that a part of it can be found.

The network's last map has a cell for each 32 x 32 pixels of its input. Each is projected to DIMS numbers,
of which the direction is kept, in a byte each: a photo of any shape takes at most 1,540 bytes.
"""

import hashlib

import numpy as np

from ...store.records import Cells, LocalMap, Vectors
from ...store.spec import EmbedderSpec
from .engines import is_shipped
from .weights.table import SHIPPED_PROJECTION

# With the largest map of the default input (70 cells) a row of the catalog has less than a fifth of a page.
DIMS = 22
# Maps of more cells (larger inputs) are made coarser.
MAX_CELLS = 70
# Changes with whatever decides the numbers but for projection and spec.
_VERSION = 1


def has_maps(spec: EmbedderSpec) -> bool:
    """Tell whether local maps can be made of photos that are embedded so: by the shipped model only."""
    return is_shipped(spec)


def map_kind(spec: EmbedderSpec) -> int:
    """Return a number, 63 bits, that differs whenever maps cannot be compared."""
    text = f"{_VERSION} {spec.fingerprint} {SHIPPED_PROJECTION.sha256}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8]) >> 1


def make_map(cells: Vectors, kind: int) -> LocalMap:
    """Return the local map of a photo. cells: (DIMS, rows, columns) float32, projected."""
    return LocalMap(kind, to_bytes(coarser(cells)))


def coarser(cells: Vectors) -> Vectors:
    """Return cells (d, rows, columns) averaged over squares until they are few enough."""
    _, rows, columns = cells.shape
    step = 1
    while -(-rows // step) * -(-columns // step) > MAX_CELLS:
        step += 1
    if step == 1:
        return cells
    sums = np.add.reduceat(np.add.reduceat(cells, range(0, rows, step), 1), range(0, columns, step), 2)
    return np.asarray(sums, np.float32)  # only directions count


def to_bytes(cells: Vectors) -> Cells:
    """Return the directions of cells (d, rows, columns), as (rows, columns, d) int8."""
    placed = np.moveaxis(cells, 0, -1)
    lengths = np.maximum(np.linalg.norm(placed, axis=-1, keepdims=True), 1e-12)
    return np.asarray(np.round(127 * placed / lengths), np.int8)
