"""The examples that are searched by: read, decoded and embedded the way the library is."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from blake3 import blake3

from ..errors import DecodeError
from ..indexer.decode.read import read_file
from ..indexer.embed.embedder import Embedder
from ..indexer.embed.preprocess import Picture, Pixels
from ..indexer.sandbox.decoders import Opener
from ..store.catalog.contents import id_of
from ..store.catalog.crashers import known_crashers
from ..store.catalog.embeddings import raw_vectors
from ..store.catalog.photos import Photo, PhotoFile, photos_of
from ..store.records import Vectors
from ..store.store import Store


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
class Example:
    """A query made ready. digest, own, own_path: tell which files of the library are the query itself.

    weight: how much it counts among several; below 0: it shows what is not wanted. parts: the examples that
    its vector was made of.
    """

    query: Query
    vector: Vectors | None = None
    error: DecodeError | None = None
    digest: str | None = None
    own: frozenset[tuple[int, int]] = frozenset()
    own_path: str | None = None
    weight: float = 1.0
    parts: tuple["Example", ...] = ()

    def is_own(self, photo: Photo, file: PhotoFile) -> bool:
        """Tell whether a file of the library is the query: by path, or as a link to the same file.

        The path counts too: a drive's device number changes when it is mounted again. Such numbers recur
        on other drives, so a link must have the same content as well. Of several examples, exact copies
        are no news either.
        """
        if self.parts:
            return any(part.digest == photo.digest or part.is_own(photo, file) for part in self.parts)
        is_linked = photo.digest == self.digest and (file.dev, file.ino) in self.own
        return is_linked or file.path == self.own_path


class Preparation:
    """Turns queries into vectors; called from several threads."""

    def __init__(self, store: Store, embedder: Callable[[], Embedder], open_photo: Opener) -> None:
        self._store = store
        self._embedder = embedder
        self._open_photo = open_photo

    def __call__(self, query: Query) -> Example:
        """Return the query with its vector, or why it cannot be read."""
        try:
            if query.id is not None:
                return self._from_id(query, query.id)
            if query.picture is not None:
                return Example(query, self._embed(query.picture))
            if query.path is not None:
                return self._from_path(query, query.path)
            return Example(query, self._from_bytes(query.data or b""))
        except DecodeError as error:
            return Example(query, error=error)

    def _from_id(self, query: Query, photo_id: int) -> Example:
        if photo_id >= 1 << 63:
            raise DecodeError("not_found", f"there is no photo id:{photo_id} in this store")
        with self._store.reading() as view:
            vector = raw_vectors(view, [photo_id]).get(photo_id)
            photos = list(photos_of(view, ids=[photo_id]))
        if vector is None:
            raise DecodeError("not_found", f"there is no photo id:{photo_id} in this store")
        own = frozenset((file.dev, file.ino) for photo in photos for file in photo.files)
        return Example(query, vector, digest=photos[0].digest if photos else None, own=own)

    def _from_path(self, query: Query, path: str) -> Example:
        name = os.fsencode(path)
        try:
            data, stat = read_file(name, name)
        except (FileNotFoundError, ValueError) as error:  # ValueError: a name with NUL in it
            raise DecodeError("not_found", "there is no such file") from error
        return Example(
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
            failure = known_crashers(view, digest).get(digest)
        if failure is not None:
            raise DecodeError(failure.code, failure.message)

    def _stored(self, digest: bytes) -> Vectors | None:
        """Return the vector of a content that the library holds: no decode, no engine."""
        with self._store.reading() as view:
            photo_id = id_of(view, digest)
            return None if photo_id is None else raw_vectors(view, [photo_id])[photo_id]

    def _embed(self, picture: Picture) -> Vectors:
        return self._embed_prepared(self._embedder().prepare(picture))

    def _embed_prepared(self, pixels: Pixels) -> Vectors:
        vector: Vectors = self._embedder().embed([pixels])[0]
        return vector
