"""Proven pairs -> groups safe against chaining, each with the file to keep and the reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...store.catalog.holdings import holdings_of
from ...store.catalog.pairs import all_verdicts, decisions_by_ids, proofs_of, same_pixels
from ...store.catalog.photos import Photo, photos_of
from ...store.filters.where import ALL, Where
from ...store.records import Holdings
from ...store.view import View
from ..proof import Evidence
from .companions import CompanionFinder
from .error_rate import Expectation, doubts, expected_wrong, surest
from .groups import Group, Pair, star_groups
from .keeper import DEFAULT_RULES, KeepRules
from .lookalikes import exact_groups
from .members import (
    CONFIRMED,
    SAME_PIXELS,
    GroupContext,
    PairKey,
    beyond_doubt,
    described,
    with_halves_together,
)
from .separate import Apart


@dataclass(frozen=True, slots=True)
class CopyReport:
    """The copies of a library.

    groups: those that free most bytes first. pairs: the number of proven pairs that they are made of.
    wrong: how many of these are expected to be wrong.
    """

    groups: tuple[Group, ...]
    pairs: int
    wrong: Expectation


def copy_groups(
    view: View, where: Where = ALL, rules: KeepRules = DEFAULT_RULES, max_false: float = 1.0
) -> CopyReport:
    """Return the groups of exact and proven copies, without what is to be kept apart.

    A group is a star: every photo has a proven pair of its own with the group's center, so that a chain
    of likenesses joins nothing. Which file is kept is chosen afterwards. Pairs are taken from the surest
    on, until more than max_false wrong ones are to be expected among them.
    """
    decided = decisions_by_ids(view)
    doubt = {key: chance for key, chance in doubts(list(all_verdicts(view))).items() if key not in decided}
    same = list(same_pixels(view))
    ids = {each for key in (*doubt, *decided) for each in key} | {each for group in same for each in group}
    photos = {photo.id: photo for photo in photos_of(view, where, sorted(ids))}
    holdings = holdings_of(view, sorted(photos))
    apart = Apart(photos, decided, holdings)
    doubt = {key: chance for key, chance in doubt.items() if photos.keys() >= set(key) and not apart(*key)}
    doubt = {key: doubt[key] for key in surest(doubt, max_false)}
    exact = tuple(group.keeper_photo for group in exact_groups(view, where))
    known = GroupInput(photos, _evidence(view, doubt, decided), same, decided, exact, holdings)
    return CopyReport(tuple(group_copies(known, rules)), len(doubt), expected_wrong(doubt))


def _evidence(
    view: View, doubt: Mapping[PairKey, float], decided: Mapping[PairKey, str]
) -> dict[PairKey, Evidence]:
    """Return the proofs of the pairs, as probable as they are in this library, and of confirmed ones."""
    proofs = {
        key: Evidence.from_dict({**proof.evidence, "probability": 1 - doubt[key]})
        for key, proof in proofs_of(view, doubt).items()
    }
    confirmed = (key for key, kind in decided.items() if kind == "confirmed")
    return proofs | dict.fromkeys(confirmed, beyond_doubt(CONFIRMED))


@dataclass(frozen=True, slots=True)
class GroupInput:
    """What groups are made of.

    photos: by id, those that may be listed. proofs: of the pairs that are copies, also of other photos.
    same_pixels: ids of photos that show the same pixels, each group by digest. decided: the user's
    decisions by ids, the smaller one first. exact: the photos that more than one file holds. holdings: by
    id, as far as known.
    """

    photos: Mapping[int, Photo]
    proofs: Mapping[PairKey, Evidence]
    same_pixels: Sequence[Sequence[int]] = ()
    decided: Mapping[PairKey, str] = field(default_factory=dict)
    exact: Sequence[Photo] = ()
    holdings: Mapping[int, Holdings] = field(default_factory=dict)


def group_copies(known: GroupInput, rules: KeepRules = DEFAULT_RULES) -> list[Group]:
    """Return the groups, those that free most bytes first; ids and the order of things change nothing."""
    apart = Apart(known.photos, known.decided, known.holdings)
    proofs = {key: proof for key, proof in known.proofs.items() if known.photos.keys() >= set(key)}
    proofs = {key: proof for key, proof in proofs.items() if not apart(*key)}
    for key in _same_pixels(known, apart):
        proofs[key] = beyond_doubt(SAME_PIXELS)
    pairs = [Pair(*key, proof.probability) for key, proof in proofs.items()]
    stars = star_groups(pairs, rank=lambda each: known.photos[each].digest, apart=apart)
    starred = [[known.photos[each] for each in (star[0].a, *(p.b for p in star))] for star in stars]
    taken = {photo.id for star in starred for photo in star}
    starred += [[photo] for photo in known.exact if photo.id not in taken]
    about = GroupContext(proofs, rules, CompanionFinder().companions)
    groups = with_halves_together(described(photos, about) for photos in starred)
    return sorted(groups, key=lambda group: (-group.wasted_bytes, group.keeper.path))


def _same_pixels(known: GroupInput, apart: Apart) -> Iterator[PairKey]:
    """Yield pairs that join the photos with the same pixels, each with the first that it may."""
    for group in known.same_pixels:
        seen = [each for each in group if each in known.photos]
        for place, other in enumerate(seen):
            first = next((each for each in seen[:place] if not apart(each, other)), None)
            if first is not None:
                yield min(first, other), max(first, other)
