"""What is known of pairs of photos: proofs, and what the user decided.

Pairs are of content ids, the smaller one first; decisions are of
content digests, so that they outlive a rename, a new index and another model.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from ..view import View
from .schema import content_table, decision_table, now, pair_table, pieces

_pair, _decision = pair_table.c, decision_table.c
Decision = Literal["rejected", "confirmed"]

# What a proof says of the pixels; and of those that are copies by them, which are two shots all the same.
COPY, APART = "copy", "apart"
_PROVEN = _pair.verdict.in_((COPY, APART))


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A pair with its proof. a < b. evidence: numbers and words, as the verifier gave them.

    verdict: that of the pixels, or APART.

    log_odds: of a copy against another picture, by the numbers alone, as a natural logarithm.
    """

    a: int
    b: int
    cosine: float
    verdict: str
    log_odds: float
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a proof, without the evidence. a < b. log_odds: see `JudgedPair`."""

    a: int
    b: int
    is_copy: bool
    log_odds: float


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision of the user on two contents.

    a, b: blake3 digests in hex, the smaller one first. at: ISO 8601 in UTC.
    """

    a: str
    b: str
    kind: Decision
    at: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Digest (blake3, 32 bytes) and displayed width and height (pixels) of a content."""

    digest: bytes
    width: int
    height: int


def facts_of(view: View, content_ids: Sequence[int]) -> dict[int, Facts]:
    """Return digest and size of contents by id, of those that there are."""
    content = content_table.c
    question = sa.select(content.id, content.digest, content.width, content.height)
    found: dict[int, Facts] = {}
    for some in pieces(content_ids):
        rows = view.connection.execute(question.where(content.id.in_(some)))
        found.update((content_id, Facts(*facts)) for content_id, *facts in rows)
    return found


def _of_known(view: View, rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    """Leave out rows about contents (ids in the fields of these names) that were purged meanwhile."""
    known = facts_of(view, list({row[name] for row in rows for name in names}))
    return [row for row in rows if all(row[name] in known for name in names)]


# --- pairs ------------------------------------------------------------------------------------


def count_candidates(view: View) -> int:
    """Return the number of pairs that were nominated, proved or not."""
    return view.connection.execute(sa.select(sa.func.count()).select_from(pair_table)).scalar_one()


def unproved_pairs(view: View, verifier: int) -> list[tuple[int, int, float]]:
    """Return (a, b, cosine) of the pairs that no proof of this version has seen, by a and b."""
    rows = view.connection.execute(
        sa.select(_pair.a, _pair.b, _pair.cosine)
        .where(_pair.verifier < verifier)
        .order_by(_pair.a, _pair.b)
    )
    return [(a, b, cosine) for a, b, cosine in rows]


def put_proofs(view: View, verifier: int, proofs: Iterable[JudgedPair]) -> None:
    """Record verdicts with their evidence."""
    rows = [
        {
            "a": proof.a,
            "b": proof.b,
            "cosine": proof.cosine,
            "verifier": verifier,
            "verdict": proof.verdict,
            "log_odds": proof.log_odds,
            "evidence": json.dumps(proof.evidence),
        }
        for proof in proofs
    ]
    rows = _of_known(view, rows, "a", "b")
    if not rows:
        return
    statement = insert(pair_table)
    changed = {name: statement.excluded[name] for name in ("verifier", "verdict", "log_odds", "evidence")}
    view.connection.execute(statement.on_conflict_do_update(index_elements=["a", "b"], set_=changed), rows)


def all_verdicts(view: View) -> Iterator[Verdict]:
    """Yield the outcomes of all proofs, by a and b."""
    rows = view.connection.execute(
        sa.select(_pair.a, _pair.b, _pair.verdict, _pair.log_odds)
        .where(_pair.verdict.is_not(None))
        .order_by(_pair.a, _pair.b)
    )
    for a, b, verdict, log_odds in rows:
        yield Verdict(a, b, verdict in (COPY, APART), log_odds)


def proven_pairs(view: View) -> dict[tuple[int, int], bool]:
    """Return the pairs (a < b) that are copies by their pixels, and which of them are kept apart."""
    rows = view.connection.execute(sa.select(_pair.a, _pair.b, _pair.verdict).where(_PROVEN))
    return {(a, b): verdict == APART for a, b, verdict in rows}


def keep_apart(view: View, changed: Mapping[tuple[int, int], bool]) -> None:
    """Record of proven pairs whether they are kept apart, so that searches count no two shots as one."""
    for (a, b), is_apart in changed.items():
        change = sa.update(pair_table).where(_pair.a == a, _pair.b == b, _PROVEN)
        view.connection.execute(change.values(verdict=APART if is_apart else COPY))


def copies_touching(view: View, ids: Collection[int]) -> Iterator[tuple[int, int]]:
    """Yield the pairs (a < b) that are copies by their pixels and have one of these contents in them."""
    rows = view.connection.execute(sa.select(_pair.a, _pair.b).where(_PROVEN))
    return ((a, b) for a, b in rows if a in ids or b in ids)


def proofs_of(view: View, wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], JudgedPair]:
    """Return the proofs of these pairs (a < b), of those that there are."""
    names = (_pair.a, _pair.b, _pair.cosine, _pair.verdict, _pair.log_odds, _pair.evidence)
    found: dict[tuple[int, int], JudgedPair] = {}
    for some in pieces(sorted({a for a, _ in wanted})):
        rows = view.connection.execute(
            sa.select(*names).where(_pair.a.in_(some), _pair.verdict.is_not(None))
        )
        for a, b, cosine, verdict, log_odds, evidence in rows:
            if (a, b) in wanted:
                found[a, b] = JudgedPair(a, b, cosine, verdict, log_odds, json.loads(evidence))
    return found


def pixels_of(view: View, content_ids: Sequence[int]) -> dict[int, bytes]:
    """Return the pixel digests of contents by id."""
    content = content_table.c
    found: dict[int, bytes] = {}
    for some in pieces(content_ids):
        rows = view.connection.execute(
            sa.select(content.id, content.pixel_digest).where(content.id.in_(some))
        )
        found.update((content_id, digest) for content_id, digest in rows)
    return found


def copies_of(view: View, photo_id: int) -> list[int]:
    """Return the ids of the contents that are proven copies of one, or show the same pixels, ascending."""
    rows = view.connection.execute(
        sa.select(_pair.a, _pair.b).where(
            _pair.verdict == COPY, sa.or_(_pair.a == photo_id, _pair.b == photo_id)
        )
    )
    of_photo = sa.select(content_table.c.pixel_digest).where(content_table.c.id == photo_id)
    same = view.connection.execute(
        sa.select(content_table.c.id).where(content_table.c.pixel_digest == of_photo.scalar_subquery())
    )
    return sorted(({each for row in rows for each in row} | set(same.scalars())) - {photo_id})


def same_pixels(view: View) -> Iterator[list[int]]:
    """Yield the ids of contents that show the same pixels, each group by digest."""
    content = content_table.c
    repeated = sa.select(content.pixel_digest).group_by(content.pixel_digest).having(sa.func.count() > 1)
    rows = view.connection.execute(
        sa.select(content.pixel_digest, content.id)
        .where(content.pixel_digest.in_(repeated))
        .order_by(content.pixel_digest, content.digest)
    )
    for _, same in itertools.groupby(rows, key=lambda row: row.pixel_digest):
        yield [row.id for row in same]


def ids_of_pixels(view: View, digests: Sequence[bytes]) -> dict[bytes, list[int]]:
    """Return the ids of the contents that show certain pixels, ascending, by pixel digest."""
    content, found = content_table.c, defaultdict[bytes, list[int]](list)
    for some in pieces(digests):
        rows = view.connection.execute(
            sa.select(content.pixel_digest, content.id)
            .where(content.pixel_digest.in_(some))
            .order_by(content.id)
        )
        for digest, content_id in rows:
            found[digest].append(content_id)
    return dict(found)


# --- decisions --------------------------------------------------------------------------------


def decide(view: View, a: str, b: str, kind: Decision | None) -> None:
    """Record the user's decision on two contents (digests in hex); None removes it."""
    first, second = sorted((bytes.fromhex(a), bytes.fromhex(b)))
    if kind is None:
        view.connection.execute(
            sa.delete(decision_table).where(_decision.a == first, _decision.b == second)
        )
        return
    statement = insert(decision_table).values(a=first, b=second, kind=kind, at=now())
    view.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["a", "b"],
            set_={"kind": statement.excluded.kind, "at": statement.excluded.at},
        )
    )


