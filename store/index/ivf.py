"""Nearest neighbors in large libraries: shortened vectors in lists, most of which no query looks at.

Inverted lists as of Jegou et al., "Product quantization for nearest neighbor search" (2011), with scalar
codes. Measured on a million embeddings (benchmarks/search/search_scale.py): neighbors by distance need half
the probes of those by inner product, as shortened vectors are no unit vectors any more.
"""

import struct
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import Codes, Vectors
from .exact import Ids, VectorIndex, faiss_module, read_index, threaded, write_index

# Directions kept. Of the ten neighbors of each of 200 photos in a million, 0.9985 were among the 50 nearest
# by these; 0.983 by 128, all by 256. Each costs time and memory.
_DIM = 192
_DIRECTIONS_FROM = 16_384
_ROUNDS = 8  # of k-means: the recall that is wanted is measured and reached by the probes


_BLOCK = 4096
_HEADER = struct.Struct("<qqqd")


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a reduced index is searched, and the recall of that.

    trained: vectors it was made for. probes: lists that a query looks at. depth: so many of the nearest by
    shortened vectors are scored again. recall: recall@10 measured with these.
    """

    trained: int
    probes: int
    depth: int
    recall: float

    def probes_for(self, lists: int, depth: int, share: float = 1.0, effort: float = 1.0) -> int:
        """Return how many lists to look at for the `depth` nearest among a share of the photos."""
        deeper = max(1.0, depth / max(self.depth, 1))
        return min(lists, int(np.ceil(effort * self.probes * deeper / max(share, 1e-9))))


class ReducedIndex:
    """Unit vectors under 64-bit ids; its candidates must be scored again by the stored vectors.

    A vector is kept as its places along the directions in which the library's vectors vary most, rounded to
    8 bits each, in the list of the nearest of some centers. 200 bytes each where the stored one has 2,560.
    """

    RECIPE = "PCA192,IVF,SQ8,l2"
    is_exact = False

    def __init__(self, index: Any, dim: int, tuning: Tuning) -> None:
        self._index = index
        self.dim = dim
        self.tuning = tuning

    @classmethod
    def train(cls, sample: Codes, lists: int) -> "ReducedIndex":
        """Make an empty index for vectors like those of the sample, unit vectors (n, dim)."""
        faiss = threaded(len(sample))
        dim = sample.shape[1]
        every = -(-len(sample) // _DIRECTIONS_FROM)
        shorten = _projection(sample[::every].astype(np.float32), min(dim, _DIM))
        width = shorten.d_out
        lists_of = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatL2(width), width, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_L2, True
        )
        lists_of.cp.niter = _ROUNDS
        lists_of.cp.min_points_per_centroid = 1  # whoever calls knows how many are enough
        starts = range(0, len(sample), _BLOCK)
        blocks = (sample[start : start + _BLOCK].astype(np.float32) for start in starts)
        lists_of.train(np.concatenate([shorten.apply(block) for block in blocks]))
        index = faiss.IndexPreTransform(shorten, lists_of)
        return cls(index, dim, Tuning(trained=0, probes=lists, depth=0, recall=0))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def lists(self) -> int:
        """The number of lists."""
        return int(self._lists.nlist)

    @property
    def _lists(self) -> Any:
        return faiss_module().downcast_index(self._index.index)

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add unit vectors. ids: (n,), all new. codes: (n, dim) fp16."""
        threaded(len(ids))
        self._index.add_with_ids(np.ascontiguousarray(codes, np.float32), np.ascontiguousarray(ids))

    def copy(self) -> "ReducedIndex":
        """Return an index of its own with the same vectors."""
        faiss = faiss_module()
        return ReducedIndex(faiss.clone_index(self._index), self.dim, self.tuning)

    def ids(self) -> Ids:
        """Return the ids, list by list, (n,)."""
        faiss, kept = faiss_module(), self._lists.invlists
        sizes = [kept.list_size(each) for each in range(self.lists)]
        parts = [faiss.rev_swig_ptr(kept.get_ids(i), size).copy() for i, size in enumerate(sizes) if size]
        return np.concatenate([np.empty(0, np.int64), *parts])

    def near(self, queries: Vectors, depth: int, allowed: Ids | None = None, effort: float = 1.0) -> Ids:
        """Return the ids of about the `depth` nearest, (q, depth), nearest first, -1 where there are fewer.

        queries: (q, dim) float32 unit vectors. allowed: only these; the fewer, the more lists are
        looked at. effort: share of the lists that are looked at otherwise.
        """
        bits = None if allowed is None else bitmap(allowed)
        share = 1.0 if allowed is None else len(allowed) / max(len(self), 1)
        return self.nearest(queries, depth, self.tuning.probes_for(self.lists, depth, share, effort), bits)[
            1
        ]

    def nearest(
        self, queries: Vectors, depth: int, probes: int, bits: npt.NDArray[np.uint8] | None
    ) -> tuple[Vectors, Ids]:
        """Return distances and ids, (q, depth), nearest first, id -1 where there are fewer.

        probes: lists that are looked at. bits: see `bitmap`; None: all photos.
        """
        faiss = threaded(len(queries))
        # FAISS keeps bare pointers: everything is held by a name until it has searched.
        selector = None if bits is None else faiss.IDSelectorBitmap(bits)
        inner = faiss.SearchParametersIVF(nprobe=probes, sel=selector)
        parameters = faiss.SearchParametersPreTransform(index_params=inner)
        distances, ids = self._index.search(
            np.ascontiguousarray(queries, np.float32), depth, params=parameters
        )
        return distances, np.asarray(ids, np.int64)

    def write(self, put: Callable[[bytes], object]) -> None:
        """Serialize into put, block by block: the tuning, then what FAISS writes."""
        put(_HEADER.pack(*astuple(self.tuning)))
        write_index(self._index, put)

    @classmethod
    def read(cls, take: Callable[[int], bytes], dim: int) -> "ReducedIndex":
        """Read what `write` wrote; give it only data whose checksum held.

        Raises:
            ValueError: the data is not such an index.
        """
        header = take(_HEADER.size)
        if len(header) != _HEADER.size:
            raise ValueError("the index is cut off")
        faiss, loaded = faiss_module(), read_index(take)
        if not isinstance(loaded, faiss.IndexPreTransform) or loaded.d != dim:
            raise ValueError(f"not an index of {dim} dimensions")
        index = cls(loaded, dim, Tuning(*_HEADER.unpack(header)))
        if not isinstance(index._lists, faiss.IndexIVFScalarQuantizer):
            raise ValueError("not an index of lists")
        return index


def _projection(sample: Vectors, width: int) -> Any:
    """Return the map on the directions of most variance about the origin, as FAISS has it.

    Not about the mean, as FAISS' own would be: then what it keeps of a vector tells how much it left out.
    """
    _, directions = np.linalg.eigh(sample.T @ sample)
    main = np.ascontiguousarray(directions[:, ::-1][:, :width].T, np.float32)
    faiss = faiss_module()
    transform = faiss.LinearTransform(sample.shape[1], width, False)
    faiss.copy_array_to_vector(main.ravel(), transform.A)
    transform.is_trained = True
    return transform


def bitmap(ids: Ids) -> npt.NDArray[np.uint8]:
    """Return a bit for each number up to the highest id, set for the ids."""
    marks = np.zeros(int(ids.max(initial=0)) + 1, bool)
    marks[ids] = True
    return np.packbits(marks, bitorder="little")


OneIndex = VectorIndex | ReducedIndex
