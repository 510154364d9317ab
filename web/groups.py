"""The groups of copies, found once and held in memory: which there are, in what order, and their sums."""

import hashlib
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal, cast, get_args

from ..dedup.groups.account import noun_of
from ..dedup.groups.groups import Group, Member
from ..dedup.groups.report import CopyReport
from ..errors import LookalikeError
from ..library import Library
from ..store.catalog.photos import Totals
from ..store.documents import Row, path_fields
from .choices import Choice, Chosen, files_of
from .events import Events
from .problems import Gone
from .review import UNTOUCHED, Review, State

Order = Literal["bytes", "doubt", "date", "path"]
Show = Literal["", "going", "safe", "loss", "document", "new", "looked", "skipped", "rejected"]
_THUMBS = 3


@dataclass(frozen=True)
class Listed:
    """A group as the page knows it, by its key: a digest of its files, the proposed keeper first.

    protect: folders in which files stay.
    """

    group: Group
    protect: tuple[str, ...] = ()

    def chosen(self, choice: Choice) -> Chosen:
        """Return the group with what was chosen in it."""
        return Chosen(self.group, choice, self.protect)

    @cached_property
    def key(self) -> str:
        """Its name: with other files, or another proposal, it is another group."""
        digest = hashlib.sha256()
        for photo, file in files_of(self.group):
            digest.update(bytes.fromhex(photo.digest) + os.fsencode(file.path) + b"\0")
        return digest.hexdigest()[:20]

    @cached_property
    def is_safe(self) -> bool:
        """Whether all of it goes unseen: nothing would be lost."""
        return all(member.selected for member in self.group.members)

    @cached_property
    def would_lose(self) -> bool:
        """Whether something would be lost with one of its files."""
        return any(member.losses for member in self.group.members)

    @cached_property
    def more(self) -> str:
        """What only another file than the proposed one holds, in a word or two.

        That it is an edit is no news: nearly every group has one, and none is proposed to go.
        """
        losses = (loss for member in self.group.members for loss in member.losses)
        return noun_of(loss for loss in losses if loss.kind not in ("edit", "unknown"))

    def losing(self, choice: Choice) -> str:
        """Return what is lost with the files that somebody chose to move, in a word or two."""
        if choice.keeper or not any(choice.chosen.values()):
            return ""
        going = self.chosen(choice).going
        return noun_of(loss for number in going for loss in self.group.members[number - 1].losses)

    @cached_property
    def is_document(self) -> bool:
        """Whether it looks like a page of text or a screen of it."""
        return any(member.why_not == "document" for member in self.group.members)

    @cached_property
    def sureness(self) -> float:
        """How sure its least sure member is, in [0, 1]."""
        return min(member.score for member in self.group.members)

    @cached_property
    def folders(self) -> frozenset[str]:
        """The folders of its files."""
        return frozenset(os.path.dirname(file.path) for _, file in files_of(self.group))

    @cached_property
    def changes(self) -> frozenset[str]:
        """What was done to its members, in words for scripts."""
        return frozenset(map(change_of, self.group.members))

    def sums(self, state: State) -> tuple[int, int]:
        """Return how many files go, and the bytes that are freed."""
        if state.state == "rejected":
            return 0, 0
        if state.choice.keeper == 0 and not state.choice.chosen:
            return self._proposed_sums
        chosen = self.chosen(state.choice)
        going = chosen.going
        return len(going), chosen.bytes_freed(going)

    def to_move(self, state: State) -> frozenset[str]:
        """Return the paths of the files that go."""
        if state.state == "rejected":
            return frozenset()
        files = files_of(self.group)
        return frozenset(files[number][1].path for number in self.chosen(state.choice).going)

    @cached_property
    def _proposed_sums(self) -> tuple[int, int]:
        return sum(member.selected for member in self.group.members), self.group.selected_bytes

    def row(self, state: State) -> Row:
        """Return its line in a list."""
        going, freed = self.sums(state)
        files = files_of(self.group)
        return {
            "key": self.key,
            "thumbs": list(dict.fromkeys(photo.id for photo, _ in files))[:_THUMBS],
            **path_fields(files[state.choice.keeper % len(files)][1].path),
            "files": len(files),
            "going": going,
            "wasted_bytes": self.group.wasted_bytes,
            "bytes": freed,
            "class": "exact" if self.changes == {"exact"} else "copy",
            "changes": sorted(self.changes),
            "reason": self.group.reason,
            "is_safe": self.is_safe,
            "more": self.more,
            "losing": self.losing(state.choice),
            "is_document": self.is_document,
            "score": round(self.sureness, 6),
            "date": self.group.keeper_photo.date,
            "state": state.state,
        }


