"""Stores filled with made-up photos: every number follows from a seed, no picture is needed."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3

from lookalike.store.catalog.embeddings import raw_vectors
from lookalike.store.catalog.files import known_files
from lookalike.store.catalog.photos import photos_of
from lookalike.store.filters.where import ALL, Where
from lookalike.store.index.search import nearest_photos
from lookalike.store.index.snapshot import read_manifest
from lookalike.store.records import Content, EmbeddedPhoto, FileResult, FileStat, Metadata, Root, Vectors
from lookalike.store.spec import EmbedderSpec
from lookalike.store.store import Store

DIM = 32
NOBODY = 65534
PUBLISHED = 120


def make_spec(model: str = "mobilenet_v2", dim: int = DIM) -> EmbedderSpec:
    return EmbedderSpec(model, "0" * 64, 1.0, "squash", 224, dim, "fp32", 1)


def make_vector(seed: int, dim: int = DIM) -> Vectors:
    """Return pooled features as a network gives them: not negative, of any length."""
    return np.abs(np.random.default_rng(seed).normal(0, 3, dim)).astype(np.float32)


def digest_of(seed: int) -> bytes:
    return blake3(b"photo %d" % seed).digest()


def thumbnail_of(seed: int) -> bytes:
    return b"\xff\xd8\xff jpeg %d" % seed


def make_photo(seed: int, *, taken: str | None = None, vector: Vectors | None = None) -> EmbeddedPhoto:
    digest = digest_of(seed)
    content = Content(digest, 1000 + seed, 640, 480, "JPEG", digest, Metadata(taken))
    return EmbeddedPhoto(content, make_vector(seed) if vector is None else vector, thumbnail_of(seed))


def make_result(
    seed: int, rel: bytes | None = None, *, taken: str | None = None, modified: str = "2020-02-02T02:02:02"
) -> FileResult:
    """Return what a worker says of the new photo `seed`; modified: local time of the file."""
    rel = b"%d.jpg" % seed if rel is None else rel
    mtime_ns = int(datetime.fromisoformat(modified).timestamp()) * 10**9 + 999_999_999
    ino = int.from_bytes(blake3(rel).digest()[:6])
    stat = FileStat(rel, 1000 + seed, mtime_ns, mtime_ns, 1, ino)
    return FileResult(stat, digest_of(seed), make_photo(seed, taken=taken))


@dataclass
class Filled:
    """A store with a root, open for writing."""

    store: Store
    root: Root

    def add(self, *results: FileResult) -> None:
        self.store.commit(self.root, results)

    def fill(self, seeds: Iterable[int]) -> None:
        """Commit one photo for each seed, "SEED.jpg", in one batch."""
        self.add(*(make_result(seed) for seed in seeds))

    def store_files(self) -> list[Path]:
        return list(Path(self.store.folder).iterdir())

    def known(self) -> dict[bytes, int]:
        with self.store.reading() as view:
            return {rel: file.id for rel, file in known_files(view, self.root, b"").items()}

    def lose(self, *rels: bytes, state: str = "absent") -> None:
        known = self.known()
        ids = [known[rel] for rel in rels]
        absent, excluded = (ids, []) if state == "absent" else ([], ids)
        self.store.settle(self.root, absent=absent, excluded=excluded, returned=[])


def open_filled(folder: Path, seeds: Iterable[int] = (), spec: EmbedderSpec | None = None) -> Filled:
    """Open a store for writing, its root /photos; commit the seeds if there are any."""
    store = Store.open(folder, create=True)
    store.use_spec(spec or make_spec())
    root, _ = store.add_root(b"/photos")
    filled = Filled(store, root)
    if seeds:
        filled.fill(seeds)
    return filled


def execute(folder: Path, statement: str, *values: object) -> None:
    """Change the catalog behind the program's back."""
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as connection, connection:
        connection.execute(statement, values)


def index_file(folder: Path) -> Path:
    """Return the snapshot that the manifest names."""
    manifest = read_manifest(str(folder))
    assert manifest is not None
    return folder / manifest.file


Answer = list[tuple[str, float]]


def ask(store: Store, query: Vectors, k: int, where: Where = ALL) -> Answer:
    """Return (path, score) of the k nearest photos, checked against the scores by numpy."""
    with store.reading() as view:
        found = nearest_photos(view, query[None], k, where)
        photos = {photo.id: photo for photo in photos_of(view)}
        scores = exact_scores(raw_vectors(view, list(photos)), query)
    ids = found.ids[0].tolist()
    assert len(set(ids)) == len(ids)
    for each, score in zip(ids, found.scores[0].tolist(), strict=True):
        assert abs(scores[each] - score) < 1e-3
    return [(photos[i].path, s) for i, s in zip(ids, found.scores[0].tolist(), strict=True)]


def exact_scores(vectors: dict[int, Vectors], query: Vectors) -> dict[int, float]:
    return {key: cosine(vector, query) for key, vector in vectors.items()}


def cosine(a: Vectors, b: Vectors) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def brute_force(seeds: Sequence[int], query: Vectors, k: int) -> list[float]:
    """Return the k best scores among the photos of the seeds, best first."""
    return sorted((cosine(make_vector(seed), query) for seed in seeds), reverse=True)[:k]


def names(answer: Answer) -> list[str]:
    return [os.path.basename(path) for path, _ in answer]


def run_python(code: str, *arguments: Any, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run code in a Python that has loaded nothing yet; arguments: its sys.argv[1:]."""
    command = [sys.executable, "-c", code, *map(os.fspath, map(str, arguments))]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


@contextmanager
def without_privileges() -> Any:
    """Be nobody for a moment if we are root, for whom nothing is read-only."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        os.setegid(group)
