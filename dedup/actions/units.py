"""A plan -> units: photos with what belongs to them, and what the plan itself rules out."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...errors import Refusal
from ...indexer.scan.places import Ways
from ...store.names import is_below, is_remote, real_path
from .planfile import Plan, PlannedCompanion, PlannedFile, PlannedGroup, PlannedMember


@dataclass(frozen=True, slots=True)
class Removal:
    """A photo that is to be moved, and the one that stays for it. group: the paths of their whole group."""

    member: PlannedMember
    keeper: PlannedFile
    group: frozenset[str]

    @property
    def path(self) -> str:
        """Where it lies."""
        return self.member.file.path


@dataclass(frozen=True, slots=True)
class Unit:
    """Files that are moved together or not at all.

    companions: of any of the removals, each once, with the removal it belongs to. refusal: why nothing is
    done.
    """

    removals: tuple[Removal, ...]
    companions: tuple[tuple[PlannedCompanion, Removal], ...]
    refusal: Refusal | None = None


def units_of(
    plan: Plan, *, include_similar: bool, protect: Sequence[str] = (), merges: bool = False
) -> Iterator[Unit]:
    """Yield the units of a plan in its order; those that the plan itself rules out carry a refusal.

    include_similar: selected look-alikes may be moved. protect: folders in which nothing may. merges: what
    leaving files say is merged.
    """
    protected = [real_path(folder) for folder in (*plan.protect, *protect)]
    real = RealPaths()
    rules = _Rules(plan, include_similar, tuple(protected), real)
    unmerged = Refusal(
        "metadata",
        "what it says would be lost (`merge_metadata=True` writes it beside the kept file first)",
    )
    for together in _together(removals_of(plan), real):
        companions = tuple(_companions(together, real))
        unit = Unit(tuple(together), companions)
        is_unmerged = not merges and any(removal.member.merge for removal in together)
        yield Unit(unit.removals, companions, rules.refusal(unit) or (unmerged if is_unmerged else None))


def removals_of(plan: Plan) -> list[Removal]:
    """Return the photos that a plan wants to be moved, in its order."""
    return [removal for group in plan.groups for removal in _removals(group)]


def _removals(group: PlannedGroup) -> list[Removal]:
    paths = frozenset([group.keeper.path, *(member.file.path for member in group.members)])
    return [Removal(member, group.keeper, paths) for member in group.members if member.selected]


def _companions(
    removals: Sequence[Removal], real: "RealPaths"
) -> Iterator[tuple[PlannedCompanion, Removal]]:
    seen = {real(removal.path) for removal in removals}
    for removal in removals:
        for companion in removal.member.file.companions:
            if real(companion.path) not in seen:
                seen.add(real(companion.path))
                yield companion, removal


def _together(removals: Sequence[Removal], real: "RealPaths") -> Iterator[list[Removal]]:
    """Yield removals by what must go together: those that share a file, as photo or as companion."""
    paths = [frozenset(map(real, _paths(removal))) for removal in removals]
    owners: dict[str, list[int]] = defaultdict(list)
    for number, some in enumerate(paths):
        for path in some:
            owners[path].append(number)
    done: set[int] = set()
    for first in range(len(removals)):
        if first not in done:
            reached, waiting = {first}, [first]
            while waiting:
                near = {other for path in paths[waiting.pop()] for other in owners[path]}
                waiting += near - reached
                reached |= near
            done |= reached
            yield [removals[number] for number in sorted(reached)]


def _paths(removal: Removal) -> list[str]:
    return [removal.path, *(each.path for each in removal.member.file.companions)]


class _Rules:
    """What a plan must not ask for, whoever wrote it."""

    def __init__(
        self, plan: Plan, include_similar: bool, protected: tuple[str, ...], real: "RealPaths"
    ) -> None:
        self._include_similar = include_similar
        self._real = real
        self._ways = Ways()
        self._protected = protected
        self._inodes = {found for folder in protected if (found := _inode(folder)) is not None}
        self._are_protected: dict[str, bool] = {}
        self._keepers = {real(group.keeper.path) for group in plan.groups}
        self._stay = {real(file.path) for file in staying(plan)}

    def refusal(self, unit: Unit) -> Refusal | None:
        for removal in unit.removals:
            for path in (removal.path, removal.keeper.path):
                if is_remote(path):
                    return Refusal(
                        "remote", f"{_name(path)} lies in an object store, where nothing is touched"
                    )
            if self._real(removal.path) in self._keepers:
                return Refusal("kept", f"{_name(removal.path)} is the file to keep of a group")
            if removal.member.kind == "similar" and not self._include_similar:
                return Refusal(
                    "similar", "it only looks alike, nothing is proven (`include_similar=True` moves it)"
                )
        files = [removal.path for removal in unit.removals] + [each.path for each, _ in unit.companions]
        return (
            self._protection(files) or self._place(unit, files) or self._parting(unit) or self._twice(unit)
        )

    def _protection(self, files: Iterable[str]) -> Refusal | None:
        for path in files:
            if self._is_protected(os.path.dirname(self._real(path))):
                return Refusal("protected", f"{_name(path)} is in a protected folder")
        return None

    def _is_protected(self, folder: str) -> bool:
        """Tell whether a folder is protected, by whichever name: a bind mount gives it another one."""
        if folder not in self._are_protected:
            above = os.path.dirname(folder)
            self._are_protected[folder] = (
                is_below(folder, self._protected)
                or _inode(folder) in self._inodes
                or (above != folder and self._is_protected(above))
            )
        return self._are_protected[folder]

    def _place(self, unit: Unit, files: Iterable[str]) -> Refusal | None:
        """Refuse what is another program's, or nobody's photo, which is emptied without a question."""
        for path in files:
            if self._ways.is_others(path):
                what = f"{_name(path)} is in the library of another program, which would lose it"
                return Refusal("other_program", what)
        for path in (*files, *(removal.keeper.path for removal in unit.removals)):
            kind = self._ways.nobodys(path)
            if kind is not None:
                return Refusal("nobodys", f"{_name(path)} lies among what is nobody's photo: {kind}")
        return None

    def _parting(self, unit: Unit) -> Refusal | None:
        for companion, removal in unit.companions:
            if self._real(companion.path) in self._stay:
                what = f"{_name(companion.path)}, which belongs to {_name(removal.path)},"
                return Refusal("companions", f"{what} is a photo that stays")
        return None

    def _twice(self, unit: Unit) -> Refusal | None:
        count = Counter(self._real(removal.path) for removal in unit.removals)
        twice = next((path for path, times in count.items() if times > 1), None)
        return Refusal("kept", f"{_name(twice)} is in two groups; make a new plan") if twice else None


def staying(plan: Plan) -> Iterator[PlannedFile]:
    """Yield the files that stay whatever is done along a plan."""
    for group in plan.groups:
        yield group.keeper
        yield from (member.file for member in group.members if not member.selected)


class RealPaths:
    """Where files lie, their folders resolved and their own names as they are; asks once a folder."""

    def __init__(self) -> None:
        """Know no folder yet."""
        self._folders: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        """Return where a file (absolute path) lies."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = real_path(folder)
        return os.path.join(self._folders[folder], name)


def _name(path: str) -> str:
    return os.path.basename(path)


def _inode(folder: str) -> tuple[int, int] | None:
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino
