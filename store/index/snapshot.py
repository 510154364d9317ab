"""Snapshots of the vector index: published atomically, believed only when everything fits.

A snapshot is a cache. It may be missing, old, torn or tampered with: then the index is rebuilt from the
catalog. The manifest is the only pointer to it and is replaced last.
"""

import contextlib
import dataclasses
import json
import os
from dataclasses import dataclass
from typing import BinaryIO

import xxhash

from ..files import write_atomic
from .exact import VectorIndex
from .ivf import OneIndex, ReducedIndex

_MANIFEST = "index.json"
_FORMAT = 1
_BLOCK = 1 << 20
_KINDS: dict[str, type[OneIndex]] = {kind.RECIPE: kind for kind in (VectorIndex, ReducedIndex)}


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a snapshot was made of; it fits a catalog that recorded the same.

    nonce: random hex made with the epoch. After a power loss or a restored backup the same epoch number
    may come again with other content; its nonce will not.
    """

    store: str
    fingerprint: str
    epoch: int
    nonce: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record beside a snapshot file.

    checksum: xxh3-128 of the file, hex. size: bytes. mtime_ns: of the file when it was written, 0 where
    that was not recorded.
    """

    format: int
    recipe: str
    stamp: Stamp
    dim: int
    count: int
    file: str
    size: int
    checksum: str
    mtime_ns: int = 0


def publish(folder: str, stamp: Stamp, index: OneIndex) -> Manifest:
    """Write a snapshot of the index and point the manifest to it."""
    name = f"index-{stamp.fingerprint[:8]}-{stamp.epoch}-{stamp.nonce[:8]}.faiss"
    path = os.path.join(folder, name)
    previous = read_manifest(folder)
    size, checksum = write_file(path, index)
    manifest = Manifest(
        format=_FORMAT,
        recipe=index.RECIPE,
        stamp=stamp,
        dim=index.dim,
        count=len(index),
        file=name,
        size=size,
        checksum=checksum,
        mtime_ns=os.stat(path).st_mtime_ns,
    )
    text = json.dumps(dataclasses.asdict(manifest), indent=1).encode()
    write_atomic(os.path.join(folder, _MANIFEST), lambda out: out.write(text))
    _sweep(folder, keep={name, previous.file if previous else name})
    return manifest


def write_file(path: str, index: OneIndex) -> tuple[int, str]:
    """Write an index to path without a copy of it in memory; return its size and checksum."""
    size, checksum = 0, xxhash.xxh3_128()

    def write_into(out: BinaryIO) -> None:
        def put(block: bytes) -> None:
            nonlocal size
            size += len(block)
            checksum.update(block)
            out.write(block)

        index.write(put)

    write_atomic(path, write_into)
    return size, checksum.hexdigest()


def _sweep(folder: str, keep: set[str]) -> None:
    """Remove older snapshots; the one before stays, a reader may be about to open it."""
    for name in os.listdir(folder):
        if name.startswith("index-") and name.endswith(".faiss") and name not in keep:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))


def sweep_temporary(folder: str) -> None:
    """Remove what a killed writer left; call it only under the store's lock."""
    for name in os.listdir(folder):
        if name.startswith(("index", "catalog.db.", "thumbs.db.")) and ".tmp" in name:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))


def is_there(folder: str) -> bool:
    """Tell whether there is a manifest, such as it is."""
    return os.path.lexists(os.path.join(folder, _MANIFEST))


def read_manifest(folder: str) -> Manifest | None:
    """Return the manifest, or None when there is none that can be read."""
    try:
        with open(os.path.join(folder, _MANIFEST), "rb") as source:
            fields = json.loads(source.read(1 << 16))
        manifest = Manifest(**{**fields, "stamp": Stamp(**fields["stamp"])})
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return manifest if _is_typed(manifest) and _is_typed(manifest.stamp) else None


def _is_typed(record: Manifest | Stamp) -> bool:
    """Tell whether every field has its type, and every number fits the catalog."""
    fields = [(getattr(record, field.name), field.type) for field in dataclasses.fields(record)]
    return all(type(v) is kind and (kind is not int or 0 <= v < 1 << 63) for v, kind in fields)


def is_whole(folder: str, manifest: Manifest) -> bool:
    """Tell whether the file that the manifest names is there, as it was written."""
    try:
        with _opened(folder, manifest) as source:
            return checksum_of(source) == manifest.checksum
    except (OSError, ValueError):
        return False


def is_current(folder: str, manifest: Manifest) -> bool:
    """Tell as `is_whole` does, but without reading a file that nobody seems to have touched.

    What happens to a file behind the file system's back shows when it is loaded.
    """
    try:
        found = os.stat(_path_of(folder, manifest))
    except (OSError, ValueError):
        return False
    same_time = found.st_mtime_ns == manifest.mtime_ns
    return found.st_size == manifest.size and (same_time or is_whole(folder, manifest))


def is_published(folder: str, stamp: Stamp, recipe: str) -> bool:
    """Tell whether the snapshot that counts is of this stamp and kind, and there."""
    manifest = read_manifest(folder)
    if manifest is None or (manifest.stamp, manifest.recipe) != (stamp, recipe):
        return False
    return is_current(folder, manifest)


def withdraw(folder: str) -> None:
    """Take the snapshot away, whatever is left of it; call it only under the store's lock."""
    for name in os.listdir(folder):
        if name == _MANIFEST or (name.startswith("index-") and name.endswith(".faiss")):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name))


def load(folder: str, manifest: Manifest) -> OneIndex:
    """Load the snapshot that the manifest names.

    Raises:
        ValueError: it is missing, damaged or of another kind; the message says which.
    """
    if manifest.format != _FORMAT:
        raise ValueError(f"the snapshot is of another kind ({manifest.recipe})")
    kept = (manifest.recipe, manifest.dim, manifest.size, manifest.checksum)
    index = load_file(_path_of(folder, manifest), *kept)
    if len(index) != manifest.count:
        raise ValueError(f"the snapshot holds {len(index)} vectors, not {manifest.count}")
    return index


def load_file(path: str, recipe: str, dim: int, size: int, checksum: str) -> OneIndex:
    """Load an index that `write_file` wrote.

    Raises:
        ValueError: it is missing, damaged or of another kind; the message says which.
    """
    kind = _KINDS.get(recipe)
    if kind is None:
        raise ValueError(f"the snapshot is of another kind ({recipe})")
    try:
        # One open file for both: what is loaded is what was checked, whoever replaces the name.
        with open(path, "rb") as source:
            if checksum_of(source) != checksum or source.tell() != size:
                raise ValueError("the snapshot is damaged: its checksum differs")
            source.seek(0)
            return kind.read(source.read, dim)
    except OSError as error:
        raise ValueError(f"the snapshot cannot be read: {error.strerror}") from error


def _path_of(folder: str, manifest: Manifest) -> str:
    return os.path.join(folder, os.path.basename(manifest.file))


def _opened(folder: str, manifest: Manifest) -> BinaryIO:
    return open(_path_of(folder, manifest), "rb")


def checksum_of(source: BinaryIO) -> str:
    """Return xxh3-128 of what a file holds, hex."""
    checksum = xxhash.xxh3_128()
    while block := source.read(_BLOCK):
        checksum.update(block)
    return checksum.hexdigest()
