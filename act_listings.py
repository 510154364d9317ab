"""What the commands that move files list: what became of each file, and what was done so far."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .documents import Row, path_fields
from .listings import plural
from .render import Listing, columns, file_size, printable

if TYPE_CHECKING:
    from .dedup.acts.outcome import Outcome
    from .dedup.journal import Record

_MARKS = {"planned": "[x]", "done": "[x]", "before": "[=]", "left": "[ ]"}
_KINDS = {"exact": "same bytes as", "copy": "copy of", "similar": "looks like"}
_PAST = {"go": "went", "come back": "came back", "be removed for good": "were removed for good"}


def outcomes_listing(outcomes: "Iterable[Outcome]", verb: str) -> Listing:
    """List what became, or would become, of files. verb: what they do, in the infinitive.

    As paths: those that were, or would be, acted on.
    """
    return Listing(
        key="files",
        rows=map(_row, outcomes),
        lines=lambda rows: _lines(list(rows), verb),
        flat=lambda row: [row],
        columns=["state", "path", "kind", "bytes", "method", "to", "keeper", "code", "reason", "run"],
        is_path=lambda row: row["state"] in ("planned", "done"),
    )


def _row(outcome: "Outcome") -> Row:
    return {
        "state": outcome.state,
        **path_fields(outcome.path),
        "kind": outcome.kind,
        "bytes": outcome.size,
        "method": outcome.method,
        **path_fields(outcome.to, "to"),
        **path_fields(outcome.keeper, "keeper"),
        "code": outcome.code,
        "reason": outcome.reason,
        "run": outcome.run,
    }


def _lines(rows: list[Row], verb: str) -> Iterator[str]:
    if not rows:
        yield "there is nothing to do"
        return
    folders = {os.path.dirname(row[name]) for row in rows for name in ("path", "keeper")}
    top = os.path.commonpath(folders)
    yield f"in {printable(top)}:"
    table = [(f"  {_MARKS[row['state']]}", _name(row["path"], top), _words(row, top)) for row in rows]
    yield from columns(table)
    yield ""
    count = Counter(row["state"] for row in rows)
    size = sum(row["bytes"] for row in rows if row["state"] in ("planned", "done"))
    yield from _summary(count, size, verb)


def _name(path: str, top: str) -> str:
    return printable(os.path.relpath(path, top))


def _words(row: Row, top: str) -> str:
    if row["state"] == "left":
        return f"left alone: {printable(row['reason'])}"
    if row["state"] == "before":
        return "done already"
    what = _KINDS.get(row["kind"], f"{row['kind']}, belongs to a copy of")
    return f"{row['method']}: {what} {_name(row['keeper'], top)}"


def _summary(count: "Counter[str]", size: int, verb: str) -> Iterator[str]:
    said = []
    if count["planned"]:
        said.append(f"{_files(count['planned'])} would {verb} ({file_size(size)})")
    if count["done"]:
        said.append(f"{_files(count['done'])} {_PAST[verb]} ({file_size(size)})")
    if count["before"]:
        said.append(f"{count['before']:,} done already")
    if count["left"]:
        said.append(f"{count['left']:,} left alone")
    yield "; ".join(said)


def _files(count: int) -> str:
    return f"{count:,} {plural(count, 'file', 'files')}"


def journals_listing(records: "Iterable[Record]") -> Listing:
    """List what was done so far, newest first."""

    def row(record: "Record") -> Row:
        standing = [act for act in record.pending if os.path.lexists(act.to)]
        return {
            "run": record.name,
            "began": record.began,
            "method": record.method,
            "files": len(record.acts),
            "standing": len(standing),
            "bytes": sum(act.size for act in standing),
            **path_fields(record.path),
        }

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        table = [
            (
                row["run"],
                row["method"],
                f"{_files(row['files'])}, {row['standing']:,} still away ({file_size(row['bytes'])})",
            )
            for row in rows
        ]
        yield from columns(table) if table else ["nothing was done yet"]

    return Listing(
        key="journals",
        rows=map(row, records),
        lines=lines,
        flat=lambda row: [row],
        columns=["run", "began", "method", "files", "standing", "bytes", "path"],
    )
