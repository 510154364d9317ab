"""The shipped network in several precisions and engines, each on one thread."""

import importlib.util
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import onnx

from lookalike.benchmarks.quantizing import balanced, quantized, session_of
from lookalike.indexer.embed.preprocess import Pixels
from lookalike.indexer.embed.weights.table import SHIPPED_GRAPH
from lookalike.store.records import Vectors

Run = Callable[[Pixels], Vectors]
FP32, BALANCED = "onnxruntime fp32", "onnxruntime int8, balanced"
# The tool's histograms want pictures of one shape, and all that the network computes for them in memory,
# 30 MB a picture.
HISTOGRAM_PICTURES = 40
MOVING = {"CalibMovingAverage": True, "CalibMovingAverageConstant": 0.01}


def open_engines(pictures: Sequence[Pixels], only: Sequence[str]) -> dict[str, Run]:
    """Return each engine by its name."""
    graph = onnx.load(SHIPPED_GRAPH.path)
    few = of_one_shape(pictures)[:HISTOGRAM_PICTURES]
    makers: dict[str, Callable[[], Run]] = {
        FP32: lambda: of_onnx(graph.SerializeToString()),
        "onnxruntime int8, minmax": lambda: of_onnx(quantized(graph, pictures)),
        "onnxruntime int8, minmax, S8": lambda: of_onnx(quantized(graph, pictures, signed=True)),
        "onnxruntime int8, mean of maxima": lambda: of_onnx(quantized(graph, pictures, options=MOVING)),
        "onnxruntime int8, percentile": lambda: of_onnx(quantized(graph, few, method="Percentile")),
        BALANCED: lambda: of_onnx(balanced(graph, pictures)),
    }
    if importlib.util.find_spec("scipy"):
        makers["onnxruntime int8, entropy"] = lambda: of_onnx(quantized(graph, few, method="Entropy"))
    if importlib.util.find_spec("openvino"):
        makers["openvino fp32"] = lambda: of_openvino("f32")
        makers["openvino bf16"] = lambda: of_openvino("bf16")
    if importlib.util.find_spec("nncf"):
        makers["openvino int8"] = lambda: of_openvino("f32", pictures)
    return {
        name: make()
        for name, make in makers.items()
        if name == FP32 or not only or any(word in name for word in only)
    }


def of_one_shape(pictures: Sequence[Pixels]) -> Sequence[Pixels]:
    """Return those that have the shape which most have."""
    shapes = Counter(picture.shape for picture in pictures)
    return [picture for picture in pictures if picture.shape == max(shapes, key=shapes.__getitem__)]


def of_onnx(graph: bytes) -> Run:
    session = session_of(graph)
    return lambda picture: np.asarray(session.run(None, {"pixels": picture[None]})[0][0], np.float32)


def of_openvino(precision: str, pictures: Sequence[Pixels] = ()) -> Run:
    """Return the shipped network run by openvino; with pictures in int8, calibrated on them."""
    import openvino

    core = openvino.Core()
    model = core.read_model(SHIPPED_GRAPH.path)
    if pictures:
        import nncf

        data = nncf.Dataset(list(pictures), lambda picture: [picture[None]])
        model = nncf.quantize(
            model,
            data,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(pictures),
            fast_bias_correction=False,
        )
    limits = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}
    request = core.compile_model(model, "CPU", limits).create_infer_request()
    return lambda picture: np.array(request.infer([picture[None]])[0][0], np.float32)
