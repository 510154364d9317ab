"""What commands list: the JSON objects, the CSV columns and the tables."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .errors import UsageError
from .render import Listing, Row, columns, day, document, file_size, path_fields, printable

if TYPE_CHECKING:
    from .dedup.groups import Group, Member
    from .search.query import Answer, Result
    from .store.listing import FileError, Photo, PhotoFile
    from .store.pairs import Decided


def _photo_fields(photo: "Photo", file: "PhotoFile | None" = None) -> Row:
    path = file.path if file else photo.path
    return {
        **path_fields(path),
        "id": photo.id,
        "width": photo.width,
        "height": photo.height,
        "format": photo.format,
        "bytes": photo.size,
        "date": photo.date,
    }


def _pixels(row: Row) -> str:
    return f"{row['width']}x{row['height']}"


# --- search -----------------------------------------------------------------------------------


def search_listing(answers: "Iterable[Answer]", *, all_files: bool) -> Listing:
    """List the neighbors of queries; all_files: name every file of a photo, not only one."""

    def flat(row: Row) -> Iterator[Row]:
        for result in row["results"]:
            for file in result.get("files", [{"path": result["path"]}]):
                yield {**result, "path": file["path"], "query": row["query"]}

    return Listing(
        key="queries",
        rows=(_answer_row(answer, all_files) for answer in answers),
        lines=_answer_lines,
        flat=flat,
        columns=("query", "score", "path", "id", "width", "height", "format", "bytes", "date", "copies"),
    )


def _answer_row(answer: "Answer", all_files: bool) -> Row:
    row: Row = path_fields(answer.query, "query")
    if answer.error is not None:
        row |= {"error": answer.error.code, "message": str(answer.error)}
    return row | {"results": [_result_row(result, all_files) for result in answer.results]}


def _result_row(result: "Result", all_files: bool) -> Row:
    photo = result.photo
    row = {"score": round(result.score, 6)} | _photo_fields(photo) | {"copies": len(photo.files)}
    return row | ({"files": [path_fields(file.path) for file in photo.files]} if all_files else {})


def _answer_lines(rows: Iterable[Row]) -> Iterator[str]:
    for position, row in enumerate(rows):
        if position:
            yield ""
        yield f"like {printable(row['query'])}:"
        if "error" in row:
            yield f"  cannot be read: {printable(row['message'])}"
        elif not row["results"]:
            yield "  nothing found"
        else:
            yield from _result_lines(row["results"])


def _result_lines(results: list[Row]) -> Iterator[str]:
    table = [
        (f"  {row['score']:.3f}", _pixels(row), day(row["date"]), f"id:{row['id']}", _names(row))
        for row in results
    ]
    yield from columns(table, right=(1,))


def _names(row: Row) -> str:
    path, copies = printable(row["path"]), row["copies"]
    if "files" in row:
        others = [printable(file["path"]) for file in row["files"][1:]]
        return " = ".join([path, *others])
    return path if copies == 1 else f"{path}  (+{copies - 1} exact {_plural(copies - 1, 'copy', 'copies')})"


def _plural(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


# --- duplicates -------------------------------------------------------------------------------


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
            **_photo_fields(member.photo, member.file),
            "class": member.kind,
            "transform": member.transform,
            "score": round(member.score, 6),
            "change": member.change,
            "selected": member.selected,
            "evidence": _evidence(member),
        }
        for member in group.members
    ]
    keeper = _photo_fields(group.keeper_photo, group.keeper)
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
    found = f"{groups:,} {_plural(groups, 'group', 'groups')}"
    yield f"{found}, {file_size(wasted)} taken by copies" if groups else "no duplicates found"


def _first_line(row: Row, role: str) -> tuple[str, ...]:
    return (f"  {role}", "", _pixels(row), printable(row["path"]))


def _member_line(row: Row) -> tuple[str, ...]:
    what = row["transform"] or "look-alike"
    score = f"{row['score']:.3f}" if row["class"] != "exact" else ""
    return (f"    {what}", score, _pixels(row), printable(row["path"]))


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


# --- the library ------------------------------------------------------------------------------


def errors_listing(errors: "Iterable[FileError]") -> Listing:
    """List the files that could not be indexed."""

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        table = [(row["error"], printable(row["path"]), printable(row["message"])) for row in rows]
        yield from columns(table) if table else ["every file could be read"]

    return Listing(
        key="errors",
        rows=({**path_fields(e.path), "error": e.error, "message": e.message} for e in errors),
        lines=lines,
        flat=lambda row: [row],
        columns=("path", "error", "message"),
    )


def export_listing(photos: "Iterable[Photo]") -> Listing:
    """List every file of the library with all that is known of it."""

    def rows() -> Iterator[Row]:
        for photo in photos:
            for file in photo.files:
                yield _photo_fields(photo, file) | {
                    "content": photo.digest,
                    "taken": photo.taken,
                    "camera": photo.camera,
                    "lens": photo.lens,
                    "latitude": photo.latitude,
                    "longitude": photo.longitude,
                    "altitude": photo.altitude,
                    "warning": photo.warning,
                }

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            yield f"{day(row['date'])}  {_pixels(row):>11}  {row['format']:<5} {printable(row['path'])}"

    names = "path content id width height format bytes date taken camera lens latitude longitude altitude"
    return Listing("files", rows(), lines, lambda row: [row], [*names.split(), "warning"])
