"""What the last search of a terminal was by and what it found, so that the next one can refine it.

A small file of its own per store and terminal, in the user's state folder: searching never writes to the
store, which may be for reading only. Photos are known by their content, as everywhere.
"""

import contextlib
import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from blake3 import blake3

from ..errors import UsageError
from ..store.files import discard, replaced

_log = logging.getLogger(__name__)

FOLDER = "LOOKALIKE_STATE"  # the variable that puts the state folder elsewhere
MOST_RESULTS = 1000
_MOST_BYTES = 8_000_000
_MOST_FILES = 64  # terminals that are remembered
_SUFFIX = ".last-search"
_VERSION = 2


@dataclass(frozen=True, slots=True)
class RememberedExample:
    """An example of a search. weight: below 0: not wanted.

    digest: blake3 of its content, 64 hex digits; "" where it had none. path: of the file it was in,
    absolute; None: it was in none.
    """

    name: str
    weight: float
    digest: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class LastSearch:
    """A search. results: digests (64 hex digits), in the order that was shown."""

    examples: tuple[RememberedExample, ...]
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
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        # Who loses power loses no work, and the checksum tells.
        with replaced(path, durable=False) as file:
            file.write(_packed(search))
        _keep_few(os.path.dirname(path))
    except OSError as error:
        _log.info("the search is not remembered: %s", error)


def forget(store: str) -> None:
    """Forget the last search of a store in this terminal."""
    discard(_path(store))


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
            "there is no last search of this store in this terminal (`more=` and `less=` continue one); "
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
        discard(entry.path)


def _age(entry: "os.DirEntry[str]") -> float:
    with contextlib.suppress(FileNotFoundError):
        return time.time() - entry.stat().st_mtime
    return float("inf")


# --- as bytes ---------------------------------------------------------------------------------


def _packed(search: LastSearch) -> bytes:
    fields = {
        "version": _VERSION,
        "examples": [[each.name, each.weight, each.digest, each.path] for each in search.examples],
        "results": search.results[:MOST_RESULTS],
    }
    body = json.dumps(fields).encode("ascii")
    return blake3(body).hexdigest().encode("ascii") + b"\n" + body


def _unpacked(data: bytes) -> LastSearch:
    checksum, _, body = data.partition(b"\n")
    if blake3(body).hexdigest().encode("ascii") != checksum:
        raise ValueError("the checksum does not hold")
    fields = json.loads(body)
    if fields["version"] != _VERSION:
        raise ValueError("of another version")
    examples = tuple(_remembered(each) for each in fields["examples"])
    for digest in (*fields["results"], *(each.digest for each in examples)):
        bytes.fromhex(digest)
    return LastSearch(examples, tuple(fields["results"]))


def _remembered(fields: Sequence[Any]) -> RememberedExample:
    name, weight, digest, path = fields
    return RememberedExample(str(name), float(weight), digest, path)
