"""Move a map until two pictures lie on each other as well as they can.

Inverse compositional Gauss-Newton (Baker and Matthews 2004) with weights that forget what does not fit:
stamps, text, what moved.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .planes import Matrix, Plane, inverted, slopes

AFFINE, PERSPECTIVE = 6, 8

# Differences of normalized pictures from here on count as something else in the picture.
_OUTLIER = 0.5
# So different that what lies outside of the other picture has no weight.
_OUTSIDE = 1e4
# Pixels along the edges that do not count: there the normalization sees only one side, and a frame, a
# crop or a turn make that another one.
_RIM = 6
# A map has eight numbers: of a frame of more pixels those steeper than the mean, a third, tell them as well
# as all do, and the time of a step goes by pixels.
_FEW_PIXELS = 4096
# Keeps a picture with slopes in one direction only from sliding along it.
_DAMPING = 1e-3
# Pixels: a step below this changes no number that is looked at.
_SETTLED = 0.02
_TINY = 1e-6
_FEW_STEPS = 3


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to look for a better map.

    n_numbers: 6 for an affine map, 8 for one with perspective. min_agreement: give up below it after a few
    steps.
    """

    n_numbers: int
    max_steps: int
    min_agreement: float = 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """What a map is fitted to: the steep pixels of a normalized picture, n of them.

    level: (n,) their values. places: (3, n) x, y and 1, from the middle, in units of half the longer
    side. jacobian: (8, n) how each changes with each of the map's numbers. to_unit: from the picture's
    points to these units.
    """

    level: Plane
    places: Plane
    jacobian: Plane
    to_unit: Matrix

    @classmethod
    def of(cls, ref: Plane) -> "Target":
        """Prepare a normalized picture (h, w)."""
        height, width = ref.shape
        unit = max(width, height) / 2
        inner = _inner(ref.shape)
        x, y = (slope[inner].ravel() for slope in slopes(ref * np.float32(unit)))
        steep = _steepest(x, y)
        down, across = np.divmod(steep, inner[1].stop - inner[1].start)
        right = ((across + (inner[1].start + 0.5 - width / 2)) / unit).astype(np.float32)
        below = ((down + (inner[0].start + 0.5 - height / 2)) / unit).astype(np.float32)
        x, y = x[steep], y[steep]
        rows = [x * right, x * below, x, y * right, y * below, y]
        along = rows[0] + rows[4]
        jacobian = np.stack([*rows, -along * right, -along * below])
        places = np.stack([right, below, np.ones_like(right)])
        to_pixels = np.array([[unit, 0, width / 2], [0, unit, height / 2], [0, 0, 1.0]])
        return cls(ref[inner].ravel()[steep], places, jacobian, inverted(to_pixels))

    @property
    def unit(self) -> float:
        """Pixels of half the longer side."""
        return float(1 / self.to_unit[0, 0])


def _inner(shape: tuple[int, ...]) -> tuple[slice, slice]:
    rim = min(_RIM, min(shape) // 10)
    return slice(rim, shape[0] - rim), slice(rim, shape[1] - rim)


def _steepest(x: Plane, y: Plane) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if len(x) <= _FEW_PIXELS:
        return np.arange(len(x))
    energy = x * x + y * y
    return np.flatnonzero(energy > energy.mean())


def rimmed(src: Plane) -> Plane:
    """Return a normalized picture whose rim is so different that it has no weight."""
    framed = np.full_like(src, _OUTSIDE)
    inner = _inner(src.shape)
    framed[inner] = src[inner]
    return framed


def refine(target: Target, src: Plane, matrix: Matrix, effort: Effort) -> tuple[Matrix, float]:
    """Return the better map from points of the target's picture to points of src, and how well they agree.

    src: a `rimmed` picture at about the same scale. The agreement is the mean weight in [0, 1] of what lies
    in both; unlike pictures have about 0.5, copies 0.8 and more. The map is NaN when the steps lead
    nowhere.
    """
    jacobian, agreement = target.jacobian[: effort.n_numbers], 0.0
    current = matrix @ inverted(target.to_unit)
    for taken in range(effort.max_steps):
        error = _shown(src, current, target.places) - target.level
        weight = 1 / (1 + np.square(error * np.float32(1 / _OUTLIER)))
        inside = int(np.count_nonzero(error < _OUTSIDE / 2))
        agreement = float(weight.sum()) / max(1, inside)
        if taken == _FEW_STEPS and agreement < effort.min_agreement:
            break
        step = _solve(jacobian, weight, weight * error)
        current = current @ inverted(_as_matrix(step))
        if not np.isfinite(current).all() or abs(current[2, 2]) < _TINY:
            return np.full((3, 3), np.nan), 0.0
        current = current / current[2, 2]
        if np.abs(step[:AFFINE]).max() * target.unit < _SETTLED:
            break
    return np.asarray(current @ target.to_unit, np.float64), agreement


def _shown(src: Plane, matrix: Matrix, places: Plane) -> Plane:
    """Return what src shows at the places (n,); the matrix leads from places to points of src."""
    x, y, depth = matrix.astype(np.float32) @ places
    if matrix[2, 0] or matrix[2, 1]:
        x, y = x / depth, y / depth
    half = np.float32(0.5)
    found = cv2.remap(src, (x - half)[None], (y - half)[None], cv2.INTER_LINEAR, borderValue=_OUTSIDE)
    return np.asarray(found, np.float32).ravel()


def _solve(jacobian: Plane, weight: Plane, weighted_error: Plane) -> Matrix:
    normal = np.asarray((jacobian * weight) @ jacobian.T, np.float64)
    n = len(normal)
    diagonal = normal.ravel()[:: n + 1]  # a view
    diagonal += _DAMPING * float(diagonal.sum()) / n + _TINY
    wanted = np.asarray(jacobian @ weighted_error, np.float64)[:, None]
    step = cv2.solve(normal, wanted, flags=cv2.DECOMP_CHOLESKY)[1]
    return np.asarray(step, np.float64).ravel()


def _as_matrix(step: Matrix) -> Matrix:
    matrix = np.eye(3)
    matrix.ravel()[: len(step)] += step
    return matrix
