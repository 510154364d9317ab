"""Groups of photos that belong together, as plain data."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ...store.catalog.photos import Photo, PhotoFile
from ..look import Look
from .account import Loss
from .companions import Companion

Class = Literal["exact", "copy", "similar"]


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a group beside its keeper.

    kind: "exact" (same bytes), "copy" (same picture, proven) or "similar" (looks alike, not proven).
    transform: what was done to the keeper's picture, in words. score: cosine to the keeper; of a copy the
    probability that it is one. evidence: the numbers of the proof. why_not: why it is not preselected, in
    a few words; "" when it is. change: the transform of a copy in one word, for scripts. companions: the
    files that belong to it. losses: what only it holds. look: what both files at full size say of each
    other, from the keeper to it; None where nobody looked.
    """

    photo: Photo
    file: PhotoFile
    kind: Class
    transform: str
    score: float
    evidence: Mapping[str, Any] = field(default_factory=dict)
    why_not: str = "not examined"
    change: str = ""
    companions: tuple[Companion, ...] = ()
    losses: tuple[Loss, ...] = ()
    look: Look | None = None

    @property
    def selected(self) -> bool:
        """Whether it is safe to be moved without a look: preselected in a plan."""
        return not self.why_not


@dataclass(frozen=True, slots=True)
class Group:
    """Files that belong together.

    keeper: the file to keep; not among the members. reason: why this one. companions:
    the files that belong to the keeper.
    """

    keeper_photo: Photo
    keeper: PhotoFile
    members: tuple[Member, ...]
    reason: str = ""
    companions: tuple[Companion, ...] = ()

    @property
    def paths(self) -> list[str]:
        """The paths of its files, the keeper's first."""
        return [self.keeper.path, *(member.file.path for member in self.members)]

    @property
    def wasted_bytes(self) -> int:
        """Bytes on disk that exact and proven copies take beyond the keeper; hard links take none."""
        sizes = {_inode(member): member.photo.size for member in self.members if member.kind != "similar"}
        return sum(sizes.values()) - sizes.get((self.keeper.dev, self.keeper.ino), 0)

    @property
    def selected_bytes(self) -> int:
        """Bytes on disk that are freed when the selected members are moved."""
        held = {_inode(member) for member in self.members if not member.selected}
        held.add((self.keeper.dev, self.keeper.ino))
        sizes = {_inode(member): member.photo.size for member in self.members if member.selected}
        return sum(size for inode, size in sizes.items() if inode not in held)


def _inode(member: Member) -> tuple[int, int]:
    return member.file.dev, member.file.ino


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photos by id and their score."""

    a: int
    b: int
    score: float


def exact_group(photo: Photo) -> Group | None:
    """Return the exact copies of one content, None when it takes its space only once.

    The keeper is the file that was there first: oldest modification time, then the shortest path, then
    the alphabet. The order in which files were indexed changes nothing.
    """
    keeper, *rest = sorted(photo.files, key=lambda file: (file.mtime_ns, len(file.path), file.path))
    inodes = {(keeper.dev, keeper.ino)}
    members = []
    for file in rest:
        inode = (file.dev, file.ino)
        relation = "hard link" if inode in inodes else "same bytes"
        members.append(Member(photo, file, "exact", relation, 1.0))
        inodes.add(inode)
    return Group(photo, keeper, tuple(members)) if len(inodes) > 1 else None


def never_apart(_a: int, _b: int) -> bool:
    """Keep no two photos apart."""
    return False


def star_groups(
    pairs: Iterable[Pair],
    rank: Callable[[int], Any] = int,
    apart: Callable[[int, int], bool] = never_apart,
) -> list[list[Pair]]:
    """Cut the graph of pairs into stars; each list is one center's pairs (a: the center), best first.

    Every member has its own edge to the center, so that a chain of likenesses joins nothing. The photo
    with most neighbors becomes a center first, then the one with the higher scores, then the lower rank:
    what is ranked by content comes out the same in whatever order it was indexed. apart: tells of two
    photos whether they must not share a star; then the better one stays, though both match the center.
    """
    neighbors: dict[int, dict[int, float]] = defaultdict(dict)
    for pair in pairs:
        # A pair may come from both sides, with scores that differ in the last digits.
        score = max(pair.score, neighbors[pair.a].get(pair.b, pair.score))
        neighbors[pair.a][pair.b] = neighbors[pair.b][pair.a] = score
    order = sorted(
        neighbors,
        key=lambda each: (-len(neighbors[each]), -math.fsum(neighbors[each].values()), rank(each)),
    )
    taken: set[int] = set()
    stars = []
    for center in order:
        if center not in taken:
            free = [Pair(center, other, s) for other, s in neighbors[center].items() if other not in taken]
            free.sort(key=lambda pair: (-pair.score, rank(pair.b)))
            star = _compatible(free, apart)
            if star:
                taken |= {center, *(pair.b for pair in star)}
                stars.append(star)
    return stars


def _compatible(pairs: Iterable[Pair], apart: Callable[[int, int], bool]) -> list[Pair]:
    """Return the pairs, best first, without those whose photo is apart from a better one's."""
    star: list[Pair] = []
    for pair in pairs:
        if not any(apart(pair.b, other.b) for other in star):
            star.append(pair)
    return star
