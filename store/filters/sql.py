"""Terms of a filter compiled to SQL: values are bound, never part of the statement.

What a row does not know makes no comparison true, so that `not` of it is: no term is ever NULL.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from ..catalog.functions import EARTH_KM, folded
from ..catalog.schema import (
    content_table,
    date_of_photo,
    file_table,
    holdings_table,
    root_table,
    taken_of_file,
)
from ..names import composed
from .terms import CONTAINS, FIELDS, FORMATS, And, Compare, Has, Kind, Near, Not, OneOf, Or, Term, Value

Sql = sa.ColumnElement[bool]

# Rounding must not cost a photo at the very edge of the box.
_MARGIN_DEGREES = 1e-6

# Sorts behind all that may follow the beginning of an ISO 8601 date.
_LAST = "~"

_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}

_file, _content, _root = file_table.c, content_table.c, root_table.c

# Those of them that sidecars say as well.
_BESIDE = ("keyword", "person", "rating", "title")

# Fields that metadata say, by their names in `Holdings.fields`.
_HELD = {
    "aperture": "f_number",
    "exposure": "exposure_time",
    "focal_length": "focal_length",
    "iso": "iso",
    "keyword": "keywords",
    "person": "people",
    "rating": "rating",
    "title": "title",
}


def condition_of(term: Term) -> Sql:
    """Return the SQL of a term over file joined with root and content; true or false, never NULL."""
    match term:
        case And():
            return sa.and_(*map(condition_of, term.terms))
        case Or():
            return sa.or_(*map(condition_of, term.terms))
        case Not():
            return sa.not_(condition_of(term.term))
        case Has():
            return column_of("latitude" if term.field == "gps" else term.field).is_not(None)
        case Near():
            return _near(term)
        case OneOf():
            return sa.or_(*(_compare(term.field, "=", value) for value in term.values))
        case Compare():
            return _compare(term.field, term.comparison, term.value)


def _compare(field: str, comparison: str, value: Value) -> Sql:
    column, kind = column_of(field), FIELDS[field]
    if comparison == "!=":
        return sa.and_(column.is_not(None), sa.not_(_compare(field, "=", value)))
    if kind is Kind.texts:
        return _any_text(field, comparison, str(value))
    if not isinstance(value, str):
        if field in _HELD:  # to look into the JSON costs more than all else: once is enough
            return sa.func.coalesce(_ORDER[comparison](column, value), 0) == 1
        return sa.and_(column.is_not(None), _ORDER[comparison](column, value))
    if kind is Kind.date:
        return sa.and_(column.is_not(None), _date(column, comparison, value))
    if field == "name":
        return _name(comparison, value)
    if kind is Kind.name:
        return _same_name(column, value) if comparison == "=" else _in_name(column, value)
    if field == "format":
        return _format(comparison, FORMATS.get(value.lower(), value))
    return sa.and_(column.is_not(None), _text(column, comparison, value))


def column_of(field: str) -> sa.ColumnElement[Any]:
    """Return the SQL of a field over file joined with root and content; NULL where it is unknown."""
    match field:
        case "bytes":
            return _content.size
        case "date":
            return date_of_photo()
        case "megapixels":
            return sa.cast(_content.width * _content.height, sa.REAL) / sa.literal(1e6, sa.REAL)
        case "name":
            return _file.rel
        case "taken":
            return taken_of_file()
        case "path":
            slash = sa.case((_root.path == b"/", b""), else_=b"/")
            return sa.cast(_root.path.concat(slash).concat(_file.rel), sa.LargeBinary)
    return _held(field) if field in _HELD else _content[field]


def _held(field: str) -> sa.ColumnElement[Any]:
    """Return what a file and its sidecars say, as `records.with_sidecars`; of several texts their JSON."""
    found = _value(field, holdings_table.c.found, f"$.fields.{_HELD[field]}")
    own = holdings_table.c.content_id == _content.id
    held = sa.select(found).where(own).correlate(content_table).scalar_subquery()
    beside = _value(field, _file.said, f"$.{_HELD[field]}")
    return sa.func.coalesce(beside, held) if field in _BESIDE else held


def _value(field: str, json: sa.ColumnElement[str], path: str) -> sa.ColumnElement[Any]:
    said: sa.ColumnElement[Any] = sa.func.json_extract(_whole(json), path)
    if FIELDS[field] in (Kind.number, Kind.seconds):
        said = sa.cast(sa.case((said == "rejected", "-1"), else_=said), sa.REAL)
    return said


def _any_text(field: str, comparison: str, value: str) -> Sql:
    """Match files of which the content or a sidecar says such a text."""
    name = _HELD[field]
    held = sa.func.json_each(_whole(holdings_table.c.found), f"$.fields.{name}").table_valued("value")
    said = sa.func.json_each(_whole(_file.said), f"$.{name}").table_valued("value")
    own = (
        sa.select(sa.literal(1))
        .select_from(holdings_table.join(held, sa.true()))
        .where(holdings_table.c.content_id == _content.id, _text(held.c.value, comparison, value))
        .correlate(content_table)
    )
    beside = sa.select(sa.literal(1)).select_from(said).where(_text(said.c.value, comparison, value))
    return sa.or_(beside.correlate(file_table).exists(), own.exists())


def _whole(json: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Return JSON that SQLite looks into: it refuses what is damaged."""
    return sa.case((sa.func.json_valid(json) == 1, json), else_="{}")


