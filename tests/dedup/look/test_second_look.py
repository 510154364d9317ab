"""What differs is found in its place; what saving, resizing and converting do is not."""

import io
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from lookalike.dedup.look import Box
from lookalike.dedup.look.second_look import SecondLook, second_look
from lookalike.dedup.proof.planes import Matrix
from tests.pictures import draw_photo, encode

Change = Callable[[Image.Image], Box]
Saving = tuple[str, dict[str, Any], float]

JPEG_85: Saving = ("JPEG", {"quality": 85}, 1.0)
SAVINGS: dict[str, Saving] = {
    "q85": JPEG_85,
    "q60": ("JPEG", {"quality": 60}, 1.0),
    "q75_progressive": ("JPEG", {"quality": 75, "progressive": True}, 1.0),
    "half": ("JPEG", {"quality": 80}, 0.5),
    "three_quarters": ("JPEG", {"quality": 75}, 0.75),
    "webp": ("WEBP", {"quality": 75}, 1.0),
    "avif": ("AVIF", {"quality": 65}, 1.0),
    "png": ("PNG", {}, 0.6),
}


def noisy(image: Image.Image, seed: int = 0) -> Image.Image:
    """Give a drawn picture the grain of a sensor."""
    grain = np.random.default_rng(seed).normal(0, 3, (image.height, image.width, 1))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def photo(seed: int = 5, width: int = 960, height: int = 720) -> Image.Image:
    return _photo(seed, width, height).copy()


@cache
def _photo(seed: int, width: int, height: int) -> Image.Image:
    return noisy(draw_photo(seed, width, height), seed)


def saved(image: Image.Image, saving: Saving) -> tuple[Image.Image, int]:
    """Resize and encode; return what is decoded, and the bytes."""
    kind, options, scale = saving
    small = image.resize(
        (round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS
    )
    data = encode(small, kind, **options)
    return Image.open(io.BytesIO(data)).convert("RGB"), len(data)


def looked(
    a: Image.Image, b: Image.Image, matrix: Matrix | None = None, sizes: tuple[int, int] = (2, 1)
) -> SecondLook:
    scaled = np.diag([b.width / a.width, b.height / a.height, 1.0])
    return second_look(np.asarray(a), np.asarray(b), scaled if matrix is None else matrix, *sizes)


def score(look: SecondLook) -> float:
    assert look.score is not None, look.failed
    return look.score


def overlap(one: Box, other: Box) -> bool:
    return all(one[i] < other[i] + other[i + 2] and other[i] < one[i] + one[i + 2] for i in (0, 1))


def as_shares(image: Image.Image, box: tuple[float, float, float, float]) -> Box:
    left, upper, right, lower = box
    width, height = image.size
    return left / width, upper / height, (right - left) / width, (lower - upper) / height


# What people and cameras change


def text_line(image: Image.Image) -> Box:
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(18)
    draw.text((300, 420), "Room 12, second floor", "white", font, stroke_width=1, stroke_fill="black")
    return as_shares(image, draw.textbbox((300, 420), "Room 12, second floor", font, stroke_width=1))


def mole(image: Image.Image) -> Box:
    box = (500, 300, 508, 308)
    dark = ImageEnhance.Brightness(image.crop(box)).enhance(0.45)
    mask = Image.new("L", (8, 8), 0)
    ImageDraw.Draw(mask).ellipse((0, 0, 7, 7), fill=255)
    image.paste(dark, box[:2], mask)
    return as_shares(image, box)


def recolored_spot(image: Image.Image) -> Box:
    box = (200, 500, 232, 532)
    hue, saturation, value = image.crop(box).convert("HSV").split()
    turned = hue.point(lambda level: (level + 110) % 256)
    more = saturation.point(lambda level: min(255, level + 90))
    image.paste(Image.merge("HSV", (turned, more, value)).convert("RGB"), box[:2])
    return as_shares(image, box)


def clock_digit(image: Image.Image) -> Box:
    draw = ImageDraw.Draw(image)
    box = (900, 4, 914, 22)
    draw.rectangle(box, fill="black")
    draw.text((901, 2), "8", "white", ImageFont.load_default(18))
    return as_shares(image, box)


def clock(image: Image.Image) -> None:
    draw = ImageDraw.Draw(image)
    draw.rectangle((740, 4, 925, 22), fill="black")
    draw.text((742, 2), "2024-05-17 10:42:1", "white", ImageFont.load_default(18))
    draw.text((901, 2), "1", "white", ImageFont.load_default(18))


def moved_piece(image: Image.Image) -> Box:
    piece = image.crop((420, 160, 450, 190))
    image.paste(piece, (426, 160))
    return as_shares(image, (420, 160, 456, 190))


CHANGES: tuple[Change, ...] = (text_line, mole, recolored_spot, clock_digit, moved_piece)


@pytest.mark.parametrize("name", SAVINGS)
@pytest.mark.parametrize("seed", [5, 7])
def test_a_plain_copy_does_not_differ(name: str, seed: int) -> None:
    original, size = saved(photo(seed), ("JPEG", {"quality": 93}, 1.0))
    copy, copy_size = saved(original, SAVINGS[name])

    look = looked(original, copy, sizes=(size, copy_size))

    assert score(look) < 0.8
    assert look.places_a == look.places_b == ()
    assert look.toning.is_plain


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["q85", "q60", "three_quarters", "webp"])
def test_a_small_difference_is_found_in_its_place(change: Change, name: str) -> None:
    original = photo(5)
    clock(original)
    changed = original.copy()
    truth = change(changed)
    a, size = saved(original, ("JPEG", {"quality": 93}, 1.0))
    b, small = saved(changed, SAVINGS[name])

    look = looked(a, b, sizes=(size, small))

    assert score(look) >= 1
    assert overlap(look.places_a[0], truth)
    assert overlap(look.places_b[0], truth)


