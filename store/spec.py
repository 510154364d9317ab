"""What makes two embeddings comparable, as frozen data."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """Everything that decides the numbers in an embedding.

    Two embeddings may be compared if and only if their specs have the same fingerprint. The engine is
    not part of it: engines must agree to a cosine of at least 0.9999.

    model: name of the architecture in torchvision, e.g. "mobilenet_v2".
    weights_sha256: hex digest of the weights file.
    width_mult: width multiplier of the architecture.
    input_rule: how a picture becomes the network's input: "crop" (resize the short side, then cut the
        center), "squash" (whole picture, square), "fit" (nearly the whole picture, its aspect kept).
    input_size: side of the input in pixels; for "fit" see `indexer.preprocess`.
    dim: length of an embedding.
    precision: numbers the network computes in.
    decode_version: version of the rules that turn a file into pixels.
    """

    model: str
    weights_sha256: str
    width_mult: float
    input_rule: str
    input_size: int
    dim: int
    precision: str
    decode_version: int

    def to_json(self) -> str:
        """Return the canonical JSON text of this spec."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "EmbedderSpec":
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))

    def difference(self, other: "EmbedderSpec") -> str:
        """Say in what another spec differs: "input_size 256, not 128"."""
        names = [name for name in self.__slots__ if getattr(self, name) != getattr(other, name)]
        return ", ".join(f"{n} {getattr(self, n)!r}, not {getattr(other, n)!r}" for n in names)

    @property
    def fingerprint(self) -> str:
        """32 hex digits that differ whenever anything in the spec does."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:32]
