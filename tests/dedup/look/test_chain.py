"""Copies that were saved several times: explained by the same saves; no other change is."""

from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from lookalike.dedup.look.provenance import Provenance, provenance
from lookalike.dedup.proof.planes import scaling
from lookalike.indexer.decode.full import open_full
from lookalike.tests.pictures import draw_photo, encode

WIDTH, HEIGHT = 320, 240


def photo(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).normal(0, 4, (HEIGHT, WIDTH, 3))
    drawn = np.asarray(draw_photo(seed, WIDTH, HEIGHT))
    return Image.fromarray(np.clip(drawn + noise, 0, 255).astype(np.uint8))


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data)).convert("RGB")


ORIGINAL = encode(photo(3), quality=94)
SHOWN = opened(ORIGINAL)


def saved(image: Image.Image, *each: dict[str, Any]) -> bytes:
    """Return a picture that was saved so often, each time what the save before left."""
    data = b""
    for options in each:
        data = encode(image, **options)
        image = opened(data)
    return data


def look(a: bytes, b: bytes) -> Provenance:
    first, second = open_full(a), open_full(b)
    return provenance(
        first, second, scaling(second.size[0] / first.size[0], second.size[1] / first.size[1])
    )


CHAINS: dict[str, tuple[dict[str, Any], ...]] = {
    "coarse, fine": ({"quality": 62}, {"quality": 90}),
    "fine, coarse": ({"quality": 84}, {"quality": 70}),
    "three": ({"quality": 80}, {"quality": 66}, {"quality": 88}),
    "the same twice": ({"quality": 75}, {"quality": 75}, {"quality": 85}),
    "4:4:4 first": ({"quality": 70, "subsampling": "4:4:4"}, {"quality": 82}),
}


@pytest.mark.parametrize("saves", CHAINS.values(), ids=CHAINS)
def test_a_copy_saved_several_times_was_made_from_the_original(saves: tuple[dict[str, Any], ...]) -> None:
    copy = saved(SHOWN, *saves)

    found, back = look(ORIGINAL, copy), look(copy, ORIGINAL)

    assert (found.relation, found.is_whole) == ("a", True)
    assert (back.relation, back.is_whole) == ("b", True)


def test_no_copy_of_several_saves_is_taken_for_the_original_because_curves_explain_it() -> None:
    original = encode(photo(7), quality=75, subsampling="4:4:4")
    copy = saved(opened(original), {"quality": 85}, {"quality": 85}, {"quality": 90})

    assert look(original, copy).relation != "b"
    assert look(copy, original).relation != "a"


def test_saves_after_a_resize_are_found_too() -> None:
    small = SHOWN.resize((240, 180), Image.Resampling.BICUBIC)

    found = look(ORIGINAL, saved(small, {"quality": 68}, {"quality": 80}))

    assert (found.relation, found.how, found.is_whole) == ("a", "saves", True)


def test_what_was_drawn_into_a_copy_before_its_last_save_is_a_place() -> None:
    between = opened(saved(SHOWN, {"quality": 65}))
    ImageDraw.Draw(between).ellipse((150, 110, 157, 117), fill=(60, 40, 30))

    found = look(ORIGINAL, saved(between, {"quality": 85}))

    assert (found.relation, found.how, found.is_whole) == ("a", "saves", False)
    (x, y, width, height) = found.places_b[0]
    assert x <= 153 / WIDTH <= x + width
    assert y <= 113 / HEIGHT <= y + height


def denoised(image: Image.Image) -> Image.Image:
    levels = np.ascontiguousarray(np.asarray(image))
    return Image.fromarray(cv2.fastNlMeansDenoisingColored(levels, None, 3, 3, 5, 11))


@pytest.mark.parametrize("quality", [95, 85, 75])
@pytest.mark.parametrize(
    "edit",
    [denoised, lambda image: image.filter(ImageFilter.UnsharpMask(1, 40, 0))],
    ids=["denoised", "sharpened"],
)
def test_no_saves_explain_a_faint_filter(edit: Any, quality: int) -> None:
    found = look(ORIGINAL, encode(edit(SHOWN), quality=quality))

    assert not found.is_whole
    assert found.how != "saves"
