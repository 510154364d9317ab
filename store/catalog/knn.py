"""Which photos are nearest to each photo of the library, as it is kept in the catalog."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from ..index.exact import Ids
from ..records import Vectors
from ..view import View
from .schema import embedding_table, neighborhood_table, pieces, signed_checksum

# So many neighbors are kept of each photo: k1 of Zhong et al. (2017); what other numbers find is in
# benchmarks/search/reranking.py.
NEIGHBORS = 20

_kept = neighborhood_table.c

_ASK = """
SELECT content_id, same_as, neighbors, scores, checksum FROM neighborhood
WHERE model_id = ? AND content_id IN (SELECT value FROM json_each(?))
"""
_PUT = "INSERT OR REPLACE INTO neighborhood VALUES (?, ?, ?, ?, ?, ?, ?)"
_UNSETTLE = """
UPDATE neighborhood SET is_settled = 0
WHERE model_id = ? AND is_settled AND content_id IN (SELECT value FROM json_each(?))
"""
# A pair that the user rejected, or that is kept apart, is none; of one that was confirmed, the proof does
# not matter.
_COPIES = """
SELECT b, min(a) FROM (
    SELECT a, b FROM pair WHERE verdict = 'copy'
    UNION SELECT min(x.id, y.id), max(x.id, y.id) FROM decision
        JOIN content x ON x.digest = decision.a JOIN content y ON y.digest = decision.b
        WHERE decision.kind = 'confirmed'
    EXCEPT SELECT min(x.id, y.id), max(x.id, y.id) FROM decision
        JOIN content x ON x.digest = decision.a JOIN content y ON y.digest = decision.b
        WHERE decision.kind = 'rejected'
) GROUP BY b
"""
_NEW = """
SELECT content_id FROM embedding WHERE model_id = ? AND NOT EXISTS (
    SELECT 1 FROM neighborhood n
    WHERE n.content_id = embedding.content_id AND n.model_id = embedding.model_id
)
"""
_CHANGED = f"""
WITH copies(b, a) AS ({_COPIES})
SELECT content_id FROM neighborhood LEFT JOIN copies ON b = content_id
WHERE model_id = ? AND same_as != coalesce(a, content_id)
"""


@dataclass(frozen=True, slots=True, eq=False)
class Neighborhoods:
    """The nearest photos of n photos, their copies and copies of one another left out.

    ids: (n,), ascending. same_as: (n,), the photo that stands for each and its proven copies, maybe itself.
    neighbors: (n, NEIGHBORS) ids, best first, each one that stands for its copies; 0 where there are fewer.
    scores: (n, NEIGHBORS) cosines, -1 where there are fewer. mutual: (n, NEIGHBORS), whether the neighbor
    has the photo among its own.
    """

    ids: Ids
    same_as: Ids
    neighbors: Ids
    scores: Vectors
    mutual: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def reach(self) -> Vectors:
        """The score from which on another photo would be among the neighbors, (n,)."""
        return self.scores[:, -1]

    def places(self, ids: Ids) -> tuple[Ids, npt.NDArray[np.bool_]]:
        """Return where photos stand, in the shape of ids, and whether they are there at all."""
        found = np.minimum(np.searchsorted(self.ids, ids), max(len(self) - 1, 0))
        return found, np.zeros(ids.shape, np.bool_) if not len(self) else self.ids[found] == ids


def empty(ids: Ids) -> Neighborhoods:
    """Return neighborhoods without a neighbor. ids: ascending."""
    shape = (len(ids), NEIGHBORS)
    return Neighborhoods(
        ids,
        ids.copy(),
        np.zeros(shape, np.int64),
        np.full(shape, -1, np.float32),
        np.zeros(shape, np.bool_),
    )


def neighborhoods_of(view: View, ids: Ids) -> Neighborhoods:
    """Return the neighborhoods of photos; those without one, or with a damaged one, are left out."""
    if view.model is None:
        return empty(np.empty(0, np.int64))
    wanted = json.dumps(np.unique(ids).tolist())
    rows = view.connection.exec_driver_sql(_ASK, (view.model.id, wanted)).all()
    return _unpacked(sorted((row for row in rows if _is_sound(row)), key=lambda row: int(row[0])))


def _is_sound(row: Sequence[Any]) -> bool:
    content_id, same_as, neighbors, scores, checksum = row
    is_long = len(neighbors) == 8 * NEIGHBORS and len(scores) == 4 * NEIGHBORS
    return is_long and checksum == _checksum(content_id, same_as, neighbors, scores)


def _checksum(content_id: int, same_as: int, neighbors: bytes, scores: bytes) -> int:
    return signed_checksum(struct.pack("<qq", content_id, same_as) + neighbors + scores)


def _unpacked(rows: Sequence[Sequence[Any]]) -> Neighborhoods:
    # A neighbor that does not have the photo among its own is kept as a negative number.
    signed = np.frombuffer(b"".join(row[2] for row in rows), "<i8").reshape(-1, NEIGHBORS)
    return Neighborhoods(
        ids=np.array([row[0] for row in rows], np.int64),
        same_as=np.array([row[1] for row in rows], np.int64),
        neighbors=np.abs(signed),
        scores=np.frombuffer(b"".join(row[3] for row in rows), "<f4").reshape(-1, NEIGHBORS),
        mutual=signed > 0,
    )


def put_neighborhoods(view: View, found: Neighborhoods, *, settled: bool) -> None:
    """Record neighborhoods. settled: whether `mutual` is known."""
    signed = np.where(found.mutual, found.neighbors, -found.neighbors).astype("<i8")
    parts = zip(found.ids.tolist(), found.same_as.tolist(), signed, found.scores, strict=True)
    rows = []
    for content_id, same_as, neighbors, scores in parts:
        blobs = neighbors.tobytes(), scores.astype("<f4").tobytes()
        checksum = _checksum(content_id, same_as, *blobs)
        rows.append((content_id, view.known_model.id, same_as, int(settled), *blobs, checksum))
    if rows:
        view.connection.exec_driver_sql(_PUT, rows)


def unsettle(view: View, ids: Ids) -> None:
    """Mark photos whose mutual neighbors must be found again."""
    view.connection.exec_driver_sql(_UNSETTLE, (view.known_model.id, json.dumps(np.unique(ids).tolist())))


def unsettled_ids(view: View, most: int) -> Ids:
    """Return the ids of at most `most` photos whose mutual neighbors must be found, ascending."""
    rows = view.connection.execute(
        sa.select(_kept.content_id)
        .where(_kept.is_settled == 0, _kept.model_id == view.known_model.id)
        .order_by(_kept.content_id)
        .limit(most)
    )
    return np.fromiter(rows.scalars(), np.int64)


def without_neighborhood(view: View) -> Ids:
    """Return the photos that have an embedding and no neighborhood."""
    return np.fromiter(view.connection.exec_driver_sql(_NEW, (view.known_model.id,)).scalars(), np.int64)


def with_other_copies(view: View) -> Ids:
    """Return the photos for which another one stands now than when their neighborhood was found."""
    return np.fromiter(
        view.connection.exec_driver_sql(_CHANGED, (view.known_model.id,)).scalars(), np.int64
    )


def proven_copies(view: View) -> dict[int, int]:
    """Return for each proven copy that is not the oldest the oldest photo that it is a copy of."""
    return {row[0]: row[1] for row in view.connection.exec_driver_sql(_COPIES)}


def count_damaged(view: View) -> int:
    """Return the number of damaged rows."""
    names = (_kept.content_id, _kept.same_as, _kept.neighbors, _kept.scores, _kept.checksum)
    rows = view.connection.execution_options(yield_per=4096).execute(sa.select(*names))
    return sum(not _is_sound(row) for row in rows)


def forget_neighborhoods(view: View, ids: Ids) -> None:
    """Remove the neighborhoods of photos."""
    for some in pieces(ids.tolist()):
        view.connection.execute(sa.delete(neighborhood_table).where(_kept.content_id.in_(some)))


def forget_neighbors(view: View, gone: Sequence[int]) -> None:
    """Remove the neighborhoods that contain any of these photos, which were purged."""
    gone_ids = np.array(gone, np.int64)
    rows = view.connection.execution_options(yield_per=4096).execute(
        sa.select(_kept.content_id, _kept.same_as, _kept.neighbors, _kept.scores, _kept.checksum)
    )
    stale = [
        found.ids[np.isin(found.neighbors, gone_ids).any(axis=1)]
        for block in rows.partitions(4096)
        for found in [_unpacked([row for row in block if _is_sound(row)])]
    ]
    forget_neighborhoods(view, np.concatenate([np.empty(0, np.int64), *stale]))


def drop_damaged(view: View) -> int:
    """Remove damaged rows; return how many. The next index run makes them again."""
    names = (_kept.content_id, _kept.same_as, _kept.neighbors, _kept.scores, _kept.checksum)
    bad = [row[0] for row in view.connection.execute(sa.select(*names)) if not _is_sound(row)]
    forget_neighborhoods(view, np.array(bad, np.int64))
    known = sa.select(embedding_table.c.content_id)
    strays = view.connection.execute(sa.delete(neighborhood_table).where(_kept.content_id.not_in(known)))
    return len(bad) + strays.rowcount
