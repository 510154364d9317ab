"""Labels that the user taught: their examples by content digest, and the classifier learned from these."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from ...errors import StoreCorrupt
from ..records import Codes, Vectors
from ..view import View
from .schema import now, taught_checksum, taught_table

_log = logging.getLogger(__name__)

_DIGEST = 32
_taught = taught_table.c


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """A label that was taught.

    word: its name as it is compared. name: as it was written. fingerprint: of the embedder. yes, no: blake3
    digests of the contents that show it, or do not. vectors: their unit vectors, (yes + no, dim). weights:
    (dim,), bias: what was learned; the label's confidence is 1 / (1 + exp(-(unit @ weights + bias))).
    at: when, ISO 8601 in UTC.
    """

    word: str
    name: str
    fingerprint: str
    yes: tuple[bytes, ...]
    no: tuple[bytes, ...]
    vectors: Codes
    weights: Vectors
    bias: float
    at: str = ""

    @property
    def parts(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Its blobs, as they are stored."""
        return b"".join(self.yes), b"".join(self.no), self.vectors.tobytes(), self.weights.tobytes()


def put_taught(view: View, label: Taught) -> Taught:
    """Record a label; one of the same word is replaced. Return it with the time of that."""
    yes, no, vectors, weights = label.parts
    words, at = (label.word, label.name, label.fingerprint), now()
    row = {
        **dict(zip(("word", "name", "fingerprint"), words, strict=True)),
        "positives": yes,
        "negatives": no,
        "vectors": vectors,
        "weights": weights,
        "bias": label.bias,
        "at": at,
        "checksum": taught_checksum([*words, at], label.parts, label.bias),
    }
    statement = insert(taught_table).values(row)
    view.connection.execute(statement.on_conflict_do_update(index_elements=["word"], set_=row))
    return replace(label, at=at)


def forget_taught(view: View, word: str) -> bool:
    """Remove a label; return whether there was one."""
    return view.connection.execute(sa.delete(taught_table).where(_taught.word == word)).rowcount > 0


def taught_labels(view: View, damaged: list[str] | None = None) -> list[Taught]:
    """Return the labels that were taught, by word.

    damaged: takes the names of those that are damaged, which are left out with a warning.

    Raises:
        StoreCorrupt: one is damaged, and there is no such list.
    """
    found = []
    for row in view.connection.execute(sa.select(taught_table).order_by(_taught.word)):
        if is_whole(row):
            found.append(_read(row))
            continue
        error = damaged_error(str(row.name))
        if damaged is None:
            raise error
        _log.warning("%s", error)
        damaged += [str(row.word), str(row.name)]
    return found


def damaged_error(name: str) -> StoreCorrupt:
    """Return what to say of a label that is damaged."""
    return StoreCorrupt(
        f"the taught label {name!r} is damaged: its checksum differs; `lookalike repair` removes it, then "
        "teach it again"
    )


def _read(row: "sa.Row[Any]") -> Taught:
    yes, no = _digests(row.positives), _digests(row.negatives)
    codes = np.frombuffer(row.vectors, np.float16).reshape(len(yes) + len(no), -1)
    weights = np.frombuffer(row.weights, np.float32)
    return Taught(row.word, row.name, row.fingerprint, yes, no, codes, weights, row.bias, row.at)


def is_whole(row: "sa.Row[tuple[object, ...]]") -> bool:
    """Tell whether a row is what was written."""
    try:
        words = [row.word, row.name, row.fingerprint, row.at]
        return bool(row.checksum == taught_checksum(words, _parts(row), row.bias))
    except (AttributeError, TypeError, ValueError):  # a damaged row may hold anything
        return False


def _parts(row: "sa.Row[tuple[object, ...]]") -> Sequence[bytes]:
    return row.positives, row.negatives, row.vectors, row.weights


def drop_damaged(view: View) -> int:
    """Remove the labels that are not what was written; return how many."""
    rows = view.connection.execute(sa.select(taught_table, sa.literal_column("rowid").label("row"))).all()
    bad = [row.row for row in rows if not is_whole(row)]
    for each in bad:
        view.connection.execute(sa.delete(taught_table).where(sa.literal_column("rowid") == each))
    return len(bad)


def _digests(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[start : start + _DIGEST] for start in range(0, len(data), _DIGEST))
