import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from lookalike.errors import DecodeError
from lookalike.indexer.decode.decode import Decoded, decode
from lookalike.store.records import Holdings
from lookalike.tests.indexer.decode import containers
from lookalike.tests.indexer.decode.containers import FILM, animation, frames, heic, mpo, pages, with_xmp
from lookalike.tests.pictures import difference, draw_photo, encode

PHOTO = draw_photo(1, 240, 180)
SEVERAL = ["GIF", "WEBP", "PNG", "AVIF", "TIFF", "HEIF"]


def taken_stock(data: bytes) -> Decoded:
    return decode(data, inventory=True)


def held(data: bytes) -> Holdings:
    found = taken_stock(data).holdings
    assert found is not None
    return found


@pytest.mark.parametrize(
    "file_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "HEIF"]
)
def test_a_plain_photo_holds_nothing_but_itself(file_format: str) -> None:
    data = heic([PHOTO]) if file_format == "HEIF" else encode(PHOTO, file_format)
    assert held(data) == Holdings(tables="q75" if file_format == "JPEG" else "")


@pytest.mark.parametrize("file_format", SEVERAL)
def test_frames_and_pages_are_counted(file_format: str) -> None:
    assert held(animation(file_format, frames(1, 5))).frames == 5
    assert held(animation(file_format, frames(1, 1))).frames == 1


def test_a_png_that_moves_counts_a_default_picture_that_is_no_frame() -> None:
    first, *rest = frames(1, 3)
    data = encode(first, "PNG", save_all=True, append_images=rest, default_image=True)
    assert held(data).frames == 3


def test_reduced_pictures_in_a_tiff_are_no_pages() -> None:
    thumbnail, other = PHOTO.resize((60, 45)), draw_photo(2, 240, 180)
    assert held(pages([PHOTO, thumbnail, other], [0, 1, 0])).frames == 2
    assert held(pages([PHOTO, thumbnail], [0, 1])).frames == 1


@pytest.mark.parametrize("subfile_types", [[1, 0], [1, 1]])
def test_a_tiff_shows_its_first_full_picture(subfile_types: list[int]) -> None:
    decoded = taken_stock(pages([draw_photo(2, 60, 45), PHOTO], subfile_types))
    assert (decoded.width, decoded.height) == PHOTO.size
    assert difference(decoded.pixels, np.asarray(PHOTO)) < 3
    assert decoded.holdings == Holdings()


def test_what_lets_through_is_transparent_and_an_alpha_of_255_is_not() -> None:
    clear, opaque = PHOTO.copy(), PHOTO.copy()
    clear.putalpha(Image.linear_gradient("L").resize(PHOTO.size))
    opaque.putalpha(255)
    for file_format in ("PNG", "WEBP", "TIFF", "AVIF"):
        assert held(encode(clear, file_format)).is_transparent
        assert not held(encode(opaque, file_format)).is_transparent
    palette = PHOTO.quantize(16)
    assert held(encode(palette, "PNG", transparency=palette.getpixel((3, 3)))).is_transparent
    assert not held(encode(palette, "PNG", transparency=200)).is_transparent


@pytest.mark.parametrize(("alpha", "is_transparent"), [(0, False), (255, False), (120, True)])
def test_a_bmp_with_alpha_0_everywhere_is_opaque(alpha: int, is_transparent: bool) -> None:
    decoded = taken_stock(containers.bmp_with_alpha(PHOTO, alpha))
    assert decoded.holdings == Holdings(is_transparent=is_transparent)
    assert (difference(decoded.pixels, np.asarray(PHOTO)) < 1) != is_transparent


