"""The checked loader of weights: shipped, fetched on request, or given by the user.

Weights are known by the SHA-256 of the file they came in. Nothing of a file is read before its hash
is what it must be, no code in a file is ever run, and what is read must have exactly the names and
shapes of the architecture, and finite numbers. Torchvision's own loader does none of this: it runs
code that someone has put into its cache.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

import numpy as np
import safetensors.numpy

from ....errors import ModelError, UsageError, WeightsMissing, WeightsTampered
from ..engines.architectures import architecture
from . import cache
from .cache import State
from .onnx_file import check_onnx
from .table import OFFICIAL, SHIPPED_MODEL, SHIPPED_STATE, OfficialWeights, ShippedFile

OpenUrl = Callable[[str], AbstractContextManager[IO[bytes]]]

_TIMEOUT_S = 30.0


def open_https(url: str) -> AbstractContextManager[IO[bytes]]:
    """Open an https address.

    Raises:
        urllib.error.URLError: for any other kind of address, a redirect to one included, since the
            opener knows no other; and when the host cannot be reached.
    """
    import urllib.request  # slow to load, and hardly ever needed

    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    response: AbstractContextManager[IO[bytes]] = opener.open(url, timeout=_TIMEOUT_S)
    return response


def download(official: OfficialWeights, open_url: OpenUrl) -> bytes:
    """Return the bytes behind an official address, unchecked.

    Raises:
        ModelError: they cannot be had, or are more than the official file has.
    """
    # Torchvision states the size to a thousandth of a MiB.
    limit = int((official.megabytes + 0.1) * (1 << 20))
    try:
        with open_url(official.url) as response:
            data = response.read(limit + 1)
    except OSError as error:
        raise ModelError(
            f"{official.url} cannot be downloaded: {error}; get the file on another machine and pass it: "
            f"`weights={official.file_name}`"
        ) from error
    if len(data) > limit:
        raise ModelError(
            f"{official.url} sends more than the {official.megabytes} MiB of the official file; nothing "
            "was kept. Something on the way answers in its place: try from another network"
        )
    return data


Shapes = Mapping[str, tuple[int, ...]]

# Far above the largest of the models; a file beyond it is a mistake.
_MAX_BYTES = 256 << 20
# A larger one cannot be one protobuf message.
_MAX_ONNX_BYTES = 2047 << 20
_OFFICIAL_NAME = re.compile(r"(mobilenet_v\w+)-([0-9a-f]{8})\.pth")


def read_shipped(file: ShippedFile) -> bytes:
    """Return the bytes of a file that comes with the package.

    Raises:
        WeightsTampered: it is not the file that was shipped.
        WeightsMissing: it is not there.
    """
    try:
        data = file.path.read_bytes()
    except OSError as error:
        raise WeightsMissing(
            f"{file.path} comes with lookalike but cannot be read: {error}; install lookalike again"
        ) from error
    if sha256_of(data) != file.sha256:
        raise WeightsTampered(
            f"{file.path} is not the file that came with lookalike, and was not used; "
            "install lookalike again"
        )
    return data


def is_here(model: str) -> bool:
    """Tell whether the official weights of a model are on this machine."""
    return model == SHIPPED_MODEL or cache.find(OFFICIAL[model].sha256) is not None


def load_state(model: str, sha256: str, width_mult: float) -> State:
    """Return the weights with that identity.

    model, width_mult: what they must fit. sha256: of the file they came in.

    Raises:
        WeightsMissing: they are not on this machine; the message says how to get them.
        WeightsTampered: the file is not what it was when it was checked.
        ModelError: they do not fit the model.
    """
    if sha256 == OFFICIAL[SHIPPED_MODEL].sha256:
        state = safetensors.numpy.load(read_shipped(SHIPPED_STATE))
    else:
        path = cache.find(sha256)
        if path is None:
            raise WeightsMissing(_how_to_get(model, sha256))
        state = cache.load(path)
    return _checked(state, model, width_mult, f"the weights {sha256[:12]}")


def adopt(path: Path, model: str, width_mult: float = 1.0) -> str:
    """Check a weights file of the user's, keep its weights for later, return its SHA-256.

    path: a .pth of torch or a .safetensors with the state of `model`. An official file is known by its
    hash; any other is a checkpoint of its own, whose vectors never meet those of another.

    Raises:
        WeightsTampered: it has the name of an official file and is not that file.
        UsageError: it is the official file of another model or width.
        ModelError: it cannot be read safely, or does not fit the model.
    """
    data = _read(path)
    sha256 = sha256_of(data)
    _check_claims(path, sha256, model, width_mult)
    if sha256 != OFFICIAL[SHIPPED_MODEL].sha256:
        _keep(data, sha256, model, width_mult, str(path))
    return sha256


def fetch(model: str, *, open_url: OpenUrl = open_https) -> None:
    """Download a model's official weights, check them and keep them; only ever called on request.

    Raises:
        ModelError: torch is missing, or the download failed; the message says how to do without.
        WeightsTampered: what arrived is not the official file; nothing of it was used.
    """
    architecture(model)
    if _is_whole(model):
        return
    from ..engines.torch import expected_shapes

    expected_shapes(model)  # what comes is checked by torch: where that is missing, nothing is fetched
    official = OFFICIAL[model]
    data = download(official, open_url)
    if sha256_of(data) != official.sha256:
        raise WeightsTampered(
            f"what came from {official.url} is not the official file (SHA-256 {sha256_of(data)}, "
            f"not {official.sha256}), and was not used; try again from another network"
        )
    _keep(data, official.sha256, model, 1.0, official.file_name)


def _is_whole(model: str) -> bool:
    path = cache.find(OFFICIAL[model].sha256)
    if path is None:
        return model == SHIPPED_MODEL
    try:
        cache.load(path)
    except ModelError:
        return False
    return True


def _keep(data: bytes, sha256: str, model: str, width_mult: float, name: str) -> None:
    cache.store(sha256, _checked(_parse(data, name), model, width_mult, name))


def read_own(path: Path, most: int = _MAX_ONNX_BYTES) -> bytes:
    """Return the bytes of a file of the user's, at most so many.

    Raises:
        WeightsMissing: it cannot be read.
        ModelError: it is larger.
    """
    return _read(path, most, "nothing of it was read")


def read_onnx(path: Path) -> bytes:
    """Return an ONNX file of the user's, checked as far as it can be without running it.

    Raises:
        ModelError: it cannot be read or used; see `onnx_file.check_onnx`.
    """
    data = read_own(path)
    check_onnx(data, str(path))
    return data


def load_own(sha256: str, ending: str = ".onnx") -> bytes:
    """Return a file of the user's that was kept.

    Raises:
        WeightsMissing: it is not on this machine any more.
        WeightsTampered: it is not what it was when it was checked.
    """
    path = cache.find_file(sha256, ending)
    if path is None:
        raise WeightsMissing(
            f"the model that this store was made with (SHA-256 {sha256}) is no longer in {cache.folder()}; "
            "pass the same file again: `lookalike index --model onnx:FILE`"
        )
    return cache.load_file(path)


def _read(path: Path, most: int = _MAX_BYTES, why: str = "not weights of a MobileNet") -> bytes:
    try:
        if path.stat().st_size > most:
            raise ModelError(f"{path} is larger than {most >> 20} MiB: {why}")
        return path.read_bytes()
    except OSError as error:
        raise WeightsMissing(f"the file {path} cannot be read: {error.strerror}") from error


def _check_claims(path: Path, sha256: str, model: str, width_mult: float) -> None:
    """Refuse a file that is not what its name says, or is not for this model or width."""
    named = _OFFICIAL_NAME.fullmatch(path.name)
    if named and not sha256.startswith(named[2]):
        raise WeightsTampered(
            f"{path} has the name of an official file of {named[1]}, but its SHA-256 is {sha256}; "
            "nothing of it was read. Get the file again; if it is a checkpoint of your own, "
            "give it another name"
        )
    for other, official in OFFICIAL.items():
        if sha256 == official.sha256 and (other != model or width_mult != 1.0):
            raise UsageError(
                f"{path} is the official file of {other} at width 1; use it with `model={other}`"
            )


def _parse(data: bytes, name: str) -> State:
    """Return the tensors in a weights file, as float32 where they are floating-point."""
    try:
        if data[8:9] == b"{":
            state = safetensors.numpy.load(data)
            return {
                key: value.astype(np.float32) if value.dtype.kind == "f" else value
                for key, value in state.items()
            }
        from ..engines.torch import read_checkpoint

        return read_checkpoint(data)
    except ModelError:
        raise
    except Exception as error:  # a damaged file gets nearly every class out of the two readers
        raise ModelError(
            f"{name} cannot be read safely as weights, and no code in it was run: {first_line(error)}. "
            "Save the model's state alone (torch.save(model.state_dict(), ...)), or as safetensors"
        ) from error


def _checked(state: State, model: str, width_mult: float, name: str) -> State:
    """Return `state` if it has exactly the names, shapes and kinds of numbers the model needs."""
    from ..engines.torch import expected_shapes

    biases = [key for key in state if re.fullmatch(r"classifier\.\d+\.bias", key)]
    classes = len(state[max(biases)]) if biases else 1000
    expected = expected_shapes(model, width_mult, classes)
    problem = _misfit({key: value.shape for key, value in state.items()}, expected)
    if problem:
        raise ModelError(
            f"{name} does not fit {model} at width {width_mult:g}: {problem}; "
            "check the model and its width multiplier"
        )
    broken = [key for key, value in state.items() if not np.isfinite(value).all()]
    if broken:
        raise ModelError(
            f"{name} holds numbers that are not finite in {broken[0]!r}: the training diverged or the "
            "file is damaged; use an earlier checkpoint"
        )
    return state


def _misfit(given: Shapes, expected: Shapes) -> str | None:
    """Return what first tells the shapes of a file from those of the architecture, None if nothing."""
    for key in sorted(expected.keys() | given.keys()):
        if key not in given:
            return f"{key!r} is missing"
        if key not in expected:
            return f"{key!r} has no place in it"
        if given[key] != expected[key]:
            return f"{key!r} has the shape {given[key]}, not {expected[key]}"
    return None


def _how_to_get(model: str, sha256: str) -> str:
    official = OFFICIAL[model]
    if sha256 == official.sha256:
        return (
            f"the weights of {model} are not on this machine; fetch them once with "
            f"`lookalike models --fetch {model}` ({official.megabytes:.0f} MiB from {official.url}), "
            f"or get that file on another machine and pass it: `weights={official.file_name}`"
        )
    return (
        f"the weights that this store was made with (SHA-256 {sha256}) are no longer in "
        f"{cache.folder()}; pass the same file again: `weights=FILE`"
    )


def first_line(error: Exception) -> str:
    """Return what an error of a library says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def sha256_of(data: bytes) -> str:
    """Return the hex digest by which a file is known."""
    return hashlib.sha256(data).hexdigest()
