"""Words become an embedding, where a model of the user's has a text tower."""

from typing import Any

import numpy as np

from ...errors import ModelError, UsageError
from ...store.records import Vectors
from ...store.spec import EmbedderSpec, TextTower
from .weights.loader import load_own


class TextEmbedder:
    """Embeds words with the tokenizer and the text tower of a model."""

    def __init__(self, tower: TextTower, dim: int, graph: bytes, tokenizer: bytes) -> None:
        """Load both.

        Raises:
            ModelError: one cannot be loaded, or the package tokenizers is missing.
        """
        from .engines.onnx import TextEngine

        self._tokenizer = _tokenizer(tokenizer, tower)
        self._engine = TextEngine(graph, tower, dim)

    @classmethod
    def of(cls, spec: EmbedderSpec) -> "TextEmbedder":
        """Return that of a store's model.

        Raises:
            UsageError: it has none.
            ModelError: see `load_own`.
        """
        tower = spec.own and spec.own.text
        if not tower:
            raise UsageError(
                f"this store's model ({spec.model}) knows pictures only: a search by text needs a store "
                "with a model that has a text tower (`lookalike index --model onnx:FILE`, docs/models.md)"
            )
        return cls(tower, spec.dim, load_own(tower.sha256), load_own(tower.tokenizer_sha256, ".json"))

    def embed(self, text: str) -> Vectors:
        """Return the embedding of words, (dim,) float32; what goes beyond the context is cut off.

        Raises:
            UsageError: there are none.
            ModelError: the network gives something else.
        """
        if not text.strip():
            raise UsageError("a search by text needs words")
        encoded = self._tokenizer.encode(text)
        ids, mask = (np.array([each], np.int64) for each in (encoded.ids, encoded.attention_mask))
        return self._engine.run(ids, mask)


def _tokenizer(data: bytes, tower: TextTower) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ModelError(
            f"a text tower needs tokenizers: install it with  pip install tokenizers  ({error})"
        ) from error
    try:
        tokenizer = Tokenizer.from_str(data.decode())
        tokenizer.enable_truncation(tower.context_length)
        tokenizer.enable_padding(length=tower.context_length, pad_id=tower.pad_id)
    except Exception as error:  # the package raises Exception itself
        raise ModelError(f"the tokenizer cannot be read: {error}") from error
    return tokenizer