def test_white_drawings_on_nothing_are_shown_on_black() -> None:
    shown = []
    for name in ("ACME", "Moon"):
        image = Image.new("RGBA", (300, 150), (255, 255, 255, 0))
        ImageDraw.Draw(image).text((20, 40), name, fill=(255, 255, 255, 255), font_size=60)
        shown.append(taken_stock(encode(image.filter(ImageFilter.BoxBlur(0.4)), "PNG")).pixels)
    assert shown[0].std() > 30
    assert difference(*shown) > 5
    black = Image.new("RGBA", (300, 150), (255, 255, 255, 0))
    ImageDraw.Draw(black).text((20, 40), "ACME", fill=(0, 0, 0, 255), font_size=60)
    assert taken_stock(encode(black, "PNG")).pixels[0, 0].tolist() == [255, 255, 255]


def grey_numbers(scale: float, least: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    return (np.asarray(PHOTO.convert("L")).astype(np.float64) * scale + least).astype(np.uint16)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
@pytest.mark.parametrize(("scale", "least"), [(1, 0), (0.1, 0), (4, 0), (16, 0), (1, 30_000), (8, 60_000)])
def test_few_numbers_of_16_bits_do_not_come_out_black(file_format: str, scale: float, least: int) -> None:
    decoded = taken_stock(encode(Image.fromarray(grey_numbers(scale, least)), file_format))
    grey = PHOTO.convert("L")
    assert decoded.pixels.std() > 0.8 * np.asarray(grey).std()


@pytest.mark.parametrize("make", [containers.png_of_16_bits, containers.tiff_of_16_bits])
def test_colors_that_use_few_numbers_of_16_bits_are_stretched_together(make: object) -> None:
    assert callable(make)
    colors = np.asarray(PHOTO).astype(np.uint16)
    for data in (make(colors), make(colors * 16)):
        assert difference(taken_stock(data).pixels, np.asarray(PHOTO)) < 3
    assert difference(taken_stock(make(colors * 257)).pixels, np.asarray(PHOTO)) == 0


@pytest.mark.parametrize(
    ("scale", "bits"), [(1, 8), (257, 8), (256, 8), (16, 8), (200.7, 16), (15.9, 12), (3.97, 10)]
)
def test_bits_count_as_far_as_they_are_used(scale: float, bits: int) -> None:
    grey = grey_numbers(scale)
    assert held(encode(Image.fromarray(grey), "PNG")).bits == bits
    colors = (np.asarray(PHOTO).astype(np.float64) * scale).astype(np.uint16)
    assert held(containers.png_of_16_bits(colors)).bits == bits
    assert held(containers.tiff_of_16_bits(colors)).bits == bits
    with_alpha = np.dstack([grey, np.full_like(grey, 0xFFFF)])
    assert held(containers.png_of_16_bits(with_alpha)).bits in (bits, 16)


def test_a_heic_of_10_bits_says_so() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    colors = np.asarray(PHOTO).astype(np.uint16) * 257
    file = pillow_heif.from_bytes("RGB;16", PHOTO.size, colors.tobytes())
    out = io.BytesIO()
    file.save(out, quality=60)
    assert held(out.getvalue()).bits == 10


def test_an_auxiliary_picture_of_a_heic_is_named() -> None:
    clear = PHOTO.copy()
    clear.putalpha(Image.linear_gradient("L").resize(PHOTO.size))
    data = heic([clear])
    assert held(data).auxiliary == ()  # alpha is part of the picture
    assert b"auxid:1" in data
    assert held(data.replace(b"auxid:1", b"auxid:2")).auxiliary == ("depth",)


EYE = encode(draw_photo(2, 240, 180))
SMALL = encode(draw_photo(2, 120, 90).convert("L"))
PREVIEW = encode(PHOTO.resize((120, 90), Image.Resampling.LANCZOS), quality=60)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (containers.DISPARITY, EYE, Holdings(auxiliary=("second eye",))),
        (containers.UNDEFINED, EYE, Holdings(auxiliary=("second eye",))),
        (0x020003, EYE, Holdings(frames=2)),
        (containers.GAIN_MAP, SMALL, Holdings(auxiliary=("gain map",))),
        (containers.UNDEFINED, with_xmp(SMALL, b'hdrgm:Version="1.0"'), Holdings(auxiliary=("gain map",))),
        (containers.UNDEFINED, with_xmp(SMALL, b"urn:com:x:aux:depth"), Holdings(auxiliary=("depth",))),
        (containers.PREVIEW, PREVIEW, Holdings()),
        (containers.UNDEFINED, PREVIEW, Holdings()),
        (containers.UNDEFINED, SMALL, Holdings(frames=2)),
    ],
)
def test_pictures_behind_a_jpeg_are_told_apart(kind: int, data: bytes, expected: Holdings) -> None:
    found = held(mpo(encode(PHOTO), [(kind, data)]))
    assert found == Holdings(frames=expected.frames, auxiliary=expected.auxiliary, tables="q75")


