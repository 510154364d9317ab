"""A picture laid on the pixels of its copy: turned, shifted by whole pixels or resized."""

from dataclasses import dataclass
from math import ceil, floor

import cv2
import numpy as np

from ...indexer.decode.full import FullPicture, Kernel, resized
from ..proof.planes import Grey, Matrix, Plane, blur
from .geometry import aligned, scale_of, turned, upright, whole

# x0, y0, x1, y1 in whole pixels; the last ones outside.
Rect = tuple[int, int, int, int]

_TILT = 0.005  # sine of the turn that is left after quarter turns: above it nothing is upright
_SAME_SCALE = 0.008
_LEAST_SIDE = 48  # pixels both must show

# How far off, in pixels, the proof may be: a share of what a pixel of its thumbnails is at full size.
_SEARCH_SHARE, _LEAST_SEARCH, _MOST_SEARCH = 0.5, 4, 16
_SEARCH_SIDE = 448
_THUMBNAIL = 256
_HIGH_PASS = 2.0

_NEAR_WHOLE = 0.4  # pixels by which an edge may miss a whole one
_REACH = 3  # pixels that the widest kernel looks to either side


def snapped(a: FullPicture, b: FullPicture, matrix: Matrix) -> Matrix | None:
    """Return the map from a to b, both as displayed, to exactly the pixels that a program used.

    None where the pictures are tilted or bent against each other, or show too little in common.
    """
    exact = whole(matrix, a.size, b.size)
    if exact is not None:
        return exact
    turn = upright(matrix, b.size)
    straight = turn @ matrix
    if not _is_straight(straight):
        return None
    if np.abs(np.diag(straight)[:2] - 1).max() < _SAME_SCALE:
        shift = _shift(_grey(a), turned(_grey(b), turn), straight)
    else:
        fine = turn @ _refined(a, b, matrix)
        shift = (
            _on_edges(fine, a.size, b.size if turn[0, 0] else b.size[::-1]) if _is_straight(fine) else None
        )
    return None if shift is None else np.asarray(np.linalg.inv(turn) @ shift, np.float64)


def _is_straight(matrix: Matrix) -> bool:
    """Return whether an upright map has neither turn nor bend."""
    turn = max(abs(matrix[0, 1]) / matrix[1, 1], abs(matrix[1, 0]) / matrix[0, 0])
    return bool(turn < _TILT)


