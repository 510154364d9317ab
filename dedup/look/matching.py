"""Take away what an honest copy may have changed everywhere: blur, sub-pixel shift, tone, color.

What is left is a codec's error, or a difference. All fits look at a sample and forget what does not fit.
"""

from functools import partial

import cv2
import numpy as np

from ..proof.planes import Grey, Matrix, Plane, slopes
from .geometry import Size
from .resampling import Filter, onto
from .robust import DEVIATION, Indices, fit, sample

# Taps of the kernel between both, and pixels that it is fitted to: random ones, of which the steep ones,
# some flat ones and the very steepest are taken.
_TAPS = 7
_CANDIDATES, _STEEP, _FLAT, _STEEPEST = 60_000, 6_000, 3_000, 3_000
# How strongly the kernel is drawn to none at all, in shares of its design's mean energy.
_KERNEL_RIDGE, _CHROMA_RIDGE = 2e-5, 1e-4
_MIDDLE, _OFFSET = 128, 64
_STEEPNESS_BINS = 8

_TONE_PIXELS, _CHROMA_PIXELS = 16_000, 10_000
_TONE_RIDGE = (5e-5, 1e-3, 2.5e-3, 2.5e-3)
_LEAST_TONE, _MOST_TONE = 0.25, 60  # levels

# Pixels of the part on which filters are compared; the usual one is kept unless another leaves 1.5 % less.
_PART = 384
_CLEARLY_LESS = 0.985
_FEW = 3  # of the pixels that a kernel is fitted to, one in so many is enough to compare filters
_FILTERS = (Filter.BICUBIC, Filter.LANCZOS, Filter.BOX, Filter.BILINEAR, Filter.AREA)


def match_luma(finer: Plane, lesser: Plane) -> Plane:
    """Return the finer picture's brightness (h, w) as the lesser one would show it."""
    at, steep = _places(finer)
    kernel, _ = _kernel(finer, lesser, at, steep)
    weights = kernel[:-1].reshape(_TAPS, _TAPS).astype(np.float32)
    shown = cv2.filter2D(finer - _MIDDLE, cv2.CV_32F, weights, borderType=cv2.BORDER_REFLECT_101)
    blurred = np.asarray(shown + np.float32(_MIDDLE + _OFFSET * kernel[-1]), np.float32)
    return np.clip(_toned(blurred, lesser), 0, 255)


