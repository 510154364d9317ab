"""A request for any kind of search."""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..errors import UsageError
from ..store.arguments import as_examples, as_list, as_number, as_whole
from ..store.filters.where import ALL, Where
from ..store.index.exact import Ids
from .filters.filters import FilterSpec
from .labels.label import check_confidence
from .regions.boxes import WHOLE, RequestedBox, as_box

# "score": best first; "time": oldest first; "-time": newest first; "path": by name.
SORTS = ("score", "time", "-time", "path")

# More examples of one answer would not say more.
MAX_EXAMPLES = 256


class SearchKind(StrEnum):
    """How a request is answered."""

    image = "image"  # one answer for each example
    region = "region"  # the same, by a part of each example
    together = "together"  # one answer for all examples
    text = "text"  # by words, where the library's model knows them
    label = "label"  # photos that have the labels, the surest first
    filter = "filter"  # photos that pass the filter, newest first


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchRequest:
    """A search by images, by several images together, by parts of images, by labels or by a filter alone.

    examples: what is wanted: paths, "id:N", ids (int), bytes of image files, PIL images, (h, w, 3) uint8
    RGB arrays, (dim,) float vectors of `embed`, photos, results of a search, or `Query`. Each has an answer
    of its own unless together is set, or minus, weights, more or less are given: these ask for one answer.
    minus: examples of what is not wanted; one alone is a list of one, as in all lists here. weights: of
    examples, above 0; (): all count the same.
    more, less: numbers, from 1, of results of the last search that was remembered, which is refined: wanted
    ones and others. remember: let a later request refine this one; of several answers none is remembered.

    text: words to search by, in place of examples; the library's model needs a text tower.

    box: the part of each example that is searched for: (x, y, width, height) in pixels of the picture as
    displayed, or "10%,20%,30%,40%". part: each example is itself a part of a photo.

    where: filter, applied before the ranking; a `FilterSpec` is read against the folders of the library, a
    str is a condition.
    labels: only photos that have all of these. confidence: in (0, 1], that their labels must reach; None:
    the usual.

    k: the number of results of an answer, at least 1. min_score: in [-1, 1], that results must reach.
    rerank: k-reciprocal re-ranking; False: by the cosine alone. include_self: let an example that lies in
    the library be a result. include_copies: every proven copy of a photo, not one of them. sort: in what
    order the k best come, one of SORTS. diverse: spread them over scenes. with_labels: give
    results the labels that they likely have.
    """

    examples: Sequence[Any] = ()
    together: bool = False
    minus: Sequence[Any] = ()
    weights: Sequence[float] = ()
    more: Sequence[int] = ()
    less: Sequence[int] = ()
    remember: bool = False
    text: str | None = None
    box: RequestedBox | Sequence[float] | str | None = None
    part: bool = False
    where: Where | FilterSpec | str | None = ALL
    labels: Sequence[str] = ()
    confidence: float | None = None
    k: int = 10
    min_score: float = -1.0
    rerank: bool = True
    include_self: bool = False
    include_copies: bool = False
    sort: str = "score"
    diverse: bool = False
    with_labels: bool = True

    def __post_init__(self) -> None:
        for name in ("examples", "minus"):
            value = getattr(self, name)
            object.__setattr__(self, name, () if value is None else as_examples(value))
        for name in ("labels", "weights", "more", "less"):
            object.__setattr__(self, name, as_list(getattr(self, name)))
        if hasattr(self.k, "__index__"):
            object.__setattr__(self, "k", operator.index(self.k))  # FAISS takes none of numpy's
        if not isinstance(self.where, (Where, FilterSpec)):
            filter_ = ALL if self.where is None else FilterSpec(where=self.where)
            object.__setattr__(self, "where", filter_)

    @property
    def kind(self) -> SearchKind:
        """How it is answered."""
        if self.together or self.minus or self.weights or self.refines:
            return SearchKind.together
        if self.examples:
            return SearchKind.image if self.requested_box is None else SearchKind.region
        if self.text is not None:
            return SearchKind.text
        return SearchKind.label if self.labels else SearchKind.filter

    @property
    def has_one_answer(self) -> bool:
        """Whether there is one answer in all, not one for each of several examples."""
        return self.kind not in (SearchKind.image, SearchKind.region) or len(self.examples) == 1

    @property
    def refines(self) -> bool:
        """Whether the last search goes on."""
        return bool(self.more or self.less)

    @property
    def requested_box(self) -> RequestedBox | None:
        """The part of each example that is searched for; None: the whole is to look alike.

        Raises:
            UsageError: box is none.
        """
        return WHOLE if self.part else as_box(self.box)

    def check(self) -> None:
        """Check that it can be answered.

        Raises:
            UsageError: a value is out of range, or two of them do not go together.
        """
        self._check_ranges()
        check_confidence(self.confidence)
        self._check_parts()
        self._check_text()
        self._check_examples()

    def _check_ranges(self) -> None:
        if as_whole(self.k, "k") < 1:
            raise UsageError(f"k is the number of results, at least 1, not {self.k}")
        if not -1 <= as_number(self.min_score, "min_score") <= 1:
            raise UsageError(f"scores run from -1 to 1, not {self.min_score:g}")
        if self.sort not in SORTS:
            raise UsageError(f"results are sorted by {', '.join(SORTS)}, not by {self.sort!r}")
        for weight in self.weights:
            if not (math.isfinite(as_number(weight, "weights")) and weight > 0):
                raise UsageError(f"a weight is a number above 0, not {weight:g}; see minus")

    def _check_parts(self) -> None:
        if self.part and self.box is not None:
            raise UsageError("part means all of each example, box a part of it: give one of them")
        if self.requested_box is None:
            return
        if not self.examples:
            raise UsageError("box and part are about an image to search by: name one")
        if self.kind is SearchKind.together or self.diverse:
            raise UsageError("box and part go without together, weights, minus, more, less and diverse")

    def _check_text(self) -> None:
        if self.text is not None and (self.examples or self.kind is SearchKind.together):
            raise UsageError(
                "a search by text goes without images, together, minus, weights, more and less"
            )

    def _check_examples(self) -> None:
        both = sorted({*self.more} & {*self.less})
        if both:
            raise UsageError(f"result {both[0]} cannot be wanted and not wanted")
        given = len(self.examples)
        if self.weights and len(self.weights) != given:
            raise UsageError(f"weights are one number for each image, not {len(self.weights)} for {given}")
        if not (given or self.refines):
            if self.minus:
                raise UsageError("minus says what is not wanted: name an image that is, too")
            if self.together or (self.diverse and not (self.labels or self.text)):
                raise UsageError("together and diverse are about images to search by: name one")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which photos may be results, as of one view.

    where: the filter. ids: of the only photos that count, ascending, all of which pass where; None: all do.
    """

    where: Where = ALL
    ids: Ids | None = None
