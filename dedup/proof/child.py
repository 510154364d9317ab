"""A process that proves pairs for another one: `python -m lookalike.dedup.proof.child`.

A proof is many small steps, between which Python's lock lets only one thread of a process go on. A job is
one line of JSON on stdin, its answer one line on stdout; the end of stdin is the end of the process,
however its parent came to an end. (`multiprocessing` would run the main script of whoever calls us again.)
"""

import base64
import json
import logging
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from . import Evidence, Picture, prove
from .pictures import Pictures, Thumbnail

_log = logging.getLogger(__name__)

# Jobs come ordered by what belongs together: a picture is asked for a few times, then no more.
_PICTURES = 256


def answers(job: dict[str, Any], pictures: Pictures) -> list[dict[str, Any] | None]:
    """Return the evidence of each pair of a job (see `crew.job_of`), None where a picture is missing."""
    given = {
        number: Thumbnail(base64.b64decode(jpeg), width, height)
        for number, jpeg, width, height in job["pictures"]
    }
    return prove_pairs(job["pairs"], given.get, pictures)


def prove_pairs(
    pairs: Iterable[Sequence[int]], thumbnail: Callable[[int], Thumbnail | None], pictures: Pictures
) -> list[dict[str, Any] | None]:
    """Return the evidence of pairs of photo ids, None where a picture is missing."""
    found: list[dict[str, Any] | None] = []
    for pair in pairs:
        a, b = (pictures.get(number, thumbnail) for number in pair)
        found.append(None if a is None or b is None else _evidence(a, b).as_dict())
    return found


def _evidence(a: Picture, b: Picture) -> Evidence:
    try:
        return prove(a, b)
    except Exception:
        # A mistake of ours about one pair must not keep a library from all its other copies.
        _log.exception("a pair could not be proved")
        return replace(Evidence(), branch="failed")


def main() -> None:
    """Answer jobs until there are no more."""
    # Ctrl-C is the parent's to hear: it lets us finish what we are at.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pictures = Pictures(_PICTURES)
    for line in sys.stdin.buffer:
        answer = json.dumps(answers(json.loads(line), pictures)).encode("ascii")
        try:
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # nobody is left to read it
            return


if __name__ == "__main__":
    main()
