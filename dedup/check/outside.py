"""Files that need not be in the library, as photos that can be compared with those that are."""

from dataclasses import dataclass
from datetime import datetime

from ...errors import DecodeError
from ...indexer.embed.embedder import Embedder
from ...indexer.outside import OutsideReader, Source
from ...indexer.sandbox.decoders import Opener
from ...indexer.worker import content_of
from ...store.catalog.contents import id_of
from ...store.catalog.embeddings import raw_vectors
from ...store.catalog.holdings import holdings_of
from ...store.catalog.photos import Photo, PhotoFile, photos_of
from ...store.names import date_in_name, real_path
from ...store.records import Content, Holdings, Vectors
from ...store.store import Store
from ...store.thumbs import Thumbs
from ...store.view import View
from ..groups.shots import Shot, shot_of
from ..proof import Picture
from ..proof.pictures import Thumbnail

# Photos of a store count from 1.
NOT_IN_LIBRARY = 0


@dataclass(frozen=True, slots=True)
class Comparable:
    """A picture ready to be compared, wherever it came from.

    photo: the library's, or one made up for a file outside, with the id NOT_IN_LIBRARY. vector: (dim,)
    float32, any length. thumbnail: JPEG. holdings: None where the library has not looked yet.
    """

    photo: Photo
    vector: Vectors
    thumbnail: bytes
    holdings: Holdings | None = None

    @property
    def shot(self) -> Shot:
        """What it says of the shot that it shows."""
        return shot_of(self.photo, self.holdings)

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
        self._reading, self._thumbs = store.reading, store.thumbs
        self._opener = Opener(workers, at_home=at_home)
        self._outside = OutsideReader(store.reading, lambda: embedder, self._opener)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._opener.close()

    def __call__(self, path: str) -> Newcomer | DecodeError:
        """Return what is in a file, or why it cannot be read."""
        try:
            source = Source.from_file(path)
            assert source.stat is not None, "it was read from a file"
            stat = source.stat
            file = PhotoFile(real_path(path), stat.dev, stat.ino, stat.mtime_ns)
            return Newcomer(path, file, self._comparable(source, file))
        except DecodeError as error:
            return error

    def stored(self, photo: Photo) -> Comparable | None:
        """Return a photo of the library ready to be compared; None without a sound thumbnail."""
        with self._reading() as view:
            return _stored(view, self._thumbs, bytes.fromhex(photo.digest))

    def _comparable(self, source: Source, file: PhotoFile) -> Comparable:
        found = self._outside.read(source, lambda view, digest: _stored(view, self._thumbs, digest))
        if isinstance(found, Comparable):
            return found
        content = content_of(len(source.data), source.digest, found)
        vector = self._outside.embed(found.pixels)
        return Comparable(_as_photo(content, file), vector, found.thumbnail, content.holdings)


def _stored(view: View, thumbs: Thumbs, digest: bytes) -> Comparable | None:
    """Return a photo of the library ready to be compared; None without a file or a sound thumbnail."""
    photo_id = id_of(view, digest)
    photo = None if photo_id is None else next(iter(photos_of(view, ids=[photo_id])), None)
    if photo is None:
        return None
    jpeg = thumbs.get(digest)
    is_sound = jpeg is not None and Thumbnail(jpeg, photo.width, photo.height).picture() is not None
    if jpeg is None or not is_sound:
        return None
    held = holdings_of(view, [photo.id]).get(photo.id)
    return Comparable(photo, raw_vectors(view, [photo.id])[photo.id], jpeg, held)


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
        date=metadata.taken or date_in_name(file.path) or modified,
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
