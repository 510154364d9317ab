"""What happened to light and color between two aligned pictures: the alignment itself is blind to both."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from .picture import Picture
from .planes import Matrix, Plane, scaling, warp

# A pixel is part of the common part when the map's interpolation takes it from inside.
_INSIDE = 0.99
_MIN_PIXELS = 64
# Share of pixels, the worst, that a color comparison forgets: stamps, highlights, fringes.
_FORGOTTEN = 0.1
# Levels below which spread and color are noise, so that ratios stay tame.
_NOISE = 1.5


@dataclass(frozen=True, slots=True)
class Toning:
    """How b differs from a where both show the same.

    color: mean difference of hue and saturation, in levels, after the best change of all colors alike.
    brightness: levels by which b is brighter. contrast, saturation: b's spread and colorfulness by a's.
    """

    color: float = 0.0
    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0


def toning(a: Picture, b: Picture, matrix: Matrix) -> Toning:
    """Compare the colors of a and b; matrix: from a's thumbnail to b's."""
    height, width = a.color.shape[:2]
    height_b, width_b = b.color.shape[:2]
    to_a = scaling(a.sheet.size[0] / width, a.sheet.size[1] / height)
    to_b = scaling(width_b / b.sheet.size[0], height_b / b.sheet.size[1])
    inner = np.asarray(to_b @ matrix @ to_a, np.float64)
    inside = warp(np.ones((height_b, width_b), np.float32), inner, width, height) > _INSIDE
    if np.count_nonzero(inside) < _MIN_PIXELS:
        return Toning()
    light_a, *chroma_a = (each[inside] for each in _channels(a.color))
    light_b, *chroma_b = (warp(each, inner, width, height)[inside] for each in _channels(b.color))
    both = np.stack(chroma_a, 1), np.stack(chroma_b, 1)
    return Toning(
        color=_unexplained(*both),
        brightness=float(light_b.mean() - light_a.mean()),
        contrast=_ratio(float(light_b.std()), float(light_a.std())),
        saturation=_ratio(*(float(np.hypot(*each.T).mean()) for each in reversed(both))),
    )


def _channels(color: npt.NDArray[np.uint8]) -> list[Plane]:
    """Return brightness and how far from grey in red and blue; smoothed, thumbnails keep it coarse."""
    planes = np.asarray(cv2.cvtColor(color, cv2.COLOR_RGB2YCrCb), np.float32)
    planes = np.asarray(cv2.blur(planes, (3, 3)), np.float32)
    return [
        np.ascontiguousarray(planes[..., channel]) - grey for channel, grey in ((0, 0), (1, 128), (2, 128))
    ]


def _ratio(b: float, a: float) -> float:
    return (b + _NOISE) / (a + _NOISE)


def _unexplained(a: Plane, b: Plane) -> float:
    """Return the mean length of a - (gain * b + tint), gain >= 0, from the richer colors to the poorer.

    One change of saturation and one tint of the whole picture are edits; a shirt in another color on the
    same drawing is another picture.
    """
    a, b = a - a.mean(0), b - b.mean(0)
    if np.square(a).sum() > np.square(b).sum():
        a, b = b, a
    gain = max(0.0, float((a * b).sum() / max(float(np.square(b).sum()), 1e-6)))
    left = np.sort(np.hypot(*(a - gain * b).T))
    return float(left[: max(1, round(len(left) * (1 - _FORGOTTEN)))].mean())
