"""What a photo says of itself: tags -> Metadata. Damaged fields are left out; nothing raises."""

import math

from PIL import Image

from ...store.records import Metadata
from .tags import Fields, Tags
from .texts import SHORT, as_text
from .times import Taken

_ALTITUDES = (-11_000.0, 100_000.0)  # meters: the deepest sea, the edge of space
_MAKE, _MODEL, _ORIENTATION, _LENS_MODEL = 0x010F, 0x0110, 0x0112, 0xA434


def read_metadata(tags: Tags, taken: Taken | None) -> Metadata:
    """Read the camera, the lens and the place from tags. taken: what they say of the time."""
    latitude, longitude = _position(tags.gps)
    return Metadata(
        taken=taken.time if taken else None,
        camera=camera_of(tags),
        lens=as_text(tags.detail.get(_LENS_MODEL)),
        latitude=latitude,
        longitude=longitude,
        altitude=_altitude(tags.gps),
    )


def camera_of(tags: Tags) -> str | None:
    """Return make and model as one: "Canon" + "Canon EOS R5" is "Canon EOS R5"."""
    make, model = as_text(tags.main.get(_MAKE)), as_text(tags.main.get(_MODEL))
    if make is None or model is None:
        return make or model
    if model.split()[0].casefold() in make.casefold().split():
        return model
    return f"{make} {model}"[:SHORT]


def orientation_in(exif: Image.Exif) -> int:
    """Return how the picture must be turned, 1..8; what is out of range means not at all."""
    try:
        value: object = exif.get(_ORIENTATION, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


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
    letter = (as_text(reference) or " ")[0].upper()
    parts = [number(part) for part in (value if isinstance(value, tuple) else (value,))]
    if letter not in letters or len(parts) > 3:
        return None
    degrees = sum((part if part is not None else math.nan) / 60.0**i for i, part in enumerate(parts))
    if not 0.0 <= degrees <= limit:  # false for NaN too
        return None
    return -degrees if letter == letters[1] else degrees


def _altitude(gps: Fields) -> float | None:
    """Return meters above the sea."""
    altitude = number(gps.get(6))
    if altitude is None:
        return None
    if gps.get(5) in (1, b"\x01", "\x01"):
        altitude = -altitude
    return altitude if _ALTITUDES[0] <= altitude <= _ALTITUDES[1] else None


def number(value: object) -> float | None:
    """Return a finite number; a fraction with the denominator 0 is none."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None
