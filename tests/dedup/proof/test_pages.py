"""Pages and near-blank pictures: one word matters more than all the rest."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from lookalike.dedup.proof import Evidence, reversed_evidence
from lookalike.tests.dedup.proof import making
from lookalike.tests.dedup.proof.making import compare
from lookalike.tests.pictures import draw_photo


def blank(color: str | tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (640, 480), color)


def dotted(color: str = "white", dot: str = "black") -> Image.Image:
    image = blank(color)
    ImageDraw.Draw(image).ellipse((300, 200, 312, 212), fill=dot)
    return image


def ramp(low: int, high: int, *, across: bool = False) -> Image.Image:
    levels = np.linspace(low, high, 640 if across else 480).astype(np.uint8)
    plane = np.tile(levels, (480, 1)) if across else np.tile(levels[:, None], (1, 640))
    return Image.fromarray(plane).convert("RGB")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (blank("black"), blank((3, 3, 3))),
        (blank("black"), blank((12, 12, 12))),
        (blank("white"), dotted()),
        (dotted(), dotted("white", "red")),
        (blank("black"), dotted("black", "white")),
        (ramp(0, 255), ramp(10, 255)),
        (ramp(0, 255), ramp(0, 255, across=True)),
        (ramp(0, 255), ramp(255, 0)),
        (ramp(0, 255), making.saved(40)(ramp(0, 255))),
        (ramp(100, 110), blank((105, 105, 105))),
    ],
)
def test_nearly_blank_pictures_are_never_joined_by_a_proof(a: Image.Image, b: Image.Image) -> None:
    evidence = compare(a, b)

    assert evidence.verdict == "similar"
    assert evidence.differs == evidence.differs_b == ()


def invoice(total: str, number: str = "2023-0417") -> Image.Image:
    image = Image.new("RGB", (600, 800), (253, 253, 251))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(26)
    for row in range(14):
        draw.text(
            (50, 60 + 40 * row),
            f"item {row * 37 % 91:02}  of the order   {row * 13}.00",
            (25, 25, 25),
            font,
        )
    draw.text((50, 20), f"invoice {number}", (25, 25, 25), font)
    draw.text((50, 700), f"to pay: {total} Euro", (25, 25, 25), font)
    return image


@pytest.mark.parametrize("total", ["9,780.00", "7,250.00"])
@pytest.mark.parametrize("alter", [making.resized(1), making.saved(60), making.resized(0.5)])
def test_a_page_with_another_word_or_digit_is_boxed_and_never_natural(
    total: str, alter: making.Alteration
) -> None:
    evidence = compare(invoice("1,250.00"), alter(invoice(total)))

    assert (evidence.verdict, evidence.page, evidence.natural) == ("copy", True, False)
    ((x, y, width, height),) = evidence.differs
    assert x < 150 / 600 < x + width
    assert y < 715 / 800 < y + height
    assert width < 0.35
    assert height < 0.15


@pytest.mark.parametrize(
    "alter", [making.saved(60), making.saved(30), making.resized(0.5), making.bordered(0.1), making.blurred]
)
def test_a_page_without_a_change_has_no_boxes_and_is_not_natural_either(alter: making.Alteration) -> None:
    evidence = compare(invoice("1,250.00"), alter(invoice("1,250.00")))

    assert (evidence.verdict, evidence.page, evidence.natural) == ("copy", True, False)
    assert evidence.differs == ()


def chat(seed: int) -> Image.Image:
    """Return a screen of a chat: white, with the same number of lines whatever they say."""
    image, numbers = Image.new("RGB", (540, 1170), "white"), np.random.default_rng(seed).random(30)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(22)
    for row, number in enumerate(numbers):
        draw.text((20, 24 + 36 * row), f"Chat {seed} line {row} {number}", "black", font)
    return image


@pytest.mark.parametrize(("a", "b"), [(0, 1), (0, 3), (1, 2), (2, 3), (2, 4)])
def test_screens_that_share_no_more_than_their_layout_are_no_copies(a: int, b: int) -> None:
    evidence = compare(chat(a), chat(b))

    assert evidence.verdict == "similar"
    assert evidence.page


@pytest.mark.parametrize("alter", [making.saved(30), making.resized(0.4), making.bordered(0.1)])
def test_a_screen_that_was_saved_again_is_a_copy(alter: making.Alteration) -> None:
    assert compare(chat(0), alter(chat(0))).verdict == "copy"


def slide(number: str, ground: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGB", (800, 600), ground)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(30)
    for row in range(10):
        draw.text((60, 60 + 45 * row), f"point {row}: some words of a slide {row * 7}", "white", font)
    draw.text((60, 530), f"result: {number}", "white", font)
    return image


@pytest.mark.parametrize("ground", [(30, 60, 140), (0, 90, 60), (20, 20, 24), (160, 40, 40)])
def test_a_slide_in_any_color_is_a_page(ground: tuple[int, int, int]) -> None:
    evidence = compare(slide("1250", ground), making.saved(70)(slide("7250", ground)))

    assert evidence.page
    assert not evidence.natural
    ((x, y, width, height),) = evidence.differs
    assert (x, y) < (170 / 800, 545 / 600) < (x + width, y + height)


def test_boxes_lie_where_the_other_picture_shows_them() -> None:
    original = making.page()
    changed = making.bordered(0.1)(making.page(changed=9))
    there = compare(original, changed)
    back = reversed_evidence(there)

    assert there.verdict == "copy"
    assert (back.differs, back.differs_b) == (there.differs_b, there.differs)
    assert compare(changed, original).differs == back.differs
    line = 50 + 40 * 9 + 12
    assert any(y * 800 <= line <= (y + height) * 800 for _, y, _, height in there.differs)
    assert any(y * 920 <= line + 60 <= (y + height) * 920 for _, y, _, height in there.differs_b)


def test_a_stamp_on_a_photo_is_boxed() -> None:
    original = draw_photo(3)

    evidence = compare(original, making.stamped(original))

    assert not evidence.page
    assert evidence.differs
    assert all(y + height > 0.8 for _, y, _, height in evidence.differs)


def test_copies_that_differ_nowhere_and_other_photos_carry_no_boxes() -> None:
    assert compare(draw_photo(3), making.resized(0.5)(draw_photo(3))).differs == ()
    assert compare(draw_photo(3), draw_photo(4)).differs == ()


def test_boxes_come_back_from_json() -> None:
    evidence = compare(draw_photo(3), making.stamped(draw_photo(3)))

    assert Evidence.from_dict(evidence.as_dict()) == evidence
    assert Evidence.from_dict({"verdict": "copy"}).differs == ()
