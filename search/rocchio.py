"""One vector to search by, made of several examples.

The mean of the examples, less a part of what is not wanted (Rocchio 1971). In a mean, what photos of a
library show anyway (sky, a table, indoor light) speaks as loud as what the examples have in common. So
another one is added in which a direction counts the less, the more the library's photos vary along it: the
linear discriminant with a shrunk covariance. Alone it finds more by five examples, but some first
refinements of a single photo found less than before. See benchmarks/search/several_examples.py.
"""

from dataclasses import dataclass

import numpy as np

from ..store.catalog.embeddings import embedded_ids, units_of
from ..store.records import Vectors, unit_vectors
from ..store.view import View

# Photos that say how the library varies: as good as all of them, and as quick for a million.
SAMPLE = 1024

# In fewer photos the examples themselves are most of what varies.
LEAST_PHOTOS = 50


@dataclass(frozen=True, slots=True)
class Recipe:
    """How examples are combined.

    ease: variance added to every direction, in mean variances of all, for one example; for more examples
    less, as they say more. means: how often the plain mean is added. less: share of the mean of what is not
    wanted that is taken away.
    """

    ease: float = 80.0
    means: float = 2.0
    less: float = 0.25


RECIPE = Recipe()


@dataclass(frozen=True, slots=True, eq=False)
class Variation:
    """How the photos of a library vary. mean: (dim,). apart: (n, dim), some photos less the mean."""

    mean: Vectors
    apart: Vectors

    @classmethod
    def of(cls, view: View) -> "Variation | None":
        """Return what some photos from all over the library say; None: there are too few."""
        ids = embedded_ids(view)
        if len(ids) < LEAST_PHOTOS:
            return None
        return cls.among(units_of(view, ids[:: -(-len(ids) // SAMPLE)]).astype(np.float32))

    @classmethod
    def among(cls, units: Vectors) -> "Variation":
        """Return how these unit vectors (n, dim) vary."""
        mean = units.mean(axis=0)
        return cls(mean, units - mean)

    def evened(self, vector: Vectors, ease: float) -> Vectors:
        """Return a vector (dim,) with the directions turned down in which photos vary, of another length.

        ease: variance added to every direction, in mean variances of all of them.
        """
        count, dim = self.apart.shape
        eased = ease * float(np.square(self.apart).sum()) / count / dim
        if not eased:
            return vector
        # Woodbury: a system of as many unknowns as there are photos, not directions.
        system = self.apart @ self.apart.T / count + eased * np.eye(count, dtype=np.float32)
        inside = self.apart.T @ np.linalg.solve(system, self.apart @ vector / count)
        return np.asarray((vector - inside) / eased, np.float32)


def combined(
    vectors: Vectors, weights: Vectors, variation: Variation | None, recipe: Recipe = RECIPE
) -> Vectors:
    """Return the unit vector (dim,) that is near to the photos wanted and far from the others.

    vectors: (n, dim), any length. weights: (n,), above 0 for what is wanted, at least one; below 0 for what
    is not. variation: None leaves all directions as they are.
    """
    units = unit_vectors(vectors)
    plain = unit_vectors(_sought(units, weights, recipe.less))
    if variation is None:
        return plain
    apart = _sought(np.asarray(units - variation.mean, np.float32), weights, recipe.less)
    evened = variation.evened(apart, recipe.ease / int((weights > 0).sum()))
    return unit_vectors(recipe.means * plain + unit_vectors(evened))


def _sought(vectors: Vectors, weights: Vectors, less: float) -> Vectors:
    wanted, others = np.maximum(weights, 0), np.maximum(-weights, 0)
    sought = wanted @ vectors / wanted.sum()
    if others.any():
        sought = sought - less * (others @ vectors) / others.sum()
    return np.asarray(sought, np.float32)
