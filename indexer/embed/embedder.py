"""The embedder: pictures in, pooled features out, the same way for the library and for queries."""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ModelError, SpecMismatch, UsageError
from ...store.records import LocalMap, Vectors
from ...store.spec import EmbedderSpec
from ..decode.decode import DECODE_VERSION
from .engines import open_engine
from .engines.architectures import architecture
from .local_maps import make_map, map_kind
from .preprocess import MAX_SIZE, MIN_SIZE, RULES, InputRule, Picture, Pixels
from .weights.cache import store_file
from .weights.loader import adopt, read_onnx
from .weights.table import OFFICIAL, SHIPPED_MODEL

if TYPE_CHECKING:
    from .text import TextEmbedder

DEFAULT_MODEL = SHIPPED_MODEL
# Chosen by measurement: benchmarks/search/input_rules.py, docs/models.md.
DEFAULT_RULE = "fit"
DEFAULT_SIZE = 256
# Lower precision saves little of a photo and finds less: docs/models.md.
PRECISION = "fp32"


def default_spec(
    model: str = DEFAULT_MODEL,
    *,
    input_size: int | None = None,
    input_rule: str | None = None,
    weights: str | PathLike[str] | None = None,
    width_mult: float = 1.0,
) -> EmbedderSpec:
    """Return the spec of a model, with the measured defaults for what is not given.

    weights: a file of the user's (.pth or .safetensors); it is checked and kept for later. None: the
    official weights, which need not be on this machine yet.

    Raises:
        UsageError: there is no such model or rule, or a size or width is out of range.
        ModelError: the weights file cannot be used (see `weights.loader.adopt`).
    """
    rule = DEFAULT_RULE if input_rule is None else input_rule
    size = DEFAULT_SIZE if input_size is None else input_size
    _check_options(model, rule, size, width_mult, official=weights is None)
    sha256 = OFFICIAL[model].sha256 if weights is None else adopt(Path(weights), model, width_mult)
    return EmbedderSpec(
        model=model,
        weights_sha256=sha256,
        width_mult=width_mult,
        input_rule=rule,
        input_size=size,
        dim=architecture(model).dim(width_mult),
        precision=PRECISION,
        decode_version=DECODE_VERSION,
    )


def _check_options(model: str, rule: str, size: int, width_mult: float, *, official: bool) -> None:
    architecture(model)
    if rule not in RULES:
        raise UsageError(f"no input rule named {rule!r}; there are {', '.join(RULES)}")
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise UsageError(f"the input size is {MIN_SIZE} to {MAX_SIZE} pixels, not {size}")
    if not 0.1 <= width_mult <= 4.0:
        raise UsageError(f"the width multiplier is 0.1 to 4, not {width_mult:g}")
    if official and width_mult != 1.0:
        raise UsageError(
            f"there are no official weights of {model} at width {width_mult:g}; "
            "pass a checkpoint: `weights=FILE`"
        )


def _check_known(spec: EmbedderSpec) -> None:
    """Refuse a spec that this version cannot follow to the letter."""
    if spec.own is None:
        _check_options(spec.model, spec.input_rule, spec.input_size, spec.width_mult, official=False)
    if (spec.precision, spec.decode_version) != (PRECISION, DECODE_VERSION):
        raise SpecMismatch(
            f"these vectors were made in {spec.precision} by version {spec.decode_version} of the "
            f"decoding rules, and this lookalike has {PRECISION} and version {DECODE_VERSION}; "
            "index into a new store, or use the lookalike that made this one"
        )


def _adopted(weights: Path, spec: EmbedderSpec) -> str:
    if spec.own is None:
        return adopt(weights, spec.model, spec.width_mult)
    return store_file(read_onnx(weights), ".onnx")


def rule_of(spec: EmbedderSpec) -> InputRule:
    """Return how the network of a spec wants its pictures."""
    size, own = spec.input_size, spec.own
    if own is not None:
        return InputRule(spec.input_rule, size, own.resize, own.interpolation == "bicubic")
    return InputRule(spec.input_rule, size, architecture(spec.model).resize_for(size))


