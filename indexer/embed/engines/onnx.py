"""The engine of the shipped model: onnxruntime on the CPU."""

import numpy as np
import onnxruntime

from ....errors import ModelError
from ....store.records import Vectors
from ..preprocess import Pixels
from ..weights.loader import read_shipped
from ..weights.table import SHIPPED_GRAPH


class OnnxEngine:
    """Runs the shipped graph; normalization and pooling are part of it."""

    name = "onnx"
    # Eight at a time were measured to take a tenth longer for each: one fits the processor's cache.
    batch_size = 1
    has_maps = True

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        # One thread for each caller: the pipeline runs one worker per core, and a pool of threads in
        # each of them would only fight over the cores.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        graph = read_shipped(SHIPPED_GRAPH)
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises classes of its own without a common base
            raise ModelError(
                f"onnxruntime {onnxruntime.__version__} cannot load the shipped model: {error}; "
                "use the engine torch, or install another version of onnxruntime"
            ) from error

    def run(self, batch: Pixels) -> Vectors:
        """Return the pooled features, (n, dim) float32, of a batch of (n, H, W, 3) uint8 RGB."""
        return self.run_with_maps(batch)[0]

    def run_with_maps(self, batch: Pixels) -> tuple[Vectors, Vectors]:
        """Return the pooled features and the projected last maps, (n, d, rows, columns) float32."""
        features, cells = self._session.run(["embedding", "cells"], {"pixels": batch})
        return np.asarray(features, dtype=np.float32), np.asarray(cells, dtype=np.float32)
