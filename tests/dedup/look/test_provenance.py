"""Which of two copies was made from the other, and whether it holds anything of its own."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from lookalike.dedup.look.provenance import NOTHING, Provenance, provenance
from lookalike.dedup.proof.planes import Matrix, scaling
from lookalike.indexer.decode.full import open_full
from tests.pictures import color_profile, draw_photo, encode, exif_with

WIDTH, HEIGHT = 800, 600
Resampling, Transpose = Image.Resampling, Image.Transpose


def noisy(image: Image.Image, sigma: float, seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).normal(0, sigma, (image.height, image.width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data)).convert("RGB")


SCENE = noisy(draw_photo(3, WIDTH, HEIGHT), 4, 0)
ORIGINAL = encode(SCENE, quality=95)
SHOWN = opened(ORIGINAL)


def look(b: bytes, matrix: Matrix | None = None, a: bytes = ORIGINAL) -> Provenance:
    """Return the provenance of a and b; matrix None: all of a is all of b."""
    first, second = open_full(a), open_full(b)
    if matrix is None:
        matrix = scaling(second.size[0] / first.size[0], second.size[1] / first.size[1])
    inexact = np.array([[1, 0, 0.4], [0, 1, -0.3], [0, 0, 1]]) @ matrix  # as thumbnails tell it
    return provenance(first, second, inexact)


def moved(x: float, y: float) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


RESAVED: dict[str, dict[str, Any]] = {
    "jpeg 85": {"quality": 85},
    "jpeg 60": {"quality": 60},
    "jpeg 30": {"quality": 30},
    "progressive": {"quality": 80, "progressive": True},
    "4:4:4": {"quality": 80, "subsampling": "4:4:4"},
    "4:2:2": {"quality": 80, "subsampling": "4:2:2"},
}


@pytest.mark.parametrize("options", RESAVED.values(), ids=RESAVED)
def test_a_resaved_jpeg_was_made_from_the_finer_one_and_holds_nothing_of_its_own(
    options: dict[str, Any],
) -> None:
    found = look(encode(SHOWN, **options))

    assert (found.relation, found.how, found.model) == ("a", "exact", "same")
    assert found.is_whole
    assert found.places_a == found.places_b == ()


@pytest.mark.parametrize("quality", [85, 60])
def test_the_swapped_pair_gives_the_opposite(quality: int) -> None:
    copy = encode(SHOWN, quality=quality)

    found = look(ORIGINAL, a=copy)

    assert (found.relation, found.how, found.is_whole) == ("b", "exact", True)


def test_a_finer_resave_carries_the_steps_of_the_coarser_one() -> None:
    coarse = encode(SCENE, quality=75, subsampling="4:4:4")
    fine = encode(opened(coarse), quality=96, subsampling="4:4:4")

    found, back = look(fine, a=coarse), look(coarse, a=fine)

    assert (found.relation, found.how, found.is_whole) == ("a", "carried", True)
    assert (back.relation, back.how, back.is_whole) == ("b", "carried", True)


def test_color_tells_a_resave_whose_luma_did_not_change() -> None:
    colorful = encode(ImageEnhance.Color(noisy(draw_photo(5, WIDTH, HEIGHT), 9, 1)).enhance(2), quality=80)
    again = encode(opened(colorful), quality=80)

    found, back = look(again, a=colorful), look(colorful, a=again)

    assert (found.relation, found.is_whole) == ("a", True)
    assert (back.relation, back.is_whole) == ("b", True)


def test_files_of_one_picture_are_the_same() -> None:
    without_metadata = encode(SHOWN, "PNG")

    assert look(ORIGINAL) == Provenance("same", "exact", "same", is_whole=True)
    assert look(encode(SHOWN, "TIFF"), a=without_metadata).relation == "same"


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "BMP"])
def test_the_pixels_of_a_jpeg_in_a_lossless_file_come_from_the_jpeg(file_format: str) -> None:
    found = look(encode(SHOWN, file_format))

    assert (found.relation, found.how, found.is_whole) == ("a", "bitmap", True)


def test_another_decoder_rounds_otherwise_and_shows_the_same() -> None:
    pixels = np.asarray(SHOWN).astype(int)
    pixels += np.random.default_rng(1).choice([-1, 0, 1], pixels.shape, p=[0.05, 0.9, 0.05])
    found = look(encode(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), "PNG"))

    assert (found.relation, found.is_whole) == ("a", True)


def test_a_jpeg_exported_from_a_bitmap_was_made_from_it() -> None:
    found = look(encode(SCENE, quality=80), a=encode(SCENE, "PNG"))

    assert (found.relation, found.how, found.is_whole) == ("a", "bitmap", True)


@pytest.mark.parametrize("file_format", ["WEBP", "AVIF"])
def test_a_copy_without_a_table_cannot_be_the_source_of_the_jpeg(file_format: str) -> None:
    found = look(encode(SHOWN, file_format, quality=60))

    assert (found.relation, found.how) == ("a", "bitmap")


@pytest.mark.parametrize("kernel", ["LANCZOS", "BICUBIC", "BILINEAR", "HAMMING", "BOX"])
@pytest.mark.parametrize("share", [0.5, 0.37])
def test_a_resized_copy_is_explained_by_the_kernel_that_made_it(kernel: str, share: float) -> None:
    size = round(WIDTH * share), round(HEIGHT * share)
    found = look(encode(SHOWN.resize(size, Resampling[kernel]), quality=80))

    assert (found.relation, found.how, found.model) == ("a", "exact", "same")
    assert found.is_whole
    assert found.finer == "a"


def test_an_enlarged_copy_was_made_from_the_smaller_one() -> None:
    found = look(encode(SHOWN.resize((1200, 900), Resampling.BICUBIC), quality=85))

    assert (found.relation, found.is_whole, found.finer) == ("a", True, "")


def test_a_copy_of_unknown_kernel_and_blur_is_still_told_as_reduced() -> None:
    small = SHOWN.resize((400, 300), Resampling.LANCZOS).rotate(0.15, Resampling.BICUBIC)
    found = look(encode(small, quality=90))

    assert (found.relation, found.how, found.finer, found.is_whole) == ("a", "reduced", "a", False)


def test_a_crop_lies_wholly_within_the_earlier_one() -> None:
    found = look(encode(SHOWN.crop((13, 21, 761, 577)), quality=85), moved(-13, -21))
    back = look(ORIGINAL, moved(13, 21), a=encode(SHOWN.crop((13, 21, 761, 577)), quality=85))

    assert (found.relation, found.is_whole) == ("a", True)
    assert (back.relation, back.is_whole) == ("b", True)


def test_a_crop_that_was_resized_is_whole_too() -> None:
    cut = SHOWN.crop((40, 30, 780, 590)).resize((370, 280), Resampling.LANCZOS)
    found = look(encode(cut, quality=85), scaling(0.5, 0.5) @ moved(-40, -30))

    assert (found.relation, found.is_whole) == ("a", True)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_border_is_not_of_the_earlier_one(scale: float) -> None:
    size = round(WIDTH * scale), round(HEIGHT * scale)
    framed = ImageOps.expand(SHOWN.resize(size, Resampling.LANCZOS), 37, "white")
    found = look(encode(framed, quality=85), moved(37, 37) @ scaling(scale, scale))

    assert (found.relation, found.is_whole) == ("a", False)
    assert found.places_b == ()


TURNS: dict[Image.Transpose, Matrix] = {
    Transpose.FLIP_LEFT_RIGHT: np.array([[-1, 0, WIDTH], [0, 1, 0], [0, 0, 1.0]]),
    Transpose.ROTATE_180: np.array([[-1, 0, WIDTH], [0, -1, HEIGHT], [0, 0, 1.0]]),
    Transpose.ROTATE_90: np.array([[0, 1, 0], [-1, 0, WIDTH], [0, 0, 1.0]]),
    Transpose.TRANSVERSE: np.array([[0, -1, HEIGHT], [-1, 0, WIDTH], [0, 0, 1.0]]),
}


@pytest.mark.parametrize("turn", TURNS)
def test_turned_and_mirrored_copies_are_told_as_well(turn: Image.Transpose) -> None:
    found = look(encode(SHOWN.transpose(turn), quality=80), TURNS[turn])

    assert (found.relation, found.is_whole) == ("a", True)


BACK = {
    1: None,
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", BACK)
def test_a_flag_that_turns_either_file_changes_nothing(orientation: int) -> None:
    turn = BACK[orientation]
    stored = SHOWN if turn is None else SHOWN.transpose(turn)
    flag = exif_with({0x0112: orientation})
    flagged = encode(stored, quality=80, exif=flag)

    found = look(flagged)
    again = look(encode(opened_upright(flagged), quality=50), a=flagged)

    assert (found.relation, found.is_whole) == ("a", True)
    assert (again.relation, again.is_whole) == ("a", True)


def opened_upright(data: bytes) -> Image.Image:
    return Image.fromarray(open_full(data).rgb)


Change = Callable[[ImageDraw.ImageDraw], object]
CHANGES: dict[str, Change] = {
    "date stamp": lambda draw: draw.text((640, 560), "2019 03 02", fill=(255, 170, 0)),
    "small text": lambda draw: draw.text((300, 200), "(c) me", fill=(250, 250, 250)),
    "mole": lambda draw: draw.ellipse((402, 303, 405, 306), fill=(60, 30, 20)),
    "chess piece": lambda draw: draw.ellipse((200, 400, 224, 424), fill=(20, 20, 20)),
    "thin line": lambda draw: draw.line((100, 500, 130, 506), fill=(240, 240, 240)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("scale", [1.0, 0.6])
def test_something_small_that_was_added_is_not_explained_and_is_found(change: Change, scale: float) -> None:
    changed = SHOWN.copy()
    change(ImageDraw.Draw(changed))
    at = np.argwhere((np.asarray(changed) != np.asarray(SHOWN)).any(2)).mean(0) / (HEIGHT, WIDTH)
    size = round(WIDTH * scale), round(HEIGHT * scale)

    found = look(encode(changed.resize(size, Resampling.LANCZOS), quality=75))

    assert found.relation == "a"
    assert not found.is_whole
    for x, y, width, height in (found.places_a[0], found.places_b[0]):
        assert x <= at[1] <= x + width
        assert y <= at[0] <= y + height
        assert width * height < 0.05


def test_a_change_of_color_alone_is_found() -> None:
    pixels = np.asarray(SHOWN).astype(float)
    pixels[200:230, 300:340] += (25, -19, 25)  # of the same luma
    found = look(encode(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), quality=80))

    assert (found.relation, found.is_whole) == ("a", False)
    x, y, width, height = found.places_b[0]
    assert x < 320 / WIDTH < x + width
    assert y < 215 / HEIGHT < y + height


def page(number: str) -> Image.Image:
    sheet = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    for line in range(30):
        draw.text(
            (40, 20 + 18 * line), f"{line * 7919} and further {line * 104729} of them " * 3, fill="black"
        )
    draw.text((750, 580), number, fill="black")
    return sheet


def test_pages_whose_levels_are_cut_off_nearly_everywhere_are_told() -> None:
    scan = encode(page("1"), quality=95)

    copy = look(encode(opened(scan), quality=70), a=scan)
    other = look(encode(page("2"), quality=70), a=scan)

    assert (copy.relation, copy.is_whole) == ("a", True)
    assert not other.is_whole
    x, y, _, _ = other.places_b[0]
    assert x > 0.9
    assert y > 0.9


def test_two_shots_of_one_scene_do_not_explain_each_other() -> None:
    base = draw_photo(8, WIDTH, HEIGHT)
    found = look(encode(noisy(base, 2, 1), quality=80), a=encode(noisy(base, 2, 2), quality=80))

    assert not found.is_whole
    assert found.relation == ""


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "less color": lambda image: ImageEnhance.Color(image).enhance(0.6),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_tone_edit_is_known_as_one(edit: Callable[[Image.Image], Image.Image]) -> None:
    found = look(encode(edit(SHOWN), quality=85))

    assert (found.relation, found.model, found.is_whole) == ("a", "tone", True)


def test_a_profile_that_was_lost_shows_other_colors_and_makes_the_later_one() -> None:
    profile = color_profile("gXYZ", "rXYZ")
    original = encode(SCENE, quality=95, icc_profile=profile)
    kept = look(encode(opened(original), quality=70, icc_profile=profile), a=original)
    lost = look(encode(opened(original), quality=70), a=original)
    stripped = look(encode(SCENE, quality=95), a=original)

    converted = look(encode(opened_upright(original), quality=70), a=original)

    assert (converted.relation, converted.model, converted.is_whole) == ("a", "same", True)
    assert (kept.relation, kept.model, kept.is_whole) == ("a", "same", True)
    assert (lost.relation, lost.model) == ("a", "tone")
    assert (stripped.relation, stripped.model) == ("a", "tone")


def test_a_file_that_is_only_turned_by_its_flag_is_the_same() -> None:
    flagged = encode(SCENE, quality=95, exif=exif_with({0x0112: 6}))

    found = look(flagged, np.array([[0, -1, HEIGHT], [1, 0, 0], [0, 0, 1.0]]))

    assert (found.relation, found.how, found.is_whole) == ("same", "exact", True)


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (17, 40), (64, 64)])
def test_small_and_blank_pictures_are_no_trouble(size: tuple[int, int]) -> None:
    blank = encode(Image.new("RGB", size, (90, 120, 30)), quality=90)

    assert isinstance(look(blank), Provenance)
    assert isinstance(look(encode(draw_photo(1, *size)), a=blank), Provenance)


def test_tilted_and_useless_maps_tell_nothing() -> None:
    turn = np.array([[0.98, -0.2, 60], [0.2, 0.98, -40], [0, 0, 1.0]])
    copy = encode(SHOWN, quality=80)

    assert look(copy, turn) == NOTHING
    assert look(copy, moved(790, 0)) == NOTHING
    assert provenance(open_full(ORIGINAL), open_full(copy), np.full((3, 3), np.nan)) == NOTHING
    assert provenance(open_full(ORIGINAL), open_full(copy), np.zeros((3, 3))) == NOTHING
