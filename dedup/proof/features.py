"""Local features: the way to a map when one picture shows only a part of the other, or is turned.

ORB (Rublee et al. 2011): SIFT finds no more copies here and costs eight times as much.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from .planes import Grey, Matrix

N_FEATURES = 500

# Copies that need features have 43 inliers or more, half-size crops of soft pictures down to 15; 80 % of
# other pairs have fewer than 12.
MIN_INLIERS = 15

_RATIO = 0.85  # of the best to the second best descriptor
_MOST_BITS = 70  # of 256 that may differ
_TOLERANCE = 3.0  # pixels of the thumbnail between a point and where the map puts it
_RANSAC_STEPS = 2000
_CONFIDENCE = 0.995
_SMALLEST = 16  # no feature's patch fits into less
_ALL_BUT_ONE_BIT = np.uint64(2**64 - 2)

# Matching costs features x features. A quarter of them tells most unlike pairs (0 to 5 matches that turn
# alike) from copies (7 and more, half of them above 55).
_PROBE = 125
_MIN_PROBE = 6
# Of a sample of mirrored features, which are a bit less exact: one of 137 mirrored copies has no more.
_MIN_MIRRORED = 5

_PATCH, _SHRINK = 25, 1.2

_Points = npt.NDArray[np.float32]
_Places = npt.NDArray[np.int64]
_Nearest = tuple[_Places, Grey, Grey]

_NONE: _Places = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Features:
    """Points (n, 2) float32 and their angles (n,) in degrees, descriptors (n, 32) uint8.

    octaves: (n,) int8, at which of the sizes of the picture each was found, 0 is the largest.
    """

    points: _Points
    angles: _Points
    octaves: npt.NDArray[np.int8]
    descriptors: Grey

    def __len__(self) -> int:
        return len(self.points)

    def at(self, places: slice | npt.NDArray[np.int64]) -> "Features":
        """Return the features at these places."""
        return Features(
            self.points[places], self.angles[places], self.octaves[places], self.descriptors[places]
        )


def find_features(grey: Grey) -> Features:
    """Return up to 500 features of a picture (h, w)."""
    if min(grey.shape) < _SMALLEST:
        return _features((), None)
    return _features(*_detector().detectAndCompute(grey, None))


def mirrored_sample(features: Features, mirrored: Grey) -> Features:
    """Return some of a picture's features as its mirror image (h, w) has them, about 125.

    Where they are is known: describing them is a fifth of the cost of a search, and tells as well whether
    one is worth it.
    """
    some = features.at(_sample(len(features)))
    width = mirrored.shape[1]
    keypoints = [
        cv2.KeyPoint(width - 0.5 - x, y - 0.5, _PATCH * _SHRINK**octave, (180 - angle) % 360, 0.0, octave)
        for (x, y), angle, octave in zip(
            some.points.tolist(), some.angles.tolist(), some.octaves.tolist(), strict=True
        )
    ]
    return _features(*_detector().compute(mirrored, keypoints)) if keypoints else some


def _features(keypoints: Sequence[cv2.KeyPoint], descriptors: object) -> Features:
    if not keypoints or descriptors is None:
        points, descriptors = np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8)
    else:
        points = np.array([each.pt for each in keypoints], np.float32) + np.float32(0.5)
    return Features(
        points,
        np.array([each.angle for each in keypoints], np.float32),
        np.array([each.octave for each in keypoints], np.int8),
        np.asarray(descriptors, np.uint8),
    )


def _detector() -> cv2.ORB:
    # Small patches and a low threshold: the thumbnail is small and may be a soft picture.
    return cv2.ORB.create(
        nfeatures=N_FEATURES,
        scaleFactor=_SHRINK,
        nlevels=6,
        edgeThreshold=12,
        patchSize=_PATCH,
        fastThreshold=7,
    )


def match(a: Features, b: Features, least: int = 1) -> tuple[_Places, _Places]:
    """Return the indices (n,), (n,) of features of a and b that are like, and turned as most are.

    Fewer than `least` are none.
    """
    if len(a) < 2 or len(b) < 2:
        return _NONE, _NONE
    return _like(a, b, _two_nearest(a.descriptors, b.descriptors), least)


def _sample(count: int) -> slice:
    """Return the places of about 125 of so many features, from all sizes and places alike."""
    return slice(None, None, max(1, count // _PROBE))


def _like(a: Features, b: Features, nearest: _Nearest, least: int) -> tuple[_Places, _Places]:
    index, best, second = nearest
    of_a = np.flatnonzero((best < _RATIO * second) & (best < _MOST_BITS))
    if len(of_a) < least:
        return _NONE, _NONE
    of_b = index[of_a]
    together = _turned_alike(a.angles[of_a], b.angles[of_b])
    if np.count_nonzero(together) < least:
        return _NONE, _NONE
    return of_a[together], of_b[together]


def _words(descriptors: Grey) -> npt.NDArray[np.uint64]:
    """Return the descriptors as (4, n); of 256 bits one is left out, so that distances fit a byte."""
    words = np.ascontiguousarray(descriptors.view(np.uint64).T)
    words[-1] &= _ALL_BUT_ONE_BIT
    return words


def _two_nearest(a: Grey, b: Grey) -> _Nearest:
    """Return for each descriptor of a the nearest of b, and the distances in bits to it and to the second.

    Word by word over the whole table: three quarters of the time that OpenCV's matcher takes.
    """
    ours, theirs = (_words(each) for each in (a, b))
    bits = np.bitwise_count(ours[0][:, None] ^ theirs[0])
    for mine, other in zip(ours[1:], theirs[1:], strict=True):
        bits += np.bitwise_count(mine[:, None] ^ other)
    rows = np.arange(len(a))
    index = bits.argmin(axis=1)
    best = bits[rows, index]
    bits[rows, index] = 255
    return index, best, bits.min(axis=1)


def similarity(a: Features, b: Features) -> tuple[Matrix | None, int]:
    """Return the map a -> b (turn, scale, shift) that most matches agree on, and how many do.

    None when they are too few to mean anything.
    """
    if len(a) < 2 or len(b) < 2:
        return None, 0
    probe = _sample(len(a))
    nearest = _two_nearest(a.descriptors[probe], b.descriptors)
    if not len(_like(a.at(probe), b, nearest, _MIN_PROBE)[0]):
        return None, 0
    of_a, of_b = _like(a, b, _with_the_others(a, b, probe, nearest), MIN_INLIERS)
    if not len(of_a):
        return None, 0
    matrix, inliers = cv2.estimateAffinePartial2D(
        a.points[of_a],
        b.points[of_b],
        method=cv2.RANSAC,
        ransacReprojThreshold=_TOLERANCE,
        maxIters=_RANSAC_STEPS,
        confidence=_CONFIDENCE,
    )
    count = 0 if matrix is None else int(np.count_nonzero(inliers))
    if count < MIN_INLIERS:
        return None, count
    return np.vstack([np.asarray(matrix, np.float64), [0, 0, 1]]), count


def _with_the_others(a: Features, b: Features, probe: slice, nearest: _Nearest) -> _Nearest:
    """Return what is nearest to all features of a, when it is known of those of the probe."""
    others = np.ones(len(a), np.bool_)
    others[probe] = False
    index, best, second = np.empty(len(a), np.int64), np.empty(len(a), np.uint8), np.empty(len(a), np.uint8)
    index[probe], best[probe], second[probe] = nearest
    if others.any():
        index[others], best[others], second[others] = _two_nearest(a.descriptors[others], b.descriptors)
    return index, best, second


def may_match(mirrored: Features, others: Features) -> bool:
    """Return whether a search for the features of a mirrored picture is worth it, by a sample of them."""
    return len(match(mirrored, others, _MIN_MIRRORED)[0]) > 0


_BINS = 24  # of 15 degrees; a feature's angle is good to about 10
_BEFORE, _AFTER = ((np.arange(_BINS) + step) % _BINS for step in (-1, 1))


def _turned_alike(a: _Points, b: _Points) -> npt.NDArray[np.bool_]:
    """Return which matches turn by about the angle that most do: chance matches turn anyhow.

    One look at the angles saves the search for a map in most pairs of unlike pictures.
    """
    turn = np.asarray((b - a) % 360 * (_BINS / 360), np.int64) % _BINS
    count = np.bincount(turn, minlength=_BINS)
    around = count + count[_BEFORE] + count[_AFTER]
    apart = np.abs(turn - int(np.argmax(around)))
    return np.asarray(np.minimum(apart, _BINS - apart) <= 1, np.bool_)
