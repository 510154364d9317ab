"""What files hold beside their first picture: a line of JSON per content, see `records.Holdings`.

Beside it stands, for each file, what its sidecars say.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from typing import Any, SupportsIndex

import sqlalchemy as sa

from ..arguments import as_ids
from ..records import Content, Holdings, with_sidecars
from ..view import View
from .photos import Photo, photos_of
from .schema import content_table, file_table, holdings_table, pieces, root_table

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


def told_of(view: View, photos: Iterable[Photo | SupportsIndex]) -> dict[str, dict[str, Any]]:
    """Return what each file of photos and its sidecars say, by path, see `with_sidecars`. photos: or ids.

    Raises:
        UsageError: there is something else among them.
    """
    given = list(photos)
    named = photos_of(view, ids=as_ids([each for each in given if not isinstance(each, Photo)]))
    known = [*(each for each in given if isinstance(each, Photo)), *named]
    files = {file.path: photo.id for photo in known for file in photo.files}
    ids = sorted(set(files.values()))
    own, beside = holdings_of(view, ids), _sidecars_of(view, ids)
    return {
        path: with_sidecars(own[key].fields if key in own else {}, beside.get(path, {}))
        for path, key in files.items()
    }


def _sidecars_of(view: View, content_ids: Sequence[int]) -> dict[str, dict[str, Any]]:
    """Return what the sidecars of the files of contents say, by path of the file."""
    found: dict[str, dict[str, Any]] = {}
    for some in pieces(content_ids):
        rows = view.connection.execute(
            sa.select(root_table.c.path, _file.rel, _file.said)
            .join_from(file_table, root_table, _file.root_id == root_table.c.id)
            .where(_file.content_id.in_(some), _file.said.is_not(None))
        )
        for root, rel, text in rows:
            with suppress(ValueError):  # damaged: nothing is said
                found[os.fsdecode(os.path.join(root, rel))] = json.loads(text)
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
