"""When photos were taken: whether two times are those of one shot, and what lies between them."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(?:\.(\d+))?([+-]\d\d:\d\d)?)?")

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class _Moment:
    """clock: local time by the second. fraction: digits after it. zone: from universal time, if known.

    is_day: only the day is known.
    """

    clock: datetime
    fraction: str
    zone: timedelta | None
    is_day: bool

    @property
    def instant(self) -> datetime:
        """Universal time; local time where the zone is not known."""
        return self.clock - (self.zone or timedelta())


def moments_differ(first: str | None, second: str | None, *, zeros_fill: bool = False) -> bool:
    """Tell whether two capture times (ISO 8601) are those of two shots; False where one is unknown.

    For files that show the same picture, where a program may have dropped or rounded the sub-seconds, have
    dropped the zone or have moved the time to another. What both say is compared. zeros_fill: sub-seconds
    of zeros only may be no time, but what a program filled in.
    """
    apart = seconds_between(first, second, zeros_fill=zeros_fill)
    return apart is not None and apart != 0


def seconds_between(first: str | None, second: str | None, *, zeros_fill: bool = False) -> float | None:
    """Return by how many seconds the second capture time is later, None where one is unknown."""
    a, b = _moment(first), _moment(second)
    if a is None or b is None:
        return None
    if a.is_day or b.is_day:
        return _days_between(a, b)
    # By the clock, and by the instant: what has no zone may be universal time.
    readings = ((a.clock, b.clock), (a.instant, b.instant))
    by_clock, by_instant = ((later - earlier) / timedelta(seconds=1) for earlier, later in readings)
    fractions = ["" if zeros_fill and not each.fraction.strip("0") else each.fraction for each in (a, b)]
    found = [_apart(seconds, *fractions) for seconds in (by_clock, by_instant)]
    if 0 in found:
        return 0.0
    return found[1] if a.zone is not None and b.zone is not None else found[0]


def _days_between(a: _Moment, b: _Moment) -> float:
    """Return the seconds between two days; that it was the next day elsewhere is no difference."""
    days = (b.clock.date() - a.clock.date()).days
    return float(days * _DAY) if abs(days) > 1 else 0.0


def _apart(seconds: float, a: str, b: str) -> float:
    """Return what lies between two times. seconds: without their fractions, whose digits are a and b."""
    first, second = (float(f"0.{digits or 0}") for digits in (a, b))
    apart = round(seconds + second - first, 6)
    if len(a) == len(b):
        return apart
    if seconds == 0 and a and b and int(a) == int(b):
        return 0.0  # "07" without its zero
    # The time with fewer digits was cut off, or rounded.
    unit = 10.0 ** -min(len(a), len(b))
    beyond = apart if len(b) > len(a) else -apart
    return 0.0 if -unit / 2 <= beyond < unit else apart


@lru_cache(maxsize=1 << 16)
def _moment(taken: str | None) -> _Moment | None:
    match = _TIME.fullmatch(taken or "")
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    return _Moment(
        datetime.fromisoformat(f"{day}T{clock or '00:00:00'}"),
        (fraction or "")[:6],
        _offset(zone) if zone else None,
        clock is None,
    )


def _offset(zone: str) -> timedelta:
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
    return -offset if zone[0] == "-" else offset


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
