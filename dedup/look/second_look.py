"""A second look at two proven copies, at full size: what differs beyond what saving them explains."""

from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

from ..proof.memory import is_lack_of_memory
from ..proof.planes import Grey, Matrix, Plane, inverted, scaling
from . import Box
from .channels import Leftover
from .codec import Codec
from .expected import CELL, CHROMA_LIMITS, LUMA_LIMITS, Channel, scores
from .geometry import Size, aligned, corners, mapped, scale_of, turned, upright
from .matching import best_filter
from .places import DOUBTFUL, connected, shares, spread_over
from .resampling import Filter, onto
from .toning import Toning, toning

# Pixels of the lesser picture's longer side. At 1,024 a mole of 7 pixels was lost, at 2,048 nothing. One
# that is hardly larger is left alone.
_SIDE, _HARDLY_LARGER = 2048, 1.1
# A whole number of pixels is averaged in a tenth of the time; up to this much more may go for it.
_WHOLE_STEPS = 1.15
_LEAST_SIDE = 48
# Scales this near are one size: the file of fewer bytes is the lesser then.
_SAME_SIZE, _SHRUNK = 0.015, 1.02
# Pixels by which no kernel tells one grid from another at an edge.
_MISFIT, _MISFIT_RESIZED = 0.05, 0.12
# Below this score it is asked whether WebP explains it, which smears corners: encoding it takes long.
_CERTAIN = 3.0
_LEAST_DETAIL = 0.01


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What differs between a and b.

    score: 1 and above where something does, from 0.8 on where something may; None if no look could be
    taken, and failed says why. places_a, places_b: where, in shares of each, the strongest first, at most
    20. lesser: the picture with fewer pixels of the scene, or fewer bytes. toning: from a to b, over all of
    the picture. detail: from a to b, how much of the finer detail is left, above 1 where there is more.
    """

    score: float | None
    places_a: tuple[Box, ...] = ()
    places_b: tuple[Box, ...] = ()
    lesser: Literal["a", "b"] = "b"
    toning: Toning = field(default_factory=Toning)
    detail: float = 1.0
    failed: str = ""


def second_look(a: Grey, b: Grey, matrix: Matrix, bytes_a: int, bytes_b: int) -> SecondLook:
    """Look for what differs between two pictures, (h, w, 3) uint8 RGB as displayed, both at full size.

    matrix: from points of a to points of b, good to a few pixels of a thumbnail. bytes_a, bytes_b: sizes of
    the files. The answer is the same from both sides. Never raises for what is in the pictures.

    Raises:
        MemoryError: there is not enough.
    """
    try:
        return _looked(a, b, np.asarray(matrix, np.float64), bytes_a, bytes_b)
    except (cv2.error, np.linalg.LinAlgError, ArithmeticError, ValueError) as error:
        if is_lack_of_memory(error):
            raise MemoryError from error
        return SecondLook(None, failed=f"could not be computed: {type(error).__name__}")


def _looked(a: Grey, b: Grey, matrix: Matrix, bytes_a: int, bytes_b: int) -> SecondLook:
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:2, :2])) < 1e-6:
        return SecondLook(None, failed="the map between them is none")
    if _is_lesser_b(a, b, scale_of(matrix), bytes_a - bytes_b):
        shared = _on_one_grid(b, a, inverted(matrix))
        lesser: Literal["a", "b"] = "b"
    else:
        shared = _on_one_grid(a, b, matrix)
        lesser = "a"
    if isinstance(shared, str):
        return SecondLook(None, failed=shared)
    tones = toning(shared.finer, shared.lesser)
    score, detail = _score(shared)
    found = connected(score)
    boxes = [tuple(CELL * side for side in place.box) for place in found]
    in_lesser = tuple(shares((x, y, w, h), shared.to_lesser, shared.lesser_size) for x, y, w, h in boxes)
    in_finer = tuple(shares((x, y, w, h), shared.to_finer, shared.finer_size) for x, y, w, h in boxes)
    in_a, in_b = (in_lesser, in_finer) if lesser == "a" else (in_finer, in_lesser)
    detail = min(max(detail, _LEAST_DETAIL), 1 / _LEAST_DETAIL)
    if lesser == "a":
        tones, detail = tones.reversed(), 1 / detail
    return SecondLook(max(0.0, float(score.max())), in_a, in_b, lesser, tones, detail)


def _is_lesser_b(a: Grey, b: Grey, scale: float, more_bytes: int) -> bool:
    """Return whether b shows the scene with fewer pixels, or in fewer bytes; the same from both sides."""
    if abs(np.log(scale)) > _SAME_SIZE:
        return bool(scale < 1)
    # Of two that are alike in that, any order will do that does not go by the order in which they came.
    return more_bytes > 0 or (more_bytes == 0 and a.tobytes() > b.tobytes())


@dataclass(frozen=True, slots=True)
class _Shared:
    """What both pictures show, on the lesser's grid: Y, Cr, Cb (h, w, 3) uint8.

    to_lesser, to_finer: from points of the grid to those of the pictures as they came, of these sizes.
    """

    lesser: Grey
    finer: Grey
    to_lesser: Matrix
    to_finer: Matrix
    lesser_size: Size
    finer_size: Size

    @property
    def is_resized(self) -> bool:
        """Whether the finer picture had to be made smaller."""
        return scale_of(self.to_finer) > _SHRUNK


def _on_one_grid(lesser: Grey, finer: Grey, matrix: Matrix) -> _Shared | str:
    """Align both and cut out what they share; a reason where that is too little."""
    small, step = _limited(lesser)
    turn = upright(matrix @ step, _size(finer))
    straight = turned(finer, turn)
    grey, finer_grey = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (small, straight))
    there = aligned(np.asarray(grey, np.uint8), np.asarray(finer_grey, np.uint8), turn @ matrix @ step)
    left, upper, right, lower = _common(there, _size(small), _size(straight))
    if min(right - left, lower - upper) < _LEAST_SIDE:
        return "they share too few pixels"
    corner = np.array([[1, 0, left], [0, 1, upper], [0, 0, 1.0]])
    part = small[upper:lower, left:right]
    if small is not lesser or scale_of(matrix) < _SHRUNK:
        kind = Filter.AREA  # both are shrunk here if at all, and in the same way
    else:
        kind = best_filter(
            np.asarray(finer_grey, np.uint8),
            there @ corner,
            np.asarray(grey[upper:lower, left:right], np.uint8),
        )
    shown = onto(straight, there @ corner, _size(part), kind)
    return _Shared(
        lesser=_luma_and_chroma(part),
        finer=_luma_and_chroma(shown),
        to_lesser=step @ corner,
        to_finer=inverted(turn) @ there @ corner,
        lesser_size=_size(lesser),
        finer_size=_size(finer),
    )


def _luma_and_chroma(picture: Grey) -> Grey:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2YCrCb), np.uint8)


def _limited(picture: Grey) -> tuple[Grey, Matrix]:
    """Return a picture of about 2,048 pixels a side if it has more, and the map from its points."""
    width, height = _size(picture)
    shrink = max(width, height) / _SIDE
    if shrink <= _HARDLY_LARGER:
        return picture, np.eye(3)
    shrink = np.ceil(shrink) if np.ceil(shrink) < _WHOLE_STEPS * shrink else shrink
    small = round(width / shrink), round(height / shrink)
    shown = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    return np.asarray(shown, np.uint8), scaling(width / small[0], height / small[1])


def _common(matrix: Matrix, size: Size, other: Size) -> tuple[int, int, int, int]:
    """Return left, upper, right, lower of what the second picture shows of the first, whole pixels."""
    inside = np.sort(mapped(inverted(matrix), corners(other)), 0)
    left, upper = np.maximum(0, np.ceil(inside[1] - 0.02)).astype(int)
    right, lower = np.minimum(size, np.floor(inside[2] + 0.02)).astype(int)
    return int(left), int(upper), int(right), int(lower)


def _score(shared: _Shared) -> tuple[Plane, float]:
    """Return how far each cell of 4 x 4 pixels comes, 1 and above differs, and how much detail is kept."""
    if np.array_equal(shared.lesser, shared.finer):
        return np.zeros((1, 1), np.float32), 1.0
    left = Leftover.of(shared.lesser, shared.finer, _MISFIT_RESIZED if shared.is_resized else _MISFIT)
    saved = left.saved_by(Codec.JPEG)
    score = _highest(left.channels(saved))
    if DOUBTFUL <= score.max() < _CERTAIN:
        score = _highest(left.channels(saved + left.saved_by(Codec.WEBP)))
    return score, left.detail


def _highest(channels: list[Channel]) -> Plane:
    """Return the highest score of all windows of all channels that a cell of brightness lies in."""
    highest = np.zeros_like(channels[0].mean)
    for channel, limits in zip(channels, (LUMA_LIMITS, CHROMA_LIMITS, CHROMA_LIMITS), strict=True):
        for limit, found in scores(channel, limits):
            every = spread_over(found, limit.cells)
            if every.shape != highest.shape:
                every = np.repeat(np.repeat(every, 2, 0), 2, 1)
            highest = np.maximum(highest, every)
    return highest


def _size(picture: Grey) -> Size:
    return picture.shape[1], picture.shape[0]
