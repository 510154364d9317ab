"""Search by several examples at once: one answer for all of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import UsageError
from .answers import Answer
from .by_image import answers_to, prepared
from .examples import Example, Query, as_query
from .request import MAX_EXAMPLES, SearchRequest
from .rocchio import Variation, combined
from .session import Session

_NAMED = 6

Weighted = tuple[Query, float]  # of an example that is not wanted below 0


def answer_together(
    session: Session, earlier: Sequence[Weighted], more: Sequence[Query], less: Sequence[Query]
) -> Answer:
    """Return one answer for all examples of the request, none of which is in it unless it says so.

    earlier: examples of the search that is refined; a new example of the same content counts in their
    place. more, less: its results that are wanted or not. Scores are cosines to the vector that the
    examples make (see rocchio.py): they order the photos of one answer and are lower than those of a single
    example. The answer has an error when an example cannot be read, which is named.

    Raises:
        UsageError: nothing is wanted, or there are too many examples.
    """
    new = _weighted(session.request, more, less)
    if len(earlier) + len(new) > MAX_EXAMPLES:
        raise UsageError(f"at most {MAX_EXAMPLES} examples make one search together")
    examples = _merged(_ready(session, [*earlier, *new]), len(earlier))
    name = query_name(examples)
    for example in examples:
        if example.error is not None:
            return Answer(name, error=example.error.naming(example.query.name))
    if not any(example.weight > 0 for example in examples):
        raise UsageError("nothing says what to look for: give an example that is wanted, too")
    return _answer(session, Query(name), examples)


def _weighted(request: SearchRequest, more: Sequence[Query], less: Sequence[Query]) -> list[Weighted]:
    """Return the new examples with their weights."""
    weights = request.weights or (1.0,) * len(request.examples)
    return [
        *zip(map(as_query, request.examples), weights, strict=True),
        *((query, 1.0) for query in more),
        *((query, -1.0) for query in (*map(as_query, request.minus), *less)),
    ]


def _ready(session: Session, weighted: Sequence[Weighted]) -> list[Example]:
    examples = prepared(session, [query for query, _ in weighted])
    return [
        replace(example, weight=weight) for example, (_, weight) in zip(examples, weighted, strict=True)
    ]


def _merged(examples: Sequence[Example], earlier: int) -> list[Example]:
    """Return the examples without those of the first ones (so many are earlier) that are given anew."""
    new = examples[earlier:]
    digests = {example.digest for example in new if example.digest is not None}
    return [*(each for each in examples[:earlier] if each.digest not in digests), *new]


def _answer(session: Session, query: Query, examples: Sequence[Example]) -> Answer:
    vectors = np.stack([example.vector for example in examples if example.vector is not None])
    weights = np.array([example.weight for example in examples], np.float32)
    with session.reading() as view:
        vector = combined(vectors, weights, Variation.of(view))
        example = Example(query, vector, parts=tuple(examples))
        answers = answers_to(view, [example], session.request, session.scope(view))
        (answer,) = session.labeled(view, list(answers))
    return answer


def query_name(examples: Sequence[Example]) -> str:
    """Return what to call a search by these examples: "a.jpg + b.jpg - c.jpg"."""
    wanted = [example.query.name for example in examples if example.weight > 0]
    others = [example.query.name for example in examples if example.weight < 0]
    return " - ".join([_listed(wanted, " + "), *([_listed(others, " - ")] if others else [])])


def _listed(names: Sequence[str], between: str) -> str:
    if len(names) <= _NAMED:
        return between.join(names)
    return between.join([*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} more"])
