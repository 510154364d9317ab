"""What a codec would do to a picture: the error that is to be expected of an honest copy."""

from bisect import bisect_left
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np

from ..proof.planes import Grey, Plane
from .robust import median, quantile

_GRADES = (12, 25, 40, 55, 70, 80, 88, 94, 98)
_TILE, _TILES = 192, 6
_BLOCK = 8
# Quantization steps of low frequencies at quality 50, of the tables that the JPEG standard suggests.
_LUMA_STEP, _CHROMA_STEP = 14.0, 26.0


class Codec(Enum):
    """How a picture is saved: a file ending that OpenCV knows, its quality, and where blocks may begin.

    In an earlier step of a chain they began elsewhere: with one place for JPEG alone twice as many of 254
    plain copies were taken for different, and no more of 98 differences were found.
    """

    JPEG = (".jpg", cv2.IMWRITE_JPEG_QUALITY, (0, 4))
    WEBP = (".webp", cv2.IMWRITE_WEBP_QUALITY, (0,))


@dataclass(frozen=True, slots=True)
class Simulated:
    """Errors of codecs in levels, each at the quality that errs as much as was found.

    luma, red, blue: one plane (h, w) for each way of saving. quality: 1 to 100.
    """

    luma: list[Plane]
    red: list[Plane]
    blue: list[Plane]
    quality: int

    @property
    def luma_step(self) -> float:
        """The quantization step of low frequencies."""
        return _LUMA_STEP * _coarseness(self.quality)

    @property
    def chroma_step(self) -> float:
        """The same for colors."""
        return _CHROMA_STEP * _coarseness(self.quality)

    def __add__(self, other: "Simulated") -> "Simulated":
        """Return the errors of both."""
        planes = self.luma + other.luma, self.red + other.red, self.blue + other.blue
        return Simulated(*planes, self.quality)


def _coarseness(quality: int) -> float:
    return 50 / quality if quality < 50 else 2 - quality / 50


def simulate(luma: Plane, chroma: Grey, error: Plane, codec: Codec = Codec.JPEG) -> Simulated:
    """Save a picture so that it errs as much as was found.

    luma, error: (h, w), multiples of 8. chroma: (h, w, 2) Cr, Cb. No table of the file is read: JPEG speaks
    for AVIF and chains as well. Colors are part of it: where they are halved and clipped, brightness goes
    with them.
    """
    grey = np.asarray(np.clip(np.round(luma), 0, 255), np.uint8)
    quality = _quality(grey, error, codec)
    picture = np.asarray(cv2.merge((grey, chroma[..., 0], chroma[..., 1])), np.uint8)
    errors = [_error(picture, quality, codec, shift) for shift in codec.value[2]]
    by_plane = [[each[c] for each in errors] for c in range(3)]
    return Simulated(by_plane[0], by_plane[1], by_plane[2], quality)


def _error(picture: Grey, quality: int, codec: Codec, shift: int) -> list[Plane]:
    """Return what a codec whose blocks begin at this pixel changes of Y, Cr and Cb."""
    rest = -shift % _BLOCK
    framed = cv2.copyMakeBorder(picture, rest, shift, rest, shift, cv2.BORDER_REPLICATE)
    saved = _saved(np.asarray(cv2.cvtColor(framed, cv2.COLOR_YCrCb2BGR), np.uint8), quality, codec)
    shown = cv2.cvtColor(saved, cv2.COLOR_BGR2YCrCb)
    height, width = picture.shape[:2]
    inner = shown[rest : rest + height, rest : rest + width]
    # Plane by plane: of a large picture all at once costs four times as long.
    return [_apart(cv2.extractChannel(inner, c), cv2.extractChannel(picture, c)) for c in range(3)]


def _apart(plane: cv2.typing.MatLike, other: cv2.typing.MatLike) -> Plane:
    return np.asarray(cv2.subtract(plane, other, dtype=cv2.CV_32F), np.float32)


def _quality(grey: Grey, error: Plane, codec: Codec) -> int:
    """Return the highest quality that errs as much, from some tiles."""
    tiles = _tiles(grey.shape)
    have = _typical([np.square(error[tile]) for tile in tiles])
    pictures = [np.ascontiguousarray(grey[tile]) for tile in tiles]

    def errs_enough(quality: int) -> bool:
        errors = [_saved(each, quality, codec) - each.astype(np.float32) for each in pictures]
        return _typical([np.square(each) for each in errors]) >= have

    # A lower quality errs more: the last one that does is found by halves.
    return _GRADES[max(0, bisect_left(_GRADES, True, key=lambda grade: not errs_enough(grade)) - 1)]


def _tiles(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    height, width = shape
    rng = np.random.default_rng(height * width)
    count = _TILES if height * width > 4 * _TILE**2 else 1
    corners = [
        [int(rng.integers(0, max(1, side - _TILE + 1))) // _BLOCK * _BLOCK for side in shape]
        for _ in range(count)
    ]
    return [(slice(y, y + _TILE), slice(x, x + _TILE)) for y, x in corners]


def _typical(energies: list[Plane]) -> float:
    """Return the median and the upper fifth of the blocks' mean energies, together."""
    means = [
        cv2.resize(each, (each.shape[1] // _BLOCK, each.shape[0] // _BLOCK), interpolation=cv2.INTER_AREA)
        for each in energies
    ]
    blocks = np.concatenate([each.ravel() for each in means])
    return median(blocks) + quantile(blocks, 0.8)


def saved(picture: Grey, quality: int, subsampling: int = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420) -> Grey:
    """Return a grey or BGR picture as a JPEG of this quality gives it back. subsampling: of OpenCV's."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, subsampling]
    return _decoded(".jpg", picture, options)


def _saved(picture: Grey, quality: int, codec: Codec) -> Grey:
    """Return a grey or BGR picture as the codec gives it back."""
    ending, option, _ = codec.value
    return _decoded(ending, picture, [option, quality])


def _decoded(ending: str, picture: Grey, options: list[int]) -> Grey:
    kind = cv2.IMREAD_GRAYSCALE if picture.ndim == 2 else cv2.IMREAD_COLOR
    return np.asarray(cv2.imdecode(cv2.imencode(ending, picture, options)[1], kind), np.uint8)
