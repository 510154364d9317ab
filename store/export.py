"""Writing embeddings to an .npz file, block by block: the whole of them never is in memory."""

import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import StoreCorrupt
from .catalog.contents import digests_of
from .catalog.embeddings import raw_vectors
from .catalog.photos import visible_ids
from .filters.where import Where
from .index.exact import Ids
from .own_files import OwnFile
from .records import Vectors, unit_vectors
from .view import View

_BLOCK = 4096
_SIGN = "vectors.npy"  # by this member a file is recognized that may be replaced


def export_vectors(view: View, path: str, where: Where) -> int:
    """Write the embeddings of the photos that pass to an .npz file; return their number.

    The file is whole or not there: an older export is replaced at the very end.

    Raises:
        UsageError: see `OwnFile.check`.
        OutputUnwritable: the file cannot be written.
    """
    EXPORT.check(path)
    ids = visible_ids(view, where)
    with EXPORT.replaced(path) as out, zipfile.ZipFile(out, "w") as archive:
        _write(archive, "ids", ids.shape, np.dtype(np.int64), [ids])
        _write(archive, "digests", ids.shape, np.dtype("U64"), _digests(view, ids))
        dim = view.model.spec.dim if view.model else 0
        _write(archive, "vectors", (len(ids), dim), np.dtype(np.float32), _vectors(view, ids))
        name = np.array(view.model.spec.fingerprint if view.model else "")
        _write(archive, "fingerprint", (), name.dtype, [name])
    return len(ids)


def all_vectors(view: View, where: Where, *, normalized: bool) -> tuple[Ids, Vectors]:
    """Return the ids (n,) ascending, and embeddings (n, dim) float32, of the photos that pass.

    normalized: of length 1, else as they left the network.

    Raises:
        StoreCorrupt: a photo has no embedding.
    """
    ids = visible_ids(view, where)
    found = np.zeros((len(ids), view.model.spec.dim if view.model else 0), np.float32)
    place = 0
    for some in _vectors(view, ids):
        found[place : place + len(some)] = unit_vectors(some) if normalized else some
        place += len(some)
    return ids, found


def _is_export(path: str) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return _SIGN in archive.namelist()
    except (ValueError, zipfile.BadZipFile):
        return False


EXPORT = OwnFile("export of embeddings", _is_export, (".npz",))


def _write(
    archive: zipfile.ZipFile,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    blocks: "Sequence[npt.NDArray[Any]] | Iterator[npt.NDArray[Any]]",
) -> None:
    """Write one array, given as blocks of rows, the way `numpy.savez` does."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as out:
        np.lib.format.write_array_header_1_0(out, header)
        for block in blocks:
            out.write(np.ascontiguousarray(block, dtype=dtype).tobytes())


def _digests(view: View, ids: Ids) -> Iterator[npt.NDArray[np.str_]]:
    for some in _blocks(ids):
        found = digests_of(view, some)
        yield np.array([found[each].hex() for each in some], dtype="U64")


def _vectors(view: View, ids: Ids) -> Iterator[npt.NDArray[np.float32]]:
    for some in _blocks(ids):
        found = raw_vectors(view, some)
        if len(found) < len(some):
            raise StoreCorrupt("some photos have no embedding; run `lookalike doctor`")
        yield np.stack([found[each] for each in some])


def _blocks(ids: Ids) -> Iterator[list[int]]:
    for start in range(0, len(ids), _BLOCK):
        yield ids[start : start + _BLOCK].tolist()
