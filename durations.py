"""Lengths of time as people write them: 30d, 12h."""

import re
from datetime import timedelta

from .errors import UsageError

_FORM = re.compile(r"(\d{1,6})\s*([smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_duration(text: str, option: str) -> timedelta:
    """Return the length of time that a text like "30d" says. option: what to call it in a message.

    Raises:
        UsageError: it says none.
    """
    match = _FORM.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(f"{option} is a number with a unit, like 30d, 12h or 2w, not {text!r}")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