def _date(column: sa.ColumnElement[Any], comparison: str, value: str) -> Sql:
    match comparison:
        case "=":
            return sa.and_(column >= value, column <= value + _LAST)
        case "<=" | ">":
            return _ORDER[comparison](column, value + _LAST)  # type: ignore[no-any-return]
    return _ORDER[comparison](column, value)  # type: ignore[no-any-return]


def _text(column: sa.ColumnElement[Any], comparison: str, value: str) -> Sql:
    """Compare without regard to case; SQLite folds ASCII itself, far faster than we do the rest."""
    text: sa.ColumnElement[Any]
    if value.isascii():
        text, wanted = sa.cast(sa.func.lower(column), sa.LargeBinary), _bytes(value.lower())
    else:
        text, wanted = sa.func.folded(column), _bytes(value, folded(_encoded(value)))
    return sa.func.instr(text, wanted) > 0 if comparison == CONTAINS else text == wanted


def _format(comparison: str, value: str) -> Sql:
    """Compare the format; a JPEG with more pictures behind the first (MPO) is called JPEG as well."""
    called = sa.case((_content.format == "MPO", "JPEG"), else_=_content.format)
    return sa.or_(_text(_content.format, comparison, value), _text(called, comparison, value))


def _same_name(column: sa.ColumnElement[Any], value: str) -> Sql:
    """Compare whole names, each accent in either of its spellings."""
    if value.isascii():
        return column == _bytes(value)
    return sa.func.composed(column) == _bytes(composed(value))


def _in_name(column: sa.ColumnElement[Any], value: str) -> Sql:
    found = _text(column, CONTAINS, value)
    # "u" is part of "ü" in one of its spellings only.
    return sa.and_(found, _text(sa.func.composed(column), CONTAINS, value)) if value.isascii() else found


def _name(comparison: str, value: str) -> Sql:
    """Compare the last part of a file's path.

    SQLite cannot tell it: our function is asked for it, of those only whose path would do.
    """
    if "/" in value:
        return sa.false()
    if comparison == CONTAINS:
        whole, name = _file.rel, sa.func.name_of(_file.rel)
        return sa.and_(_text(whole, comparison, value), _in_name(name, value))
    if not value.isascii():
        return _same_name(sa.func.name_of(_file.rel), value)
    end = b"/" + _encoded(value)
    return sa.or_(_file.rel == end[1:], sa.func.substr(_file.rel, -len(end)) == _bytes("", end))


def _encoded(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _bytes(value: str, encoded: bytes | None = None) -> sa.ColumnElement[bytes]:
    return sa.literal(_encoded(value) if encoded is None else encoded, sa.LargeBinary)


def _near(place: Near) -> Sql:
    """Ask for the distance of those only that lie in a box around the circle."""
    latitude, longitude = _content.latitude, _content.longitude
    reach = math.degrees(place.km / EARTH_KM) + _MARGIN_DEGREES
    parts: list[Sql] = [latitude.is_not(None), longitude.is_not(None)]
    parts += [latitude >= place.latitude - reach, latitude <= place.latitude + reach]
    if abs(place.latitude) + reach < 90:  # else a pole lies inside, and with it every longitude
        ratio = math.sin(math.radians(reach)) / math.cos(math.radians(place.latitude))
        width = math.degrees(math.asin(min(1.0, ratio))) + _MARGIN_DEGREES
        parts.append(_within(longitude, place.longitude - width, place.longitude + width))
    way = sa.func.kilometers(latitude, longitude, place.latitude, place.longitude)
    return sa.and_(*parts, way <= place.km)


def _within(longitude: sa.ColumnElement[float], west: float, east: float) -> Sql:
    """Match longitudes between two, of which one may lie beyond the date line."""
    if west < -180:
        return sa.or_(longitude >= west + 360, longitude <= east)
    if east > 180:
        return sa.or_(longitude >= west, longitude <= east - 360)
    return sa.and_(longitude >= west, longitude <= east)
