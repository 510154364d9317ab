"""Is it in the library already? New files are compared with it a batch at a time; nothing is written."""

import os
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Literal

from ...errors import DecodeError
from ...indexer.embed.embedder import Embedder
from ...indexer.executor import ThreadExecutor
from ...indexer.scan.places import nobodys
from ...store.catalog.contents import ids_of
from ...store.catalog.folders import all_roots
from ...store.catalog.holdings import holdings_of
from ...store.catalog.pairs import all_decisions, ids_of_pixels
from ...store.catalog.photos import Photo, PhotoFile, photos_of
from ...store.filters.where import ALL, Where, rel_below
from ...store.names import is_remote
from ...store.progress import UNWATCHED, Watch
from ...store.records import Root
from ...store.store import Store
from ..candidates.gallery import Gallery
from ..groups.account import Party
from ..groups.members import CONFIRMED, SAME_PIXELS, as_told, beyond_doubt
from ..groups.shots import Shot, shot_of, why_two_shots
from ..proof import Evidence, prove
from ..proof.pictures import Pictures
from ..proof.thumbnails import stored_thumbnails
from .accounts import STOPPED, Compared, losses, taken_looks
from .beside import Beside
from .matches import Checked, Match, copy_match, rank_of
from .outside import Newcomer, Reader

_CHUNK = 4  # files that a worker reads at a time
_BATCH = 64  # files that share a pass over the library
_COMPARED, _LEFT = 3, "not compared at full size"  # so many matches of a file are
_PICTURES = 1000  # of the library in memory: 200 MB at most

Outcome = Newcomer | DecodeError
Proofs = dict[int, Evidence]  # by the id of the library's photo
# What the user decided, by the digests of both contents in hex.
Decided = Mapping[frozenset[str], str]


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """How to check. where: photos of the library that count. workers: threads, None for one per core.

    count_away: what lies on a drive that is away counts as if it were here.
    """

    where: Where = ALL
    workers: int | None = None
    count_away: bool = False


def check_files(
    store: Store,
    paths: Iterable[str],
    embedder: Callable[[], Embedder],
    options: CheckOptions = CheckOptions(),
    watch: Watch = UNWATCHED,
) -> Iterator[Checked]:
    """Yield for each file whether its picture is in the library already, in their order.

    The same bytes, else the same pixels, else proven copies: the surest that finds something counts. What
    the user rejected is no match, what he confirmed is one, and photos of two moments are none. Each comes
    with what lies beside it, and says what of that the library has not beside its own.

    Raises:
        StoreMissing: nothing was indexed yet.
    """
    executor = ThreadExecutor(options.workers)
    compare = _Comparison(store, options, watch.stop)
    batch: list[tuple[str, Outcome]] = []
    with Reader(store, embedder(), executor.workers) as read:
        for chunk in executor.run(_chunks(paths, watch), lambda some: (some, [*map(read, some)])):
            batch += zip(*chunk, strict=True)
            watch.progress.advance(len(chunk[0]), sum(isinstance(each, DecodeError) for each in chunk[1]))
            if len(batch) >= _BATCH:
                yield from compare(batch)
                batch = []
    yield from compare(batch)


def _chunks(paths: Iterable[str], watch: Watch) -> Iterator[list[str]]:
    rest = iter(paths)
    while not watch.is_stopped and (chunk := list(islice(rest, _CHUNK))):
        yield chunk


