"""From what a user says about photos to a filter of the store."""

import os
import re
from collections.abc import Sequence

from ..errors import UsageError
from ..store.filters import Where, rel_below
from ..store.records import Root

_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2}([T ]\d{2}(:\d{2}(:\d{2})?)?)?)?)?")


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
    """Return the absolute paths that a folder's name can mean within the library."""
    absolute = os.path.realpath(os.fsencode(folder))
    if any(_touches(root, absolute) for root in roots):
        return [absolute]
    if not os.path.isabs(folder):
        inside = [os.path.normpath(os.path.join(root.path, os.fsencode(folder))) for root in roots]
        existing = [path for path in inside if os.path.exists(path)]
        if existing:
            return existing
    known = ", ".join(os.fsdecode(root.path) for root in roots) or "none yet"
    raise UsageError(f"{folder} is not in the library; its folders are: {known}")


def _touches(root: Root, path: bytes) -> bool:
    return rel_below(path, root.path) is not None or rel_below(root.path, path) is not None


def _date(text: str | None) -> str | None:
    if text is not None and not _DATE.fullmatch(text):
        raise UsageError(f"cannot read the date {text!r}; write 2023, 2023-05 or 2023-05-01")
    return text.replace(" ", "T") if text else None
