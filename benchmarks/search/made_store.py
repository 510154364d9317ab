"""Stores filled with made-up photos: a content, a file and an embedding each, no thumbnails."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from lookalike.benchmarks.search.mixtures import Halves
from lookalike.store.catalog import embeddings, files, local_maps
from lookalike.store.catalog.contents import ids_of
from lookalike.store.records import Content, EmbeddedPhoto, FileResult, FileStat, LocalMap, Vectors
from lookalike.store.store import Store

FOLDER_OF = 1000  # photos


def add_photos(store: Store, blocks: Iterable[Halves], start: int = 0) -> None:
    """Write photos with these unit embeddings, a block in a transaction. start: number of the first."""
    root, _ = store.add_root(b"/made-up")
    for units in blocks:
        results = [photo(start + at, unit) for at, unit in enumerate(units.astype(np.float32))]
        with store.writing() as view:
            photos = [each.photo for each in results if each.photo is not None]
            embeddings.put_photos(view, embeddings.bump_epoch(view), photos)
            files.put_files(view, root, results)
        start += len(units)


def add_maps(store: Store, maps: Iterator[LocalMap], block: int = 4096) -> None:
    """Write a local map of each made-up photo, in their order, a block in a transaction."""
    start = 0
    while some := list(islice(maps, block)):
        photos = []
        for at, each in enumerate(some):
            plain = photo(start + at, np.zeros(1, np.float32)).photo
            assert plain is not None
            photos.append(replace(plain, local_map=each))
        with store.writing() as view:
            ids = ids_of(view, [each.content.digest for each in photos])
            local_maps.put_maps(view, ids, photos)
        start += len(some)


def photo(number: int, vector: Vectors) -> FileResult:
    digest = hashlib.blake2b(number.to_bytes(8), digest_size=32).digest()
    content = Content(digest, 1_000_000, 4000, 3000, "JPEG", digest)
    rel = name_of_folder(number // FOLDER_OF) + b"/%07d.jpg" % number
    stat = FileStat(rel, 1_000_000, number, number, 1, number)
    return FileResult(stat, digest, EmbeddedPhoto(content, vector, b""))


def name_of_folder(number: int) -> bytes:
    return b"%03d" % number
