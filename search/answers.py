"""What a search answers."""

from dataclasses import dataclass, field

from ..errors import DecodeError
from ..store.catalog.photos import Photo
from .examples import Example
from .labels.label import Label
from .regions.boxes import Box


@dataclass(frozen=True, slots=True)
class Result:
    """One photo that was found.

    score: cosine similarity in [-1, 1], higher is closer; the confidence in a label, in [0, 1], of a search
    by label; NaN of a search by a filter alone. photo: with those of its files that are not the query
    itself. copies: the number of proven copies of it that are as near and left out. labels: what it likely
    shows, the most specific first, where they were requested. box: where in it the part was found.
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
    """The results of one query, best first; or why the query could not be read.

    is_reranked: whether they are in the order of k-reciprocal re-ranking, so that scores need not fall all
    the way. example: what was searched by. is_by_label: the query names labels, and the scores are
    confidences. without_map: how many photos pass the filter and have no local map to find a part in.
    """

    query: str
    results: tuple[Result, ...] = ()
    error: DecodeError | None = None
    is_reranked: bool = False
    example: Example | None = field(default=None, repr=False, compare=False)
    is_by_label: bool = False
    without_map: int = 0
