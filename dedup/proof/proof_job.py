"""Proving as a job of worker processes: what is asked, how it is answered, what of an answer is trusted.

A proof is many small steps, between which Python's lock lets only one thread of a process go on.
(`multiprocessing` would run the main script of whoever calls us again.)
"""

import json
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2

from ...indexer.sandbox.framing import Buffers, Frame, Head
from ...indexer.sandbox.process import Limits, WorkerKind
from . import Evidence, Picture, prove
from .memory import is_lack_of_memory
from .pictures import Pictures, Thumbnail

_log = logging.getLogger(__name__)

# A job is a second's work; what takes so long hangs.
PROVER = WorkerKind("lookalike.dedup.proof.proof_job", "prover", Limits(seconds=300))

# Jobs come ordered by what belongs together: a picture is asked for a few times, then no more.
PICTURES = 256

PairOfIds = tuple[int, int]
Proofs = Sequence[dict[str, Any] | None]


def proof_job(pairs: Sequence[PairOfIds], thumbnails: Mapping[int, Thumbnail]) -> tuple[Head, Buffers]:
    """Ask for the evidence of pairs of photo ids, with each thumbnail that there is of these."""
    pictures = [(number, each.width, each.height) for number, each in thumbnails.items()]
    return {"want": "proofs", "pairs": pairs, "pictures": pictures}, [
        each.jpeg for each in thumbnails.values()
    ]


def answer(job: Head, buffers: Sequence[bytes], pictures: Pictures) -> Frame:
    """Return the evidence of the pairs of a job, as JSON in a buffer."""
    thumbnails = {
        number: Thumbnail(jpeg, width, height)
        for (number, width, height), jpeg in zip(job["pictures"], buffers, strict=True)
    }
    return {}, [json.dumps(prove_pairs(job["pairs"], thumbnails.get, pictures)).encode("ascii")]


def proofs_in(buffers: Sequence[bytes], count: int) -> Proofs:
    """Return the evidence of an answer to so many pairs.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    (text,) = buffers
    found: list[dict[str, Any] | None] = json.loads(text)
    if not isinstance(found, list) or len(found) != count:
        raise ValueError("evidence of other pairs")
    for each in found:
        if each is not None and not (
            each["verdict"] in ("copy", "similar") and math.isfinite(each["log_odds"])
        ):
            raise ValueError("no evidence")
    return found


def prove_pairs(
    pairs: Iterable[Sequence[int]], thumbnail: Callable[[int], Thumbnail | None], pictures: Pictures
) -> Proofs:
    """Return the evidence of pairs of photo ids, None where a picture is missing.

    Raises:
        MemoryError: there is not enough.
    """
    found: list[dict[str, Any] | None] = []
    for pair in pairs:
        a, b = (pictures.get(number, thumbnail) for number in pair)
        found.append(None if a is None or b is None else _evidence(a, b).as_dict())
    return found


def _evidence(a: Picture, b: Picture) -> Evidence:
    try:
        return prove(a, b)
    except Exception as error:
        if is_lack_of_memory(error):
            raise MemoryError from error  # nothing is stored of the pair, so that the next run proves it
        # An internal error about one pair must not keep a library from all its other copies.
        _log.exception("a pair could not be proved")
        return replace(Evidence(), branch="failed")


if __name__ == "__main__":
    from ...indexer.sandbox.child import serve

    cv2.setNumThreads(1)  # a second thread would only be in the way of the other processes
    _pictures = Pictures(PICTURES)
    serve(lambda job, buffers, _memory: answer(job, buffers, _pictures))
