import io
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from lookalike.errors import DecodeError
from lookalike.indexer.decode import decode as decode_module
from lookalike.indexer.decode.decode import Decoded, decode, decode_pil
from lookalike.indexer.decode.memory import MemoryBudget, check_header
from lookalike.tests.pictures import color_profile, difference, draw_photo, encode, exif_with

PHOTO = draw_photo(1, 360, 270)
PIXELS = np.asarray(PHOTO)
ORIENTATION = 0x0112
COMMON = ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF", "BMP"]

# How a camera stores the picture so that the orientation turns it upright again.
STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def shows_the_photo(decoded: Decoded, tolerance: float = 3.0) -> bool:
    height, width = decoded.pixels.shape[:2]
    sizes_agree = (decoded.width, decoded.height) == (width, height) == PHOTO.size
    return sizes_agree and difference(decoded.pixels, PIXELS) < tolerance


def color_of(decoded: Decoded) -> list[int]:
    return [round(level) for level in decoded.pixels.mean(axis=(0, 1))]


def code_of(data: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        decode(data, min_side=512)
    return caught.value.code


def png_header(width: int, height: int, bits: int = 8, color_type: int = 2) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


def tiff_of(*fields: tuple[int, int, int, int]) -> bytes:
    """Make a TIFF of (tag, type, count, value) and nothing else."""
    entries = b"".join(struct.pack("<HHII", *field) for field in fields)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + entries + bytes(4)


@pytest.mark.parametrize(
    "file_format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000", "HEIF", "MPO"]
)
def test_every_format_shows_the_photo(file_format: str) -> None:
    decoded = decode(encode_as(file_format))
    assert shows_the_photo(decoded)
    assert decoded.format == file_format
    assert decoded.pixels.dtype == np.uint8
    assert decoded.warning is None


def encode_as(file_format: str, image: Image.Image = PHOTO, exif: Image.Exif | None = None) -> bytes:
    options = {"exif": exif} if exif is not None else {}
    if file_format == "HEIF":
        pillow_heif = pytest.importorskip("pillow_heif")
        out = io.BytesIO()
        pillow_heif.from_pillow(image).save(out, quality=90, **({"exif": exif.tobytes()} if exif else {}))
        return out.getvalue()
    if file_format == "MPO":
        return encode(image, "MPO", save_all=True, append_images=[draw_photo(2)], **options)
    if file_format == "WEBP":
        return encode(image, "WEBP", quality=90, **options)
    return encode(image, file_format, **options)


@pytest.mark.parametrize("min_side", [0, 64])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_turned_upright(orientation: int, min_side: int) -> None:
    stored = PHOTO.transpose(STORED_AS[orientation]) if orientation in STORED_AS else PHOTO
    decoded = decode(encode(stored, exif=exif_with({ORIENTATION: orientation})), min_side=min_side)
    assert (decoded.width, decoded.height) == PHOTO.size
    assert decoded.pixels.shape[1] > decoded.pixels.shape[0]
    assert difference(decoded.pixels, PIXELS) < 10  # any other turn is 30 or more away


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF", "MPO"])
def test_orientation_counts_in_every_format_that_has_it(file_format: str) -> None:
    stored = PHOTO.transpose(STORED_AS[6])
    assert shows_the_photo(decode(encode_as(file_format, stored, exif_with({ORIENTATION: 6}))))


@pytest.mark.parametrize("file_format", ["HEIF", "AVIF"])
def test_formats_with_boxes_of_their_own_are_turned_once(file_format: str) -> None:
    # Both writers turn EXIF's orientation into a box, which the decoder obeys.
    data = encode_as(file_format, PHOTO.transpose(STORED_AS[6]), exif_with({ORIENTATION: 6}))
    assert b"irot" in data
    assert shows_the_photo(decode(data))


def test_orientation_in_the_xmp_of_an_avif_is_not_applied_to_it() -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    assert shows_the_photo(decode(encode(PHOTO, "AVIF", xmp=xmp)))


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    assert shows_the_photo(decode(encode(PHOTO, exif=exif_with({ORIENTATION: orientation}))))


