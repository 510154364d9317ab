"""Answers as pictures in a terminal."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...search.answers import Answer
from ...store.store import Store
from ..text import shortened
from .cells import Cell, Pixels, cells, count_cells
from .drawing import Layout, rows, scaled
from .graphics import blocks, iterm, kitty, sixel

How = Literal["kitty", "iterm", "sixel", "blocks"]

# Where the terminal does not tell how large its letters are.
LETTER = (8, 16)

# A picture of half blocks: columns, and lines of two pixels.
_WIDE, _HIGH = 24, 10
_BETWEEN = 2


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal. columns: of text. letter: width and height of one, in pixels. true_color: for blocks."""

    how: How
    columns: int = 80
    letter: tuple[int, int] = LETTER
    true_color: bool = True


def previews(answers: Iterable[Answer], store: Store, screen: Screen) -> Iterator[bytes]:
    """Yield what shows answers in a terminal, row by row.

    Raises:
        UsageError: there are more pictures than one sheet holds.
    """
    for answer in answers:
        count_cells([answer])
        shown = cells(answer, store)
        yield from _as_text(shown, screen) if screen.how == "blocks" else _as_pictures(shown, screen)


def _as_pictures(shown: Iterable[Cell], screen: Screen) -> Iterator[bytes]:
    """Yield a picture for each row: one for all could be higher than the screen."""
    layout = _layout(screen)
    wide = min(-(-layout.width // screen.letter[0]), screen.columns)
    for row in rows(shown, layout):
        if screen.how == "sixel":
            yield sixel(row)
        else:
            yield kitty(row, wide) if screen.how == "kitty" else iterm(row, wide)


def _layout(screen: Screen) -> Layout:
    width = screen.columns * screen.letter[0]
    letters = max(9, min(screen.letter[1] * 3 // 4, 24))
    side = max(64, 11 * letters)
    columns = max(1, (width - side // 14) // (side + side // 14))
    return Layout(min(side, max(32, width - 12)), columns, letters)


def _as_text(shown: Iterable[Cell], screen: Screen) -> Iterator[bytes]:
    across = max(1, (screen.columns + _BETWEEN) // (_WIDE + _BETWEEN))
    held: list[Cell] = []
    for cell in shown:
        held.append(cell)
        if len(held) == across:
            yield _text_row(held, screen)
            held = []
    if held:
        yield _text_row(held, screen)


def _text_row(row: list[Cell], screen: Screen) -> bytes:
    wide = min(_WIDE, screen.columns)
    pictures = [_lines(cell.picture, wide, screen.true_color) for cell in row]
    texts = [[_padded(line, wide) for line in (_headed(cell), *cell.lines[1:])] for cell in row]
    lines = [*zip(*pictures, strict=True), *zip(*texts, strict=True)]
    return "".join((" " * _BETWEEN).join(line).rstrip() + "\n" for line in [*lines, ()]).encode()


def _headed(cell: Cell) -> str:
    return f"[{cell.lines[0]}]" if cell.mark else cell.lines[0]


def _lines(picture: Pixels | None, wide: int, true_color: bool) -> list[str]:
    """Return exactly _HIGH lines of exactly so many columns, the picture at the lower left."""
    if picture is None:
        return [" " * wide] * _HIGH
    shown = scaled(picture, wide, 2 * _HIGH)
    if len(shown) % 2:
        shown = np.concatenate([shown, shown[-1:]])
    rest = " " * (wide - shown.shape[1])
    drawn = [line + rest for line in blocks(shown, true_color=true_color)]
    return [" " * wide] * (_HIGH - len(drawn)) + drawn


def _padded(text: str, wide: int) -> str:
    return shortened(text, lambda cut: len(cut) <= wide)[:wide].ljust(wide)
