"""Pictures of 16 bits a channel: the lower bytes, which Pillow drops, and the bits that are used."""

import sys

import numpy as np
import numpy.typing as npt
from PIL import Image

from .rendering import stretched, strips, tones_of

# The same data with the other byte of each number taken.
_OTHER = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if sys.byteorder == "little" else ";16L"}
_GREY_ALPHA = "LA;16B"  # Pillow has no other for these: their four bytes are taken as four channels
_FEW_LEVELS = 16

_Numbers = npt.NDArray[np.uint16]


def has_low_bytes(image: Image.Image) -> bool:
    """Tell whether a picture that is not yet loaded has more bits than it will have in memory."""
    modes = {_raw_mode(tile.args) for tile in getattr(image, "tile", ())}
    return bool(modes) and all(
        mode == _GREY_ALPHA or (mode[-4:] in _OTHER and not mode.startswith("I")) for mode in modes
    )


def load_low_bytes(image: Image.Image) -> Image.Image:
    """Load a picture, of which `has_low_bytes` is true, with the lower bytes in place of the upper ones."""
    tiles = image.tile  # type: ignore[attr-defined]
    is_grey = any(_raw_mode(tile.args) == _GREY_ALPHA for tile in tiles)
    image.tile = [tile._replace(args=_other(tile.args)) for tile in tiles]  # type: ignore[attr-defined]
    image.load()
    if not is_grey:
        return image
    _, grey, _, alpha = image.split()
    return Image.merge("RGBA", (grey, grey, grey, alpha))


def _raw_mode(args: object) -> str:
    mode = args[0] if isinstance(args, tuple) and args else args
    return mode if isinstance(mode, str) else ""


def _other(args: object) -> object:
    mode = _raw_mode(args)
    other = "RGBA" if mode == _GREY_ALPHA else mode[:-4] + _OTHER[mode[-4:]]
    return (other, *args[1:]) if isinstance(args, tuple) else other


def has_few_levels(high: Image.Image) -> bool:
    """Tell whether the upper bytes of the colors lie so close together that little can be seen."""
    ranges = _color_ranges(high)
    return max(top for _, top in ranges) - min(low for low, _ in ranges) < _FEW_LEVELS


def _color_ranges(image: Image.Image) -> list[tuple[int, int]]:
    found = image.getextrema()
    return [*found[: 3 if image.mode == "RGBA" else None]]


def joined(high: Image.Image, low: Image.Image) -> Image.Image:
    """Return upper and lower bytes as a picture of 8 bits, stretched if it uses few numbers."""
    ranges = [_range(*pair) for pair in zip(strips(high), strips(low), strict=True)]
    tones = tones_of(min(each[0] for each in ranges), max(each[1] for each in ranges))
    image = Image.new(high.mode, high.size)
    top = 0
    for upper, lower in zip(strips(high), strips(low), strict=True):
        levels = stretched(_numbers(upper, lower), tones)
        if high.mode == "RGBA":
            levels[..., 3] = np.asarray(upper)[..., 3]
        image.paste(Image.fromarray(levels, high.mode), (0, top))
        top += upper.height
    image.info = high.info
    image.format = high.format
    return image


def _numbers(high: Image.Image, low: Image.Image) -> _Numbers:
    numbers: _Numbers = np.asarray(high).astype(np.uint16) << 8 | np.asarray(low)
    return numbers


def _range(high: Image.Image, low: Image.Image) -> tuple[int, int]:
    numbers = _numbers(high, low)
    numbers = numbers[..., :3] if high.mode == "RGBA" else numbers
    return int(numbers.min()), int(numbers.max())


def used_bits(image: Image.Image, low: Image.Image | None = None) -> int:
    """Return how many bits of a picture of 16 carry something, at least 8.

    image: of mode I;16, or the upper bytes. low: the lower bytes. Bits that are always 0, at either end,
    carry nothing, nor do lower bytes that repeat the upper ones.
    """
    met, repeats = 0, True
    for strip, lower in zip(strips(image), strips(image if low is None else low), strict=True):
        numbers = np.asarray(strip).astype(np.uint16) if low is None else _numbers(strip, lower)
        met |= int(np.bitwise_or.reduce(numbers, axis=None))
        repeats = repeats and bool((numbers >> 8 == numbers & 0xFF).all())
    lowest = (met & -met).bit_length() - 1
    return 8 if repeats else max(8, met.bit_length() - max(lowest, 0))


def are_spare(high: Image.Image, low: Image.Image) -> bool:
    """Tell whether the lower bytes add nothing to the upper ones: all are 0, or all repeat them."""
    lower = [np.asarray(strip) for strip in strips(low)]
    if not any(each.any() for each in lower):
        return True
    return all((np.asarray(strip) == each).all() for strip, each in zip(strips(high), lower, strict=True))
