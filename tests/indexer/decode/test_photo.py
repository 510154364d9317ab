import io

import numpy as np
from PIL import Image

from lookalike.indexer.decode.decode import decode
from lookalike.indexer.decode.photo import make_thumbnail
from lookalike.tests.pictures import Pixels, difference, draw_photo, encode, exif_with


def digest(data: bytes) -> bytes:
    found = decode(data, min_side=100, inventory=True).pixel_digest
    assert found is not None
    return found


def with_exif(data: bytes, tags: dict[int, object]) -> bytes:
    """Put EXIF into a JPEG without touching its compressed picture."""
    exif = exif_with(tags).tobytes()
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    return data[:2] + segment + data[2:]


def test_other_metadata_leaves_the_digest_of_a_jpeg_alone() -> None:
    data = encode(draw_photo(1, 640, 480))
    described = with_exif(data, {0x010E: "a day at the sea"})

    assert described != data
    assert digest(described) == digest(data)
    assert digest(data + b"trailing notes of a phone") == digest(data)


def test_what_changes_the_pixels_of_a_jpeg_changes_its_digest() -> None:
    photo = draw_photo(1, 640, 480)
    data = encode(photo, quality=90)
    retouched = photo.copy()
    retouched.putpixel((300, 200), (255, 0, 0))

    others = [
        encode(photo, quality=89),
        encode(retouched, quality=90),
        with_exif(data, {0x0112: 3}),  # the same data, shown upside down
        encode(photo, quality=90, icc_profile=b"not the colors it seems to have" * 9),
    ]

    assert len({digest(data), *map(digest, others)}) == 5


def test_lossless_formats_are_known_by_their_pixels() -> None:
    photo = draw_photo(2, 300, 200)

    assert digest(encode(photo, "PNG")) == digest(encode(photo, "BMP"))
    assert digest(encode(photo, "PNG")) != digest(encode(draw_photo(3, 300, 200), "PNG"))


def test_a_jpeg_whose_segments_cannot_be_followed_is_known_by_its_bytes() -> None:
    first, second = (encode(draw_photo(seed, 64, 64)) for seed in (1, 2))
    stray = b"\xff\x00"  # decoders skip it, the walk over the segments does not

    broken = [data[:2] + stray + data[2:] for data in (first, second)]

    for data in broken:
        Image.open(io.BytesIO(data)).load()
    assert digest(broken[0]) != digest(broken[1])


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
