"""Recorded vectors of generated pictures, to see that a machine computes what it should.

Another onnxruntime, torch or processor may compute a little differently. The recorded vectors come
from torchvision's own model in double precision (tools/build_weights.py), so a cosine to them below
0.9999 says that new vectors are no longer comparable with those in a store.
"""

import numpy as np
import safetensors.numpy

from ....store.records import Vectors
from ..preprocess import Pixels
from .loader import read_shipped
from .table import SHIPPED_GOLDEN

MIN_COSINE = 0.9999

_SHAPES = [(224, 224), (192, 256), (256, 192), (96, 96), (320, 224), (128, 384), (32, 32), (256, 256)]


def golden_pictures() -> list[Pixels]:
    """Return eight pictures, the same everywhere: integers only, no random generator."""
    return [_pattern(k, *shape) for k, shape in enumerate(_SHAPES)]


def _pattern(k: int, height: int, width: int) -> Pixels:
    y, x, c = np.ogrid[:height, :width, :3]
    slopes = x * (k + 1) * (c + 2) // 3 + y * (3 * k + c + 1) // (k + 2)
    pattern: Pixels = ((slopes ^ (x * y // (97 + 13 * k))) % 256).astype(np.uint8)
    return pattern


def golden_vectors() -> Vectors:
    """Return the recorded vectors of `golden_pictures`, (8, 1280) float32, of the shipped model."""
    vectors: Vectors = safetensors.numpy.load(read_shipped(SHIPPED_GOLDEN))["vectors"]
    return vectors
