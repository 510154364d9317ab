"""What commands list: the JSON objects, the CSV columns and the tables."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .documents import Row, path_fields
from .render import Listing, columns, day, printable

if TYPE_CHECKING:
    from .search.query import Answer, Result
    from .store.listing import FileError, Photo, PhotoFile


def photo_fields(photo: "Photo", file: "PhotoFile | None" = None) -> Row:
    """Return what a listing says of a photo; file: which one of its files, None: the first."""
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


def pixels(row: Row) -> str:
    """Return the size of a listed photo: "4000x3000"."""
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
    row: Row = {"score": round(result.score, 6)} | photo_fields(photo) | {"copies": len(photo.files)}
    if result.box is not None:
        row["box"] = {name: getattr(result.box, name) for name in ("x", "y", "width", "height")}
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
        (
            f"  {row['score']:.3f}",
            pixels(row),
            day(row["date"]),
            f"id:{row['id']}",
            *_where(row),
            _names(row),
        )
        for row in results
    ]
    yield from columns(table, right=(1,))


def _where(row: Row) -> list[str]:
    """Return where in a photo the part was found: ["640x480+100+50"]."""
    return ["{width}x{height}+{x}+{y}".format(**row["box"])] if "box" in row else []


def _names(row: Row) -> str:
    path, copies = printable(row["path"]), row["copies"]
    if "files" in row:
        others = [printable(file["path"]) for file in row["files"][1:]]
        return " = ".join([path, *others])
    return path if copies == 1 else f"{path}  (+{copies - 1} exact {plural(copies - 1, 'copy', 'copies')})"


def plural(count: int, one: str, many: str) -> str:
    """Return the word for this count."""
    return one if count == 1 else many


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
                yield photo_fields(photo, file) | {
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
            yield f"{day(row['date'])}  {pixels(row):>11}  {row['format']:<5} {printable(row['path'])}"

    names = "path content id width height format bytes date taken camera lens latitude longitude altitude"
    return Listing("files", rows(), lines, lambda row: [row], [*names.split(), "warning"])
