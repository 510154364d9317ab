"""What a photo says of itself: EXIF -> Metadata. Damaged fields are left out; nothing raises."""

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

from ...store.records import Metadata

Fields = Mapping[int, Any]

_MAX_TEXT = 100  # characters
_FIRST_YEAR, _LAST_YEAR = 1826, 2200  # the oldest photo that is kept is of 1826
_ALTITUDES = (-11_000.0, 100_000.0)  # meters: the deepest sea, the edge of space

_MAKE, _MODEL, _LENS_MODEL = 0x010F, 0x0110, 0xA434
# (time, its sub-seconds, its zone): when taken, when digitized, when the file was last changed
_TIMES = ((0x9003, 0x9291, 0x9011), (0x9004, 0x9292, 0x9012), (0x0132, 0x9290, 0x9010))

# Standard is "2023:05:01 12:30:15"; programs also write other separators, fractions and zones.
_TIME = re.compile(
    r"\s*(\d{4})\D(\d{1,2})\D(\d{1,2})"
    r"(?:\D{1,2}(\d{1,2})\D(\d{1,2})(?:\D(\d{1,2}))?(?:\.(\d+))?\s*(Z|[+-]\d\d:?\d\d)?)?"
)
_ZONE = re.compile(r"\s*([+-])(\d\d):?(\d\d)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


def read_metadata(exif: Image.Exif) -> Metadata:
    """Read the time, the camera, the lens and the place from the EXIF of a picture."""
    main = _fields(exif)
    detail = _sub_fields(exif, ExifTags.IFD.Exif)
    gps = _sub_fields(exif, ExifTags.IFD.GPSInfo)
    latitude, longitude = _position(gps)
    return Metadata(
        taken=_taken(main | detail),
        camera=_camera(_text(main.get(_MAKE)), _text(main.get(_MODEL))),
        lens=_text(detail.get(_LENS_MODEL)),
        latitude=latitude,
        longitude=longitude,
        altitude=_altitude(gps),
    )


def _fields(directory: Fields) -> dict[int, Any]:
    """Copy the fields that can be read; Pillow parses each one when it is asked for."""
    fields: dict[int, Any] = {}
    for tag in list(directory):
        try:
            fields[tag] = directory[tag]
        except Exception:
            continue
    return fields


def _sub_fields(exif: Image.Exif, directory: ExifTags.IFD) -> dict[int, Any]:
    try:
        return _fields(exif.get_ifd(directory))
    except Exception:
        return {}


def _taken(fields: Fields) -> str | None:
    """Return the first time of `_TIMES` that makes sense, as ISO 8601."""
    for time_tag, fraction_tag, zone_tag in _TIMES:
        time = _text(fields.get(time_tag))
        match = _TIME.match(time) if time else None
        if match is None:
            continue
        *numbers, fraction, zone = match.groups()
        seconds = _iso_seconds([int(number or 0) for number in numbers])
        if seconds is None:
            continue
        fraction = fraction or _text(fields.get(fraction_tag)) or ""
        return seconds + _iso_fraction(fraction) + _iso_zone(zone or _text(fields.get(zone_tag)))
    return None


def _iso_seconds(numbers: list[int]) -> str | None:
    try:
        time = datetime(*numbers)  # type: ignore[arg-type]
    except ValueError:
        return None
    return time.isoformat() if _FIRST_YEAR <= time.year <= _LAST_YEAR else None


def _iso_fraction(digits: str) -> str:
    """Return the fraction of a second as precise as it was given, at most microseconds."""
    digits = digits.strip()
    return f".{digits[:6]}" if digits.isascii() and digits.isdigit() else ""


def _iso_zone(zone: str | None) -> str:
    if zone and zone.strip() == "Z":
        return "+00:00"
    match = _ZONE.match(zone or "")
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        return ""
    return f"{match[1]}{match[2]}:{match[3]}"


def _camera(make: str | None, model: str | None) -> str | None:
    """Join make and model: "Canon" + "Canon EOS R5" is "Canon EOS R5"."""
    if make is None or model is None:
        return make or model
    if model.split()[0].casefold() in make.casefold().split():
        return model
    return f"{make} {model}"[:_MAX_TEXT]


def _text(value: object) -> str | None:
    """Return one line of clean text, or None for what is empty or no text."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return None
    with suppress(UnicodeError):  # EXIF says ASCII, Pillow reads Latin-1, phones write UTF-8
        value = value.encode("latin-1").decode("utf-8")
    value = value.split("\0", 1)[0]
    return " ".join(_CONTROL.sub(" ", value).split())[:_MAX_TEXT] or None


def _position(gps: Fields) -> tuple[float | None, float | None]:
    """Return latitude and longitude in degrees, or (None, None): half a place is none."""
    latitude = _degrees(gps.get(2), gps.get(1), "NS", 90.0)
    longitude = _degrees(gps.get(4), gps.get(3), "EW", 180.0)
    if latitude is None or longitude is None:
        return None, None
    if latitude == 0.0 and longitude == 0.0:  # what a receiver without a fix writes
        return None, None
    return latitude, longitude


def _degrees(value: object, reference: object, letters: str, limit: float) -> float | None:
    """Return degrees from (degrees, minutes, seconds); without N, S, E or W the side is unknown."""
    letter = (_text(reference) or " ")[0].upper()
    parts = [_number(part) for part in (value if isinstance(value, tuple) else (value,))]
    if letter not in letters or len(parts) > 3:
        return None
    degrees = sum((part if part is not None else math.nan) / 60.0**i for i, part in enumerate(parts))
    if not 0.0 <= degrees <= limit:  # false for NaN too
        return None
    return -degrees if letter == letters[1] else degrees


def _altitude(gps: Fields) -> float | None:
    """Return meters above the sea."""
    altitude = _number(gps.get(6))
    if altitude is None:
        return None
    if gps.get(5) in (1, b"\x01", "\x01"):
        altitude = -altitude
    return altitude if _ALTITUDES[0] <= altitude <= _ALTITUDES[1] else None


def _number(value: object) -> float | None:
    """Return a finite number; a fraction with the denominator 0 is none."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None
