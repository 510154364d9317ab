"""What files hold beside their first picture: a line of JSON per content, see `records.Holdings`.

Beside it stands, for each file, what its sidecars say.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from ..records import Content, Holdings, with_sidecars
from ..view import View
from .schema import content_table, file_table, holdings_table, pieces

# What is found changes with it: contents of an older one are read again by the next index run.
HOLDINGS_VERSION = 2
# What was found since then still holds: it lacks the focal length, which no account of copies asks for.
_OLDEST = 1

_holdings, _file = holdings_table.c, file_table.c
_PLAIN = Holdings()


def put_holdings(view: View, ids: Mapping[bytes, int], contents: Iterable[Content]) -> None:
    """Record what contents hold. ids: of the contents, by digest."""
    rows = [
        {"content_id": ids[each.digest], "version": HOLDINGS_VERSION, "found": as_text(each.holdings)}
        for each in contents
    ]
    if rows:
        view.connection.execute(sa.insert(holdings_table).prefix_with("OR REPLACE"), rows)


def holdings_of(view: View, content_ids: Sequence[int]) -> dict[int, Holdings]:
    """Return what contents hold, by id, of those that somebody has looked at."""
    found: dict[int, Holdings] = {}
    for some in pieces(content_ids):
        rows = view.connection.execute(
            sa.select(_holdings.content_id, _holdings.found).where(
                _holdings.content_id.in_(some), _holdings.version.between(_OLDEST, HOLDINGS_VERSION)
            )
        )
        for content_id, text in rows:
            holdings = from_text(text)
            if holdings is not None:
                found[content_id] = holdings
    return found


def told_of(view: View, content_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return what contents and the sidecars of their present files say, by id, see `with_sidecars`."""
    own, beside = holdings_of(view, content_ids), _sidecars_of(view, content_ids)
    return {
        each: with_sidecars(own[each].fields if each in own else {}, beside.get(each, ()))
        for each in own.keys() | beside.keys()
    }


def _sidecars_of(view: View, content_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for some in pieces(content_ids):
        rows = view.connection.execute(
            sa.select(_file.content_id, _file.said).where(
                _file.content_id.in_(some), _file.state == "present", _file.said.is_not(None)
            )
        )
        for content_id, text in rows:
            with suppress(ValueError):  # damaged: nothing is said
                found[content_id].append(json.loads(text))
    return found


def digests_without_holdings(view: View) -> set[bytes]:
    """Return the contents that this version has not looked at."""
    looked_at = sa.select(_holdings.content_id).where(_holdings.version == HOLDINGS_VERSION)
    rows = view.connection.execute(
        sa.select(content_table.c.digest).where(content_table.c.id.not_in(looked_at))
    )
    return set(rows.scalars())


def as_text(holdings: Holdings) -> str:
    """Return them as JSON without what every plain photo has."""
    told = {each.name: getattr(holdings, each.name) for each in fields(Holdings)}
    told = {name: value for name, value in told.items() if value != getattr(_PLAIN, name)}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def from_text(text: str) -> Holdings | None:
    """Return what `as_text` was given; None where the text is damaged."""
    try:
        told: dict[str, Any] = json.loads(text)
        for name in ("auxiliary", "damage"):
            told[name] = tuple(told.get(name, ()))
        return Holdings(**told)
    except (ValueError, TypeError, AttributeError):
        return None
