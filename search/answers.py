"""What a search answers."""

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..errors import DecodeError
from ..store.catalog.photos import Photo
from ..store.documents import Row
from ..store.thumbs import Thumbs
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


# What a frame says of a result; see `store.frames`.
RESULT_KINDS = {
    "rank": int,
    "score": float,
    "path": str,
    "id": int,
    "width": int,
    "height": int,
    "format": str,
    "bytes": int,
    "date": str,
    "camera": str,
    "labels": list,
    "copies": int,
}


class Results(tuple[Result, ...]):
    """The results of one search, best first: a tuple that notebooks show with thumbnails."""

    _thumbs: Thumbs

    @classmethod
    def of(cls, results: Iterable[Result], thumbs: Thumbs) -> "Results":
        """Return results. thumbs: of the library, for notebooks."""
        made = cls(results)
        made._thumbs = thumbs
        return made

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return Results.of(found, self._thumbs) if isinstance(place, slice) else found

    def frame(self) -> Any:
        """Return them as a pandas DataFrame or, without pandas, as an Arrow table: a row for each photo.

        Columns: rank, score, path, id, width, height, format, bytes, date, camera, labels (names), copies.

        Raises:
            ExtraMissing: neither pandas nor pyarrow is installed.
        """
        from ..store.frames import frame_of

        return frame_of(self.rows(), RESULT_KINDS)

    def rows(self) -> Iterator[Row]:
        """Yield what `frame` has, as dicts."""
        for rank, result in enumerate(self, 1):
            photo = result.photo
            names = ("path", "id", "width", "height", "format", "date", "camera")
            yield {name: getattr(photo, name) for name in names} | {
                "rank": rank,
                "score": None if math.isnan(result.score) else result.score,
                "bytes": photo.size,
                "labels": [label.name for label in result.labels],
                "copies": result.copies,
            }

    def _repr_html_(self) -> str:
        from ..store.notebook import Cell, as_html

        cells = [
            Cell(each.photo.digest, _words(rank, each), each.path) for rank, each in enumerate(self, 1)
        ]
        return as_html([("", cells)], self._thumbs.get_many) if cells else "nothing found"


def _words(rank: int, result: Result) -> list[str]:
    score = "" if math.isnan(result.score) else f"  {result.score:.3f}"
    return [f"{rank}.{score}", os.path.basename(result.path)]


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
