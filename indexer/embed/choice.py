"""What a user asks of the embedder."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import UsageError

if TYPE_CHECKING:
    from ...store.spec import EmbedderSpec

OWN = "onnx:"  # before the file of a model of the user's
_IN_TOML = (
    "the input size and rule of a model of your own are in the TOML beside it: leave "
    " --input-size, --input-rule, --weights and --width-mult away"
)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which embedder a new store gets; None takes the measured default.

    model: "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", or "onnx:FILE" for a model of your
    own. weights: a checkpoint file of your
    own. engine, device: by what and where it runs, see `engines.open_engine`; they change the speed, not
    the embeddings.
    """

    model: str | None = None
    input_size: int | None = None
    input_rule: str | None = None
    weights: str | None = None
    width_mult: float | None = None
    engine: str = "auto"
    device: str = "auto"

    @property
    def is_given(self) -> bool:
        """Whether anything is asked for that a store's spec must agree with."""
        return self.model is not None or self._is_shaped

    @property
    def _is_shaped(self) -> bool:
        asked = (self.input_size, self.input_rule, self.weights, self.width_mult)
        return any(each is not None for each in asked)

    def spec_for(self, stored: "EmbedderSpec | None") -> "EmbedderSpec":
        """Return the spec that is asked for; the rest stays as the store has it.

        Raises:
            UsageError, ModelError: there is no such model, size, rule, width or file.
        """
        if self.model is not None and self.model.startswith(OWN):
            return self._own_spec(self.model.removeprefix(OWN))
        if stored is not None and not self.is_given:
            return stored
        if stored is not None and stored.own is not None and self.model is None:
            raise UsageError(_IN_TOML)
        from .embedder import DEFAULT_MODEL, default_spec

        same = stored if stored and self.model in (None, stored.model) else None
        asked = default_spec(
            self.model or (same.model if same else DEFAULT_MODEL),
            input_size=self.input_size,
            input_rule=self.input_rule,
            weights=self.weights,
            width_mult=1.0 if self.width_mult is None else self.width_mult,
        )
        if same is None:
            return asked
        # The rest stays as the store has it.
        kept = {
            "input_size": self.input_size is None,
            "input_rule": self.input_rule is None,
            "weights_sha256": self.weights is None,
            "width_mult": self.width_mult is None,
            "dim": self.width_mult is None,
        }
        stored_fields = {name: getattr(same, name) for name, keep in kept.items() if keep}
        return dataclasses.replace(asked, **stored_fields)

    def _own_spec(self, file: str) -> "EmbedderSpec":
        if self._is_shaped:
            raise UsageError(_IN_TOML)
        from .own_model import spec_of

        return spec_of(Path(file).expanduser())