class Embedder:
    """Embeds pictures as one spec says.

    Two embedders of equal specs give comparable vectors whatever their engines. All methods may be
    called from many threads at once; each call computes on the thread that makes it.
    """

    spec: EmbedderSpec

    def __init__(
        self,
        spec: EmbedderSpec,
        *,
        engine: str = "auto",
        device: str = "auto",
        weights: str | PathLike[str] | None = None,
    ) -> None:
        """Load the model.

        engine, device: see `engines.open_engine`. weights: the file that the spec was made
        with, for when it is no longer in the cache.

        Raises:
            ModelError: the weights are missing, tampered with, or not those of the spec.
            UsageError: the engine or device does not exist, or cannot run the model.
            SpecMismatch: another version of lookalike made the spec, by rules that this one lacks.
        """
        _check_known(spec)
        if weights is not None:
            given = _adopted(Path(weights), spec)
            if given != spec.weights_sha256:
                raise ModelError(
                    f"{weights} (SHA-256 {given[:12]}...) is not the file that these vectors were made "
                    f"with ({spec.weights_sha256[:12]}...); pass that one, or index into a new store"
                )
        self.spec = spec
        self._rule = rule_of(spec)
        self._engine = open_engine(spec, engine, device)

    @property
    def engine(self) -> str:
        """Name of the engine at work: "onnx" or "torch"."""
        return self._engine.name

    @property
    def takes_batches(self) -> bool:
        """Whether several threads' pictures are computed together, as on a GPU."""
        return self._engine.batch_size > 1

    @property
    def min_side(self) -> int:
        """Pixels that both sides of a decoded picture should have, for `decode(min_side=)`."""
        return self._rule.min_side

    @property
    def rule(self) -> InputRule:
        """How the network wants its pictures."""
        return self._rule

    def prepare(self, picture: Picture) -> Pixels:
        """Return the network's input, (H, W, 3) uint8 RGB, for an RGB picture of any size."""
        return self._rule.prepare(picture)

    def prepare_at(self, picture: Picture, size: int) -> Pixels:
        """Return the input for a picture by the same rule at another input size."""
        spec = dataclasses.replace(self.spec, input_size=max(size, MIN_SIZE))
        return rule_of(spec).prepare(picture)

    def embed(self, prepared: Sequence[Pixels]) -> Vectors:
        """Return the embeddings of prepared pictures, in their order.

        prepared: what `prepare` returned, any number, shapes may differ. On a CPU each runs alone,
        so that a picture's vector does not depend on its company; a GPU gets batches of one shape.
        Returns (n, dim) float32, the pooled features as they come, not normalized.
        """
        return self.embed_with_maps(prepared)[0]

    def embed_text(self, text: str) -> Vectors:
        """Return the embedding of words, (dim,) float32, that is compared with those of pictures.

        Raises:
            UsageError: the model knows no words, or there are none.
            ModelError: its files are missing or damaged, or the package tokenizers is missing.
        """
        return self._text.embed(text)

    @cached_property
    def _text(self) -> "TextEmbedder":
        from .text import TextEmbedder  # hardly any library has one

        return TextEmbedder.of(self.spec)

    @property
    def has_maps(self) -> bool:
        """Whether it makes local maps."""
        return self._engine.has_maps

    @property
    def map_kind(self) -> int:
        """A number that differs whenever local maps cannot be compared."""
        return map_kind(self.spec)

    def embed_with_maps(self, prepared: Sequence[Pixels]) -> tuple[Vectors, list[LocalMap | None]]:
        """Return the embeddings of prepared pictures as `embed` does, and their local maps."""
        maps: list[LocalMap | None] = [None] * len(prepared)
        kind = self.map_kind
        vectors = np.empty((len(prepared), self.spec.dim), dtype=np.float32)
        places = defaultdict(list)
        for place, picture in enumerate(prepared):
            places[picture.shape].append(place)
        for same in places.values():
            for start in range(0, len(same), self._engine.batch_size):
                batch = same[start : start + self._engine.batch_size]
                stacked = np.stack([prepared[place] for place in batch])
                vectors[batch], cells = self._engine.run_with_maps(stacked)
                if cells is not None:
                    for place, of_one in zip(batch, cells, strict=True):
                        maps[place] = make_map(of_one, kind)
        return vectors, maps
