"""Which of two pictures of different size shows more: a reduced one lacks what the larger one has."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from ..proof.planes import Grey, Plane
from .placed import Placed

_TILE, _MOST_TILES, _TRIED = 64, 80, 400
_PART = 1280  # pixels of the larger picture that are looked at
_LEAST_SMALL, _LEAST_LARGE = 40, 64
_FLOOR = 0.08  # power of rounding to whole levels
_NOT_RESIZED = 0.92

# Logarithms of power: more detail at the smaller one's finest, something beyond it, no fall at the end.
_MORE, _BEYOND, _END = 0.08, -0.9, -1.4
# Or as much beyond it as lenses leave: a copy that was sharpened when it was reduced has as much up to its
# own finest. Of 19 enlargements the most had -0.13 of more, and fell off by 1.5 at the end.
_NO_LESS, _SURELY_BEYOND = -0.05, -0.65


@dataclass(frozen=True, slots=True)
class _Spectrum:
    """Mean power over frequencies of 0 to 1/2 cycles a pixel, (33,)."""

    power: Plane

    def band(self, low: float, high: float) -> float:
        """Return the power between two frequencies, as a decimal logarithm; NaN where there are none."""
        at = np.arange(len(self.power)) / _TILE
        within = (at >= low) & (at <= high)
        return float(np.log10(self.power[within].mean())) if within.any() else float("nan")


def finer(placed: Placed) -> Literal["source", ""]:
    """Return whether a source, larger than its target, shows more of the scene."""
    scale = float(np.sqrt(placed.scale[0] * placed.scale[1]))
    if 1 / scale >= _NOT_RESIZED:
        return ""
    large, small = _parts(placed)
    if min(small.shape) < _LEAST_SMALL or min(large.shape) < _LEAST_LARGE:
        return ""
    enlarged = np.asarray(cv2.resize(small, large.shape[::-1], interpolation=cv2.INTER_LANCZOS4), np.uint8)
    of_large, of_small = _spectrum(large), _spectrum(enlarged)
    end = 0.5 / scale
    fine = of_large.band(0.75 * end, 0.95 * end) - of_small.band(0.75 * end, 0.95 * end)
    coarse = of_large.band(0.15 * end, 0.4 * end) - of_small.band(0.15 * end, 0.4 * end)
    upper = max(1.08 * end + 2 / _TILE, min(0.5, 1.35 * end))
    beyond = of_large.band(1.08 * end, upper) - of_large.band(0.7 * end, 0.92 * end)
    falls = of_large.band(0.4, 0.5) - of_large.band(0.15, 0.25)
    more = fine - coarse
    has_more = more > _MORE and (beyond > _BEYOND or falls > _END)
    goes_on = more > _NO_LESS and beyond > _SURELY_BEYOND and falls > _END
    return "source" if has_more or goes_on else ""


def _parts(placed: Placed) -> tuple[Grey, Grey]:
    """Return the grey middle of what both show, of the larger source and of the target."""
    x0, y0, x1, y1 = placed.rect
    width, height = (
        min(end - start, int(_PART / scale))
        for start, end, scale in ((x0, x1, placed.scale[0]), (y0, y1, placed.scale[1]))
    )
    left, upper = (x0 + x1 - width) // 2, (y0 + y1 - height) // 2
    small = placed.target.luma[upper : upper + height, left : left + width]
    (from_x, to_x), (from_y, to_y) = (
        (max(0, round(start * scale + offset)), round((start + length) * scale + offset))
        for start, length, scale, offset in zip(
            (left, upper), (width, height), placed.scale, placed.offset, strict=True
        )
    )
    part = np.ascontiguousarray(placed.source[from_y:to_y, from_x:to_x])
    return np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8), small


def _spectrum(grey: Grey) -> _Spectrum:
    """Return the power of the tiles with most in them."""
    rows, columns = grey.shape[0] // _TILE, grey.shape[1] // _TILE
    grid = grey[: rows * _TILE, : columns * _TILE].reshape(rows, _TILE, columns, _TILE)
    tiles = grid.transpose(0, 2, 1, 3).reshape(-1, _TILE, _TILE)
    if len(tiles) > _TRIED:
        tiles = tiles[np.random.default_rng(0).choice(len(tiles), _TRIED, replace=False)]
    levels = tiles.astype(np.float32)
    steep = np.abs(np.diff(levels, axis=2)).mean((1, 2))
    levels = levels[np.argsort(-steep)[:_MOST_TILES]]
    window = np.outer(np.hanning(_TILE), np.hanning(_TILE)).astype(np.float32)
    levels = (levels - levels.mean((1, 2), keepdims=True)) * window
    power = (np.abs(np.fft.rfft2(levels)) ** 2 / (window**2).sum()).mean(0)
    down = np.minimum(np.arange(_TILE), _TILE - np.arange(_TILE))[:, None]
    ring = np.round(np.hypot(down, np.arange(_TILE // 2 + 1))).astype(int)
    sums = np.bincount(ring.ravel(), power.ravel()) / np.maximum(1, np.bincount(ring.ravel()))
    return _Spectrum(np.asarray(sums[: _TILE // 2 + 1] + _FLOOR, np.float32))
