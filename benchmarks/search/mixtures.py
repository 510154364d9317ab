"""Made-up libraries of any size whose embeddings are spread as those of real photos are.

A scene is a mix of two real embeddings and of noise with the covariance of the real ones, by weights that
leave the covariance of the whole what it was: the spectrum is the real one, not that of a few points. A
scene has a few shots; each differs from it by a real difference, that of a photo and the one nearest to it
(a copy or another view), taken from anywhere and scaled by 0.2 to 1.2.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.library import Library
from lookalike.store.catalog.embeddings import vectors_since

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]

BLOCK = 8192
SHOTS = 3  # of a scene, on average
MAX_RANK = 640  # directions of the noise; the rest is a hundredth of it


def real_embeddings(folders: Sequence[Path], store: Path) -> Floats:
    """Index folders into a store and return the unit embeddings of their photos, (n, dim)."""
    with Library.open(store, create=True) as library:
        library.index(folders)
        with library.store.reading() as view:
            return np.concatenate([units for _, units in vectors_since(view, 0)]).astype(np.float32)


class Mixtures:
    """Makes libraries out of real unit embeddings (n, dim) float32."""

    def __init__(self, real: Floats) -> None:
        self._mean = real.mean(axis=0)
        self._real = real - self._mean
        _, lengths, directions = np.linalg.svd(self._real, full_matrices=False)
        self._noise = (lengths[:, None] * directions)[:MAX_RANK] / np.sqrt(len(real))
        scores = real @ real.T
        np.fill_diagonal(scores, -1)
        self._steps = real[scores.argmax(axis=1)] - real

    def blocks(self, count: int, seed: int = 0) -> Iterator[Halves]:
        """Yield unit embeddings, (m, dim) at a time, count in all; the same for the same seed."""
        for number, start in enumerate(range(0, count, BLOCK)):
            yield self._block(min(BLOCK, count - start), np.random.default_rng([seed, number]))

    def library(self, count: int, seed: int = 0) -> Halves:
        """Return count unit embeddings at once, (count, dim)."""
        return np.concatenate(list(self.blocks(count, seed)))

    def _block(self, count: int, random: np.random.Generator) -> Halves:
        scene = np.cumsum(random.random(count) < 1 / SHOTS)
        made = self._scenes(int(scene[-1]) + 1, random)[scene]
        made += random.uniform(0.2, 1.2, (count, 1)).astype(np.float32) * self._pick(
            self._steps, count, random
        )
        np.maximum(made, 0, out=made)  # pooled features are never negative
        return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float16)

    def _scenes(self, count: int, random: np.random.Generator) -> Floats:
        main = random.uniform(0.5, 0.95, (count, 1)).astype(np.float32)
        other = random.uniform(0, 1, (count, 1)).astype(np.float32) * np.sqrt(1 - main**2)
        rest = np.sqrt(np.maximum(1 - main**2 - other**2, 0))
        noise = random.standard_normal((count, len(self._noise)), np.float32) @ self._noise
        mixed = main * self._pick(self._real, count, random) + other * self._pick(self._real, count, random)
        return np.asarray(self._mean + mixed + rest * noise, np.float32)

    @staticmethod
    def _pick(rows: Floats, count: int, random: np.random.Generator) -> Floats:
        return rows[random.integers(len(rows), size=count)]
