"""What a lens does to the photo of a screen, and no other point of view does: it bends it smoothly.

A map with perspective is right for a flat thing before a lens without fault. What a true lens leaves, or a
program that stretches a picture by its corners, is a field of shifts as smooth as can be; the steps of a
nearer thing before a farther one are not.
"""

from dataclasses import dataclass

import numpy as np

from .measure import NO_MOTION_KNOWN, Shifts, block_shifts
from .picture import Level
from .planes import Matrix, Plane, warp

# The field has twenty numbers, since a lens moves by the cube of the distance from the middle; so many
# blocks can not be bent by them at will.
_MIN_BLOCKS = 40
# Pixels from which on a block is thought to show something else, and rounds of forgetting those.
_ASTRAY = 0.3
_ROUNDS = 4
_INSIDE = 0.99


@dataclass(frozen=True, slots=True)
class Bent:
    """Motion that no smooth bend explains: 75 % of blocks, and of blocks twice as large, have less."""

    motion_p75: float = NO_MOTION_KNOWN
    drift: float = NO_MOTION_KNOWN


def motion_beyond_bend(ref: Level, src: Level, matrix: Matrix) -> Bent:
    """Return what a smooth field of shifts leaves of the motion; parameters as those of `likeness`."""
    width, height = ref.size
    cover = warp(np.ones((src.size[1], src.size[0]), np.float32), matrix, width, height) > _INSIDE
    near, far = block_shifts(ref.normal, warp(src.normal, matrix, width, height), cover)
    if min(len(near.x), len(far.x)) < _MIN_BLOCKS:
        return Bent()
    return Bent(_left(near), _left(far))


def _left(shifts: Shifts) -> float:
    rows, columns = np.nonzero(shifts.known)
    y, x = (each / max(shifts.known.shape) - 0.5 for each in (rows, columns))
    powers = np.stack([x**i * y**j for i in range(4) for j in range(4 - i)], 1)
    wanted = np.stack([shifts.x, shifts.y], 1)
    size = _beyond(powers, wanted, np.ones(len(x)))
    for _ in range(_ROUNDS - 1):
        size = _beyond(powers, wanted, 1 / np.sqrt(1 + (size / _ASTRAY) ** 2))
    return float(np.sort(size)[min(len(size) - 1, int(0.75 * len(size)))])


def _beyond(powers: Matrix, wanted: Plane, weight: Matrix) -> Matrix:
    """Return how far each shift is from the best smooth field, (n,)."""
    field = np.linalg.lstsq(powers * weight[:, None], wanted * weight[:, None], rcond=None)[0]
    return np.asarray(np.hypot(*(wanted - powers @ field).T), np.float64)
