"""Pictures at full size: what is displayed, and what a JPEG stores."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from lookalike.errors import DecodeError
from lookalike.indexer.decode.decode import decode
from lookalike.indexer.decode.full import MAX_FULL_PIXELS, open_full, resized
from tests.pictures import color_profile, draw_photo, encode, exif_with

PHOTO = draw_photo(1, 200, 150)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_pixels_are_those_that_decoding_shows(file_format: str) -> None:
    data = encode(PHOTO, file_format)

    full = open_full(data)

    assert np.array_equal(full.rgb, decode(data).pixels)
    assert full.format == file_format
    assert full.n_bytes == len(data)


def test_a_jpeg_tells_its_stored_luma_and_the_steps_of_its_quantization() -> None:
    data = encode(PHOTO, quality=50)
    with Image.open(BytesIO(data)) as image:
        image.draft("L", image.size)
        stored = np.asarray(image)

    full = open_full(data)

    assert np.array_equal(full.luma, stored)
    assert full.table is not None
    assert full.table[0].tolist() == [16, 11, 10, 16, 24, 40, 51, 61]  # Annex K of the standard


@pytest.mark.parametrize("orientation", range(1, 9))
def test_stored_luma_lies_under_what_is_displayed(orientation: int) -> None:
    full = open_full(encode(PHOTO, quality=95, exif=exif_with({0x0112: orientation})))
    y, x = 40, 61
    stored = full.to_stored @ [x + 0.5, y + 0.5, 1]

    shown = np.asarray(Image.fromarray(full.rgb).convert("L")).astype(int)
    mismatch = abs(shown[y, x] - int(full.luma[int(stored[1]), int(stored[0])]))

    assert full.size == ((150, 200) if orientation >= 5 else (200, 150))
    assert mismatch <= 3


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_other_formats_have_no_table(file_format: str) -> None:
    full = open_full(encode(PHOTO, file_format))

    assert full.table is None
    assert full.luma.shape == (150, 200)


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_jpegs_that_are_not_of_the_usual_colors_are_opened(mode: str) -> None:
    full = open_full(encode(PHOTO.convert(mode)))

    assert full.rgb.shape == (150, 200, 3)
    assert (full.table is None) == (mode == "CMYK")


def test_a_jpeg_that_stores_red_green_and_blue_has_no_luma() -> None:
    full = open_full(encode(PHOTO, keep_rgb=True))

    assert full.table is None
    assert full.luma.shape == (150, 200)


def test_stored_colors_are_those_without_the_profile() -> None:
    plain = open_full(encode(PHOTO, quality=90))
    profiled = open_full(encode(PHOTO, quality=90, icc_profile=color_profile("gXYZ", "rXYZ")))
    standard = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    srgb = open_full(encode(PHOTO, quality=90, icc_profile=standard))

    assert not np.array_equal(profiled.rgb, plain.rgb)
    apart = profiled.unmanaged().rgb.astype(int) - plain.rgb
    assert np.abs(apart).max() <= 1
    assert (apart != 0).mean() < 0.001  # green is rounded otherwise where decoders use SIMD
    assert srgb.unmanaged() is srgb


def test_a_picture_that_is_too_large_to_compare_is_refused_by_its_header() -> None:
    side = 8100
    assert side * side > MAX_FULL_PIXELS
    data = encode(Image.new("L", (side, side), 128), quality=90)

    with pytest.raises(DecodeError, match="64,000,000") as caught:
        open_full(data)

    assert caught.value.code == "too_large"


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", encode(PHOTO)[:900]])
def test_what_is_no_picture_is_a_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        open_full(data)


def test_a_part_is_resized_as_the_whole_is() -> None:
    pixels = np.asarray(draw_photo(2, 400, 300))

    whole = resized(pixels, (200, 150), (0, 0, 400, 300), "lanczos")
    part = resized(pixels, (50, 40), (100, 60, 200, 140), "lanczos")

    assert np.array_equal(part, whole[30:70, 50:100])
