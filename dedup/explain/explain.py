"""Why two pictures are, or are not, copies of each other."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...errors import DecodeError, UsageError
from ...indexer.decode.sniff import RAW
from ...indexer.embed.embedder import Embedder
from ...indexer.sandbox.decoders import OPENED_AT_HOME
from ...store.catalog.pairs import Decision, all_decisions
from ...store.catalog.photos import Photo
from ...store.names import is_remote
from ...store.records import photo_id_in
from ...store.store import Store
from ..candidates.gallery import as_units, hashes_of
from ..candidates.loading import space_of
from ..candidates.nominate import ALMOST_SAME, MAX_DISTANCE
from ..check.accounts import Compared, losses, taken_looks
from ..check.outside import NOT_IN_LIBRARY, Comparable, Reader
from ..groups.account import Loss, Party
from ..groups.companions import CompanionFinder
from ..groups.groups import Class
from ..groups.members import as_told, change_in_a_word, transform_in_words
from ..groups.separate import are_one_raw, are_one_unit
from ..groups.shots import times_differ, why_two_shots
from ..look import Look, reversed_look
from ..naming import photo_named
from ..proof import Evidence, prove, reversed_evidence
from .reasons import Measure, measures, reason


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two pictures. name: as it was given. known: what it shows."""

    name: str
    known: Comparable

    @property
    def in_library(self) -> bool:
        """Whether the library holds this content."""
        return self.known.photo.id != NOT_IN_LIBRARY


@dataclass(frozen=True, slots=True)
class Candidacy:
    """Whether a search for copies would hand the pair to the proof at all.

    cosine: of the embeddings. score: cosine in the space for copies; from floor on a pair is looked at,
    from few_floor on if it is among the few nearest, from gate on if at most most_bits of 256 differ
    between the hashes. bits: those that do. almost_same: so few that nothing else is asked. has_hashes:
    whether there is enough to see for hashes to count.
    """

    cosine: float
    score: float
    floor: float
    few_floor: float
    gate: float
    bits: int
    most_bits: int
    almost_same: bool
    has_hashes: bool

    @property
    def by_score(self) -> bool:
        """Whether the embeddings are near enough."""
        return self.score >= self.floor

    @property
    def by_rank(self) -> bool:
        """Whether the embeddings are near enough if no more than a few others are nearer."""
        return self.score >= self.few_floor

    @property
    def by_hash(self) -> bool:
        """Whether the hashes are near enough."""
        near = self.score >= self.gate and self.bits <= self.most_bits
        return self.has_hashes and (self.almost_same or near)


