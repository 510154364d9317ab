"""Is more left in a place than a codec leaves? Windows against what this pair leaves in their like."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np

from ..proof.planes import Plane
from .robust import DEVIATION, fit, median, quantile, quantiles, sample

CELL = 4

_SAMPLE = 10_000
_BINS, _FEWEST = 12, 40
_LEAST_SPREAD = 0.25
_ROUNDING = 0.25  # levels squared
_MEAN_ROUNDING = 0.08
# Of a quantization step squared: what one coefficient that falls the other way leaves where nothing else
# is, in a window's energy, and in the square of its mean.
_ONE_STEP = 0.02
_MEAN_STEP = {1: 1 / 300, 2: 1 / 600, 4: 1 / 1500}
# Of the simulated error's energy, so much is always to be expected.
_SIMULATED = 1.5
# A codec spills into the next block, and an earlier one had its blocks elsewhere: logs of energy.
_NEAR, _FAR = 0.7, 1.4
_AROUND = 17  # windows' halves
# Cells over which steepness and the simulated error are looked at around the smallest windows.
_LEAST_AROUND = 3


@dataclass(frozen=True, slots=True)
class Limit:
    """What differs: a window of `cells` x `cells` with this much of it visible and so many deviations."""

    kind: Literal["energy", "mean"]
    cells: int
    levels: float
    deviations: float


# Chosen on 658 pairs; what they do on others is said with the places.
LUMA_LIMITS = (
    Limit("mean", 1, 8, 5.3),
    Limit("mean", 2, 5, 4.9),
    Limit("energy", 2, 8, 5.5),
    Limit("energy", 4, 8, 4.8),
)
CHROMA_LIMITS = (Limit("mean", 1, 8, 2.4), Limit("mean", 2, 5, 2.0), Limit("energy", 1, 8, 4.6))


@dataclass(frozen=True, slots=True)
class Channel:
    """What is left of one plane, and what tells how much is to be expected: cells, (rows, columns).

    mean, energy: of what is left, in levels and levels squared. simulated, simulated_mean: energy of the
    simulated codec's error, and of its mean. steep, other_steep: squared slopes of this plane and of the
    others, levels squared a pixel. step: quantization step of low frequencies, in levels. misfit: pixels by
    which the grids may differ.
    """

    mean: Plane
    energy: Plane
    simulated: Plane
    simulated_mean: Plane
    steep: Plane
    other_steep: Plane
    step: float
    misfit: float


def cells(plane: Plane, cell: int = CELL) -> Plane:
    """Return the means of a plane whose sides are multiples of a cell's."""
    size = plane.shape[1] // cell, plane.shape[0] // cell
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def scores(channel: Channel, limits: tuple[Limit, ...]) -> Iterator[tuple[Limit, Plane]]:
    """Yield for each limit by how much each window (rows, columns) exceeds what is to be expected.

    1 and above differs; 0 where too little of it can be seen to be told from nothing.
    """
    for n in sorted({limit.cells for limit in limits}):
        usual, spread = _expected_energy(channel, n)
        for limit in (each for each in limits if each.cells == n):
            if limit.kind == "energy":
                energy = _window(channel.energy, n)
                levels = np.sqrt(np.maximum(energy, 0))  # a sliding sum may end below nothing
                deviations = (np.log(energy + _energy_floor(channel)) - usual) / spread
            else:
                levels = np.abs(_window(channel.mean, n))
                deviations = levels / _expected_mean(channel, levels, usual, n)
            yield limit, np.where(levels >= limit.levels, deviations / limit.deviations, np.float32(0))


def _window(plane: Plane, n: int) -> Plane:
    if n == 1:
        return plane
    return np.asarray(cv2.blur(plane, (n, n), borderType=cv2.BORDER_REFLECT_101), np.float32)


def _energy_floor(channel: Channel) -> np.float32:
    return np.float32(_ROUNDING + _ONE_STEP * channel.step**2)


def _expected_energy(channel: Channel, n: int) -> tuple[Plane, Plane]:
    """Return the log of the energy to expect of each window, and how far logs stray."""
    logs = np.log(_window(channel.energy, n) + _energy_floor(channel))
    wide = max(n, _LEAST_AROUND)
    simulated, steep = _window(channel.simulated, wide), _window(channel.steep, wide)
    features = [
        np.log(steep + 0.5),
        np.log(_window(channel.steep, 3 * wide) + 0.5),
        np.log(_window(channel.other_steep, wide) + 0.5),
        np.log(simulated + _ROUNDING),
        np.log(_window(channel.simulated, 3 * wide) + _ROUNDING),
    ]
    usual, spread = _regressed(logs, features)
    usual = np.maximum(_spilled(usual), _around(logs, n))
    usual = np.maximum(usual, np.log(np.float32(channel.misfit**2) * steep + 0.01))
    saved = np.maximum(_window(channel.simulated, n), simulated)
    return np.maximum(usual, np.log(_SIMULATED * saved + 0.01)), spread


