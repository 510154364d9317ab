"""Takes looks at pairs of contents: reads their files, asks worker processes, survives what they die of."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...errors import DecodeError
from ...indexer.executor import ThreadExecutor, default_workers
from ...indexer.outside import Source
from ...indexer.sandbox.decoders import is_opened_at_home
from ...indexer.sandbox.pool import NoWorkers, WorkerPool
from ...indexer.sandbox.process import WorkerEnded
from ...store.catalog.photos import Photo
from ...store.progress import UNWATCHED, Watch
from . import Look
from .look_job import LOOKER, NO_MEMORY, PairToSee, look_job, looks_in, take_looks

# A job shares one picture among so many others, or so many bytes of files.
_MOST_PAIRS, _MOST_BYTES = 8, 96 << 20
# Processes take half a second to start; so few small pictures are looked at by then.
_WORTH_PROCESSES, _SMALL = 12, 4_000_000

AWAY = "its file is away or was changed"
# What may be otherwise another time: such looks are not worth remembering.
PASSING = frozenset({AWAY, NO_MEMORY})
_NO_MEMORY_CODES = ("out_of_memory", "no_decoder")  # the latter: no process could be started any more


@dataclass(frozen=True, slots=True)
class Sight:
    """A pair to look at.

    matrix: from points of the thumbnail of a to that of b, row by row. full, known: as for `look_at`.
    """

    a: Photo
    b: Photo
    matrix: tuple[float, ...]
    full: bool = True
    known: Look | None = None

    @property
    def pixels(self) -> int:
        """How many both have."""
        return sum(photo.width * photo.height for photo in (self.a, self.b))

    @property
    def key(self) -> tuple[int, int]:
        """The ids."""
        return self.a.id, self.b.id


class Looker:
    """Looks at pairs in several processes at once; use it as a context manager.

    What nobody can open, and what ends a process, gives a look that says so.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or default_workers()
        self._pool = WorkerPool(self._workers, LOOKER)

    def __enter__(self) -> "Looker":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def looks(self, sights: Sequence[Sight], watch: Watch = UNWATCHED) -> Iterator[tuple[Sight, Look]]:
        """Yield each pair with its look, in no order, until somebody wants to stop."""
        at_home = len(sights) < _WORTH_PROCESSES and all(_is_small(each) for each in sights)
        jobs = _until_stopped(jobs_of(sights), watch)

        def work(job: Sequence[Sight]) -> list[tuple[Sight, Look]]:
            return list(zip(job, self._taken(job, at_home), strict=True))

        for found in ThreadExecutor(1 if at_home else self._workers + 1).run(jobs, work):
            watch.progress.advance(len(found), 0)
            yield from found

    def _taken(self, job: Sequence[Sight], at_home: bool) -> list[Look]:
        files, lost = _read(job)
        there = [each for each in job if not lost & set(each.key)]
        pairs = [PairToSee(*each.key, each.matrix, each.full, each.pixels, each.known) for each in there]
        taken = iter(self._asked(pairs, files, at_home))
        return [Look(failed=AWAY) if lost & set(each.key) else next(taken) for each in job]

    def _asked(self, pairs: Sequence[PairToSee], files: Mapping[int, bytes], at_home: bool) -> list[Look]:
        if not pairs:
            return []
        if at_home and all(_opened_at_home(data) for data in files.values()):
            return take_looks(pairs, files)
        try:
            job = look_job(pairs, files)
            return self._pool.ask(*job, lambda _, buffers: looks_in(buffers, len(pairs)))
        except NoWorkers:
            return take_looks(pairs, files)
        except (WorkerEnded, DecodeError) as error:
            if len(pairs) == 1:
                return [Look(failed=NO_MEMORY if error.code in _NO_MEMORY_CODES else str(error))]
            # One of them did it: each for itself, so that the others are seen.
            return [look for each in pairs for look in self._asked([each], _of(each, files), False)]


def _of(pair: PairToSee, files: Mapping[int, bytes]) -> dict[int, bytes]:
    return {number: files[number] for number in (pair.a, pair.b)}


def _opened_at_home(data: bytes) -> bool:
    try:
        return is_opened_at_home(data)
    except DecodeError:
        return False


def _is_small(sight: Sight) -> bool:
    return all(photo.width * photo.height <= _SMALL for photo in (sight.a, sight.b))


def _read(job: Sequence[Sight]) -> tuple[dict[int, bytes], set[int]]:
    """Return the bytes of the photos by id, and the ids of those that no file holds any more."""
    photos = {photo.id: photo for each in job for photo in (each.a, each.b)}
    files: dict[int, bytes] = {}
    for number, photo in photos.items():
        found = Source.with_digest(bytes.fromhex(photo.digest), (file.path for file in photo.files))
        if found is not None:
            files[number] = found.data
    return files, photos.keys() - files.keys()


def jobs_of(sights: Iterable[Sight]) -> Iterator[list[Sight]]:
    """Cut pairs into jobs, each of pairs that share a picture, so that it is read and decoded once."""
    left = {each.key: each for each in sights}
    counts = Counter(number for key in left for number in key)
    by_photo: dict[int, list[Sight]] = defaultdict(list)
    for each in left.values():
        for number in each.key:
            by_photo[number].append(each)
    for number, _ in counts.most_common():
        mine = [each for each in by_photo[number] if left.pop(each.key, None) is not None]
        yield from _of_a_size(mine)


def _of_a_size(sights: Iterable[Sight]) -> Iterator[list[Sight]]:
    job: list[Sight] = []
    size = 0
    for each in sights:
        job.append(each)
        size += max(each.a.size, each.b.size)
        if len(job) >= _MOST_PAIRS or size >= _MOST_BYTES:
            yield job
            job, size = [], 0
    if job:
        yield job


def _until_stopped(jobs: Iterable[list[Sight]], watch: Watch) -> Iterator[list[Sight]]:
    for job in jobs:
        if watch.is_stopped:
            return
        yield job
