"""Bit rot: files with other bytes, under the same size and time, than when they were indexed."""

import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from blake3 import blake3

from ..errors import DecodeError
from ..store.catalog.photos import Photo
from .decode.read import read_file


@dataclass(frozen=True, slots=True)
class Reread:
    """A file that was read again. state: "same", "changed" (edited since), "rotten" or "unreadable"."""

    path: str
    state: str
    message: str = ""


def reread(photos: Iterable[Photo], share: float = 1.0, seed: int | None = None) -> Iterator[Reread]:
    """Read files of the library again and compare them with what was indexed; nothing is written.

    share: of the files, in (0, 1], drawn at random. Files that are away are passed over.
    """
    draw = random.Random(seed)
    for photo in photos:
        for file in photo.files:
            if share >= 1 or draw.random() < share:
                found = _compare(file.path, photo, file.mtime_ns)
                if found is not None:
                    yield found


def _compare(path: str, photo: Photo, mtime_ns: int) -> Reread | None:
    try:
        data, stat = read_file(os.fsencode(path), b"")
    except FileNotFoundError:
        return None
    except DecodeError as error:
        return Reread(path, "unreadable", str(error))
    if (stat.size, stat.mtime_ns) != (photo.size, mtime_ns):
        return Reread(path, "changed")
    if blake3(data).hexdigest() != photo.digest:
        return Reread(
            path, "rotten", "its bytes changed, its size and time did not: restore it from a copy"
        )
    return Reread(path, "same")