def _grey(picture: FullPicture) -> Grey:
    return np.asarray(cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def _refined(a: FullPicture, b: FullPicture, matrix: Matrix) -> Matrix:
    """Return the map as exactly as the pictures tell it; the lesser one leads."""
    if scale_of(matrix) > 1:
        return aligned(_grey(a), _grey(b), matrix)
    back = aligned(_grey(b), _grey(a), _inverse(matrix))
    return _inverse(back)


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _shift(a: Grey, b: Grey, matrix: Matrix) -> Matrix | None:
    """Return the shift by whole pixels that lays a on b, near to what the matrix says of their middle."""
    middle = np.array([a.shape[1] / 2, a.shape[0] / 2, 1])
    dx, dy = (round(float(moved)) for moved in (matrix @ middle)[:2] - middle[:2])
    x0, y0 = max(0, dx), max(0, dy)
    x1, y1 = min(b.shape[1], dx + a.shape[1]), min(b.shape[0], dy + a.shape[0])
    if min(x1 - x0, y1 - y0) < _LEAST_SIDE:
        return None
    side = max(*a.shape, *b.shape)
    far = int(np.clip(_SEARCH_SHARE * side / _THUMBNAIL, _LEAST_SEARCH, _MOST_SEARCH))
    left, right = _middle(x0 + far, x1 - far)
    upper, lower = _middle(y0 + far, y1 - far)
    if min(right - left, lower - upper) < _LEAST_SIDE // 2:
        return None
    part = _high_pass(b[upper:lower, left:right])
    room = _high_pass(a[upper - dy - far : lower - dy + far, left - dx - far : right - dx + far])
    found = cv2.matchTemplate(room, part, cv2.TM_CCOEFF_NORMED)
    _, _, _, at = cv2.minMaxLoc(found)
    return np.array([[1, 0, dx + far - at[0]], [0, 1, dy + far - at[1]], [0, 0, 1.0]])


def _middle(low: int, high: int) -> tuple[int, int]:
    """Return the middle of a range, as long as is searched for."""
    cut = max(0, high - low - _SEARCH_SIDE) // 2
    return low + cut, high - cut


def _high_pass(grey: Grey) -> Plane:
    plane = grey.astype(np.float32)
    return plane - blur(plane, _HIGH_PASS)


def _on_edges(matrix: Matrix, size: tuple[int, int], other: tuple[int, int]) -> Matrix:
    """Return an upright map of another scale with edges on whole pixels, axis by axis.

    A picture that lies within the other was resized to whole pixels and padded; one that contains it was
    cut out and resized.
    """
    snap = np.eye(3)
    for axis in (0, 1):
        scale, start = float(matrix[axis, axis]), float(matrix[axis, 2])
        end = start + scale * size[axis]
        if start > -_NEAR_WHOLE and end < other[axis] + _NEAR_WHOLE:
            start, end = _rounded(start), _rounded(end)
        elif start < _NEAR_WHOLE and end > other[axis] - _NEAR_WHOLE:
            low, high = _rounded(-start / scale), _rounded((other[axis] - start) / scale)
            scale = other[axis] / (high - low)
            start, end = -low * scale, (size[axis] - low) * scale
        snap[axis, axis], snap[axis, 2] = (end - start) / size[axis], start
    return snap


def _rounded(value: float) -> float:
    near = float(round(value))
    return near if abs(near - value) < _NEAR_WHOLE else value


@dataclass(frozen=True, slots=True)
class Placed:
    """A source in the axes of its target's `luma`.

    source: (h, w, 3) uint8, turned, and cut to what the target was made from. scale, offset: x and y of the
    source = scale * x and y of the target + offset, both from the corner. rect: pixels of the target that
    the source shows. to_source: the (3, 3) map from points of the target's `luma` to points of the source
    as displayed, source_size its width and height.
    """

    source: Grey
    source_size: tuple[int, int]
    target: FullPicture
    scale: tuple[float, float]
    offset: tuple[float, float]
    rect: Rect
    to_source: Matrix

    @property
    def is_resized(self) -> bool:
        """Whether the two differ in scale."""
        return max(abs(self.scale[0] - 1), abs(self.scale[1] - 1)) > 1e-6

    @property
    def is_all(self) -> bool:
        """Whether the source shows all of the target."""
        height, width = self.target.luma.shape
        return self.rect == (0, 0, width, height)

    def predict(self, rect: Rect, kernel: Kernel) -> Grey:
        """Return what the source shows in a rect of the target, (h, w, 3) uint8."""
        x0, y0, x1, y1 = rect
        if not self.is_resized:
            dx, dy = round(self.offset[0]), round(self.offset[1])
            return self.source[y0 + dy : y1 + dy, x0 + dx : x1 + dx]
        (left, right), (upper, lower) = (
            np.clip([start * scale + offset, end * scale + offset], 0, self.source.shape[1 - axis])
            for axis, (start, end, scale, offset) in enumerate(
                zip((x0, y0), (x1, y1), self.scale, self.offset, strict=True)
            )
        )
        far = ceil(_REACH * max(1.0, *self.scale)) + 2
        from_x, from_y = max(0, floor(left) - far), max(0, floor(upper) - far)
        part = self.source[from_y : ceil(lower) + far, from_x : ceil(right) + far]
        box = left - from_x, upper - from_y, right - from_x, lower - from_y
        return resized(part, (x1 - x0, y1 - y0), box, kernel)


def place(source: FullPicture, target: FullPicture, matrix: Matrix) -> Placed | None:
    """Lay a source on its target; None where they show too little in common.

    matrix: from the source to the target, both as displayed, as `snapped` gives it.
    """
    to_source = _inverse(target.to_stored @ matrix)
    turn = upright(to_source, source.size)
    straight = turn @ to_source
    pixels = turned(source.rgb, turn)
    height, width = target.luma.shape
    x, y = (_Axis.of(straight, axis, pixels.shape[1 - axis], (width, height)[axis]) for axis in (0, 1))
    rect = x.start, y.start, x.end, y.end
    if min(x.end - x.start, y.end - y.start) < _LEAST_SIDE // 2:
        return None
    pixels = pixels[y.cut, x.cut]
    return Placed(pixels, source.size, target, (x.scale, y.scale), (x.offset, y.offset), rect, to_source)


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of a straight map: what of the target is shown, and what of the source was used for it."""

    scale: float
    offset: float
    start: int
    end: int
    cut: slice

    @classmethod
    def of(cls, matrix: Matrix, axis: int, source: int, target: int) -> "_Axis":
        scale, offset = float(matrix[axis, axis]), float(matrix[axis, 2])
        start = max(0, ceil(-offset / scale - 1e-3))
        end = min(target, floor((source - offset) / scale + 1e-3))
        low, high = round(offset), round(offset + scale * target)
        # What was cut out before it was resized knows nothing beyond its edges.
        is_cut = abs(scale - 1) > 1e-6 and low >= 0 and high <= source
        is_cut &= max(abs(low - offset), abs(high - offset - scale * target)) < 1e-3
        cut = slice(low, high) if is_cut else slice(None)
        return cls(scale, offset - (low if is_cut else 0), start, end, cut)
