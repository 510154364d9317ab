"""What the last search of a terminal was by and what it found, so that the next one can refine it.

A small file of its own per store and terminal, in the user's state folder: searching never writes to the
store, which may be for reading only. Photos are known by their content, as everywhere.
"""

import base64
import contextlib
import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from blake3 import blake3

from ..errors import UsageError
from ..store.records import Vectors

_log = logging.getLogger(__name__)

FOLDER = "LOOKALIKE_STATE"  # the variable that puts the state folder elsewhere
MOST_RESULTS = 1000
_MOST_BYTES = 8_000_000
_MOST_FILES = 64  # terminals that are remembered
_SUFFIX = ".last-search"
_VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """An example. digest: of its content, 64 hex digits, where it has one. weight: below 0: not wanted.

    vector: (dim,) float32.
    """

    name: str
    weight: float
    digest: str | None
    vector: Vectors


@dataclass(frozen=True, slots=True, eq=False)
class LastSearch:
    """A search. fingerprint: of the embedder. results: digests (hex), in the order that was shown."""

    fingerprint: str
    examples: tuple[Remembered, ...]
    results: tuple[str, ...]

    def result(self, rank: int) -> str:
        """Return the digest of the numbered result, from 1.

        Raises:
            UsageError: there is no such number.
        """
        if not 1 <= rank <= len(self.results):
            numbers = f"1 to {len(self.results)}" if self.results else "none"
            raise UsageError(f"the last search has no result {rank}; its numbers: {numbers}")
        return self.results[rank - 1]


def remember(store: str, search: LastSearch) -> None:
    """Remember a search of a store (by its random name), in the place of the last one of this terminal.

    Nothing happens where that cannot be written: the search itself has succeeded.
    """
    path = _path(store)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_packed(search))
        os.replace(temporary, path)  # without fsync: who loses power loses no work, and the sum tells
        _keep_few(os.path.dirname(path))
    except OSError as error:
        _log.info("the search is not remembered: %s", error)
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def forget(store: str) -> None:
    """Forget the last search of a store in this terminal."""
    with contextlib.suppress(OSError):
        os.unlink(_path(store))


def recall(store: str) -> LastSearch:
    """Return the last search of a store in this terminal.

    Raises:
        UsageError: there is none, or the file that remembers it is damaged.
    """
    path = _path(store)
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            "there is no last search of this store in this terminal (--more and --less continue one); "
            "search by an image first"
        ) from error
    try:
        return _unpacked(data)
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"the memory of the last search, {path}, is damaged; search again") from error


def state_folder() -> str:
    """Return the folder for what is remembered: $LOOKALIKE_STATE, else in the user's state folder."""
    import platformdirs

    return os.environ.get(FOLDER) or platformdirs.user_state_dir("lookalike", False)


def _path(store: str) -> str:
    # A session is what a terminal's window begins: two windows do not refine each other's searches.
    session = os.getsid(0) if hasattr(os, "getsid") else os.getppid()
    return os.path.join(state_folder(), "searches", f"{store}-{session}{_SUFFIX}")


def _keep_few(folder: str) -> None:
    files = [entry for entry in os.scandir(folder) if entry.name.endswith(_SUFFIX)]
    for entry in sorted(files, key=_age)[_MOST_FILES:]:
        with contextlib.suppress(FileNotFoundError):  # another terminal was faster
            os.unlink(entry.path)


def _age(entry: "os.DirEntry[str]") -> float:
    with contextlib.suppress(FileNotFoundError):
        return time.time() - entry.stat().st_mtime
    return float("inf")


# --- as bytes ---------------------------------------------------------------------------------


def _packed(search: LastSearch) -> bytes:
    examples = [[each.name, each.weight, each.digest, _text(each.vector)] for each in search.examples]
    fields = {
        "version": _VERSION,
        "fingerprint": search.fingerprint,
        "examples": examples,
        "results": search.results[:MOST_RESULTS],
    }
    body = json.dumps(fields).encode("ascii")
    return blake3(body).hexdigest().encode("ascii") + b"\n" + body


def _unpacked(data: bytes) -> LastSearch:
    sum_, _, body = data.partition(b"\n")
    if blake3(body).hexdigest().encode("ascii") != sum_:
        raise ValueError("the sum does not hold")
    fields = json.loads(body)
    if fields["version"] != _VERSION:
        raise ValueError("of another version")
    examples = tuple(_remembered(each) for each in fields["examples"])
    for digest in fields["results"]:
        bytes.fromhex(digest)
    return LastSearch(str(fields["fingerprint"]), examples, tuple(fields["results"]))


def _remembered(fields: Sequence[Any]) -> Remembered:
    name, weight, digest, text = fields
    vector = np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)
    return Remembered(str(name), float(weight), digest, vector)


def _text(vector: Vectors) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
