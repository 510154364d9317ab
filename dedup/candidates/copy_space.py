"""A space in which copies lie close together and different photos far apart.

An embedding answers what a picture shows; two photos of one shelf are near in it, and a screenshot of a
photo is not. A linear map turns down the directions in which edits move an embedding and turns up
those in which photos differ. The map of the shipped model was fitted on photos and edits of them
(tools/build_copyspace.py); other models get one that is fitted on the library itself.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from ...errors import ModelError
from ...store.records import Vectors, unit_vectors

FILE = Path(__file__).with_name("copy_space.safetensors")

# Below so many photos a map fitted on them would mostly say what these few have in common.
MIN_FIT = 2000
MAX_FIT = 8192
_FIT_DIM = 256
# Share of the largest variance added to all: directions that hardly vary are not blown up to noise.
_FIT_EASE = 0.05

# Numbers of a point are whole multiples of this: products of two points add up without any rounding, in
# whatever order, so that a score depends on nothing but its two photos.
STEP = 2.0**-24
_MATRIX_BITS = 23
_AT_ONCE = 4096  # rows, 42 MB in double precision

AnyVectors = npt.NDArray[np.float16] | npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class CopySpace:
    """A map from unit embeddings into a space for copies, and what scores mean there.

    mean: (dim,). matrix: (dim, d), None for the embeddings as they are. floor: cosine in this space from
    which on a pair is worth a proof. gate: the lower cosine from which on it is if the hashes agree.
    few_floor: the one from which on it is for the few nearest; as it is by default, for none.
    """

    mean: Vectors
    matrix: Vectors | None
    floor: float
    gate: float
    few_floor: float = 2.0  # no cosine is

    def project(self, units: AnyVectors) -> Vectors:
        """Return unit vectors (n, d) float32 of unit embeddings (n, dim), in multiples of STEP.

        A row of it depends on no other row, to the last bit.
        """
        points = units.astype(np.float32)
        if self.matrix is not None:
            points = np.concatenate(
                [self._placed(units[start : start + _AT_ONCE]) for start in range(0, len(units), _AT_ONCE)]
                or [np.empty((0, self.matrix.shape[1]), np.float32)]
            )
        points = unit_vectors(points)
        return np.asarray(np.rint(points / np.float32(STEP)) * np.float32(STEP), np.float32)

    def _placed(self, units: AnyVectors) -> Vectors:
        """Return the products of units, less the mean, with the matrix.

        What BLAS adds up in another order for a row in another place is whole numbers here, below 2**53 at
        every moment: units of length 1 are multiples of STEP, and the matrix is rounded to 23 bits.
        """
        assert self.matrix is not None
        scale = 2.0 ** (_MATRIX_BITS - np.ceil(np.log2(np.abs(self.matrix).max())))
        whole = np.rint(self.matrix.astype(np.float64) * scale)
        sums = np.rint(units.astype(np.float64) / STEP) @ whole
        mean = self.mean.astype(np.float64) @ (whole / scale)
        return np.asarray(sums * (STEP / scale) - mean, np.float32)


def copy_space(fingerprint: str, units: AnyVectors) -> CopySpace:
    """Return the space for a library: shipped, fitted on the library, or the embeddings as they are.

    fingerprint: of the embedder's spec. units: (n, dim) its unit embeddings.

    Raises:
        ModelError: the shipped file is damaged.
    """
    if fingerprint == shipped_fingerprint():
        return shipped_space()
    if len(units) >= MIN_FIT:
        return fitted_space(units[:: -(-len(units) // MAX_FIT)])
    return plain_space(units.shape[1])


def plain_space(dim: int) -> CopySpace:
    """Return the embeddings as they are: 99.8 % of the copies measured score .64 or more."""
    return CopySpace(np.zeros(dim, np.float32), None, floor=0.62, gate=0.45)


def fitted_space(units: AnyVectors) -> CopySpace:
    """Return a space in which the directions of the sample (n, dim) vary alike: half as good as shipped."""
    sample = units.astype(np.float32)
    mean = sample.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(sample - mean, rowvar=False))
    variances, directions = variances[::-1][:_FIT_DIM], directions[:, ::-1][:, :_FIT_DIM]
    matrix = directions / np.sqrt(variances + _FIT_EASE * variances[0])
    return CopySpace(mean, np.asarray(matrix, np.float32), floor=0.25, gate=0.1)


def shipped_fingerprint() -> str:
    """Return the fingerprint of the spec that the shipped space belongs to."""
    try:
        with safetensors.safe_open(FILE, "numpy") as file:
            return str((file.metadata() or {}).get("fingerprint", ""))
    except (OSError, safetensors.SafetensorError) as error:
        raise ModelError(f"{FILE} is missing or damaged; install lookalike again") from error


def shipped_space() -> CopySpace:
    """Return the space that was fitted for the shipped model.

    Raises:
        ModelError: its file is damaged.
    """
    try:
        arrays = safetensors.numpy.load_file(FILE)
        mean, matrix = (arrays[name].astype(np.float32) for name in ("mean", "matrix"))
    except (OSError, KeyError, safetensors.SafetensorError) as error:
        raise ModelError(f"{FILE} is missing or damaged; install lookalike again") from error
    # Generated edits of photos that the fit had not seen, and known copies of others: see
    # benchmarks/copies/candidates.py.
    return CopySpace(mean, matrix, floor=0.42, gate=0.15, few_floor=0.33)
