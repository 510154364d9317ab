"""What is written to a terminal, read back into pixels."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from lookalike.output.sheet.cells import Pixels
from lookalike.output.sheet.graphics import blocks, iterm, kitty, nearest_of_256, sixel
from lookalike.tests.pictures import difference, draw_photo


@pytest.fixture
def picture() -> Pixels:
    return np.asarray(draw_photo(5, 150, 100))


def opened(data: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_kitty_gets_the_picture_in_chunks_that_it_takes(picture: Pixels) -> None:
    parts = re.findall(rb"\x1b_G([^;]*);([^\x1b]*)\x1b\\", kitty(picture, 20))

    assert len(parts) > 1
    assert all(len(data) <= 4096 for _, data in parts)
    assert [control.rpartition(b"m=")[2] for control, _ in parts] == [b"1"] * (len(parts) - 1) + [b"0"]
    assert b"c=20" in parts[0][0]
    assert (opened(base64.b64decode(b"".join(data for _, data in parts))) == picture).all()


def test_iterm_gets_the_picture_with_its_size(picture: Pixels) -> None:
    found = re.fullmatch(
        rb"\x1b\]1337;File=inline=1;size=(\d+);width=20;[^:]*:(.*)\x07\n", iterm(picture, 20)
    )

    assert found is not None
    data = base64.b64decode(found[2])
    assert len(data) == int(found[1])
    assert (opened(data) == picture).all()


def from_sixels(data: bytes) -> Pixels:
    """Draw sixels as a terminal does."""
    found = re.fullmatch(rb'\x1bP0;1q"1;1;(\d+);(\d+)(.*)\x1b\\\n', data, re.DOTALL)
    assert found is not None
    width, height = int(found[1]), int(found[2])
    shown = np.zeros((height + 6, width, 3), np.uint8)
    colors: dict[int, list[int]] = {}
    x = y = color = 0
    for token in re.finditer(rb"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|([$-])", found[3]):
        if token[1]:
            colors[int(token[1])] = [round(int(token[n]) * 2.55) for n in (2, 3, 4)]
        elif token[5]:
            color = int(token[5])
        elif token[9]:
            x, y = 0, y + 6 * (token[9] == b"-")
        else:
            count, bits = int(token[6] or 1), (token[7] or token[8])[0] - 63
            for row in range(6):
                if bits >> row & 1:
                    shown[y + row, x : x + count] = colors[color]
            x += count
    return shown[:height]


def test_sixels_draw_the_picture_in_few_colors(picture: Pixels) -> None:
    shown = from_sixels(sixel(picture))

    assert shown.shape == picture.shape
    assert difference(shown, picture) < 8


def test_a_picture_of_two_colors_is_exact_in_sixels() -> None:
    flag = np.zeros((13, 7, 3), np.uint8)  # a height of no whole bands
    flag[5:] = 255

    assert (from_sixels(sixel(flag)) == flag).all()


def test_half_blocks_have_every_pixel_in_its_color(picture: Pixels) -> None:
    small = picture[:9, :30]  # an odd height: the last row is shown twice

    colors = []
    for line in blocks(small, true_color=True):
        upper, lower = [], []
        now: list[int] = []
        for token in re.finditer(r"\x1b\[38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m|▀", line):
            now = [int(each) for each in token.groups()] if token[1] else now
            if not token[1]:
                upper.append(now[:3])
                lower.append(now[3:])
        colors += [upper, lower]
    assert (np.array(colors)[:9] == small).all()
    assert (np.array(colors)[9] == small[8]).all()


def test_of_256_colors_the_nearest_is_taken() -> None:
    some = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [90, 140, 220]], np.uint8)

    assert nearest_of_256(some).tolist() == [16, 231, 196, 68]
    assert "38;5;196;48;5;196" in blocks(some[2:3].repeat(2, 0)[:, None], true_color=False)[0]
