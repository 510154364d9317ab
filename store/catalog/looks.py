"""What was seen when two files were compared at full size: a line of JSON per pair of contents."""

import json
from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa

from ..view import View
from .schema import content_table, look_table, pieces

_look = look_table.c
PairKey = tuple[int, int]


def put_looks(view: View, version: int, found: Iterable[tuple[PairKey, dict[str, Any]]]) -> None:
    """Record what was found of pairs (a < b), of those whose contents are still there."""
    pairs = dict(found)
    known = _known_among(view, {each for pair in pairs for each in pair})
    rows = [
        {"a": a, "b": b, "version": version, "found": json.dumps(look, separators=(",", ":"))}
        for (a, b), look in pairs.items()
        if a in known and b in known
    ]
    if rows:
        view.connection.execute(sa.insert(look_table).prefix_with("OR REPLACE"), rows)


def _known_among(view: View, ids: Collection[int]) -> set[int]:
    known: set[int] = set()
    for some in pieces(sorted(ids)):
        known.update(
            view.connection.execute(
                sa.select(content_table.c.id).where(content_table.c.id.in_(some))
            ).scalars()
        )
    return known


def looks_of(view: View, ids: Collection[int], version: int) -> dict[PairKey, dict[str, Any]]:
    """Return what this version found of pairs (a < b) between these contents."""
    wanted = set(ids)
    found: dict[PairKey, dict[str, Any]] = {}
    for some in pieces(sorted(wanted)):
        rows = view.connection.execute(
            sa.select(_look.a, _look.b, _look.found).where(_look.a.in_(some), _look.version == version)
        )
        for a, b, text in rows:
            if b in wanted:
                found[a, b] = json.loads(text)
    return found