def test_the_answer_is_the_same_from_both_sides() -> None:
    original = photo(6)
    changed = original.copy()
    text_line(changed)
    a, _ = saved(original, ("JPEG", {"quality": 93}, 1.0))
    b, _ = saved(ImageEnhance.Brightness(changed).enhance(1.1), SAVINGS["half"])

    there, back = looked(a, b), looked(b, a, sizes=(1, 2))

    assert (there.lesser, back.lesser) == ("b", "a")
    assert score(there) == pytest.approx(score(back), abs=1e-6)
    assert np.array(there.places_a) == pytest.approx(np.array(back.places_b))
    assert there.toning.brightness == -back.toning.brightness
    assert there.toning.contrast == pytest.approx(1 / back.toning.contrast)


def test_two_files_of_one_size_are_put_into_the_same_order_from_both_sides() -> None:
    a, _ = saved(photo(6), ("JPEG", {"quality": 93}, 1.0))
    b, _ = saved(a, SAVINGS["q60"])

    there, back = looked(a, b, sizes=(7, 7)), looked(b, a, sizes=(7, 7))

    assert there.lesser != back.lesser
    assert score(there) == score(back)


@pytest.mark.parametrize("kind", [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90])
def test_a_mirrored_or_turned_copy_is_looked_at_as_well(kind: Image.Transpose) -> None:
    original = photo(7)
    changed = original.copy()
    x, y, width, height = text_line(changed)
    w, h = original.size
    if kind is Image.Transpose.FLIP_LEFT_RIGHT:
        matrix = np.array([[-1, 0, w], [0, 1, 0], [0, 0, 1.0]])
        truth = (1 - x - width, y, width, height)
    else:
        matrix = np.array([[0, 1, 0], [-1, 0, w], [0, 0, 1.0]])
        truth = (y, 1 - x - width, height, width)
    plain, _ = saved(original.transpose(kind), SAVINGS["q60"])
    written, _ = saved(changed.transpose(kind), SAVINGS["q60"])

    assert h != w
    assert score(looked(original, plain, matrix)) < 0.8
    look = looked(original, written, matrix)
    assert overlap(look.places_a[0], (x, y, width, height))
    assert overlap(look.places_b[0], truth)


def test_a_cut_out_of_the_same_picture_does_not_differ() -> None:
    original = photo(8)
    part, _ = saved(original.crop((67, 41, 900, 677)), SAVINGS["q60"])
    rough = np.array([[1.001, 0, -66], [0, 1.001, -42], [0, 0, 1]])

    look = looked(original, part, rough)

    assert score(look) < 0.8