def _regressed(logs: Plane, features: list[Plane]) -> tuple[Plane, Plane]:
    """Predict logs from features by a robust fit over this pair, then by bins of the prediction."""
    at = sample(logs.size, _SAMPLE)
    columns = [np.ones_like(logs), *features]
    design = np.stack([each.ravel()[at] for each in columns], 1)
    k = len(columns)
    numbers, left = fit(
        design,
        logs.ravel()[at],
        np.zeros(k),
        np.full(k, 1e-6 * len(at)),
        lambda error: 2 * (DEVIATION * median(error) + 0.05),
    )
    predicted = np.full_like(logs, numbers[0])
    for number, each in zip(numbers[1:], features, strict=True):
        predicted += np.float32(number) * each
    return _by_bins(predicted, predicted.ravel()[at], left)


def _by_bins(predicted: Plane, sampled: Plane, left: Plane) -> tuple[Plane, Plane]:
    """Correct a prediction by what is left where it says the same, and return how far that strays."""
    middles, offsets, spreads = [], [], []
    for middle, inside in _bins(sampled):
        error = left[inside]
        offset = median(error)
        upper = (quantile(error, 0.9) - offset) / 1.2816
        middles.append(middle)
        offsets.append(offset)
        spreads.append(max(upper, DEVIATION * median(np.abs(error - offset)), _LEAST_SPREAD))
    if not middles:
        return predicted, np.ones_like(predicted)
    spread = np.interp(predicted, middles, spreads).astype(np.float32)
    return predicted + np.interp(predicted, middles, offsets).astype(np.float32), spread


def _bins(values: Plane) -> Iterator[tuple[float, np.ndarray[tuple[int], np.dtype[np.bool_]]]]:
    """Yield the middle and the members of bins of equal count, without those of too few values."""
    edges = quantiles(values, np.linspace(0, 1, _BINS + 1))
    last = -np.inf
    for low, high in pairwise(edges):
        inside = (values >= low) & (values <= high)
        middle = float(low + high) / 2
        if np.count_nonzero(inside) >= _FEWEST and middle > last + 1e-3:
            last = middle
            yield middle, inside


def _spilled(usual: Plane) -> Plane:
    near = cv2.dilate(usual, np.ones((3, 3), np.uint8)) - np.float32(_NEAR)
    far = cv2.dilate(usual, np.ones((5, 5), np.uint8)) - np.float32(_FAR)
    return np.asarray(np.maximum(usual, np.maximum(near, far)), np.float32)


def _around(logs: Plane, n: int) -> Plane:
    """Return the local median: where all around is as bad, nothing is special."""
    step = max(1, n // 2)
    small = np.clip((logs[::step, ::step] + 3) * 16, 0, 255).astype(np.uint8)
    side = min(_AROUND, (min(small.shape) - 1) // 2 * 2 - 1)
    if side < 5:
        return np.full_like(logs, -9)
    median = cv2.medianBlur(np.ascontiguousarray(small), side).astype(np.float32) / 16 - 3
    return np.asarray(cv2.resize(median, logs.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _expected_mean(channel: Channel, means: Plane, usual: Plane, n: int) -> Plane:
    """Return the deviation to expect of a window's mean, by the energy to expect of the window."""
    floor = _MEAN_ROUNDING + _MEAN_STEP[n] * channel.step**2
    saved = _window(channel.simulated_mean, max(n, _LEAST_AROUND))
    return np.sqrt(np.maximum(_variance_of_means(means, usual, floor), saved))


def _variance_of_means(means: Plane, usual: Plane, floor: float) -> Plane:
    at = sample(means.size, _SAMPLE)
    squares, predicted = means.ravel()[at] ** 2, usual.ravel()[at]
    middles, ratios = [], []
    for middle, inside in _bins(predicted):
        middles.append(middle)
        ratios.append(float(np.log(_variance(squares[inside]) + floor)) - middle)
    if not middles:
        return np.exp(usual) + np.float32(floor)
    # Beyond the bins it goes on as the energy does.
    return np.exp(usual + np.interp(usual, middles, ratios).astype(np.float32))


def _variance(squares: Plane) -> float:
    """Return the variance of a normal distribution of mean 0 whose squares reach as far as these."""
    normal = np.array([0.455, 1.64, 3.84])
    return float((quantiles(squares, np.array([0.5, 0.8, 0.95])) / normal).max())
