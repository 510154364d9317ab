"""Proven pairs -> groups safe against chaining, each with the file to keep and the reason."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..store.filters import ALL, Where
from ..store.listing import Photo
from ..store.view import View
from .apart import Apart
from .companions import Folders
from .find import exact_groups
from .groups import Group, Pair, star_groups
from .keeper import DEFAULT_RULES, KeepRules
from .members import SAME_PIXELS, PairKey, Surroundings, beyond_doubt, described, with_halves_together
from .proof import Evidence
from .words import CONFIRMED


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
    """Return the groups of exact and proven copies, without what is to be kept apart.

    A group is a star: every photo has a proven pair of its own with the group's center, so that a chain
    of likenesses joins nothing. Which file is kept is chosen afterwards. Pairs are taken from the surest
    on, until more than max_false wrong ones are to be expected among them.
    """
    proofs, expected = _surest(_accepted(view), max_false)
    same = list(view.same_pixels())
    ids = {each for key in proofs for each in key} | {each for group in same for each in group}
    photos = {photo.id: photo for photo in view.photos(where, sorted(ids))}
    exact = tuple(group.keeper_photo for group in exact_groups(view, where))
    known = Known(photos, proofs, same, view.decisions_by_ids(), exact)
    return CopyReport(tuple(group_copies(known, rules)), expected)


@dataclass(frozen=True, slots=True)
class Known:
    """What groups are made of.

    photos: by id, those that may be listed. proofs: of the pairs that are copies, also of other photos.
    same_pixels: ids of photos that show the same pixels, each group by digest. said: the user's decisions
    by ids, the smaller one first. exact: the photos that more than one file holds.
    """

    photos: Mapping[int, Photo]
    proofs: Mapping[PairKey, Evidence]
    same_pixels: Sequence[Sequence[int]] = ()
    said: Mapping[PairKey, str] = field(default_factory=dict)
    exact: Sequence[Photo] = ()


def group_copies(known: Known, rules: KeepRules = DEFAULT_RULES) -> list[Group]:
    """Return the groups, most bytes to win first; ids and the order of things change nothing."""
    apart = Apart(known.photos, known.said)
    proofs = {key: proof for key, proof in known.proofs.items() if known.photos.keys() >= set(key)}
    proofs = {key: proof for key, proof in proofs.items() if not apart(*key)}
    for key in _same_pixels(known, apart):
        proofs[key] = beyond_doubt(SAME_PIXELS)
    pairs = [Pair(*key, proof.probability) for key, proof in proofs.items()]
    stars = star_groups(pairs, rank=lambda each: known.photos[each].digest, apart=apart)
    starred = [[known.photos[each] for each in (star[0].a, *(p.b for p in star))] for star in stars]
    taken = {photo.id for star in starred for photo in star}
    starred += [[photo] for photo in known.exact if photo.id not in taken]
    about = Surroundings(proofs, rules, Folders().companions)
    groups = with_halves_together(described(photos, about) for photos in starred)
    return sorted(groups, key=lambda group: (-group.wasted_bytes, group.keeper.path))


def _accepted(view: View) -> Iterator[tuple[PairKey, Evidence]]:
    """Yield the pairs that are proven or confirmed copies, without those that the user rejected."""
    said = view.decisions_by_ids()
    for pair in view.judged("copy"):
        if (pair.a, pair.b) not in said:
            yield (pair.a, pair.b), Evidence.from_dict(pair.evidence)
    for key, kind in said.items():
        if kind == "confirmed":
            yield key, beyond_doubt(CONFIRMED)


def _same_pixels(known: Known, apart: Apart) -> Iterator[PairKey]:
    """Yield pairs that join the photos with the same pixels, each with the first that it may."""
    for group in known.same_pixels:
        seen = [each for each in group if each in known.photos]
        for place, other in enumerate(seen):
            first = next((each for each in seen[:place] if not apart(each, other)), None)
            if first is not None:
                yield min(first, other), max(first, other)


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
