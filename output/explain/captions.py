"""Text on pictures, and pictures as PNG files that are known to be ours."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from ...store.own_files import OwnFile, signed
from ..text import shortened
from .canvas import Color, Pixels

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# By this text in its first bytes a file is recognized that may be replaced: never a photo.
_SIGN = b"lookalike explain"
PICTURE = OwnFile("picture", signed(_SIGN, 1024), (".png",))


def text_block(lines: list[tuple[str, int, Color]], width: int, paper: Color) -> Pixels:
    """Return lines of text on a strip of this width, (h, width, 3).

    lines: text, height of the letters in pixels, color; what is too long for the strip is broken.
    """
    broken = [
        (piece, ImageFont.load_default(size), size, ink)
        for text, size, ink in lines
        for piece in _broken(_printable(text), ImageFont.load_default(size), width)
    ]
    heights = [round(1.45 * size) for _, _, size, _ in broken]
    strip = Image.new("RGB", (width, sum(heights)), paper)
    draw, y = ImageDraw.Draw(strip), 0
    for (text, font, _, ink), height in zip(broken, heights, strict=True):
        draw.text((0, y), text, fill=ink, font=font)
        y += height
    return np.asarray(strip)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _broken(text: str, font: Font, width: int) -> list[str]:
    """Break text at blanks; a word that is too long loses its middle."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(shortened(word, lambda cut: font.getlength(cut) <= width))
    return [line for line in lines if line] or [""]


def write_png(picture: Pixels, path: str) -> None:
    """Write an RGB picture (h, w, 3) to a file, whole or not at all.

    Raises:
        UsageError: see `OwnFile.check`.
        OutputUnwritable: the file cannot be written.
    """
    sign = PngImagePlugin.PngInfo()
    sign.add_text("Software", _SIGN.decode())
    with PICTURE.replaced(path) as out:
        Image.fromarray(picture).save(out, "PNG", pnginfo=sign)
