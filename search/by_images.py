"""Search by several examples at once: one answer for all of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import DecodeError, UsageError
from ..indexer.embed.embedder import Embedder
from ..indexer.executor import ThreadExecutor
from ..indexer.sandbox.decoders import OPENED_AT_HOME, Opener
from ..store.store import Store
from .answers import Answer, SearchOptions
from .by_image import answer_to
from .examples import Example, Preparation, Query
from .rocchio import Variation, combined

# More would not fit into the memory of the last search, nor say more.
MOST_EXAMPLES = 256

_NAMED = 6


@dataclass(frozen=True, slots=True)
class Together:
    """Examples for one answer.

    plus: what is wanted. minus: what is not. weights: of plus, above 0; (): 1 each.
    earlier: examples of the search that is refined, ready as they are; what is said now of the same photo
    counts in their place.
    """

    plus: tuple[Query, ...] = ()
    minus: tuple[Query, ...] = ()
    weights: tuple[float, ...] = ()
    earlier: tuple[Example, ...] = ()

    def weighted(self) -> list[tuple[Query, float]]:
        """Return the new examples with their weights, of what is not wanted below 0.

        Raises:
            UsageError: there are other weights than examples, or one that is no number above 0; nothing is
                wanted; there are too many examples.
        """
        weights = self.weights or (1.0,) * len(self.plus)
        if len(weights) != len(self.plus):
            raise UsageError(f"{len(weights)} weights for {len(self.plus)} examples: give one for each")
        for weight in weights:
            if not (math.isfinite(weight) and weight > 0):
                raise UsageError(f"a weight is a number above 0, not {weight:g}; see --minus")
        if not self.plus and not any(example.weight > 0 for example in self.earlier):
            raise UsageError("nothing says what to look for: give an example that is wanted, too")
        if len(self.plus) + len(self.minus) + len(self.earlier) > MOST_EXAMPLES:
            raise UsageError(f"at most {MOST_EXAMPLES} examples make one search together")
        return [*zip(self.plus, weights, strict=True), *((query, -1.0) for query in self.minus)]


def find_together(
    store: Store, together: Together, options: SearchOptions, embedder: Callable[[], Embedder]
) -> Answer:
    """Return one answer for all examples, none of which is in it unless options says so.

    Scores are cosines to the vector that the examples make (see combine.py): they order the photos of one
    answer and are lower than those of a single example. The answer has an error when an example cannot be
    read, which is named.

    Raises:
        UsageError: see `Together.weighted` and `find_similar`.
        StoreError: see errors.py.
    """
    options.check()
    weighted = together.weighted()
    examples = _merged(together.earlier, _prepared(store, weighted, embedder))
    name = named(examples)
    for example in examples:
        if example.error is not None:
            said = f"{example.query.name}: {example.error}"
            return Answer(name, error=DecodeError(example.error.code, said))
    if not any(example.weight > 0 for example in examples):
        raise UsageError("every example that was wanted is one that is not: say what to look for")
    vectors = np.stack([example.vector for example in examples if example.vector is not None])
    weights = np.array([example.weight for example in examples], np.float32)
    with store.reading() as view:
        vector = combined(vectors, weights, Variation.of(view))
    return answer_to(store, Example(Query(name), vector, parts=tuple(examples)), options)


def _prepared(
    store: Store, weighted: Sequence[tuple[Query, float]], embedder: Callable[[], Embedder]
) -> list[Example]:
    executor = ThreadExecutor()
    with Opener(executor.workers, at_home=OPENED_AT_HOME) as open_photo:
        prepare = Preparation(store, embedder, open_photo)
        examples = list(executor.run([query for query, _ in weighted], prepare))
    return [
        replace(example, weight=weight) for example, (_, weight) in zip(examples, weighted, strict=True)
    ]


def _merged(earlier: Sequence[Example], new: Sequence[Example]) -> list[Example]:
    said = {example.digest for example in new if example.digest is not None}
    return [*(example for example in earlier if example.digest not in said), *new]


def named(examples: Sequence[Example]) -> str:
    """Return what to call a search by these examples: "a.jpg + b.jpg - c.jpg"."""
    wanted = [example.query.name for example in examples if example.weight > 0]
    others = [example.query.name for example in examples if example.weight < 0]
    return " - ".join([_listed(wanted, " + "), *([_listed(others, " - ")] if others else [])])


def _listed(names: Sequence[str], between: str) -> str:
    if len(names) <= _NAMED:
        return between.join(names)
    return between.join([*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} more"])
