"""Drawing sheets: rows of pictures with text below, and pictures as files."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from ..text import shortened
from .cells import Cell, Pixels

Color = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_PAPER: Color = (250, 250, 249)
_INK: Color = (28, 28, 28)
_FAINT: Color = (120, 120, 118)
_NONE: Color = (226, 226, 223)
_MARKS: dict[str, Color] = {"wanted": (24, 110, 190), "not wanted": (190, 50, 36)}

# In the files that we write, by which we know them again.
SIGN = "lookalike sheet"


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes in pixels. side: of the pictures' longer sides. columns: pictures in a row. letters: height."""

    side: int
    columns: int
    letters: int

    @property
    def gap(self) -> int:
        """Between pictures, and around all."""
        return max(6, self.side // 14)

    @property
    def line(self) -> int:
        """From one line of text to the next."""
        return round(1.4 * self.letters)

    @property
    def row(self) -> int:
        """Height of a row."""
        return self.side + self.gap + 3 * self.line + self.gap

    @property
    def width(self) -> int:
        """Width of a row."""
        return self.columns * (self.side + self.gap) + self.gap


def rows(cells: Iterable[Cell], layout: Layout) -> Iterator[Pixels]:
    """Yield rows (layout.row, layout.width, 3) of the cells; only those of one are in memory."""
    held: list[Cell] = []
    for cell in cells:
        held.append(cell)
        if len(held) == layout.columns:
            yield _row(held, layout)
            held = []
    if held:
        yield _row(held, layout)


def _row(cells: Sequence[Cell], layout: Layout) -> Pixels:
    row = Image.new("RGB", (layout.width, layout.row), _PAPER)
    draw = ImageDraw.Draw(row)
    font = ImageFont.load_default(layout.letters)
    for place, cell in enumerate(cells):
        x = layout.gap + place * (layout.side + layout.gap)
        _draw_picture(row, draw, (x, layout.gap), cell, layout)
        y = layout.gap + layout.side + layout.gap // 2
        for number, text in enumerate(cell.lines):
            ink = _MARKS.get(cell.mark, _INK) if number == 0 else _INK if number == 1 else _FAINT
            fitted = shortened(text, lambda cut: font.getlength(cut) <= layout.side)
            draw.text((x, y + number * layout.line), fitted, fill=ink, font=font)
    return np.asarray(row)


def _draw_picture(
    row: Image.Image, draw: ImageDraw.ImageDraw, corner: tuple[int, int], cell: Cell, layout: Layout
) -> None:
    side = layout.side
    if cell.picture is None:
        draw.rectangle([*corner, corner[0] + side - 1, corner[1] + side - 1], fill=_NONE)
        box = (*corner, side, side)
    else:
        shown = scaled(cell.picture, side, side)
        height, width = shown.shape[:2]
        # At the bottom, above its text.
        box = (corner[0] + (side - width) // 2, corner[1] + side - height, width, height)
        row.paste(Image.fromarray(shown), box[:2])
    if cell.mark:
        frame = max(2, layout.gap // 4)
        x, y, width, height = box
        outer = [x - frame, y - frame, x + width + frame - 1, y + height + frame - 1]
        draw.rectangle(outer, outline=_MARKS[cell.mark], width=frame)


def scaled(picture: Pixels, width: int, height: int) -> Pixels:
    """Return a picture (h, w, 3) as large as it can be within a box; never more than twice enlarged."""
    scale = min(width / picture.shape[1], height / picture.shape[0], 2.0)
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


# --- as files ---------------------------------------------------------------------------------


def encoded(picture: Pixels, form: str) -> bytes:
    """Return a picture (h, w, 3) as the bytes of a signed file. form: "PNG", "JPEG" or "WEBP"."""
    out, image = io.BytesIO(), Image.fromarray(picture)
    if form == "PNG":
        sign = PngImagePlugin.PngInfo()
        sign.add_text("Software", SIGN)
        image.save(out, form, pnginfo=sign)
    elif form == "JPEG":
        image.save(out, form, quality=88, comment=SIGN)
    else:
        image.save(out, form, quality=88, xmp=SIGN.encode())
    return out.getvalue()


def few_colors(picture: Pixels, count: int) -> tuple[Pixels, npt.NDArray[np.uint8]]:
    """Return a picture in a few colors: the number of each pixel's (h, w), and the colors (n, 3)."""
    reduced = Image.fromarray(picture).quantize(count, Image.Quantize.FASTOCTREE)
    palette = np.array(reduced.getpalette(), np.uint8).reshape(-1, 3)
    places = np.asarray(reduced, np.uint8)
    return places, palette[: int(places.max()) + 1]
