"""From nominated pairs to proven ones: prove what no proof has seen, remember all of it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import islice
from typing import Any, Protocol

from ...indexer.executor import ThreadExecutor, default_workers
from ...store.catalog.pairs import JudgedPair, unproved_pairs
from ...store.store import Store
from . import VERIFIER_VERSION, Evidence
from .child import prove_pairs
from .pictures import Pictures, stored_thumbnails
from .pool import Crew

_CHUNK = 32
_BATCH = 512

# Processes take half a second to start; so few pairs are proved by then.
_WORTH_A_CREW = 300

# Of pairs proved in this process.
_PICTURES = 1000

Pair = tuple[int, int]
Waiting = tuple[int, int, float]  # with the cosine
Proofs = Sequence[dict[str, Any] | None]
Prove = Callable[[Sequence[Pair]], Proofs]


class Progress(Protocol):
    """Is told how the proving goes on."""

    def begin(self, folder: str, files: int) -> None:
        """Hear what is done, and to how many pairs."""

    def advance(self, files: int, failed: int) -> None:
        """Hear that so many more pairs are proved."""


def prove_all(
    store: Store,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> int:
    """Prove every nominated pair that this verifier has not seen; return how many it proved.

    A batch is committed at a time: what is stopped goes on where it was.

    Raises:
        LookalikeError: a process that proves came to an end; what was proved is kept.
    """
    with store.reading() as view:
        waiting = together(unproved_pairs(view, VERIFIER_VERSION))
    if progress and waiting:
        progress.begin("proving pairs", len(waiting))
    workers = workers or default_workers()
    done: list[JudgedPair] = []
    count = 0
    try:
        with _prover(store, workers if len(waiting) >= _WORTH_A_CREW else 0) as prove_pairs:

            def judge(pairs: Sequence[Waiting]) -> list[JudgedPair]:
                return _judged(pairs, prove_pairs([(a, b) for a, b, _ in pairs]))

            # One thread more: it has the next job ready when a process is.
            for proofs in ThreadExecutor(workers + 1).run(_chunks(waiting, stop), judge):
                done += proofs
                count += len(proofs)
                if progress:
                    progress.advance(len(proofs), 0)
                if len(done) >= _BATCH:
                    store.put_proofs(VERIFIER_VERSION, done)
                    done = []
    finally:
        if done:
            store.put_proofs(VERIFIER_VERSION, done)
    return count


@contextmanager
def _prover(store: Store, processes: int) -> Iterator[Prove]:
    """Give what proves pairs: processes, or this one where there are to be none or none can be started."""
    try:
        crew = Crew(processes) if processes else None
    except OSError:
        crew = None
    pictures = Pictures(_PICTURES)

    def prove(pairs: Sequence[Pair]) -> Proofs:
        thumbnails = stored_thumbnails(store, sorted({each for pair in pairs for each in pair}))
        if crew is not None:
            return crew.prove(pairs, thumbnails)
        return prove_pairs(pairs, thumbnails.get, pictures)

    with crew or nullcontext():
        yield prove


def _judged(pairs: Sequence[Waiting], proofs: Proofs) -> list[JudgedPair]:
    """Join pairs with their evidence; a pair without thumbnails is nobody's copy."""
    nothing = replace(Evidence(), branch="no thumbnail").as_dict()
    found = (proof or nothing for proof in proofs)
    return [
        JudgedPair(a, b, cosine, proof["verdict"], proof["log_odds"], proof)
        for (a, b, cosine), proof in zip(pairs, found, strict=True)
    ]


def together(pairs: Sequence[Waiting]) -> list[Waiting]:
    """Order pairs so that those that hang together follow each other: few pictures serve many pairs."""
    first: dict[int, int] = {}

    def root(photo: int) -> int:
        while (above := first.get(photo, photo)) != photo:
            first[photo] = first.get(above, above)  # halves the way for the next one
            photo = above
        return photo

    for a, b, _ in pairs:
        low, high = sorted((root(a), root(b)))
        first[high] = low
    return sorted(pairs, key=lambda pair: (root(pair[0]), pair[0], pair[1]))


def _chunks(pairs: Sequence[Waiting], stop: threading.Event | None) -> Iterator[list[Waiting]]:
    rest = iter(pairs)
    while not (stop and stop.is_set()) and (chunk := list(islice(rest, _CHUNK))):
        yield chunk
