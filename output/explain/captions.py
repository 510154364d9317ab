"""Text on pictures, and pictures as PNG files that are known to be ours."""

import os

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from ...errors import UsageError
from ...store.files import replaced
from ..text import shortened
from .canvas import Color, Pixels

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# By this text in its first bytes a file is recognized that may be replaced: never a photo.
_SIGN = b"lookalike explain"
_HEAD = 1024


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
        UsageError: path does not end in .png, is anything but an older picture of ours, or cannot be
            written.
    """
    check_png(path)
    path = os.path.realpath(path)  # the file that a link points to is replaced, not the link
    sign = PngImagePlugin.PngInfo()
    sign.add_text("Software", _SIGN.decode())
    try:
        with replaced(path, mode=0o666) as temporary, open(temporary, "r+b") as out:
            Image.fromarray(picture).save(out, "PNG", pnginfo=sign)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def check_png(path: str) -> None:
    """Check that a picture may be written there.

    Raises:
        UsageError: see `write_png`.
    """
    if not path.lower().endswith(".png"):
        raise UsageError(f"the picture goes into a file whose name ends in .png, not {path}")
    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder; name a file in it")
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise UsageError(f"there is no folder {folder} for the picture")
    if os.path.lexists(path) and not _is_ours(path):
        raise UsageError(f"{path} was not drawn by explain and stays as it is; choose another name")


def _is_ours(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return _SIGN in file.read(_HEAD)
    except OSError:
        return False