class _Comparison:
    """Compares batches of files with the library; what that takes is loaded when it is first needed."""

    def __init__(self, store: Store, options: CheckOptions, stop: threading.Event) -> None:
        self._store = store
        self._stop = stop
        self._where = options.where
        self._workers = options.workers
        self._count_away = options.count_away
        self._pictures = Pictures(_PICTURES)
        self._beside = Beside()
        with store.reading() as view:
            self._presence = Presence(all_roots(view))
            self._decided: Decided = {
                frozenset((each.a, each.b)): each.kind for each in all_decisions(view)
            }

    @cached_property
    def _gallery(self) -> Gallery:
        return Gallery(self._store, self._where)

    def __call__(self, batch: Sequence[tuple[str, Outcome]]) -> list[Checked]:
        """Return what was found of the files; of those that a stop kept from being compared nothing."""
        read = {path: each for path, each in batch if isinstance(each, Newcomer)}
        inside: set[str] = set()
        found: dict[str, tuple[Match, ...]] = {}
        for path, each in read.items():
            photo = self._same_bytes(each)
            if photo and any(each.is_own(photo, file) for file in photo.files):
                inside.add(path)
            files = self._others(each, photo) if photo else ()
            if photo and files:
                away = self._are_away(photo, files)
                found[path] = (Match(photo, files, "exact", "same bytes", is_away=away),)
        for proofs_of in (self._beyond_doubt, self._proven):
            # What is found on a drive that is away may be here in another form.
            left = [each for path, each in read.items() if all(m.is_away for m in found.get(path, ()))]
            more = self._matches(left, proofs_of(left)) if left else {}
            found |= {path: _with_more(found.get(path, ()), some) for path, some in more.items()}
        compared = self._with_accounts(read, found)
        found |= compared
        whole = (each for each in batch if compared.get(each[0]) != ())
        return [self._beside(_checked(path, each, found, inside)) for path, each in whole]

    def _same_bytes(self, newcomer: Newcomer) -> Photo | None:
        """Return the photo of the library that is this content."""
        digest = bytes.fromhex(newcomer.digest)
        with self._store.reading() as view:
            photo_id = ids_of(view, [digest]).get(digest)
            return None if photo_id is None else next(photos_of(view, self._where, [photo_id]), None)

    def _beyond_doubt(self, newcomers: Sequence[Newcomer]) -> list[Proofs]:
        """Return what needs no proof: the same pixels, and what the user confirmed."""
        pixels = [bytes.fromhex(each.known.photo.pixel_digest) for each in newcomers]
        with self._store.reading() as view:
            same = ids_of_pixels(view, pixels)
            partners = [self._confirmed(each.digest) for each in newcomers]
            ids = ids_of(view, [each for some in partners for each in some])
        return [
            dict.fromkeys(same.get(digest, ()), beyond_doubt(SAME_PIXELS))
            | {ids[each]: beyond_doubt(CONFIRMED) for each in some if each in ids}
            for digest, some in zip(pixels, partners, strict=True)
        ]

    def _confirmed(self, digest: str) -> list[bytes]:
        """Return the contents that the user called copies of this one."""
        pairs = (pair for pair, kind in self._decided.items() if kind == "confirmed" and digest in pair)
        return [bytes.fromhex(each) for pair in pairs for each in pair if each != digest]

    def _proven(self, newcomers: Sequence[Newcomer]) -> list[Proofs]:
        """Return the proven copies among the candidates; evidence from the library's photo to the file."""
        pictures = [each.known.picture() for each in newcomers]
        vectors = [each.known.vector for each in newcomers]
        near = self._gallery.candidates(vectors, pictures)
        pairs = [(place, photo_id) for place, ids in enumerate(near) for photo_id in ids]
        proofs: list[Proofs] = [{} for _ in newcomers]
        thumbnails = stored_thumbnails(self._store, sorted({photo_id for _, photo_id in pairs}))

        def judge(pair: tuple[int, int]) -> Evidence | None:
            ours = self._pictures.get(pair[1], thumbnails.get)
            return None if ours is None else prove(ours, pictures[pair[0]])

        for pair, proof in zip(pairs, ThreadExecutor(self._workers).run(pairs, judge), strict=True):
            if proof is not None and proof.verdict == "copy":
                proofs[pair[0]][pair[1]] = proof
        return proofs

    def _matches(
        self, newcomers: Sequence[Newcomer], proofs: Sequence[Proofs]
    ) -> dict[str, tuple[Match, ...]]:
        ids = sorted({photo_id for each in proofs for photo_id in each})
        with self._store.reading() as view:
            photos = {photo.id: photo for photo in photos_of(view, self._where, ids)}
            holdings = holdings_of(view, ids)
        shots = {each: shot_of(photo, holdings.get(each)) for each, photo in photos.items()}
        return {
            newcomer.path: self._best_first(newcomer, photos, shots, own)
            for newcomer, own in zip(newcomers, proofs, strict=True)
        }

    def _best_first(
        self, newcomer: Newcomer, photos: Mapping[int, Photo], shots: Mapping[int, Shot], proofs: Proofs
    ) -> tuple[Match, ...]:
        matches = []
        for photo_id, proof in proofs.items():
            photo = photos.get(photo_id)
            files = self._others(newcomer, photo) if photo else ()
            if photo and files and self._is_copy(newcomer, photo, shots[photo_id]):
                match = copy_match(newcomer.known.photo, photo, files, proof)
                matches.append(replace(match, is_away=self._are_away(photo, files)))
        return tuple(sorted(matches, key=rank_of))

    def _with_accounts(
        self, read: Mapping[str, Newcomer], found: Mapping[str, tuple[Match, ...]]
    ) -> dict[str, tuple[Match, ...]]:
        """Return the copies among the matches with what would be lost without the new file.

        () of a file whose looks were not taken as somebody wants to stop.
        """
        exact = {path: [m for m in matches if m.kind == "exact"] for path, matches in found.items()}
        others = {path: [m for m in matches if m.kind == "copy"] for path, matches in found.items()}
        copies = [(path, match) for path, matches in others.items() for match in matches[:_COMPARED]]
        with self._store.reading() as view:
            held = holdings_of(view, sorted({match.photo.id for _, match in copies}))
        # What lies beside them is compared by `Beside`.
        pairs = [
            Compared(
                Party(match.photo, (), held.get(match.photo.id)),
                Party(read[path].known.photo, (), read[path].known.holdings),
                Evidence.from_dict(dict(match.evidence)),
            )
            for path, match in copies
        ]
        told: dict[str, list[Match]] = {path: [] for path, _ in copies}
        stopped = set[str]()
        looks = taken_looks(pairs, self._workers, self._stop)
        for (path, match), pair, look in zip(copies, pairs, looks, strict=True):
            if look is STOPPED:
                stopped.add(path)
            lost = losses(pair, look)
            more = "; ".join(loss.words for loss in lost)
            told[path].append(replace(match, more=more, transform=as_told(match.transform, lost)))
        rest = {path: [replace(match, more=_LEFT) for match in others[path][_COMPARED:]] for path in told}
        return {
            path: () if path in stopped else (*exact[path], *matches, *rest[path])
            for path, matches in told.items()
        }

    def _others(self, newcomer: Newcomer, photo: Photo) -> tuple[PhotoFile, ...]:
        """Return the files of a photo that count, those that are here first.

        They are there or on a drive that is away, not in a trash, and not the new file itself.
        """
        others = (
            file for file in photo.files if not newcomer.is_own(photo, file) and not nobodys(file.path)
        )
        found = [(self._presence(photo, file), file) for file in others]
        return tuple(file for wanted in ("here", "away") for state, file in found if state == wanted)

    def _are_away(self, photo: Photo, files: Sequence[PhotoFile]) -> bool:
        return not self._count_away and all(self._presence(photo, each) == "away" for each in files)

    def _is_copy(self, newcomer: Newcomer, photo: Photo, shot: Shot) -> bool:
        """Tell whether a proof stands: the user has not rejected it, and it is not another shot."""
        new = newcomer.known.photo
        if new.digest == photo.digest:
            return False
        decided = self._decided.get(frozenset((new.digest, photo.digest)))
        if decided is not None or new.pixel_digest == photo.pixel_digest:
            return decided != "rejected"
        return not why_two_shots(shot, newcomer.known.shot)


