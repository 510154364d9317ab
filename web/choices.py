"""What people choose in a group of copies, and the plan that comes of it.

The same rules as in output/review/model.js, which shows them while one chooses: another file may be kept,
and each other file goes or stays, unless something forbids that.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ..dedup.actions.plan import expected, moving, planned
from ..dedup.groups.account import Loss
from ..dedup.groups.companions import Companion
from ..dedup.groups.groups import Group
from ..dedup.groups.members import HOLDS_MORE
from ..dedup.packets import MERGED
from ..output.report.data import note_of, words_back
from ..store.catalog.photos import Photo, PhotoFile
from ..store.documents import Row
from ..store.names import is_below

_HARD_LINK = "hard link"
# Why a file stays where it lies, whichever one is kept: these pages have no say there, or it is a backup.
_PLACES = ("protected", "in a trash or among previews", "in another program's library")
_BACKUPS = ("on another drive", "in a backup")
# What is told before it is lost: who wants to, gives it up for many at once. All other reasons stand.
TOLD = frozenset(
    {"", HOLDS_MORE, "an edit", "finer than the kept file", "something differs", "other light or color"}
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen in a group.

    keeper: number of the kept file: 0 is the proposed one, then come the members. chosen: whether a file
    goes, by its number, where somebody said so; what is not named follows the proposal.
    """

    keeper: int = 0
    chosen: Mapping[int, bool] = field(default_factory=lambda: MappingProxyType({}))


PROPOSED = Choice()


@dataclass(frozen=True, slots=True)
class Relation:
    """What a file is beside the kept one. why_not: why it is not chosen unseen. is_locked: it must stay."""

    kind: str
    words: str
    why_not: str
    is_locked: bool = False


