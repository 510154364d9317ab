"""Made-up perceptual hashes, spread as those of real photos are, for the embeddings of search/mixtures.py.

A scene's hash takes each bit from one of two real hashes, three of four from the first: so each bit is
set as often as in real hashes, and those that go together mostly still do. Its shots differ from it in
a share of their bits that is drawn for each, 0 to 0.3 (a re-saved copy differs in 0 to 0.1, another view
in 0.2 and more). How much there is to see is that of the first real one.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lookalike.benchmarks.search.mixtures import BLOCK, SHOTS

Bits = npt.NDArray[np.uint8]
Qualities = npt.NDArray[np.int64]

MOST_CHANGED = 0.3


class MixedHashes:
    """Makes hashes out of real ones: bits (n, 32) and quality (n,), as `dct_hash` gives them."""

    def __init__(self, bits: Bits, quality: Qualities) -> None:
        self._bits, self._quality = np.unpackbits(bits, axis=1), quality

    def blocks(self, count: int, seed: int = 0) -> Iterator[tuple[Bits, Qualities]]:
        """Yield hashes in the same blocks, and of the same scenes, as `Mixtures.blocks` does embeddings."""
        for number, start in enumerate(range(0, count, BLOCK)):
            some = min(BLOCK, count - start)
            # The first thing that mixtures draw is where a scene begins.
            begins = np.random.default_rng([seed, number]).random(some) < 1 / SHOTS
            scene = np.asarray(np.cumsum(begins), np.int64)
            yield self._block(scene, np.random.default_rng([seed, number, 1]))

    def _block(self, scene: npt.NDArray[np.integer], random: np.random.Generator) -> tuple[Bits, Qualities]:
        count, shots = int(scene[-1]) + 1, len(scene)
        first, second = random.integers(len(self._bits), size=(2, count))
        is_first = random.random((count, 256), np.float32) < 0.75
        made = np.where(is_first, self._bits[first], self._bits[second])[scene]
        share = random.uniform(0, MOST_CHANGED, (shots, 1)).astype(np.float32)
        made ^= random.random((shots, 256), np.float32) < share
        return np.packbits(made, axis=1), self._quality[first][scene]
