"""A star of photos -> a group: which file is kept, what the others are, and which are safe to preselect."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from ...store.catalog.photos import Photo
from ...store.names import format_name
from ..proof import (
    GREY_SATURATION,
    WHOLE,
    Evidence,
    FileFacts,
    classify,
    describe,
    details_differ,
    is_straight,
)
from ..proof.differences import MOST_PLACES
from ..proof.prove import reversed_evidence
from .companions import Companion
from .groups import Group, Member
from .keeper import Choice, KeepRules, choose_keeper, is_below

PairKey = tuple[int, int]

# How it is known where no numbers were needed. A blank page has nothing to align, only pixels.
SAME_PIXELS = "same pixels"


def beyond_doubt(branch: str) -> Evidence:
    """Return the evidence of a pair that needs no numbers."""
    return Evidence(verdict="copy", branch=branch, natural=True, probability=1.0)


@dataclass(frozen=True, slots=True)
class GroupContext:
    """What the description of a group's members needs to know.

    proofs: of the pairs that are copies. companions: of a file, by its path.
    """

    proofs: Mapping[PairKey, Evidence]
    rules: KeepRules
    companions: Callable[[str], tuple[Companion, ...]]


def described(photos: Sequence[Photo], about: GroupContext) -> Group:
    """Choose the file to keep among those of the photos, the center of their star first."""
    choices = _choices(photos, about)
    keeper, reason = choose_keeper(choices, about.rules)
    rest = sorted((choice for choice in choices if choice != keeper), key=lambda c: c.file.path)
    members = tuple(_member(choice, keeper, photos[0], about) for choice in rest)
    return Group(keeper.photo, keeper.file, members, reason, keeper.companions)


def _choices(photos: Sequence[Photo], about: GroupContext) -> list[Choice]:
    """Return the files with their companions; what is a copy here, by its bytes or a decision, is none."""
    files = [(photo, file) for photo in photos for file in photo.files]
    here = {file.path for _, file in files}
    ids = {photo.id for photo in photos}
    proofs = {
        key: about.proofs[key] for key in itertools.combinations(sorted(ids), 2) if key in about.proofs
    }
    around, grey = _surrounds(proofs), _turned_grey(proofs)
    return [
        Choice(
            photo,
            file,
            tuple(each for each in about.companions(file.path) if each.path not in here),
            picture=1 - around[photo.id],
            is_derived=photo.id in grey or around[photo.id] > 0,
        )
        for photo, file in files
    ]


def _surrounds(proofs: Mapping[PairKey, Evidence]) -> Mapping[int, float]:
    """Return how much of each photo is no picture: the most that lies around any of the others."""
    around: dict[int, float] = defaultdict(float)
    for (a, b), proof in proofs.items():
        around[a] = max(around[a], proof.surround_a)
        around[b] = max(around[b], proof.surround_b)
    return around


def _turned_grey(proofs: Mapping[PairKey, Evidence]) -> set[int]:
    """Return the photos without color of which others have it."""
    without_b = {b for (_, b), proof in proofs.items() if proof.saturation < GREY_SATURATION}
    return without_b | {a for (a, _), proof in proofs.items() if proof.saturation > 1 / GREY_SATURATION}


def _member(choice: Choice, keeper: Choice, center: Photo, about: GroupContext) -> Member:
    if choice.photo.id == keeper.photo.id:
        is_link = (choice.file.dev, choice.file.ino) == (keeper.file.dev, keeper.file.ino)
        member = Member(
            choice.photo,
            choice.file,
            kind="exact",
            transform="hard link" if is_link else "same bytes",
            score=1.0,
            why_not="hard link" if is_link else "",
        )
    else:
        member = _copy(choice, keeper.photo, center, about.proofs)
    if is_below(choice.file.path, about.rules.protect):
        member = replace(member, why_not="protected")
    elif not member.why_not and _loses_a_half(choice, keeper):
        member = replace(member, why_not="companions")
    elif not member.why_not and _knows_more(choice.photo, keeper.photo):
        member = replace(member, why_not="metadata")
    return replace(member, companions=choice.companions)


def _copy(choice: Choice, kept: Photo, center: Photo, proofs: Mapping[PairKey, Evidence]) -> Member:
    proof = _proof_between(kept, choice.photo, proofs)
    is_direct = proof is not None
    if proof is None:
        proof = _proof_between(center, choice.photo, proofs)
    if proof is None:
        raise KeyError(f"{choice.photo.id} has no pair with the center {center.id} of its star")
    return Member(
        choice.photo,
        choice.file,
        kind="copy",
        transform=transform_in_words(proof, kept, choice.photo) if is_direct else "copy of a copy",
        score=proof.probability,
        evidence=proof.as_dict(),
        why_not=_doubt(proof) if is_direct else "no direct proof",
        change=change_in_a_word(proof, kept, choice.photo) if is_direct else "",
    )


def _proof_between(a: Photo, b: Photo, proofs: Mapping[PairKey, Evidence]) -> Evidence | None:
    if (a.id, b.id) in proofs:
        return proofs[a.id, b.id]
    if (b.id, a.id) in proofs:
        return reversed_evidence(proofs[b.id, a.id])
    # Of many photos with the same pixels not every pair is listed.
    return beyond_doubt(SAME_PIXELS) if a.pixel_digest == b.pixel_digest else None


def _doubt(proof: Evidence) -> str:
    """Return why a proven copy is not preselected, "" if nothing speaks against it."""
    if proof.branch in (CONFIRMED, SAME_PIXELS):
        return ""
    if proof.page:
        return "document"
    if not is_straight(proof):
        return "tilted or bent"
    if proof.overlap_b < WHOLE:
        return "shows more of the scene than the kept file"
    if details_differ(proof):
        return "details differ"
    return "" if proof.natural else "uncertain"


def _knows_more(other: Photo, kept: Photo) -> bool:
    """Tell whether a copy has metadata that the kept one lacks: a screenshot may have more pixels.

    What was enlarged or framed elsewhere has lost the time or the camera more often than not.
    """
    fields = ((other.taken, kept.taken), (other.camera, kept.camera), (other.latitude, kept.latitude))
    return any(here is not None and there is None for here, there in fields)


def _loses_a_half(choice: Choice, keeper: Choice) -> bool:
    """Tell whether a RAW, a video or another half would be left alone that the keeper does not have.

    Halves of another size are other files: a video that was made smaller, the RAW of another shot.
    """
    kept = {(each.kind, each.size) for each in keeper.companions}
    return any(each.is_half and (each.kind, each.size) not in kept for each in choice.companions)


def with_halves_together(groups: Iterable[Group]) -> list[Group]:
    """Return the groups, nothing selected whose other half is listed itself and stays."""
    groups = list(groups)
    while True:
        stay = {group.keeper.path for group in groups}
        stay |= {member.file.path for group in groups for member in group.members if not member.selected}
        settled = [replace(group, members=_unparted(group.members, stay)) for group in groups]
        if settled == groups:
            return settled
        groups = settled  # what stays now may be the half of another


def _unparted(members: Iterable[Member], stay: Set[str]) -> tuple[Member, ...]:
    return tuple(
        replace(member, why_not="companions")
        if member.selected and any(each.is_half and each.path in stay for each in member.companions)
        else member
        for member in members
    )


# The branch of a pair that the user confirmed as a copy.
CONFIRMED = "confirmed"


def transform_in_words(evidence: Evidence, kept: Photo, other: Photo) -> str:
    """Return how the other photo was made from the kept one: "cropped to 82 %, converted to WEBP"."""
    if evidence.branch == CONFIRMED:
        return "confirmed by you"
    if kept.pixel_digest == other.pixel_digest:
        return "same pixels, other metadata"
    words = describe(evidence, facts(kept), facts(other))
    if facts(kept).format != facts(other).format:
        form = format_name(other.format)
        words = f"{words}, converted to {form}" if words else f"converted to {form}"
    words = words or "re-saved"
    return f"{words}, looks like a document: {_places(len(evidence.differs))}" if evidence.page else words


def _places(count: int) -> str:
    """Return what to check in a document; what a thumbnail does not show may still differ in the text."""
    if not count:
        return "check it yourself"
    many = "many places differ" if count >= MOST_PLACES else f"{count} places differ"
    return f"{'1 place differs' if count == 1 else many}, check it yourself"


def change_in_a_word(evidence: Evidence, kept: Photo, other: Photo) -> str:
    """Return the change in one word for scripts: that of `proof.classify`, "confirmed" or "metadata"."""
    if evidence.branch == CONFIRMED:
        return CONFIRMED
    if kept.pixel_digest == other.pixel_digest:
        return "metadata"
    return classify(evidence, facts(kept), facts(other))


def facts(photo: Photo) -> FileFacts:
    """Return what the proof wants to know of a photo."""
    return FileFacts(photo.width, photo.height, format_name(photo.format), photo.size)
