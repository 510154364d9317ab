"""The text of a condition cut into its words, each with its place, and what to say of a mistake there."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import UsageError
from ...store.filters.terms import FIELDS

MAX_LENGTH = 4000  # characters

_TOKEN = re.compile(
    r"""(?P<symbol> <= | >= | != | == | [=<>~(),])
    | (?P<quoted> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
    | (?P<word> [^\s()=!<>~,"']+)""",
    re.VERBOSE | re.DOTALL,
)
_SPACE = re.compile(r"\s*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

# Characters of the text that are shown on either side of a mistake.
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Token:
    """One word or sign. kind: symbol, quoted, word or end. text: as it is meant, without quotes.

    at: the place of its first character.
    """

    kind: str
    text: str
    at: int

    def is_word(self, *words: str) -> bool:
        """Tell whether it is one of some keywords, in any case."""
        return self.kind == "word" and self.text.lower() in words

    def is_symbol(self, *symbols: str) -> bool:
        """Tell whether it is one of some signs."""
        return self.kind == "symbol" and self.text in symbols


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a condition; the last one is its end.

    Raises:
        UsageError: the text is too long, a quote is not closed, or a sign means nothing.
    """
    if len(text) > MAX_LENGTH:
        raise UsageError(f"a condition has at most {MAX_LENGTH:,} characters, this one has {len(text):,}")
    at = _after_space(text, 0)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise mistake(
                text, at, "a quote is not closed" if text[at] in "\"'" else "this sign means nothing"
            )
        kind = str(match.lastgroup)
        yield Token(kind, _meant(kind, match[0]), at)
        at = _after_space(text, match.end())
    yield Token("end", "", len(text))


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _meant(kind: str, text: str) -> str:
    if kind == "quoted":
        return _ESCAPED.sub(r"\1", text[1:-1])
    return "=" if text == "==" else text


def mistake(text: str, at: int, reason: str) -> UsageError:
    """Return the error that says what is wrong at a place of a condition and shows it."""
    begin = max(0, at - _SHOWN)
    shown = "".join(char if char.isprintable() else "?" for char in text[begin : at + _SHOWN])
    before = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in shown[: at - begin])
    return UsageError(
        f"cannot read the condition at column {at + 1}: {reason}",
        (f"  {shown}", f"  {' ' * before}^", f"fields: {', '.join(FIELDS)}"),
    )
