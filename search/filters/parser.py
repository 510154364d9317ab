"""The language of `--where`: from text to the term that it means. No text does anything but that.

condition   any_of                         "taken>=2023-06 and camera~Pixel and width>2000"
any_of      all_of ("or" all_of)*
all_of      negated ("and" negated)*
negated     "not" negated | single
single      "(" any_of ")" | "has" FIELD | "near" "(" LAT "," LON "," KM ")" | FIELD test
test        COMPARISON value | ["not"] "in" "(" value ("," value)* ")" | ("=" | "!=") "none"
"""

from collections.abc import Callable, Iterable
from difflib import get_close_matches

from ...errors import UsageError
from ...store.filters.terms import (
    ALIASES,
    COMPARISONS_OF,
    FIELDS,
    MAX_TERMS,
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
    count,
)
from .lexer import Token, mistake, tokens
from .values import read_bytes, read_date, read_number, read_seconds

# SQLite's own parser has room for a hundred open ends, a level takes up to four.
MAX_DEPTH = 16

_KEYWORDS = ("and", "or", "not", "in", "has", "none")


def parse(text: str) -> Term:
    """Return what a condition means.

    Raises:
        UsageError: it cannot be read; says where, and what was expected there.
    """
    term = _Parser(text).whole()
    check(term)
    return term


def check(term: Term) -> None:
    """Check that the store can look for a term.

    Raises:
        UsageError: it has too many comparisons, or text in it that nothing can hold.
    """
    if count(term) > MAX_TERMS:
        raise UsageError(f"a filter has at most {MAX_TERMS} comparisons, this one has {count(term)}")
    try:
        str(term).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UsageError(f"half a character cannot be looked for: {str(term)!a}") from None


def place_of(numbers: list[float]) -> Near:
    """Return the circle around LAT, LON with KM.

    Raises:
        UsageError: a number is out of range.
    """
    latitude, longitude, km = numbers
    if abs(latitude) > 90 or abs(longitude) > 180 or km < 0:
        raise UsageError(
            "a place is a latitude from -90 to 90, a longitude from -180 to 180 and a distance of at least "
            f"0 km, not {latitude:g}, {longitude:g}, {km:g}"
        )
    return Near(latitude, longitude, km)


