"""Pictures that need not be in the library: what it has of the same content is used, the rest embedded."""

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

from blake3 import blake3

from ..errors import DecodeError
from ..store.catalog.contents import id_of
from ..store.catalog.crashers import known_crashers
from ..store.catalog.embeddings import raw_vectors
from ..store.records import FileStat, Vectors
from ..store.view import View
from .decode.photo import Opened
from .decode.read import read_file
from .embed.embedder import Embedder
from .embed.preprocess import Pixels
from .sandbox.decoders import Opener
from .worker import check_vector

Stored = TypeVar("Stored")


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The bytes of an image file. digest: blake3, 32 bytes. stat: of the file they were read from."""

    data: bytes
    digest: bytes
    stat: FileStat | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> "Source":
        """Return bytes that somebody has.

        Raises:
            DecodeError: there are none ("empty").
        """
        if not data:
            raise DecodeError("empty", "the image is empty (0 bytes)")
        return cls(data, blake3(data).digest())

    @classmethod
    def from_file(cls, path: str) -> "Source":
        """Read a file.

        Raises:
            DecodeError: there is none ("not_found"), or it cannot be read; see `read_file`.
        """
        name = os.fsencode(path)
        try:
            data, stat = read_file(name, name)
        except (FileNotFoundError, ValueError) as error:  # ValueError: a name with NUL in it
            raise DecodeError("not_found", "there is no such file") from error
        return cls(data, blake3(data).digest(), stat)

    @classmethod
    def with_digest(cls, digest: bytes, paths: Iterable[str]) -> "Source | None":
        """Read the first of some files that is there and has this digest; None: there is none."""
        for path in paths:
            try:
                source = cls.from_file(path)
            except DecodeError:
                continue
            if source.digest == digest:
                return source
        return None


class OutsideReader:
    """Gives what the library has of a content, or decodes and embeds it; called from several threads.

    reading: gives a view of the library for a block. embedder: gives its embedder; called when something
    must be decoded.
    """

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[View]],
        embedder: Callable[[], Embedder],
        open_photo: Opener,
    ) -> None:
        self._reading = reading
        self._embedder = embedder
        self._open_photo = open_photo

    def read(self, source: Source, stored: Callable[[View, bytes], Stored | None]) -> Stored | Opened:
        """Return what is stored of a content, or the picture, decoded.

        stored: is given a digest, and returns None of what the library does not have.

        Raises:
            DecodeError: see `opened`.
        """
        with self._reading() as view:
            found = stored(view, source.digest)
            if found is not None:
                return found
            _refuse_crasher(view, source.digest)
        return self._open_photo(source.data, source.digest, self._embedder().rule)

    def opened(self, source: Source) -> Opened:
        """Return a picture, decoded, whether the library has it or not.

        Raises:
            DecodeError: it cannot be decoded, or it ended its decoder before.
        """
        with self._reading() as view:
            _refuse_crasher(view, source.digest)
        return self._open_photo(source.data, source.digest, self._embedder().rule)

    def vector(self, source: Source) -> Vectors:
        """Return the pooled features of a picture, (dim,) float32, of any length.

        Raises:
            DecodeError: it cannot be decoded, or gives no usable features ("bad_vector").
        """
        found = self.read(source, stored_vector)
        return self.embed(found.pixels) if isinstance(found, Opened) else found

    def embed(self, pixels: Pixels) -> Vectors:
        """Return the pooled features of the network's input, (H, W, 3) uint8: (dim,) float32.

        Raises:
            DecodeError: they cannot be searched by ("bad_vector").
        """
        vector: Vectors = self._embedder().embed([pixels])[0]
        check_vector(vector)
        return vector


def _refuse_crasher(view: View, digest: bytes) -> None:
    failure = known_crashers(view, digest).get(digest)
    if failure is not None:
        raise DecodeError(failure.code, failure.message)


def stored_vector(view: View, digest: bytes) -> Vectors | None:
    """Return the pooled features of a content that the library holds."""
    photo_id = id_of(view, digest)
    return None if photo_id is None else raw_vectors(view, [photo_id])[photo_id]
