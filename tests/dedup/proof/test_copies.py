import pytest
from PIL import Image

from lookalike.dedup.proof import classify, describe
from lookalike.tests.dedup.proof import making
from lookalike.tests.dedup.proof.making import Alteration, compare, facts
from lookalike.tests.pictures import draw_photo

Turn = Image.Transpose

COPIES: dict[str, tuple[Alteration, str, str]] = {
    # what was done: how to do it, the class, words that must be said of it
    "saved again": (making.saved(20), "resaved", ""),
    "half the size": (making.resized(0.5), "resized", "smaller (320x240)"),
    "a quarter of the size": (making.resized(0.25), "resized", "smaller (160x120)"),
    "larger": (making.resized(1.5), "resized", "larger (960x720)"),
    "cropped to 90 %": (making.cropped(0.9), "cropped", "cropped to 81 %"),
    "cropped to 70 %": (making.cropped(0.7, 0.2, 0.9), "cropped", "cropped to 49 %"),
    "cropped to 60 %": (making.cropped(0.6, 0.4, 0.6), "cropped", "cropped to 36 %"),
    "white border": (making.bordered(0.08), "framed", "in a frame"),
    "black border": (making.bordered(0.15, (0, 0, 0)), "framed", "in a frame"),
    "date stamp": (making.stamped, "edited", "of the details differ"),
    "watermark": (making.watermarked, "edited", "of the details differ"),
    "turned left": (making.turned(Turn.ROTATE_90), "turned", "turned 90 degrees counterclockwise"),
    "turned over": (making.turned(Turn.ROTATE_180), "turned", "turned 180 degrees"),
    "turned right": (making.turned(Turn.ROTATE_270), "turned", "turned 90 degrees clockwise"),
    "mirrored": (making.turned(Turn.FLIP_LEFT_RIGHT), "mirrored", "mirrored"),
    "upside down": (making.turned(Turn.FLIP_TOP_BOTTOM), "mirrored", "mirrored top to bottom"),
    "tilted 3 degrees": (making.tilted(3), "tilted", "tilted 3 degrees"),
    "tilted 25 degrees": (making.tilted(25), "tilted", "tilted 25 degrees"),
    "straightened": (making.straightened(3), "tilted", "tilted 3 degrees, cropped to"),
    "brighter": (making.lit(1.3), "edited", "brighter"),
    "darker": (making.lit(0.6), "edited", "darker"),
    "more contrast": (making.contrasted(1.4), "edited", "contrast"),
    "less contrast": (making.contrasted(0.6), "edited", "less contrast"),
    "more color": (making.saturated(1.8), "edited", "more color"),
    "grey": (making.greyed, "edited", "without color"),
    "blurred": (making.blurred, "resaved", ""),
    "noisy": (making.noisy, "resaved", ""),
    "screenshot": (making.screenshotted, "framed", "in a frame"),
    "photo of a screen": (making.photographed, "photo", "photo of the picture"),
}


@pytest.mark.parametrize("what", COPIES)
@pytest.mark.parametrize("seed", [3, 8])
def test_a_copy_is_proven(what: str, seed: int) -> None:
    original = draw_photo(seed)

    evidence = compare(original, COPIES[what][0](original))

    assert evidence.verdict == "copy", evidence
    assert evidence.probability >= 0.5


@pytest.mark.parametrize("what", COPIES)
def test_a_copy_is_named(what: str) -> None:
    alter, word, said = COPIES[what]
    original = draw_photo(3)
    copy = alter(original)
    evidence = compare(original, copy)

    assert classify(evidence, facts(original), facts(copy)) == word
    assert said in describe(evidence, facts(original), facts(copy))


def test_another_format_of_the_same_pixels_is_converted() -> None:
    original = draw_photo(3)

    evidence = compare(original, original)

    assert classify(evidence, facts(original), facts(original, "WEBP")) == "converted"
    assert describe(evidence, facts(original), facts(original, "WEBP")) == ""


@pytest.mark.parametrize("angle", [3, 25])
def test_a_tilted_copy_is_never_selected_unseen(angle: int) -> None:
    original = draw_photo(3)

    assert compare(original, making.resized(0.5)(original)).natural
    assert not compare(original, making.tilted(angle)(original)).natural


def test_black_corners_are_no_part_of_the_picture() -> None:
    original = draw_photo(5)

    evidence = compare(original, making.tilted(25)(original))

    assert evidence.overlap_a < 0.9
    assert evidence.containment > 0.995


def test_two_crops_of_one_photo_are_copies_but_not_selected_unseen() -> None:
    original = draw_photo(4)

    evidence = compare(making.cropped(0.85, 0, 0.2)(original), making.cropped(0.85, 1, 0.8)(original))

    assert (evidence.verdict, evidence.branch, evidence.natural) == ("copy", "crops", False)


def test_the_map_puts_points_of_one_picture_on_the_other() -> None:
    original = draw_photo(6)
    crop = making.cropped(0.5, 1, 1)(original)  # the lower right quarter: its corner is the middle

    evidence = compare(original, crop)
    matrix = evidence.matrix

    assert evidence.how == "features"
    middle = [matrix[row] * 128 + matrix[row + 1] * 96 + matrix[row + 2] for row in (0, 3)]
    assert middle == pytest.approx([0, 0], abs=0.5)
