from typing import Any

import numpy as np
import pytest

from lookalike.errors import DecodeError
from lookalike.indexer.decode.decode import decode
from lookalike.tests.indexer.decode.containers import FILM, scan_of
from lookalike.tests.pictures import Pixels, draw_photo, encode

PHOTO = draw_photo(1, 640, 480)
TRAILER = b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1600000000000SEFHk\0\0\0SEFT"
OPTIONS: list[dict[str, Any]] = [
    {},
    {"progressive": True},
    {"restart_marker_blocks": 10},
    {"optimize": True, "quality": 95},
]


def damage_of(data: bytes, min_side: int = 0) -> tuple[str, ...]:
    holdings = decode(data, min_side=min_side, inventory=True).holdings
    assert holdings is not None
    return holdings.damage


def cut(data: bytes, share: float, filler: bytes) -> bytes:
    """Lose the end of the compressed data. filler: of which byte what was lost is filled, b"" for none."""
    start, end = scan_of(data)
    at = start + int((end - start) * share)
    return data[:at] + filler * (end - at) + data[end:]


@pytest.mark.parametrize("options", OPTIONS)
def test_whole_photos_show_no_damage(options: dict[str, Any]) -> None:
    bars = PHOTO.copy()
    bars.paste(0, (0, 400, 640, 480))
    for image in (PHOTO, bars, bars.rotate(180), draw_photo(2, 33, 17)):
        for min_side in (0, 100):
            assert damage_of(encode(image, **options), min_side) == ()


@pytest.mark.parametrize("min_side", [0, 100])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.985])
@pytest.mark.parametrize("filler", [b"", b"\0", b"\xff"])
def test_data_that_end_early_are_told(min_side: int, share: float, filler: bytes) -> None:
    data = encode(PHOTO, quality=92)
    assert damage_of(cut(data, share, filler), min_side) != ()


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_lost_end_of_a_progressive_photo_is_told_at_full_size(share: float) -> None:
    assert damage_of(cut(encode(PHOTO, quality=92, progressive=True), share, b"\0")) != ()


def test_zeros_in_the_middle_are_told() -> None:
    data = encode(PHOTO, quality=92)
    start, end = scan_of(data)
    middle = (start + end) // 2
    assert damage_of(data[:middle] + bytes(512) + data[middle + 512 :], 100) != ()


def test_restart_markers_that_are_lost_are_told() -> None:
    data = encode(PHOTO, restart_marker_blocks=10)
    start, end = scan_of(data)
    lost = data.index(b"\xff\xd3", start, end)
    assert "restart" in damage_of(data[:lost] + data[lost + 2 :], 100)[0]


def test_a_foot_of_grey_that_was_saved_again_is_told() -> None:
    saved_again = decode(cut(encode(PHOTO), 0.6, b"")).image.copy()
    saved_again.paste((128, 128, 128), (0, 400, 640, 480))
    for data in (encode(saved_again), encode(saved_again, "PNG")):
        assert damage_of(data, 100) == ("a grey foot",)
    saved_again.paste((128, 128, 128), (0, 0, 640, 80))  # bars at both ends are somebody's wish
    assert damage_of(encode(saved_again), 100) == ()


def pixels_of(data: bytes, min_side: int) -> Pixels:
    return decode(data, min_side=min_side).pixels


@pytest.mark.parametrize("min_side", [0, 100])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("end", [b"", b"\xff", TRAILER])
def test_a_photo_without_its_end_marker_is_read_with_a_warning(
    options: dict[str, Any], end: bytes, min_side: int
) -> None:
    data = encode(PHOTO, **options)
    whole, found = (decode(each, min_side=min_side, inventory=True) for each in (data, data[:-2] + end))
    assert found.warning == "the file lacks its end marker"
    assert found.holdings is not None
    assert found.holdings.damage == ("no end marker",)
    assert found.pixel_digest == whole.pixel_digest
    if "progressive" not in options:
        assert np.array_equal(whole.pixels, found.pixels)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("lost", [40, 400, 4000])
def test_a_photo_that_lacks_more_than_its_end_marker_is_refused(options: dict[str, Any], lost: int) -> None:
    for min_side in (0, 100):
        with pytest.raises(DecodeError) as caught:
            decode(encode(PHOTO, **options)[:-lost], min_side=min_side)
        assert caught.value.code == "truncated"


def test_a_film_behind_is_no_damage() -> None:
    assert damage_of(encode(PHOTO) + FILM, 100) == ()
