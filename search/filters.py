"""From what a user says about photos to a filter of the store."""

import os
import re
from collections.abc import Sequence
from datetime import datetime

from ..errors import UsageError
from ..store.filters import Where, rel_below
from ..store.records import Root

_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2}([T ]\d{2}(:\d{2}(:\d{2})?)?)?)?)?", re.ASCII)
_WHOLE_DATE = "0001-01-01T00:00:00"


def make_where(
    roots: Sequence[Root],
    folders: Sequence[str] = (),
    since: str | None = None,
    until: str | None = None,
) -> Where:
    """Return the filter for photos below any of the folders and within the dates.

    folders: absolute, or relative to the working directory or to a folder of the library. since, until:
    "2023", "2023-05", "2023-05-01", "2023-05-01T18:30", both included.

    Raises:
        UsageError: a folder lies outside of the library, or a date cannot be read.
    """
    found = [path for folder in folders for path in _resolve(roots, folder)]
    return Where(tuple(found), _date(since), _date(until))


def _resolve(roots: Sequence[Root], folder: str) -> list[bytes]:
    """Return the absolute paths that a folder's name can mean within the library: here, or below a root."""
    name = os.fsencode(folder)
    here = os.path.realpath(name)
    if os.path.lexists(here) and any(_touches(root, here) for root in roots):
        return [here]
    below = [os.path.normpath(os.path.join(root.path, name)) for root in roots]
    found = [path for path in below if os.path.lexists(path)]
    if found:
        return found
    # Its drive may be away: the library still knows it.
    if any(rel_below(here, root.path) is not None and not os.path.lexists(root.path) for root in roots):
        return [here]
    known = ", ".join(os.fsdecode(root.path) for root in roots) or "none yet"
    raise UsageError(f"{folder} is not in the library; its folders are: {known}")


def _touches(root: Root, path: bytes) -> bool:
    return rel_below(path, root.path) is not None or rel_below(root.path, path) is not None


def _date(text: str | None) -> str | None:
    if text is None:
        return None
    date = text.replace(" ", "T")
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        datetime.fromisoformat(date + _WHOLE_DATE[len(date) :])
    except ValueError:
        raise UsageError(f"cannot read the date {text!r}; write 2023, 2023-05 or 2023-05-01") from None
    return date
