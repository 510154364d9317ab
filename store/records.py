"""The rows that the indexer hands to the store, as frozen data."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Cells = npt.NDArray[np.int8]  # (rows, columns, d) directions, 127 is 1
Codes = npt.NDArray[np.float16]  # unit vectors as they are stored


# The highest row id of SQLite.
MAX_ID = (1 << 63) - 1


def photo_id_in(name: str) -> int | None:
    """Return N of a name like "id:N", which photos have besides their paths; None of any other name.

    A number that no photo can have counts as MAX_ID.
    """
    digits = name.removeprefix("id:")
    if digits == name or not (digits.isascii() and digits.isdecimal()):
        return None
    # Longer ones are not read at all: Python refuses those of thousands of digits.
    return int(digits) if len(digits) < len(str(MAX_ID)) else MAX_ID


def unit_vectors(vectors: Vectors) -> Vectors:
    """Return vectors (dim,) or (..., dim) at length 1, float32; those of length 0 stay unchanged."""
    if vectors.ndim == 1:
        return np.asarray(vectors / max(float(np.linalg.norm(vectors)), 1e-12), np.float32)
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def file_time(ns: int) -> int:
    """Return the time of a file in nanoseconds as it is kept: within 1677 and 2262, which 64 bits hold.

    File systems know times far beyond; of such a file only that its time is out of range is known.
    """
    return max(-MAX_ID, min(ns, MAX_ID))


@dataclass(frozen=True, slots=True)
class FileStat:
    """What the file system says of a file; equal stats mean an unchanged file.

    rel: path below its root, as the bytes on disk. Times in nanoseconds, see `file_time`, size in bytes.
    """

    rel: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    dev: int
    ino: int

    @classmethod
    def of(cls, rel: bytes, found: os.stat_result) -> "FileStat":
        """Return what a stat says of the file at a path below its root."""
        times = (file_time(found.st_mtime_ns), file_time(found.st_ctime_ns))
        return cls(rel, found.st_size, *times, found.st_dev, found.st_ino)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a photo says of itself (EXIF); None where it does not.

    taken: capture time as ISO 8601 in the camera's local time, with sub-seconds and zone where known:
        "2023-05-01T12:30:15", "2023-05-01T12:30:15.120+02:00".
    camera: make and model, without saying the make twice. lens: model of the lens.
    latitude, longitude: degrees, north and east positive. altitude: meters.
    """

    taken: str | None = None
    camera: str | None = None
    lens: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a file holds beside the first picture that one sees; the plain photo is all defaults.

    frames: pictures or pages that are shown. is_transparent: some of it lets through what lies behind.
    bits: per channel, as far as they are used. auxiliary: pictures behind the picture: "gain map", "depth",
    "second eye", ... behind: what comes after the picture: "film" or "data", "" for nothing; behind_size:
    its bytes. fields: what metadata say that a person cares about, by the names of `FIELDS`; those of
    several values are lists. tables: of a JPEG, the quantization tables in a short form, "" of others.
    damage: signs that part of the picture is lost.
    """

    frames: int = 1
    is_transparent: bool = False
    bits: int = 8
    auxiliary: tuple[str, ...] = ()
    behind: str = ""
    behind_size: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)
    tables: str = ""
    damage: tuple[str, ...] = ()


# Of the fields those that are lists of texts.
LISTS = ("keywords", "people")


def with_sidecars(own: Mapping[str, Any], beside: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file and its sidecars say together, by the names of `Holdings.fields`.

    Lists are put together. Of what has one value the sidecar's counts before the file's own.
    """
    lists = {name: sorted({*own.get(name, ()), *beside[name]}) for name in LISTS if name in beside}
    return {**own, **beside, **lists}


def stars(rating: str) -> int:
    """Return a rating as a number: 1 to 5, -1 for "rejected"."""
    return -1 if rating == "rejected" else int(rating)


@dataclass(frozen=True, slots=True)
class Content:
    """One picture as bytes: everything known of it that does not depend on where it lies.

    digest: blake3 of the whole file, 32 bytes. pixel_digest: 32 bytes, the same for files with the same
    pixels and other metadata. width, height: pixels as displayed (after orientation). size: bytes.
    """

    digest: bytes
    size: int
    width: int
    height: int
    format: str
    pixel_digest: bytes
    metadata: Metadata = field(default_factory=Metadata)
    warning: str | None = None
    holdings: Holdings = field(default_factory=Holdings)


@dataclass(frozen=True, slots=True, eq=False)
class LocalMap:
    """What a photo shows where. kind: maps of different kinds never meet. cells: from the top left."""

    kind: int
    cells: Cells


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """An embedding as it is stored. unit: (dim,) fp16, its direction. norm: its length, a float32."""

    unit: Codes
    norm: float

    @classmethod
    def of(cls, vector: Vectors) -> "Code":
        """Return how raw pooled features (dim,) are stored."""
        row = vector[None].astype(np.float32)
        norm = np.linalg.norm(row, axis=1)
        return cls((row / norm[:, None]).astype(np.float16)[0], float(norm[0]))


@dataclass(frozen=True, slots=True)
class EmbeddedPhoto:
    """A picture that was decoded and embedded.

    vector: (dim,) float32, raw pooled features, not normalized; or what was made of them before, which is
    stored as it is. thumbnail: JPEG bytes. local_map: None where the model has none.
    """

    content: Content
    vector: Vectors | Code
    thumbnail: bytes
    local_map: LocalMap | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file could not be indexed: a stable word for scripts and a sentence for people.

    tries: how often its content ended a decoder; 0 for all other reasons.
    """

    code: str
    message: str
    tries: int = 0


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file: exactly one of known content, new photo or failure.

    digest: blake3 of the file where it could be read. photo: None when the store knows the content.
    """

    stat: FileStat
    digest: bytes | None = None
    photo: EmbeddedPhoto | None = None
    failure: Failure | None = None


# No state of sidecars: the next index run reads them again.
UNREAD = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What the sidecars of a file say. state: theirs; None: it has none. said: as `Holdings.fields`."""

    rel: bytes
    state: int | None
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drive:
    """By what the drive of a folder is known again; None where nothing tells.

    fs_id: of its file system. marker: the random name in the marker file that the user asked for.
    """

    fs_id: str | None = None
    marker: str | None = None


@dataclass(frozen=True, slots=True)
class Root:
    """A folder of the library. path: absolute, as the bytes on disk. drive: what it was on last time."""

    id: int
    path: bytes
    drive: Drive = field(default=Drive(), compare=False)


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the catalog remembers of a file: enough to tell whether it changed.

    dev: the device it was on at the last believed scan; it says which files lie on one drive, no more.
    sidecars: the state in which its sidecars were read, None where it had none; see `scan.beside`.
    """

    id: int
    key: tuple[int, int, int, int]
    state: str
    error: str | None
    dev: int
    sidecars: int | None = None

    @staticmethod
    def key_of(stat: FileStat) -> tuple[int, int, int, int]:
        """Size, both times and inode: equal keys mean an unchanged file.

        The device is left out: removable drives get another number at every mount. The system sets the
        ctime at every change, so that a program which puts size and mtime back does not hide one; only a
        second change within one tick of the file system's clock could.
        """
        return (stat.size, stat.mtime_ns, stat.ctime_ns, stat.ino)
