"""What the proof knows of one photo: its thumbnail, and what is drawn from it when first needed."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from .features import Features, find_features, mirrored_sample
from .orientation import SQUARE_SIDE, in_form
from .pdq import pdq
from .planes import Grey, Plane, blur, shrink

LONG_SIDE = 256
FRAME_SIDE = 128  # thumbnails of 256 px hold JPEG noise; at half the size copies agree, and it is cheap
COLOR_SIDE = 48

# What the local normalization sees as one neighborhood, and the levels (squared) it takes for noise.
_NEIGHBORHOOD = 4.0
_NOISE = 16.0
# Slopes need a little smoothness to tell a shift.
_SMOOTH = 1.0

_SQUARE_SMOOTH = 6.0  # pixels of the square: takes away the light, leaves the things
_SQUARE_FLOOR = 40.0  # keeps the noise of a blank picture from becoming a pattern

# A page has one even ground: this share of the pixels lies within so many levels of the commonest.
_GROUND = 0.5
_LEVELS = 10
# And hardly any color: mean difference of the channels from grey, in levels.
_COLORLESS = 12.0
# Or a ground as even as only a program paints it, whatever its color: slides, chats, dark screens.
_PAINTED_LEVELS = 2


@dataclass(frozen=True)
class Level:
    """A picture at one size. grey: (h, w) uint8 as float. normal: the same, locally normalized."""

    grey: Plane

    @cached_property
    def normal(self) -> Plane:
        """Brightness, contrast, filters and vignettes vanish: (I - mean) / deviation, about in [-3, 3]."""
        apart = self.grey - blur(self.grey, _NEIGHBORHOOD)
        spread = blur(apart * apart, _NEIGHBORHOOD)
        return blur(apart / np.sqrt(spread + _NOISE), _SMOOTH)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.grey.shape[1], self.grey.shape[0]


@dataclass
class Sheet:
    """A picture in one form, at the sizes that were asked for. grey: (h, w) uint8."""

    grey: Grey
    _levels: dict[tuple[int, int], Level] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the thumbnail."""
        return self.grey.shape[1], self.grey.shape[0]

    def level(self, width: int, height: int) -> Level:
        """Return the picture at a size; the sizes that every pair asks for are kept."""
        known = self._levels.get((width, height))
        if known is not None:
            return known
        level = Level(shrink(self.grey, width, height).astype(np.float32))
        if max(width, height) in (FRAME_SIDE, FRAME_SIDE // 2):
            self._levels[width, height] = level
        return level


@dataclass(eq=False)
class Picture:
    """Everything about one content that the proof needs, made from the stored thumbnail.

    color: (h, w, 3) uint8 RGB, long side at most 48. width, height: full size as displayed. key: orders
    two pictures, so that a pair has the same evidence from both sides. About 0.2 MB once everything
    that is drawn from it was needed; not thread-safe, but two threads only do the same work twice.
    """

    sheet: Sheet
    color: Grey
    width: int
    height: int
    key: bytes

    @classmethod
    def from_thumbnail(cls, jpeg: bytes, width: int, height: int) -> "Picture":
        """Read a thumbnail as the store keeps it.

        Raises:
            ValueError: not a picture.
        """
        pixels = _read(jpeg)
        key = hashlib.blake2b(jpeg, digest_size=16).digest()
        return cls(Sheet(_as_grey(pixels)), fit(pixels, COLOR_SIDE), width, height, key)

    @cached_property
    def square(self) -> Plane:
        """The high-passed 32 x 32 square, (1024,) float32, about of unit length."""
        square = shrink(self.sheet.grey, SQUARE_SIDE, SQUARE_SIDE).astype(np.float32)
        square -= blur(square, _SQUARE_SMOOTH)
        square -= square.mean()
        return np.asarray(square / (np.linalg.norm(square) + _SQUARE_FLOOR), np.float32).ravel()

    @cached_property
    def hash(self) -> tuple[Plane, int]:
        """PDQ waves and quality, see `pdq.pdq`."""
        return pdq(self.sheet.grey)

    @cached_property
    def features(self) -> Features:
        """The local features."""
        return find_features(self.sheet.grey)

    @cached_property
    def mirrored_features(self) -> Features:
        """The local features of the picture in form 4: descriptors do not survive a mirror."""
        return find_features(in_form(self.sheet.grey, 4))

    @cached_property
    def mirrored_sample(self) -> Features:
        """Some of the features of the picture in form 4: a cheap look whether the others are worth it."""
        return mirrored_sample(self.features, in_form(self.sheet.grey, 4))

    @cached_property
    def is_page(self) -> bool:
        """Whether this looks like text or nearly blank: there one line matters more than all the rest."""
        return _is_page(self.sheet.grey, self.color)

    def in_form(self, form: int) -> Sheet:
        """Return the picture in a form."""
        return self.sheet if form == 0 else Sheet(in_form(self.sheet.grey, form))


def grey_of(jpeg: bytes) -> Grey:
    """Return a thumbnail (h, w) as the proof sees it, without all else that it makes of one.

    Raises:
        ValueError: not a picture.
    """
    return _as_grey(_read(jpeg))


def _read(jpeg: bytes) -> Grey:
    read = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB) if jpeg else None
    if read is None:
        raise ValueError("the thumbnail is not a picture")
    return fit(np.asarray(read, np.uint8), LONG_SIDE)


def _as_grey(pixels: Grey) -> Grey:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def fit(pixels: Grey, side: int) -> Grey:
    """Return the picture with its longer side at most side pixels."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    return shrink(pixels, max(1, round(width * scale)), max(1, round(height * scale)))


def _is_page(grey: Grey, color: Grey) -> bool:
    """Return whether this looks like a document, a screen full of text or a near-blank picture.

    grey: (h, w), color: (h', w', 3) RGB of the same picture.
    """
    counts = np.bincount(grey.ravel(), minlength=256)
    if _most_around(counts, _LEVELS) < _GROUND * grey.size:
        return False
    if _most_around(counts, _PAINTED_LEVELS) >= _GROUND * grey.size:
        return True
    levels = color.astype(np.float32)
    return float(np.abs(levels - levels.mean(2, keepdims=True)).mean()) < _COLORLESS


def _most_around(counts: npt.NDArray[np.int64], levels: int) -> int:
    """Return how many pixels lie within so many levels of the commonest."""
    return int(np.convolve(counts, np.ones(2 * levels + 1, np.int64), "same").max())
