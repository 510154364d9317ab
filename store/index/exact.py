"""Exact nearest neighbors over unit vectors; the only module that loads FAISS."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..address_space import need_address_space
from ..records import Codes, Vectors

Ids = npt.NDArray[np.int64]

# FAISS reads lengths from the file it loads; our files are checked by a checksum before, this is the
# second wall (advisories of 2026 against read_index).
_MAX_VECTOR_BYTES = 1 << 36
_MAX_LOOPS = 1 << 20

_NEEDED_MB = 450  # of address space: 415 were measured of a search, with onnxruntime
_BLOCK = 1 << 20  # bytes that pass between FAISS and a file at a time


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The nearest photos of q queries, best first; equal scores by ascending id.

    ids: (q, k) int64, -1 where fewer than k exist.
    scores: (q, k) float32, cosine similarity in [-1, 1], higher is closer.
    """

    ids: Ids
    scores: Vectors


def faiss_module() -> Any:
    """Load FAISS only when vectors are searched: it takes longer than all else that `status` needs."""
    need_address_space(_NEEDED_MB, "searching")
    import faiss

    return faiss


class VectorIndex:
    """Unit vectors under 64-bit ids, searched exactly.

    The vectors are kept as the fp16 numbers that the catalog holds, so that a snapshot, a rebuild and
    the catalog are equal bit by bit; scores are computed in fp32.
    """

    # Names the layout in snapshots; another recipe means a rebuild, never an error.
    RECIPE = "IDMap2,SQfp16,ip"
    is_exact = True

    def __init__(self, dim: int) -> None:
        faiss = faiss_module()
        flat = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._index = faiss.IndexIDMap2(flat)
        self.dim = dim

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add unit vectors. ids: (n,), all new. codes: (n, dim) fp16."""
        raw = np.ascontiguousarray(codes).view(np.uint8).reshape(len(ids), self.dim * 2)
        self._index.add_sa_codes(raw, np.ascontiguousarray(ids))

    def copy(self) -> "VectorIndex":
        """Return an index of its own with the same vectors."""
        index = VectorIndex(self.dim)
        index._index = faiss_module().clone_index(self._index)
        return index

    def ids(self) -> Ids:
        """Return the ids in the order of insertion, (n,)."""
        return np.asarray(faiss_module().vector_to_array(self._index.id_map), dtype=np.int64)

    def codes(self) -> Codes:
        """Return the stored vectors in the order of insertion, (n, dim)."""
        flat: Any = faiss_module().downcast_index(self._index.index)
        raw: npt.NDArray[np.uint8] = faiss_module().vector_to_array(flat.codes)
        return raw.view(np.float16).reshape(-1, self.dim)

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> Neighbors:
        """Return the k nearest among allowed (None: all). queries: (q, dim) float32 unit vectors."""
        limit = len(self) if allowed is None else len(allowed)
        k = min(k, limit)
        if k <= 0:
            empty = np.empty((len(queries), 0))
            return Neighbors(empty.astype(np.int64), empty.astype(np.float32))
        faiss = threaded(len(queries))
        parameters: Any = None
        if allowed is not None:
            selector = faiss.IDSelectorBatch(allowed)  # FAISS keeps a bare pointer: hold it by name
            parameters = faiss.SearchParameters()
            parameters.sel = selector
        scores, ids = self._index.search(
            np.ascontiguousarray(queries, dtype=np.float32), k, params=parameters
        )
        return by_score(ids, np.where(ids < 0, scores, np.clip(scores, -1, 1)))

    def write(self, put: Callable[[bytes], object]) -> None:
        """Serialize into put, block by block: the whole is never in memory a second time."""
        write_index(self._index, put)

    @classmethod
    def read(cls, take: Callable[[int], bytes], dim: int) -> "VectorIndex":
        """Read what `write` wrote; give it only data whose checksum held.

        take: returns at most so many of the next bytes.

        Raises:
            ValueError: the data is not such an index.
        """
        loaded = read_index(take)
        if not isinstance(loaded, faiss_module().IndexIDMap2) or loaded.d != dim:
            raise ValueError(f"not an index of {dim} dimensions")
        index = cls(dim)
        index._index = loaded
        return index


def threaded(queries: int) -> Any:
    """Return FAISS, set to as many threads as a search by so many queries deserves."""
    faiss = faiss_module()
    # Threads pay only for batches: one query on two threads of a busy machine took 16x as long.
    faiss.omp_set_num_threads(1 if queries < 8 else os.cpu_count() or 1)
    return faiss


def write_index(index: Any, put: Callable[[bytes], object]) -> None:
    """Serialize an index of FAISS into put, block by block."""
    faiss = faiss_module()
    faiss.write_index(index, faiss.PyCallbackIOWriter(put, _BLOCK))


def read_index(take: Callable[[int], bytes]) -> Any:
    """Return an index of FAISS of any kind; give it only data whose checksum held.

    Raises:
        ValueError: the data is none.
    """
    faiss = faiss_module()
    faiss.set_deserialization_vector_byte_limit(_MAX_VECTOR_BYTES)
    faiss.set_deserialization_loop_limit(_MAX_LOOPS)
    try:
        return faiss.read_index(faiss.PyCallbackIOReader(take, _BLOCK))
    except RuntimeError as error:
        raise ValueError(str(error)) from error


def by_score(ids: Ids, scores: Vectors) -> Neighbors:
    """Return neighbors best first, equal scores by ascending id."""
    order = np.lexsort((ids, -scores), axis=-1)
    return Neighbors(np.take_along_axis(ids, order, -1), np.take_along_axis(scores, order, -1))


BitCodes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int32]


def bit_distances(a: BitCodes, b: BitCodes, out: Counts | None = None) -> Counts:
    """Return how many bits differ between each code of a (m, bytes) and each of b (n, bytes), (m, n).

    out: room for at least m * n counts, of which the result is a view.
    """
    faiss = faiss_module()
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    if a.ndim != 2 or a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"codes of shapes {a.shape} and {b.shape} cannot be compared"
        )  # FAISS gets pointers
    if out is not None and (
        out.size < len(a) * len(b) or out.dtype != np.int32 or not out.flags.c_contiguous
    ):
        raise ValueError(f"no room for {len(a)} x {len(b)} counts")
    room = np.empty(len(a) * len(b), np.int32) if out is None else out
    found = room[: len(a) * len(b)].reshape(len(a), len(b))
    faiss.omp_set_num_threads(1)  # of this thread: whoever compares much has threads of its own
    pointers = (faiss.swig_ptr(each) for each in (a, b))
    if found.size:
        faiss.hammings(*pointers, len(a), len(b), a.shape[1], faiss.swig_ptr(found))
    return found