class _Parser:
    """Reads one condition from its first token to its last."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(tokens(text))
        self._next = 0
        self._depth = 0

    def whole(self) -> Term:
        term = self._any_of()
        if self._here.kind != "end":
            raise self._unexpected("`and`, `or` or the end")
        return term

    # --- and, or, not -------------------------------------------------------------------------

    def _any_of(self) -> Term:
        terms = self._joined("or", self._all_of)
        return Or(terms) if len(terms) > 1 else terms[0]

    def _all_of(self) -> Term:
        terms = self._joined("and", self._negated)
        return And(terms) if len(terms) > 1 else terms[0]

    def _joined(self, word: str, read: Callable[[], Term]) -> tuple[Term, ...]:
        terms = [read()]
        while self._take_word(word):
            terms.append(read())
        return tuple(terms)

    def _negated(self) -> Term:
        if not self._take_word("not"):
            return self._single()
        return self._deeper(lambda: Not(self._negated()))

    def _single(self) -> Term:
        if self._take_symbol("("):
            term = self._deeper(self._any_of)
            self._expect(")")
            return term
        if self._take_word("has"):
            return Has(self._known_field())
        name = self._name()
        if self._here.kind == "word" and name == "near":
            return self._near()
        if self._here.kind != "word" or name not in (*FIELDS, "gps"):
            raise self._unexpected("a field, `not`, `has`, `near(LAT, LON, KM)` or `(`", (*FIELDS, "gps"))
        self._advance()
        return self._test(name)

    def _deeper(self, read: Callable[[], Term]) -> Term:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise mistake(self._text, self._here.at, f"more than {MAX_DEPTH} levels within each other")
        term = read()
        self._depth -= 1
        return term

    def _known_field(self) -> str:
        name = self._name()
        if self._here.kind != "word" or name not in MAY_BE_UNKNOWN:
            raise self._unexpected(f"what may be missing ({', '.join(MAY_BE_UNKNOWN)})", MAY_BE_UNKNOWN)
        self._advance()
        return name

    def _name(self) -> str:
        """Return the field that is named here, whatever people call it."""
        name = self._here.text.lower()
        return ALIASES.get(name, name)

    def _near(self) -> Near:
        at = self._advance().at
        numbers = []
        for sign in "(,,":
            self._expect(sign)
            numbers.append(self._value(Kind.number))
        self._expect(")")
        try:
            return place_of([float(number) for number in numbers])
        except UsageError as error:
            raise mistake(self._text, at, str(error)) from None

    # --- tests of a field ---------------------------------------------------------------------

    def _test(self, field: str) -> Term:
        if field != "gps":
            if self._here.is_word("not") and self._tokens[self._next + 1].is_word("in"):
                self._advance()
                return Not(self._one_of(field))
            if self._here.is_word("in"):
                return self._one_of(field)
        comparisons = COMPARISONS_OF[FIELDS[field]] if field != "gps" else ("=", "!=")
        if not self._here.is_symbol(*comparisons):
            also = " in" if field != "gps" else ""
            raise self._unexpected(f"how to compare {field} ({' '.join(comparisons)}{also})")
        comparison = self._advance().text
        if comparison in ("=", "!=") and (self._here.is_word("none") or field == "gps"):
            return self._missing(field, comparison)
        return Compare(field, comparison, self._value(FIELDS[field]))

    def _one_of(self, field: str) -> OneOf:
        self._advance()
        self._expect("(")
        values = [self._value(FIELDS[field])]
        while self._take_symbol(","):
            values.append(self._value(FIELDS[field]))
        self._expect(")")
        return OneOf(field, tuple(values))

    def _missing(self, field: str, comparison: str) -> Term:
        if field not in MAY_BE_UNKNOWN:
            raise self._unexpected(f"a value: {field} is known of every photo, and text goes in quotes")
        if not self._take_word("none"):
            raise self._unexpected("none")
        return Not(Has(field)) if comparison == "=" else Has(field)

    def _value(self, kind: Kind) -> Value:
        token = self._here
        if token.kind not in ("word", "quoted") or token.is_word(*_KEYWORDS):
            raise self._unexpected(_EXPECTED[kind])
        try:
            value = _READERS[kind](token.text)
        except UsageError as error:
            raise mistake(self._text, token.at, str(error)) from None
        if value is None:
            raise self._unexpected(_EXPECTED[kind])
        self._advance()
        return value

    # --- tokens -------------------------------------------------------------------------------

    @property
    def _here(self) -> Token:
        return self._tokens[self._next]

    def _advance(self) -> Token:
        token = self._here
        self._next += token.kind != "end"
        return token

    def _take_word(self, word: str) -> bool:
        return self._here.is_word(word) and bool(self._advance())

    def _take_symbol(self, symbol: str) -> bool:
        return self._here.is_symbol(symbol) and bool(self._advance())

    def _expect(self, symbol: str) -> None:
        if not self._take_symbol(symbol):
            raise self._unexpected(f"`{symbol}`")

    def _unexpected(self, expected: str, names: Iterable[str] = ()) -> UsageError:
        """Return the error that says what was expected. names: words of which one may be meant."""
        found = f'"{self._here.text[:40]}"' if self._here.kind != "end" else "the end"
        near = get_close_matches(self._here.text.lower(), names, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return mistake(self._text, self._here.at, f"expected {expected}, not {found}{hint}")


def _text(text: str) -> str | None:
    """Return text that names can hold: halves of characters only as they stand for stray bytes."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
    return text


_READERS: dict[Kind, Callable[[str], Value | None]] = {
    Kind.text: _text,
    Kind.name: _text,
    Kind.date: read_date,
    Kind.number: read_number,
    Kind.size: read_bytes,
    Kind.seconds: read_seconds,
    Kind.texts: _text,
}
_EXPECTED = {
    Kind.text: "text",
    Kind.name: "text",
    Kind.date: "a date (2023, 2023-05, 2023-05-01)",
    Kind.number: "a number",
    Kind.size: "a size (3000000, 3MB, 500kB)",
    Kind.seconds: "a time in seconds (1/250, 0.5)",
    Kind.texts: "text",
}
