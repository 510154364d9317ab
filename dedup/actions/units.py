"""A plan -> units: photos with what belongs to them, and what its own words rule out from the start."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...errors import Refusal
from ..groups.keeper import is_below
from .planfile import Plan, PlannedCompanion, PlannedFile, PlannedGroup, PlannedMember


@dataclass(frozen=True, slots=True)
class Victim:
    """A photo that is to go, and the one that stays for it. group: the paths of their whole group."""

    member: PlannedMember
    keeper: PlannedFile
    group: frozenset[str]

    @property
    def path(self) -> str:
        """Where it lies."""
        return self.member.file.path


@dataclass(frozen=True, slots=True)
class Unit:
    """What goes together or not at all.

    companions: of any of the victims, each once, with the victim it belongs to. refusal: why nothing is
    done.
    """

    victims: tuple[Victim, ...]
    companions: tuple[tuple[PlannedCompanion, Victim], ...]
    refusal: Refusal | None = None


def units_of(plan: Plan, *, include_similar: bool, protect: Sequence[str] = ()) -> Iterator[Unit]:
    """Yield the units of a plan in its order; those that its own words rule out carry a refusal.

    include_similar: look-alikes that somebody selected may go. protect: folders in which nothing may.
    """
    protected = [os.path.realpath(folder) for folder in (*plan.protect, *protect)]
    rules = _Rules(plan, include_similar, tuple(protected))
    victims = [victim for group in plan.groups for victim in _victims(group)]
    for together in _together(victims):
        companions = tuple(_companions(together))
        unit = Unit(tuple(together), companions)
        yield Unit(unit.victims, companions, rules.refusal(unit))


def _victims(group: PlannedGroup) -> list[Victim]:
    paths = frozenset([group.keeper.path, *(member.file.path for member in group.members)])
    return [Victim(member, group.keeper, paths) for member in group.members if member.selected]


def _companions(victims: Sequence[Victim]) -> Iterator[tuple[PlannedCompanion, Victim]]:
    seen = {victim.path for victim in victims}
    for victim in victims:
        for companion in victim.member.file.companions:
            if companion.path not in seen:
                seen.add(companion.path)
                yield companion, victim


def _together(victims: Sequence[Victim]) -> Iterator[list[Victim]]:
    """Yield victims by what must go together: those that share a file, as photo or as companion."""
    owners: dict[str, list[int]] = defaultdict(list)
    for number, victim in enumerate(victims):
        for path in _paths(victim):
            owners[path].append(number)
    done: set[int] = set()
    for first in range(len(victims)):
        if first not in done:
            reached, waiting = {first}, [first]
            while waiting:
                near = {other for path in _paths(victims[waiting.pop()]) for other in owners[path]}
                waiting += near - reached
                reached |= near
            done |= reached
            yield [victims[number] for number in sorted(reached)]


def _paths(victim: Victim) -> list[str]:
    return [victim.path, *(each.path for each in victim.member.file.companions)]


class _Rules:
    """What a plan must not say, whoever wrote it."""

    def __init__(self, plan: Plan, include_similar: bool, protected: tuple[str, ...]) -> None:
        self._include_similar = include_similar
        self._protected = protected
        self._keepers = {group.keeper.path for group in plan.groups}
        self._stay = self._keepers | {
            member.file.path for group in plan.groups for member in group.members if not member.selected
        }

    def refusal(self, unit: Unit) -> Refusal | None:
        for victim in unit.victims:
            if victim.path in self._keepers:
                return Refusal("kept", f"{_name(victim.path)} is the file to keep of a group")
            if victim.member.kind == "similar" and not self._include_similar:
                return Refusal("similar", "it only looks alike, nothing is proven (--include-similar)")
        files = [victim.path for victim in unit.victims] + [each.path for each, _ in unit.companions]
        return self._protection(files) or self._parting(unit) or _twice(unit)

    def _protection(self, files: Iterable[str]) -> Refusal | None:
        for path in files:
            if is_below(real(path), self._protected):
                return Refusal("protected", f"{_name(path)} lies in a protected folder")
        return None

    def _parting(self, unit: Unit) -> Refusal | None:
        for companion, victim in unit.companions:
            if companion.path in self._stay:
                what = f"{_name(companion.path)}, which belongs to {_name(victim.path)},"
                return Refusal("companions", f"{what} is a photo that stays")
        return None


def _twice(unit: Unit) -> Refusal | None:
    paths = [victim.path for victim in unit.victims]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    return Refusal("kept", f"{_name(twice)} is in two groups; make the plan anew") if twice else None


def real(path: str) -> str:
    """Return where a file lies, its folders resolved and its own name as it is."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _name(path: str) -> str:
    return os.path.basename(path)
