"""Move a map until two pictures lie on each other as well as they can.

Inverse compositional Gauss-Newton (Baker and Matthews 2004) with weights that forget what does not fit:
stamps, text, what moved.
"""

import cv2
import numpy as np

from .planes import Matrix, Plane, inverted, slopes, warp

AFFINE, PERSPECTIVE = 6, 8

# Differences of normalized pictures from here on count as something else in the picture.
_OUTLIER = 0.5
# So different that what lies outside of the other picture has no weight.
_OUTSIDE = 1e4
# Pixels along the edges that do not count: there the normalization sees only one side, and a frame, a
# crop or a turn make that another one.
_RIM = 6
# Keeps a picture with slopes in one direction only from sliding along it.
_DAMPING = 1e-3
# Pixels: a step below this changes no number that is looked at.
_SETTLED = 0.02
_TINY = 1e-6
_FEW_STEPS = 4


def refine(
    ref: Plane, src: Plane, matrix: Matrix, n_numbers: int, max_steps: int, min_agreement: float = 0.0
) -> tuple[Matrix, float]:
    """Return the better map from points of ref to points of src, and how well they agree under it.

    ref, src: normalized pictures at about the same scale. n_numbers: 6 for an affine map, 8 for one with
    perspective. min_agreement: give up after a few steps below it. The agreement is the mean weight in
    [0, 1] of what lies in both; unlike pictures have about 0.5, copies 0.8 and more.
    """
    height, width = ref.shape
    unit = max(width, height) / 2
    to_pixels = np.array([[unit, 0, width / 2], [0, unit, height / 2], [0, 0, 1.0]])
    to_unit = inverted(to_pixels)
    jacobian = _jacobian(ref, unit, n_numbers)
    flat, agreement = _rimmed(ref, -_OUTSIDE).ravel(), 0.0
    src = _rimmed(src, _OUTSIDE)
    current = matrix @ to_pixels
    for taken in range(max_steps):
        shown = warp(src, current @ to_unit, width, height, _OUTSIDE).ravel()
        error = shown - flat
        weight = 1 / (1 + np.square(error / _OUTLIER))
        inside = np.count_nonzero(error < _OUTSIDE / 2)
        agreement = float(weight.sum() / max(1, inside))
        if taken == _FEW_STEPS and agreement < min_agreement:
            break
        step = _solve(jacobian, weight, weight * error)
        current = current @ inverted(_as_matrix(step))
        if not np.isfinite(current).all() or abs(current[2, 2]) < _TINY:
            return np.full((3, 3), np.nan), 0.0
        current = current / current[2, 2]
        if np.abs(step[:AFFINE]).max() * unit < _SETTLED:
            break
    return np.asarray(current @ to_unit, np.float64), agreement


def _rimmed(plane: Plane, level: float) -> Plane:
    """Return the plane with its rim at a level that no weight is given to."""
    rim = min(_RIM, min(plane.shape) // 10)
    rimmed = np.full_like(plane, level)
    inner = slice(rim, plane.shape[0] - rim), slice(rim, plane.shape[1] - rim)
    rimmed[inner] = plane[inner]
    return rimmed


def _jacobian(ref: Plane, unit: float, n_numbers: int) -> Plane:
    """Return how each pixel changes with each of the map's numbers, (n_numbers, pixels)."""
    height, width = ref.shape
    across = ((np.arange(width, dtype=np.float32) + 0.5) - width / 2)[None, :] / np.float32(unit)
    down = ((np.arange(height, dtype=np.float32) + 0.5) - height / 2)[:, None] / np.float32(unit)
    x, y = slopes(ref * np.float32(unit))
    rows = [x * across, x * down, x, y * across, y * down, y]
    if n_numbers == PERSPECTIVE:
        both = rows[0] + rows[4]
        rows += [-both * across, -both * down]
    return np.stack(rows).reshape(n_numbers, -1)


def _solve(jacobian: Plane, weight: Plane, weighted_error: Plane) -> Matrix:
    normal = np.asarray((jacobian * weight) @ jacobian.T, np.float64)
    n = len(normal)
    normal[np.diag_indices(n)] += _DAMPING * np.trace(normal) / n + _TINY
    wanted = np.asarray(jacobian @ weighted_error, np.float64)[:, None]
    step = cv2.solve(normal, wanted, flags=cv2.DECOMP_CHOLESKY)[1]
    return np.asarray(step, np.float64).ravel()


def _as_matrix(step: Matrix) -> Matrix:
    matrix = np.eye(3)
    matrix.ravel()[: len(step)] += step
    return matrix
