"""What a user taught, as one linear function of unit vectors that ends in a probability."""

from dataclasses import dataclass

import numpy as np

from ...store.records import Vectors

# A taught label is said of photos that have it more likely than not.
LIKELY = 0.5


@dataclass(frozen=True, slots=True)
class Head:
    """A taught label. weights: (dim,) float32. bias: added to the product; both calibrated already."""

    name: str
    weights: Vectors
    bias: float

    def confidence(self, units: Vectors) -> Vectors:
        """Return how likely photos have the label, (n,) in [0, 1]. units: (n, dim) unit vectors."""
        return logistic(units @ self.weights + np.float32(self.bias))


def logistic(x: Vectors) -> Vectors:
    """Return 1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(x))
    sure: Vectors = np.where(x >= 0, np.float32(1), small) / (1 + small)
    return sure


@dataclass(frozen=True, slots=True)
class Label:
    """A word that is likely for a photo. confidence: in [0, 1], how sure that is."""

    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How much of a library a word is said of.

    path: the words above it, the most general first. photos: number of photos. is_taught: whether the user
    taught it.
    """

    name: str
    path: tuple[str, ...]
    photos: int
    is_taught: bool = False
