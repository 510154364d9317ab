"""Looking at pairs at full size as a job of worker processes: files are a stranger's, and so is an answer.

Pairs of a job share a picture: it is decoded once, the others one after the other.
"""

import json
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from ...errors import DecodeError
from ...indexer.decode.full import FullPicture, open_full
from ...indexer.decode.memory import MAX_BYTES, SHARED, MemoryBudget
from ...indexer.sandbox.framing import Buffers, Frame, Head, text_in
from ...indexer.sandbox.process import Limits, WorkerKind
from ..proof.memory import is_lack_of_memory
from . import Box, Look
from .look_at import look_at

_log = logging.getLogger(__name__)

# Some dozens of pairs; two large pictures are held at a time.
LOOKER = WorkerKind("lookalike.dedup.look.look_job", "comparer", Limits(seconds=600, bytes=900 << 20))

# Another time there may be: such a look is not worth remembering.
NO_MEMORY = "there was not enough memory for it"

_BYTES_PER_PIXEL = 16
_KEPT = 2  # pictures: the one that the pairs share, and the other of the pair
_RELATIONS = ("same", "a", "b", "")
_NUMBERS = ("brightness", "contrast", "saturation", "curve", "tint", "detail")
_MOST_BOXES = 50


@dataclass(frozen=True, slots=True)
class PairToSee:
    """Two pictures by their numbers.

    matrix: from points of the thumbnail of a to that of b, row by row. full, known: as for `look_at`.
    pixels: of both together.
    """

    a: int
    b: int
    matrix: tuple[float, ...]
    full: bool = True
    pixels: int = 0
    known: Look | None = None


def look_job(pairs: Sequence[PairToSee], files: Mapping[int, bytes]) -> tuple[Head, Buffers]:
    """Ask for the looks of pairs, with the bytes of their files."""
    asked = [
        [each.a, each.b, list(each.matrix), each.full, each.known and each.known.as_dict()]
        for each in pairs
    ]
    pixels = max((each.pixels for each in pairs), default=0)
    head = {"want": "looks", "pairs": asked, "files": list(files), "pixels": pixels}
    return head, list(files.values())


def answer(job: Head, buffers: Sequence[bytes], memory: MemoryBudget) -> Frame:
    """Return the looks of the pairs of a job, as JSON in a buffer."""
    pairs = [
        PairToSee(a, b, tuple(matrix), full, known=known and Look.from_dict(known))
        for a, b, matrix, full, known in job["pairs"]
    ]
    files = dict(zip(job["files"], buffers, strict=True))
    # Asked for once, for the largest pair: its pictures come and go, and so does what is drawn from them.
    with memory.reserve(min(MAX_BYTES, _BYTES_PER_PIXEL * job["pixels"])):
        looks = take_looks(pairs, files, MemoryBudget())
    return {}, [json.dumps([look.as_dict() for look in looks]).encode("ascii")]


def take_looks(
    pairs: Iterable[PairToSee], files: Mapping[int, bytes], memory: MemoryBudget = SHARED
) -> list[Look]:
    """Return the looks of pairs of these files, in their order; what cannot be looked at says why."""

    @lru_cache(maxsize=_KEPT)
    def opened(number: int) -> FullPicture | str:
        try:
            return open_full(files[number], memory)
        except DecodeError as error:
            return NO_MEMORY if error.code == "out_of_memory" else str(error)

    return [_taken(opened, each) for each in pairs]


def _taken(opened: Callable[[int], FullPicture | str], pair: PairToSee) -> Look:
    try:
        return _seen(opened(pair.a), opened(pair.b), pair)
    except Exception as error:
        if is_lack_of_memory(error):
            return Look(failed=NO_MEMORY)
        # An internal error about one pair must not keep a library from all its other copies.
        _log.exception("a pair could not be compared at full size")
        return Look(failed="internal error")


def _seen(a: FullPicture | str, b: FullPicture | str, pair: PairToSee) -> Look:
    for each in (a, b):
        if isinstance(each, str):
            return Look(failed=each)
    assert isinstance(a, FullPicture)
    assert isinstance(b, FullPicture)
    return look_at(a, b, np.array(pair.matrix).reshape(3, 3), full=pair.full, known=pair.known)


def looks_in(buffers: Sequence[bytes], count: int) -> list[Look]:
    """Return the looks of an answer to so many pairs.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    (text,) = buffers
    told = json.loads(text)
    if not isinstance(told, list) or len(told) != count:
        raise ValueError("looks at other pairs")
    return [_checked(Look.from_dict(each)) for each in told]


def _checked(look: Look) -> Look:
    if (
        look.relation not in _RELATIONS
        or look.finer not in ("a", "b", "")
        or type(look.is_whole) is not bool
    ):
        raise ValueError("no look")
    for text in (look.how, look.model, look.failed):
        text_in(text)
    numbers: list[Any] = [getattr(look, name) for name in _NUMBERS] + [look.score or 0.0]
    if (
        not all(math.isfinite(each) for each in numbers)
        or min(look.contrast, look.saturation, look.detail) <= 0
    ):
        raise ValueError("no numbers")
    for boxes in (look.places_a, look.places_b):
        if len(boxes) > _MOST_BOXES or not all(_is_inside(box) for box in boxes):
            raise ValueError("no places")
    return look


def _is_inside(box: Box) -> bool:
    return all(-0.01 <= side <= 1.01 for side in box)


if __name__ == "__main__":
    from ...indexer.sandbox.child import serve
    from ...indexer.sandbox.decode_job import use_one_thread

    cv2.setNumThreads(1)  # a second thread would only be in the way of the other processes
    use_one_thread()
    serve(answer)
