"""A star of photos -> a group: which file is kept, what the others are, and which are safe to preselect."""

import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from ...indexer.decode.sniff import RAW
from ...indexer.scan.places import is_others, nobodys
from ...store.catalog.photos import Photo
from ...store.names import format_name, is_below, is_in_waste, is_name_of_copy, is_remote
from ..look import Look
from ..packets import MERGED
from ..proof import GREY_SATURATION, WHOLE, Evidence, classify, describe, is_straight
from ..proof.differences import MOST_PLACES
from .account import (
    SEEN_ONLY,
    Loss,
    Party,
    as_seen,
    can_be_merged,
    edit_lost,
    edit_of,
    held,
    is_explained,
    pixels_lost,
)
from .companions import Companion
from .drives import NO_BACKUPS, Backups
from .groups import Group, Member
from .keeper import Choice, KeepRules, choose_keeper, order_key
from .original import CAMERA_RECORD, Origins, PairKey, Seen, alike, facts_of, origins

# How it is known where no numbers were needed. A blank page has nothing to align, only pixels.
SAME_PIXELS = "same pixels"
# The branch of a pair that the user confirmed as a copy.
CONFIRMED = "confirmed"
RESAVED = "re-saved"
# What a file is that was there first, as far as pixels or a camera's record tell.
ORIGINAL, CAMERAS = "the original", "the camera's own file"


def beyond_doubt(branch: str) -> Evidence:
    """Return the evidence of a pair that needs no numbers."""
    return Evidence(verdict="copy", branch=branch, natural=True, probability=1.0)


@dataclass(frozen=True, slots=True)
class Choosing:
    """What may be preselected beside plain copies that hold nothing of their own.

    include_edits: edits too, where their geometry is one that software makes. across_drives: also what lies
    on another drive than the kept file, or in a backup. merge_metadata: also what says more, if it can be
    merged into the sidecar of the kept file.
    """

    include_edits: bool = False
    across_drives: bool = False
    merge_metadata: bool = False


PLAIN_ONLY = Choosing()


@dataclass(frozen=True, slots=True)
class GroupContext:
    """What the description of a group's members needs to know.

    seen: proofs, looks and holdings. companions: of a file, by its path.
    """

    seen: Seen
    rules: KeepRules
    companions: Callable[[str], tuple[Companion, ...]]
    choosing: Choosing = PLAIN_ONLY
    backups: Backups = NO_BACKUPS


def described(photos: Sequence[Photo], about: GroupContext) -> Group:
    """Choose the file to keep among those of the photos, the center of their star first."""
    choices, found = _choices(photos, about)
    keeper, reason = _keeper(choices, about)
    rest = sorted((choice for choice in choices if choice != keeper), key=lambda c: c.file.path)
    describe_member = _Describer(keeper, photos[0], found, about)
    members = _none_where_none_holds_all(tuple(map(describe_member, rest)))
    return Group(keeper.photo, keeper.file, members, reason, keeper.companions)


def _choices(photos: Sequence[Photo], about: GroupContext) -> tuple[list[Choice], Origins]:
    """Return the files with their companions, and what is known of who was first.

    What is a copy here, by its bytes or a decision, is no companion.
    """
    here = {file.path for photo in photos for file in photo.files}
    ids = sorted(photo.id for photo in photos)
    proofs = {
        key: about.seen.proofs[key] for key in itertools.combinations(ids, 2) if key in about.seen.proofs
    }
    around, grey = _surrounds(proofs), _turned_grey(proofs)
    likes = alike(photos, about.seen)
    painted = {each for key, proof in proofs.items() if proof.page for each in key}
    choices = [
        Choice(
            photo,
            file,
            tuple(each for each in about.companions(file.path) if each.path not in here),
            holdings=about.seen.holdings.get(photo.id),
            picture=1 - around[photo.id],
            is_derived=photo.id in grey or around[photo.id] > 0,
            is_painted=photo.id in painted,
            likes=likes[photo.id],
            is_others=is_others(file.path),
            is_nobodys=nobodys(file.path) is not None,
            is_in_mirror=about.backups.is_in_mirror(file.path),
        )
        for photo in photos
        for file in photo.files
    ]
    found = origins(photos, about.seen, _rank(choices, about.rules))
    why = _why_first(found)
    return [replace(each, origin=why if each.photo.id in found.ids else "") for each in choices], found


def _rank(choices: Iterable[Choice], rules: KeepRules) -> Callable[[Photo], object]:
    """Return by what photos are ranked as long as nothing tells who was first: as if each were kept."""
    plain = replace(rules, protect=(), prefer=())
    best: dict[int, object] = {}
    for each in choices:
        key = order_key(each, plain)
        if each.photo.id not in best or key > best[each.photo.id]:  # type: ignore[operator]
            best[each.photo.id] = key
    return lambda photo: best[photo.id]


