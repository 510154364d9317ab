"""What `search` lists: the JSON objects, the CSV columns and the table; and labels in all listings."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import ExitCode
from ..output.answers import answer_row
from ..output.listing import Listing
from ..output.screen import Styled, together
from ..output.text import columns, day, naming, pixels, plural, printable
from ..store.documents import Row

if TYPE_CHECKING:
    from ..search.answers import Answer


def search_listing(
    answers: "Iterable[Answer]", *, all_files: bool = False, end: Callable[[], ExitCode]
) -> Listing:
    """List the results of queries. all_files: name every file of a photo. end: see `Listing.exit`."""

    def flat(row: Row) -> Iterator[Row]:
        for result in row["results"]:
            for file in result.get("files", [{"path": result["path"]}]):
                labels, box = label_names(result["labels"]), "".join(_where(result))
                yield {**result, "path": file["path"], "query": row["query"], "labels": labels, "box": box}

    return Listing(
        key="queries",
        rows=(answer_row(answer, all_files) for answer in answers),
        lines=_answer_lines,
        flat=flat,
        columns=(
            *("query", "score", "path", "id", "width", "height", "format", "bytes", "date", "copies"),
            *("proven_copies", "rank", "labels", "box"),
        ),
        exit=end,
    )


def _answer_lines(rows: Iterable[Row]) -> Iterator[str]:
    for position, row in enumerate(rows):
        if position:
            yield ""
        folder, names = together([result["path"] for result in row.get("results", ())])
        yield from _heading(row, folder)
        if "error" in row:
            yield f"  cannot be read: {printable(row['message'])}"
        elif not row["results"]:
            yield "  nothing found"
        else:
            yield from _result_lines(row["results"], names)


def _heading(row: Row, folder: str) -> Iterator[str]:
    """Write what was searched for. folder: that the results are named from, if any."""
    words = f"{'likely' if 'by' in row else 'like'} {printable(row['query'])}"
    yield f"{words if row['query'] else 'photos that pass'}:"
    if folder:
        yield naming("in ", folder, ":")


def _result_lines(results: list[Row], names: Sequence[str]) -> Iterator[str]:
    # The column of labels is there only if something has one.
    is_labelled = any(row["labels"] for row in results)
    table = [
        (
            Styled(f"{row['rank']:>5}{_score(row['score'])}", "score"),
            *(pixels(row), day(row["date"]), f"id:{row['id']}"),
            *([_likely(row)] if is_labelled else []),
            *_where(row),
            "".join(_names(row, name)),
        )
        for row, name in zip(results, names, strict=True)
    ]
    lines = list(columns(table, right=(1,)))
    if len(lines) == len(results):
        yield from lines
        return
    # A terminal is too narrow: what is found stands below what is known of it.
    about = columns([row[:-1] for row in table], right=(1,))
    for line, row, name in zip(about, results, names, strict=True):
        yield line
        yield naming("       ", *_names(row, name))


def _score(score: float | None) -> str:
    return "" if score is None else f"  {score:.3f}"


def _likely(row: Row) -> str:
    return printable(row["labels"][0]["name"]) if row["labels"] else ""


def _where(row: Row) -> list[str]:
    """Return where in a photo the part was found: ["640x480+100+50"]."""
    return ["{width}x{height}+{x}+{y}".format(**row["box"])] if "box" in row else []


def _names(row: Row, name: str) -> tuple[str, str]:
    """Return what to call a photo, and how many copies of it there are."""
    path, exact, proven = printable(name), row["copies"] - 1, row["proven_copies"]
    more = [
        "+" + plural(count, f"{kind} copy", f"{kind} copies")
        for count, kind in ((exact, "exact"), (proven, "proven"))
        if count
    ]
    if "files" in row:
        path = " = ".join([path, *(printable(file["path"]) for file in row["files"][1:])])
        more = more[1:] if exact else more
    return path, f"  ({', '.join(more)})" if more else ""


def label_names(rows: Iterable[Row]) -> str:
    """Return what `label_rows` wrote for a cell of a CSV: "terrier; dog; mammal; animal"."""
    return "; ".join(row["name"] for row in rows)
