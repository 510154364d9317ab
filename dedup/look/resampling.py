"""One picture on the grid of the other: what a program that made it smaller would have computed."""

import cv2
import numpy as np
from PIL import Image

from ..proof.planes import Grey, Matrix, shifted
from .geometry import Size, scale_of, turned, upright

Filter = Image.Resampling
FILTERS = (Filter.BICUBIC, Filter.LANCZOS, Filter.BOX, Filter.BILINEAR)

# Pixels of the source by which a box may miss being straight, or lie outside of the picture.
_STRAIGHT, _OUTSIDE = 0.02, 0.05
# From here on a warp, which looks at 4 x 4 pixels, would leave some out.
_SHRINKS = 1.15


def onto(picture: Grey, matrix: Matrix, size: Size, kind: Filter = Filter.BICUBIC) -> Grey:
    """Return a picture (h, w) or (h, w, 3) on a grid of this (width, height).

    matrix: from points of the grid to points of the picture. Straight maps, turned by quarters or mirrored
    too, are resized with an antialiasing filter of this kind; others are warped.
    """
    turn = upright(matrix, (picture.shape[1], picture.shape[0]))
    picture, matrix = turned(picture, turn), turn @ matrix
    matrix = matrix / matrix[2, 2]
    box = _straight_box(matrix, size, (picture.shape[1], picture.shape[0]))
    return _warped(picture, matrix, size) if box is None else _resized(picture, box, size, kind)


_Part = tuple[float, float, float, float]


def _straight_box(matrix: Matrix, size: Size, source: Size) -> _Part | None:
    """Return left, upper, right, lower of what the grid shows of the source; None if it is no box."""
    (width, height), (m, limits) = size, (matrix, np.array([*source, *source], np.float64))
    bent = m[0, 1] * height, m[1, 0] * width, m[2, 0] * width * source[0], m[2, 1] * height * source[1]
    if np.abs(bent).max() >= _STRAIGHT or min(m[0, 0], m[1, 1]) <= 0:
        return None
    left, upper = m[0, 2], m[1, 2]
    box = np.array([left, upper, left + m[0, 0] * width, upper + m[1, 1] * height])
    near = np.clip(box, 0, limits)
    if np.abs(near - box).max() >= _OUTSIDE * max(m[0, 0], 1.0):
        return None
    return float(near[0]), float(near[1]), float(near[2]), float(near[3])


def _resized(picture: Grey, box: _Part, size: Size, kind: Filter) -> Grey:
    shape = picture.shape[1], picture.shape[0]
    if shape == size and np.abs(np.subtract(box, (0, 0, *size))).max() < 0.01:
        return picture
    return np.asarray(Image.fromarray(picture).resize(size, kind, box=box), np.uint8)


def _warped(picture: Grey, matrix: Matrix, size: Size) -> Grey:
    scale = scale_of(matrix)
    if scale > _SHRINKS:
        width, height = picture.shape[1], picture.shape[0]
        small = max(1, round(width / scale)), max(1, round(height / scale))
        picture = np.asarray(Image.fromarray(picture).resize(small, Filter.BICUBIC), np.uint8)
        matrix = np.diag([small[0] / width, small[1] / height, 1.0]) @ matrix
    shown = cv2.warpPerspective(
        picture,
        shifted(matrix, -0.5),
        size,
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(shown, np.uint8)