def merge_decisions(view: View, given: Iterable[Decided]) -> int:
    """Take over decisions that were made elsewhere; of two on one pair the later counts.

    Returns how many changed anything.
    """
    changed = 0
    for each in given:
        first, second = sorted((bytes.fromhex(each.a), bytes.fromhex(each.b)))
        statement = insert(decision_table).values(a=first, b=second, kind=each.kind, at=each.at)
        later = statement.excluded.at > _decision.at
        changed += view.connection.execute(
            statement.on_conflict_do_update(
                index_elements=["a", "b"],
                set_={"kind": statement.excluded.kind, "at": statement.excluded.at},
                where=later,
            )
        ).rowcount
    return changed


def all_decisions(view: View) -> Iterator[Decided]:
    """Yield all decisions, oldest first."""
    rows = view.connection.execute(sa.select(decision_table).order_by(_decision.at, _decision.a))
    for row in rows:
        yield Decided(row.a.hex(), row.b.hex(), row.kind, row.at)


def decisions_by_ids(view: View) -> dict[tuple[int, int], str]:
    """Return the decisions on contents that are in the library, by their ids, the smaller one first."""
    first, second = content_table.alias(), content_table.alias()
    join = decision_table.join(first, _decision.a == first.c.digest).join(
        second, _decision.b == second.c.digest
    )
    rows = view.connection.execute(sa.select(first.c.id, second.c.id, _decision.kind).select_from(join))
    return {(min(a, b), max(a, b)): kind for a, b, kind in rows}