def test_a_reduced_decode_keeps_both_sides_and_the_full_size() -> None:
    photo = draw_photo(3, 1200, 900)
    for file_format in ("JPEG", "PNG"):
        decoded = decode(encode(photo, file_format), min_side=256)
        assert (decoded.width, decoded.height) == photo.size
        assert 256 <= min(decoded.pixels.shape[:2]) < 512
        assert difference(decoded.pixels, np.asarray(photo)) < 2


def test_a_picture_below_the_least_side_stays_as_it_is() -> None:
    assert decode(encode(PHOTO), min_side=512).pixels.shape == PIXELS.shape
    wide = draw_photo(4, 1600, 100)
    assert decode(encode(wide, "PNG"), min_side=256).pixels.shape == (100, 1600, 3)


def test_strips_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_module, "STRIP_PIXELS", 50_000)
    photo = draw_photo(5, 501, 399)  # several strips, sides that no factor divides
    data = encode(photo, "PNG", compress_level=1)
    for min_side, factor in ((0, 1), (75, 4)):
        assert np.array_equal(decode(data, min_side=min_side).pixels, np.asarray(photo.reduce(factor)))


def test_cmyk_is_shown_as_the_colors_it_means() -> None:
    assert shows_the_photo(decode(encode(PHOTO.convert("CMYK"), quality=95)), tolerance=4)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_tones(file_format: str) -> None:
    grey = np.asarray(PHOTO.convert("L"))
    data = encode(Image.fromarray(grey.astype(np.uint16) * 257), file_format)
    assert np.array_equal(decode(data).pixels[..., 0], grey)


@pytest.mark.parametrize("scale", [1.0, 255.0, 65535.0, 3e6])
def test_float_pictures_are_scaled_by_their_white(scale: float) -> None:
    grey = np.asarray(PHOTO.convert("L")).astype(np.float32) / 255
    grey[0, 0] = 1.0
    data = encode(Image.fromarray(grey * np.float32(scale)), "TIFF")
    assert difference(decode(data).pixels, np.asarray(PHOTO.convert("L").convert("RGB"))) < 1.5


def test_float_pictures_with_impossible_numbers_are_no_trouble() -> None:
    values = np.array([[np.nan, np.inf], [-3e38, 3e38]], np.float32).repeat(8, 0).repeat(8, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(encode(Image.fromarray(values), "TIFF")).pixels.shape == (16, 16, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_modes_of_one_channel_become_rgb(mode: str) -> None:
    image = PHOTO.convert(mode)
    assert difference(decode(encode(image, "PNG")).pixels, np.asarray(image.convert("RGB"))) == 0


def test_lab_becomes_srgb() -> None:
    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    lab = ImageCms.applyTransform(PHOTO, to_lab)
    assert lab is not None
    assert shows_the_photo(decode(encode(lab, "TIFF")), tolerance=4)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_lies_on_white(mode: str) -> None:
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0)).convert(mode)
    assert color_of(decode(encode(image, "PNG"))) == [255, 255, 255]
    half = Image.new("RGBA", (64, 64), (0, 0, 0, 128)).convert(mode)
    assert color_of(decode(encode(half, "PNG"))) == [127, 127, 127]


def test_a_transparent_color_of_a_palette_lies_on_white() -> None:
    image = Image.new("P", (64, 64), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    assert color_of(decode(encode(image, "PNG", transparency=1))) == [255, 255, 255]
    assert color_of(decode(encode(image, "PNG", transparency=bytes([255, 0])))) == [255, 255, 255]
    assert color_of(decode(encode(image, "PNG", transparency=0))) == [0, 0, 255]


def test_a_key_color_is_transparent() -> None:
    data = encode(Image.new("RGB", (8, 8), (10, 20, 30)), "PNG", transparency=(10, 20, 30))
    assert color_of(decode(data)) == [255, 255, 255]


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_picture_of_several_counts(file_format: str) -> None:
    data = encode(PHOTO, file_format, save_all=True, append_images=[draw_photo(6, 360, 270)] * 2)
    assert difference(decode(data).pixels, PIXELS) < 5


def test_a_color_profile_is_applied() -> None:
    red = Image.new("RGB", (64, 64), (255, 0, 0))
    red_is_green = color_profile(red="gXYZ", green="rXYZ")
    assert color_of(decode(encode(red, "PNG", icc_profile=red_is_green))) == [0, 255, 0]
    assert color_of(decode(encode(red, "PNG", icc_profile=color_profile()))) == [255, 0, 0]


def test_a_profile_for_other_channels_is_ignored() -> None:
    decoded = decode(encode(PHOTO.convert("L"), "PNG", icc_profile=color_profile(red="gXYZ", green="rXYZ")))
    assert difference(decoded.pixels, np.asarray(PHOTO.convert("L").convert("RGB"))) == 0


def test_a_broken_profile_is_ignored_with_a_warning() -> None:
    decoded = decode(encode(PHOTO, "PNG", icc_profile=b"broken" * 40))
    assert shows_the_photo(decoded)
    assert decoded.warning == "the color profile is damaged and was ignored"


def test_threads_that_share_a_profile_get_the_right_colors() -> None:
    profile = color_profile(red="gXYZ", green="rXYZ")
    files = [encode(draw_photo(seed, 300, 200), "PNG", icc_profile=profile) for seed in range(8)]
    alone = [decode(data).pixels for data in files]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda data: decode(data).pixels, files * 4))
    assert all(np.array_equal(a, b) for a, b in zip(alone * 4, together, strict=True))


