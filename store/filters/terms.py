"""What can be asked of a photo, as data: the terms of a filter, with the text that means them.

`str()` of a term is what `search/filters/parser.py` reads back as the same term.
"""

from dataclasses import dataclass
from enum import Enum

Value = str | float

# SQLite refuses expressions that are 1,000 deep; in an `or` each comparison adds up to four.
MAX_TERMS = 150


class Kind(Enum):
    """What the values of a field are, and so how they are compared.

    text: without regard to case. name: bytes of a file's name, exactly but for "~". date: a local ISO 8601
    time, compared with the beginning of one. number: a finite float. size: bytes.
    seconds: how long a shot was exposed. texts: several texts, of which any may be meant.
    """

    text = "text"
    name = "name"
    date = "date"
    number = "number"
    size = "size"
    seconds = "seconds"
    texts = "texts"


FIELDS = {
    "altitude": Kind.number,
    "aperture": Kind.number,
    "bytes": Kind.size,
    "camera": Kind.text,
    "date": Kind.date,
    "exposure": Kind.seconds,
    "focal_length": Kind.number,
    "format": Kind.text,
    "height": Kind.number,
    "iso": Kind.number,
    "keyword": Kind.texts,
    "latitude": Kind.number,
    "lens": Kind.text,
    "longitude": Kind.number,
    "megapixels": Kind.number,
    "name": Kind.name,
    "path": Kind.name,
    "person": Kind.texts,
    "rating": Kind.number,
    "taken": Kind.date,
    "title": Kind.text,
    "width": Kind.number,
}

# What else people call a field.
ALIASES = {"keywords": "keyword", "people": "person"}

# The formats, by all that people call them.
FORMATS = {
    **{
        each: each
        for each in ("jpeg", "mpo", "png", "gif", "bmp", "tiff", "webp", "avif", "heif", "psd", "raw")
    },
    "jpeg2000": "jpeg2000",
    **dict.fromkeys(("jpg", "jpe", "jfif"), "jpeg"),
    **dict.fromkeys(("heic", "hif", "heics", "heifs"), "heif"),
    **dict.fromkeys(("jp2", "j2k", "j2c", "jpc", "jpx", "jpf"), "jpeg2000"),
    "tif": "tiff",
    "apng": "png",
    "dib": "bmp",
    "avifs": "avif",
    "psb": "psd",
}

# What may be unknown of a photo; "gps" is its position.
MAY_BE_UNKNOWN = (
    *("altitude", "aperture", "camera", "exposure", "focal_length", "gps", "iso", "keyword"),
    *("latitude", "lens", "longitude", "person", "rating", "taken", "title"),
)

CONTAINS = "~"
_EQUAL, _ORDER = ("=", "!="), ("<", "<=", ">", ">=")
COMPARISONS = (*_EQUAL, *_ORDER, CONTAINS)
COMPARISONS_OF = {
    Kind.text: (*_EQUAL, CONTAINS),
    Kind.name: (*_EQUAL, CONTAINS),
    Kind.date: (*_EQUAL, *_ORDER),
    Kind.number: (*_EQUAL, *_ORDER),
    Kind.size: (*_EQUAL, *_ORDER),
    Kind.seconds: (*_EQUAL, *_ORDER),
    Kind.texts: (*_EQUAL, CONTAINS),
}


@dataclass(frozen=True, slots=True)
class Compare:
    """A field compared with a value; false where the field is unknown, whatever the comparison.

    Of a field of several texts "=" and "~" ask for any that is so, "!=" for none.
    value: a float for numbers, sizes and seconds, else text; undecodable bytes of names as surrogates.
    """

    field: str
    comparison: str
    value: Value

    def __str__(self) -> str:
        return f"{self.field} {self.comparison} {said(FIELDS.get(self.field, Kind.text), self.value)}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """A field equal to any of some values (at least one)."""

    field: str
    values: tuple[Value, ...]

    def __str__(self) -> str:
        kind = FIELDS.get(self.field, Kind.text)
        return f"{self.field} in ({', '.join(said(kind, each) for each in self.values)})"


@dataclass(frozen=True, slots=True)
class Has:
    """Something is known of a photo: one of MAY_BE_UNKNOWN."""

    field: str

    def __str__(self) -> str:
        return f"has {self.field}"


@dataclass(frozen=True, slots=True)
class Near:
    """At most so many kilometers from a place, along the great circle.

    latitude, longitude: degrees in [-90, 90] and [-180, 180].
    """

    latitude: float
    longitude: float
    km: float

    def __str__(self) -> str:
        return f"near({_number(self.latitude)}, {_number(self.longitude)}, {_number(self.km)})"


@dataclass(frozen=True, slots=True)
class Not:
    """Passes exactly what its term does not pass, photos of which something is unknown included."""

    term: "Term"

    def __str__(self) -> str:
        return f"not {_inside(self.term, And, Or)}"


@dataclass(frozen=True, slots=True)
class And:
    """All of at least two terms."""

    terms: "tuple[Term, ...]"

    def __str__(self) -> str:
        return " and ".join(_inside(each, And, Or) for each in self.terms)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of at least two terms."""

    terms: "tuple[Term, ...]"

    def __str__(self) -> str:
        return " or ".join(_inside(each, Or) for each in self.terms)


Term = Compare | OneOf | Has | Near | Not | And | Or


def all_of(terms: "list[Term]") -> "Term | None":
    """Join terms by `and`; none is None."""
    return And(tuple(terms)) if len(terms) > 1 else next(iter(terms), None)


def any_of(terms: "list[Term]") -> "Term | None":
    """Join terms by `or`; none is None."""
    return Or(tuple(terms)) if len(terms) > 1 else next(iter(terms), None)


def count(term: Term) -> int:
    """Return how many comparisons a term has."""
    if isinstance(term, (And, Or)):
        return sum(count(each) for each in term.terms)
    if isinstance(term, Not):
        return count(term.term)
    return len(term.values) if isinstance(term, OneOf) else 1


def said(kind: Kind, value: Value) -> str:
    """Return a value as it is written in a condition."""
    if not isinstance(value, str):
        return _number(float(value))  # who makes a term by hand may have said an int
    return value if kind is Kind.date else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _inside(term: Term, *loose: type) -> str:
    return f"({term})" if isinstance(term, loose) else str(term)
