"""Curves of red, green and blue: brightness, contrast, levels, saturation, grey and warmth in one."""

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from ..proof.planes import Grey, Plane

Values = npt.NDArray[np.float64]

_LEVELS = 256
_POINTS = 120_000
_ROUNDS = 3
# Of a second difference, as if so many points spoke against it; of a value's distance from the identity.
_SMOOTH, _RIDGE = 2e4, 1e-2
_LUMA = (0.299, 0.587, 0.114)


def fit_curves(colors: Grey, wanted: npt.NDArray[np.generic]) -> Plane:
    """Return curves (3, 256, k) of red, green and blue whose sum comes closest to what is wanted.

    colors: (n, 3) uint8. wanted: (n, k). Points where the first of the k differs much are forgotten.
    """
    if len(colors) > _POINTS:
        at = np.random.default_rng(1).choice(len(colors), _POINTS, replace=False)
        colors, wanted = colors[at], wanted[at]
    values = wanted.astype(np.float64)
    places = colors.astype(np.int64) + np.arange(3) * _LEVELS
    prior = np.concatenate([np.arange(_LEVELS) * share for share in _LUMA])
    start: Values = np.zeros((3 * _LEVELS, values.shape[1]))
    start[:, 0] = prior
    weight = np.ones(len(colors))
    curves: Values = start
    for _ in range(_ROUNDS):
        system = _pairs(places, weight) + _smoothness() + _RIDGE * np.eye(3 * _LEVELS)
        sums = [_sums(places, weight * column) for column in values.T]
        curves = np.asarray(np.linalg.solve(system, np.stack(sums, 1) + _RIDGE * start), np.float64)
        left = values[:, 0] - curves[places, 0].sum(1)
        scale = 1.5 * np.median(np.abs(left)) + 0.5
        weight = 1 / (1 + (left / (2 * scale)) ** 2)
    return curves.reshape(3, _LEVELS, -1).astype(np.float32)


def toned(curves: Plane, rgb: Grey) -> Plane:
    """Return the sum of the curves of (h, w, 3) pixels, (h, w, k) float32."""
    channels = cv2.split(np.ascontiguousarray(rgb))
    sums = [
        sum(
            cv2.LUT(channel, np.ascontiguousarray(curve[:, k]))
            for channel, curve in zip(channels, curves, strict=True)
        )
        for k in range(curves.shape[2])
    ]
    return np.stack(sums, axis=-1)


def _pairs(places: npt.NDArray[np.int64], weight: Values) -> Values:
    """Return how often two levels meet, (768, 768), weighted."""
    size = 3 * _LEVELS
    system = np.zeros((size, size))
    for i in range(3):
        for j in range(i, 3):
            at = (places[:, i] - i * _LEVELS) * _LEVELS + places[:, j] - j * _LEVELS
            counts = np.bincount(at, weight, _LEVELS * _LEVELS).reshape(_LEVELS, _LEVELS)
            rows, columns = slice(i * _LEVELS, (i + 1) * _LEVELS), slice(j * _LEVELS, (j + 1) * _LEVELS)
            system[rows, columns] = counts
            system[columns, rows] = counts.T
    return system


def _sums(places: npt.NDArray[np.int64], values: Values) -> Values:
    return np.asarray(np.bincount(places.ravel(), np.repeat(values, 3), 3 * _LEVELS), np.float64)


@cache
def _smoothness() -> Values:
    bend = np.diff(np.eye(_LEVELS), 2, axis=0)
    return np.asarray(np.kron(np.eye(3), _SMOOTH * bend.T @ bend), np.float64)
