"""Terms of filters for tests: any there may be, and what they mean, said once more in plain Python."""

import unicodedata
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from lookalike.store.filters.terms import (
    COMPARISONS_OF,
    FIELDS,
    MAY_BE_UNKNOWN,
    And,
    Compare,
    Has,
    Kind,
    Near,
    Not,
    OneOf,
    Or,
    Term,
    Value,
)
from lookalike.tests.search.filters.globe import kilometers

Row = dict[str, Any]

# Letters of both cases, accents of both spellings, signs of patterns and of SQL, and a stray byte.
LETTERS = "aAbBkKéÉß ./'\"\\%_\u0301\udcff"
DATES = ["2022", "2023", "2023-05", "2023-05-01", "2023-05-01T12", "2023-05-01T12:30:15"]

TEXTS = st.text(LETTERS, max_size=3)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.one_of(st.sampled_from([0.0, 1.0, -1.5, 640.0, 0.3072, 1e300]), FLOATS)
VALUES: dict[Kind, st.SearchStrategy[Value]] = {
    Kind.text: st.one_of(TEXTS, st.sampled_from(["jpg", "JPEG", "canon", "none", "and"])),
    Kind.name: TEXTS,
    Kind.date: st.sampled_from(DATES),
    Kind.number: NUMBERS,
    Kind.size: NUMBERS,
    Kind.seconds: st.sampled_from([0.004, 0.01667, 0.5, 30.0]),
    Kind.texts: st.one_of(TEXTS, st.sampled_from(["lyon", "Zoë"])),
}


def _compare(field: str) -> st.SearchStrategy[Term]:
    kind = FIELDS[field]
    return st.one_of(
        st.builds(Compare, st.just(field), st.sampled_from(COMPARISONS_OF[kind]), VALUES[kind]),
        st.builds(OneOf, st.just(field), st.lists(VALUES[kind], min_size=1, max_size=3).map(tuple)),
    )


def _join(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(And, several), st.builds(Or, several))


LEAVES: st.SearchStrategy[Term] = st.one_of(
    st.sampled_from(sorted(FIELDS)).flatmap(_compare),
    st.builds(Has, st.sampled_from(MAY_BE_UNKNOWN)),
    st.builds(Near, st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 25_000)),
)
TERMS: st.SearchStrategy[Term] = st.recursive(LEAVES, _join, max_leaves=8)


def passes(term: Term, row: Row) -> bool:
    """Tell whether a row passes; row: a value or None for every field."""
    match term:
        case And():
            return all(passes(each, row) for each in term.terms)
        case Or():
            return any(passes(each, row) for each in term.terms)
        case Not():
            return not passes(term.term, row)
        case Has():
            return row["latitude" if term.field == "gps" else term.field] is not None
        case Near():
            here = (row["latitude"], row["longitude"])
            return None not in here and kilometers(here, (term.latitude, term.longitude)) <= term.km
        case OneOf():
            return any(holds(term.field, "=", row[term.field], each) for each in term.values)
    return holds(term.field, term.comparison, row[term.field], term.value)


def holds(field: str, comparison: str, there: Any, value: Value) -> bool:
    if there is None:
        return False
    if comparison == "!=":
        return not holds(field, "=", there, value)
    kind = FIELDS[field]
    if isinstance(there, list):
        return any(holds("title", comparison, each, value) for each in there)
    if kind is Kind.name and isinstance(value, str):
        there, value = _composed(there), _composed(value)
    if isinstance(value, float):
        return _ordered(comparison, there, value)
    if kind is Kind.date:
        return (
            there.startswith(value)
            if comparison == "="
            else _ordered(comparison, there[: len(value)], value)
        )
    if kind is Kind.name and comparison == "=":
        return bool(there == value)
    wanted = {"jpg": "JPEG"}.get(value.lower(), value) if field == "format" else value
    fold = _ascii_lower if wanted.isascii() else _folded
    return fold(wanted) in fold(there) if comparison == "~" else fold(wanted) == fold(there)


def _ordered(comparison: str, a: Any, b: Any) -> bool:
    tests: dict[str, Callable[[], bool]] = {
        "=": lambda: a == b,
        "<": lambda: a < b,
        "<=": lambda: a <= b,
        ">": lambda: a > b,
        ">=": lambda: a >= b,
    }
    return tests[comparison]()


def _ascii_lower(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
