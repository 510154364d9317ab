"""What callers of the Python API give: ids, numbers, options; of a wrong one it is said which it is."""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from reprlib import repr as short
from typing import Any, SupportsIndex, TypeVar

from ..errors import UsageError
from .records import MAX_ID

T = TypeVar("T")


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


def as_list(value: Any) -> Sequence[Any]:
    """Return one or several numbers or words as a list, those of an array too; of None none."""
    if value is None:
        return ()
    is_one = isinstance(value, (str, bytes)) or not hasattr(value, "__iter__")
    return (value,) if is_one else value if isinstance(value, (list, tuple)) else [*value]


def as_examples(given: Any) -> Sequence[Any]:
    """Return one or several examples as a list: a str is one path, not its letters, a file not its lines.

    Of arrays, one of bytes with four dimensions holds pictures, one of floats with two holds vectors, and
    another with one dimension holds ids.
    """
    if isinstance(given, (list, tuple)) and not hasattr(given, "path"):
        return given
    is_stream = isinstance(given, Iterator) and not hasattr(given, "read")
    held = {"u1": 4, "f": 2}
    kind = getattr(getattr(given, "dtype", None), "str", "")[1:]
    is_array = getattr(given, "ndim", 0) == held.get(kind, held.get(kind[:1], 1))
    return [*given] if is_stream or is_array else [given]


def options_of(kind: type[T], given: Any, argument: str = "options") -> T:
    """Return options of a kind; None: the usual ones.

    Raises:
        UsageError: they are something else.
    """
    if not isinstance(given, (kind, type(None))):
        raise UsageError(f"{argument} is a {kind.__name__}(...), not {short(given)}")
    return kind() if given is None else given


def made_with(kind: type[T], options: Mapping[str, Any]) -> T:
    """Return what a dataclass makes of the options that a caller named.

    Raises:
        UsageError: it has no such option.
    """
    known = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    for name in options:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise UsageError(f"there is no option {name}; {hint}")
    return kind(**options)