class Chosen:
    """A group with what was chosen in it. protect: folders in which files stay."""

    def __init__(self, group: Group, choice: Choice = PROPOSED, protect: tuple[str, ...] = ()) -> None:
        self._group, self._choice, self._protect = group, choice, protect
        self._files = files_of(group)
        self.keeper = choice.keeper if choice.keeper < len(self._files) else 0

    @property
    def others(self) -> Iterator[int]:
        """The numbers of the files that are not the kept one."""
        return (number for number in range(len(self._files)) if number != self.keeper)

    def goes(self, number: int) -> bool:
        """Tell whether a file is to be moved."""
        if number == self.keeper:
            return False
        found = self.relation(number)
        return not found.is_locked and self._choice.chosen.get(number, found.why_not == "")

    @property
    def going(self) -> list[int]:
        """The numbers of the files that are to be moved."""
        return [number for number in self.others if self.goes(number)]

    def warnings(self, *, merging: bool) -> dict[str, str]:
        """Return what is lost, or may be, with the files that go, by path.

        merging: what can be merged is in the sidecars of the kept files first.
        """
        reasons = {number: self.relation(number).why_not for number in self.going}
        found = {
            self._files[number][1].path: self._warning(number, why, merging=merging)
            for number, why in reasons.items()
            if why
        }
        return {path: words for path, words in found.items() if words}

    def _warning(self, number: int, why: str, *, merging: bool) -> str:
        losses = [loss for loss in self._losses(number) if not (merging and loss.kind in MERGED)]
        if why == HOLDS_MORE and not losses:
            return ""
        words = note_of(why, losses)
        return f"{words}; {note_of(why, ())}" if losses and why == "document" else words

    def _losses(self, number: int) -> tuple[Loss, ...]:
        """Return what only a file holds, where that was asked: beside the proposed one."""
        is_asked = self._files[self.keeper][0].digest == self._group.keeper_photo.digest
        return self._group.members[number - 1].losses if number and is_asked else ()

    def bytes_freed(self, going: list[int]) -> int:
        """Return the bytes that come free: only where every link to them is moved."""
        moved = set(going)
        staying = {_inode(file) for number, (_, file) in enumerate(self._files) if number not in moved}
        sizes = {_inode(self._files[each][1]): self._files[each][0].size for each in going}
        return sum(size for inode, size in sizes.items() if inode not in staying)

    def relation(self, number: int) -> Relation:
        """Return what a file is beside the kept one."""
        found = self._plain_relation(number)
        file = self._files[number][1]
        if found.words == _HARD_LINK or is_below(file.path, self._protect):
            why = "protected" if is_below(file.path, self._protect) else _HARD_LINK
            return Relation(found.kind, found.words, why, is_locked=True)
        if self.keeper and (place := self._place(number)):
            return Relation(found.kind, found.words, place)
        if self.keeper and self._has_half(number):
            return Relation(found.kind, found.words, "companions")
        return found

    def _place(self, number: int) -> str:
        """Return why a file stays where it lies when another one than the proposed is kept, "" if none."""
        why, kept = (self._as_proposed(each).why_not if each else "" for each in (number, self.keeper))
        return why if why in _PLACES + _BACKUPS else kept if kept in _BACKUPS else ""

    def _plain_relation(self, number: int) -> Relation:
        (photo, file), (kept, kept_file) = self._files[number], self._files[self.keeper]
        first = self._group.keeper_photo
        if self.keeper == 0 or (kept.digest == first.digest and photo.digest != kept.digest):
            return self._as_proposed(number)
        if photo.digest == kept.digest:
            words = _HARD_LINK if _inode(file) == _inode(kept_file) else "same bytes"
            return Relation("exact", words, "")
        # What a file holds was asked beside the first one only: beside another nothing is chosen unseen.
        unseen = "another file is kept"
        if photo.pixel_digest == kept.pixel_digest:
            return Relation("copy", "same pixels, other metadata", unseen)
        if kept.pixel_digest == first.pixel_digest:
            return Relation("copy", self._as_proposed(number).words, unseen)
        kept_member = self._group.members[self.keeper - 1]
        back = words_back(self._group, kept_member) if photo.pixel_digest == first.pixel_digest else ""
        if back:
            return Relation("copy", back, unseen)
        return Relation("copy", "copy of a copy", "no direct proof")

    def _as_proposed(self, number: int) -> Relation:
        member = self._group.members[number - 1]
        return Relation(member.kind, member.transform, member.why_not)

    def _has_half(self, number: int) -> bool:
        return any(each.is_half for each in self._beside(number))

    def _beside(self, number: int) -> Sequence[Companion]:
        return self._group.companions if number == 0 else moving(self._group.members[number - 1])

    def plan(self) -> Row:
        """Return the group's part of a plan."""
        if self.keeper == 0 and not self._choice.chosen:
            return planned(self._group)
        reason = self._group.reason if self.keeper == 0 else "chosen by you"
        return {
            "keeper": self._expected(self.keeper) | {"reason": reason},
            "members": [self._expected(each) | self._fate(each) for each in self.others],
            "wasted_bytes": self._wasted(),
        }

    def _expected(self, number: int) -> Row:
        return expected(*self._files[number], self._beside(number))

    def _fate(self, number: int) -> Row:
        found, goes = self.relation(number), self.goes(number)
        why = "" if goes else found.why_not or "not chosen"
        return {"class": found.kind, "transform": found.words, "selected": goes, "why_not": why}

    def _wasted(self) -> int:
        sizes = {_inode(self._files[each][1]): self._files[each][0].size for each in self.others}
        return sum(sizes.values()) - sizes.get(_inode(self._files[self.keeper][1]), 0)


def files_of(group: Group) -> list[tuple[Photo, PhotoFile]]:
    """Return the files of a group by their numbers, the proposed keeper first."""
    return [(group.keeper_photo, group.keeper), *((each.photo, each.file) for each in group.members)]


def _inode(file: PhotoFile) -> tuple[int, int]:
    return file.dev, file.ino
