"""Snapshots of the vector index: published atomically, believed only when everything fits.

A snapshot is a cache. It may be missing, old, torn or tampered with: then the index is rebuilt from the
catalog. The manifest is the only pointer to it and is replaced last.
"""

import contextlib
import dataclasses
import json
import os
from dataclasses import dataclass

import numpy as np
import xxhash

from .vectors import VectorIndex

_MANIFEST = "index.json"
_FORMAT = 1


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
    """The record beside a snapshot file. checksum: xxh3-128 of the file, hex; size in bytes."""

    format: int
    recipe: str
    stamp: Stamp
    dim: int
    count: int
    file: str
    size: int
    checksum: str


def write_atomic(path: str, data: bytes | memoryview) -> None:
    """Replace path by data: after a crash at any point it is the old file or the new one, whole.

    A temporary file beside the target, fsync, `os.replace`, fsync of the folder; the temporary file is
    removed when anything fails.
    """
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb", opener=_private) as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
        _sync_folder(os.path.dirname(path))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: str) -> None:
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(folder: str, stamp: Stamp, index: VectorIndex) -> Manifest:
    """Write a snapshot of the index and point the manifest to it."""
    data = index.to_bytes().data
    name = f"index-{stamp.fingerprint[:8]}-{stamp.epoch}-{stamp.nonce[:8]}.faiss"
    manifest = Manifest(
        format=_FORMAT,
        recipe=VectorIndex.RECIPE,
        stamp=stamp,
        dim=index.dim,
        count=len(index),
        file=name,
        size=data.nbytes,
        checksum=xxhash.xxh3_128_hexdigest(data),
    )
    previous = read_manifest(folder)
    write_atomic(os.path.join(folder, name), data)
    text = json.dumps(dataclasses.asdict(manifest), indent=1)
    write_atomic(os.path.join(folder, _MANIFEST), text.encode())
    _sweep(folder, keep={name, previous.file if previous else name})
    return manifest


def _sweep(folder: str, keep: set[str]) -> None:
    """Remove older snapshots; the one before stays, a reader may be about to open it."""
    for name in os.listdir(folder):
        if name.startswith("index-") and name.endswith(".faiss") and name not in keep:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))


def sweep_temporary(folder: str) -> None:
    """Remove what a killed writer left; call it only under the store's lock."""
    for name in os.listdir(folder):
        if name.startswith("index") and name.endswith(".tmp"):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))


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
    checksum = xxhash.xxh3_128()
    try:
        with open(os.path.join(folder, os.path.basename(manifest.file)), "rb") as source:
            while block := source.read(1 << 20):
                checksum.update(block)
    except (OSError, ValueError):
        return False
    return checksum.hexdigest() == manifest.checksum


def load(folder: str, manifest: Manifest) -> VectorIndex:
    """Load the snapshot that the manifest names.

    Raises:
        ValueError: it is missing, damaged or of another kind; the message says which.
    """
    if (manifest.format, manifest.recipe) != (_FORMAT, VectorIndex.RECIPE):
        raise ValueError(f"the snapshot is of another kind ({manifest.recipe})")
    try:
        data = np.fromfile(os.path.join(folder, os.path.basename(manifest.file)), dtype=np.uint8)
    except OSError as error:
        raise ValueError(f"the snapshot cannot be read: {error.strerror}") from error
    if data.nbytes != manifest.size or xxhash.xxh3_128_hexdigest(data.data) != manifest.checksum:
        raise ValueError("the snapshot is damaged: its checksum differs")
    index = VectorIndex.from_bytes(data, manifest.dim)
    if len(index) != manifest.count:
        raise ValueError(f"the snapshot holds {len(index)} vectors, not {manifest.count}")
    return index
