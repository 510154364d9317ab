"""How a picture becomes the network's input: the input rules.

"crop"    the preset of the weights in torchvision: resize the short side, cut the center out.
"squash"  the whole picture, pressed into a square.
"fit"     the picture less a narrow margin, its aspect kept, on about the area of the square.

All resize as torchvision's presets do: bilinear, antialiased, in one step. A rule's name is part of
every store's fingerprint, so a rule that comes to give other pixels needs a new name.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

# (h, w, 3) RGB; and what can be made into that.
Pixels = npt.NDArray[np.uint8]
Picture = Image.Image | Pixels

RULES = ("crop", "squash", "fit")
# Below the smallest, the last layers see a single cell; beyond the largest, nothing is gained.
MIN_SIZE, MAX_SIZE = 32, 1024

# The network halves its input five times: sides of a multiple of 32 lose nothing at the border, and
# pictures of one aspect come out in one shape, so that they share a batch.
_STEP = 32
# A panorama beyond 3:1 is pressed together: a short side under 130 pixels would show too little.
_MAX_ASPECT = 3.0
# What "fit" cuts off each of the four sides. The network learned on crops: without the outermost
# strip more is found in every task measured (docs/models.md), and frames and borders matter less.
_MARGIN = 0.035


@dataclass(frozen=True, slots=True)
class InputRule:
    """One input rule at one size.

    name: one of RULES. size: side of the square input in pixels; for "fit" the side of the square
    that has the input's area. resize: for "crop", the length that the short side gets first.
    is_bicubic: not bilinear; for models of the user's that learned on such pictures.
    """

    name: str
    size: int
    resize: int
    is_bicubic: bool = False

    @property
    def min_side(self) -> int:
        """Pixels that both sides should have, or a picture's own size if it is smaller.

        Twice the target: a reduced decode down to that left every measured vector at a cosine of at
        least 0.998 to that of the full picture; down to the target itself it was 0.964.
        """
        targets = {
            "crop": self.resize,
            "squash": self.size,
            "fit": math.ceil(self.size / (1 - 2 * _MARGIN)),
        }
        return 2 * targets[self.name]

    def prepare(self, picture: Picture) -> Pixels:
        """Return the network's input for a picture.

        picture: RGB of any size from 1x1, an image or (h, w, 3) uint8. Returns (H, W, 3) uint8,
        H = W = size but for "fit". Safe to call from many threads; needs memory for the result
        only, however long and thin the picture.
        """
        image = (
            picture if isinstance(picture, Image.Image) else Image.fromarray(np.ascontiguousarray(picture))
        )
        # Only what is kept is computed: a picture of 65500x1 would be 16 million pixels wide after
        # the resize that a crop begins with.
        how = Image.Resampling.BICUBIC if self.is_bicubic else Image.Resampling.BILINEAR
        return np.asarray(image.resize(self._target(*image.size), how, box=self._kept(*image.size)))

    def seen(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return the part (left, top, right, bottom) of a picture of that size which the network sees."""
        return self._kept(width, height)

    def gives(self, height: int, width: int) -> bool:
        """Tell whether `prepare` can return a picture of that size."""
        if self.name != "fit":
            return (height, width) == (self.size, self.size)
        longest = _in_steps(self.size * math.sqrt(_MAX_ASPECT))
        return max(height, width) <= longest and height % _STEP == width % _STEP == 0 < height * width

    def _kept(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return the part of the picture (left, top, right, bottom) that the network sees."""
        if self.name == "crop":
            return self._center(width, height)
        margin = _MARGIN if self.name == "fit" else 0.0
        return width * margin, height * margin, width * (1 - margin), height * (1 - margin)

    def _center(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return what torchvision's resize of the short side and center crop keep."""
        short = min(width, height)
        resized = [int(self.resize * side / short) for side in (width, height)]
        left, top = (round((side - self.size) / 2.0) for side in resized)
        x, y = width / resized[0], height / resized[1]
        return left * x, top * y, (left + self.size) * x, (top + self.size) * y

    def _target(self, width: int, height: int) -> tuple[int, int]:
        """Return the (width, height) of the input for a picture of that size."""
        if self.name != "fit":
            return self.size, self.size
        aspect = min(max(width / height, 1 / _MAX_ASPECT), _MAX_ASPECT)
        root = math.sqrt(aspect)
        return _in_steps(self.size * root), _in_steps(self.size / root)


def _in_steps(side: float) -> int:
    return max(_STEP, round(side / _STEP) * _STEP)
