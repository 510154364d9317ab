"""The classifier that belongs to the features: from stored vectors to the confidence of labels.

The shipped network was trained as a classifier, and a stored vector is just what its last layer took. That
layer is applied by numpy; no photo is read again and no engine is loaded.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import safetensors.numpy
from blake3 import blake3

from ...errors import ModelError, WeightsTampered
from ...indexer.embed.weights import cache
from ...indexer.embed.weights.table import OFFICIAL, SHIPPED_MODEL
from ...store.records import Vectors
from ...store.spec import EmbedderSpec
from .label import Label
from .taxonomy import Classes, Tree, tree

# The last layer of the shipped weights; tools/build_labels.py makes it.
FILE = Path(__file__).with_name("classifier.safetensors")
BLAKE3 = "83124bfd0c48a11d80701d5fbac3dd2d4466cde6155d969c0d8f8513cea8d0af"

# A photo gets a label whose classes have so much of the probability: benchmarks/search/labels.py.
CONFIDENT = 0.8

# And only when the best class stands out in absolute terms, too: softmax is sure of something in any
# picture, but of what the network was not made for, no class has a high logit (Hendrycks et al. 2022).
FLOORS = {OFFICIAL[SHIPPED_MODEL].sha256: 10.0}


class Classifier:
    """The last layers of an official network, for vectors (n, dim) as they left its pooling."""

    def __init__(self, layers: Sequence[tuple[Vectors, Vectors]], floor: float, words: Tree) -> None:
        self.layers = layers
        self._layers = [(np.ascontiguousarray(weight.T), bias) for weight, bias in layers]
        self._floor = floor
        self.tree = words

    def probabilities(self, vectors: Vectors) -> Vectors:
        """Return the probability of each class, (n, 1000) float32; zeros where nothing stands out."""
        x: Vectors = vectors
        for number, (weight, bias) in enumerate(self._layers):
            if number:
                x = x * np.clip(
                    x / 6 + np.float32(0.5), 0, 1
                )  # the hard swish between the two layers of a V3
            x = x @ weight + bias
        top = x.max(axis=1, keepdims=True)
        np.exp(x - top, out=x)
        x *= (top >= self._floor) / x.sum(axis=1, keepdims=True)
        return x

    def confidence(self, probabilities: Vectors, classes: Classes) -> Vectors:
        """Return how sure it is that photos show one of some classes, (n,) in [0, 1]."""
        sums: Vectors = np.minimum(probabilities[:, classes].sum(axis=1), 1)
        return sums

    def sums(self, probabilities: Vectors) -> Vectors:
        """Return how sure it is of each label of `tree.labels`, (n, labels)."""
        return np.minimum(np.hstack([probabilities, probabilities @ self.tree.holds]), 1)

    def labels_of(self, probabilities: Vectors, least: float = CONFIDENT) -> list[tuple[Label, ...]]:
        """Return the labels of photos, the most specific first; () where none is confident."""
        found: list[list[Label]] = [[] for _ in probabilities]
        sums = self.sums(probabilities)
        for row, place in np.argwhere(sums >= least).tolist():
            found[row].append(Label(self.tree.labels[place].name, round(float(sums[row, place]), 4)))
        return [tuple(labels) for labels in found]


def classifier_for(spec: EmbedderSpec) -> Classifier:
    """Return the classifier that was trained with the network of a store.

    Raises:
        ModelError: there is none for these weights, or it is not on this machine.
    """
    return _load(spec.model, spec.weights_sha256)


@lru_cache(maxsize=2)
def _load(model: str, sha256: str) -> Classifier:
    return Classifier(_layers(model, sha256), FLOORS.get(sha256, -np.inf), tree())


def _layers(model: str, sha256: str) -> list[tuple[Vectors, Vectors]]:
    if all(sha256 != official.sha256 for official in OFFICIAL.values()):
        raise ModelError(
            "labels need the classifier of official weights, and this store was made with a model or "
            f"checkpoint of your own ({model}, SHA-256 {sha256[:12]}); `lookalike teach` works with any"
        )
    if sha256 == OFFICIAL[SHIPPED_MODEL].sha256:
        shipped = safetensors.numpy.load(_read_shipped())
        return [(shipped["weight"].astype(np.float32), shipped["bias"].astype(np.float32))]
    path = cache.find(sha256)
    if path is None:
        raise ModelError(
            f"labels need the weights of {model}, which are not on this machine any more; fetch them with "
            f"`lookalike models --fetch {model}`"
        )
    state = cache.load(path)
    names = sorted(name for name in state if name.startswith("classifier.") and name.endswith(".weight"))
    return [(state[name], state[name.removesuffix("weight") + "bias"]) for name in names]


def _read_shipped() -> bytes:
    try:
        data = FILE.read_bytes()
    except OSError as error:
        raise ModelError(f"{FILE} cannot be read: {error.strerror}; install lookalike again") from error
    if blake3(data).hexdigest() != BLAKE3:
        raise WeightsTampered(f"{FILE} is not the file that came with lookalike; install lookalike again")
    return data
