"""The engine of the shipped model and of the user's own: onnxruntime on the CPU."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from ....errors import ModelError
from ....store.records import Vectors
from ....store.spec import EmbedderSpec, OwnModel, TextTower
from ..preprocess import Pixels
from ..weights.loader import first_line, read_shipped
from ..weights.table import SHIPPED_GRAPH

onnxruntime.disable_telemetry_events()  # on Windows no environment variable does that
_ONLY_ERRORS = 3  # of onnxruntime's severities: its warnings would go to stderr


def _open_session(graph: bytes, problem: str, advice: str) -> Any:
    """Return a session. problem: what to say when there is none, before the reason; advice: after it."""
    options = onnxruntime.SessionOptions()
    # One thread for each caller: the pipeline runs one worker per core, and a pool of threads in
    # each of them would only fight over the cores.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ONLY_ERRORS
    # Else a file that begins like one in onnxruntime's own format would be read as such, unchecked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own without a common base
        raise ModelError(
            f"onnxruntime {onnxruntime.__version__} cannot load {problem}: {first_line(error)}; {advice}"
        ) from error


class OnnxEngine:
    """Runs the shipped graph; normalization and pooling are part of it."""

    name = "onnx"
    # Eight at a time were measured to take a tenth longer for each: one fits the processor's cache.
    batch_size = 1
    has_maps = True

    def __init__(self) -> None:
        advice = "use the engine torch, or install another version of onnxruntime"
        self._session = _open_session(read_shipped(SHIPPED_GRAPH), "the shipped model", advice)

    def run(self, batch: Pixels) -> Vectors:
        """Return the pooled features, (n, dim) float32, of a batch of (n, H, W, 3) uint8 RGB."""
        return self.run_with_maps(batch)[0]

    def run_with_maps(self, batch: Pixels) -> tuple[Vectors, Vectors]:
        """Return the pooled features and the projected last maps, (n, d, rows, columns) float32."""
        features, cells = self._session.run(["embedding", "cells"], {"pixels": batch})
        return np.asarray(features, dtype=np.float32), np.asarray(cells, dtype=np.float32)


def ends_of(graph: bytes) -> tuple[list[str], list[str]]:
    """Return the names of the inputs and of the outputs of a model of the user's.

    Raises:
        ModelError: it cannot be loaded.
    """
    session = _open_own(graph)
    return [each.name for each in session.get_inputs()], [each.name for each in session.get_outputs()]


class OwnEngine:
    """Runs the graph of a model of the user's as its spec says."""

    name = "onnx"
    batch_size = 1
    has_maps = False

    def __init__(self, graph: bytes, spec: EmbedderSpec) -> None:
        """Load it.

        Raises:
            ModelError: onnxruntime cannot.
        """
        assert spec.own is not None, "the spec of such a model"
        self._own: OwnModel = spec.own
        self._dim = spec.dim
        self._session = _open_own(graph)
        self._mean, self._std = (255 * np.array(each, np.float32) for each in (spec.own.mean, spec.own.std))

    def run(self, batch: Pixels) -> Vectors:
        """Return the embeddings, (n, dim) float32, of a batch of (n, H, W, 3) uint8 RGB.

        Raises:
            ModelError: the network takes no such input, or gives something else.
        """
        planes = batch[..., ::-1] if self._own.channels == "BGR" else batch
        numbers = (planes.astype(np.float32) - self._mean) / self._std
        if self._own.layout == "NCHW":
            numbers = numbers.transpose(0, 3, 1, 2)
        inputs = {self._own.input: np.ascontiguousarray(numbers)}
        found = _run(self._session, self._own.output, inputs, self._own.pool)
        return _checked(found, (len(batch), self._dim))

    def run_with_maps(self, batch: Pixels) -> tuple[Vectors, None]:
        """Return the embeddings; there are no maps: their projection was learned for the shipped model."""
        return self.run(batch), None


class TextEngine:
    """Runs the text tower of a model of the user's."""

    def __init__(self, graph: bytes, tower: TextTower, dim: int) -> None:
        """Load it.

        Raises:
            ModelError: onnxruntime cannot.
        """
        self._session = _open_own(graph)
        self._tower, self._dim = tower, dim
        kinds = {each.type for each in self._session.get_inputs()}
        self._whole = np.int32 if "tensor(int32)" in kinds else np.int64

    def run(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Vectors:
        """Return the embedding, (dim,) float32, of the tokens of a text, (1, context_length) both.

        Raises:
            ModelError: the network takes no such input, or gives something else.
        """
        named = {self._tower.ids: ids, self._tower.mask: mask}
        inputs = {name: value.astype(self._whole) for name, value in named.items() if name}
        found = _run(self._session, self._tower.output, inputs)
        vector: Vectors = _checked(found, (1, self._dim))[0]
        return vector


def _open_own(graph: bytes) -> Any:
    return _open_session(graph, "it", "export it with standard operators of another opset")


def _run(session: Any, output: str, inputs: dict[str, Any], pool: str = "none") -> Vectors:
    try:
        found = np.asarray(session.run([output], inputs)[0], np.float32)
    except Exception as error:
        raise ModelError(f"the network cannot be run: {' '.join(str(error).split())}") from error
    if pool != "none" and found.ndim == 3:
        found = found[:, 0] if pool == "first" else found.mean(axis=1)
    return np.asarray(found, np.float32)


def _checked(found: Vectors, shape: tuple[int, int]) -> Vectors:
    if found.shape != shape:
        raise ModelError(f"the output has the shape {found.shape}, not {shape}")
    return found