def _checked(
    path: str, each: Outcome, found: Mapping[str, tuple[Match, ...]], inside: Container[str]
) -> Checked:
    if isinstance(each, DecodeError):
        return Checked(path, error=each)
    return Checked(path, found.get(path, ()), path in inside)


def _with_more(matches: Sequence[Match], more: Sequence[Match]) -> tuple[Match, ...]:
    """Return matches, and more of them that are of other photos."""
    known = {match.photo.id for match in matches}
    return (*matches, *(match for match in more if match.photo.id not in known))


class Presence:
    """Looks at files, none of which is opened.

    Of a folder that is away nothing is known. An object store is not asked: its files are there.
    """

    def __init__(self, roots: Sequence[Root]) -> None:
        self._roots = [root.path for root in roots]

    def __call__(self, photo: Photo, file: PhotoFile) -> Literal["here", "away", "gone"]:
        """Tell where a file is that held the photo: here it has the size, and nobody looks into it."""
        path = os.fsencode(file.path)
        if is_remote(path):
            return "here"
        try:
            return "here" if os.stat(path).st_size == photo.size else "gone"
        except OSError:
            roots = (root for root in self._roots if rel_below(path, root) is not None)
            return "gone" if any(map(_is_online, roots)) else "away"


def _is_online(root: bytes) -> bool:
    """Tell whether a folder is there; an empty one is where a drive would be."""
    try:
        with os.scandir(root) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
