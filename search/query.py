"""Search by example: embed the query the same way, take the nearest photos, say what they are."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from blake3 import blake3

from ..errors import DecodeError, UsageError
from ..indexer.embedder import Embedder
from ..indexer.executor import ThreadExecutor
from ..indexer.preprocess import Picture, Pixels
from ..indexer.reading import read_file
from ..indexer.sandbox.opener import OPENED_AT_HOME, Opener
from ..store.filters import ALL, Where
from ..store.listing import Photo, PhotoFile
from ..store.records import Vectors
from ..store.store import Store
from ..store.view import View

# So many queries share one pass over the index.
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Query:
    """An example to search by: exactly one of a file, bytes, an RGB picture or a photo's id.

    name: what the answer is labelled with. picture: an image, or (h, w, 3) uint8.
    """

    name: str
    path: str | None = None
    data: bytes | None = None
    picture: Picture | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What to answer with.

    k: number of neighbors. min_score: cosine in [-1, 1] that neighbors must reach. where: filter on the
    library, applied before the ranking. include_self: let a query that lies in the library be its own
    result.
    """

    k: int = 10
    min_score: float = -1.0
    where: Where = ALL
    include_self: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """One neighbor. score: cosine similarity in [-1, 1], higher is closer.

    photo: with those of its files that are not the query itself.
    """

    score: float
    photo: Photo

    @property
    def path(self) -> str:
        """The path of its first file."""
        return self.photo.path


@dataclass(frozen=True, slots=True)
class Answer:
    """The neighbors of one query, best first; or why the query could not be read."""

    query: str
    results: tuple[Result, ...] = ()
    error: DecodeError | None = None


@dataclass(frozen=True, slots=True)
class _Example:
    """A query made ready. digest, own, own_path: tell which files of the library are the query itself."""

    query: Query
    vector: Vectors | None = None
    error: DecodeError | None = None
    digest: str | None = None
    own: frozenset[tuple[int, int]] = frozenset()
    own_path: str | None = None

    def is_own(self, photo: Photo, file: PhotoFile) -> bool:
        """Tell whether a file of the library is the query: by path, or as a link to the same file.

        The path counts too: a drive's device number changes when it is mounted again. Such numbers recur
        on other drives, so a link must have the same content as well.
        """
        is_linked = photo.digest == self.digest and (file.dev, file.ino) in self.own
        return is_linked or file.path == self.own_path


def find_similar(
    store: Store,
    queries: Iterable[Query],
    options: SearchOptions,
    embedder: Callable[[], Embedder],
) -> Iterator[Answer]:
    """Yield one answer for each query, in their order.

    embedder: gives the embedder of the store's spec; called once a query is not in the library yet.

    Raises:
        UsageError: k or min_score is out of range.
        StoreError: see errors.py.
    """
    if options.k < 1:
        raise UsageError(f"-k is the number of neighbors, at least 1, not {options.k}")
    if not -1 <= options.min_score <= 1:
        raise UsageError(f"scores are cosines from -1 to 1, not {options.min_score:g}")
    executor = ThreadExecutor()
    waiting: list[_Example] = []
    with Opener(executor.workers, at_home=OPENED_AT_HOME) as open_photo:
        prepare = _Preparation(store, embedder, open_photo)
        # One query has nobody to share the work with: threads would be a quarter of its time.
        is_one = isinstance(queries, Sequence) and len(queries) == 1
        for example in map(prepare, queries) if is_one else executor.run(queries, prepare):
            waiting.append(example)
            if len(waiting) >= _BATCH:
                yield from _answer(store, waiting, options)
                waiting = []
    yield from _answer(store, waiting, options)


