"""From nominated pairs to proven ones: prove what no proof has seen, remember all of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from itertools import islice

from ...errors import DecodeError, LookalikeError
from ...indexer.executor import ThreadExecutor, default_workers
from ...indexer.sandbox.pool import NoWorkers, WorkerPool
from ...indexer.sandbox.process import WorkerEnded
from ...store.catalog.pairs import JudgedPair, unproved_pairs
from ...store.progress import UNWATCHED, Watch
from ...store.store import Store
from . import VERIFIER_VERSION, Evidence
from .pictures import Pictures, Thumbnail, stored_thumbnails
from .proof_job import PROVER, PairOfIds, Proofs, proof_job, proofs_in, prove_pairs

_CHUNK = 32
_BATCH = 512

# Processes take half a second to start; so few pairs are proved by then.
_WORTH_PROCESSES = 300

# Of pairs proved in this process.
_PICTURES = 1000

Waiting = tuple[int, int, float]  # with the cosine
Prove = Callable[[Sequence[PairOfIds]], Proofs]


def prove_all(
    store: Store,
    *,
    workers: int | None = None,
    watch: Watch = UNWATCHED,
) -> int:
    """Prove every nominated pair that this verifier has not seen; return how many it proved.

    A batch is committed at a time: what is stopped goes on where it was.

    Raises:
        LookalikeError: a process that proves came to an end; what was proved is kept.
    """
    with store.reading() as view:
        waiting = together(unproved_pairs(view, VERIFIER_VERSION))
    if waiting:
        watch.progress.begin("proving pairs", len(waiting))
    workers = workers or default_workers()
    done: list[JudgedPair] = []
    count = 0
    try:
        with _prover(store, workers if len(waiting) >= _WORTH_PROCESSES else 0) as prove_pairs:

            def judge(pairs: Sequence[Waiting]) -> list[JudgedPair]:
                return _judged(pairs, prove_pairs([(a, b) for a, b, _ in pairs]))

            # One thread more: it has the next job ready when a process is.
            for proofs in ThreadExecutor(workers + 1).run(_chunks(waiting, watch), judge):
                done += proofs
                count += len(proofs)
                watch.progress.advance(len(proofs), 0)
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
    pictures = Pictures(_PICTURES)
    with WorkerPool(processes, PROVER) if processes else nullcontext() as pool:

        def prove(pairs: Sequence[PairOfIds]) -> Proofs:
            thumbnails = stored_thumbnails(store, sorted({each for pair in pairs for each in pair}))
            if pool is not None:
                with suppress(NoWorkers):
                    return _asked(pool, pairs, thumbnails)
            return prove_pairs(pairs, thumbnails.get, pictures)

        yield prove


def _asked(pool: WorkerPool, pairs: Sequence[PairOfIds], thumbnails: Mapping[int, Thumbnail]) -> Proofs:
    try:
        return pool.ask(*proof_job(pairs, thumbnails), lambda _, buffers: proofs_in(buffers, len(pairs)))
    except (WorkerEnded, DecodeError) as error:
        raise LookalikeError(
            f"{error}; what was proved is kept, so run the command again (if memory was short, with fewer "
            "other programs)"
        ) from error


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


def _chunks(pairs: Sequence[Waiting], watch: Watch) -> Iterator[list[Waiting]]:
    rest = iter(pairs)
    while not watch.is_stopped and (chunk := list(islice(rest, _CHUNK))):
        yield chunk