def _places(plane: Plane) -> tuple[Indices, Plane]:
    """Return flat indices of pixels that tell about a kernel, and how steep the picture is there."""
    height, width = plane.shape
    rim = _TAPS // 2
    inner = sample((height - 2 * rim) * (width - 2 * rim), _CANDIDATES)
    at = (inner // (width - 2 * rim) + rim) * width + inner % (width - 2 * rim) + rim
    levels = plane.ravel()
    across, down = levels[at + 1] - levels[at - 1], levels[at + width] - levels[at - width]
    steep = across * across + down * down
    is_steep = steep > np.quantile(steep, 0.8)
    most = np.argsort(steep, kind="stable")[-_STEEPEST:]
    kept = np.concatenate([np.flatnonzero(is_steep)[:_STEEP], np.flatnonzero(~is_steep)[:_FLAT], most])
    return at[kept], steep[kept]


def _kernel(finer: Plane, lesser: Plane, at: Indices, steep: Plane) -> tuple[Plane, Plane]:
    """Return the taps and the offset under which the finer picture comes near, and what they leave."""
    reach = np.arange(-(_TAPS // 2), _TAPS // 2 + 1)
    around = (reach[:, None] * finer.shape[1] + reach).ravel()
    design = np.empty((len(at), _TAPS**2 + 1), np.float32)
    design[:, :-1] = finer.ravel()[at[:, None] + around] - _MIDDLE
    design[:, -1] = _OFFSET
    prior = np.zeros(_TAPS**2 + 1)
    prior[_TAPS**2 // 2] = 1
    ridge = np.full(len(prior), _KERNEL_RIDGE * float(np.square(design).sum()) / len(prior))
    numbers, left = fit(
        design, lesser.ravel()[at] - _MIDDLE, prior, ridge, partial(_usual, order=np.argsort(steep))
    )
    return numbers.astype(np.float32), left


def _usual(error: Plane, order: Indices) -> Plane:
    """Return what is usual at each steepness: at the steepest places more is no outlier."""
    usual = np.empty(len(error), np.float32)
    for part in np.array_split(order, _STEEPNESS_BINS):
        usual[part] = 2.5 * DEVIATION * np.median(error[part]) + 0.5
    return usual


def _toned(shown: Plane, lesser: Plane) -> Plane:
    """Bend the tones by a cubic curve, as the flat places want it, so that no edge bends it."""
    across, down = slopes(shown)
    at = sample(shown.size, _TONE_PIXELS)
    steep = across.ravel()[at] ** 2 + down.ravel()[at] ** 2
    at = at[steep <= np.quantile(steep, 0.6)]
    levels = shown.ravel()[at]
    design = np.stack([(levels / 128 - 1) ** power for power in range(4)], 1)
    numbers, _ = fit(
        design,
        lesser.ravel()[at] - levels,
        np.zeros(4),
        np.array(_TONE_RIDGE) * len(at),
        lambda error: float(2 * DEVIATION * np.median(error) + 0.4),
    )
    table = np.polyval(numbers[::-1], np.arange(256) / 128 - 1)
    if np.abs(table).max() < _LEAST_TONE:
        return shown
    c = numbers.astype(np.float32)
    t = np.clip(shown, 0, 255) / np.float32(128) - np.float32(1)
    moved = np.clip(c[0] + t * (c[1] + t * (c[2] + t * c[3])), -_MOST_TONE, _MOST_TONE)
    return np.asarray(shown + moved, np.float32)


def chroma_error(finer: list[Plane], lesser: list[Plane], luma: Plane) -> list[Plane]:
    """Return what is left of Cr and Cb, each (h, w), after a fit of 3 x 3 pixels, the other and luma."""
    height, width = luma.shape
    inner = sample((height - 2) * (width - 2), _CHROMA_PIXELS)
    at = (inner // (width - 2) + 1) * width + inner % (width - 2) + 1
    return [_one_chroma(finer[c], finer[1 - c], lesser[c], luma, at) for c in (0, 1)]


def _one_chroma(own: Plane, other: Plane, lesser: Plane, luma: Plane, at: Indices) -> Plane:
    width = luma.shape[1]
    around = (np.arange(-1, 2)[:, None] * width + np.arange(-1, 2)).ravel()
    own, other, target = own - _MIDDLE, other - _MIDDLE, lesser - _MIDDLE
    design = np.full((len(at), 12), 8, np.float32)
    design[:, :9] = own.ravel()[at[:, None] + around]
    design[:, 9], design[:, 10] = other.ravel()[at], (luma.ravel()[at] - _MIDDLE) / 8
    prior = np.zeros(12)
    prior[4] = 1
    ridge = np.full(12, _CHROMA_RIDGE * float(np.square(design).sum()) / 12 + 50)
    numbers, _ = fit(
        design,
        target.ravel()[at],
        prior,
        ridge,
        lambda error: float(2.5 * DEVIATION * np.median(error) + 0.4),
    )
    k = numbers.astype(np.float32)
    shown = cv2.filter2D(own, cv2.CV_32F, k[:9].reshape(3, 3), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(target - shown - k[9] * other - k[10] / 8 * (luma - _MIDDLE) - k[11] * 8, np.float32)


def best_filter(finer: Grey, matrix: Matrix, lesser: Grey) -> Filter:
    """Return the filter that a smaller copy was made with: what leaves least on its most textured part.

    finer: (h, w, 3). matrix: from points of the lesser (h, w) grey picture to points of the finer.
    """
    x, y, side = _textured_part(lesser)
    part = np.asarray(lesser[y : y + side, x : x + side], np.float32)
    there = matrix @ np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])
    left = [_left_by(finer, there, part, kind) for kind in _FILTERS]
    best = int(np.argmin(left))
    return _FILTERS[best] if left[best] < _CLEARLY_LESS * left[0] else _FILTERS[0]


def _textured_part(picture: Grey) -> tuple[int, int, int]:
    height, width = picture.shape
    side = min(_PART, height, width)
    rows, columns = ({0, (length - side) // 2, length - side} for length in (height, width))
    spots = [(x, y) for y in sorted(rows) for x in sorted(columns)]

    def texture(spot: Size) -> float:
        x, y = spot
        part = picture[y : y + side : 2, x : x + side : 2].astype(np.float32)
        return float(np.abs(np.diff(part, axis=1)).mean())

    return *max(spots, key=texture), side


def _left_by(finer: Grey, matrix: Matrix, part: Plane, kind: Filter) -> float:
    shown = onto(finer, matrix, (part.shape[1], part.shape[0]), kind)
    grey = np.asarray(cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY), np.float32)
    at, steep = _places(grey)
    at, steep = at[::_FEW], steep[::_FEW]
    _, left = _kernel(grey, part, at, steep)
    error = np.abs(left)
    return float(np.minimum(error, 2 * _usual(error, np.argsort(steep))).mean())
