"""From windows that differ to a few places, as boxes."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..proof.planes import Matrix, Plane
from . import Box
from .geometry import Size, mapped

# Score from which on a place is worth a look; from 1 on it differs. Of 277 plain copies of all kinds 7
# reach this, and 3 reach 1; of 111 differences that can be seen 109 and 105.
DOUBTFUL = 0.8
_MOST = 20

# Cells over which what differs is one place: 12 pixels.
_GAP = 3
# Of a place's strongest score: what is weaker is only windows that reach into it.
_WEAK = 0.3


@dataclass(frozen=True, slots=True)
class Place:
    """A box of cells that differs: x, y, width, height; score: 0.8 and above."""

    box: tuple[int, int, int, int]
    score: float


def spread_over(score: Plane, n: int) -> Plane:
    """Return for each cell the highest score of the windows of n x n cells that it lies in."""
    if n == 1:
        return score
    anchor = (n - 1) // 2
    return np.asarray(cv2.dilate(score, np.ones((n, n), np.uint8), anchor=(anchor, anchor)), np.float32)


def connected(score: Plane) -> list[Place]:
    """Return what hangs together of the cells that are worth a look, the strongest first."""
    differs = (score >= DOUBTFUL).astype(np.uint8)
    joined = cv2.dilate(differs, np.ones((_GAP, _GAP), np.uint8))
    count, labels = cv2.connectedComponents(joined)
    if count < 2:
        return []
    at = np.flatnonzero(differs)
    of, found = labels.ravel()[at], score.ravel()[at]
    order = np.argsort(of, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(of[order])) + 1)
    places = [_place(at[part], found[part], score.shape[1]) for part in parts]
    return sorted(places, key=lambda place: -place.score)[:_MOST]


def _place(at: "np.ndarray[tuple[int], np.dtype[np.int64]]", score: Plane, columns: int) -> Place:
    top = float(score.max())
    y, x = np.divmod(at[score >= max(DOUBTFUL, _WEAK * top)], columns)
    left, upper = int(x.min()), int(y.min())
    return Place((left, upper, int(x.max()) - left + 1, int(y.max()) - upper + 1), top)


def shares(box: tuple[int, int, int, int], matrix: Matrix, size: Size) -> Box:
    """Return a box as shares of a picture of this size. matrix: from points of the box to the picture's."""
    x, y, width, height = box
    ends = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float64)
    there = np.clip(mapped(matrix, ends) / size, 0, 1)
    low, high = there.min(0), there.max(0)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])
