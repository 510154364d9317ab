"""From photos to proven pairs: compare what is new, prove what was nominated, remember all of it."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

from ..indexer.executor import ThreadExecutor
from ..store.pairs import JudgedPair
from ..store.store import Store
from .proof import VERIFIER_VERSION, Picture, prove

# Pairs come ordered by their first photo, and its neighbors recur: few pictures serve many pairs.
_PICTURES = 4000
_CHUNK = 16
_BATCH = 512


class Progress(Protocol):
    """Is told how the proving goes on."""

    def begin(self, folder: str, files: int) -> None:
        """Hear what is done, and to how many pairs."""

    def advance(self, files: int, failed: int) -> None:
        """Hear that so many more pairs are proved."""


PairOfIds = tuple[int, int, float]


class Pictures:
    """Pictures by content id, made from the stored thumbnails; the last used ones stay in memory."""

    def __init__(self, store: Store, limit: int = _PICTURES) -> None:
        self._store = store
        self._limit = limit
        self._kept: OrderedDict[int, Picture | None] = OrderedDict()
        self._mutex = threading.Lock()

    def get(self, photo_id: int) -> Picture | None:
        """Return the picture of a photo, None when it has no thumbnail."""
        with self._mutex:
            if photo_id in self._kept:
                self._kept.move_to_end(photo_id)
                return self._kept[photo_id]
        picture = self._make(photo_id)
        with self._mutex:
            self._kept[photo_id] = picture
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        return picture

    def _make(self, photo_id: int) -> Picture | None:
        with self._store.reading() as view:
            facts = view.facts_of(photo_id)
        jpeg = self._store.thumbs.get(facts.digest) if facts else None
        if facts is None or jpeg is None:
            return None
        return Picture.from_thumbnail(jpeg, facts.width, facts.height)


def prove_all(
    store: Store,
    pictures: Pictures,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> int:
    """Prove every nominated pair that this verifier has not seen; return how many it proved.

    A batch is committed at a time: what is stopped goes on where it was.
    """
    with store.reading() as view:
        waiting = view.unproved(VERIFIER_VERSION)
    if progress and waiting:
        progress.begin("proving pairs", len(waiting))
    done: list[JudgedPair] = []
    count = 0

    def judge(pairs: Sequence[PairOfIds]) -> list[JudgedPair]:
        return [judge_pair(pictures, *pair) for pair in pairs]

    for proofs in ThreadExecutor(workers).run(_chunks(waiting, stop), judge):
        done += proofs
        count += len(proofs)
        if progress:
            progress.advance(len(proofs), 0)
        if len(done) >= _BATCH:
            store.put_proofs(VERIFIER_VERSION, done)
            done = []
    if done:
        store.put_proofs(VERIFIER_VERSION, done)
    return count


def judge_pair(pictures: Pictures, a: int, b: int, cosine: float) -> JudgedPair:
    """Prove one pair of photo ids; a pair without thumbnails is nobody's copy."""
    first, second = pictures.get(a), pictures.get(b)
    if first is None or second is None:
        return JudgedPair(a, b, cosine, "similar", {"how": "none", "branch": "no thumbnail"})
    evidence = prove(first, second)
    return JudgedPair(a, b, cosine, evidence.verdict, evidence.as_dict())


def _chunks(pairs: Sequence[PairOfIds], stop: threading.Event | None) -> Iterator[list[PairOfIds]]:
    rest = iter(pairs)
    while not (stop and stop.is_set()) and (chunk := list(islice(rest, _CHUNK))):
        yield chunk
