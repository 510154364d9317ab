"""What photos look like among the others, and the pairs that came of comparing them, to be proved."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from ...errors import StoreCorrupt
from ..index.exact import Ids
from ..records import Vectors
from ..view import View
from .schema import look_table

_look = look_table.c

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Look:
    """What a photo looks like among the others, as of when it was compared with them.

    neighbors: (k,) ids, best first, -1 where there are fewer. scores: (k,) cosines. hash: 32 bytes, a
    perceptual hash. quality: 0 to 100, how much there is to see.
    """

    id: int
    neighbors: Ids
    scores: Vectors
    hash: bytes
    quality: int


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


def put_looks(view: View, looks: Sequence[Look]) -> None:
    """Record how photos compare with the library."""
    known = _are_known(view, np.array([look.id for look in looks], np.int64))
    rows = [
        {
            "content_id": look.id,
            "model_id": view.known_model.id,
            "neighbors": look.neighbors.astype("<i8").tobytes(),
            "scores": look.scores.astype("<f4").tobytes(),
            "hash": look.hash,
            "quality": look.quality,
        }
        for look, is_known in zip(looks, known.tolist(), strict=True)
        if is_known
    ]
    if rows:
        view.connection.execute(sa.insert(look_table).prefix_with("OR REPLACE"), rows)


def stored_hashes(view: View) -> Iterator[StoredHashes]:
    """Yield perceptual hash and quality of the photos that were compared, some at a time.

    Raises:
        StoreCorrupt: a hash has not 32 bytes.
    """
    if view.model is None:
        return
    rows = view.connection.execution_options(yield_per=4096).execute(
        sa.select(_look.content_id, _look.hash, _look.quality).where(_look.model_id == view.model.id)
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
    rows = view.connection.execute(sa.select(_look.content_id).where(_look.model_id == view.model.id))
    return np.fromiter(rows.scalars(), np.int64)


def put_candidates(view: View, pairs: npt.NDArray[np.int64], cosines: Sequence[float]) -> None:
    """Remember pairs to be proved; those that are known stay as they are. pairs: (m, 2), a < b."""
    known: list[bool] = np.all(_are_known(view, pairs), axis=1).tolist()
    rows = list(zip(*pairs[known].T.tolist(), itertools.compress(cosines, known), strict=True))
    if rows:
        view.connection.exec_driver_sql(_PUT_CANDIDATE, rows)
