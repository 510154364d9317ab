"""The user's folder of checked weights, named by content.

A file `<source>.<own>.safetensors` holds the weights that came in a file with the SHA-256 `source`;
`own` is its own SHA-256, which is checked whenever it is read. Safetensors hold numbers and nothing
else: a file that someone else has put there can run no code. Files of a model of the user's are kept as
they came, as `<own>.onnx` and `<own>.json`.
"""

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy.typing as npt
import platformdirs
import safetensors.numpy

from ....errors import ModelError, WeightsTampered

State = dict[str, npt.NDArray[Any]]


def folder() -> Path:
    """Return the folder: below LOOKALIKE_CACHE, or below the platform's folder for user caches."""
    chosen = os.environ.get("LOOKALIKE_CACHE")
    return Path(chosen or platformdirs.user_cache_dir("lookalike", appauthor=False)) / "weights"


def find(source: str) -> Path | None:
    """Return the file with the weights of that source, None if there is none."""
    # The hash may come out of a store that someone else has made.
    if not re.fullmatch("[0-9a-f]{64}", source):
        return None
    return next(iter(sorted(folder().glob(f"{source}.*.safetensors"))), None)


def store(source: str, state: State) -> Path:
    """Keep checked weights, readable for this user only; the file appears whole or not at all.

    Raises:
        ModelError: the folder cannot be written to.
    """
    data = safetensors.numpy.save(state)
    target = folder() / f"{source}.{hashlib.sha256(data).hexdigest()}.safetensors"
    _write(target, data)
    _remove_others(source, target)
    return target


def store_file(data: bytes, ending: str) -> str:
    """Keep a checked file as it is, as `store` does, and return its SHA-256.

    Raises:
        ModelError: the folder cannot be written to.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    _write(folder() / f"{sha256}{ending}", data)
    return sha256


def find_file(sha256: str, ending: str) -> Path | None:
    """Return the file that `store_file` wrote, None if there is none."""
    path = folder() / f"{sha256}{ending}"
    return path if re.fullmatch("[0-9a-f]{64}", sha256) and path.is_file() else None


def load_file(path: Path) -> bytes:
    """Read what `store_file` wrote.

    Raises:
        WeightsTampered: the file is not what was written.
        ModelError: it cannot be read.
    """
    return _read(path, path.name.partition(".")[0], "pass the model again: `--model onnx:FILE`")


def _write(target: Path, data: bytes) -> None:
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes files with the mode 0600.
        handle, temporary = tempfile.mkstemp(dir=folder(), suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise ModelError(
            f"the weights cannot be kept in {folder()}: {error}; free some space there, or name "
            "another folder in the environment variable LOOKALIKE_CACHE"
        ) from error


def _remove_others(source: str, kept: Path) -> None:
    """Remove older or damaged files of that source, so that `find` has one answer."""
    for path in folder().glob(f"{source}.*.safetensors"):
        if path != kept:
            path.unlink(missing_ok=True)


def load(path: Path) -> State:
    """Read what `store` wrote.

    Raises:
        WeightsTampered: the file is not what was written.
        ModelError: it cannot be read.
    """
    advice = "fetch them again (`lookalike models --fetch NAME`) or pass their file: `weights=FILE`"
    return safetensors.numpy.load(_read(path, path.name.split(".")[1], advice))


def _read(path: Path, sha256: str, advice: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the weights in {path} cannot be read: {error}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsTampered(
            f"the weights in {path} have changed since they were checked, and were not used; {advice}"
        )
    return data
