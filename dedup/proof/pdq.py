"""The PDQ hash of a picture: 256 signs of its coarse cosine waves, and how far to trust them.

After "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm" (2019); the low-pass is
the averaging of the resize instead of two passes of a box, the bits agree in all but a few.
"""

import numpy as np
import numpy.typing as npt

from .planes import Grey, Plane, shrink

Bits = npt.NDArray[np.bool_]

_SIDE = 64
_WAVES = 16  # per direction, from 1 on: the constant says nothing of the picture

# The reference counts level steps between neighbors on this scale and calls 90 of them full quality.
_QUALITY_STEPS = 90.0


def _cosines() -> Plane:
    wave, place = np.arange(1, _WAVES + 1)[:, None], np.arange(_SIDE)[None, :] + 0.5
    return np.asarray(np.sqrt(2 / _SIDE) * np.cos(np.pi / _SIDE * wave * place), np.float32)


_COSINES = _cosines()

# A mirror turns the sign of every wave with an odd number.
_ODD = np.where(np.arange(1, _WAVES + 1) % 2, -1.0, 1.0).astype(np.float32)


def pdq(grey: Grey) -> tuple[Plane, int]:
    """Return the (16, 16) waves of a picture, from which all forms' hashes come, and the quality, 0-100."""
    square = shrink(grey, _SIDE, _SIDE).astype(np.float32)
    return np.asarray(_COSINES @ square @ _COSINES.T, np.float32), _quality(square)


def _quality(square: Plane) -> int:
    steps = sum(float(np.trunc(np.abs(np.diff(square, axis=axis)) * 100 / 255).sum()) for axis in (0, 1))
    return min(100, int(steps / _QUALITY_STEPS))


def bits_of(waves: Plane, form: int = 0) -> Bits:
    """Return the hash (256,) of the picture in a form."""
    if form >= 4:
        waves = waves * _ODD[None, :]
    for _ in range(form % 4):
        waves = (waves * _ODD[None, :]).T
    # numpy's own median takes longer than all the rest.
    middle = np.sort(waves, axis=None)[[waves.size // 2 - 1, waves.size // 2]].mean()
    return np.asarray(waves > middle, np.bool_).ravel()


def distance(a: Plane, b: Plane, form: int) -> int:
    """Return how many of 256 bits differ between a and b in this form."""
    return int(np.count_nonzero(bits_of(a) != bits_of(b, form)))
