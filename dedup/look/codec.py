"""What a codec would do to a picture: the error that is to be expected of an honest copy."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..proof.planes import Grey, Plane

_GRADES = (12, 25, 40, 55, 70, 80, 88, 94, 98)
_TILE, _TILES = 192, 6
_BLOCK = 8
# Pixels at which blocks begin: in an earlier step of a chain they began elsewhere. With one place alone
# twice as many of 254 plain copies were taken for different, and no more of 98 differences were found.
_SHIFTS = (0, 4)
# Quantization steps of low frequencies at quality 50, of the tables that the JPEG standard suggests.
_LUMA_STEP, _CHROMA_STEP = 14.0, 26.0


@dataclass(frozen=True, slots=True)
class Simulated:
    """A codec's errors in levels, at the quality (1 to 100) that errs as much as was found.

    luma, red, blue: one plane (h, w) for each place where the blocks may begin.
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


def _coarseness(quality: int) -> float:
    return 50 / quality if quality < 50 else 2 - quality / 50


def simulate(luma: Plane, chroma: Grey, error: Plane) -> Simulated:
    """Save a picture as JPEGs that err as much as was found.

    luma, error: (h, w), multiples of 8. chroma: (h, w, 2) Cr, Cb. No table of the file is read: it works
    for WebP, AVIF and chains alike. Colors are part of it: where they are halved and clipped, brightness
    goes with them.
    """
    grey = np.asarray(np.clip(np.round(luma), 0, 255), np.uint8)
    quality = _quality(grey, error)
    picture = np.asarray(cv2.merge((grey, chroma[..., 0], chroma[..., 1])), np.uint8)
    errors = [_error(picture, quality, shift) for shift in _SHIFTS]
    by_plane = [[each[c] for each in errors] for c in range(3)]
    return Simulated(by_plane[0], by_plane[1], by_plane[2], quality)


def _error(picture: Grey, quality: int, shift: int) -> list[Plane]:
    """Return what a JPEG whose blocks begin at this pixel changes of Y, Cr and Cb."""
    rest = -shift % _BLOCK
    framed = cv2.copyMakeBorder(picture, rest, shift, rest, shift, cv2.BORDER_REPLICATE)
    saved = _jpeg(np.asarray(cv2.cvtColor(framed, cv2.COLOR_YCrCb2BGR), np.uint8), quality)
    shown = cv2.cvtColor(saved, cv2.COLOR_BGR2YCrCb)
    height, width = picture.shape[:2]
    inner = shown[rest : rest + height, rest : rest + width]
    return [
        np.asarray(plane, np.float32) for plane in cv2.split(cv2.subtract(inner, picture, dtype=cv2.CV_32F))
    ]


def _quality(grey: Grey, error: Plane) -> int:
    """Return the highest quality that errs as much, from some tiles."""
    tiles = _tiles(grey.shape)
    have = _typical([np.square(error[tile]) for tile in tiles])
    pictures = [np.ascontiguousarray(grey[tile]) for tile in tiles]
    for quality in _GRADES[::-1]:
        if (
            _typical([np.square(_jpeg(each, quality) - each.astype(np.float32)) for each in pictures])
            >= have
        ):
            return quality
    return _GRADES[0]


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
    return float(np.median(blocks) + np.quantile(blocks, 0.8))


def _jpeg(picture: Grey, quality: int) -> Grey:
    kind = cv2.IMREAD_GRAYSCALE if picture.ndim == 2 else cv2.IMREAD_COLOR
    saved = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(saved, kind), np.uint8)