@dataclass(frozen=True, slots=True)
class Relation:
    """What is known of two pictures beside what they show.

    same_file: one file, or hard links of one. same_pixels: they differ in metadata at most.
    moments_differ: their capture times are those of two shots. two_shots: what tells two shots apart, in
    words, "" for nothing. halves: why they are parts of one shot, and no copies, in words. decision,
    decided_at: what the user decided.
    """

    same_file: bool
    same_bytes: bool
    same_pixels: bool
    moments_differ: bool
    two_shots: str = ""
    halves: str = ""
    decision: Decision | None = None
    decided_at: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that speaks for or against a copy.

    verdict: "exact", "copy" or "similar" (no copy). reason: what decided, in a sentence. proof: what the
    pixels alone say, in a sentence. transform: what B is to A, in words, of a copy; change: in one word.
    evidence: from A to B. measures: its telling numbers. look: of copies, what both files at full size say,
    from A to B. lost_with_a, lost_with_b: of copies, what would be lost if one went and the other stayed.
    """

    a: Side
    b: Side
    verdict: Class
    reason: str
    proof: str
    transform: str
    change: str
    relation: Relation
    evidence: Evidence
    measures: tuple[Measure, ...]
    candidacy: Candidacy
    look: Look | None = None
    lost_with_a: tuple[Loss, ...] = ()
    lost_with_b: tuple[Loss, ...] = ()


def explain(store: Store, a: str, b: str, embedder: Callable[[], Embedder]) -> Explanation:
    """Explain what two pictures are to each other. a, b: image files, or id:N of the library.

    Raises:
        UsageError: there is no such photo in the library.
        DecodeError: a file cannot be read, and the library does not know it.
        StoreMissing: nothing was indexed yet.
    """
    with Reader(store, embedder(), 1, OPENED_AT_HOME) as reader:
        first, second = _side(store, reader, a), _side(store, reader, b)
    evidence = prove(first.known.picture(), second.known.picture(), patient=True)
    relation = _relation(store, first, second)
    verdict, why = _verdict(evidence, relation)
    look, with_a, with_b = _accounts(verdict, evidence, first, second)
    transform, change = _transform(verdict, relation, evidence, (first, second), look)
    return Explanation(
        a=first,
        b=second,
        verdict=verdict,
        reason=why,
        proof=reason(evidence),
        transform=as_told(transform, with_b),
        change=change,
        relation=relation,
        evidence=evidence,
        measures=measures(evidence),
        candidacy=_candidacy(store, first.known, second.known),
        look=look,
        lost_with_a=with_a,
        lost_with_b=with_b,
    )


def _accounts(
    verdict: Class, evidence: Evidence, a: Side, b: Side
) -> tuple[Look | None, tuple[Loss, ...], tuple[Loss, ...]]:
    """Return what both files say at full size, and what would be lost with either; nothing of no copies."""
    if verdict != "copy":
        return None, (), ()
    find = CompanionFinder()
    first, second = (
        Party(side.known.photo, find.companions(side.known.photo.path), side.known.holdings)
        for side in (a, b)
    )
    pair = Compared(first, second, evidence)
    (look,) = taken_looks([pair])
    back = Compared(second, first, reversed_evidence(evidence))
    return look, losses(back, look and reversed_look(look)), losses(pair, look)


def _side(store: Store, reader: Reader, name: str) -> Side:
    failure: DecodeError | None = None
    if photo_id_in(name) is None:
        read = reader(name if is_remote(name) else os.path.abspath(name))
        if not isinstance(read, DecodeError):
            return Side(name, read.known)
        failure = read
    # The file may be away, or worse: the library still knows what it showed.
    photo = photo_named(store, name)
    known = reader.stored(photo) if photo else None
    if known is not None:
        return Side(name, known)
    if failure is not None:
        raise failure.naming(name)
    raise UsageError(f"there is no photo {name} in the library, or it has no file at the moment")


def _relation(store: Store, first: Side, second: Side) -> Relation:
    a, b = first.known.photo, second.known.photo
    with store.reading() as view:
        decided = next(
            (each for each in all_decisions(view) if {each.a, each.b} == {a.digest, b.digest}), None
        )
    same_bytes = a.digest == b.digest
    return Relation(
        same_file=same_bytes and _is_same_file(first.name, second.name),
        same_bytes=same_bytes,
        same_pixels=a.pixel_digest == b.pixel_digest,
        moments_differ=times_differ(first.known.shot, second.known.shot),
        two_shots=why_two_shots(first.known.shot, second.known.shot),
        halves=_halves(a, b),
        decision=decided.kind if decided else None,
        decided_at=decided.at if decided else None,
    )


def _halves(a: Photo, b: Photo) -> str:
    """Return why two photos never share a group whatever they show; "" if they may."""
    if are_one_unit(a, b):
        return "two halves of one shot, which belong together"
    if (a.format == RAW) != (b.format == RAW):
        return "a RAW and a developed picture: neither stands for the other"
    if a.format == RAW and not are_one_raw(a, b):
        return "two RAWs: that their previews are alike does not make them one shot"
    return ""


def _is_same_file(first: str, second: str) -> bool:
    try:
        return first == second or os.path.samefile(first, second)
    except (OSError, ValueError):
        return False


def _verdict(e: Evidence, known: Relation) -> tuple[Class, str]:
    """Return the verdict and what decided, in the order in which things count."""
    if known.same_bytes:
        return "exact", "it is one file" if known.same_file else "the files have the same bytes"
    if known.decision == "rejected":
        return "similar", f"you rejected this pair ({known.decided_at})"
    if known.decision == "confirmed":
        return "copy", f"you confirmed this pair ({known.decided_at})"
    if known.same_pixels:
        return "copy", "the pixels are the same, only the metadata differ"
    if e.verdict == "copy" and known.two_shots:
        return "similar", f"two shots, whatever the pixels say: {known.two_shots}"
    if e.verdict == "copy" and known.halves:
        return "similar", known.halves
    return e.verdict, reason(e)


def _transform(
    verdict: Class, known: Relation, e: Evidence, sides: tuple[Side, Side], look: Look | None
) -> tuple[str, str]:
    if verdict == "exact":
        return "one file" if known.same_file else "same bytes", ""
    if verdict == "similar":
        return "", ""
    a, b = (side.known.photo for side in sides)
    return transform_in_words(e, a, b, look), change_in_a_word(e, a, b)


def _candidacy(store: Store, a: Comparable, b: Comparable) -> Candidacy:
    with store.reading() as view:
        space = space_of(view)
    units = as_units([a.vector, b.vector])
    first, second = space.project(units)
    pictures = a.picture(), b.picture()
    hashes = hashes_of(pictures)
    bits = hashes.distances(np.array([0]), np.array([1]))
    return Candidacy(
        cosine=float(np.clip(units[0].astype(np.float32) @ units[1].astype(np.float32), -1, 1)),
        score=float(np.clip(first @ second, -1, 1)),
        floor=space.floor,
        few_floor=space.few_floor,
        gate=space.gate,
        bits=int(bits[0]),
        most_bits=MAX_DISTANCE,
        almost_same=bool(hashes.almost_same(np.array([0]), 2, ALMOST_SAME)[0, 1]),
        has_hashes=bool(hashes.textured.all()),
    )
