"""The engines that turn network inputs into pooled features.

Both give the same numbers (cosine of at least 0.9999): `onnx` runs the shipped model without ever
loading torch, `torch` runs every model of torchvision. A model of the user's is run by `onnx` alone.
"""

from typing import Protocol

from ....errors import UsageError
from ....store.address_space import need_address_space
from ....store.records import Vectors
from ....store.spec import EmbedderSpec
from ..preprocess import Pixels
from ..weights.table import OFFICIAL, SHIPPED_MODEL

ENGINES = ("auto", "onnx", "torch")
DEVICES = ("auto", "cpu", "cuda")
_NEEDED_MB = 450  # of address space: 415 were measured of a search, with FAISS


class Engine(Protocol):
    """Runs one model; safe to call from many threads, each call computes on one.

    batch_size: how many pictures at a time run fastest. has_maps: whether it gives local maps.
    """

    name: str
    batch_size: int
    has_maps: bool

    def run(self, batch: Pixels) -> Vectors:
        """Return the pooled features, (n, dim) float32, of a batch of (n, H, W, 3) uint8 RGB."""
        ...

    def run_with_maps(self, batch: Pixels) -> tuple[Vectors, Vectors | None]:
        """Return the pooled features as `run` does, and the projected last maps.

        These are (n, d, rows, columns) float32; None where it has none.
        """
        ...


def is_shipped(spec: EmbedderSpec) -> bool:
    """Tell whether the package itself carries this model's weights."""
    shipped = (SHIPPED_MODEL, OFFICIAL[SHIPPED_MODEL].sha256, 1.0)
    return (spec.model, spec.weights_sha256, spec.width_mult) == shipped


def check_engine(name: str) -> None:
    """Check the name of an engine.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in ENGINES:
        raise UsageError(f"no engine named {name!r}; there are {', '.join(ENGINES)}")


def open_engine(spec: EmbedderSpec, name: str = "auto", device: str = "auto") -> Engine:
    """Build the engine of that name; "auto" takes onnx for the shipped model and a user's own, else torch.

    device: where torch computes: "auto" takes a GPU where there is one; "cuda" asks for one, and so for
    torch.

    Raises:
        UsageError: there is no such engine or device, it cannot run this model, or there is no GPU.
        ModelError: the model cannot be loaded (see `weights.loader.load_state`), or torch is missing.
    """
    check_engine(name)
    if device not in DEVICES:
        raise UsageError(f"no device named {device!r}; there are {', '.join(DEVICES)}")
    if name == "onnx" and device == "cuda":
        raise UsageError("the onnx engine runs on the CPU; use the engine torch (or auto) for a GPU")
    if spec.own is not None:
        return _open_own(spec, name, device)
    if name == "onnx" and not is_shipped(spec):
        raise UsageError(
            f"the onnx engine runs only the {SHIPPED_MODEL} that comes with the package; "
            "use the engine torch (or auto) for any other model or weights"
        )
    need_address_space(_NEEDED_MB, "the network")
    # Each engine is imported only when it is used: torch alone takes seconds.
    if name == "torch" or device == "cuda" or not is_shipped(spec):
        from ..weights.loader import load_state
        from .torch import TorchEngine

        return TorchEngine(spec, load_state(spec.model, spec.weights_sha256, spec.width_mult), device)
    from .onnx import OnnxEngine

    return OnnxEngine()


def _open_own(spec: EmbedderSpec, name: str, device: str) -> Engine:
    if name == "torch" or device == "cuda":
        raise UsageError(
            "a model of your own is run by the engine onnx on the CPU: leave --engine and --device away"
        )
    need_address_space(_NEEDED_MB, "the network")
    from ..weights.loader import load_own
    from .onnx import OwnEngine

    return OwnEngine(load_own(spec.weights_sha256), spec)
