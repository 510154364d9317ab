"""Groups of copies: the list, by pages, and one group with all that is known of it."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from ...store.documents import SCHEMA_VERSION, path_fields
from ..groups import Filter, Order, Show
from ..problems import Changed
from ..served import Served
from .asked import Server, folder_id, folder_named

router = APIRouter(prefix="/api/groups", tags=["copies"])

_MOST, _MOST_FOLDERS, _MOST_HOMES = 500, 200, 3
Key = Annotated[str, Query(max_length=40)]


@dataclass(frozen=True)
class Asked:
    """Which groups are wanted.

    state: "going", "safe", "loss", "document", "new", "looked", "skipped" or "rejected"; "": all but these.
    folder: of a facet, by its id. change: what was done to a member. text: part of a path.
    """

    state: Annotated[Show, Query()] = ""
    folder: Annotated[str, Query(max_length=64)] = ""
    change: Annotated[str, Query(max_length=64)] = ""
    text: Annotated[str, Query(max_length=400)] = ""

    def filter(self, served: Served) -> Filter:
        """Return the filter.

        Raises:
            UsageError: there is no such folder.
        """
        folder = folder_named(served, self.folder) if self.folder else ""
        return Filter(self.state, folder, self.change, self.text)


@router.get("")
def groups(
    served: Server,
    asked: Annotated[Asked, Depends()],
    order: Order = "bytes",
    cursor: Key = "",
    shown: Key = "",
    n: Annotated[int, Query(ge=1, le=_MOST)] = 200,
) -> dict[str, Any]:
    """List groups in an order, from the first or after a cursor. shown: a group that may have gone.

    "found" is null while the copies are read for the first time. A cursor is of one finding: with "number"
    another one, the list begins anew.
    """
    found = served.groups.get()
    if found is None:
        return {"schema_version": SCHEMA_VERSION, "found": None, "error": served.groups.error, "groups": []}
    number, _, last = cursor.partition(".")
    if cursor and number != str(found.number):
        raise Changed("the copies were found anew; the list begins again")
    passing = found.passing(asked.filter(served), order, served.review)
    start = _after(found.in_order(order), passing, last) if last else 0
    page = passing[start : start + n]
    is_end = start + n >= len(passing)
    return {
        "schema_version": SCHEMA_VERSION,
        "found": {
            "number": found.number,
            "photos": found.photos,
            "files": found.files,
            "is_whole": found.is_whole,
            "away": [path_fields(root) for root in found.report.away],
        },
        "count": len(passing),
        "has_shown": shown in found,
        "groups": [each.row(served.review.of(each.key)) for each in page],
        "cursor": None if is_end else f"{found.number}.{page[-1].key}",
        "sums": found.sums(served.review) if not cursor else None,
    }


def _after(order: list[Any], passing: list[Any], last: str) -> int:
    """Return where to go on after a group, which may not pass any more: others went on meanwhile."""
    places = {each.key: place for place, each in enumerate(order)}
    seen = places.get(last, -1)
    return next((at for at, each in enumerate(passing) if places[each.key] > seen), len(passing))


@router.get("/changes")
def changes(served: Server) -> dict[str, Any]:
    """Count the groups by what was done to their files."""
    found = served.groups.get()
    counts: dict[str, int] = {}
    for each in found.groups if found else ():
        for change in each.changes:
            counts[change] = counts.get(change, 0) + 1
    rows = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return {
        "schema_version": SCHEMA_VERSION,
        "changes": [{"name": name, "count": count} for name, count in rows],
    }


@router.get("/folders")
def folders(served: Server) -> dict[str, Any]:
    """Tell of folders how many of their files are copies, and in which folders the kept ones lie."""
    found = served.groups.get()
    known = served.shelf.overview()[0].folders
    counts = found.copies_by_folder if found else {}
    most = sorted(counts.items(), key=lambda each: (-each[1].total(), each[0]))[:_MOST_FOLDERS]
    rows = [
        {"id": folder_id(path), **path_fields(path), "copies": homes.total()}
        | {"safe": found.safe_by_folder[path] if found else 0}
        | {"files": max(homes.total(), known[path].files if path in known else 0)}
        | {"of": [{**path_fields(home), "copies": count} for home, count in homes.most_common(_MOST_HOMES)]}
        for path, homes in most
    ]
    return {"schema_version": SCHEMA_VERSION, "folders": rows}


@router.get("/{key}")
def group(served: Server, key: str) -> dict[str, Any]:
    """Tell all of a group: as `dupes --format json` does, and its files as the page shows them."""
    listed = served.groups.now().named(key)
    state = served.review.of(key)
    return {"schema_version": SCHEMA_VERSION, **served.details.of(listed), "review": state.fields()}
