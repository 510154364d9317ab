"""From conditions as a user writes them to a filter of the store."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from reprlib import repr as short
from types import NoneType
from typing import TYPE_CHECKING, TypedDict

from ...errors import UsageError
from ...store.filters.where import ALL, Where, rel_below
from ...store.names import is_remote, not_in_library, on_disk, real_path
from ...store.records import Root
from .values import read_bytes, read_date, read_number

if TYPE_CHECKING:
    from ...store.filters.terms import Term

_BOX = re.compile(r"(\d{1,9})x(\d{1,9})", re.ASCII | re.IGNORECASE)
_MEGAPIXELS = re.compile(r"(.*?)\s*mp", re.IGNORECASE | re.DOTALL)


class FilterOptions(TypedDict, total=False):
    """The fields of `FilterSpec` besides folders and dates."""

    camera: Sequence[str]
    min_size: str | None
    formats: Sequence[str]
    near: str | None
    where: "str | Term | None"


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """Conditions on photos as a user writes them; all of them must hold.

    folders: absolute, or relative to the working directory or to a folder of the library; any of them.
    since, until: "2023", "2023-05", "2023-05-01", "2023-05-01T18:30", both included. camera: parts of
    names, any of them. min_size: "12MP", "2000x1500" (or upright), "3MB". formats: "jpeg", any of them.
    near: "LAT,LON,KM". where: a condition, as text (see `where.parse`) or as a term.
    """

    folders: Sequence[str] = ()
    since: str | None = None
    until: str | None = None
    camera: Sequence[str] = ()
    min_size: str | None = None
    formats: Sequence[str] = ()
    near: str | None = None
    where: "str | Term | None" = None

    def __post_init__(self) -> None:
        for name in ("folders", "camera", "formats"):
            value = getattr(self, name)
            if isinstance(value, (str, os.PathLike)):  # else its letters were taken one by one
                object.__setattr__(self, name, (os.fspath(value),))


def any_words(text: str) -> "Term | None":
    """Return the condition that each word of a text is part of a path, a keyword, a person or a title."""
    from ...store.filters.terms import Compare, Or, Term, all_of

    def in_any(word: str) -> Term:
        return Or(tuple(Compare(field, "~", word) for field in ("path", "keyword", "person", "title")))

    return all_of(list(map(in_any, text.split())))


def make_where(
    roots: Sequence[Root], spec: FilterSpec, formats: Callable[[], Sequence[str]] = tuple
) -> Where:
    """Return the filter of a spec.

    roots: all roots of the store; needed for folders only. formats: asked, where a format has no such name,
    for those that the store has.

    Raises:
        UsageError: a folder lies outside of the library, a format is none, the dates end before they begin,
            or something cannot be read.
    """
    term = _term(spec)
    if term is not None:
        _check_formats(list(_formats_in(term)), formats)
    found = [path for folder in spec.folders for path in _resolve(roots, folder)]
    return Where(tuple(found), *_span(_date(spec.since), _date(spec.until)), term)


def as_where(given: "Where | str | Term | None") -> Where:
    """Return the filter that a caller gives; a str or a term is its condition, None passes all.

    Raises:
        UsageError: it is none of these, or the condition cannot be read.
    """
    if given is None or isinstance(given, Where):
        return given or ALL
    return make_where((), FilterSpec(where=given))


def _date(text: str | None) -> str | None:
    return None if text is None else read_date(str(text))  # a year may come as a number


def _span(since: str | None, until: str | None) -> tuple[str | None, str | None]:
    """Return two dates with something between them; the last stands for its whole year, month or day."""
    if since and until and since[: len(until)] > until:
        raise UsageError(f"no date lies from {since} until {until}: give the earlier one first")
    return since, until


def _formats_in(term: "Term") -> Iterator[str]:
    """Yield the names of formats that a term compares with."""
    from ...store.filters.terms import CONTAINS, And, Compare, Not, OneOf, Or

    if isinstance(term, (And, Or)):
        yield from chain.from_iterable(map(_formats_in, term.terms))
    elif isinstance(term, Not):
        yield from _formats_in(term.term)
    elif isinstance(term, (Compare, OneOf)) and term.field == "format":
        if isinstance(term, OneOf):
            yield from map(str, term.values)
        elif term.comparison != CONTAINS:
            yield str(term.value)


def _check_formats(names: Sequence[str], formats: Callable[[], Sequence[str]]) -> None:
    if not names:
        return
    from ...store.filters.terms import FORMATS

    unknown = next((name for name in names if name.strip().lower() not in FORMATS), None)
    if unknown is not None:
        from ...indexer.decode.sniff import RAW_EXTENSIONS

        ending = f".{unknown.strip().lower()}"
        if os.fsencode(ending) in RAW_EXTENSIONS:
            raise UsageError(
                f"there is no format {unknown!r}: raw files of all cameras have the format 'raw'; "
                f"""for this kind alone: --where 'name ~ "{ending}"'"""
            )
        there = ", ".join(sorted(name.lower() for name in formats())) or "no photos yet"
        raise UsageError(f"there is no format {unknown!r}; the library has {there}")


def _term(spec: FilterSpec) -> "Term | None":
    if spec == FilterSpec(spec.folders, spec.since, spec.until):
        return None
    from ...store.filters.terms import Compare, OneOf, Term, all_of, any_of  # a plain search does without
    from .parser import check, parse

    if not isinstance(spec.where, (str, Term, NoneType)):
        raise UsageError(
            "where is a condition such as 'width > 2000', or what `library.where` returns, "
            f"not {short(spec.where)}"
        )
    cameras: list[Term] = [Compare("camera", "~", name) for name in spec.camera]
    parts = [
        any_of(cameras),
        _min_size(spec.min_size) if spec.min_size is not None else None,
        OneOf("format", tuple(name.strip() for name in spec.formats)) if spec.formats else None,
        _near(spec.near) if spec.near is not None else None,
        parse(str(spec.where)) if spec.where is not None else None,  # a term may be made by hand
    ]
    term = all_of([part for part in parts if part is not None])
    if term is not None:
        check(term)
    return term


def _min_size(text: str) -> "Term":
    from ...store.filters.terms import And, Compare, Or

    box, megapixels = _BOX.fullmatch(text), _MEGAPIXELS.fullmatch(text)
    if box:
        wide, high = sorted((float(box[1]), float(box[2])), reverse=True)
        lying = And((Compare("width", ">=", wide), Compare("height", ">=", high)))
        return Or((lying, And((Compare("width", ">=", high), Compare("height", ">=", wide)))))
    number = read_number(megapixels[1]) if megapixels else read_bytes(text)
    # A bare number may be meant as anything.
    if number is None or number < 0 or read_number(text) is not None:
        raise UsageError(f"cannot read the size {text!r}; write 12MP, 2000x1500 or 3MB")
    return Compare("megapixels" if megapixels else "bytes", ">=", number)


def _near(text: str) -> "Term":
    from .parser import place_of

    numbers = [read_number(part.strip()) for part in text.split(",")]
    found = [number for number in numbers if number is not None]
    if len(numbers) != 3 or len(found) != 3:
        raise UsageError(
            f"cannot read the place {text!r}; write latitude, longitude and kilometers: 48.137,11.575,10"
        )
    return place_of(found)


def _resolve(roots: Sequence[Root], folder: str) -> list[bytes]:
    """Return the absolute paths that a folder's name can mean within the library: here, or below a root."""
    name = os.fsencode(folder)
    if is_remote(name):
        return _known(roots, folder, [real_path(name)])
    here = os.path.realpath(on_disk(os.path.abspath(name)))
    if os.path.lexists(here) and any(_touches(root, here) for root in roots):
        return [here]
    local = [root for root in roots if not is_remote(root.path)]
    below = [on_disk(os.path.normpath(os.path.join(root.path, name))) for root in local]
    found = [path for path in below if os.path.lexists(path)]
    if found:
        return found
    # Its drive may be away: the library still knows it.
    if any(rel_below(here, root.path) is not None and not os.path.lexists(root.path) for root in local):
        return [here]
    # No object store is asked what it has: what is not there has no photos.
    return _known(roots, folder, [os.path.join(root.path, name) for root in roots if is_remote(root.path)])


def _known(roots: Sequence[Root], folder: str, paths: list[bytes]) -> list[bytes]:
    """Return those of some paths that lie in or around a root.

    Raises:
        UsageError: none does.
    """
    found = [path for path in paths if any(_touches(root, path) for root in roots)]
    if found:
        return found
    raise UsageError(not_in_library(folder, (root.path for root in roots)))


def _touches(root: Root, path: bytes) -> bool:
    return rel_below(path, root.path) is not None or rel_below(root.path, path) is not None
