"""Curves of red, green and blue: brightness, contrast, levels, saturation, grey and warmth in one."""

from functools import cache, lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ..proof.planes import Grey, Plane
from .robust import median

Values = npt.NDArray[np.float64]

_LEVELS = 256
_POINTS = 60_000
_KNOTS = 86  # of a curve, between which it is straight
_ROUNDS = 3
# Of a second difference, as if so many points spoke against it; of a value's distance from the identity.
_SMOOTH, _RIDGE = 2e4, 1e-2
_LUMA = (0.299, 0.587, 0.114)


def fit_curves(colors: Grey, wanted: npt.NDArray[np.generic]) -> Plane:
    """Return curves (3, 256, k) of red, green and blue whose sum comes closest to what is wanted.

    colors: (n, 3) uint8. wanted: (n, k). Points where the first of the k differs much are forgotten.
    """
    if len(colors) > _POINTS:
        at = _some(len(colors))
        colors, wanted = colors[at], wanted[at]
    values = wanted.astype(np.float64)
    channels = [np.ascontiguousarray(channel) for channel in colors.T]
    meetings = _meetings(channels)
    knots, known, drawn = _hats(), *_prior(values.shape[1])
    weight = np.ones(len(colors))
    curves: Values = np.zeros((3, _LEVELS, values.shape[1]))
    for _ in range(_ROUNDS):
        sums = [_sums(channel, weight, values) for channel in channels]
        solved = np.linalg.solve(known + _system(meetings, weight), drawn + np.concatenate(sums))
        curves = np.asarray(knots @ solved.reshape(3, _KNOTS, -1), np.float64)
        left = values[:, 0] - sum(curve[:, 0][each] for curve, each in zip(curves, channels, strict=True))
        scale = 1.5 * median(np.abs(left)) + 0.5
        weight = 1 / (1 + (left / (2 * scale)) ** 2)
    return curves.astype(np.float32)


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


@lru_cache(maxsize=4)
def _some(count: int) -> npt.NDArray[np.int64]:
    """Return which of so many points are looked at: windows have the same size most of the time."""
    return np.random.default_rng(1).choice(count, _POINTS, replace=False)


def _meetings(channels: list[Grey]) -> dict[tuple[int, int], npt.NDArray[np.int64]]:
    """Return for two channels each, one itself too, which levels meet at each point, as one number."""
    levels = [channel.astype(np.int64) for channel in channels]
    alone = {(i, i): levels[i] for i in range(3)}
    return alone | {(i, j): levels[i] * _LEVELS + levels[j] for i in range(3) for j in range(i)}


def _system(meetings: dict[tuple[int, int], npt.NDArray[np.int64]], weight: Values) -> Values:
    """Return how often two knots meet, (258, 258), weighted."""
    knots = _hats()
    system = np.zeros((3, _KNOTS, 3, _KNOTS))
    for (i, j), levels in meetings.items():
        if i == j:
            system[i, :, i] = (knots.T * np.bincount(levels, weight, _LEVELS)) @ knots
            continue
        counts = np.bincount(levels, weight, _LEVELS * _LEVELS).reshape(_LEVELS, _LEVELS)
        system[i, :, j] = knots.T @ counts @ knots
        system[j, :, i] = system[i, :, j].T
    return system.reshape(3 * _KNOTS, 3 * _KNOTS)


def _sums(channel: Grey, weight: Values, values: Values) -> Values:
    """Return the weighted sums of values (n, k) at each knot, (86, k)."""
    sums = [np.bincount(channel, weight * column, _LEVELS) for column in values.T]
    return np.asarray(_hats().T @ np.stack(sums, 1), np.float64)


@cache
def _hats() -> Values:
    """Return what each knot of a curve gives to each level, (256, 86)."""
    places = np.linspace(0, _LEVELS - 1, _KNOTS)
    return np.stack([np.interp(np.arange(_LEVELS), places, row) for row in np.eye(_KNOTS)], 1)


@cache
def _prior(columns: int) -> tuple[Values, Values]:
    """Return what speaks for smooth curves near the identity: a system (258, 258), and sums (258, k)."""
    knots, bend = _hats(), np.diff(np.eye(_LEVELS), 2, axis=0)
    one = knots.T @ (_SMOOTH * bend.T @ bend + _RIDGE * np.eye(_LEVELS)) @ knots
    sums = np.zeros((3, _KNOTS, columns))
    sums[..., 0] = _RIDGE * np.outer(_LUMA, knots.T @ np.arange(_LEVELS))
    return np.asarray(np.kron(np.eye(3), one), np.float64), sums.reshape(-1, columns)
