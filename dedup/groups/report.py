"""Proven pairs -> groups safe against chaining, each with the file to keep and the reason."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from ...store.catalog.holdings import holdings_of
from ...store.catalog.pairs import all_verdicts, decisions_by_ids, proofs_of, same_pixels
from ...store.catalog.photos import Photo, PhotoFile, photos_of
from ...store.documents import Row
from ...store.filters.where import ALL, Where
from ...store.records import Holdings
from ...store.thumbs import Thumbs
from ...store.view import View
from ...store.words import plural
from ..look import Look
from ..proof import Evidence
from .companions import Companion, CompanionFinder
from .drives import Backups, backups
from .error_rate import Expectation, doubts, surest
from .groups import Group, Pair, star_groups
from .keeper import DEFAULT_RULES, KeepRules
from .lookalikes import exact_groups
from .members import (
    CONFIRMED,
    PLAIN_ONLY,
    Choosing,
    GroupContext,
    beyond_doubt,
    described,
    with_halves_together,
)
from .original import Maker, PairKey, Seen
from .separate import Apart


@dataclass(frozen=True, slots=True, repr=False)
class CopyReport:
    """The copies of a library.

    groups: those whose copies take most bytes first. pairs: the number of proven pairs of which they are
    made. wrong: how many of these are expected to be wrong. away: folders of the library that are not
    there now. thumbs: of the library, for notebooks.
    """

    groups: tuple[Group, ...]
    pairs: int
    wrong: Expectation
    away: tuple[str, ...] = ()
    thumbs: Thumbs | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"CopyReport({plural(len(self.groups), 'group')}, {plural(self.pairs, 'pair')})"

    def frame(self) -> Any:
        """Return the groups as a pandas DataFrame or, without pandas, as an Arrow table: a row a file.

        Columns: group (from 1), path, kept (whether it is the file to keep), kind ("exact", "copy"; "" of
        the kept one), score, change, selected (whether it is safe to be moved), why_not, width, height,
        format, bytes, id.

        Raises:
            ExtraMissing: neither pandas nor pyarrow is installed.
        """
        from ...store.frames import frame_of

        return frame_of(copy_rows(self.groups), COPY_KINDS)

    def _repr_html_(self) -> str:
        from ...store.notebook import Cell, as_html

        rows = []
        for number, group in enumerate(self.groups[:_SHOWN], 1):
            kept = Cell(group.keeper_photo.digest, ["kept", *_name(group.keeper.path)], group.keeper.path)
            rest = (
                Cell(each.photo.digest, [each.transform, *_name(each.file.path)], each.file.path)
                for each in group.members
            )
            rows.append((f"Group {number}: {plural(len(group.paths), 'file')}", [kept, *rest]))
        more = len(self.groups) - len(rows)
        rows += [(f"and {plural(more, 'more group')}", [])] if more else []
        return as_html(rows, self.thumbs.get_many if self.thumbs else lambda _: {}) or "no copies"


_SHOWN = 20  # groups in a notebook

# What a frame says of a file in a group; see `store.frames`.
COPY_KINDS = {
    "group": int,
    "path": str,
    "kept": bool,
    "kind": str,
    "score": float,
    "change": str,
    "selected": bool,
    "why_not": str,
    "width": int,
    "height": int,
    "format": str,
    "bytes": int,
    "id": int,
}


def copy_rows(groups: Iterable[Group]) -> Iterator[Row]:
    """Yield what a frame says of the files of groups, as dicts."""
    for number, group in enumerate(groups, 1):
        kept = {"kept": True, "kind": "", "score": 1.0, "change": "", "selected": False, "why_not": ""}
        yield {"group": number, **_file_row(group.keeper_photo, group.keeper), **kept}
        for member in group.members:
            names = ("kind", "score", "change", "selected", "why_not")
            told = {name: getattr(member, name) for name in names}
            yield {"group": number, **_file_row(member.photo, member.file), "kept": False, **told}


def _file_row(photo: Photo, file: PhotoFile) -> Row:
    names = ("id", "width", "height", "format")
    return {"path": file.path, "content": photo.digest, "bytes": photo.size} | {
        name: getattr(photo, name) for name in names
    }


def _name(path: str) -> list[str]:
    return [os.path.basename(path)]


def group_input(view: View, where: Where = ALL, max_false: float = 1.0) -> "GroupInput":
    """Return what the groups of a library are made of, without what is to be kept apart.

    Pairs are taken from the surest on, until more than max_false wrong ones are to be expected among them.
    """
    decided = decisions_by_ids(view)
    doubt = {key: chance for key, chance in doubts(list(all_verdicts(view))).items() if key not in decided}
    same = list(same_pixels(view))
    ids = {each for key in (*doubt, *decided) for each in key} | {each for group in same for each in group}
    photos = {photo.id: photo for photo in photos_of(view, where, sorted(ids))}
    exact = exact_photos(view, where)
    holdings = holdings_of(view, sorted({*photos, *(photo.id for photo in exact)}))
    apart = Apart(photos, decided, holdings)
    doubt = {key: chance for key, chance in doubt.items() if photos.keys() >= set(key) and not apart(*key)}
    doubt = {key: doubt[key] for key in surest(doubt, max_false)}
    return GroupInput(
        photos,
        _evidence(view, doubt, decided),
        same,
        decided,
        exact,
        holdings=holdings,
        backups=backups(view),
        doubt=doubt,
    )


def exact_input(view: View, where: Where = ALL) -> "GroupInput":
    """Return what the groups of exact copies are made of: nothing is compared for them."""
    exact = exact_photos(view, where)
    found = holdings_of(view, [photo.id for photo in exact])
    return GroupInput({}, {}, exact=exact, holdings=found, backups=backups(view))


def exact_photos(view: View, where: Where = ALL) -> tuple[Photo, ...]:
    """Return the photos that take their space more than once."""
    return tuple(group.keeper_photo for group in exact_groups(view, where))


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
    decisions by ids, the smaller one first. exact: the photos that more than one file holds. holdings: what
    photos hold, by id. doubt: of the pairs, the chance that they are none.
    """

    photos: Mapping[int, Photo]
    proofs: Mapping[PairKey, Evidence]
    same_pixels: Sequence[Sequence[int]] = ()
    decided: Mapping[PairKey, str] = field(default_factory=dict)
    exact: Sequence[Photo] = ()
    holdings: Mapping[int, Holdings] = field(default_factory=dict)
    backups: Backups = field(default_factory=Backups)
    doubt: Mapping[PairKey, float] = field(default_factory=dict)


