"""What files say of the shot that they show, and whether two files can show the same one."""

import math
from dataclasses import dataclass
from typing import Any

from ...store.catalog.photos import Photo
from ...store.records import Holdings
from .capture_time import moments_differ

# Tags that say when the light fell on the sensor. Those of digitizing and of the last change do not, nor
# does a fix, which may be minutes old. Where no tag is known, the store is of before tags were.
_OF_THE_SHOT = ("", "DateTimeOriginal", "XMP DateTimeOriginal")
# Brackets are a third of a stop apart or more; less is how programs round.
_LEAST_STOPS = 0.15


@dataclass(frozen=True, slots=True)
class Shot:
    """What a file says of its shot.

    taken: capture time, ISO 8601, None where no tag of the shot says one. exposure_time: seconds. bias:
    exposure compensation in EV. camera: make and model. made: equal for two files that one camera may have
    made in a row: their size, their software, how much of a camera's record they have.
    """

    taken: str | None = None
    exposure_time: float | None = None
    bias: float | None = None
    camera: str | None = None
    made: tuple[Any, ...] = ()


def shot_of(photo: Photo, holdings: Holdings | None) -> Shot:
    """Return what a photo says of its shot. holdings: None where nobody looked yet."""
    fields = holdings.fields if holdings else {}
    is_of_shot = fields.get("taken_from", "") in _OF_THE_SHOT
    size = (max(photo.width, photo.height), min(photo.width, photo.height))
    record = (fields.get("camera_record"), fields.get("software"), fields.get("edited"))
    return Shot(
        taken=photo.taken if is_of_shot else None,
        exposure_time=_number(fields.get("exposure_time")),
        bias=_number(fields.get("exposure_bias")),
        camera=photo.camera,
        made=(*size, *record),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def times_differ(a: Shot, b: Shot) -> bool:
    """Tell whether the capture times are those of two shots."""
    # In a burst a frame may well be taken at .00; a copy whose sub-seconds a program filled with zeros is
    # seldom as large as its original, with all of its record.
    return moments_differ(a.taken, b.taken, zeros_fill=a.made != b.made)


def exposures_differ(a: Shot, b: Shot) -> bool:
    """Tell whether one camera exposed two shots in different ways, as for a bracket."""
    if a.camera and b.camera and a.camera != b.camera:
        return False  # a program that changes the name of the camera may change more
    times, biases = (a.exposure_time, b.exposure_time), (a.bias, b.bias)
    if all(times) and abs(math.log2((times[0] or 1) / (times[1] or 1))) > _LEAST_STOPS:
        return True
    return None not in biases and abs((biases[0] or 0) - (biases[1] or 0)) > _LEAST_STOPS


def why_two_shots(a: Shot, b: Shot) -> str:
    """Return what tells two shots apart, in words, "" for nothing; for photos whose pixels differ."""
    if times_differ(a, b):
        return f"taken {a.taken} and {b.taken}"
    if exposures_differ(a, b):
        return f"exposed {_exposure(a)} and {_exposure(b)}"
    return ""


def _exposure(shot: Shot) -> str:
    time, bias = shot.exposure_time, shot.bias
    parts = [] if not time else [f"1/{1 / time:.0f} s" if time < 0.3 else f"{time:.3g} s"]
    return " ".join(parts + ([f"{bias:+.2g} EV"] if bias or (bias == 0 and not parts) else []))
