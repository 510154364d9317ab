"""What the commands about copies list: groups, plans, decisions."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .errors import UsageError
from .listings import photo_fields, pixels, plural
from .render import Listing, Row, columns, document, file_size, path_fields, printable

if TYPE_CHECKING:
    from .dedup.groups import Group, Member
    from .store.listing import Photo, PhotoFile
    from .store.pairs import Decided


def dupes_listing(groups: "Iterable[Group]") -> Listing:
    """List groups; as paths: the members, not the keepers."""

    def flat(row: Row) -> Iterator[Row]:
        for member in row["members"]:
            yield {**member, "group": row["group"], "keeper": row["keeper"]["path"]}

    return Listing(
        key="groups",
        rows=(_group_row(number, group) for number, group in enumerate(groups, 1)),
        lines=_group_lines,
        flat=flat,
        columns=(
            "group",
            "keeper",
            "path",
            "class",
            "change",
            "transform",
            "score",
            "id",
            "width",
            "height",
            "bytes",
        ),
    )


def _group_row(number: int, group: "Group") -> Row:
    members = [
        {
            **photo_fields(member.photo, member.file),
            "class": member.kind,
            "transform": member.transform,
            "score": round(member.score, 6),
            "change": member.change,
            "selected": member.selected,
            "evidence": _evidence(member),
        }
        for member in group.members
    ]
    keeper = photo_fields(group.keeper_photo, group.keeper)
    return {
        "group": number,
        "keeper": keeper | {"reason": group.reason},
        "members": members,
        "wasted_bytes": group.wasted_bytes,
    }


def _evidence(member: "Member") -> Row:
    if member.kind == "similar":
        return {"cosine": round(member.score, 6)}
    return dict(member.evidence) or {"blake3": member.photo.digest}


def _group_lines(rows: Iterable[Row]) -> Iterator[str]:
    groups = wasted = 0
    for row in rows:
        groups, wasted = groups + 1, wasted + row["wasted_bytes"]
        kind = "similar" if row["members"][0]["class"] == "similar" else "copies"
        size = "" if kind == "similar" else f", {file_size(row['wasted_bytes'])} to win"
        why = f"; kept: {row['keeper']['reason']}" if row["keeper"]["reason"] else ""
        yield f"group {row['group']} ({kind}{size}{why})"
        first = _first_line(row["keeper"], "first" if kind == "similar" else "keep")
        yield from columns([first, *map(_member_line, row["members"])], right=(1, 2))
        yield ""
    found = f"{groups:,} {plural(groups, 'group', 'groups')}"
    yield f"{found}, {file_size(wasted)} taken by copies" if groups else "no duplicates found"


def _first_line(row: Row, role: str) -> tuple[str, ...]:
    return (f"  {role}", "", pixels(row), printable(row["path"]))


def _member_line(row: Row) -> tuple[str, ...]:
    what = row["transform"] or "look-alike"
    score = f"{row['score']:.3f}" if row["class"] != "exact" else ""
    return (f"    {what}", score, pixels(row), printable(row["path"]))


def write_plan(path: str, groups: "Iterable[Group]") -> None:
    """Write what an act on the groups would do: which files stay, which could go, and what was expected.

    Only what is safe without a look is selected, and never a file that is protected or a hard link.

    Raises:
        UsageError: the file cannot be written.
    """
    rows = [_planned(group) for group in groups]
    try:
        with open(path, "wb") as out:
            out.write(document({"groups": rows}))
    except OSError as error:
        raise UsageError(f"cannot write the plan {path}: {error.strerror}") from error


def _planned(group: "Group") -> Row:
    def expected(photo: "Photo", file: "PhotoFile") -> Row:
        return {
            **path_fields(file.path),
            "blake3": photo.digest,
            "bytes": photo.size,
            "mtime_ns": file.mtime_ns,
            "dev": file.dev,
            "ino": file.ino,
        }

    return {
        "keeper": expected(group.keeper_photo, group.keeper) | {"reason": group.reason},
        "members": [
            expected(member.photo, member.file)
            | {"class": member.kind, "transform": member.transform, "selected": member.selected}
            for member in group.members
        ],
    }


def decisions_listing(decisions: "Iterable[Decided]") -> Listing:
    """List what the user confirmed and rejected, by content."""

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        table = [(row["kind"], row["at"], row["a"][:16], row["b"][:16]) for row in rows]
        yield from columns(table) if table else ["nothing was decided"]

    return Listing(
        key="decisions",
        rows=({"a": each.a, "b": each.b, "kind": each.kind, "at": each.at} for each in decisions),
        lines=lines,
        flat=lambda row: [row],
        columns=("a", "b", "kind", "at"),
    )