@pytest.mark.parametrize(
    ("data", "code", "word"),
    [
        (b"", "empty", "empty"),
        (b"\0" * 500, "not_an_image", "zero bytes"),
        (b"Dear diary,\n", "not_an_image", "text"),
        (b"<!DOCTYPE html><p>", "not_an_image", "web page"),
        (b"<?xml version='1.0'?><svg/>", "not_an_image", "SVG"),
        (b"%PDF-1.7", "not_an_image", "PDF"),
        (b"PK\x03\x04abc", "not_an_image", "zip"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "not_an_image", "video"),
        (b"RIFF\0\0\0\0AVI LIST", "not_an_image", "video"),
        (b"\x01\x02\x03\x99" * 9, "not_an_image", "unknown"),
        (b"%!PS-Adobe-3.0 EPSF", "not_an_image", "PostScript"),
        (b"\0\0\x01\0\x01\0", "unsupported_format", "icon"),
        (b"II*\0\x10\0\0\0CR\x02\0", "truncated", "raw"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "truncated", "raw"),
    ],
)
def test_what_is_no_picture_is_refused_by_its_name(data: bytes, code: str, word: str) -> None:
    with pytest.raises(DecodeError, match=word) as caught:
        decode(data)
    assert caught.value.code == code


@pytest.mark.parametrize("tags", [{0x00FE: 1, 0x014A: 8}, {0xC612: b"\1\4\0\0"}])
def test_a_raw_file_that_is_a_tiff_is_refused(tags: dict[int, object]) -> None:
    assert code_of(encode(PHOTO, "TIFF", tiffinfo=tags)) == "unsupported_format"


def test_a_heic_without_its_reader_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode_as("HEIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(DecodeError, match="pip install pillow-heif") as caught:
        decode(data)
    assert caught.value.code == "heif_support_missing"


@pytest.mark.parametrize("file_format", [*COMMON, "GIF"])
def test_a_file_cut_short_is_an_error(file_format: str) -> None:
    data = encode_as(file_format)
    for share in (0.1, 0.5, 0.9):
        assert code_of(data[: int(len(data) * share)]) in ("truncated", "damaged")
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize("file_format", [*COMMON, "GIF", "JPEG2000"])
def test_damage_is_an_error_or_a_picture_and_nothing_else(file_format: str) -> None:
    rng = np.random.default_rng(7)
    original = np.frombuffer(encode_as(file_format, draw_photo(8, 96, 64)), np.uint8)
    for _ in range(60):
        data = original.copy()
        places = rng.integers(0, min(len(data), 700), 4)
        data[places] = rng.integers(0, 256, 4)
        with suppress(DecodeError):
            assert decode(data.tobytes(), min_side=32).pixels.shape[2] == 3


def test_a_bomb_is_refused_by_its_header() -> None:
    assert code_of(png_header(60_000, 60_000)) == "bomb"
    assert code_of(png_header(2**31 - 1, 2**31 - 1)) == "bomb"
    assert code_of(png_header(30_000, 30_000, bits=1, color_type=0) + b"\0" * 200_000) == "too_large"


def test_a_jpeg_of_200_megapixels_is_read_in_little_memory() -> None:
    script = (
        "import io, resource; from PIL import Image; from lookalike.indexer.decode.decode import decode\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "data = open(0, 'rb').read(); before = peak(); photo = decode(data, min_side=512)\n"
        "print(photo.width, photo.height, photo.pixels.shape[0], (peak() - before) // 1024)"
    )
    data = encode(Image.new("L", (16_320, 12_240), 90))
    done = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, check=True)
    width, height, rows, peak_mb = map(int, done.stdout.split())
    assert (width, height) == (16_320, 12_240)
    assert 512 <= rows < 1100
    assert peak_mb < 60


