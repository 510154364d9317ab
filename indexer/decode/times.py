"""When a photo was taken, and which of its tags says so. What cannot be read is none, never another tag."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from .texts import as_text
from .xmp import Xmp

Fields = Mapping[int, Any]

_FIRST_YEAR, _LAST_YEAR = 1826, 2200  # the oldest photo that is kept is of 1826

# name -> (time, its sub-seconds, its zone): when taken, when digitized, when the file was last changed
_TAKEN = ("DateTimeOriginal", 0x9003, 0x9291, 0x9011)
_DIGITIZED = ("DateTimeDigitized", 0x9004, 0x9292, 0x9012)
_CHANGED = ("DateTime", 0x0132, 0x9290, 0x9010)
_GPS_TIME, _GPS_DATE = 7, 29
_PNG_TIME = "Creation Time"

_MORNING, _AFTERNOON = r"a\.?m\.?|上午|午前|오전", r"p\.?m\.?|下午|午後|오후"
_HALF = rf"(?:({_MORNING})|({_AFTERNOON}))?"
# Standard is "2023:05:01 12:30:15"; programs also write other separators, blanks for zeros, fractions,
# zones, and the half of the day on either side of the time.
_TIME = re.compile(
    r"\s*(\d{4})\D\s?(\d{1,2})\D\s?(\d{1,2})"
    rf"(?:(?:\s*[T,:_-]\s*|\s+){_HALF}\s?(\d{{1,2}})\D\s?(\d{{1,2}})(?:\D\s?(\d{{1,2}}))?(?:[.,](\d+))?"
    rf"\s*{_HALF}\s*(Z|[+-]\d\d?:?\d\d)?)?\s*",
    re.IGNORECASE,
)
_ZONE = re.compile(r"\s*([+-])(\d\d?):?(\d\d)\s*")
_SAYS_NOTHING = re.compile(r"[\s0:./TZ+-]*")


@dataclass(frozen=True, slots=True)
class Taken:
    """A time that a tag says. time: ISO 8601, or "" where it cannot be read. source: name of the tag."""

    time: str
    source: str


def read_taken(tags: Fields, gps: Fields, xmp: Xmp, texts: Mapping[str, str]) -> Taken | None:
    """Return the capture time by the first tag that says one; None too where it cannot be read.

    tags: of both EXIF directories. texts: those of a PNG. What says when the shot was taken comes first,
    the time of the last change comes last.
    """
    found = next(_said(tags, gps, xmp, texts), None)
    return found if found and found.time else None


def _said(tags: Fields, gps: Fields, xmp: Xmp, texts: Mapping[str, str]) -> Iterator[Taken]:
    """Yield the times that are there, readable or not, the best tag first."""
    yield from _of_exif(tags, *_TAKEN)
    yield from _of_text("XMP DateTimeOriginal", xmp.texts("exif:DateTimeOriginal"))
    yield from _of_exif(tags, *_DIGITIZED)
    yield from _of_text("XMP DateCreated", xmp.texts("photoshop:DateCreated"))
    yield from _of_text("XMP CreateDate", xmp.texts("xmp:CreateDate"))
    yield from _of_gps(gps)
    if _PNG_TIME in texts:
        yield from _of_text("PNG text", [_mail_time(texts[_PNG_TIME]) or texts[_PNG_TIME]])
    yield from _of_exif(tags, *_CHANGED)


def _of_exif(tags: Fields, source: str, time_tag: int, fraction_tag: int, zone_tag: int) -> Iterator[Taken]:
    time = as_text(tags.get(time_tag))
    if time is not None and not _SAYS_NOTHING.fullmatch(time):
        yield Taken(
            iso_time(time, as_text(tags.get(fraction_tag)), as_text(tags.get(zone_tag))) or "", source
        )


def _of_text(source: str, values: list[str]) -> Iterator[Taken]:
    for value in values[:1]:
        if not _SAYS_NOTHING.fullmatch(value):
            yield Taken(iso_time(value) or "", source)


def _mail_time(text: str) -> str | None:
    """Return the time of "Mon, 01 May 2023 10:11:12 +0200", which PNG recommends."""
    try:
        return parsedate_to_datetime(text).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _of_gps(gps: Fields) -> Iterator[Taken]:
    """Yield the time of the fix, which is universal time."""
    date, clock = as_text(gps.get(_GPS_DATE)), gps.get(_GPS_TIME)
    try:
        hour, minute, second = (float(part) for part in clock)  # type: ignore[union-attr]
        time = f"{date} {hour:02.0f}:{minute:02.0f}:{int(second):02d}Z"
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return
    if date and not _SAYS_NOTHING.fullmatch(date):
        yield Taken(iso_time(time) or "", "GPS")


def iso_time(text: str, fraction: str | None = None, zone: str | None = None) -> str | None:
    """Return a time as ISO 8601, a day alone as a date; None for what is none.

    fraction, zone: what other fields say of them, for a text that says neither.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, am, pm, hour, minute, second, own_fraction, late_am, late_pm, own_zone = (
        match.groups()
    )
    if hour is None:
        return _checked([int(year), int(month), int(day)], 0, 0, 0, is_day=True)
    clock = _hour(int(hour), bool(am or late_am), bool(pm or late_pm))
    if clock is None:
        return None
    time = _checked([int(year), int(month), int(day)], clock, int(minute), int(second or 0))
    return time and time + _iso_fraction(own_fraction or fraction or "") + _iso_zone(own_zone or zone)


def _hour(hour: int, is_morning: bool, is_afternoon: bool) -> int | None:
    """Return the hour of a clock of 24, None where it has none; 24 itself is that of the next day."""
    if (is_morning and is_afternoon) or (is_morning and hour > 12) or (is_afternoon and hour > 23):
        return None
    if is_morning:
        return hour % 12
    if is_afternoon and hour <= 12:
        return hour % 12 + 12
    return hour


def _checked(date: list[int], hour: int, minute: int, second: int, *, is_day: bool = False) -> str | None:
    """Return the time if there is such a one; hour 24 and second 60 are the beginning of the next."""
    if hour > 24 or minute > 59 or second > 60:
        return None
    try:
        day = datetime(*date)  # type: ignore[arg-type]
    except ValueError:
        return None
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        return None
    if is_day:
        return day.date().isoformat()
    return (day + timedelta(hours=hour, minutes=minute, seconds=second)).isoformat()


def _iso_fraction(digits: str) -> str:
    """Return the fraction of a second as precise as it was given, at most microseconds."""
    digits = digits.strip()
    return f".{digits[:6]}" if digits.isascii() and digits.isdigit() else ""


def _iso_zone(zone: str | None) -> str:
    if zone and zone.strip().upper() == "Z":
        return "+00:00"
    match = _ZONE.fullmatch(zone or "")
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        return ""
    return f"{match[1]}{int(match[2]):02d}:{match[3]}"
