"""Makes int8 graphs of the shipped network, calibrated on photos.

Activations in 8 bits, unsigned (U8) or signed (S8); weights signed, a scale for each channel. The picture's
mean is taken off and the first convolution done in fp32, which costs half a millisecond and no accuracy.
Pictures are what `Embedder.prepare` returns.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from lookalike.indexer.embed.preprocess import Pixels
from lookalike.store.records import Vectors

Array = npt.NDArray[Any]
Weights = dict[str, tuple[Array, Array]]

# The picture's mean, the first convolution and the average at the end.
UNTOUCHED = ("numbers", "planes", "input", "features.0.0", "pooled", "embedding")
# Of each channel, what so many of the pictures stay below. The sum that runs through all blocks is cut
# lower: few pictures go far beyond the others there, and too little of 8 bits would be left for those.
WIDENED, DEPTHWISE, LAST, SUMMED = 0.97, 0.995, 0.98, 0.8


class Pictures(CalibrationDataReader):  # type: ignore[misc]
    """Hands the pictures to the calibration one by one."""

    def __init__(self, pictures: Sequence[Pixels]) -> None:
        self._left: Iterator[Pixels] = iter(pictures)

    def get_next(self) -> dict[str, Pixels] | None:
        """Return the inputs of the next run, None after the last."""
        picture = next(self._left, None)
        return None if picture is None else {"pixels": picture[None]}


def quantized(
    graph: onnx.ModelProto,
    pictures: Sequence[Pixels],
    *,
    signed: bool = False,
    method: str = "MinMax",
    options: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the graph in int8 as onnxruntime's own tool makes it.

    signed: S8 activations, not U8. method: MinMax, Percentile or Entropy. options: more of the tool's.
    """
    given = pooled_only(graph)  # a copy: the tool moves the weights of what it is given out into a file
    with tempfile.TemporaryDirectory(prefix="quantizing-") as work:
        out = Path(work, "int8.onnx")
        quantize_static(
            given,
            out,
            Pictures(pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QInt8 if signed else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=list(UNTOUCHED),
            calibrate_method=CalibrationMethod[method],
            extra_options=dict(options or {}),
        )
        return out.read_bytes()


def pooled_only(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of the graph that gives the pooled features and no local map."""
    result = onnx.ModelProto()
    result.CopyFrom(graph)
    extra = {each.name for each in result.graph.output[1:]}
    dropped = [node for node in result.graph.node if extra & set(node.output)]
    gone = {name for node in dropped for name in node.input[1:]}
    for field, names in (("output", extra), ("node", extra), ("initializer", gone)):
        entries = getattr(result.graph, field)
        for each in [entry for entry in entries if entry.name in names]:
            entries.remove(each)
    return result


def balanced(graph: onnx.ModelProto, pictures: Sequence[Pixels]) -> bytes:
    """Return the graph in int8 after its channels were brought to one size.

    Where a channel is divided by something, the weights that read it are multiplied by it. All that
    differs in exact arithmetic is what goes beyond the ranges.
    """
    graph = pooled_only(graph)
    net = _Net.of(graph)
    ranges = _ranges(graph, net, pictures)
    scales = _scales(net, ranges)
    overrides = {}
    for name, (low, high) in ranges.items():
        scale = scales.get(name, np.ones(1))
        # 8 bits from zero on are what cuts off the negative.
        least = 0.0 if name in net.raw_name else float((low / scale).min())
        given = {"rmin": np.float32(least), "rmax": np.float32((high / scale).max())}
        overrides[net.raw_name.get(name, name)] = [given]
    return quantized(
        _rescaled(graph, net, scales), pictures[:2], options={"TensorQuantOverrides": overrides}
    )


@dataclass(frozen=True, slots=True)
class _Net:
    """The shipped graph as what is needed here; a result is a convolution's, after its ReLU6, or a sum.

    convs: the convolutions in order. weights: of each. result: of each. raw_name: of a result after a
    ReLU6, the name of what went in. readers: the convolutions that read a result. shared: results that
    are added up, so that their channels need one scale, together; all others alone.
    """

    convs: list[onnx.NodeProto]
    weights: Weights
    result: dict[str, str]
    raw_name: dict[str, str]
    readers: dict[str, list[str]]
    shared: list[list[str]]

    def is_depthwise(self, conv: str) -> bool:
        return bool(self.weights[conv][0].shape[1] == 1)

    def is_widened(self, result: str) -> bool:
        """Say whether only depthwise convolutions read it."""
        return all(map(self.is_depthwise, self.readers[result])) if result in self.readers else False

    @classmethod
    def of(cls, graph: onnx.ModelProto) -> "_Net":
        values = {each.name: numpy_helper.to_array(each) for each in graph.graph.initializer}
        convs = [node for node in graph.graph.node if node.op_type == "Conv"]
        relus = {node.input[0]: node.output[0] for node in graph.graph.node if node.op_type == "Clip"}
        readers: dict[str, list[str]] = {}
        for conv in convs:
            readers.setdefault(conv.input[0], []).append(conv.name)
        result = {conv.name: relus.get(conv.output[0], conv.output[0]) for conv in convs}
        return cls(
            convs,
            {c.name: (values[c.input[1]].astype(float), values[c.input[2]].astype(float)) for c in convs},
            result,
            {relu: raw for raw, relu in relus.items()},
            readers,
            _added_up(graph, list(result.values())),
        )


def _added_up(graph: onnx.ModelProto, results: list[str]) -> list[list[str]]:
    groups = {name: [name] for name in results}
    for node in graph.graph.node:
        if node.op_type == "Add":
            one = [node.output[0], *(name for each in node.input for name in groups[each])]
            groups |= dict.fromkeys(one, one)
    return list({id(group): group for group in groups.values()}.values())


def _ranges(
    graph: onnx.ModelProto, net: _Net, pictures: Sequence[Pixels]
) -> dict[str, tuple[Array, Array]]:
    """Return the lowest and highest value to be told apart of each channel of each result, (channels,)."""
    found = {}
    names = [name for group in net.shared for name in group]
    for name, (low, high) in _extremes(graph, names, pictures).items():
        share = SUMMED
        if name in net.raw_name:
            share = WIDENED if net.is_widened(name) else DEPTHWISE if name in net.readers else LAST
        found[name] = (np.quantile(low, 1 - share, axis=0), np.quantile(high, share, axis=0))
    return found


def _extremes(
    graph: onnx.ModelProto, names: list[str], pictures: Sequence[Pixels]
) -> dict[str, tuple[Array, Array]]:
    """Return the least and the greatest value in each picture and channel, (pictures, channels) each."""
    watched = onnx.ModelProto()
    watched.CopyFrom(graph)
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names
    )
    session = session_of(watched.SerializeToString())
    lows: dict[str, list[Vectors]] = {name: [] for name in names}
    highs: dict[str, list[Vectors]] = {name: [] for name in names}
    for picture in pictures:
        for name, values in zip(names, session.run(names, {"pixels": picture[None]}), strict=True):
            lows[name].append(values[0].min(axis=(1, 2)))
            highs[name].append(values[0].max(axis=(1, 2)))
    return {name: (np.stack(lows[name]), np.stack(highs[name])) for name in names}


def _scales(net: _Net, ranges: Mapping[str, tuple[Array, Array]]) -> dict[str, Array]:
    """Return what each channel of a result is divided by, (channels,)."""
    scales: dict[str, Array] = {}
    for group in net.shared:
        size = np.max([np.maximum(-ranges[name][0], ranges[name][1]) for name in group], axis=0)
        size = np.maximum(size, 1e-3 * size.max())
        readers = [reader for name in group for reader in net.readers.get(name, [])]
        if readers and not all(map(net.is_depthwise, readers)):
            # A row of weights has one scale, so what they gain in range the channels lose: half each.
            size = np.sqrt(size / np.maximum(_share_of_rows(net, readers), 1e-3))
        # A depthwise weight has its own scale for each channel and takes all; so would the last result.
        scales |= dict.fromkeys(group if readers else [], size)
    return scales


def _share_of_rows(net: _Net, readers: list[str]) -> Array:
    """Return the greatest weight of each channel that is read, as a share of its row, (channels,)."""
    sizes = [np.abs(net.weights[reader][0]) for reader in readers]
    return np.asarray(
        np.max([(each / each.max(axis=(1, 2, 3), keepdims=True)).max(axis=(0, 2, 3)) for each in sizes], 0)
    )


def _rescaled(graph: onnx.ModelProto, net: _Net, scales: Mapping[str, Array]) -> onnx.ModelProto:
    """Return the graph with its channels divided, without the ReLU6 that the ranges now stand for."""
    changed = onnx.ModelProto()
    changed.CopyFrom(graph)
    values = {each.name: each for each in changed.graph.initializer}
    for conv in net.convs:
        weight, bias = net.weights[conv.name]
        if conv.input[0] in scales:
            read = scales[conv.input[0]][:, None, None]
            weight = weight * (read[:, None] if net.is_depthwise(conv.name) else read)
        made = scales.get(net.result[conv.name], np.ones(len(bias)))
        for name, array in zip(
            conv.input[1:], (weight / made[:, None, None, None], bias / made), strict=True
        ):
            values[name].CopyFrom(numpy_helper.from_array(array.astype(np.float32), name))
    _drop_relus(changed)
    return changed


def _drop_relus(graph: onnx.ModelProto) -> None:
    """Let the raw results take the places of those after a ReLU6."""
    nodes = graph.graph.node
    renamed = {node.output[0]: node.input[0] for node in nodes if node.op_type == "Clip"}
    kept = [node for node in nodes if node.op_type != "Clip"]
    for node in kept:
        for place, name in enumerate(node.input):
            node.input[place] = renamed.get(name, name)
    del nodes[:]
    nodes.extend(kept)


def session_of(graph: bytes) -> onnxruntime.InferenceSession:
    """Return a session that computes on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