def test_a_progressive_jpeg_that_would_fill_the_memory_is_refused() -> None:
    data = bytearray(encode(PHOTO, progressive=True, subsampling=0))
    start = data.index(b"\xff\xc2") + 5
    data[start : start + 4] = struct.pack(">HH", 15_000, 15_000)
    assert code_of(bytes(data) + b"\0" * 100_000) == "too_large"


def test_blank_photos_are_no_bombs() -> None:
    check_header(12_000, 9_000, file_bytes=108_000)
    with pytest.raises(DecodeError):
        check_header(60_000, 60_000, file_bytes=10**9)


def test_a_bomb_that_pillow_finds_is_told_in_our_words() -> None:
    data = bytearray(encode(Image.new("P", (8, 8)), "GIF"))
    frame = data.index(b",")
    data[frame + 5 : frame + 9] = struct.pack("<HH", 20_000, 20_000)
    with pytest.raises(DecodeError, match="looks like a decompression bomb") as caught:
        decode(bytes(data))
    assert "DOS" not in str(caught.value)


def test_pillows_own_limit_is_left_alone() -> None:
    before = Image.MAX_IMAGE_PIXELS
    decode(encode(PHOTO))
    assert before == Image.MAX_IMAGE_PIXELS
    assert before is not None


def test_memory_is_shared_and_given_back() -> None:
    budget = MemoryBudget(total=100 << 20)
    with pytest.raises(DecodeError, match="100 MB"), budget.reserve(101 << 20):
        pass
    entered = threading.Event()
    with budget.reserve(60 << 20):
        waiting = threading.Thread(target=_enter, args=(budget, 60 << 20, entered))
        waiting.start()
        assert not entered.wait(0.05)
    assert entered.wait(60)
    waiting.join()


def _enter(budget: MemoryBudget, n_bytes: int, entered: threading.Event) -> None:
    with budget.reserve(n_bytes):
        entered.set()


def test_decoders_write_nothing_to_stderr(tmp_path: Path) -> None:
    group4 = encode(PHOTO.convert("1"), "TIFF", compression="group4")  # libtiff prints from C
    files = [
        group4[:40] + b"\xaa" * 900 + group4[940:],
        tiff_of((273, 4, 1_000_000, 26)),  # Pillow warns
        tiff_of((256, 4, 1, 8), (257, 4, 1, 8), (277, 3, 1, 60_000)),  # Pillow logs
    ]
    for number, data in enumerate(files):
        (tmp_path / f"{number}.tif").write_bytes(data)
    script = (
        "import sys; from lookalike.errors import DecodeError\n"
        "from lookalike.indexer.decode.decode import decode\n"
        "for path in sys.argv[1:]:\n"
        "    try: decode(open(path, 'rb').read())\n"
        "    except DecodeError: pass"
    )
    paths = [str(path) for path in tmp_path.iterdir()]
    done = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, check=True)
    assert done.stderr == b""


def test_an_opened_picture_decodes_as_its_file_does() -> None:
    data = encode(PHOTO.transpose(STORED_AS[6]), "PNG", exif=exif_with({ORIENTATION: 6}))
    opened = Image.open(io.BytesIO(data))
    decoded = decode_pil(opened)
    assert np.array_equal(decoded.pixels, decode(data).pixels)
    assert (decoded.width, decoded.height, decoded.format) == (*PHOTO.size, "PNG")
    assert decode_pil(PHOTO).format == ""
    assert opened.size == PHOTO.size[::-1]


def test_the_version_of_the_rules_is_known() -> None:
    assert decode_module.DECODE_VERSION == 1
