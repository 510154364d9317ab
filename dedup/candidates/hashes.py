"""Perceptual hashes as 32 bytes, and how far apart two are in the best of eight forms.

The bits are the signs of the picture's coarse cosine waves. A mirror turns the sign of every odd wave and
a quarter turn exchanges the two directions, so that bits sorted by odd and even give the distance in all
eight forms at the price of two.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..proof.pdq import pdq
from ..proof.planes import Grey

Bits = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

HASH_BYTES = 32

# Below, too little is to be seen in a picture for its hash to tell it from others.
MIN_QUALITY = 25

_WORD = 64
_HALF = 8  # waves of one parity in one direction
_SOME = 1 << 14  # pairs at once: what is computed of them stays in the processor's cache


def dct_hash(grey: Grey) -> tuple[Bits, int]:
    """Return the hash (32,) of a grey picture (h, w) uint8 and its quality, 0 to 100.

    The waves are counted from 1: those with even numbers keep their sign in a mirror.
    """
    waves, quality = pdq(grey)
    signs = waves > 0
    words = [signs[1 - down :: 2, 1 - across :: 2] for down in (0, 1) for across in (0, 1)]
    return np.packbits(np.concatenate([word.ravel() for word in words])), quality


@dataclass(frozen=True, slots=True)
class Hashes:
    """The hashes of n pictures, ready to be compared.

    words, turned: (4, n) uint64, plain and with down and across exchanged: the waves that are even in both
    directions, odd across, odd down, odd in both. textured: (n,) whether the hash may be trusted.
    """

    words: Words
    turned: Words
    textured: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, bits: Bits, quality: npt.NDArray[np.integer]) -> "Hashes":
        """Make them of bits (n, 32) and quality (n,) as `dct_hash` gives them."""
        turned = np.empty_like(bits)
        for start in range(0, len(bits), _SOME):
            turned[start : start + _SOME] = _turned(bits[start : start + _SOME])
        return cls(_as_words(bits), _as_words(turned), np.asarray(quality) >= MIN_QUALITY)

    def codes(self) -> Bits:
        """Return the bits (n, 32) that they were made of."""
        return np.ascontiguousarray(self.words.T).view(np.uint8)

    def subset(self, places: npt.NDArray[np.int64]) -> "Hashes":
        """Return the hashes at these places, in their order."""
        return Hashes(self.words[:, places], self.turned[:, places], self.textured[places])

    def followed_by(self, others: "Hashes") -> "Hashes":
        """Return these hashes and then the others."""
        return Hashes(
            np.concatenate([self.words, others.words], axis=1),
            np.concatenate([self.turned, others.turned], axis=1),
            np.concatenate([self.textured, others.textured]),
        )

    def almost_same(self, rows: npt.NDArray[np.int64], count: int, most: int) -> npt.NDArray[np.bool_]:
        """Return which of the first `count` pictures differ from each at rows in at most `most` bits.

        (len(rows), count). As they are, in no other form: an eighth of the time, and it is asked of all.
        """
        return np.asarray(_differing(self.words[:, rows], self.words[:, :count]) <= most, np.bool_)

    def alike(self, rows: slice, columns: slice, flat: Places, most: int) -> Places:
        """Return which pairs differ in at most so many bits in the best form.

        rows, columns: places of pictures. flat: (m,) ascending, pairs of one with another as numbers in
        the table (rows, columns). Also those of which the hashes may not be trusted.
        """
        ours, plain, turned = self.words[:, rows], self.words[:, columns], self.turned[:, columns]
        width = plain.shape[1]
        found = []
        for start in range(0, len(flat), _SOME):
            some = flat[start : start + _SOME]
            counts = np.diff(np.searchsorted(some, np.arange(ours.shape[1] + 1) * width))
            column = some - np.repeat(np.arange(ours.shape[1]) * width, counts)
            mine = np.repeat(ours, counts, axis=1)
            # `take` reads one word after the other: a quarter of the time of an index by two axes.
            bits = _best_mirror(mine ^ np.take(plain, column, axis=1))
            bits = np.minimum(bits, _best_mirror(mine ^ np.take(turned, column, axis=1)))
            found.append(some[bits <= most])
        return np.concatenate(found) if found else flat

    def distances(self, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
        """Return how many of 256 bits differ between the pictures a[i] and b[i] in the best form, (m,)."""
        found = np.empty(len(a), np.int16)
        for start in range(0, len(a), _SOME):
            some = slice(start, start + _SOME)
            # `take` reads one word after the other: a quarter of the time of an index by two axes.
            ours = np.take(self.words, a[some], axis=1)
            plain, turned = (np.take(each, b[some], axis=1) for each in (self.words, self.turned))
            found[some] = np.minimum(_best_mirror(ours ^ plain), _best_mirror(ours ^ turned))
        return found


def _turned(bits: Bits) -> Bits:
    """Return the bits (n, 32) of pictures with down and across exchanged."""
    squares = np.unpackbits(bits, axis=1).reshape(-1, 4, _HALF, _HALF)
    # Within each word, and the two mixed words with each other.
    turned = squares[:, [0, 2, 1, 3]].swapaxes(2, 3)
    return np.packbits(np.ascontiguousarray(turned).reshape(len(bits), -1), axis=1)


def _differing(a: Words, b: Words) -> npt.NDArray[np.uint16]:
    """Return how many bits differ between each of a (4, m) and each of b (4, n), (m, n)."""
    count = np.zeros((a.shape[1], b.shape[1]), np.uint16)
    for mine, theirs in zip(a, b, strict=True):
        count += np.bitwise_count(mine[:, None] ^ theirs)
    return count


def _as_words(bits: Bits) -> Words:
    return np.ascontiguousarray(np.ascontiguousarray(bits).view(np.uint64).T)


def _best_mirror(different: Words) -> npt.NDArray[np.int16]:
    """Return the least distance in four mirrors, (m,). different: (4, m), the bits that differ in none."""
    even, across, down, both = np.bitwise_count(different).astype(np.int16)
    # Left to right, the odd waves across change sign, and of their bits those differ that did not; then
    # the same top to bottom, and in both.
    changed = np.maximum(np.maximum(across, down) + both, across + down)
    return np.asarray(even + across + down + both + np.minimum(2 * _WORD - 2 * changed, 0), np.int16)
