"""Tiny models of a user, made by the tests: what a picture shows in 16 places, and words of colors."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, CELLS, DIM = 64, 4, 24
WORDS = {"[pad]": 0, "[unk]": 1, "red": 2, "green": 3, "blue": 4, "a": 5}
COLORS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
CONTEXT = 6
BASE: dict[str, Any] = {
    "input_size": SIDE,
    "input_rule": "squash",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
    "dim": DIM,
}
TEXT: dict[str, Any] = {"text": "text.onnx", "context_length": CONTEXT}

Floats = npt.NDArray[np.float32]


def projection(seed: int = 0) -> Floats:
    """Return the weights of the image tower, (places and colors, DIM)."""
    drawn = np.random.default_rng(seed).normal(size=(3 * CELLS * CELLS, DIM))
    return np.asarray(drawn / np.sqrt(DIM), np.float32)


def image_tower(seed: int = 0) -> onnx.ModelProto:
    """Return a model from (1, 3, SIDE, SIDE) to (1, DIM): the mean of each place, projected."""
    pool = SIDE // CELLS
    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["cells"], kernel_shape=[pool] * 2, strides=[pool] * 2),
        helper.make_node("Flatten", ["cells"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["embedding"]),
    ]
    return model_of(nodes, [1, 3, SIDE, SIDE], {"weight": projection(seed)}, DIM)


def model_of(
    nodes: list[Any], taken: list[int | str], numbers: dict[str, npt.NDArray[Any]], *given: int
) -> onnx.ModelProto:
    """Return a model from pixels of the shape `taken` to an embedding of the shape (1, *given)."""
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, taken)
    return _model(nodes, [pixels], numbers, given)


def text_tower(kind: int = TensorProto.INT64) -> onnx.ModelProto:
    """Return a model from tokens to (1, DIM): the mean of the words' vectors, which are those of colors."""
    table = np.zeros((len(WORDS), DIM), np.float32)
    for word, color in COLORS.items():
        plane = (np.array(color, np.float32) / 255 - 0.5) / 0.25
        table[WORDS[word]] = np.repeat(plane, CELLS * CELLS) @ projection()
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["counts"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["counts", "last"], ["weights"]),
        helper.make_node("Mul", ["words", "weights"], ["wanted"]),
        helper.make_node("ReduceSum", ["wanted", "middle"], ["embedding"], keepdims=0),
    ]
    ends = [
        helper.make_tensor_value_info(name, kind, [1, CONTEXT]) for name in ("input_ids", "attention_mask")
    ]
    table[WORDS["a"]] = 0.01
    return _model(nodes, ends, {"table": table, "last": np.array([2]), "middle": np.array([1])}, (DIM,))


def _model(
    nodes: list[Any], inputs: list[Any], numbers: dict[str, npt.NDArray[Any]], given: tuple[int, ...]
) -> onnx.ModelProto:
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, *given])
    weights = [numpy_helper.from_array(value, name) for name, value in numbers.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, [output], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def tokenizer() -> str:
    """Return a tokenizer.json that knows WORDS."""
    return json.dumps(
        {
            "version": "1.0",
            "added_tokens": [],
            "pre_tokenizer": {"type": "Whitespace"},
            "model": {"type": "WordLevel", "vocab": WORDS, "unk_token": "[unk]"},
        }
    )


def write_toml(file: Path, **keys: Any) -> None:
    """Write the TOML of a model; a key that is None is left out."""
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in (BASE | keys).items() if value is not None]
    file.with_suffix(".toml").write_text("".join(lines))


def make_model(folder: Path, *, seed: int = 0, **keys: Any) -> Path:
    """Write an image tower and its TOML, and the text tower where keys name it; return the ONNX file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "tiny.onnx"
    file.write_bytes(image_tower(seed).SerializeToString())
    write_toml(file, **keys)
    if "text" in keys:
        (folder / "text.onnx").write_bytes(text_tower().SerializeToString())
        (folder / "tokenizer.json").write_text(tokenizer())
    return file
