from typing import Any

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from lookalike.indexer.decode.decode import decode
from lookalike.indexer.decode.fields import read_all
from lookalike.store.records import Metadata
from lookalike.tests.pictures import draw_photo, encode, exif_with

MAKE, MODEL, CHANGED = 0x010F, 0x0110, 0x0132
TAKEN, DIGITIZED, FRACTION, ZONE, LENS = 0x9003, 0x9004, 0x9291, 0x9011, 0xA434
BERLIN = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0), 5: b"\0", 6: 34.5}


def read_metadata(exif: Image.Exif) -> Metadata:
    return read_all(Image.new("L", (1, 1)), exif)[0]


def taken(**fields: Any) -> str | None:
    """Read the time of a photo from these fields of the EXIF directory."""
    return read_metadata(exif_with(exif={globals()[name]: value for name, value in fields.items()})).taken


def place(**changes: Any) -> Metadata:
    """Read Berlin with some GPS fields changed; None removes a field."""
    gps = BERLIN | {int(name[1:]): value for name, value in changes.items()}
    return read_metadata(exif_with(gps={tag: value for tag, value in gps.items() if value is not None}))


def camera(make: str, model: str) -> str | None:
    return read_metadata(exif_with({MAKE: make, MODEL: model})).camera


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_metadata_survives_in_every_format(file_format: str) -> None:
    exif = exif_with(
        {MAKE: "Canon", MODEL: "Canon EOS R5"},
        exif={TAKEN: "2023:05:01 12:30:15", FRACTION: "12", ZONE: "+02:00", LENS: "RF 50mm"},
        gps=BERLIN,
    )
    options: dict[str, Any] = (
        {"save_all": True, "append_images": [draw_photo(2)]} if file_format == "MPO" else {}
    )
    metadata = decode(encode(draw_photo(1), file_format, exif=exif, **options), min_side=64).metadata
    assert metadata.taken == "2023-05-01T12:30:15.12+02:00"
    assert (metadata.camera, metadata.lens) == ("Canon EOS R5", "RF 50mm")
    assert metadata.latitude == pytest.approx(52.52)
    assert metadata.longitude == pytest.approx(13.405)
    assert metadata.altitude == pytest.approx(34.5)


