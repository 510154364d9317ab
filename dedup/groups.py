"""Groups of photos that belong together, as plain data."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..store.listing import Photo, PhotoFile

Class = Literal["exact", "copy", "similar"]


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a group beside its keeper.

    kind: "exact" (same bytes), "copy" (same picture, proven) or "similar" (another picture of the like).
    transform: what was done to the keeper's picture, in words. score: cosine to the keeper; of a copy the
    probability that it is one. evidence: the numbers of the proof. selected: safe to be given up without
    a look. change: the transform of a copy in one word, for scripts.
    """

    photo: Photo
    file: PhotoFile
    kind: Class
    transform: str
    score: float
    evidence: Mapping[str, Any] = field(default_factory=dict)
    selected: bool = False
    change: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Files that belong together.

    keeper: the one that a person would keep; not among the members. reason: why this one.
    """

    keeper_photo: Photo
    keeper: PhotoFile
    members: tuple[Member, ...]
    reason: str = ""

    @property
    def wasted_bytes(self) -> int:
        """Bytes on disk that exact and proven copies take beyond the keeper; hard links take none."""
        inodes = {(self.keeper.dev, self.keeper.ino)}
        wasted = 0
        for member in self.members:
            inode = (member.file.dev, member.file.ino)
            if member.kind != "similar" and inode not in inodes:
                wasted += member.photo.size
            inodes.add(inode)
        return wasted


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


def star_groups(pairs: Iterable[Pair]) -> list[list[Pair]]:
    """Cut the graph of pairs into stars; each list is one center's pairs (a: the center), best first.

    Every member has its own edge to the center, so that a chain of likenesses joins nothing. The photo
    with most neighbors becomes a center first, then the one with the higher scores, then the lower id.
    """
    neighbors: dict[int, dict[int, float]] = defaultdict(dict)
    for pair in pairs:
        # A pair may come from both sides, with scores that differ in the last digits.
        score = max(pair.score, neighbors[pair.a].get(pair.b, pair.score))
        neighbors[pair.a][pair.b] = neighbors[pair.b][pair.a] = score
    order = sorted(
        neighbors, key=lambda each: (-len(neighbors[each]), -sum(neighbors[each].values()), each)
    )
    taken: set[int] = set()
    stars = []
    for center in order:
        if center in taken:
            continue
        members = {other: s for other, s in neighbors[center].items() if other not in taken}
        if members:
            taken |= {center, *members}
            star = [Pair(center, other, score) for other, score in members.items()]
            stars.append(sorted(star, key=lambda pair: (-pair.score, pair.b)))
    return stars
