"""Two pictures on one canvas, the second laid onto the first by the evidence of their proof."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ...dedup.proof import Evidence, Picture, differing_blocks
from ...dedup.proof.picture import fit
from ...dedup.proof.planes import Matrix, Plane, inverted, scaling, warp

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Color = tuple[int, int, int]

# Pixels. Of the canvas's longer side, and the least that small pictures are enlarged to.
LONG_SIDE, SHORT_SIDE = 1024, 512

# Less is mixed with what lies around.
_INSIDE = 0.99

# Of an enlarged pixel, what it is smeared by; enlarged by less, nothing is to be seen of it.
_SIGMA, _AS_COARSE = 0.5, 1.15

# A picture inside of a much larger one is still to be seen.
_MOST_AROUND = 2.5


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture on the common canvas.

    pixels: (h, w, 3). inside: (h, w), where there is something of it. coarse: pixels of the canvas for one
    of the picture, at least 1.
    """

    pixels: Pixels
    inside: Mask
    coarse: float = 1.0

    def on(self, color: Color) -> Pixels:
        """Return it with a color around."""
        return np.where(self.inside[..., None], self.pixels, np.array(color, np.uint8))

    @property
    def grey(self) -> Plane:
        """Its brightness, (h, w) float32."""
        return np.asarray(cv2.cvtColor(self.pixels, cv2.COLOR_RGB2GRAY), np.float32)

    def blurred(self, coarse: float) -> "Shown":
        """Return it as coarse as another one; what one of two cannot show is no difference."""
        if coarse <= _AS_COARSE * self.coarse:
            return self
        pixels = np.asarray(cv2.GaussianBlur(self.pixels, (0, 0), _SIGMA * coarse), np.uint8)
        return Shown(pixels, self.inside, coarse)


@dataclass(frozen=True, slots=True)
class View:
    """Both pictures on one canvas. differing: (h, w), where they show something else."""

    a: Shown
    b: Shown
    differing: Pixels

    @classmethod
    def of(cls, ours: Picture, theirs: Picture, originals: tuple[Pixels, Pixels], e: Evidence) -> "View":
        """Lay b onto a by their evidence. ours, theirs: thumbnails of a and b. originals: what is shown."""
        to_b = np.array(e.matrix).reshape(3, 3)
        frame = Frame.around(ours, theirs, to_b, max(max(each.shape) for each in originals))
        a = frame.show(originals[0], ours, np.eye(3), 1.0)
        b = frame.show(originals[1], theirs, to_b, e.scale)
        boxes = differing_blocks(ours, theirs, e)
        return cls(a, b, frame.marked(ours, boxes))


@dataclass(frozen=True, slots=True)
class Frame:
    """The canvas. left, top: its corner in pixels of A's thumbnail. zoom: its pixels per one of these."""

    left: float
    top: float
    zoom: float
    width: int
    height: int

    @classmethod
    def around(cls, a: Picture, b: Picture, to_b: Matrix, finest: int) -> "Frame":
        """Return a canvas for both. finest: the longer side of the larger picture, in pixels."""
        width, height = a.sheet.size
        corners = _corners(*b.sheet.size)
        there = np.asarray(cv2.perspectiveTransform(corners[None], inverted(to_b)))[0]
        around = np.array([width, height]) * _MOST_AROUND
        low = np.clip(there.min(0), -around, 0)
        high = np.clip(there.max(0), [width, height], around * (1 + 1 / _MOST_AROUND))
        long_side = float((high - low).max())
        zoom = min(LONG_SIDE, max(finest, SHORT_SIDE)) / long_side
        size = np.maximum(1, np.round((high - low) * zoom)).astype(int)
        return cls(float(low[0]), float(low[1]), zoom, int(size[0]), int(size[1]))

    def show(self, pixels: Pixels, picture: Picture, matrix: Matrix, scale: float) -> Shown:
        """Lay a picture onto the canvas. matrix: from A's thumbnail to its own; scale: of that map."""
        # Averaged first: a warp that shrinks leaves out pixels.
        pixels = fit(pixels, max(1, round(max(picture.sheet.size) * self.zoom / scale)))
        height, width = pixels.shape[:2]
        sheet_width, sheet_height = picture.sheet.size
        to_sheet = np.array([[1 / self.zoom, 0, self.left], [0, 1 / self.zoom, self.top], [0, 0, 1.0]])
        to_pixels = scaling(width / sheet_width, height / sheet_height)
        full = np.asarray(to_pixels @ matrix @ to_sheet, np.float64)
        shown = warp(pixels.astype(np.float32), full, self.width, self.height)
        inside = warp(np.ones((height, width), np.float32), full, self.width, self.height) > _INSIDE
        coarse = max(1.0, self.zoom / scale * max(picture.sheet.size) / max(width, height))
        return Shown(np.clip(np.round(shown), 0, 255).astype(np.uint8), inside, coarse)

    def marked(self, a: Picture, boxes: list[tuple[float, float, float, float]]) -> Pixels:
        """Return where boxes (shares of A) are, (h, w): 255 there, else 0."""
        mask = np.zeros((self.height, self.width), np.uint8)
        width, height = a.sheet.size
        for x, y, across, down in boxes:
            left, top = (x * width - self.left) * self.zoom, (y * height - self.top) * self.zoom
            right, bottom = left + across * width * self.zoom, top + down * height * self.zoom
            mask[max(0, round(top)) : round(bottom), max(0, round(left)) : round(right)] = 255
        return mask


def _corners(width: int, height: int) -> Matrix:
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
