"""Proven pairs -> groups safe against chaining, each with the file to keep and the reason."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..store.filters import ALL, Where
from ..store.listing import Photo
from ..store.view import View
from .find import exact_groups
from .groups import Group, Member, Pair, star_groups
from .keeper import DEFAULT_RULES, Choice, KeepRules, choose_keeper, is_below
from .proof import Evidence
from .proof.prove import reversed_evidence
from .words import CONFIRMED, change_in_a_word, transform_in_words

PairKey = tuple[int, int]

# How it is known where no numbers were needed. A blank page has nothing to align, only pixels.
_SAME_PIXELS = "same pixels"


@dataclass(frozen=True, slots=True)
class CopyReport:
    """The copies of a library.

    groups: most bytes to win first. expected_false: how many of the proven pairs in them are wrong, by
    their probabilities.
    """

    groups: tuple[Group, ...]
    expected_false: float


def copy_groups(
    view: View, where: Where = ALL, rules: KeepRules = DEFAULT_RULES, max_false: float = 1.0
) -> CopyReport:
    """Return the groups of exact and proven copies, without what the user rejected.

    A group is a star: every photo has a proven pair of its own with the group's center, so that a chain
    of likenesses joins nothing. Which file is kept is chosen afterwards. Pairs are taken from the surest
    on, until more than max_false wrong ones are to be expected among them.
    """
    proofs, expected = _surest(_accepted(view), max_false)
    ids = sorted({each for key in proofs for each in key})
    photos = {photo.id: photo for photo in view.photos(where, ids)}
    joined = {key: proof for key, proof in proofs.items() if key[0] in photos and key[1] in photos}
    apart = _bursts(joined, photos)
    pairs = [Pair(*key, proof.probability) for key, proof in joined.items() if key not in apart]
    groups = [_star_group(star, photos, joined, rules) for star in star_groups(pairs)]
    taken = {member.photo.id for group in groups for member in group.members}
    taken |= {group.keeper_photo.id for group in groups}
    exact = (group.keeper_photo for group in exact_groups(view, where))
    groups += [_described([photo], _Group(photo.id, {}, rules)) for photo in exact if photo.id not in taken]
    groups.sort(key=lambda group: (-group.wasted_bytes, group.keeper.path))
    return CopyReport(tuple(groups), expected)


def _accepted(view: View) -> Iterator[tuple[PairKey, Evidence]]:
    """Yield the pairs that are copies, without those that the user rejected."""
    said = view.decisions_by_ids()
    for pair in view.judged("copy"):
        if said.get((pair.a, pair.b)) != "rejected":
            yield (pair.a, pair.b), Evidence.from_dict(pair.evidence)
    for key in view.same_pixels():
        if said.get(key) != "rejected":
            yield key, _beyond_doubt(_SAME_PIXELS)
    for key, kind in said.items():
        if kind == "confirmed":
            yield key, _beyond_doubt(CONFIRMED)


def _beyond_doubt(branch: str) -> Evidence:
    return Evidence(verdict="copy", branch=branch, natural=True, probability=1.0)


# The probability is of the numbers alone. Of 4,727 pairs that passed the rule as well, none was wrong where
# the numbers alone expect 4.8; with half a one for what was not seen, the rule leaves a tenth of the doubt.
_DOUBT_LEFT = 0.1


def _surest(
    accepted: Iterable[tuple[PairKey, Evidence]], max_false: float
) -> tuple[dict[PairKey, Evidence], float]:
    """Return the surest pairs with no more than max_false wrong ones to expect, and that number."""
    kept: dict[PairKey, Evidence] = {}
    expected = 0.0
    for key, proof in sorted(accepted, key=lambda row: (-row[1].probability, row[0])):
        doubt = (1 - proof.probability) * _DOUBT_LEFT
        if expected + doubt > max_false:
            break
        expected += doubt
        kept[key] = proof
    return kept, expected


def _bursts(proofs: Mapping[PairKey, Evidence], photos: Mapping[int, Photo]) -> set[PairKey]:
    """Return the pairs that were taken at different times: two shots, whatever the pixels say."""
    return {
        (a, b)
        for (a, b), proof in proofs.items()
        if proof.branch not in (CONFIRMED, _SAME_PIXELS)
        and _moments_differ(photos[a].taken, photos[b].taken)
    }


def _moments_differ(first: str | None, second: str | None) -> bool:
    if first is None or second is None:
        return False
    # A program may have dropped the sub-seconds or the zone: compare what both say.
    size = min(len(first), len(second), 23) if min(len(first), len(second)) > 19 else 19
    return first[:size] != second[:size]


def _star_group(
    star: list[Pair], photos: Mapping[int, Photo], proofs: Mapping[PairKey, Evidence], rules: KeepRules
) -> Group:
    center = star[0].a
    members = [photos[center], *(photos[pair.b] for pair in star)]
    return _described(members, _Group(center, proofs, rules))


@dataclass(frozen=True, slots=True)
class _Group:
    """What the description of a member needs to know of its group. center: a photo's id."""

    center: int
    proofs: Mapping[PairKey, Evidence]
    rules: KeepRules


def _described(photos: Iterable[Photo], about: _Group) -> Group:
    """Choose the file to keep among those of the photos, and say what the others are."""
    choices = [Choice(photo, file) for photo in photos for file in photo.files]
    keeper, reason = choose_keeper(choices, about.rules)
    rest = sorted((choice for choice in choices if choice != keeper), key=lambda c: c.file.path)
    members = tuple(_member(choice, keeper, about) for choice in rest)
    return Group(keeper.photo, keeper.file, members, reason)


def _member(choice: Choice, keeper: Choice, about: _Group) -> Member:
    """Describe a file beside the keeper; a protected file or a hard link is never selected."""
    free = not is_below(choice.file.path, about.rules.protect)
    if choice.photo.id == keeper.photo.id:
        is_link = (choice.file.dev, choice.file.ino) == (keeper.file.dev, keeper.file.ino)
        words = "hard link" if is_link else "same bytes"
        return Member(choice.photo, choice.file, "exact", words, 1.0, selected=free and not is_link)
    proof, is_direct = _proof_between(keeper.photo.id, choice.photo.id, about.center, about.proofs)
    words = transform_in_words(proof, keeper.photo, choice.photo) if is_direct else "copy of a copy"
    return Member(
        photo=choice.photo,
        file=choice.file,
        kind="copy",
        transform=words,
        score=proof.probability,
        evidence=proof.as_dict(),
        selected=free and is_direct and proof.natural,
        change=change_in_a_word(proof, keeper.photo, choice.photo) if is_direct else "",
    )


def _proof_between(
    keeper: int, other: int, center: int, proofs: Mapping[PairKey, Evidence]
) -> tuple[Evidence, bool]:
    """Return the proof from keeper to other; where there is none, the one to the group's center."""
    for start, direct in ((keeper, True), (center, False)):
        if (start, other) in proofs:
            return proofs[start, other], direct
        if (other, start) in proofs:
            return reversed_evidence(proofs[other, start]), direct
    raise KeyError(f"{other} has no pair with the center {center} of its star")
