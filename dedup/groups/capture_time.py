"""When photos were taken: whether two times are those of one shot, and what lies between them."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?([+-]\d\d:\d\d)?")

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class _Moment:
    """seconds: local time by the second. fraction: digits after them. zone: "+02:00" or ""."""

    seconds: str
    fraction: str
    zone: str

    def at(self, digits: int, in_zone: bool) -> datetime:
        """Return the time with so many digits of its fraction."""
        fraction = f".{self.fraction[:digits]}" if digits else ""
        return datetime.fromisoformat(self.seconds + fraction + (self.zone if in_zone else ""))


def moments_differ(first: str | None, second: str | None) -> bool:
    """Tell whether two capture times (ISO 8601) are those of two shots; False where one is unknown.

    A program may have dropped the sub-seconds or the zone, or have moved the time to another zone: what
    both say is compared, and two times are one if they agree on the clock or on the instant.
    """
    apart = seconds_between(first, second)
    return apart is not None and apart != 0


def seconds_between(first: str | None, second: str | None) -> float | None:
    """Return by how many seconds the second capture time is later, None where one is unknown."""
    a, b = _moment(first), _moment(second)
    if a is None or b is None:
        return None
    digits = min(len(a.fraction), len(b.fraction))
    by_clock = b.at(digits, False) - a.at(digits, False)
    if not by_clock or not (a.zone and b.zone):
        return by_clock / timedelta(seconds=1)
    return (b.at(digits, True) - a.at(digits, True)) / timedelta(seconds=1)


def _moment(taken: str | None) -> _Moment | None:
    match = _TIME.fullmatch(taken or "")
    return _Moment(match[1], (match[2] or "")[:6], match[3] or "") if match else None


def shot_in_words(first: str | None, second: str | None) -> str:
    """Return "another shot, 0.4 s later" for two capture times that differ, else ""."""
    apart = seconds_between(first, second)
    if not apart:
        return ""
    return f"another shot, {_duration(abs(apart))} {'later' if apart > 0 else 'earlier'}"


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.2g} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < _DAY:
        return f"{seconds / _HOUR:.0f} h"
    days = round(seconds / _DAY)
    return "1 day" if days == 1 else f"{days:,} days"