def test_a_difference_outside_of_a_cut_out_is_none_of_the_shared_part() -> None:
    original = photo(8)
    part, _ = saved(original.crop((67, 41, 900, 677)), SAVINGS["q60"])
    ImageDraw.Draw(original).rectangle((910, 10, 950, 30), fill="red")

    assert score(looked(original, part, np.array([[1, 0, -67], [0, 1, -41], [0, 0, 1.0]]))) < 0.8


def test_a_lossless_copy_scores_nothing() -> None:
    original = photo(9)

    look = looked(original, original.copy())

    assert look.score == 0
    assert look.toning.is_plain


def board(*pieces: tuple[int, int]) -> Image.Image:
    """Draw a board of flat colors, which has no noise to hide in."""
    image = Image.new("RGB", (480, 480))
    draw = ImageDraw.Draw(image)
    for at in range(64):
        x, y = at % 8 * 60, at // 8 * 60
        color = (240, 217, 181) if (at % 8 + at // 8) % 2 else (181, 136, 99)
        draw.rectangle((x, y, x + 59, y + 59), fill=color)
    for x, y in pieces:
        draw.ellipse((x * 60 + 8, y * 60 + 8, x * 60 + 52, y * 60 + 52), fill="black")
    return image


@pytest.mark.parametrize("saving", [("PNG", {}, 1.0), SAVINGS["q60"], SAVINGS["half"]])
def test_a_moved_piece_on_a_flat_board_is_found(saving: Saving) -> None:
    before, after = board((1, 1), (3, 6)), board((1, 1), (3, 4))
    b, _ = saved(after, saving)
    plain, _ = saved(before, saving)

    look = looked(before, b)

    assert score(look) >= 1
    for y in (4, 6):
        assert any(overlap(box, (3 / 8, y / 8, 1 / 8, 1 / 8)) for box in look.places_a)
    assert score(looked(before, plain)) < 0.8


@pytest.mark.parametrize(
    ("alter", "name"),
    [
        (lambda image: image.point(lambda level: min(255, level + 12)), "brightness"),
        (ImageEnhance.Contrast, "contrast"),
        (ImageEnhance.Color, "saturation"),
    ],
)
def test_a_slight_change_of_tone_is_told_before_it_is_fitted(alter: Any, name: str) -> None:
    original = photo(10)
    altered = alter(original)
    b, _ = saved(altered if isinstance(altered, Image.Image) else altered.enhance(1.2), JPEG_85)

    tones = looked(original, b).toning

    assert not tones.is_plain
    told = {
        "brightness": 9 < tones.brightness < 13,
        "contrast": 1.1 < tones.contrast < 1.25,
        "saturation": 1.1 < tones.saturation < 1.25,
    }
    assert told[name]


def test_a_grey_copy_has_lost_its_color_and_nothing_else() -> None:
    original = photo(11)
    b, _ = saved(original.convert("L").convert("RGB"), JPEG_85)

    look = looked(original, b)

    assert look.toning.saturation < 0.5
    assert abs(look.toning.brightness) <= 2


def test_grey_pictures_are_looked_at() -> None:
    original = photo(11).convert("L").convert("RGB")
    changed = original.copy()
    truth = mole(changed)

    assert score(looked(original, saved(original, JPEG_85)[0])) < 0.8
    assert overlap(looked(original, saved(changed, JPEG_85)[0]).places_b[0], truth)


@pytest.mark.parametrize("size", [(1, 1), (40, 30), (47, 300)])
def test_a_tiny_picture_cannot_be_looked_at(size: tuple[int, int]) -> None:
    look = looked(draw_photo(1, *size), draw_photo(2, *size))

    assert look.score is None
    assert look.failed


@pytest.mark.parametrize("size", [(48, 48), (64, 49), (400, 300)])
def test_blank_pictures_raise_nothing(size: tuple[int, int]) -> None:
    white, grey = Image.new("RGB", size, "white"), Image.new("RGB", size, (250, 250, 250))

    assert looked(white, white).score == 0
    assert isinstance(looked(white, grey), SecondLook)


@pytest.mark.parametrize(
    "matrix", [np.zeros((3, 3)), np.full((3, 3), np.nan), np.diag([1e9, 1e9, 1.0]), np.eye(3) * 1e-12]
)
def test_a_map_that_is_none_is_a_reason(matrix: Matrix) -> None:
    look = looked(photo(1, 300, 200), photo(2, 300, 200), matrix)

    assert look.score is None or look.score >= 0
    assert (look.score is None) == bool(look.failed)
