"""Where two aligned pictures differ, for people who look: a stamp, a line of text, somebody who left."""

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from .evidence import Box, Evidence
from .measure import BLOCK, Blocks, compare_blocks
from .picture import Picture
from .planes import Matrix, warp
from .transform import details_differ

MOST_PLACES = 5  # a person looks at no more, and the list stays small
_STEP = BLOCK // 2
# Another digit leaves a block of text 0.85 of its correlation, the same page re-saved or resized 0.94; what
# blurs all of a page takes so much of every block that only a multiple of it is a difference.
_LOST, _MORE = 0.08, 3.0


def differing_blocks(a: Picture, b: Picture, evidence: Evidence) -> list[Box]:
    """Return the blocks of a that b shows differently: x, y, width, height as shares of a, row by row.

    Looked at in the whole thumbnail, twice as closely as the proof does: a changed word is a small thing.
    Blocks that overlap are all given. Empty when no map was found.
    """
    if evidence.how == "none":
        return []
    width, height = a.sheet.size
    return [
        (_STEP * int(x) / width, _STEP * int(y) / height, BLOCK / width, BLOCK / height)
        for y, x in zip(*np.nonzero(_differing(a, b, evidence)), strict=True)
    ]


def with_places(a: Picture, b: Picture, evidence: Evidence) -> Evidence:
    """Return the evidence of a copy with the places where it differs, if that is worth a look."""
    if evidence.verdict != "copy" or not (evidence.page or details_differ(evidence)):
        return evidence
    found = _places(_differing(a, b, evidence))
    matrix = np.array(evidence.matrix).reshape(3, 3)
    return replace(
        evidence,
        differs=tuple(_shares(corners, a.sheet.size) for corners in found),
        differs_b=tuple(_shares(_mapped(corners, matrix), b.sheet.size) for corners in found),
    )


def _differing(a: Picture, b: Picture, evidence: Evidence) -> npt.NDArray[np.bool_]:
    """Return which blocks of a, (rows, columns) at half a block's distance, b shows differently."""
    width, height = a.sheet.size
    matrix = np.array(evidence.matrix).reshape(3, 3)
    ones = np.ones((b.sheet.size[1], b.sheet.size[0]), np.float32)
    cover = (np.asarray(warp(ones, matrix, width, height)) > 0.99).astype(np.uint8)
    # At its edge a picture was blended with nothing.
    cover = np.asarray(cv2.erode(cover, np.ones((5, 5), np.uint8)), np.uint8)
    shown = warp(b.sheet.grey.astype(np.float32), matrix, width, height)
    blocks = compare_blocks(a.sheet.grey.astype(np.float32), shown, cover > 0)
    return _unlike(blocks) if evidence.page else blocks.differ


def _unlike(blocks: Blocks) -> npt.NDArray[np.bool_]:
    """Return which blocks of a page differ: those that are less alike than compression makes the others."""
    if not blocks.textured.any():
        return blocks.textured
    lost = 1 - blocks.ncc
    usual = float(np.quantile(lost[blocks.textured], 0.9))
    return np.asarray(blocks.differ | (blocks.textured & (lost > max(_LOST, _MORE * usual))), np.bool_)


_Corners = npt.NDArray[np.float64]


def _places(differ: npt.NDArray[np.bool_]) -> list[_Corners]:
    """Return what hangs together as corners (left, top), (right, bottom) in pixels, the largest first."""
    if not differ.any():
        return []
    count, _, stats, _ = cv2.connectedComponentsWithStats(differ.astype(np.uint8))
    order = sorted(range(1, count), key=lambda each: (-int(stats[each, 4]), each))
    boxes = []
    for each in order[:MOST_PLACES]:
        x, y, width, height, _ = stats[each]
        right, bottom = x + width + 1, y + height + 1  # a block is two steps wide
        boxes.append(_STEP * np.array([[x, y], [right, bottom]], np.float64))
    return boxes


def _mapped(corners: _Corners, matrix: Matrix) -> _Corners:
    """Return the upright box around the four corners of one, as the matrix maps them."""
    (left, top), (right, bottom) = corners
    points = np.array([[left, top, 1], [right, top, 1], [left, bottom, 1], [right, bottom, 1]])
    there = points @ matrix.T
    there = there[:, :2] / there[:, 2:]
    return np.array([there.min(0), there.max(0)])


def _shares(corners: _Corners, size: tuple[int, int]) -> Box:
    (left, top), (right, bottom) = np.clip(corners / size, 0, 1)
    return tuple(round(float(each), 4) for each in (left, top, right - left, bottom - top))  # type: ignore[return-value]
