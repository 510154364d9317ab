"""What one worker does with a few files: read, hash, decode, shrink, embed."""

import os
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
from blake3 import blake3

from ..errors import DecodeError
from ..store.records import Content, EmbeddedPhoto, Failure, FileResult, FileStat, LocalMap, Vectors
from .decode.photo import Opened
from .decode.read import read_file
from .embed.embedder import Embedder
from .sandbox.decoders import DecoderCrashed, Opener


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A photo on its way to the engine."""

    stat: FileStat
    content: Content
    opened: Opened


class Worker:
    """Turns files into results; called from several threads at once.

    known: digests of the contents of which the store needs nothing more. open_photo: decodes the others.
    """

    def __init__(
        self, root: bytes, embedder: Embedder, known: Container[bytes], open_photo: Opener
    ) -> None:
        self._root = root
        self._embedder = embedder
        self._known = known
        self._open_photo = open_photo

    def __call__(self, files: Sequence[FileStat]) -> list[FileResult]:
        """Return one result for each file that is still there.

        Raises:
            RootOffline, UsageError: of an object store, see `read_file`.
        """
        results: list[FileResult] = []
        prepared: list[_Prepared] = []
        for file in files:
            try:
                outcome = self._open(file)
            except FileNotFoundError:
                continue  # it went away between the scan and now; the next scan will tell
            except DecodeError as error:
                outcome = FileResult(file, failure=Failure(error.code, str(error)))
            if isinstance(outcome, _Prepared):
                prepared.append(outcome)
            else:
                results.append(outcome)
        return results + self._embed(prepared)

    def _open(self, file: FileStat) -> FileResult | _Prepared:
        data, stat = read_file(os.path.join(self._root, file.rel), file.rel, is_patient=True)
        digest = blake3(data).digest()
        if digest in self._known:
            return FileResult(stat, digest)
        try:
            opened = self._open_photo(data, digest, self._embedder.rule)
        except DecodeError as error:
            tries = error.tries if isinstance(error, DecoderCrashed) else 0
            return FileResult(stat, digest, failure=Failure(error.code, str(error), tries))
        return _Prepared(stat, content_of(len(data), digest, opened), opened)

    def _embed(self, photos: Sequence[_Prepared]) -> list[FileResult]:
        if not photos:
            return []
        pixels = [photo.opened.pixels for photo in photos]
        vectors, maps = self._embedder.embed_with_maps(pixels)
        return [_result(*each) for each in zip(photos, vectors, maps, strict=True)]


def _result(photo: _Prepared, vector: Vectors, local_map: LocalMap | None) -> FileResult:
    digest = photo.content.digest
    try:
        check_vector(vector)
    except DecodeError as error:
        return FileResult(photo.stat, digest, failure=Failure(error.code, str(error)))
    embedded = EmbeddedPhoto(photo.content, vector, photo.opened.thumbnail, local_map)
    return FileResult(photo.stat, digest, embedded)


def check_vector(vector: Vectors) -> None:
    """Check that pooled features can be searched by.

    Raises:
        DecodeError: they cannot ("bad_vector").
    """
    # FAISS takes NaN without a word and then finds nothing.
    if not np.isfinite(vector).all() or not np.any(vector):
        raise DecodeError("bad_vector", "the network gave no usable features for this picture")


def content_of(size: int, digest: bytes, opened: Opened) -> Content:
    """Return what is recorded of a picture that was decoded. size: bytes of its file."""
    return Content(
        digest=digest,
        size=size,
        width=opened.width,
        height=opened.height,
        format=opened.format,
        pixel_digest=opened.pixel_digest,
        metadata=opened.metadata,
        warning=opened.warning,
        holdings=opened.holdings,
    )