def test_a_gain_map_is_known_by_the_directory_of_the_first_picture() -> None:
    first = with_xmp(encode(PHOTO), b'<Item:Semantic="GainMap" Item:Length="99"/>')
    assert held(mpo(first, [(0, SMALL)]) + FILM) == Holdings(
        auxiliary=("gain map",), behind="film", behind_size=len(FILM), tables="q75"
    )


def samsung(*blocks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(b"\0\0\x01\x0a" + struct.pack("<I", len(name)) + name + data for name, data in blocks)
    return body + b"SEFHk\0\0\0" + struct.pack("<I", len(blocks)) + struct.pack("<I", 24) + b"SEFT"


@pytest.mark.parametrize(
    ("rest", "behind"),
    [
        (FILM, "film"),
        (bytes(300) + FILM, "film"),
        (samsung((b"Image_UTC_Data", b"1600000000000"), (b"MotionPhoto_Data", FILM)), "film"),
        (samsung((b"Image_UTC_Data", b"1600000000000")), ""),
        (samsung((b"Image_UTC_Data", b"1600000000000"), (b"SoundShot_000", b"sound" * 99)), "data"),
        (b"what somebody wrote down", "data"),
        (bytes(5000), ""),
        (b"\r\n", ""),
        (b"\xff" * 100, ""),
    ],
)
def test_what_lies_behind_a_jpeg_is_told(rest: bytes, behind: str) -> None:
    found = held(encode(PHOTO) + rest)
    assert found.behind == behind
    assert (found.behind_size >= 20) == bool(behind)
    assert not behind or found.behind_size <= len(rest)


def test_a_film_in_a_heic_is_told() -> None:
    data = heic([PHOTO])
    boxed = data + struct.pack(">I", 8 + len(FILM)) + b"mpvd" + FILM
    for each in (boxed, data + FILM):
        assert held(each) == Holdings(behind="film", behind_size=len(FILM))
    assert held(data + struct.pack(">I", 20) + b"free" + bytes(12)) == Holdings()


def test_tables_name_their_quality() -> None:
    for quality in (1, 30, 50, 85, 95, 100):
        assert held(encode(PHOTO, quality=quality)).tables == f"q{quality}"
        assert held(encode(PHOTO.convert("L"), quality=quality)).tables == f"q{quality}"
    odd = held(encode(PHOTO, qtables=[[n + 2 for n in range(64)]] * 2)).tables
    assert odd.startswith("~")
    assert len(odd) <= 24
    assert odd == held(encode(draw_photo(9), qtables=[[n + 2 for n in range(64)]] * 2)).tables
    assert odd != held(encode(PHOTO, qtables=[[n + 3 for n in range(64)]] * 2)).tables


def test_parts_of_damaged_files_are_no_trouble() -> None:
    rng = np.random.default_rng(3)
    files = [animation(file_format, frames(1)) for file_format in SEVERAL]
    files.append(mpo(encode(PHOTO), [(containers.DISPARITY, EYE)]) + FILM)
    for original in files:
        for _ in range(40):
            data = np.frombuffer(original, np.uint8).copy()
            places = rng.integers(8, min(len(data), 1500), 3)
            data[places] = rng.integers(0, 256, 3)
            try:
                assert taken_stock(data.tobytes()).holdings is not None
            except DecodeError:
                continue
