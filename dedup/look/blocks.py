"""The 8 x 8 blocks of a JPEG, and how well a prediction of its luma keeps within its quantization.

What is predicted from the true source differs from what the file stores by the file's own quantization:
no coefficient by more than half a step, and evenly within it. What is predicted from anything else,
a later copy for example, is not.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..proof.planes import Grey, Plane

Table = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SIDE = 8
# Orthonormal: rows are frequencies.
_N = np.arange(SIDE)
DCT = (np.cos(np.pi * (2 * _N + 1) * _N[:, None] / (2 * SIDE)) / 2).astype(np.float32)
DCT[0] /= np.sqrt(2)

# Levels that rounding adds to half a step, and what an encoder's own arithmetic adds, in steps.
ROUNDING, ARITHMETIC = 0.8, 0.02

_BLACK, _WHITE = 3, 252  # beyond them levels may have been cut off
_FLAT = 2.0  # levels of spread below which a block says nothing
_LEAST_BLOCKS, _MOST_BLOCKS = 12, 1000
_ODD, _ODD_FLOOR = 2.5, 1.0  # blocks with so many times the median error show something else
_COARSE, _FINE, _LEAST_COARSE, _LEAST_ACTIVE = 3, 2, 300, 200


@dataclass(frozen=True, slots=True)
class Residual:
    """What is left of a target when its prediction is taken away, over blocks with texture.

    share: of the blocks that agree. error: mean difference, in levels. For a JPEG with enough active
    coefficients (is_measured), beyond: share of them that differ by more than half a step; spread: root
    mean square in steps times the root of 12 (1: evenly filled); core: share within the middle half of the
    step (1/2: evenly filled, more: the target's steps show in the source); peak: kurtosis (1.8: evenly
    filled). model: what was fitted for the prediction.
    """

    share: float
    error: float
    is_measured: bool = False
    beyond: float = 1.0
    spread: float = 9.0
    core: float = 0.0
    peak: float = 0.0
    model: str = "same"

    def explains(self, has_table: bool) -> bool:
        """Return whether the prediction is within the target's quantization, but for chance."""
        return self.beyond < 0.01 if has_table else self.error < 0.6


def blocks_of(plane: npt.NDArray[np.generic]) -> Plane:
    """Return the whole blocks of an (h, w) plane, (rows, columns, 8, 8) float32."""
    rows, columns = plane.shape[0] // SIDE, plane.shape[1] // SIDE
    whole = plane[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE)
    return whole.transpose(0, 2, 1, 3).astype(np.float32)


def frequencies(blocks: Plane) -> Plane:
    """Return the orthonormal DCT of blocks (..., 8, 8)."""
    return np.asarray(DCT @ blocks @ DCT.T, np.float32)


def residual(
    predicted: Plane, target: Grey, table: Table | None, most: int = _MOST_BLOCKS
) -> Residual | None:
    """Compare a prediction (h, w) with the target (h, w), whose corner is one of a block.

    None where too little of the target can tell.
    """
    shown = blocks_of(target)
    flat = shown.reshape(*shown.shape[:2], -1)
    tells = (flat.min(2) >= _BLACK) & (flat.max(2) <= _WHITE) & (flat.std(2) > _FLAT)
    at = np.flatnonzero(tells)
    if len(at) < _LEAST_BLOCKS:
        return None
    if len(at) > most:
        at = np.random.default_rng(0).choice(at, most, replace=False)
    stored = frequencies(shown.reshape(-1, SIDE, SIDE)[at] - 128)
    guess = frequencies(blocks_of(predicted).reshape(-1, SIDE, SIDE)[at] - 128)
    if table is not None:
        stored = np.asarray(np.round(stored / table) * table, np.float32)
    error = stored - guess
    of_block = np.abs(error[:, :4, :4]).mean((1, 2))
    agrees = of_block <= _ODD * np.median(of_block) + _ODD_FLOOR
    share, mean = float(agrees.mean()), float(np.abs(error[agrees]).mean())
    if table is None:
        return Residual(share, mean)
    return _in_steps(error[agrees], stored[agrees], guess[agrees], table, share, mean)


def _in_steps(
    error: Plane, stored: Plane, guess: Plane, table: Table, share: float, mean: float
) -> Residual:
    """Return how the errors (n, 8, 8) lie within the steps, where either side has something."""
    steps = np.broadcast_to(table.astype(np.float32), error.shape)
    has = np.maximum(np.abs(stored), np.abs(guess)) > steps / 2
    has[:, 0, 0] = False
    active = has & (steps >= _COARSE)
    if active.sum() < _LEAST_COARSE:
        active = has & (steps >= _FINE)
    if active.sum() <= _LEAST_ACTIVE:
        return Residual(share, mean)
    size, step = np.abs(error[active]), steps[active]
    part = size / step
    inner = part[part <= 0.5].astype(np.float64)
    return Residual(
        share,
        mean,
        is_measured=True,
        beyond=float((size > step * (0.5 + ARITHMETIC) + ROUNDING).mean()),
        spread=float(np.sqrt((np.minimum(part, 2) ** 2).mean() * 12)),
        core=float((part < 0.25).mean()),
        peak=float((inner**4).mean() / ((inner**2).mean() ** 2 + 1e-9)) if len(inner) else 0.0,
    )