def _why_first(found: Origins) -> str:
    if found.by_camera:
        return CAMERAS
    count = len(found.made)
    many = "another one was" if count == 1 else f"{count} others were"
    return f"{ORIGINAL}: {many} made from it"


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


# --- the file to keep -------------------------------------------------------------------------


def _keeper(choices: Sequence[Choice], about: GroupContext) -> tuple[Choice, str]:
    """Return the file to keep and the reason; of the same bytes one that lies in no mirror, if it may."""
    keeper, reason = _with_all(choices, *choose_keeper(choices, about.rules), about)
    same = [each for each in choices if each.photo.id == keeper.photo.id and not each.is_in_mirror]
    outside = [each for each in same if _place(each, about.rules) == _place(keeper, about.rules)]
    if not keeper.is_in_mirror or not outside:
        return keeper, reason
    keeper, reason = _with_all(outside, *choose_keeper(outside, about.rules), about)
    return keeper, reason if len(outside) > 1 else "the others are in a backup"


def _with_all(
    choices: Sequence[Choice], keeper: Choice, reason: str, about: GroupContext
) -> tuple[Choice, str]:
    """Return the file of the keeper's pixels that lacks nothing that others of these pixels hold.

    Folders that come before all rules stay so. Where no file holds all, the keeper stays. So does the name
    that other programs know a photo by, beside a sidecar of its copy "IMG_1 (1).JPG": that can be merged.
    """
    same = [each for each in choices if each.photo.pixel_digest == keeper.photo.pixel_digest]
    same = [each for each in same if _place(each, about.rules) == _place(keeper, about.rules)]
    if len(same) < 2 or not any(_lacks(keeper, each) for each in same):
        return keeper, reason
    for each in sorted(same, key=lambda c: (order_key(c, about.rules), c.file.path), reverse=True):
        if not _is_called_copy(each, keeper) and not any(_lacks(each, other) for other in same):
            return each, "holds what the others lack"
    return keeper, reason


def _is_called_copy(choice: Choice, keeper: Choice) -> bool:
    """Tell whether a file has the keeper's bytes and, unlike it, the name of a copy."""
    is_same = choice.photo.id == keeper.photo.id
    return is_same and is_name_of_copy(choice.file.path) and not is_name_of_copy(keeper.file.path)


def _place(choice: Choice, rules: KeepRules) -> tuple[bool, ...]:
    path = choice.file.path
    named = (is_below(path, each) for each in (rules.protect, rules.prefer))
    return (*named, choice.is_others, choice.is_nobodys, is_in_waste(path))


def _lacks(kept: Choice, other: Choice) -> bool:
    return other != kept and (
        any(loss.kind != "unknown" for loss in held(_party(kept), _party(other)))
        or bool(_halves_lost(kept, other))
    )


def _party(choice: Choice) -> Party:
    return Party(choice.photo, choice.companions, choice.holdings)


