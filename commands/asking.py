"""What the command line gives to search by: images, several together, results of the last search."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..library import Library

if TYPE_CHECKING:
    from ..search.by_images import Together
    from ..search.examples import Query


@dataclass(frozen=True, slots=True)
class Examples:
    """What the command is given to search by. more, less: numbered results of the last search."""

    images: list[str]
    minus: list[str]
    weights: tuple[float, ...] = ()
    more: list[int] = field(default_factory=list)
    less: list[int] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        images: list[str],
        minus: list[str] | None,
        weight: str | None,
        more: str | None,
        less: str | None,
    ) -> "Examples":
        """Read what the options say.

        Raises:
            UsageError: an option has no numbers in it, or stdin is named twice.
        """
        examples = cls(images, minus or [], _numbers(weight), _ranks(more), _ranks(less))
        if [*examples.images, *examples.minus].count("-") > 1:
            raise UsageError("stdin holds one image: name `-` once")
        if examples.weights and len(examples.weights) != len(images):
            count, of = len(examples.weights), len(images)
            raise UsageError(f"--weight is one number for each image: {count} for {of} are given")
        if minus and not (images or examples.refines):
            raise UsageError("--minus says what is not wanted: name an image that is, too")
        return examples

    @property
    def refines(self) -> bool:
        """Whether the last search goes on."""
        return bool(self.more or self.less)

    @property
    def are_one(self) -> bool:
        """Whether they ask for one answer."""
        return bool(self.refines or self.minus or self.weights)


def together(library: Library, given: Examples) -> "Together":
    """Return the examples for one answer; results of the last search are among them if it goes on."""
    from ..search.by_images import Together

    plus, minus = tuple(queries(given.images)), tuple(queries(given.minus))
    if not given.refines:
        return Together(plus, minus, given.weights)
    last = library.searches.refined(given.more, given.less)
    weights = given.weights and (*given.weights, *(1.0 for _ in last.plus))
    return Together((*plus, *last.plus), (*minus, *last.minus), weights, last.earlier)


def _numbers(text: str | None) -> tuple[float, ...]:
    """Return the weights in "2,0.5"."""
    try:
        return tuple(float(each) for each in text.split(",")) if text is not None else ()
    except ValueError as error:
        raise UsageError(f"--weight is one number for each image, such as 2,1, not {text}") from error


def _ranks(text: str | None) -> list[int]:
    """Return the numbers of results in "3,7"."""
    if text is None:
        return []
    ranks = [each.strip() for each in text.split(",")]
    if not all(each.isascii() and each.isdecimal() and len(each) < 10 for each in ranks):
        raise UsageError(f"--more and --less take numbers of results, such as 3,7, not {text}")
    return [int(each) for each in ranks]


def queries(names: Iterable[str]) -> "Iterator[Query]":
    """Yield what each name on the command line stands for: a file, `-` for stdin, id:N."""
    from ..search.examples import Query

    for name in names:
        if name == "-":
            yield Query("-", data=sys.stdin.buffer.read())
        elif name.startswith("id:") and name[3:].isascii() and name[3:].isdecimal():
            yield Query(name, id=int(name[3:]))
        else:
            yield Query(name, path=name)