def change_of(member: Member) -> str:
    """Return what was done to a member, in a word."""
    return "exact" if member.kind == "exact" else member.change or "copy"


# As they are found, those whose copies take most come first.
_ORDERS: Mapping[str, Callable[[Listed], Any]] = {
    "doubt": lambda each: each.sureness,
    "date": lambda each: _backwards(each.group.keeper_photo.date),
    "path": lambda each: each.group.keeper.path,
}


def _backwards(date: str) -> float:
    return -datetime.fromisoformat(date[:19]).replace(tzinfo=UTC).timestamp() if date else 0.0


@dataclass(frozen=True)
class Filter:
    """Which groups are shown. folder: a path, the group has a file below it. change: of a member.

    text: part of a path, in any case.
    """

    show: Show = ""
    folder: str = ""
    change: str = ""
    text: str = ""

    def passes(self, each: Listed, state: State) -> bool:
        """Tell whether a group is shown."""
        return (
            self.show in shows_of(each, state.state, each.sums(state)[0] > 0)
            and (not self.change or self.change in each.changes)
            and (not self.folder or any(is_in(folder, self.folder) for folder in each.folders))
            and (not self.text or _has_text(each, self.text.casefold()))
        )


def is_in(path: str, folder: str) -> bool:
    """Tell whether a folder is another one or lies below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def shows_of(each: Listed, state: str, goes: bool) -> list[Show]:
    """Return the filters that a group passes. state: of the review. goes: some of its files do."""
    if state == "rejected":
        return ["rejected"]
    shows: list[Show] = ["", cast("Show", state)]
    if goes:
        shows.append("going")
    if each.is_safe:
        shows.append("safe")
    if each.would_lose:
        shows.append("loss")
    if each.is_document:
        shows.append("document")
    return shows


def _has_text(each: Listed, text: str) -> bool:
    return any(text in file.path.casefold() for _, file in files_of(each.group))


class Found:
    """The groups as they were found at a moment.

    number: of the finding. photos, files: of the library. is_whole: others need not be looked for. protect:
    folders in which files stay.
    """

    def __init__(
        self, number: int, report: CopyReport, totals: Totals, is_whole: bool, protect: tuple[str, ...] = ()
    ) -> None:
        self.number, self.report, self.is_whole = number, report, is_whole
        self.photos, self.files = totals.photos, totals.present
        self.groups = [Listed(group, protect) for group in report.groups]
        self._by_key = {each.key: each for each in self.groups}
        self._orders: dict[str, list[Listed]] = {}

    def named(self, key: str) -> Listed:
        """Return a group by key.

        Raises:
            Gone: it is not there any more.
        """
        if key not in self._by_key:
            raise Gone("this group is not there any more: its files or what is known of them changed")
        return self._by_key[key]

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def in_order(self, order: Order) -> list[Listed]:
        """Return the groups in an order."""
        if order == "bytes":
            return self.groups
        if order not in self._orders:
            self._orders[order] = sorted(self.groups, key=_ORDERS[order])
        return self._orders[order]

    def passing(self, wanted: Filter, order: Order, review: Review) -> list[Listed]:
        """Return the groups that pass a filter, in an order."""
        return [each for each in self.in_order(order) if wanted.passes(each, review.of(each.key))]

    def sums(self, review: Review) -> Row:
        """Return how much of the review is done, and what would go."""
        sums = Counter(self._untouched_sums)
        for key, state in review.touched().items():
            if key in self:
                sums.subtract(_share(self._by_key[key], UNTOUCHED))
                sums.update(_share(self._by_key[key], state))
        return {
            "groups": len(self.groups),
            "counts": {name or "all": sums[name] for name in get_args(Show)},
            "done": len(self.groups) - sums["new"],
            "going": sums["files"],
            "going_groups": sums["going"],
            "bytes": sums["bytes"],
            "wasted_bytes": sums["wasted_bytes"],
            "pairs": self.report.pairs,
            "wrong": {"count": round(self.report.wrong.count, 2), "high": self.report.wrong.high},
        }

    @cached_property
    def copies_by_folder(self) -> "dict[str, Counter[str]]":
        """How many files of a folder are copies of kept files in which folders, as it is proposed."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for each in self.groups:
            home = os.path.dirname(each.group.keeper.path)
            for member in each.group.members:
                found[os.path.dirname(member.file.path)][home] += 1
        return found

    @cached_property
    def safe_by_folder(self) -> "Counter[str]":
        """How many files of a folder lose nothing when they go, as it is proposed."""
        members = (member for each in self.groups for member in each.group.members if member.selected)
        return Counter(os.path.dirname(member.file.path) for member in members)

    @cached_property
    def _untouched_sums(self) -> "Counter[str]":
        sums: Counter[str] = Counter()
        for each in self.groups:
            sums.update(_share(each, UNTOUCHED))
        return sums


