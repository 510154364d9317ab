"""Perceptual hashes of the photos that were compared with the library, and the candidate pairs found."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from ...errors import StoreCorrupt
from ..index.exact import Ids
from ..view import View
from .schema import photo_hash_table

_hash = photo_hash_table.c

HASH_BYTES = 32


@dataclass(frozen=True, slots=True, eq=False)
class StoredHashes:
    """Perceptual hashes of some photos. ids: (n,). bits: (n, 32). quality: (n,), 0 to 100."""

    ids: Ids
    bits: npt.NDArray[np.uint8]
    quality: npt.NDArray[np.int64]


# For very many rows at once: the text goes to the driver as it is.
_PUT_CANDIDATE = """
INSERT INTO pair (a, b, cosine, verifier) VALUES (?, ?, ?, 0) ON CONFLICT (a, b) DO NOTHING
"""
_KNOWN = "SELECT id FROM content WHERE id IN (SELECT value FROM json_each(?))"


def _are_known(view: View, ids: Ids) -> npt.NDArray[np.bool_]:
    """Return which ids are of contents that were not purged meanwhile, in the shape of ids."""
    wanted = json.dumps(np.unique(ids).tolist())
    rows = view.connection.exec_driver_sql(_KNOWN, (wanted,))
    return np.isin(ids, np.fromiter(rows.scalars(), np.int64))


def put_hashes(view: View, hashes: StoredHashes) -> None:
    """Record the hashes of photos that were compared with the library."""
    known = _are_known(view, hashes.ids)
    columns = (hashes.ids[known].tolist(), hashes.bits[known], hashes.quality[known].tolist())
    rows = [
        {"content_id": photo, "model_id": view.known_model.id, "hash": bits.tobytes(), "quality": quality}
        for photo, bits, quality in zip(*columns, strict=True)
    ]
    if rows:
        view.connection.execute(sa.insert(photo_hash_table).prefix_with("OR REPLACE"), rows)


def stored_hashes(view: View) -> Iterator[StoredHashes]:
    """Yield perceptual hash and quality of the photos that were compared, some at a time.

    Raises:
        StoreCorrupt: a hash has not 32 bytes.
    """
    if view.model is None:
        return
    rows = view.connection.execution_options(yield_per=4096).execute(
        sa.select(_hash.content_id, _hash.hash, _hash.quality).where(_hash.model_id == view.model.id)
    )
    for block in rows.partitions(4096):
        ids, bits, quality = zip(*block, strict=True)
        if any(len(each) != HASH_BYTES for each in bits):
            raise StoreCorrupt("a stored hash is damaged; run `lookalike doctor` to see what is affected")
        joined = np.frombuffer(b"".join(bits), np.uint8).reshape(-1, HASH_BYTES)
        yield StoredHashes(np.array(ids, np.int64), joined, np.array(quality, np.int64))


def compared_ids(view: View) -> Ids:
    """Return the ids of the photos that were compared with the library."""
    if view.model is None:
        return np.empty(0, np.int64)
    rows = view.connection.execute(sa.select(_hash.content_id).where(_hash.model_id == view.model.id))
    return np.fromiter(rows.scalars(), np.int64)


def put_candidates(view: View, pairs: npt.NDArray[np.int64], cosines: Sequence[float]) -> None:
    """Remember pairs to be proved; those that are known stay as they are. pairs: (m, 2), a < b."""
    known: list[bool] = np.all(_are_known(view, pairs), axis=1).tolist()
    rows = list(zip(*pairs[known].T.tolist(), itertools.compress(cosines, known), strict=True))
    if rows:
        view.connection.exec_driver_sql(_PUT_CANDIDATE, rows)
