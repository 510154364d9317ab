"""What the command line gives to search by: images, weights, and results of the last search."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from ..search.examples import Query


def weights_in(text: str | None) -> tuple[float, ...]:
    """Return the weights in "2,0.5"."""
    try:
        return tuple(float(each) for each in text.split(",")) if text is not None else ()
    except ValueError as error:
        raise UsageError(f"--weight is one number for each image, such as 2,1, not {text}") from error


def ranks_in(text: str | None) -> list[int]:
    """Return the numbers of results in "3,7"."""
    if text is None:
        return []
    ranks = [each.strip() for each in text.split(",")]
    if not all(each.isascii() and each.isdecimal() and len(each) < 10 for each in ranks):
        raise UsageError(f"--more and --less take numbers of results, such as 3,7, not {text}")
    return [int(each) for each in ranks]


def queries(names: Iterable[str]) -> "Iterator[str | Query]":
    """Yield what each name on the command line stands for: a file, id:N, or `-` for the bytes on stdin.

    Raises:
        UsageError: stdin is named twice.
    """
    from ..search.examples import Query

    is_read = False
    for name in names:
        if name == "-" and is_read:
            raise UsageError("stdin holds one image: name `-` once")
        is_read = is_read or name == "-"
        yield Query("-", data=sys.stdin.buffer.read()) if name == "-" else name
