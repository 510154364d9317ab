"""A model of the user's: an ONNX file, and beside it a TOML file that says how it is used.

docs/models.md has the keys. Both are checked when they are named: the graph runs on black pictures and on a
drawn one. Then the files are kept in the cache of weights, and what the TOML says in the store's spec, so
that the store needs neither at its place.
"""

import dataclasses
import difflib
import math
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ModelError
from ...store.records import Vectors
from ...store.spec import EmbedderSpec, OwnModel, TextTower, Three
from ..decode.decode import DECODE_VERSION
from .embedder import rule_of
from .engines.onnx import OwnEngine, ends_of
from .preprocess import MAX_SIZE, MIN_SIZE, RULES
from .text import TextEmbedder
from .weights.cache import store_file
from .weights.golden import golden_pictures
from .weights.loader import read_onnx, read_own, sha256_of

MODEL = "onnx"  # its name in a spec
_TEXT_KEYS = ("tokenizer", "context_length", "pad_id", "text_ids", "text_mask", "text_output")
_KEYS = (
    *("input_size", "input_rule", "resize", "interpolation", "mean", "std", "channels", "layout"),
    *("input", "output", "pool", "dim", "normalized", "text", *_TEXT_KEYS),
)
_MAX_DIM, _MAX_TOKENS, _MAX_ID = 1 << 14, 1 << 13, 1 << 30
_MAX_TOML, _MAX_TOKENIZER = 1 << 16, 64 << 20
# How far from 1 the length of an embedding may be that is said to be normalized.
_LENGTH_ERROR = 0.01


def spec_of(file: Path) -> EmbedderSpec:
    """Return the spec of a model of the user's, whose files are checked and kept for later.

    file: the ONNX file; its TOML has the same name with the ending .toml.

    Raises:
        ModelError: a file cannot be read or used; the message names it, and the key.
    """
    if not file.exists():
        raise ModelError(
            f"there is no file {file}; --model onnx:FILE names the ONNX file of a model, and a store that "
            "was made with it needs neither: leave --model away"
        )
    table = _Table.read(file.with_suffix(".toml"))
    graph = read_onnx(file)
    with _about(file):
        inputs, outputs = ends_of(graph)
    size = table.whole("input_size", MIN_SIZE, MAX_SIZE)
    own = OwnModel(
        input=table.end("input", inputs),
        output=table.end("output", outputs),
        layout=table.choice("layout", ("NCHW", "NHWC"), "NCHW"),
        channels=table.choice("channels", ("RGB", "BGR"), "RGB"),
        mean=table.three("mean", -math.inf),
        std=table.three("std", 0),
        resize=table.whole("resize", size, 4 * MAX_SIZE, size),
        interpolation=table.choice("interpolation", ("bilinear", "bicubic"), "bilinear"),
        pool=table.choice("pool", ("none", "first", "mean"), "none"),
        normalized=table.flag("normalized"),
    )
    rule = table.choice("input_rule", RULES)
    dim = table.whole("dim", 2, _MAX_DIM)
    spec = EmbedderSpec(MODEL, sha256_of(graph), 1.0, rule, size, dim, "fp32", DECODE_VERSION, own)
    with _about(file):
        _try_out(OwnEngine(graph, spec), spec, table)
    text = _text_tower(table, file.parent, dim)
    store_file(graph, ".onnx")
    return dataclasses.replace(spec, own=dataclasses.replace(own, text=text))


def _try_out(engine: OwnEngine, spec: EmbedderSpec, table: "_Table") -> None:
    """Run a model on black pictures, whose shapes are checked, and on a drawn one.

    Raises:
        ModelError: it does not take them, or gives something else than the TOML says.
    """
    prepare = rule_of(spec).prepare
    for height, width in ((300, 300), (300, 900), (900, 300)):  # "fit" makes different inputs of them
        engine.run(prepare(np.zeros((height, width, 3), np.uint8))[None])
    _check_length(engine.run(prepare(golden_pictures()[0])[None])[0], table)


def _check_length(vector: Vectors, table: "_Table") -> None:
    length = float(np.linalg.norm(vector))
    if not 0 < length < math.inf:
        raise ModelError("the network gives numbers that are not finite, or nothing but zeros")
    if table.flag("normalized") and abs(length - 1) > _LENGTH_ERROR:
        raise table.error("normalized", f"is true, and the output has the length {length:.4g}")


