"""Checks that files are as the plan expects, made again right before each action."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ...errors import Refusal
from ...store.names import is_below
from ..groups.companions import Companion, CompanionFinder
from .claims import Claims
from .folders import has_entries
from .planfile import Plan, PlannedCompanion, PlannedFile
from .survivor import Survivors, check_single
from .units import RealPaths, Removal, Unit, staying
from .witness import State, digest_of, examine, examine_keeper, expect, look, state_of

# A folder of 100,000 files is not listed again for each of them.
_LISTING_S = 2.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A file that is about to be moved, as it was found. digest: blake3, hex. kind: as of `Action`."""

    path: str
    found: os.stat_result
    digest: str
    kind: str
    removal: Removal
    same_as: str = ""


class Checks:
    """Looks at the files of units.

    claims: what the library says of the plan. links: of earlier runs, by the real path that each shows.
    roots: of the library.
    """

    def __init__(
        self, plan: Plan, claims: Claims, links: Mapping[str, str], roots: Sequence[str] = ()
    ) -> None:
        self._claims = claims
        self._links = links
        self._roots = roots
        self._keepers = dict(_inodes(group.keeper for group in plan.groups))
        self._staying = dict(_inodes(staying(plan)))
        self._real = RealPaths()
        self._examined: dict[str, tuple[State, int]] = {}
        self._survivors = Survivors()
        self._folders, self._listed_at = CompanionFinder(), time.monotonic()

    def glance(self, unit: Unit) -> list[Piece]:
        """Return the files of a unit, checked as far as can be without opening them.

        Raises:
            Refusal: something is not as the plan says.
        """
        return list(self._pieces(unit, reads=False))

    def examine(self, unit: Unit) -> list[Piece]:
        """Return the files of a unit, each checked byte by byte, and its keepers decoded.

        Raises:
            Refusal: something is not as the plan says.
        """
        return list(self._pieces(unit, reads=True))

    def _pieces(self, unit: Unit, *, reads: bool) -> Iterator[Piece]:
        if unit.refusal is not None:
            raise unit.refusal
        for removal in unit.removals:
            try:
                yield self._piece(unit, removal, reads)
            except Refusal as why:
                raise self._away(removal, why) from None
        for companion, removal in unit.companions:
            piece = _companion_piece(companion, removal, reads)
            stays = self._staying.get((piece.found.st_dev, piece.found.st_ino))
            if stays is not None:
                name = os.path.basename(companion.path)
                raise Refusal("companions", f"{name} is the same file as {stays}, which stays")
            yield piece

    def _piece(self, unit: Unit, removal: Removal, reads: bool) -> Piece:
        file = removal.member.file
        self._claims.check(removal)
        self._check_keeper(removal.keeper, reads)
        with _named(file.path):
            found = examine(file) if reads else look(file.path)
            expect(found, file.size, file.mtime_ns)
            check_single(file.path)
            self._claims.check_place(file)
            self._check_links(file.path)
        self._check_inode(removal, found)
        self._check_companions(unit, removal)
        return Piece(file.path, found, file.digest, removal.member.kind, removal)

    def _away(self, removal: Removal, why: Refusal) -> Refusal:
        """Return a refusal, or a better one: a file is not gone if a whole folder is not there."""
        if why.code != "gone":
            return why
        for path, of in ((removal.path, ""), (removal.keeper.path, "what is kept for it is not there: ")):
            away = None if os.path.lexists(path) else _why_away(path, self._roots)
            if away is not None:
                return Refusal("offline", f"{of}{away}")
        return why

    def _check_keeper(self, keeper: PlannedFile, reads: bool) -> None:
        """Check a keeper; one that was read before and has not been touched since is not read again."""
        with _named(keeper.path):
            found = look(keeper.path)
            expect(found, keeper.size, keeper.mtime_ns)
            self._claims.check_place(keeper)
            if reads and self._examined.get(keeper.path) != (state_of(found), found.st_ctime_ns):
                found = examine_keeper(keeper)
                self._examined[keeper.path] = (state_of(found), found.st_ctime_ns)

    def _check_links(self, path: str) -> None:
        """Check that no link which took the place of a copy shows a file: it would lead nowhere.

        Raises:
            Refusal: one does.
        """
        link = self._links.get(self._real(path))
        if link is not None:
            raise Refusal(
                "linked",
                f"the link {link}, which an earlier run put there, shows it; keep it, or remove the link",
            )

    def check_keepers_again(self, unit: Unit) -> None:
        """Check that the keepers are still those that were examined.

        Raises:
            Refusal: one is not.
        """
        for removal in unit.removals:
            with _named(removal.keeper.path):
                # A hard link to it changed its ctime: that is not looked at.
                if self._examined[removal.keeper.path][0] != state_of(look(removal.keeper.path)):
                    raise Refusal("changed", "it changed while its copies were moved")

    def check_moved(self, removal: Removal, to: str) -> None:
        """Check that a keeper did not go with its copy, which lies at `to` now.

        Raises:
            Refusal: it did, or that cannot be told.
        """
        self._survivors.check_moved(to, removal.keeper.path, same_bytes=_same_bytes(removal))

    def _check_inode(self, removal: Removal, found: os.stat_result) -> None:
        # Two names of one file, or one file by two ways: there is nothing to free, and all to lose.
        keeper = self._keepers.get((found.st_dev, found.st_ino))
        if keeper is not None:
            raise Refusal("same_file", f"it is the same file as {os.path.basename(keeper)}, which is kept")
        self._survivors.check(removal.path, removal.keeper.path, same_bytes=_same_bytes(removal))

    def _check_companions(self, unit: Unit, removal: Removal) -> None:
        """Check that the companions of a photo are those of the plan: none is a stranger or left alone."""
        found = {self._real(each.path): each for each in self._companions_now(removal.path)}
        for planned in removal.member.file.companions:
            now = found.get(self._real(planned.path))
            if now is None or now.shared or now.kind != planned.kind:
                raise _no_companion(planned, now)
        here = {self._real(path) for path in removal.group}
        here |= {self._real(other.path) for other in unit.removals}
        here |= {self._real(each.path) for each, _ in unit.companions}
        for path, now in found.items():
            if not now.shared and path not in here:
                raise Refusal(
                    "companions", f"{os.path.basename(path)} belongs to it and is not in the plan"
                )

    def _companions_now(self, path: str) -> tuple[Companion, ...]:
        if time.monotonic() - self._listed_at > _LISTING_S:
            self._folders, self._listed_at = CompanionFinder(), time.monotonic()
        return self._folders.companions(path)


