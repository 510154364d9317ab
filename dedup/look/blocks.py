"""The 8 x 8 blocks of a JPEG, and how well a prediction of its luma keeps within its quantization.

What is predicted from the true source differs from what the file stores by the file's own quantization:
no coefficient by more than half a step, and evenly within it. What is predicted from anything else,
a later copy for example, is not.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..proof.planes import Grey, Plane
from .robust import median

Table = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

SIDE = 8
# Orthonormal: rows are frequencies.
_N = np.arange(SIDE)
DCT = (np.cos(np.pi * (2 * _N + 1) * _N[:, None] / (2 * SIDE)) / 2).astype(np.float32)
DCT[0] /= np.sqrt(2)
_DCT_2D = np.kron(DCT, DCT)  # of a block as one row

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


def blocks_at(plane: npt.NDArray[np.generic], rows: Indices, columns: Indices) -> Plane:
    """Return the blocks of an (h, w) plane in these rows and columns (n,), (n, 8, 8) float32."""
    height, width = plane.shape[0] // SIDE, plane.shape[1] // SIDE
    grid = plane[: height * SIDE, : width * SIDE].reshape(height, SIDE, width, SIDE)
    return np.asarray(grid[rows, :, columns], np.float32)


def frequencies(blocks: Plane) -> Plane:
    """Return the orthonormal DCT of blocks (n, 8, 8)."""
    return np.asarray((blocks.reshape(-1, SIDE * SIDE) @ _DCT_2D.T).reshape(blocks.shape), np.float32)


def levels_of(coefficients: Plane) -> Plane:
    """Return the blocks (n, 8, 8) of these DCT coefficients."""
    blocks = coefficients.reshape(-1, SIDE * SIDE) @ _DCT_2D
    return np.asarray(blocks.reshape(coefficients.shape), np.float32)


@dataclass(frozen=True, slots=True)
class Telling:
    """The blocks of a target that have texture, and so tell how well it is predicted.

    rows, columns: (n,) of each block. stored: (n, 8, 8) its coefficients, in whole
    steps of the table where there is one.
    """

    rows: Indices
    columns: Indices
    stored: Plane
    table: Table | None

    @classmethod
    def of(cls, target: Grey, table: Table | None, most: int = _MOST_BLOCKS) -> "Telling | None":
        """Choose at most so many blocks of a target (h, w), whose corner is one of a block.

        None where too little of the target can tell.
        """
        rows, columns = np.nonzero(_has_texture(target))
        if len(rows) < _LEAST_BLOCKS:
            return None
        if len(rows) > most:
            at = np.random.default_rng(0).choice(len(rows), most, replace=False)
            rows, columns = rows[at], columns[at]
        stored = frequencies(blocks_at(target, rows, columns) - 128)
        if table is not None:
            stored = np.asarray(np.round(stored / table) * table, np.float32)
        return cls(rows, columns, stored, table)

    def shown(self, plane: npt.NDArray[np.generic]) -> Plane:
        """Return these blocks (n, 8, 8) of a plane (h, w)."""
        return blocks_at(plane, self.rows, self.columns)

    def residual(self, predicted: Plane) -> Residual:
        """Compare the target with the prediction of these blocks (n, 8, 8)."""
        guess = frequencies(predicted - 128)
        error = self.stored - guess
        of_block = np.abs(error[:, :4, :4]).mean((1, 2))
        agrees = of_block <= _ODD * median(of_block) + _ODD_FLOOR
        share, mean = float(agrees.mean()), float(np.abs(error[agrees]).mean())
        if self.table is None:
            return Residual(share, mean)
        return _in_steps(error[agrees], self.stored[agrees], guess[agrees], self.table, share, mean)


def _has_texture(target: Grey) -> Mask:
    """Return the blocks (rows, columns) that are neither flat nor cut off at black or white."""
    height, width = target.shape[0] // SIDE, target.shape[1] // SIDE
    lines = target[: height * SIDE, : width * SIDE].reshape(height, SIDE, -1)
    sums, squares = (
        part.sum(1, dtype=np.int64).reshape(height, width, SIDE).sum(2)
        for part in (lines, np.square(lines, dtype=np.int32))
    )
    low, high = lines.min(1).reshape(height, width, SIDE), lines.max(1).reshape(height, width, SIDE)
    varies = SIDE**2 * squares - sums**2 > (SIDE**2 * _FLAT) ** 2
    return np.asarray(varies & (low.min(2) >= _BLACK) & (high.max(2) <= _WHITE), np.bool_)


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
