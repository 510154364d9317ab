import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from lookalike.indexer.decode.decode import decode
from lookalike.tests.indexer.decode import containers
from lookalike.tests.indexer.decode.containers import FILM, animation, frames, mpo, pages
from lookalike.tests.pictures import color_profile, draw_photo, encode, exif_with

PHOTO = draw_photo(1, 500, 400)
SEVERAL = ["GIF", "WEBP", "PNG", "TIFF", "AVIF", "HEIF"]


def digest(data: bytes) -> bytes:
    found = decode(data, min_side=50, inventory=True).pixel_digest
    assert found is not None
    assert len(found) == 32
    return found


def changed(image: Image.Image, x: int, y: int, channel: int = 0) -> Image.Image:
    other = image.copy()
    pixel = list(other.getpixel((x, y)))  # type: ignore[arg-type]
    pixel[channel] ^= 1
    other.putpixel((x, y), tuple(pixel))
    return other


@settings(deadline=None, max_examples=10, derandomize=True)
@given(st.data())
def test_any_place_of_a_picture_counts_though_it_is_shown_reduced(data: st.DataObject) -> None:
    image = PHOTO.convert("RGBA")
    x, y = data.draw(st.integers(0, 499)), data.draw(st.integers(0, 399))
    other = changed(image, x, y, data.draw(st.integers(0, 3)))
    assert digest(encode(image, "PNG", compress_level=1)) != digest(encode(other, "PNG", compress_level=1))


@pytest.mark.parametrize("file_format", SEVERAL)
def test_any_frame_or_page_counts(file_format: str) -> None:
    pictures, other = [each.reduce(2) for each in frames(1, 4)], draw_photo(50, 60, 45)
    versions = [[*pictures[:which], other, *pictures[which + 1 :]] for which in range(4)]
    versions += [pictures, pictures[:3], [*pictures[:2], pictures[3], pictures[2]]]
    assert len({digest(animation(file_format, each)) for each in versions}) == 7


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG"])
def test_how_long_frames_are_shown_counts(file_format: str) -> None:
    pictures = frames(1)
    slow, fast = (animation(file_format, pictures, duration=each) for each in (100, 500))
    assert digest(slow) != digest(fast)


def test_the_same_pixels_in_another_container_have_the_same_digest() -> None:
    image = draw_photo(3, 120, 90)
    files = [encode(image, name) for name in ("PNG", "BMP", "TIFF")]
    files.append(encode(image, "WEBP", lossless=True))
    files.append(pages([image, image.resize((60, 45))], [0, 1]))
    opaque = image.copy()
    opaque.putalpha(255)
    assert len({digest(each) for each in [*files, encode(opaque, "PNG")]}) == 1
    grey = image.convert("L")
    assert digest(encode(grey, "PNG")) == digest(encode(grey.convert("RGB"), "PNG"))


def with_text(image: Image.Image, **options: object) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "a day at the sea")
    return encode(image, "PNG", pnginfo=info, **options)


def test_metadata_leave_the_digest_alone() -> None:
    image = draw_photo(3, 120, 90)
    exif = exif_with({0x010F: "Maker"})
    assert digest(encode(image, "PNG")) == digest(with_text(image, exif=exif, dpi=(72, 72)))
    assert digest(encode(image, "PNG")) == digest(encode(image, "PNG", icc_profile=color_profile()))
    moving = frames(1)
    rest: dict[str, object] = {"save_all": True, "append_images": moving[1:]}
    assert digest(encode(moving[0], "PNG", **rest)) == digest(with_text(moving[0], **rest))
    assert digest(encode(moving[0], "GIF", **rest)) == digest(
        encode(moving[0], "GIF", comment=b"sea", **rest)
    )
    assert digest(encode(moving[0], "WEBP", **rest)) == digest(encode(moving[0], "WEBP", exif=exif, **rest))
    plain = pages(moving)
    assert digest(encode(moving[0], "TIFF", tiffinfo={270: "sea"}, **rest)) != digest(plain)  # not packed


def test_a_profile_that_changes_colors_counts() -> None:
    image = draw_photo(3, 120, 90)
    turned = encode(image, "PNG", icc_profile=color_profile(red="gXYZ", green="rXYZ"))
    assert digest(turned) != digest(encode(image, "PNG"))


def numbers() -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    return np.asarray(draw_photo(3, 120, 90)).astype(np.uint16) * 251 + 7


@pytest.mark.parametrize("make", [containers.png_of_16_bits, containers.tiff_of_16_bits])
def test_the_lowest_of_16_bits_counts(make: Callable[..., bytes]) -> None:
    values = numbers()
    other = values.copy()
    other[40, 50, 1] ^= 1
    assert digest(make(values)) != digest(make(other))
    assert digest(make(numbers() // 251 * 257)) == digest(encode(draw_photo(3, 120, 90), "PNG"))


def test_alpha_counts_where_nothing_but_alpha_differs() -> None:
    white = Image.new("RGBA", (60, 40), (255, 255, 255, 0))
    drawn = white.copy()
    drawn.putpixel((20, 20), (255, 255, 255, 255))
    assert digest(encode(white, "PNG")) != digest(encode(drawn, "PNG"))


EYE, OTHER_EYE = (encode(draw_photo(seed, 320, 240)) for seed in (5, 6))


def test_a_second_eye_and_a_gain_map_count_and_a_film_and_a_preview_do_not() -> None:
    still = encode(draw_photo(4, 320, 240))
    preview = encode(draw_photo(4, 160, 120))
    for kind in (containers.DISPARITY, containers.GAIN_MAP):
        files = [still, mpo(still, [(kind, EYE)]), mpo(still, [(kind, OTHER_EYE)])]
        assert len(set(map(digest, files))) == 3
    assert digest(still) == digest(still + FILM) == digest(mpo(still, [(containers.PREVIEW, preview)]))
    assert digest(mpo(still, [(0, preview)])) == digest(still)


def test_a_deep_heic_is_known_by_more_than_what_is_shown_of_it() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    made = []
    for values in (numbers(), numbers() + 300):
        out = io.BytesIO()
        pillow_heif.from_bytes("RGB;16", (120, 90), values.astype("<u2").tobytes()).save(out, quality=-1)
        made.append(digest(out.getvalue()))
    assert made[0] != made[1]