def _no_companion(planned: PlannedCompanion, now: Companion | None) -> Refusal:
    name = os.path.basename(planned.path)
    if now is None and not os.path.lexists(planned.path):
        return Refusal("gone", f"{name}: it is not there any more")
    if now is None:
        return Refusal("companions", f"{name} does not belong to it, though the plan says so")
    if now.shared:
        return Refusal("companions", f"{name} belongs to another photo as well")
    return Refusal("companions", f"{name} is of the kind {now.kind}, the plan says {planned.kind}")


def _why_away(path: str, roots: Sequence[str]) -> str | None:
    """Return which folder above a file that is not there is not there either, None where all are."""
    above = sorted((root for root in roots if is_below(path, [root])), key=len)
    away = next((root for root in above if not has_entries(root)), None)
    if away is not None:  # as `status` calls it
        return f"{away} is away: connect its drive, or index it under its new name"
    folder = missing = os.path.dirname(path)
    while folder != os.path.dirname(folder) and not os.path.isdir(folder):
        missing, folder = folder, os.path.dirname(folder)
    return None if os.path.isdir(missing) else f"the folder {missing} is not there: run `lookalike index`"


def _inodes(files: Iterable[PlannedFile]) -> Iterator[tuple[tuple[int, int], str]]:
    for file in files:
        with suppress(OSError):
            found = os.stat(file.path)
            yield (found.st_dev, found.st_ino), file.path


def _same_bytes(removal: Removal) -> bool:
    return removal.member.file.digest == removal.keeper.digest


def _companion_piece(companion: PlannedCompanion, removal: Removal, reads: bool) -> Piece:
    with _named(companion.path):
        found = look(companion.path)
        expect(found, companion.size, companion.mtime_ns)
        check_single(companion.path)
        digest = ""
        if reads:
            digest, found = digest_of(companion.path)
            expect(found, companion.size, companion.mtime_ns)
    beside = ((each.kind, each.size, each.path) for each in removal.keeper.companions)
    same_as = (path for kind, size, path in beside if (kind, size) == (companion.kind, companion.size))
    return Piece(companion.path, found, digest, companion.kind, removal, next(same_as, ""))


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Name the file in a refusal about it."""
    try:
        yield
    except Refusal as error:
        raise Refusal(error.code, f"{os.path.basename(path)}: {error}") from error
