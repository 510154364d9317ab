"""What makes two embeddings comparable, as frozen data."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Three = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class TextTower:
    """What turns words into vectors that are compared with those of pictures.

    sha256, tokenizer_sha256: hex digests of the two files. ids, mask, output: names in the graph; mask "":
    it takes none. context_length: tokens of a text, and pad_id: what fills it up.
    """

    sha256: str
    tokenizer_sha256: str
    ids: str
    mask: str
    output: str
    context_length: int
    pad_id: int


@dataclass(frozen=True, slots=True)
class OwnModel:
    """How an ONNX model of the user's takes its pictures and gives their embeddings.

    input, output: names in the graph. layout: "NCHW" or "NHWC". channels: "RGB" or "BGR". mean, std: of
    each channel of the input, for pixels of 0 to 1. resize: length of the short side before a crop.
    interpolation: "bilinear" or "bicubic". pool: what of an output with tokens is the embedding: "none"
    (there are none), "first" or "mean". normalized: whether embeddings have length 1.
    """

    input: str
    output: str
    layout: str
    channels: str
    mean: Three
    std: Three
    resize: int
    interpolation: str
    pool: str
    normalized: bool
    text: TextTower | None = None

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> "OwnModel":
        """Read what `dataclasses.asdict` made of one."""
        text = fields["text"] and TextTower(**fields["text"])
        return cls(**fields | {"text": text, "mean": tuple(fields["mean"]), "std": tuple(fields["std"])})


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """Everything that decides the numbers in an embedding.

    Two embeddings may be compared if and only if their specs have the same fingerprint. The engine is
    not part of it: engines must agree to a cosine of at least 0.9999.

    model: name of the architecture in torchvision, e.g. "mobilenet_v2"; "onnx": a model of the user's.
    weights_sha256: hex digest of the weights file.
    width_mult: width multiplier of the architecture.
    input_rule: how a picture becomes the network's input: "crop" (resize the short side, then cut the
        center), "squash" (whole picture, square), "fit" (nearly the whole picture, its aspect kept).
    input_size: side of the input in pixels; for "fit" see `indexer.preprocess`.
    dim: length of an embedding.
    precision: numbers the network computes in.
    decode_version: version of the rules that turn a file into pixels.
    own: the rest of what a model of the user's needs; None: it is one of torchvision's.
    """

    model: str
    weights_sha256: str
    width_mult: float
    input_rule: str
    input_size: int
    dim: int
    precision: str
    decode_version: int
    own: OwnModel | None = None

    def to_json(self) -> str:
        """Return the canonical JSON text of this spec."""
        fields = dataclasses.asdict(self)
        if self.own is None:  # the text of older stores stays as it is, and so does their fingerprint
            del fields["own"]
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "EmbedderSpec":
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        own = fields.get("own")
        return cls(**fields | {"own": own and OwnModel.from_fields(own)})

    def difference(self, other: "EmbedderSpec") -> str:
        """Say in what another spec differs: "input_size 256, not 128"."""
        return ", ".join(_differences(self, other))

    @property
    def fingerprint(self) -> str:
        """32 hex digits that differ whenever anything in the spec does."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:32]


def _differences(one: Any, other: Any) -> Iterator[str]:
    for name in one.__slots__:
        mine, others = getattr(one, name), getattr(other, name)
        if dataclasses.is_dataclass(mine) and dataclasses.is_dataclass(others):
            yield from _differences(mine, others)
        elif dataclasses.is_dataclass(mine or others):
            if name != "own":  # the name of the model tells it already
                yield f"{name} {'given' if mine else 'left out'}, not {'given' if others else 'left out'}"
        elif mine != others:
            yield f"{name} {mine!r}, not {others!r}"
