"""Pictures as what terminals understand: kitty's and iTerm2's protocols, sixels, and half blocks."""

import base64
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from .cells import Pixels
from .drawing import encoded, few_colors

_CHUNK = 4096  # of base64, at most, in one escape sequence of kitty
_COLORS = 255  # of sixels: terminals keep 256

# Levels of the 6 x 6 x 6 cube of the 256 colors, and where it begins.
_LEVELS = np.array([0, 95, 135, 175, 215, 255])
_CUBE = 16


def kitty(picture: Pixels, columns: int) -> bytes:
    """Return escape sequences that show a picture (h, w, 3), so many columns wide, in kitty and others.

    q=2: the terminal is not to answer, nobody would read it.
    """
    data = base64.b64encode(encoded(picture, "PNG"))
    chunks = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
    parts = []
    for number, chunk in enumerate(chunks):
        first = f"a=T,f=100,q=2,c={columns}," if number == 0 else ""
        more = int(number < len(chunks) - 1)
        parts.append(b"\x1b_G" + f"{first}m={more};".encode() + chunk + b"\x1b\\")
    return b"".join(parts) + b"\n"


def iterm(picture: Pixels, columns: int) -> bytes:
    """Return the escape sequence that shows a picture, so many columns wide, in iTerm2 and others."""
    data = encoded(picture, "PNG")
    head = f"\x1b]1337;File=inline=1;size={len(data)};width={columns};preserveAspectRatio=1:"
    return head.encode() + base64.b64encode(data) + b"\x07\n"


def sixel(picture: Pixels) -> bytes:
    """Return a picture as sixels: six rows at a time, color by color; its pixels are the terminal's."""
    places, palette = few_colors(picture, _COLORS)
    height, width = places.shape
    parts = [b"\x1bP0;1q" + f'"1;1;{width};{height}'.encode()]
    for number, color in enumerate(palette):
        shares = ";".join(str(round(level * 100 / 255)) for level in color.tolist())
        parts.append(f"#{number};2;{shares}".encode())
    parts += [b"$".join(_band(places[top : top + 6])) + b"-" for top in range(0, height, 6)]
    return b"".join(parts) + b"\x1b\\\n"


def _band(band: Pixels) -> Iterator[bytes]:
    """Yield up to six rows of a picture, one color after the other."""
    bits = (1 << np.arange(len(band), dtype=np.uint8))[:, None]
    for color in np.unique(band):
        sixels = ((band == color) * bits).sum(axis=0).astype(np.uint8) + np.uint8(63)
        yield b"#%d" % color + _shortened(sixels)


def _shortened(sixels: Pixels) -> bytes:
    """Return sixels with four and more equal ones as a number and one of them."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(sixels)) + 1])
    lengths = np.diff(np.concatenate([starts, [len(sixels)]]))
    return b"".join(
        bytes([value]) * length if length < 4 else b"!%d" % length + bytes([value])
        for value, length in zip(sixels[starts].tolist(), lengths.tolist(), strict=True)
    )


def blocks(picture: Pixels, *, true_color: bool) -> list[str]:
    """Return lines of text that show a picture (h, w, 3): a column a pixel, two pixels a line."""
    if len(picture) % 2:
        picture = np.concatenate([picture, picture[-1:]])
    return [
        "".join(_blocks(upper, lower, true_color)) + "\x1b[0m"
        for upper, lower in zip(picture[::2], picture[1::2], strict=True)
    ]


def _blocks(upper: Pixels, lower: Pixels, true_color: bool) -> Iterator[str]:
    last = None
    for above, below in zip(_said(upper, true_color), _said(lower, true_color), strict=True):
        if (above, below) != last:
            yield f"\x1b[38;{above};48;{below}m"
        last = above, below
        yield "▀"


def _said(colors: Pixels, true_color: bool) -> list[str]:
    """Return how each color (n, 3) is said to a terminal."""
    if true_color:
        return ["2;{};{};{}".format(*color) for color in colors.tolist()]
    return [f"5;{number}" for number in nearest_of_256(colors).tolist()]


def nearest_of_256(colors: Pixels) -> npt.NDArray[np.int64]:
    """Return the numbers of the colors of the cube that are nearest to some (n, 3)."""
    steps = np.abs(colors[..., None].astype(np.int64) - _LEVELS).argmin(axis=-1)
    return np.asarray(_CUBE + steps @ np.array([36, 6, 1]), np.int64)
