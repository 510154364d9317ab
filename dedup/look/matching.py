"""Take away what an honest copy may have changed everywhere: blur, sub-pixel shift, tone, color.

What is left is a codec's error, or a difference. All fits look at a sample and forget what does not fit.
"""

from functools import lru_cache

import cv2
import numpy as np

from ..proof.planes import Grey, Matrix, Plane, slopes
from .geometry import Size
from .resampling import Filter, onto
from .robust import DEVIATION, Indices, fit, median, quantile, sample

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


def match_luma(finer: Plane, lesser: Plane) -> tuple[Plane, float]:
    """Return the finer picture's brightness (h, w) as the lesser one would show it, and the detail kept.

    The latter is how much of the finer picture's detail the lesser one shows: 1 for all of it. Blurring
    leaves less than saving anew does, sharpening more.
    """
    kernel, _ = _kernel(finer, lesser, *_places(finer))
    weights = kernel[:-1].reshape(_TAPS, _TAPS)
    shown = cv2.filter2D(finer - _MIDDLE, cv2.CV_32F, weights, borderType=cv2.BORDER_REFLECT_101)
    blurred = np.asarray(shown + np.float32(_MIDDLE + _OFFSET * kernel[-1]), np.float32)
    return np.clip(_toned(blurred, lesser), 0, 255), _detail_kept(weights)


# Cycles a pixel at which detail is compared: finer ones are the first that a codec drops.
_DETAIL = 0.2


def _detail_kept(weights: Plane) -> float:
    wave = np.cos(2 * np.pi * _DETAIL * np.arange(-(_TAPS // 2), _TAPS // 2 + 1))
    across, down = float(weights.sum(0) @ wave), float(weights.sum(1) @ wave)
    return (across + down) / (2 * max(float(weights.sum()), 0.1))


def _places(plane: Plane) -> tuple[Indices, Plane]:
    """Return flat indices of pixels that tell about a kernel, and how steep the picture is there."""
    height, width = plane.shape
    at, levels = _candidates(height, width), plane.ravel()
    across, down = levels[at + 1] - levels[at - 1], levels[at + width] - levels[at - width]
    steep = across * across + down * down
    is_steep = steep > quantile(steep, 0.8)
    kept = [
        np.flatnonzero(is_steep)[:_STEEP],
        np.flatnonzero(~is_steep)[:_FLAT],
        _highest(steep, _STEEPEST),
    ]
    chosen = np.concatenate(kept)
    return at[chosen], steep[chosen]


def _highest(values: Plane, most: int) -> Indices:
    """Return the indices of the highest values, of equal ones the later."""
    if len(values) <= most:
        return np.arange(len(values))
    limit = np.partition(values, len(values) - most)[len(values) - most]
    above, equal = np.flatnonzero(values > limit), np.flatnonzero(values == limit)
    return np.concatenate([above, equal[len(equal) - (most - len(above)) :]])


@lru_cache(maxsize=8)
def _candidates(height: int, width: int) -> Indices:
    """Return flat indices of a sample of the pixels that have all of a kernel around them."""
    rim = _TAPS // 2
    inner = sample((height - 2 * rim) * (width - 2 * rim), _CANDIDATES)
    return (inner // (width - 2 * rim) + rim) * width + inner % (width - 2 * rim) + rim


def _kernel(finer: Plane, lesser: Plane, at: Indices, steep: Plane) -> tuple[Plane, Plane]:
    """Return the taps and the offset under which the finer picture comes near, and what they leave.

    What is left is in the order of steepness.
    """
    at = at[np.argsort(steep)]
    reach = np.arange(-(_TAPS // 2), _TAPS // 2 + 1)
    around = (reach[:, None] * finer.shape[1] + reach).ravel()
    design = np.empty((len(at), _TAPS**2 + 1), np.float32)
    np.subtract(finer.ravel().take(at[:, None] + around), _MIDDLE, out=design[:, :-1])
    design[:, -1] = _OFFSET
    prior = np.zeros(_TAPS**2 + 1)
    prior[_TAPS**2 // 2] = 1
    energy = float(np.vdot(design, design))
    ridge = np.full(len(prior), _KERNEL_RIDGE * energy / len(prior))
    numbers, left = fit(design, lesser.ravel()[at] - _MIDDLE, prior, ridge, _usual)
    return numbers.astype(np.float32), left


def _usual(error: Plane) -> Plane:
    """Return what is usual at each steepness, by which errors are ordered: the steepest miss more."""
    usual = np.empty(len(error), np.float32)
    for part in np.array_split(np.arange(len(error)), _STEEPNESS_BINS):
        bin_ = slice(part[0], part[-1] + 1)
        usual[bin_] = 2.5 * DEVIATION * median(error[bin_]) + 0.5
    return usual


def _toned(shown: Plane, lesser: Plane) -> Plane:
    """Bend the tones by a cubic curve, as the flat places want it, so that no edge bends it."""
    across, down = slopes(shown)
    at = sample(shown.size, _TONE_PIXELS)
    steep = across.ravel()[at] ** 2 + down.ravel()[at] ** 2
    at = at[steep <= quantile(steep, 0.6)]
    levels = shown.ravel()[at]
    design = np.stack([(levels / 128 - 1) ** power for power in range(4)], 1).astype(np.float32)
    numbers, _ = fit(
        design,
        lesser.ravel()[at] - levels,
        np.zeros(4),
        np.array(_TONE_RIDGE) * len(at),
        lambda error: float(2 * DEVIATION * median(error) + 0.4),
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
        lambda error: float(2.5 * DEVIATION * median(error) + 0.4),
    )
    k = numbers.astype(np.float32)
    shown = cv2.filter2D(own, cv2.CV_32F, k[:9].reshape(3, 3), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(target - shown - k[9] * other - k[10] / 8 * (luma - _MIDDLE) - k[11] * 8, np.float32)


def best_filter(finer: Grey, matrix: Matrix, lesser: Grey) -> Filter:
    """Return the filter that a smaller copy was made with: what leaves least on its most textured part.

    Both are grey (h, w). matrix: from points of the lesser to points of the finer.
    """
    x, y, side = _textured_part(lesser)
    part = np.asarray(lesser[y : y + side, x : x + side], np.float32)
    there = matrix @ np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])
    shown = [np.asarray(onto(finer, there, _size(part), kind), np.float32) for kind in _FILTERS]
    at, steep = _places(shown[0])
    left = [_left_by(each, part, at[::_FEW], steep[::_FEW]) for each in shown]
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


def _left_by(shown: Plane, part: Plane, at: Indices, steep: Plane) -> float:
    error = np.abs(_kernel(shown, part, at, steep)[1])
    return float(np.minimum(error, 2 * _usual(error)).mean())


def _size(picture: Plane) -> Size:
    return picture.shape[1], picture.shape[0]
