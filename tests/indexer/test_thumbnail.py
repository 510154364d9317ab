import io

import numpy as np
from PIL import Image

from lookalike.indexer.decode.photo import make_thumbnail
from lookalike.tests.pictures import Pixels, difference, draw_photo


def read(thumbnail: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(thumbnail)))


def test_a_thumbnail_shows_the_photo_in_color_and_in_its_shape() -> None:
    for width, height, expected in (
        (1000, 750, (192, 256)),
        (600, 1800, (256, 85)),
        (257, 257, (256, 256)),
    ):
        photo = draw_photo(1, width, height)
        thumbnail = read(make_thumbnail(photo))
        assert thumbnail.shape == (*expected, 3)
        assert difference(thumbnail, np.asarray(photo)) < 8


def test_small_pictures_are_not_enlarged() -> None:
    for width, height in ((1, 1), (256, 100), (12, 37)):
        assert read(make_thumbnail(Image.new("RGB", (width, height)))).shape == (height, width, 3)


def test_a_line_of_pixels_keeps_its_short_side() -> None:
    assert read(make_thumbnail(Image.new("RGB", (5000, 1)))).shape == (1, 256, 3)


def test_thumbnails_are_small() -> None:
    sizes = [len(make_thumbnail(draw_photo(seed))) for seed in range(20)]
    assert np.mean(sizes) < 16_000  # drawn pictures have more texture than photos, which take 11 KB


def test_the_same_pixels_give_the_same_bytes() -> None:
    photo = draw_photo(1)
    assert make_thumbnail(photo) == make_thumbnail(photo.copy())
