"""The language of --where: what is read is what was meant, and no text does anything else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import UsageError
from lookalike.search.filters.lexer import MAX_LENGTH
from lookalike.search.filters.parser import MAX_DEPTH, parse
from lookalike.store.filters.terms import (
    FIELDS,
    MAX_TERMS,
    And,
    Compare,
    Has,
    Near,
    Not,
    OneOf,
    Or,
    Term,
    count,
)
from lookalike.tests.faults.scale import scale
from lookalike.tests.search.filters.terms import TERMS

A, B, C = Compare("width", ">", 1.0), Compare("height", "<", 2.0), Has("gps")


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("width > 1", A),
        ("  WIDTH>1  ", A),
        ("width>1 and height<2 or has gps", Or((And((A, B)), C))),
        ("width>1 or height<2 and has gps", Or((A, And((B, C))))),
        ("width>1 and (height<2 or has gps)", And((A, Or((B, C))))),
        ("not width>1 and height<2", And((Not(A), B))),
        ("not (width>1 and height<2)", Not(And((A, B)))),
        ("NOT not HAS gps", Not(Not(C))),
        ("width>1 and height<2 and has gps", And((A, B, C))),
        ("gps = none", Not(C)),
        ("gps != NONE", C),
        ("camera=none", Not(Has("camera"))),
        ('camera="none"', Compare("camera", "=", "none")),
        ("camera ~ Pixel", Compare("camera", "~", "Pixel")),
        ("camera~'Pixel 7'", Compare("camera", "~", "Pixel 7")),
        ('name ~ "a\\"b\\\\c"', Compare("name", "~", 'a"b\\c')),
        ("name = 'say \"x\"'", Compare("name", "=", 'say "x"')),
        ("path~/home/me/2023-05/", Compare("path", "~", "/home/me/2023-05/")),
        ("name ~ 'caf\udce9'", Compare("name", "~", "caf\udce9")),
        ("format in (jpeg, png)", OneOf("format", ("jpeg", "png"))),
        ("format not in (jpeg)", Not(OneOf("format", ("jpeg",)))),
        ("width in (1, 2.5)", OneOf("width", (1.0, 2.5))),
        ("width == 1", Compare("width", "=", 1.0)),
        ("taken>=2023-06", Compare("taken", ">=", "2023-06")),
        ("taken = '2023-06-01 18:30'", Compare("taken", "=", "2023-06-01T18:30")),
        ("date<2023-06-01T18", Compare("date", "<", "2023-06-01T18")),
        ("bytes > 3MB", Compare("bytes", ">", 3e6)),
        ("bytes > 1.5KiB", Compare("bytes", ">", 1536.0)),
        ("bytes > 12", Compare("bytes", ">", 12.0)),
        ("altitude < -33.5", Compare("altitude", "<", -33.5)),
        ("longitude > 1e-3", Compare("longitude", ">", 0.001)),
        ("Keywords = Lyon", Compare("keyword", "=", "Lyon")),
        ("has people", Has("person")),
        ("rating >= 4", Compare("rating", ">=", 4.0)),
        ("exposure <= 1/60", Compare("exposure", "<=", 0.01667)),
        ("exposure in (1/4s, 2)", OneOf("exposure", (0.25, 2.0))),
        ("near(-33.8, 151.2, 5)", Near(-33.8, 151.2, 5.0)),
    ],
)
def test_a_condition_means_what_it_says(text: str, term: Term) -> None:
    assert parse(text) == term


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("", 1, "a field"),
        ("widht > 1", 1, "a field"),
        ("width", 6, "how to compare width"),
        ("width ~ 1", 7, "how to compare width"),
        ("keyword < Lyon", 9, "how to compare keyword"),
        ("exposure > 1/0", 12, "a time in seconds"),
        ("exposure > 1/x", 12, "a time in seconds"),
        ("camera < Canon", 8, "how to compare camera"),
        ("gps > 3", 5, "how to compare gps"),
        ("gps = 3", 7, "none"),
        ("width >", 8, "a number"),
        ("width > wide", 9, "a number"),
        ("width > nan", 9, "a number"),
        ("width > 1e999", 9, "a number"),
        ("width > \u0661", 9, "a number"),
        ("bytes > 3XB", 9, "a size"),
        ("taken > 2023-13", 9, "2023-05-01"),
        ("taken > yesterday", 9, "2023-05-01"),
        ("width = none", 9, "known of every photo"),
        ("camera = ", 10, "text"),
        ("camera = and", 10, "text"),
        ("camera = '\ud800'", 10, "text"),
        ("widht > 5", 1, '"widht"; did you mean width?'),
        ("has camrea", 5, "did you mean camera?"),
        ("has width", 5, "what may be missing"),
        ("has", 4, "what may be missing"),
        ("width > 1 height < 2", 11, "`and`, `or` or the end"),
        ("width > 1)", 10, "`and`, `or` or the end"),
        ("(width > 1", 11, "`)`"),
        ("format in jpeg", 11, "`(`"),
        ("format in ()", 12, "text"),
        ("format in (jpeg", 16, "`)`"),
        ("near(1, 2)", 10, "`,`"),
        ("near(91, 2, 3)", 1, "from -90 to 90"),
        ("near(1, 2, -3)", 1, "at least 0"),
        ("camera ~ 'Pixel", 10, "quote"),
        ("width ! 3", 7, "means nothing"),
    ],
)
def test_a_mistake_is_shown_at_its_place(text: str, column: int, expected: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(text)
    assert f"at column {column}:" in str(raised.value)
    assert expected in str(raised.value)
    shown, caret, fields = raised.value.details
    assert caret.index("^") == 2 + column - 1
    assert len(shown) == 2 + len(text)
    assert all(field in fields for field in FIELDS)


def test_the_place_is_right_within_long_and_wide_text() -> None:
    with pytest.raises(UsageError) as raised:
        parse("name ~ '" + "写真" * 100 + "' nonsense")
    shown, caret, _ = raised.value.details
    assert len(shown) < 200
    wide = sum(char in "写真" for char in shown)
    assert shown[caret.index("^") - wide :] == "nonsense"


@pytest.mark.parametrize("text", ["(" * 4000, "not " * 1000, "(" * 17 + "has gps" + ")" * 17])
def test_a_condition_within_too_many_others_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"more than {MAX_DEPTH} levels"):
        parse(text)


def test_as_many_levels_as_are_said_are_read() -> None:
    assert parse("(" * MAX_DEPTH + "has gps" + ")" * MAX_DEPTH) == C
    assert str(parse("not " * MAX_DEPTH + "has gps")).count("not") == MAX_DEPTH


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(UsageError, match=f"{MAX_LENGTH:,} characters"):
        parse("has gps or " * 1000)
    with pytest.raises(UsageError, match=f"{MAX_TERMS} comparisons"):
        parse(f"width in ({','.join('1' * (MAX_TERMS + 1))})")


@settings(max_examples=scale("LOOKALIKE_EXAMPLES", suite=100, soak=1000))
@given(TERMS)
def test_a_term_that_is_written_is_read_back_as_the_same(term: Term) -> None:
    text = str(term)
    if len(text) <= MAX_LENGTH and count(term) <= MAX_TERMS:
        assert parse(text) == term
        assert str(parse(text)) == text


SIGNS = "( ) , = != < <= > >= ~ and or not in has none near gps ' \" \\ 1 -2.5 2023-05 3MB x é"
WORDS = st.sampled_from([*FIELDS, *SIGNS.split(" ")])


@settings(max_examples=scale("LOOKALIKE_EXAMPLES", suite=100, soak=1000))
@given(st.one_of(st.text(), st.lists(WORDS).map(" ".join), st.lists(WORDS).map("".join)))
def test_no_text_raises_anything_but_a_usage_error(text: str) -> None:
    try:
        term = parse(text)
    except UsageError:
        return
    assert parse(str(term)) == term
