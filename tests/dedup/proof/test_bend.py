"""A lens bends the photo of a screen smoothly; another point of view moves things in steps."""

import cv2
import numpy as np
import pytest
from PIL import Image

from lookalike.dedup.proof import classify
from lookalike.dedup.proof.align import frames, overlap
from lookalike.dedup.proof.picture import Sheet
from lookalike.tests.pictures import draw_photo

from .making import compare, facts


def shifted(photo: Image.Image, x: np.ndarray, y: np.ndarray) -> Image.Image:
    """Return the photo with each pixel taken from so many pixels aside; x, y: (h, w)."""
    height, width = x.shape
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    there = (across + x).astype(np.float32), (down + y).astype(np.float32)
    moved = cv2.remap(np.asarray(photo), *there, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return Image.fromarray(np.asarray(moved, np.uint8))


def through_a_lens(photo: Image.Image, strength: float) -> Image.Image:
    """Bend it as a barrel, by so many pixels in the corners."""
    across, down = np.meshgrid(np.linspace(-1, 1, photo.width), np.linspace(-1, 1, photo.height))
    out = strength * (across**2 + down**2) / 2
    return shifted(photo, out * across, out * down)


def seen_from_aside(photo: Image.Image, pixels: float) -> Image.Image:
    """Move what stands in the nearer half of the columns, three stripes of them, by so many pixels."""
    near = np.zeros((photo.height, photo.width))
    for left in (0.08, 0.4, 0.72):
        near[:, int(left * photo.width) : int((left + 0.18) * photo.width)] = pixels
    return shifted(photo, near, np.zeros_like(near))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("strength", [25, 30])
def test_the_photo_of_a_screen_is_a_copy_though_the_lens_bent_it(seed: int, strength: float) -> None:
    photo = draw_photo(seed)
    seen = through_a_lens(photo, strength)
    found = compare(photo, seen)
    assert (found.verdict, found.branch) == ("copy", "bent")
    assert not found.natural
    assert classify(found, facts(photo), facts(seen)) == "photo"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pixels", [8, 10, 12])
def test_another_point_of_view_is_not_bent_away(seed: int, pixels: float) -> None:
    photo = draw_photo(seed)
    assert compare(photo, seen_from_aside(photo, pixels)).verdict == "similar"


def test_two_pictures_of_which_either_seems_the_smaller_one_have_their_frames() -> None:
    """A bent map of parts can shrink the area both ways, there and back: no size to settle on for ever."""
    sheet = Sheet(np.zeros((192, 256), np.uint8))
    bent = np.array([[1.15, 0.03, 66.3], [-0.054, 1.19, -48.4], [0.00186, -0.00082, 1]])
    for matrix in (bent, np.linalg.inv(bent)):
        seen = overlap(sheet.size, sheet.size, matrix)
        assert seen is not None
        assert seen.scale < 1
        found = frames(sheet, sheet, matrix)
        assert found is not None
        assert max(found[0].size) >= 128
