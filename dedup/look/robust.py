"""Least squares that forget what does not fit."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..proof.planes import Plane

Vector = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

# From the median of absolute values to the standard deviation of a normal distribution.
DEVIATION = 1.4826
_ROUNDS = 4


def fit(
    design: Plane, target: Plane, prior: Vector, ridge: Vector, usual: Callable[[Plane], Plane | float]
) -> tuple[Vector, Plane]:
    """Return the k numbers under which design (n, k) @ numbers comes near to target (n,), and what is left.

    prior, ridge: (k,) where the numbers are drawn to, and how strongly, in units of design.T @ design.
    usual: from absolute errors to those that are usual; an error counts the less the more it is beyond.
    """
    numbers, left = prior, target
    weighted = design
    for turn in range(_ROUNDS):
        if turn:
            weighted = design * forgetting(left / usual(np.abs(left)))[:, None]
        normal = (weighted.T @ design).astype(np.float64) + np.diag(ridge)
        numbers = np.asarray(np.linalg.solve(normal, weighted.T @ target + ridge * prior), np.float64)
        left = target - design @ numbers.astype(np.float32)
    return numbers, left


def forgetting(error: Plane) -> Plane:
    """Return the weight of errors in units of what is usual: 1 for none, 1/4 at 1, next to none at 3."""
    return np.asarray(1 / (1 + error**2) ** 2, np.float32)


def median(values: npt.NDArray[np.floating[Any]]) -> float:
    """Return the median of values (n,), of which there is one at least, sooner than numpy does."""
    middle = len(values) // 2
    part = np.partition(values, middle)
    if len(values) % 2:
        return float(part[middle])
    return float((part[:middle].max() + part[middle]) / 2)


def quantile(values: Plane, share: float) -> float:
    """Return a quantile of values (n,), by a line between the two next to it."""
    at = share * (len(values) - 1)
    low = min(int(at), len(values) - 2)
    if low < 0:
        return float(values[0])
    part = np.partition(values, low)
    below, above = float(part[low]), float(part[low + 1 :].min())
    return below + (at - low) * (above - below)


def quantiles(values: Plane, shares: Vector) -> Vector:
    """Return several quantiles (k,) of values (n,)."""
    ordered = np.sort(values)
    return np.interp(shares * (len(values) - 1), np.arange(len(values)), ordered)


@lru_cache(maxsize=16)
def sample(count: int, most: int) -> Indices:
    """Return at most so many of count indices, the same ones for the same count."""
    if count <= most:
        return np.arange(count)
    return np.random.default_rng(count).integers(0, count, most)
