"""What callers of the Python API give: ids and numbers; a wrong one is told by the name of its argument."""

import operator
from collections.abc import Iterable
from reprlib import repr as short
from typing import Any, SupportsIndex

from ..errors import UsageError
from .records import MAX_ID


def as_id(value: SupportsIndex) -> int:
    """Return the id of a photo, one of numpy's too, as an int; what no photo can have counts as MAX_ID.

    Raises:
        TypeError: it is no whole number.
    """
    number = operator.index(value)
    return number if 0 <= number <= MAX_ID else MAX_ID


def as_ids(ids: Iterable[SupportsIndex]) -> list[int]:
    """Return ids of photos as ints; those that numpy and pandas give are none to SQLite.

    Raises:
        UsageError: they are not a list of whole numbers.
    """
    try:
        return [as_id(each) for each in ids]
    except TypeError as error:
        raise UsageError(f"ids is a list of whole numbers, the ids of photos, not {short(ids)}") from error


def as_whole(value: Any, argument: str) -> int:
    """Return a whole number.

    Raises:
        UsageError: it is none.
    """
    try:
        return operator.index(value)
    except TypeError as error:
        raise UsageError(f"{argument} is a whole number, not {short(value)}") from error


def as_number(value: Any, argument: str) -> float:
    """Return a number.

    Raises:
        UsageError: it is none; the text of one is none.
    """
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        raise UsageError(f"{argument} is a number, not {short(value)}")
    return float(value)