def test_a_picture_without_exif_says_nothing() -> None:
    assert decode(encode(draw_photo(1))).metadata == Metadata()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2023:05:01 12:30:15", "2023-05-01T12:30:15"),
        ("2023-05-01 12:30:15", "2023-05-01T12:30:15"),
        ("2023/05/01 12:30", "2023-05-01T12:30:00"),
        ("2023-05-01T12:30:15.25Z", "2023-05-01T12:30:15.25+00:00"),
        ("2023-05-01T12:30:15-0730", "2023-05-01T12:30:15-07:30"),
        ("2023:5:1 2:03:04\0", "2023-05-01T02:03:04"),
        ("2023:05:01", "2023-05-01"),
        ("2005: 5: 1  9: 3: 5", "2005-05-01T09:03:05"),
        ("2015:08:22 24:08:19", "2015-08-23T00:08:19"),
        ("2015:12:31 24:00:00", "2016-01-01T00:00:00"),
        ("2015:08:22 25:08:19", None),
        ("2005:05:01 10:00:60", "2005-05-01T10:01:00"),
        ("2005:12:31 23:59:60", "2006-01-01T00:00:00"),
        ("2005:05:01 10:00:61", None),
        ("2014:08:03 10:43:55 PM", "2014-08-03T22:43:55"),
        ("2014:08:03 12:43:55 am", "2014-08-03T00:43:55"),
        ("2014:08:03 12:43:55 p.m.", "2014-08-03T12:43:55"),
        ("2014:08:03 22:43:55 PM", "2014-08-03T22:43:55"),
        ("2014:08:03 下午 10:43:55".encode(), "2014-08-03T22:43:55"),
        ("2014:08:03 13:43:55 AM", None),
        ("2014:08:03 10:43:55 in the evening", None),
        ("2023-05-01T12:30:15+2:00", "2023-05-01T12:30:15+02:00"),
        ("1898:07:14 10:00:00", "1898-07-14T10:00:00"),
        ("0000:00:00 00:00:00", None),
        ("0001:01:01 00:00:00", None),
        ("2023:13:01 00:00:00", None),
        ("2023:02:30 10:00:00", None),
        ("    :  :     :  :  ", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_times_are_read_or_left_out(written: str | bytes, read: str | None) -> None:
    assert taken(TAKEN=written) == read


def test_the_time_of_the_shot_comes_first() -> None:
    assert taken(TAKEN="2020:01:01 00:00:01", DIGITIZED="2021:01:01 00:00:01") == "2020-01-01T00:00:01"
    assert taken(TAKEN="0000:00:00 00:00:00", DIGITIZED="2021:01:01 00:00:01") == "2021-01-01T00:00:01"
    changed = exif_with({CHANGED: "2022:01:01 00:00:01"}, exif={TAKEN: "    "})
    assert read_metadata(changed).taken == "2022-01-01T00:00:01"


@pytest.mark.parametrize(
    "written", ["2015:13:45 10:00:00", "yesterday", "2014:08:03 10:43:55 in the evening"]
)
def test_what_cannot_be_read_is_not_replaced_by_another_tag(written: str) -> None:
    assert taken(TAKEN=written, DIGITIZED="2021:01:01 00:00:01") is None
    both = exif_with({CHANGED: "2022:01:01 00:00:01"}, exif={TAKEN: written})
    metadata, fields = read_all(Image.new("L", (1, 1)), both)
    assert metadata.taken is None
    assert "taken_from" not in fields


@pytest.mark.parametrize(
    ("fraction", "read"), [("5", ".5"), ("120 ", ".120"), ("1234567", ".123456"), ("x", "")]
)
def test_fractions_keep_their_precision(fraction: str, read: str) -> None:
    assert taken(TAKEN="2020:01:01 00:00:01", FRACTION=fraction) == f"2020-01-01T00:00:01{read}"


@pytest.mark.parametrize(
    ("zone", "read"),
    [("+05:30", "+05:30"), ("+2:00", "+02:00"), ("Z", "+00:00"), ("+99:00", ""), ("   :  ", "")],
)
def test_zones_are_read_or_left_out(zone: str, read: str) -> None:
    assert taken(TAKEN="2020:01:01 00:00:01", ZONE=zone) == f"2020-01-01T00:00:01{read}"


def test_a_camera_says_its_make_once() -> None:
    assert camera("Canon", "Canon EOS R5") == "Canon EOS R5"
    assert camera("NIKON CORPORATION", "NIKON D90") == "NIKON D90"
    assert camera("Apple", "iPhone 12") == "Apple iPhone 12"
    assert camera("", "iPhone 12") == "iPhone 12"
    assert camera("Apple", "") == "Apple"
    assert camera("   ", "\0") is None


def test_texts_are_one_clean_short_line() -> None:
    assert camera("", "X\x1b[31m\r\n\tY\x7f") == "X [31m Y"
    right_to_left = exif_with({MODEL: "Y\u202eX".encode()})
    assert read_metadata(right_to_left).camera == "Y X"
    assert len(camera("a" * 500, "b" * 500) or "") == 100
    assert read_metadata(exif_with({MODEL: "Müller".encode()})).camera == "Müller"
    assert read_metadata(exif_with({MODEL: "Müller".encode("latin-1")})).camera == "Müller"


def test_south_and_west_and_below_the_sea_are_negative() -> None:
    found = place(_1="S", _3="W", _5=b"\1")
    assert found.latitude == pytest.approx(-52.52)
    assert found.longitude == pytest.approx(-13.405)
    assert found.altitude == pytest.approx(-34.5)


@pytest.mark.parametrize(
    "changes",
    [
        {"_1": None},
        {"_3": ""},
        {"_3": "Q"},
        {"_2": None},
        {"_2": (IFDRational(52, 0), 0.0, 0.0)},
        {"_2": (91.0, 0.0, 0.0)},
        {"_4": (181.0, 0.0, 0.0)},
        {"_2": (0.0, 0.0, 0.0), "_4": (0.0, 0.0, 0.0)},
    ],
)
def test_half_a_place_is_none(changes: dict[str, Any]) -> None:
    found = place(**changes)
    assert (found.latitude, found.longitude) == (None, None)
    assert found.altitude == pytest.approx(34.5)


def test_degrees_may_come_without_minutes() -> None:
    assert place(_2=(52.52,)).latitude == pytest.approx(52.52)
    assert place(_4=(13.0, 24.3)).longitude == pytest.approx(13.405)


@pytest.mark.parametrize("altitude", [IFDRational(1, 0), 1e9, "high"])
def test_an_impossible_altitude_is_left_out(altitude: Any) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update(BERLIN | {6: altitude})
    assert read_metadata(exif).altitude is None


def test_damaged_exif_never_raises() -> None:
    exif = exif_with({MAKE: "Canon"}, exif={TAKEN: "2023:05:01 12:30:15"}, gps=BERLIN).tobytes()
    for place_of_damage in range(6, len(exif)):
        for value in (b"\xff\xff", b"\0\0"):
            damaged = exif[:place_of_damage] + value + exif[place_of_damage + 2 :]
            assert decode(encode(Image.new("L", (8, 8)), exif=damaged)).width == 8


def test_what_can_be_read_of_damaged_exif_is_kept() -> None:
    exif = exif_with({MAKE: "Canon"}, exif={TAKEN: "2023:05:01 12:30:15"}).tobytes()
    cut = exif[: exif.index(b"2023")]
    assert decode(encode(draw_photo(1), exif=cut)).metadata == Metadata(camera="Canon")
