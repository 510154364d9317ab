"""What a search is told, and what it answers."""

from dataclasses import dataclass, field

from ..errors import DecodeError, UsageError
from ..store.catalog.photos import Photo
from ..store.filters.where import ALL, Where
from ..store.index.exact import Ids
from .examples import Example
from .labels.label import Label
from .regions.boxes import Box, BoxAsked

# "score": best first; "time": oldest first; "-time": newest first; "path": by name.
SORTS = ("score", "time", "-time", "path")


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What to answer with.

    k: number of neighbors. min_score: cosine in [-1, 1] that neighbors must reach. where: filter on the
    library, applied before the ranking. include_self: let a query that lies in the library be its own
    result. plain: rank by the cosine alone, not by neighbors of neighbors. include_copies: show every
    proven copy of a photo, not one of them. sort: in what order the k best come, one of SORTS. diverse:
    spread them over scenes. allowed: ids of the only photos that count, ascending, all of which pass where;
    None: all that do. box: the part of each query that is looked for, None: all of it looks like the whole
    of the others.
    """

    k: int = 10
    min_score: float = -1.0
    where: Where = ALL
    include_self: bool = False
    plain: bool = False
    include_copies: bool = False
    sort: str = "score"
    diverse: bool = False
    allowed: Ids | None = None
    box: BoxAsked | None = None

    def check(self) -> None:
        """Check that it can be done.

        Raises:
            UsageError: k or min_score is out of range, or there is no such order.
        """
        if self.k < 1:
            raise UsageError(f"-k is the number of neighbors, at least 1, not {self.k}")
        if not -1 <= self.min_score <= 1:
            raise UsageError(f"scores are cosines from -1 to 1, not {self.min_score:g}")
        if self.sort not in SORTS:
            raise UsageError(f"results are sorted by {', '.join(SORTS)}, not by {self.sort!r}")


@dataclass(frozen=True, slots=True)
class Result:
    """One neighbor. score: cosine similarity in [-1, 1], higher is closer; NaN if there was no example.

    photo: with those of its files that are not the query itself. copies: how many proven copies of it are
    as near, and not shown. labels: what it likely shows, the most special first, where they were asked for.
    box: where in it a part was found.
    """

    score: float
    photo: Photo
    copies: int = 0
    labels: tuple[Label, ...] = ()
    box: Box | None = None

    @property
    def path(self) -> str:
        """The path of its first file."""
        return self.photo.path


@dataclass(frozen=True, slots=True)
class Answer:
    """The neighbors of one query, best first; or why the query could not be read.

    is_reranked: whether neighbors of neighbors were asked, so that scores need not fall all the way.
    example: what was searched by. is_by_label: the query is a label, no example, and the scores are
    confidences. without_map: how many photos pass the filter and have no local map to find a part in.
    """

    query: str
    results: tuple[Result, ...] = ()
    error: DecodeError | None = None
    is_reranked: bool = False
    example: Example | None = field(default=None, repr=False, compare=False)
    is_by_label: bool = False
    without_map: int = 0
