"""Camera raw files: their preview, turned once, what they say, and what is shown without a good one.

All are written by these tests; none is from a camera.
"""

import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import DecodeError
from lookalike.indexer.decode.decode import Decoded, decode
from lookalike.indexer.decode.memory import MemoryBudget
from lookalike.indexer.decode.sniff import sniff
from lookalike.tests.indexer.decode.raws import (
    SUB,
    WRITERS,
    Directory,
    dng,
    nef,
    said,
    sensor,
    tiff,
)
from lookalike.tests.pictures import draw_photo, encode, exif_with

WIDE = draw_photo(1, 320, 240)  # as the sensor sees it
JPEG = encode(WIDE, quality=92)
UPRIGHT = {
    1: WIDE,
    3: WIDE.transpose(Image.Transpose.ROTATE_180),
    6: WIDE.transpose(Image.Transpose.ROTATE_270),
}
_BY_JPEG = 6  # levels


def differ(shown: Decoded, picture: Image.Image) -> float:
    assert shown.image.size == picture.size
    return float(np.abs(np.asarray(shown.image, np.int16) - np.asarray(picture, np.int16)).mean())


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("maker", WRITERS)
def test_a_raw_file_is_shown_by_its_preview_upright(maker: str, orientation: int) -> None:
    shown = decode(WRITERS[maker](WIDE, JPEG, orientation), inventory=True)

    assert differ(shown, UPRIGHT[orientation]) < _BY_JPEG
    assert (shown.width, shown.height, shown.format) == (*UPRIGHT[orientation].size, "RAW")
    assert shown.orientation == orientation
    assert shown.metadata.taken == "2021-05-06T07:08:09"
    assert shown.metadata.camera is not None
    assert shown.metadata.camera.endswith((" R1", " X-Z9"))
    assert shown.metadata.lens in ("Acme 35mm F2", "XF35mm")
    assert shown.metadata.latitude == (None if maker == "raf" else 48.5)
    assert shown.holdings is not None
    assert (shown.holdings.auxiliary, shown.holdings.damage) == (("raw data",), ())
    assert shown.holdings.bits == (16 if maker in ("arw", "dng", "nef", "pef") else 12)


@pytest.mark.parametrize("tag", [None, 1, 6])
def test_a_preview_is_not_turned_twice(tag: int | None) -> None:
    """One that was upright before; one that is not, whatever its own EXIF says."""
    upright, lying = UPRIGHT[6], WIDE
    exif = b"" if tag is None else exif_with({0x0112: tag}).tobytes()

    assert differ(decode(dng(WIDE, encode(upright, quality=92, exif=exif), 6)), upright) < _BY_JPEG
    assert differ(decode(dng(WIDE, encode(lying, quality=92, exif=exif), 6)), upright) < _BY_JPEG


def test_a_reduced_decode_tells_the_full_size() -> None:
    shown = decode(nef(draw_photo(2, 1600, 1200), encode(draw_photo(2, 1600, 1200))), min_side=224)

    assert shown.image.size == (400, 300)
    assert (shown.width, shown.height) == (1600, 1200)


