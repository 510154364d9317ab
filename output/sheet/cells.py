"""What a sheet shows of answers: the examples first and marked, then what was found, numbered."""

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from ...errors import DecodeError, UsageError
from ...indexer.decode.read import read_file
from ...indexer.sandbox.decoders import open_picture
from ...search.answers import Answer, Result
from ...search.examples import Example, Query
from ...store.store import Store
from ..text import day, printable

Pixels = npt.NDArray[np.uint8]
Mark = Literal["", "wanted", "not wanted"]

# Pictures of one sheet: some 50 MB while it is drawn.
MOST_CELLS = 1000

# Pixels of an example that lies outside of the library, as those of a stored thumbnail.
_SIDE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One picture of a sheet. picture: (h, w, 3) RGB, None where there is none. lines: below it, three.

    mark: whether it is an example, of what is wanted or is not.
    """

    picture: Pixels | None
    lines: tuple[str, str, str]
    mark: Mark = ""


def count_cells(answers: Sequence[Answer]) -> int:
    """Return how many pictures show the answers.

    Raises:
        UsageError: more than one sheet holds.
    """
    count = sum(map(count_of, answers))
    if count > MOST_CELLS:
        raise UsageError(
            f"a sheet shows at most {MOST_CELLS:,} pictures, these would be {count:,}; lower -k, or search "
            "by fewer images at a time"
        )
    return count


def count_of(answer: Answer) -> int:
    """Return how many pictures show one answer: its examples, why there are none, and its results."""
    parts = len(_parts(answer)) or int(answer.error is not None)
    return parts + len(answer.results)


def cells(answer: Answer, store: Store) -> Iterator[Cell]:
    """Yield the cells of an answer, a picture at a time in memory."""
    for part in _parts(answer):
        yield _example(part, store)
    if answer.error is not None and not _parts(answer):
        yield Cell(None, ("cannot be read", _name(answer.query), printable(str(answer.error))), "wanted")
    for rank, result in enumerate(answer.results, 1):
        yield _found(rank, result, store)


def _parts(answer: Answer) -> tuple[Example, ...]:
    example = answer.example
    return () if example is None else example.parts or (example,)


def _example(part: Example, store: Store) -> Cell:
    is_wanted = part.weight > 0
    words = "query" if is_wanted else "not wanted"
    if part.error is not None:
        return Cell(None, ("cannot be read", _name(part.query.name), printable(str(part.error))), "wanted")
    weight = "" if abs(part.weight) == 1 else f"counts {part.weight:g}"
    picture = _picture(part, store)
    return Cell(picture, (words, _name(part.query.name), weight), "wanted" if is_wanted else "not wanted")


def _found(rank: int, result: Result, store: Store) -> Cell:
    # What is listed by a filter alone has no score.
    score = "" if math.isnan(result.score) else f"    {result.score:.3f}"
    lines = (f"{rank}{score}", _name(result.path), day(result.photo.date))
    return Cell(_thumbnail(result.photo.digest, store), lines)


def _name(path: str) -> str:
    """Return a file's name, with nothing in it that is no letter to draw."""
    return printable(os.path.basename(path) or path)


def _picture(part: Example, store: Store) -> Pixels | None:
    known = _thumbnail(part.digest, store) if part.digest else None
    return _outside(part.query) if known is None else known


def _thumbnail(digest: str, store: Store) -> Pixels | None:
    jpeg = store.thumbs.get(bytes.fromhex(digest))
    read = None if jpeg is None else cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
    return None if read is None else np.asarray(read, np.uint8)


def _outside(query: Query) -> Pixels | None:
    """Return what a query shows that is not in the library; None when it cannot be read any more."""
    if query.picture is not None:
        return np.asarray(query.picture, np.uint8)
    try:
        data = query.data
        if data is None and query.path is not None:
            data, _ = read_file(os.fsencode(query.path), b"")
        return open_picture(data, min_side=_SIDE, long_side=2 * _SIDE) if data else None
    except (DecodeError, FileNotFoundError):
        return None
