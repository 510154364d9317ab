"""The groups of a library: exact copies, and on request look-alikes to look at."""

from collections.abc import Iterable, Iterator

from ..store.filters import ALL, Where
from ..store.listing import Photo
from ..store.view import View
from .apart import are_one_unit
from .candidates import similar_pairs
from .groups import Group, Member, exact_group, star_groups
from .moments import shot_in_words


def exact_groups(view: View, where: Where = ALL) -> Iterator[Group]:
    """Yield the groups of files with the same bytes, most wasted space first."""
    groups = (exact_group(photo) for photo in view.repeated(where))
    found = [(-group.wasted_bytes, group.keeper.path, group) for group in groups if group]
    yield from (group for *_, group in sorted(found, key=lambda row: row[:2]))


def similar_groups(
    view: View, min_score: float, where: Where = ALL, copies: Iterable[Group] = ()
) -> Iterator[Group]:
    """Yield groups of look-alikes: each member scores min_score or more with the keeper.

    Nothing here is proven to be a copy. Exact copies of one content count once, and the groups of copies
    that are known, as what is kept of them. Two halves of one shot are no look-alikes.
    """
    hidden = {member.photo.id for group in copies for member in group.members}
    hidden -= {group.keeper_photo.id for group in copies}
    pairs = [p for p in similar_pairs(view, min_score, where) if p.a not in hidden and p.b not in hidden]
    ids = {each for pair in pairs for each in (pair.a, pair.b)}
    photos = {photo.id: photo for photo in view.photos(where, sorted(ids))}
    pairs = [pair for pair in pairs if not are_one_unit(photos[pair.a], photos[pair.b])]
    for star in star_groups(pairs, rank=lambda each: photos[each].digest):
        keeper = photos[star[0].a]
        members = tuple(_lookalike(keeper, photos[pair.b], pair.score) for pair in star)
        yield Group(keeper, keeper.files[0], members)


def _lookalike(keeper: Photo, other: Photo, score: float) -> Member:
    words = shot_in_words(keeper.taken, other.taken)
    return Member(other, other.files[0], "similar", words, score, why_not="look-alike")
