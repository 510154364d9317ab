"""Files that need not be in the library, as photos that can be compared with those that are."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ...errors import DecodeError
from ...indexer.embed.embedder import Embedder
from ...indexer.sandbox.decoders import Opener
from ...indexer.worker import Worker
from ...store.catalog.contents import id_of
from ...store.catalog.crashers import known_crashers
from ...store.catalog.embeddings import raw_vectors
from ...store.catalog.photos import Photo, PhotoFile, photos_of
from ...store.records import Content, EmbeddedPhoto, FileResult, FileStat, Vectors
from ...store.store import Store
from ..proof import Picture
from ..proof.pictures import Thumbnail

# Photos of a store count from 1.
NOT_IN_LIBRARY = 0


@dataclass(frozen=True, slots=True)
class Comparable:
    """A picture ready to be compared, wherever it came from.

    photo: the library's, or one made up for a file outside, with the id NOT_IN_LIBRARY. vector: (dim,)
    float32, any length. thumbnail: JPEG.
    """

    photo: Photo
    vector: Vectors
    thumbnail: bytes

    def picture(self) -> Picture:
        """Return it as the proof wants it."""
        return Picture.from_thumbnail(self.thumbnail, self.photo.width, self.photo.height)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A file that was read. path: as it was named. file: real path and numbers. known: what it shows."""

    path: str
    file: PhotoFile
    known: Comparable

    @property
    def digest(self) -> str:
        """Blake3 of what is in the file now, in hex."""
        return self.known.photo.digest

    def is_own(self, photo: Photo, file: PhotoFile) -> bool:
        """Tell whether a file of the library is this very file: by path, or as a link to it.

        Numbers of the file system recur on other drives, so a link must have the same content as well.
        """
        is_linked = (file.dev, file.ino) == (self.file.dev, self.file.ino)
        return file.path == self.file.path or (is_linked and photo.digest == self.digest)


class Reader:
    """Reads files the way an index run does; called from several threads. Use it as a context manager.

    A content that the library holds is neither decoded nor embedded. at_home: formats that need no process
    of their own.
    """

    def __init__(
        self, store: Store, embedder: Embedder, workers: int, at_home: frozenset[str] = frozenset()
    ) -> None:
        self._store = store
        with store.reading() as view:
            self._opener = Opener(workers, known_crashers(view), at_home)
        self._worker = Worker(b"", embedder, _Held(store), self._opener)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._opener.close()

    def __call__(self, paths: Sequence[str]) -> list[Newcomer | DecodeError]:
        """Return for each path what is there, or why it cannot be read, in their order."""
        stats = [FileStat(os.fsencode(path), 0, 0, 0, 0, 0) for path in paths]
        found = {result.stat.rel: result for result in self._worker(stats)}
        return [self._outcome(path, found.get(os.fsencode(path))) for path in paths]

    def _outcome(self, path: str, result: FileResult | None) -> Newcomer | DecodeError:
        if result is None:
            return DecodeError("not_found", "there is no such file")
        if result.failure is not None:
            return DecodeError(result.failure.code, result.failure.message)
        assert result.digest is not None, "what could be read has a digest"
        stat = result.stat
        file = PhotoFile(os.path.realpath(path), stat.dev, stat.ino, stat.mtime_ns)
        known = stored(self._store, result.digest) if result.photo is None else _made(result.photo, file)
        if known is None:
            return DecodeError("unstable", "the library changed while the file was compared; try again")
        return Newcomer(path, file, known)


class _Held:
    """The contents of which the store has all that a comparison needs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __contains__(self, digest: object) -> bool:
        assert isinstance(digest, bytes)
        return self._store.knows(digest) and stored(self._store, digest) is not None


def stored(store: Store, digest: bytes) -> Comparable | None:
    """Return a photo of the library ready to be compared; None without a file or a sound thumbnail."""
    with store.reading() as view:
        photo_id = id_of(view, digest)
        photo = None if photo_id is None else next(iter(photos_of(view, ids=[photo_id])), None)
        if photo is None:
            return None
        vector = raw_vectors(view, [photo.id])[photo.id]
    jpeg = store.thumbs.get(digest)
    is_sound = jpeg is not None and Thumbnail(jpeg, photo.width, photo.height).picture() is not None
    return Comparable(photo, vector, jpeg) if jpeg and is_sound else None


def _made(embedded: EmbeddedPhoto, file: PhotoFile) -> Comparable:
    return Comparable(_as_photo(embedded.content, file), embedded.vector, embedded.thumbnail)


def _as_photo(content: Content, file: PhotoFile) -> Photo:
    metadata = content.metadata
    modified = datetime.fromtimestamp(file.mtime_ns / 1e9).isoformat(timespec="seconds")
    return Photo(
        id=NOT_IN_LIBRARY,
        digest=content.digest.hex(),
        size=content.size,
        width=content.width,
        height=content.height,
        format=content.format,
        date=metadata.taken or modified,
        taken=metadata.taken,
        camera=metadata.camera,
        lens=metadata.lens,
        latitude=metadata.latitude,
        longitude=metadata.longitude,
        altitude=metadata.altitude,
        warning=content.warning,
        pixel_digest=content.pixel_digest.hex(),
        files=(file,),
    )
