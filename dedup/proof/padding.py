"""Flat padding around a picture is no part of it: black corners of a turn, bars, borders."""

import cv2
import numpy as np
import numpy.typing as npt

from .picture import Sheet
from .planes import Grey, Matrix, inverted, scaling, shrink, warp

Mask = npt.NDArray[np.bool_]

# Long side of the mask, pixels: enough to see a wedge of padding.
_MASK_SIDE = 96
# Levels around the corner's own that count as the same flat color: JPEG noise, but no sky.
_FLAT = 8
# Pixels around padding that belong to it in part.
_SEAM = np.ones((3, 3), np.uint8)

# What fills the surroundings of a framed picture: one grey, give or take JPEG noise, or a blur.
_GREY, _ONE_GREY, _BLURRED = 4, 0.65, 0.12
_MIN_AROUND = 100  # pixels of the thumbnail


def containment_without_padding(
    a: Sheet, b: Sheet, matrix: Matrix, overlap_a: float, overlap_b: float
) -> float:
    """Return how far one of the pictures, its flat padding left out, lies in the other, in [0, 1].

    matrix: from a to b. overlap_a, overlap_b: the shares of each that the other shows.
    """
    return max(
        overlap_without_padding(a, b, matrix, overlap_a),
        overlap_without_padding(b, a, inverted(matrix), overlap_b),
    )


def overlap_without_padding(shown: Sheet, other: Sheet, matrix: Matrix, overlap: float) -> float:
    """Return the share of a picture, its flat padding left out, that the other one shows.

    A picture turned by 25 degrees on its canvas loses corners and gains black ones: all that it shows
    still lies in the original. matrix: from shown to other. overlap: the share with the padding.
    """
    scale = min(1.0, _MASK_SIDE / max(shown.size))
    width, height = (max(1, round(side * scale)) for side in shown.size)
    ones = np.ones((other.size[1], other.size[0]), np.float32)
    to_sheet = scaling(shown.size[0] / width, shown.size[1] / height)
    outside = warp(ones, matrix @ to_sheet, width, height) <= 0
    count = int(np.count_nonzero(outside))
    if not count:
        return overlap
    padding = _padding(shrink(shown.grey, width, height))
    return 1 - (1 - overlap) * (1 - int(np.count_nonzero(outside & padding)) / count)


def surround(shown: Sheet, other: Sheet, matrix: Matrix) -> float:
    """Return the share of a picture that lies around the other one and is no picture, in [0, 1].

    Borders, letterboxes, the bars of a screenshot, a caption: around a framed picture one level of grey
    fills most (71 % and more on 22 pictures each), or a blurred enlargement does, with hardly any of
    the picture's detail. Around a crop lies picture. matrix: from shown to other.
    """
    width, height = shown.size
    ones = np.ones((other.size[1], other.size[0]), np.float32)
    inside = warp(ones, matrix, width, height) > 0
    outside = cv2.erode((~inside).astype(np.uint8), _SEAM, iterations=2) > 0
    count = int(np.count_nonzero(outside))
    if count < _MIN_AROUND or not inside.any():
        return 0.0
    levels = np.bincount(shown.grey[outside], minlength=256)
    commonest = np.convolve(levels, np.ones(2 * _GREY + 1, np.int64), "same").max()
    if commonest < _ONE_GREY * count and _detail(shown.grey, outside) > _BLURRED * _detail(
        shown.grey, inside
    ):
        return 0.0
    return 1 - float(inside.mean())


def _detail(grey: Grey, where: Mask) -> float:
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F))[where].mean())


def _padding(grey: Grey) -> Mask:
    """Return which pixels belong to a flat region at a corner."""
    height, width = grey.shape
    filled = np.zeros((height + 2, width + 2), np.uint8)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (1 << 8)
    for corner in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)):
        cv2.floodFill(grey, filled, corner, 0, _FLAT, _FLAT, flags)
    return np.asarray(cv2.dilate(filled[1:-1, 1:-1], _SEAM), np.bool_)
