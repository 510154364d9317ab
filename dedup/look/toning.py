"""By how much one picture is lighter, harder or more colorful than the other, where they show the same."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..proof.planes import Grey, Plane
from .robust import DEVIATION, forgetting, median

# Pixels of a cell, fewer in pictures that would have too few.
_CELL, _ENOUGH = 8, 1000
_ROUNDS = 4
_BANDS, _FEWEST = 5, 12
# Levels squared below which there is no contrast or color to compare.
_FLAT, _COLORLESS = 9.0, 9.0
_MOST = 50.0

# All that JPEG 30 to 85, WebP, AVIF, palettes, resizes and messengers did to 285 copies is within: at most
# 1 level of brightness, 1.016 of contrast, 1.069 of saturation, 2 levels of curve, 1.02 of tint. Of 198
# edits of tone and color all but two are not, and those had changed nothing.
BRIGHTNESS_BY_CODECS = 2.0
CONTRAST_BY_CODECS = 1.05
SATURATION_BY_CODECS = 1.1
CURVE_BY_CODECS = 3.0
TINT_BY_CODECS = 1.5


@dataclass(frozen=True, slots=True)
class Toning:
    """What was done to all of a picture.

    brightness: levels of 255 by which the second is lighter. contrast, saturation: factors, in [1/50, 50].
    curve: the most levels by which any fifth of the tones was moved. tint: levels by which Cr or Cb was.
    """

    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    curve: float = 0.0
    tint: float = 0.0

    @property
    def is_plain(self) -> bool:
        """Whether saving and resizing explain it; if not, one of them is an edit or another exposure."""
        return (
            abs(self.brightness) <= BRIGHTNESS_BY_CODECS
            and _is_within(self.contrast, CONTRAST_BY_CODECS)
            and _is_within(self.saturation, SATURATION_BY_CODECS)
            and self.curve <= CURVE_BY_CODECS
            and self.tint <= TINT_BY_CODECS
        )

    def reversed(self) -> "Toning":
        """Return the same from the other picture's side."""
        return Toning(-self.brightness, 1 / self.contrast, 1 / self.saturation, self.curve, self.tint)


def _is_within(factor: float, limit: float) -> bool:
    return 1 / limit <= factor <= limit


def toning(first: Grey, second: Grey) -> Toning:
    """Compare two pictures that lie on each other, (h, w, 3) Y, Cr, Cb."""
    a, b = _cells(first), _cells(second)
    weight = _weights(a, b)
    moved = b[0] - a[0]
    saturation = _ratio(a[1:] - 128, b[1:] - 128, weight, _COLORLESS)
    tints = b[1:] - 128 - np.float32(saturation) * (a[1:] - 128)
    return Toning(
        brightness=median(moved),
        contrast=_ratio(_centered(a[:1], weight), _centered(b[:1], weight), weight, _FLAT),
        saturation=saturation,
        curve=_curve(a[0] + b[0], moved),
        tint=max(abs(median(each)) for each in tints),
    )


def _cells(picture: Grey) -> Plane:
    """Return the means of cells, (3, n): a codec's error and a filter's blur are gone from them."""
    height, width = picture.shape[:2]
    cell = _CELL if height * width >= _ENOUGH * _CELL**2 else _CELL // 2
    size = max(1, width // cell), max(1, height // cell)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).reshape(-1, 3).T


def _weights(a: Plane, b: Plane) -> Plane:
    """Return how well each cell agrees with a line from a's tones to b's: what differs has no say."""
    weight = np.ones(a.shape[1], np.float32)
    for _ in range(_ROUNDS):
        x, y = (_centered(each[0], weight) for each in (a, b))
        slope = float((weight * x * y).sum() / ((weight * x * x).sum() + 1))
        left = y - np.float32(slope) * x
        usual = np.float32(3 * DEVIATION * median(np.abs(left)) + 1)
        weight = forgetting(np.asarray(left / usual, np.float32)) + np.float32(1e-6)
    return weight


def _centered(plane: Plane, weight: Plane) -> Plane:
    return np.asarray(plane - np.float32(np.average(plane.reshape(-1), weights=weight)), np.float32)


def _ratio(a: Plane, b: Plane, weight: Plane, floor: float) -> float:
    """Return how much larger b (k, n) is than a; 1 where both are next to nothing."""
    energies = [float((weight * each * each).sum() / weight.sum()) + floor for each in (a, b)]
    return float(np.clip(np.sqrt(energies[1] / energies[0]), 1 / _MOST, _MOST))


def _curve(tones: Plane, moved: Plane) -> float:
    parts = np.array_split(np.argsort(tones, kind="stable"), _BANDS)
    return max((abs(median(moved[part])) for part in parts if len(part) >= _FEWEST), default=0.0)