Stars = list[list[Photo]]


def stars_of(known: GroupInput) -> Stars:
    """Return the photos of each group, its center first; ids and the order of things change nothing.

    A group is a star: every photo has a proven pair of its own with the group's center, so that a chain
    of likenesses joins nothing. Which file is kept is chosen afterwards.
    """
    apart = Apart(known.photos, known.decided, known.holdings)
    chances = {
        key: proof.probability
        for key, proof in known.proofs.items()
        if known.photos.keys() >= set(key) and not apart(*key)
    }
    chances |= dict.fromkeys(_same_pixels(known, apart), 1.0)
    pairs = [Pair(*key, chance) for key, chance in chances.items()]
    stars = star_groups(pairs, rank=lambda each: known.photos[each].digest, apart=apart)
    starred = [[known.photos[each] for each in (star[0].a, *(p.b for p in star))] for star in stars]
    taken = {photo.id for star in starred for photo in star}
    return starred + [[photo] for photo in known.exact if photo.id not in taken]


def group_copies(
    known: GroupInput,
    rules: KeepRules = DEFAULT_RULES,
    *,
    choosing: Choosing = PLAIN_ONLY,
    looks: Mapping[PairKey, Look] = MappingProxyType({}),
    stars: Stars | None = None,
) -> list[Group]:
    """Return the groups, those whose copies take most bytes first."""
    about = context_of(known, rules, choosing, looks)
    groups = with_halves_together(described(photos, about) for photos in stars or stars_of(known))
    return sorted(groups, key=lambda group: (-group.wasted_bytes, group.keeper.path))


def missing_looks(
    known: GroupInput, rules: KeepRules, looks: Mapping[PairKey, Look], stars: Stars
) -> list[tuple[list[Photo], dict[PairKey, bool]]]:
    """Return the groups that cannot be described without further looks, each with the pairs to look at.

    True: more is wanted of a pair than who came first.
    """
    about = context_of(known, rules, PLAIN_ONLY, looks)
    found = []
    for photos in stars:
        about.seen.missing.clear()
        described(photos, about)
        if about.seen.missing:
            found.append((photos, dict(about.seen.missing)))
    return found


def context_of(
    known: GroupInput, rules: KeepRules, choosing: Choosing, looks: Mapping[PairKey, Look]
) -> GroupContext:
    """Return what the description of groups needs."""
    apart = Apart(known.photos, known.decided, known.holdings)
    proofs = {key: proof for key, proof in known.proofs.items() if known.photos.keys() >= set(key)}
    proofs = {key: proof for key, proof in proofs.items() if not apart(*key)}
    companions = CompanionFinder().companions
    first = _first_of_same_pixels(known.photos.values())
    seen = Seen(proofs, looks, known.holdings, first, _makers(known, companions))
    return GroupContext(seen, rules, companions, choosing, known.backups)


def _makers(
    known: GroupInput, companions: Callable[[str], Iterable[Companion]]
) -> Callable[[int], Maker | None]:
    @cache
    def maker(number: int) -> Maker | None:
        photo = known.photos.get(number)
        if photo is None:
            return None
        beside = (each for file in photo.files for each in companions(file.path))
        return Maker.of(photo, known.holdings.get(number), beside)

    return maker


def _first_of_same_pixels(photos: Iterable[Photo]) -> dict[int, int]:
    first: dict[str, Photo] = {}
    for photo in sorted(photos, key=lambda each: each.digest):
        first.setdefault(photo.pixel_digest, photo)
    return {photo.id: first[photo.pixel_digest].id for photo in photos}


def _same_pixels(known: GroupInput, apart: Apart) -> Iterator[PairKey]:
    """Yield pairs that join the photos with the same pixels, each with the first that it may."""
    for group in known.same_pixels:
        seen = [each for each in group if each in known.photos]
        for place, other in enumerate(seen):
            first = next((each for each in seen[:place] if not apart(each, other)), None)
            if first is not None:
                yield min(first, other), max(first, other)