@pytest.mark.parametrize("preview", [b"", encode(WIDE.resize((80, 60))), JPEG[: len(JPEG) // 2]])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_without_a_good_preview_half_the_sensor_is_shown(preview: bytes, orientation: int) -> None:
    """None, one the size of a stamp, half of one."""
    shown = decode(dng(draw_photo(1, 640, 480), preview, orientation), inventory=True)

    assert shown.image.size == UPRIGHT[orientation].size
    likeness = [likeness_of(shown.image, each) for each in UPRIGHT.values()]
    assert likeness[list(UPRIGHT).index(orientation)] > 0.85
    assert sorted(likeness)[-2] < 0.5
    assert (shown.width, shown.height) == ((480, 640) if orientation == 6 else (640, 480))


def likeness_of(a: Image.Image, b: Image.Image) -> float:
    if a.size != b.size:
        return 0.0
    one, other = (np.asarray(each.convert("L"), np.float64).ravel() for each in (a, b))
    return float(np.corrcoef(one, other)[0, 1])


def test_a_file_without_preview_and_memory_is_refused() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(dng(draw_photo(1, 640, 480), b""), memory=MemoryBudget(1 << 20))
    assert caught.value.code == "too_large"


@pytest.mark.parametrize("maker", ["arw", "cr3", "nef", "raf"])  # the preview lies before the sensor's data
def test_a_file_that_lacks_sensor_data_says_so(maker: str) -> None:
    data = WRITERS[maker](WIDE, JPEG)

    found = decode(data[: len(data) * 7 // 10], inventory=True)

    assert differ(found, WIDE) < _BY_JPEG
    assert found.holdings is not None
    assert found.holdings.damage == ("the sensor's data end early",)


@pytest.mark.parametrize("maker", ["dng", "pef"])  # it lies behind them
def test_a_preview_that_is_cut_off_is_not_shown(maker: str) -> None:
    data = WRITERS[maker](draw_photo(1, 640, 480), encode(draw_photo(1, 640, 480), quality=92))

    assert likeness_of(decode(data[:-3000]).image, WIDE) > 0.85
    with pytest.raises(DecodeError) as caught:
        decode(data[: len(data) // 2])
    assert caught.value.code == "truncated"


def test_only_the_same_bytes_have_the_same_digest() -> None:
    data = dng(WIDE, JPEG)
    digests = [
        decode(each, inventory=True).pixel_digest
        for each in (data, data, data.replace(b"Acme 35mm", b"Acme 36mm"), JPEG)
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def changed(data: bytes, tag: int, value: int) -> bytes:
    """Overwrite the number in each field of a tag."""
    out, at = bytearray(data), -1
    for kind in (3, 4):
        head = struct.pack("<HHI", tag, kind, 1)
        while (at := out.find(head, at + 1)) >= 0:
            struct.pack_into("<I", out, at + 8, value)
    return bytes(out)


def places_below(data: bytes) -> bytes:
    """Return the places of the directories below the first one."""
    at = struct.unpack_from("<I", data, data.index(struct.pack("<HHI", SUB, 4, 2)) + 8)[0]
    return data[at : at + 8]


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (b"IIRO\x08\0\0\0" + bytes(40), {"unsupported_format", "damaged", "truncated"}),
        (b"FUJIFILMCCD-RAW " + b"\xff" * 200, {"unsupported_format", "damaged", "truncated"}),
        (changed(dng(WIDE, JPEG), 273, 0x7FFFFFFF), {"truncated", "damaged", "unsupported_format"}),
        (changed(dng(WIDE, b""), 256, 60_000), {"truncated", "damaged", "unsupported_format"}),
        (
            changed(changed(dng(WIDE, b""), 256, 65_000), 257, 65_000),
            {"bomb", "too_large", "unsupported_format"},
        ),
        # Directories below the first one that are the first one itself.
        (
            nef(WIDE, JPEG).replace(places_below(nef(WIDE, JPEG)), struct.pack("<II", 8, 8)),
            {"unsupported_format"},
        ),
        (tiff(Directory(said()[0] | {50706: (1, [1, 4, 0, 0])})), {"unsupported_format"}),
        (dng(WIDE, JPEG)[:3000], {"truncated", "damaged", "unsupported_format"}),
    ],
)
def test_damaged_and_hostile_files_give_a_code(data: bytes, codes: set[str]) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(data)
    assert caught.value.code in codes


def test_a_preview_that_is_no_jpeg_is_parsed_by_nothing_else() -> None:
    """It would be a way around the list of formats; a raw file in a raw file has no end."""
    for inside in (encode(WIDE, "PNG"), encode(WIDE, "TIFF"), dng(WIDE, JPEG)):
        shown = decode(dng(draw_photo(1, 640, 480), inside))
        assert shown.image.size == (320, 240)  # the sensor's half


def test_a_plain_tiff_is_none() -> None:
    assert decode(encode(WIDE, "TIFF")).format == "TIFF"
    with_sensor_below = tiff(Directory(said()[0] | {254: (4, 1)}, {}, {SUB: [sensor(WIDE)]}))
    assert decode(with_sensor_below).format == "RAW"


def test_telling_a_raw_file_takes_no_time_whatever_its_directories_say() -> None:
    """It is told before a file is handed to the process that may die of it."""
    size = 2 + 12 * 65535 + 4
    fields = struct.pack("<HHII", SUB, 4, 16, 8) + struct.pack("<HHII", 256, 4, 1, 1) * 65534
    chain = [struct.pack("<H", 65535) + fields + struct.pack("<I", 8 + size * (n + 1)) for n in range(16)]
    many = struct.pack("<HHHII", 1, SUB, 4, 10_000_000, 26) + bytes(40_000_004)
    for directories in (b"".join(chain), many):
        started = time.process_time()
        assert sniff(b"II*\0\x08\0\0\0" + directories) == "TIFF"
        assert time.process_time() - started < 1


def test_without_rawpy_the_advice_is_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(DecodeError, match="pip install rawpy") as caught:
        decode(dng(WIDE, JPEG))
    assert caught.value.code == "raw_support_missing"


def test_libraw_is_not_loaded_before_it_is_needed() -> None:
    code = (
        "import sys; from lookalike.indexer.decode.decode import decode; decode(sys.stdin.buffer.read());"
        "assert 'PIL' in sys.modules and 'rawpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-P", "-c", code], input=JPEG, check=True)


def test_a_linear_dng_without_a_preview_is_developed() -> None:
    """It takes three times the memory: nothing of it is halved."""
    picture = draw_photo(1, 640, 480)
    data = dng(picture, b"", linear=True)

    assert likeness_of(decode(data).image.resize(WIDE.size), WIDE) > 0.85
    with pytest.raises(DecodeError) as caught:
        decode(data, memory=MemoryBudget(8 * 640 * 480))
    assert caught.value.code == "too_large"
