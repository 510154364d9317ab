"""Labels of photos, and taught labels as linear heads on unit vectors that end in a probability."""

from dataclasses import dataclass

import numpy as np

from ...errors import UsageError
from ...store.arguments import as_number
from ...store.records import Vectors

# Photos get a taught label that they have more likely than not.
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
    """A label that a photo likely has. confidence: in [0, 1]."""

    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many photos of a library have a label.

    path: the labels above it, the most general first. photos: number of photos. is_taught: whether the user
    taught it.
    """

    name: str
    path: tuple[str, ...]
    photos: int
    is_taught: bool = False


def check_confidence(confidence: float | None) -> None:
    """Check a confidence that labels must reach; None: the usual.

    Raises:
        UsageError: it is out of range.
    """
    if confidence is not None and not 0 < as_number(confidence, "confidence") <= 1:
        raise UsageError(f"a confidence is above 0 and at most 1, not {confidence:g}")
