"""One picture on the grid of the other: what a program that made it smaller would have computed."""

from enum import Enum

import cv2
import numpy as np
from PIL import Image

from ..proof.planes import Grey, Matrix, shifted
from .geometry import Size, scale_of, turned, upright


class Filter(Enum):
    """How a picture is made smaller; all but AREA are Pillow's, whose box leaves pixels out."""

    BICUBIC = Image.Resampling.BICUBIC
    LANCZOS = Image.Resampling.LANCZOS
    BOX = Image.Resampling.BOX
    BILINEAR = Image.Resampling.BILINEAR
    AREA = None


# Pixels of the source by which a box may miss being straight, or lie outside of the picture.
_STRAIGHT, _OUTSIDE = 0.02, 0.05
# From here on a warp, which looks at 4 x 4 pixels, would leave some out.
_SHRINKS = 1.15
# Pixels of the result over which the widest filter looks to one side (Lanczos).
_REACH = 3


def onto(picture: Grey, matrix: Matrix, size: Size, kind: Filter = Filter.BICUBIC) -> Grey:
    """Return a picture (h, w) or (h, w, 3) on a grid of this (width, height).

    matrix: from points of the grid to points of the picture. Straight maps, turned by quarters or mirrored
    too, are resized with an antialiasing filter of this kind; others are warped.
    """
    turn = upright(matrix, _size(picture))
    picture, matrix = turned(picture, turn), turn @ matrix
    matrix = matrix / matrix[2, 2]
    box = _straight_box(matrix, size, _size(picture))
    shown = None if box is None else _resized(picture, box, size, kind)
    return _warped(picture, matrix, size, kind) if shown is None else shown


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


def _resized(picture: Grey, box: _Part, size: Size, kind: Filter) -> Grey | None:
    """Resize a box of a picture; None where OpenCV, which knows no boxes, would have to."""
    is_whole = np.abs(np.subtract(box, (0, 0, *_size(picture)))).max() < 0.01
    if is_whole and _size(picture) == size:
        return picture
    if kind.value is not None:
        part, box = _cut(picture, box, size)
        return np.asarray(Image.fromarray(part).resize(size, kind.value, box=box), np.uint8)
    return _shrunk(picture, size, kind) if is_whole else None


def _cut(picture: Grey, box: _Part, size: Size) -> tuple[Grey, _Part]:
    """Return what a filter sees of a picture: copying all of it for a part takes longer than to resize."""
    margins = [int(_REACH * max(1.0, (box[i + 2] - box[i]) / size[i])) + 2 for i in (0, 1)]
    left, upper = (max(0, int(box[i]) - margins[i]) for i in (0, 1))
    right, lower = int(box[2]) + margins[0], int(box[3]) + margins[1]
    part = np.ascontiguousarray(picture[upper:lower, left:right])
    return part, (box[0] - left, box[1] - upper, box[2] - left, box[3] - upper)


def _shrunk(picture: Grey, size: Size, kind: Filter) -> Grey:
    if kind.value is None:
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(Image.fromarray(picture).resize(size, kind.value), np.uint8)


def _warped(picture: Grey, matrix: Matrix, size: Size, kind: Filter) -> Grey:
    scale = scale_of(matrix)
    if scale > _SHRINKS:
        width, height = _size(picture)
        small = max(1, round(width / scale)), max(1, round(height / scale))
        picture = _shrunk(picture, small, kind)
        matrix = np.diag([small[0] / width, small[1] / height, 1.0]) @ matrix
    shown = cv2.warpPerspective(
        picture,
        shifted(matrix, -0.5),
        size,
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(shown, np.uint8)


def _size(picture: Grey) -> Size:
    return picture.shape[1], picture.shape[0]
