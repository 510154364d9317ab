"""The engine of every model, and the only home of torch and torchvision."""

import io
import re
import threading
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from ....errors import ModelError, UsageError
from ....store.records import Vectors
from ....store.spec import EmbedderSpec
from ..preprocess import Pixels
from ..weights.cache import State
from .batches import Batches

try:
    import torch
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval
except (ImportError, OSError) as error:
    raise ModelError(
        f"this needs torch: install it with  pip install torch torchvision  ({error}). The engine onnx "
        "and the mobilenet_v2 that comes with the package need none"
    ) from error

# The preset of all three models in torchvision, in units of a pixel's 0..255.
_MEAN = (255 * 0.485, 255 * 0.456, 255 * 0.406)
_STD = (255 * 0.229, 255 * 0.224, 255 * 0.225)

_threads = threading.local()
# Declarations last as long as the object that made them.
_declared: list[torch.library.Library] = []


def torchvision_models() -> Any:
    """Return torchvision.models, also where torchvision's compiled part does not fit torch.

    A torchvision built for CUDA beside a torch built for the CPU cannot load its compiled operators,
    and then its import fails on declaring shapes for two of them. The models need none of them, so
    the two are declared here, without code, and the import is tried again.
    """
    try:
        try:
            import torchvision.models
        except RuntimeError as error:
            if not re.search(r"operator torchvision::\w+ does not exist", str(error)):
                raise
            _declared.append(_declare_operators())
            import torchvision.models
    except (ImportError, RuntimeError) as error:
        raise ModelError(
            f"this needs the torchvision of torch {torch.__version__}: install it with  "
            f"pip install torch torchvision  ({error})"
        ) from error
    return torchvision.models


def _declare_operators() -> torch.library.Library:
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(schema)  # type: ignore[no-untyped-call]
    return library


def build(model: str, width_mult: float = 1.0, classes: int = 1000) -> nn.Module:
    """Return torchvision's architecture without weights (on the device "meta")."""
    with torch.device("meta"):
        network: nn.Module = getattr(torchvision_models(), model)(
            weights=None, width_mult=width_mult, num_classes=classes
        )
    return network


def expected_shapes(model: str, width_mult: float = 1.0, classes: int = 1000) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every tensor in the architecture's state."""
    return {
        name: tuple(tensor.shape) for name, tensor in build(model, width_mult, classes).state_dict().items()
    }


def read_checkpoint(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """Read the tensors of a .pth file without ever running code from it.

    Training scripts wrap the state in a dict ("model" or "state_dict") and DataParallel puts
    "module." before each name; both are taken off.

    Raises:
        Exception: whatever torch raises for a file that holds more than tensors, or is none.
    """
    content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    for wrapper in ("model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise ValueError("it holds no table of tensors")
    return {str(name).removeprefix("module."): _to_numpy(name, content[name]) for name in content}


def _to_numpy(name: object, tensor: object) -> npt.NDArray[Any]:
    if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided:
        raise ValueError(f"{name!r} is not a plain tensor")
    wide = tensor.float() if tensor.is_floating_point() else tensor
    return wide.detach().contiguous().numpy()


def _features(spec: EmbedderSpec, state: State) -> nn.Module:
    prefix = "features."
    features = build(spec.model, spec.width_mult).get_submodule("features")
    features.load_state_dict(
        {
            name.removeprefix(prefix): torch.from_numpy(tensor)
            for name, tensor in state.items()
            if name.startswith(prefix)
        },
        assign=True,
    )
    return features


def _fold_norms(module: nn.Module) -> None:
    """Fold each batch normalization into the convolution before it: the same numbers, sooner."""
    for child in module.children():
        _fold_norms(child)
    if isinstance(module, nn.Sequential):
        for i, (conv, norm) in enumerate(zip(module, list(module)[1:], strict=False)):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module[i] = fuse_conv_bn_eval(conv, norm)
                module[i + 1] = nn.Identity()


class TorchEngine:
    """Runs any of the models in eval mode; on the GPU where there is one.

    On the CPU it sets torch to one thread in every thread that calls it, since the pipeline has a
    worker per core; on the GPU it turns TF32 off. Both hold for all that the process does with torch.
    What comes from several threads meanwhile goes to the GPU together.
    """

    name = "torch"
    has_maps = False

    def __init__(self, spec: EmbedderSpec, state: State, device: str = "auto") -> None:
        """Build the network of `spec` with the weights in `state`.

        device: "cpu", "cuda", or "auto" for a GPU where there is one.

        Raises:
            UsageError: there is no GPU that torch can use, and one is asked for.
        """
        gpu = device != "cpu" and torch.cuda.is_available()
        if device == "cuda" and not gpu:
            raise UsageError(
                f"torch {torch.__version__} finds no GPU that it can use; leave --device away, or install "
                "a build of torch for your GPU and its driver"
            )
        self._device = torch.device("cuda" if gpu else "cpu")
        # On a CPU, eight at a time were measured to take half as long again for each.
        self.batch_size = 32 if gpu else 1
        if gpu:
            # TF32 rounds to 10 bits: its vectors would not be those of the CPU.
            torch.backends.cudnn.allow_tf32 = False
        features = _features(spec, state).eval()
        _fold_norms(features)
        # Channels last is how the pixels come and what convolutions run fastest on.
        self._features = features.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._mean = torch.tensor(_MEAN, device=self._device).view(3, 1, 1)
        self._std = torch.tensor(_STD, device=self._device).view(3, 1, 1)
        self._run = Batches(self._forward, self.batch_size).run if gpu else self._forward

    def run(self, batch: Pixels) -> Vectors:
        """Return the pooled features, (n, dim) float32, of a batch of (n, H, W, 3) uint8 RGB."""
        return self._run(batch)

    def _forward(self, batch: Pixels) -> Vectors:
        if self._device.type == "cpu" and not getattr(_threads, "single", False):
            torch.set_num_threads(1)
            _threads.single = True
        with torch.inference_mode():
            pixels = torch.from_numpy(batch).to(self._device).permute(0, 3, 1, 2)
            features = self._features((pixels.float() - self._mean) / self._std)
            pooled: Vectors = features.mean((2, 3)).cpu().numpy()
        return pooled

    def run_with_maps(self, batch: Pixels) -> tuple[Vectors, None]:
        """Return the pooled features; there are no maps: the projection is part of the shipped graph."""
        return self.run(batch), None
