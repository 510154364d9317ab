"""The groups of a library: exact copies, and on request look-alikes to look at."""

from collections.abc import Iterator

from ..store.filters import ALL, Where
from ..store.view import View
from .candidates import similar_pairs
from .groups import Group, Member, exact_group, star_groups


def exact_groups(view: View, where: Where = ALL) -> Iterator[Group]:
    """Yield the groups of files with the same bytes, most wasted space first."""
    groups = (exact_group(photo) for photo in view.repeated(where))
    found = [(-group.wasted_bytes, group.keeper.path, group) for group in groups if group]
    yield from (group for *_, group in sorted(found, key=lambda row: row[:2]))


def similar_groups(view: View, min_score: float, where: Where = ALL) -> Iterator[Group]:
    """Yield groups of look-alikes: each member scores min_score or more with the keeper.

    Nothing here is proven to be a copy. Exact copies of one content count once.
    """
    stars = star_groups(similar_pairs(view, min_score, where))
    ids = {each for star in stars for pair in star for each in (pair.a, pair.b)}
    photos = {photo.id: photo for photo in view.photos(where, sorted(ids))}
    for star in stars:
        keeper = photos[star[0].a]
        members = tuple(Member(photos[p.b], photos[p.b].files[0], "similar", "", p.score) for p in star)
        yield Group(keeper, keeper.files[0], members)
