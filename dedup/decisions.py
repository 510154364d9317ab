"""Decisions as they travel from one store to another: the JSON of a listing, checked entry by entry."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ..errors import UsageError
from ..store.catalog.pairs import Decided

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KINDS = ("confirmed", "rejected")
_NEWEST_SCHEMA = 1


def read_decisions(data: bytes, source: str) -> list[Decided]:
    """Return the decisions of a listing in JSON, or in JSON lines.

    source: what the data came from, for the message.

    Raises:
        UsageError: it is no such listing; the message names the entry.
    """
    return [_decided(entry, f"{source}, {place}") for place, entry in _entries(data, source)]


def _entries(data: bytes, source: str) -> Iterator[tuple[str, Any]]:
    """Yield where an entry stands, and the entry."""
    try:
        document = json.loads(data)
    except ValueError:
        yield from _lines(data, source)
        return
    if isinstance(document, dict) and "decisions" not in document and "kind" in document:
        yield "line 1", document  # JSON lines of one line
        return
    if not isinstance(document, dict) or not isinstance(document.get("decisions"), list):
        raise UsageError(f"{source} holds no decisions; give it what `decisions --format json` wrote")
    _check_schema(document, source)
    for number, entry in enumerate(document["decisions"], 1):
        yield f"entry {number}", entry


def _lines(data: bytes, source: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield f"line {number}", json.loads(line)
        except ValueError as error:
            raise UsageError(f"{source}, line {number}: this is not JSON ({error})") from None


def _check_schema(entry: dict[str, Any], place: str) -> None:
    version = entry.get("schema_version", _NEWEST_SCHEMA)
    if version != _NEWEST_SCHEMA:
        raise UsageError(f"{place}: schema_version is {version!r}, this lookalike reads {_NEWEST_SCHEMA}")


def _decided(entry: Any, place: str) -> Decided:
    if not isinstance(entry, dict):
        raise UsageError(f"{place}: a decision has the names a, b, kind and at, this is {entry!r}")
    _check_schema(entry, place)
    a, b = (_digest(entry.get(name), f"{place}: {name}") for name in ("a", "b"))
    if a == b:
        raise UsageError(f"{place}: a and b are the same content")
    if entry.get("kind") not in _KINDS:
        raise UsageError(f"{place}: kind is {' or '.join(_KINDS)}, not {entry.get('kind')!r}")
    return Decided(min(a, b), max(a, b), entry["kind"], _moment(entry.get("at"), place))


def _digest(value: object, place: str) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise UsageError(f"{place} is a blake3 digest of 64 hex digits, not {value!r}")
    return value


def _moment(value: object, place: str) -> str:
    """Return a time in UTC as the store writes it, so that the later of two texts is the later time."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(
            f"{place}: at is a time with its zone like 2026-05-01T12:30:00+00:00, not {value!r}"
        )
    return moment.astimezone(UTC).isoformat(timespec="seconds")