def _text_tower(table: "_Table", folder: Path, dim: int) -> TextTower | None:
    """Return the text tower that a TOML names, tried on a few words and kept; None: it names none."""
    if "text" not in table.values:
        table.refuse(_TEXT_KEYS, "goes with the key text, which is missing")
        return None
    file, tokens = folder / table.text("text"), folder / table.text("tokenizer", "tokenizer.json")
    graph, tokenizer = read_onnx(file), read_own(tokens, _MAX_TOKENIZER)
    with _about(file):
        inputs, outputs = ends_of(graph)
    masks = [name for name in inputs if "mask" in name]
    tower = TextTower(
        sha256=sha256_of(graph),
        tokenizer_sha256=sha256_of(tokenizer),
        ids=table.end("text_ids", [name for name in inputs if name not in masks]),
        mask=table.end("text_mask", masks) if masks else "",
        output=table.end("text_output", outputs),
        context_length=table.whole("context_length", 2, _MAX_TOKENS),
        pad_id=table.whole("pad_id", 0, _MAX_ID, 0),
    )
    with _about(file):
        _check_length(TextEmbedder(tower, dim, graph, tokenizer).embed("a photo of a car"), table)
    store_file(graph, ".onnx")
    store_file(tokenizer, ".json")
    return tower


@contextmanager
def _about(file: Path) -> Iterator[None]:
    """Name the file in what is wrong with it."""
    try:
        yield
    except ModelError as error:
        raise type(error)(f"{file}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Table:
    """A TOML file: its keys, each checked where it is read."""

    file: Path
    values: dict[str, Any]

    @classmethod
    def read(cls, file: Path) -> "_Table":
        """Read it.

        Raises:
            ModelError: it cannot be read, or has a key that there is not.
        """
        if not file.exists():
            raise ModelError(f"{file} is missing, which says how the model is used: see docs/models.md")
        data = read_own(file, _MAX_TOML)
        try:
            table = cls(file, tomllib.loads(data.decode()))
        except ValueError as error:
            raise ModelError(f"{file} is no TOML: {error}") from error
        for key in table.values:
            if key not in _KEYS:
                near = difflib.get_close_matches(key, _KEYS, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_KEYS)}"
                raise table.error(key, f"is no key; {hint}")
        return table

    def error(self, key: str, problem: str) -> ModelError:
        """Return what to raise about a key."""
        return ModelError(f"{self.file}: {key} {problem}")

    def refuse(self, keys: Sequence[str], problem: str) -> None:
        """Raise an error about the first of these keys that is there."""
        for key in self.values:
            if key in keys:
                raise self.error(key, problem)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that is not empty."""
        return str(
            self._value(key, default, "a text", lambda value: isinstance(value, str) and value != "")
        )

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """Return one of some texts."""
        return str(self._value(key, default, " or ".join(choices), lambda value: value in choices))

    def end(self, key: str, names: Sequence[str]) -> str:
        """Return the name of an input or output of a graph; it need not be there where there is one."""
        return self.choice(key, names, names[0] if len(names) == 1 else None)

    def whole(self, key: str, least: int, most: int, default: int | None = None) -> int:
        """Return a whole number within limits."""

        def fits(value: Any) -> bool:
            return type(value) is int and least <= value <= most

        return int(self._value(key, default, f"a whole number from {least} to {most}", fits))

    def flag(self, key: str) -> bool:
        """Return true or false, false where it is missing."""
        return bool(self._value(key, False, "true or false", lambda value: isinstance(value, bool)))

    def three(self, key: str, least: float) -> Three:
        """Return a number above a limit for each channel."""

        def fits(value: Any) -> bool:
            return (
                isinstance(value, list)
                and len(value) == 3
                and all(type(each) in (int, float) and least < each < math.inf for each in value)
            )

        first, second, third = self._value(key, None, "three numbers, for pixels of 0 to 1", fits)
        return float(first), float(second), float(third)

    def _value(self, key: str, default: Any, wanted: str, fits: Callable[[Any], bool]) -> Any:
        if key not in self.values and default is not None:
            return default
        if key not in self.values:
            raise self.error(key, f"is missing: {wanted}")
        value = self.values[key]
        if not fits(value):
            raise self.error(key, f"must be {wanted}, not {value!r}")
        return value
