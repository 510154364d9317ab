"""How a picture must be laid out to be seen: what lies behind it, which numbers are white."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

STRIP_PIXELS = 2_000_000  # large pictures are converted in strips of this many pixels

_TOP = 0xFFFF  # white, of 16 bits
_FEW = 0x1000  # numbers of 16 bits: a range below it would be less than 16 of 256 levels
_DEPTHS = (0xFF, 0x3FF, 0xFFF)  # white, of sensors of 8, 10 and 12 bits
_LEAST_SHARE = 8  # a range of less than this part of such a depth is not of that depth

_SEEN = 32  # alpha from which a pixel is seen
_LIGHT = 235  # a pixel whose channels are all above is not seen on white
_BLANK = 0.995  # so much of what is seen must be light for the picture to be blank on white


@dataclass(frozen=True, slots=True)
class Rendering:
    """How to show a picture.

    is_transparent: some of it lets through what lies behind. ground: the color that then lies behind it.
    tones: of a picture of 16 bits, the numbers that are shown as black and as white.
    """

    is_transparent: bool = False
    ground: str = "white"
    tones: tuple[int, int] = (0, _TOP)


def rendering_of(image: Image.Image) -> Rendering:
    """Look how a loaded picture must be shown."""
    if image.mode.startswith("I;16"):
        return Rendering(tones=tones_of(*_extrema(image)))
    if not image.has_transparency_data or not _lets_through(image):
        return Rendering()
    return Rendering(is_transparent=True, ground="black" if _is_blank_on_white(image) else "white")


def tones_of(low: int, high: int) -> tuple[int, int]:
    """Return what is black and what is white in a picture of 16 bits whose numbers have this range.

    Only where so few are used that it would come out in less than 16 levels, these are not 0 and 65,535: a
    sensor's depth, or else the range itself.
    """
    if high - low >= _FEW or high == low:
        return 0, _TOP
    depth = next((depth for depth in _DEPTHS if high <= depth), 0)
    return (0, depth) if depth and high - low > depth // _LEAST_SHARE else (low, high)


def stretched(values: npt.NDArray[np.uint16], tones: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return numbers of 16 bits as levels of 255. tones: which of them are black and white."""
    black, white = tones
    levels = (
        values >> 8 if tones == (0, _TOP) else (values.astype(np.uint32) - black) * 255 // (white - black)
    )
    return np.asarray(levels, np.uint8)


def strips(image: Image.Image) -> Iterator[Image.Image]:
    """Yield a picture in pieces of a few rows, or itself where it is small."""
    rows = max(1, STRIP_PIXELS // image.width)
    if rows >= image.height:
        yield image
        return
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _extrema(image: Image.Image) -> tuple[int, int]:
    found = [np.asarray(strip) for strip in strips(image)]
    return min(int(each.min()) for each in found), max(int(each.max()) for each in found)


def _lets_through(image: Image.Image) -> bool:
    """Tell whether any pixel is not fully opaque."""
    # Of palettes and key colors only those that occur count.
    has_alpha = image.mode in ("RGBA", "LA")
    pieces = (strip if has_alpha else strip.convert("RGBA") for strip in strips(image))
    return any(bool((np.asarray(piece.getchannel("A")) < 255).any()) for piece in pieces)


def _is_blank_on_white(image: Image.Image) -> bool:
    """Tell whether what can be seen is nearly all white, and so cannot be seen on white."""
    n_seen = n_light = 0
    for strip in strips(image):
        pixels = np.asarray(strip.convert("RGBA"))
        seen = pixels[..., 3] >= _SEEN
        n_seen += int(seen.sum())
        n_light += int((seen & (pixels[..., :3].min(axis=2) >= _LIGHT)).sum())
    return n_seen > 0 and n_light >= _BLANK * n_seen