def _none_where_none_holds_all(members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Return the members, none of them preselected where a plain copy holds what the kept file lacks."""
    if not any(member.why_not == HOLDS_MORE for member in members):
        return members
    return tuple(
        replace(member, why_not="no file holds all")
        if member.selected and member.kind == "copy"
        else member
        for member in members
    )


# --- members ----------------------------------------------------------------------------------

HOLDS_MORE = "holds more"
ONE_SIZE = 1.02
# Share of a picture that lies around another one, from which on it is the even ground that pages have.
_BARS = 0.3
_WHY = {
    "unknown": "not compared",
    "detail": "finer than the kept file",
    "places": "something differs",
    "light": "other light or color",
}


class _Describer:
    """Describes the other files of a group against the one that is kept."""

    def __init__(self, keeper: Choice, center: Photo, found: Origins, about: GroupContext) -> None:
        self._keeper = keeper
        self._center = center
        self._found = found
        self._about = about

    def __call__(self, choice: Choice) -> Member:
        is_exact = choice.photo.id == self._keeper.photo.id
        member = self._exact(choice) if is_exact else self._copy(choice)
        why = self._must_stay(choice) or member.why_not
        halves = _halves_lost(self._keeper, choice)
        if halves and why in ("", HOLDS_MORE):
            why = "companions"
            member = replace(member, losses=(*member.losses, *halves))
        if why == HOLDS_MORE and self._can_be_merged(choice, member):
            why, member = "", replace(member, merge=True)
        if not why and not self._about.choosing.across_drives:
            why = self._about.backups.are_apart(self._keeper.file, choice.file)
        return replace(member, why_not=why, companions=choice.companions)

    def _can_be_merged(self, choice: Choice, member: Member) -> bool:
        """Tell whether all that only this file holds can go into a sidecar of the kept one, as asked."""
        kinds = {loss.kind for loss in member.losses} - {*MERGED, "sidecar"}
        is_asked = self._about.choosing.merge_metadata and not kinds
        return (
            is_asked and self._may_be_written_to() and can_be_merged(_party(self._keeper), _party(choice))
        )

    def _may_be_written_to(self) -> bool:
        """Tell whether the kept file may get a sidecar: `apply` touches nothing in some places."""
        kept, path = self._keeper, self._keeper.file.path
        is_left_alone = is_below(path, self._about.rules.protect) or kept.is_others or kept.is_nobodys
        return not (is_left_alone or is_remote(path))

    def _must_stay(self, choice: Choice) -> str:
        if is_below(choice.file.path, self._about.rules.protect):
            return "protected"
        if choice.is_nobodys:
            return "in a trash or among previews"
        return "in another program's library" if choice.is_others else ""

    def _exact(self, choice: Choice) -> Member:
        kept = self._keeper.file
        is_link = (choice.file.dev, choice.file.ino) == (kept.dev, kept.ino)
        losses = tuple(held(_party(self._keeper), _party(choice)))
        return Member(
            choice.photo,
            choice.file,
            kind="exact",
            transform="hard link" if is_link else "same bytes",
            score=1.0,
            why_not="hard link" if is_link else HOLDS_MORE if losses else "",
            losses=losses,
        )

    def _copy(self, choice: Choice) -> Member:
        kept, other = self._keeper.photo, choice.photo
        proof, is_direct = self._proof(other)
        look = self._look(other, proof)
        seen = as_seen(proof, look)
        why, losses = self._account(choice, seen, look)
        if not is_direct and not is_explained(look):
            why = "no direct proof"
        return Member(
            other,
            choice.file,
            kind="copy",
            transform=self._words(other, seen, look, losses) if is_direct else "copy of a copy",
            score=proof.probability,
            evidence=proof.as_dict(),
            why_not=why,
            change=change_in_a_word(seen, kept, other) if is_direct else "",
            losses=losses,
            look=look,
        )

    def _words(self, other: Photo, seen: Evidence, look: Look | None, losses: Iterable[Loss]) -> str:
        if other.id in self._found.ids and not _is_settled(self._keeper.photo, other, seen):
            return CAMERAS if self._found.by_camera else ORIGINAL
        return as_told(transform_in_words(seen, self._keeper.photo, other, look), losses)

    def _proof(self, other: Photo) -> tuple[Evidence, bool]:
        """Return the evidence with the kept photo, else with the center of the star; and which it is."""
        for photo in (self._keeper.photo, self._center):
            found = self._about.seen.proof(photo.id, other.id)
            # Of many photos with the same pixels not every pair is listed.
            if found is None and photo.pixel_digest == other.pixel_digest:
                found = beyond_doubt(SAME_PIXELS)
            if found is not None:
                return found, photo == self._keeper.photo
        raise KeyError(f"{other.id} has no pair with the center {self._center.id} of its star")

    def _look(self, other: Photo, proof: Evidence) -> Look | None:
        """Return the look from the kept photo to another one; it is asked for where it may decide."""
        kept, seen = self._keeper.photo, self._about.seen
        if _is_settled(kept, other, proof):
            return None
        is_plain = not edit_of(kept, other, replace(proof, differing=0.0), None)
        return seen.look(kept.id, other.id, full=True) if is_plain else seen.known_look(kept.id, other.id)

    def _account(self, choice: Choice, proof: Evidence, look: Look | None) -> tuple[str, tuple[Loss, ...]]:
        """Return why a copy is not preselected, "" if nothing speaks against it, and what would be lost."""
        kept, other = self._keeper.photo, choice.photo
        more = tuple(held(_party(self._keeper), _party(choice)))
        if _is_settled(kept, other, proof):
            return (HOLDS_MORE if more else ""), more
        is_original = self._is_original(choice)
        lost = pixels_lost(kept, other, proof, look, is_original)
        edit = edit_of(kept, other, proof, look)
        if edit in SEEN_ONLY and lost is not None and lost.kind == "places":
            edit = ""  # what differs in one place is no change of all of it
        if _shows_page(proof) and not is_explained(look):
            return "document", (*((lost,) if lost else ()), *more)
        if edit:
            own = () if is_explained(look) else (edit_lost(edit),)
            why = "" if self._about.choosing.include_edits and _is_trusted(proof) else "an edit"
            return (HOLDS_MORE if more and not why else why), (*own, *more)
        losses = (*((lost,) if lost else ()), *more)
        # An enlargement and its smaller original keep silent, too, and so does a faint filter.
        is_told = (
            is_original and _is_of_one_size(kept, other, look) and not _should_be_explained(kept, other)
        )
        if lost is None and not (is_explained(look) or is_told):
            return "which came first is not known", losses
        if lost is not None:
            return _WHY[lost.kind], losses
        if not is_explained(look) and (doubt := _doubt(proof)):
            return doubt, losses
        return (HOLDS_MORE if more else ""), losses

    def _is_original(self, choice: Choice) -> bool:
        """Tell whether the kept file came before another one that is like it, as far as the group tells."""
        if self._keeper.photo.id not in self._found.ids:
            return False
        other, record = choice.photo, self._keeper.record - choice.record
        return other.id in self._found.precedes or record >= CAMERA_RECORD or self._found.is_proven


def _is_of_one_size(kept: Photo, other: Photo, look: Look | None) -> bool:
    """Tell whether two have as many pixels, or the smaller one is known to have less to show."""
    is_known = look is not None and look.relation == "a"
    return is_known or max(kept.width, kept.height) <= ONE_SIZE * max(other.width, other.height)


def _should_be_explained(kept: Photo, other: Photo) -> bool:
    """Tell whether the other can be computed from the kept photo if it was merely saved again."""
    is_jpeg = facts_of(kept).format == facts_of(other).format == "JPEG"
    return is_jpeg and sorted((kept.width, kept.height)) == sorted((other.width, other.height))


def _is_settled(kept: Photo, other: Photo, proof: Evidence) -> bool:
    """Tell whether the pixels of two need no look: they are the same, previews, or the user's copies."""
    return proof.branch == CONFIRMED or kept.pixel_digest == other.pixel_digest or _are_raw(kept, other)


def _are_raw(kept: Photo, other: Photo) -> bool:
    return kept.format == other.format == RAW


def _is_trusted(proof: Evidence) -> bool:
    """Tell whether a proof may be trusted unseen."""
    return proof.natural and is_straight(proof) and proof.overlap_b >= WHOLE


def _doubt(proof: Evidence) -> str:
    """Return why a proof that only the thumbnails give is not trusted unseen."""
    if not is_straight(proof):
        return "tilted or bent"
    if proof.overlap_b < WHOLE:
        return "shows more of the scene than the kept file"
    return "" if proof.natural else "uncertain"


def _halves_lost(kept: Choice, other: Choice) -> tuple[Loss, ...]:
    """Return the RAW, the video and other halves that the kept file does not have.

    Halves of another size are other files: a video that was made smaller, the RAW of another shot.
    """
    have = {(each.kind, each.size) for each in kept.companions}
    return tuple(
        Loss("companion", f"its {os.path.basename(each.path)}")
        for each in other.companions
        if each.is_half and (each.kind, each.size) not in have
    )


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


def as_told(words: str, losses: Iterable[Loss]) -> str:
    """Return how a copy was made for people: whoever reads "re-saved" looks no further."""
    is_other = any(loss.kind in ("places", "light", "edit") for loss in losses)
    return "nearly the same picture" if is_other and words == RESAVED else words


def transform_in_words(evidence: Evidence, kept: Photo, other: Photo, look: Look | None = None) -> str:
    """Return how the other photo was made from the kept one: "cropped to 82 %, converted to WEBP".

    look: from the kept photo to the other; a document that it explains needs nobody to check it.
    """
    if evidence.branch == CONFIRMED:
        return "confirmed by you"
    if kept.pixel_digest == other.pixel_digest:
        return "same pixels, other metadata"
    if _are_raw(kept, other):
        return "another RAW of it"
    words = describe(evidence, facts_of(kept), facts_of(other))
    if facts_of(kept).format != facts_of(other).format:
        form = format_name(other.format)
        words = f"{words}, converted to {form}" if words else f"converted to {form}"
    words = words or RESAVED
    if not _shows_page(evidence) or is_explained(look):
        return words
    return f"{words}, looks like a document or a screen: {_places(len(evidence.differs))}"


def _shows_page(proof: Evidence) -> bool:
    """Tell whether one of two is a page and no photo between the bars of a screenshot, which is an edit."""
    return proof.page and max(proof.surround_a, proof.surround_b) < _BARS


def _places(count: int) -> str:
    """Return what to check in a document; what a thumbnail does not show may still differ in the text."""
    if not count:
        return "check it yourself"
    many = "many places differ" if count >= MOST_PLACES else f"{count} places differ"
    return f"{'1 place differs' if count == 1 else many}, check it yourself"


def change_in_a_word(evidence: Evidence, kept: Photo, other: Photo) -> str:
    """Return the change in a word for scripts: of `proof.classify`, "confirmed", "metadata" or "raw"."""
    if evidence.branch == CONFIRMED:
        return CONFIRMED
    if kept.pixel_digest == other.pixel_digest:
        return "metadata"
    if _are_raw(kept, other):
        return "raw"
    return classify(evidence, facts_of(kept), facts_of(other))
