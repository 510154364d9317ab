"""The examples that are searched by: read, decoded and embedded the way the library is."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import DecodeError, UsageError
from ..indexer.decode.decode import decode_pil
from ..indexer.embed.embedder import Embedder
from ..indexer.embed.preprocess import Picture
from ..indexer.outside import OutsideReader, Source, stored_vector
from ..indexer.sandbox.decoders import Opener
from ..store.arguments import as_id
from ..store.catalog.embeddings import raw_vectors
from ..store.catalog.photos import Photo, PhotoFile, photos_of
from ..store.names import real_path
from ..store.records import MAX_ID, Vectors, photo_id_in
from ..store.view import View


@dataclass(frozen=True, slots=True)
class Query:
    """An example to search by: exactly one of a file, bytes, an RGB picture, a photo's id or a vector.

    name: of the answer. picture: an image, or (h, w, 3) uint8. digest: of an example of the last search,
    blake3 (hex) of its content, which the library has, or the file at path while it is unchanged; "": of
    none. vector: pooled features, (dim,) float32, of a picture that was embedded before, or
    of words.
    """

    name: str
    path: str | None = None
    data: bytes | None = None
    picture: Picture | None = None
    id: int | None = None
    digest: str | None = None
    vector: Vectors | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A query that was read. vector: its pooled features, (dim,) float32 of any length; None: see error.

    digest: blake3 of its content, 64 hex digits. own: device and inode of its files. own_path: real path of
    its file. These tell which files of the library are the query itself. weight: how much it counts among
    several; below 0: it is not wanted. parts: the examples that its vector was made of.
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


class ExampleReader:
    """Turns queries into examples with their vectors; called from several threads.

    reading: gives a view of the library for a block. embedder: called when something must be embedded.
    """

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[View]],
        embedder: Callable[[], Embedder],
        open_photo: Opener,
    ) -> None:
        self._reading = reading
        self._embedder = embedder
        self._outside = OutsideReader(reading, embedder, open_photo)

    def __call__(self, query: Query) -> Example:
        """Return the query with its vector or with the error that says why it cannot be read."""
        try:
            if query.vector is not None:
                return Example(query, query.vector)
            if query.digest is not None:
                return self._again(query, query.digest)
            if query.id is not None:
                return self._stored(query, query.id)
            if query.picture is not None:
                return Example(query, self._outside.embed(self._embedder().prepare(query.picture)))
            example, source = given(query)
            return replace(example, vector=self._outside.vector(source))
        except DecodeError as error:
            return Example(query, error=error)

    def _stored(self, query: Query, photo_id: int) -> Example:
        """Return a photo of the library, whose files may be away."""
        with self._reading() as view:
            vector = raw_vectors(view, [photo_id]).get(photo_id) if photo_id <= MAX_ID else None
            if vector is None:
                raise DecodeError("not_found", f"there is no photo {query.name} in this store")
            photos = list(photos_of(view, ids=[photo_id]))
        own = frozenset((file.dev, file.ino) for photo in photos for file in photo.files)
        return Example(query, vector, digest=photos[0].digest if photos else None, own=own)

    def _again(self, query: Query, digest: str) -> Example:
        """Return an example by its content, which the library has or the file still holds."""
        with self._reading() as view:
            vector = stored_vector(view, bytes.fromhex(digest))
        if vector is None:
            source = Source.with_digest(bytes.fromhex(digest), [query.path] if query.path else [])
            if source is None:
                raise DecodeError(
                    "not_found",
                    "this example of the last search is not in the library, and not unchanged in its file; "
                    "search again",
                )
            vector = self._outside.vector(source)
        return Example(query, vector, digest=digest)


def given(query: Query) -> tuple[Example, Source]:
    """Return a query by a file or by bytes without a vector, and its bytes.

    Raises:
        DecodeError: the file cannot be read.
    """
    if query.path is None:
        return Example(query), Source.from_bytes(query.data or b"")
    source = Source.from_file(query.path)
    own = frozenset({(source.stat.dev, source.stat.ino)}) if source.stat else frozenset()
    path = real_path(query.path)
    return Example(query, digest=source.digest.hex(), own=own, own_path=path), source


def _of_stream(file: Any) -> Query:
    """Return an open file as a query: what it holds from where it stands."""
    data = file.read()
    if not isinstance(data, bytes):
        raise UsageError("a file to search by is opened for reading bytes: open(..., 'rb')")
    return Query("bytes", data=data)


def _of_array(array: np.ndarray[Any, Any]) -> Query:
    """Return an array as a query: a picture, or a vector, whose length the reader knows."""
    if array.ndim == 1 and array.dtype.kind == "f":
        if not (np.isfinite(array).all() and array.any()):
            raise UsageError("a vector to search by has finite numbers, not all of them 0")
        return Query("vector", vector=array.astype(np.float32))
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise UsageError(
            "an array must be (h, w, 3) uint8 RGB, or a (dim,) float vector of `embed`, this one is "
            f"{array.dtype} {array.shape}"
        )
    return Query("array", picture=array)


def as_query(example: Any) -> Query:
    """Return an example in any of the forms that a `SearchRequest` takes as a query.

    Raises:
        UsageError: it is of no such form.
    """
    if isinstance(example, Query):
        return example
    example = getattr(example, "photo", example)  # a result
    if isinstance(example, Photo):
        return Query(example.path, id=example.id)
    if isinstance(example, (int, np.integer)):
        return Query(f"id:{example}", id=as_id(example))
    if isinstance(example, (bytes, bytearray, memoryview)):
        return Query("bytes", data=bytes(example))
    if isinstance(example, (str, os.PathLike)):
        name = os.fspath(example)
        photo_id = photo_id_in(name)
        return Query(name, path=name) if photo_id is None else Query(name, id=photo_id)
    if isinstance(example, np.ndarray):
        return _of_array(example)
    if hasattr(example, "read"):
        return _of_stream(example)
    if hasattr(example, "getexif"):
        return Query("image", picture=decode_pil(example).image)
    raise UsageError(f"cannot search by a {type(example).__name__}: give a path, bytes, an id or an image")