def _share(each: Listed, state: State) -> dict[str, int]:
    """Return what a group adds to the sums: to the number of groups of each filter, to files and bytes."""
    files, size = each.sums(state)
    wasted = each.group.wasted_bytes if state.state != "rejected" else 0
    counts: dict[str, int] = dict.fromkeys(shows_of(each, state.state, files > 0), 1)
    return {**counts, "files": files, "bytes": size, "wasted_bytes": wasted}


@dataclass(eq=False)
class KnownGroups:
    """The groups that were found last; what is known already is read when they are first asked for."""

    library: Library
    events: Events
    error: str = ""
    _found: Found | None = None
    _number: int = 0
    _is_finding: bool = False
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def get(self) -> Found | None:
        """Return the groups; None while they are being read for the first time."""
        with self._mutex:
            if self._found is None and not self._is_finding and not self.error:
                self._is_finding = True
                threading.Thread(target=self._read, daemon=True).start()
            return self._found

    def now(self) -> Found:
        """Return the groups.

        Raises:
            Gone: they are not known yet.
        """
        found = self.get()
        if found is None:
            raise Gone("the copies are still being read; ask again in a moment")
        return found

    def _read(self) -> None:
        """Read what is known, without looking for more: that a job does, when somebody wants it."""
        try:
            self.read_known()
        except LookalikeError as error:
            self.error = str(error)
            self.events.tell("groups", {"error": self.error})
        finally:
            self._is_finding = False

    def read_known(self) -> Found:
        """Read the groups that are known already; nothing is compared."""
        with Library.open(self.library.store.folder) as reader:
            reader.copies.rules = self.library.copies.rules
            return self.put(reader.copies.find())

    def put(self, report: CopyReport) -> Found:
        """Take over groups that were found."""
        totals, copies = self.library.totals(), self.library.copies
        with self._mutex:
            self._number += 1
            self.error = ""
            self._found = Found(self._number, report, totals, copies.is_whole(), copies.rules.protect)
        self.events.tell("groups", {"number": self._found.number, "groups": len(report.groups)})
        return self._found
