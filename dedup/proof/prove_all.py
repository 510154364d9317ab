"""From nominated pairs to proven ones: prove what no proof has seen, remember all of it."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from queue import SimpleQueue

from ...errors import DecodeError, LookalikeError
from ...indexer.executor import ThreadExecutor, default_workers
from ...indexer.sandbox.pool import NoWorkers, WorkerPool
from ...indexer.sandbox.process import WorkerEnded
from ...store.catalog.pairs import JudgedPair, unproved_pairs
from ...store.progress import UNWATCHED, Watch
from ...store.store import Store
from . import VERIFIER_VERSION, Evidence
from .order import Parts, Waiting, together
from .pictures import Pictures, Thumbnail
from .proof_job import PICTURES, PROVER, PairOfIds, Proofs, proof_job, proofs_in, prove_pairs
from .thumbnails import stored_thumbnails

_BATCH = 512

# Processes take a quarter of a second to start; so few pairs are proved by then.
_WORTH_PROCESSES = 300


def prove_all(
    store: Store,
    *,
    workers: int | None = None,
    watch: Watch = UNWATCHED,
    wanted: Callable[[int, int], bool] | None = None,
) -> int:
    """Prove every nominated pair that this verifier has not seen; return how many it proved.

    wanted: tells of two photos, by id, whether their pair is to be proved now; None: all are. A batch is
    committed at a time: what is stopped goes on where it was.

    Raises:
        LookalikeError: a process that proves came to an end; what was proved is kept.
    """
    with store.reading() as view:
        unproved = unproved_pairs(view, VERIFIER_VERSION)
    waiting = together([pair for pair in unproved if wanted is None or wanted(*pair[:2])])
    if waiting:
        watch.progress.begin("proving pairs", len(waiting))
    done: list[JudgedPair] = []
    count = 0
    try:
        with closing(proved(store, waiting, workers, watch)) as found:
            for proofs in found:
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


def proved(
    store: Store, waiting: Sequence[Waiting], workers: int | None = None, watch: Watch = UNWATCHED
) -> Generator[list[JudgedPair], None, None]:
    """Yield the pairs with their proofs, some at a time, until somebody wants the run to end.

    waiting: in the order of `together`. Nothing is written.

    Raises:
        LookalikeError: a process that proves came to an end.
    """
    workers = workers or default_workers()
    parts = Parts(waiting, workers)
    idle = SimpleQueue[_Prover]()
    with ExitStack() as stack:
        for part in range(workers):
            pool = stack.enter_context(WorkerPool(1, PROVER)) if len(waiting) >= _WORTH_PROCESSES else None
            idle.put(_Prover(store, part, pool, Pictures(PICTURES)))

        def prove_some(_: int) -> list[JudgedPair]:
            prover = idle.get()
            try:
                return prover.prove(parts.next(prover.part))
            finally:
                idle.put(prover)

        times = takewhile(lambda _: not watch.is_stopped, range(parts.n_chunks))
        yield from ThreadExecutor(workers).run(times, prove_some)


@dataclass(frozen=True, slots=True, eq=False)
class _Prover:
    """Who proves a part of the pairs: a process of its own, or this one where there is none.

    pool: of one process; None: there is to be none. pictures: what is known of photos here.
    """

    store: Store
    part: int
    pool: WorkerPool | None
    pictures: Pictures

    def prove(self, pairs: Sequence[Waiting]) -> list[JudgedPair]:
        return _judged(pairs, self._proofs([(a, b) for a, b, _ in pairs]))

    def _proofs(self, pairs: Sequence[PairOfIds]) -> Proofs:
        thumbnails = stored_thumbnails(self.store, sorted({each for pair in pairs for each in pair}))
        if self.pool is not None:
            with suppress(NoWorkers):
                return _asked(self.pool, pairs, thumbnails)
        return prove_pairs(pairs, thumbnails.get, self.pictures)


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
