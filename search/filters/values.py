"""Numbers, sizes and dates as people write them."""

import math
import re
from datetime import datetime, timedelta

from ...errors import UsageError

_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2}([T ]\d{2}(:\d{2}(:\d{2})?)?)?)?)?", re.ASCII)
_WHOLE_DATE = "0001-01-01T00:00:00"

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def read_date(text: str) -> str:
    """Return the beginning of an ISO 8601 time: "2023", "2023-05", "2023-05-01", "2023-05-01T18:30".

    Raises:
        UsageError: it is none.
    """
    date = text.replace(" ", "T")
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        datetime.fromisoformat(date + _WHOLE_DATE[len(date) :])
    except ValueError:
        raise UsageError(f"cannot read the date {text!r}; write 2023, 2023-05 or 2023-05-01") from None
    return date


def read_number(text: str) -> float | None:
    """Return a finite number; None for what is none."""
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def read_seconds(text: str) -> float | None:
    """Return how long a shot was exposed: "1/250", "0.004", "1/250s"; None for what is none.

    Rounded as it is kept, so that 1/60 is 1/60.
    """
    above, _, below = text.lower().removesuffix("s").partition("/")
    over, under = read_number(above), read_number(below or "1")
    if over is None or not under or not math.isfinite(over / under):
        return None
    return float(f"{over / under:.4g}")


def read_bytes(text: str) -> float | None:
    """Return a size in bytes: "3000000", "3MB", "2.5 GiB"; None for what is none."""
    number = text.rstrip("BbGgIiKkMm")
    factor = _UNITS.get(text[len(number) :].lower() or "b")
    value = read_number(number.rstrip())
    return None if factor is None or value is None or not math.isfinite(value * factor) else value * factor


_DURATION = re.compile(r"(\d{1,6})\s*([smhdw])", re.ASCII)
_LONGEST = timedelta(days=365_000)  # so that a time before this year is still a time
_DURATION_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_duration(text: str, option: str) -> timedelta:
    """Return the length of time that a text like "30d" says, at most 1,000 years.

    option: what to call it in a message.

    Raises:
        UsageError: it says none.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(f"{option} is a number with a unit, like 30d, 12h or 2w, not {text!r}")
    return min(timedelta(**{_DURATION_UNITS[match[2]]: int(match[1])}), _LONGEST)