class _Preparation:
    """Turns queries into vectors; called from several threads."""

    def __init__(self, store: Store, embedder: Callable[[], Embedder], open_photo: Opener) -> None:
        self._store = store
        self._embedder = embedder
        self._open_photo = open_photo

    def __call__(self, query: Query) -> _Example:
        try:
            if query.id is not None:
                return self._from_id(query, query.id)
            if query.picture is not None:
                return _Example(query, self._embed(query.picture))
            if query.path is not None:
                return self._from_path(query, query.path)
            return _Example(query, self._from_bytes(query.data or b""))
        except DecodeError as error:
            return _Example(query, error=error)

    def _from_id(self, query: Query, photo_id: int) -> _Example:
        if photo_id >= 1 << 63:
            raise DecodeError("not_found", f"there is no photo id:{photo_id} in this store")
        with self._store.reading() as view:
            vector = view.raw_vectors([photo_id]).get(photo_id)
            photos = list(view.photos(ids=[photo_id]))
        if vector is None:
            raise DecodeError("not_found", f"there is no photo id:{photo_id} in this store")
        own = frozenset((file.dev, file.ino) for photo in photos for file in photo.files)
        return _Example(query, vector, digest=photos[0].digest if photos else None, own=own)

    def _from_path(self, query: Query, path: str) -> _Example:
        name = os.fsencode(path)
        try:
            data, stat = read_file(name, name)
        except (FileNotFoundError, ValueError) as error:  # ValueError: a name with NUL in it
            raise DecodeError("not_found", "there is no such file") from error
        return _Example(
            query,
            self._from_bytes(data),
            digest=blake3(data).hexdigest(),
            own=frozenset({(stat.dev, stat.ino)}),
            own_path=os.path.realpath(path),
        )

    def _from_bytes(self, data: bytes) -> Vectors:
        if not data:
            raise DecodeError("empty", "the image is empty (0 bytes)")
        digest = blake3(data).digest()
        known = self._stored(digest)
        if known is not None:
            return known
        self._refuse_poison(digest)
        embedder = self._embedder()
        return self._embed_prepared(self._open_photo(data, digest, embedder.rule).pixels)

    def _refuse_poison(self, digest: bytes) -> None:
        with self._store.reading() as view:
            failure = view.poison(digest).get(digest)
        if failure is not None:
            raise DecodeError(failure.code, failure.message)

    def _stored(self, digest: bytes) -> Vectors | None:
        """Return the vector of a content that the library holds: no decode, no engine."""
        with self._store.reading() as view:
            photo_id = view.id_of(digest)
            return None if photo_id is None else view.raw_vectors([photo_id])[photo_id]

    def _embed(self, picture: Picture) -> Vectors:
        return self._embed_prepared(self._embedder().prepare(picture))

    def _embed_prepared(self, pixels: Pixels) -> Vectors:
        vector: Vectors = self._embedder().embed([pixels])[0]
        return vector


def _answer(store: Store, examples: Sequence[_Example], options: SearchOptions) -> Iterator[Answer]:
    good = [example for example in examples if example.vector is not None]
    found: dict[int, tuple[Result, ...]] = {}
    if good:
        with store.reading() as view:
            rows = _search(view, good, options)
        found = {id(example): row for example, row in zip(good, rows, strict=True)}
    for example in examples:
        yield Answer(example.query.name, found.get(id(example), ()), example.error)


def _search(view: View, examples: Sequence[_Example], options: SearchOptions) -> list[tuple[Result, ...]]:
    vectors = np.stack([example.vector for example in examples if example.vector is not None])
    # One more than asked for: the query itself may be among them.
    spare = 0 if options.include_self else 1
    neighbors = view.nearest(vectors, options.k + spare, options.where)
    wanted = [int(each) for each in np.unique(neighbors.ids) if each >= 0]
    photos = {photo.id: photo for photo in view.photos(options.where, wanted)}
    return [
        _results(example, ids.tolist(), scores.tolist(), photos, options)
        for example, ids, scores in zip(examples, neighbors.ids, neighbors.scores, strict=True)
    ]


def _results(
    example: _Example,
    ids: Sequence[int],
    scores: Sequence[float],
    photos: dict[int, Photo],
    options: SearchOptions,
) -> tuple[Result, ...]:
    results = []
    for photo_id, score in zip(ids, scores, strict=True):
        photo = photos.get(photo_id)
        if photo is None or score < options.min_score:
            continue
        files = [f for f in photo.files if options.include_self or not example.is_own(photo, f)]
        if files:
            results.append(Result(score, replace(photo, files=tuple(files))))
    return tuple(results[: options.k])
