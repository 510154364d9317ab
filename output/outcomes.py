"""What became, or would become, of files: each of them where they are few, else by folder."""

import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

from ..errors import ExitCode
from ..store.documents import Row, path_fields
from .listing import Listing
from .manners import is_quiet, note
from .text import as_options, columns, common_folder, cut_path, file_size, path_below, plural, printable

if TYPE_CHECKING:
    from ..dedup.actions.outcome import Outcome

# More files than these are summed up by folder; more folders, and more examples, are only counted.
_FEW_FILES, _FOLDERS, _EXAMPLES = 20, 20, 3

_MARKS = {"planned": "[x]", "done": "[x]", "before": "[=]", "left": "[ ]"}
_KINDS = {"exact": "same bytes as", "copy": "copy of", "similar": "looks like"}
# Why files are left alone, where the reason of each is another.
_CODES = {
    "changed": "changed since",
    "gone": "not there any more",
    "kept": "to be kept",
    "last_copy": "perhaps the last copy",
    "nobodys": "nobody's photo",
    "remote": "in an object store",
    "occupied": "something else is in its place",
    "pruned": "deleted for good already",
    "together": "its photo cannot be put back",
    "unwritable": "cannot be changed",
}
_COLUMNS = ("state", "path", "kind", "bytes", "method", "to", "keeper", "code", "reason", "run")


@dataclass(frozen=True, slots=True)
class Style:
    """How outcomes are shown.

    verb: what is done to the files, as a participle. place: heads the column that says where they go or
    come from; "" where that is always the quarantine. kept: show the folders of the kept files. every:
    list each file, however many there are.
    """

    verb: str
    place: str = ""
    kept: bool = True
    every: bool = False


def outcomes_listing(
    outcomes: "Iterable[Outcome]",
    style: Style,
    form: str,
    *,
    end: Sequence[str] = (),
    is_stopped: bool = False,
) -> Listing:
    """List what became, or would become, of files.

    As paths: those that were, or would be, acted on. end: lines below the table, notes beside other
    formats; of a quiet run for the log file. is_stopped: the run ended early.
    """
    found = list(outcomes)
    states = {outcome.state for outcome in found}
    if is_quiet():
        for line in filter(None, end):
            note(line.strip())
        end = ()
    notes = ["nothing was changed; --yes does it"] if "planned" in states and not is_quiet() else []
    if form != "table":
        notes += [f"{each.path}: {each.reason}" for each in found if each.state == "left"]
        notes += [line.strip() for line in end if line]
    stopped = ExitCode.INTERRUPTED if is_stopped else ExitCode.DONE
    return Listing(
        key="files",
        rows=map(outcome_row, found),
        lines=lambda rows: (*_lines(list(rows), style), *end),
        columns=_COLUMNS,
        is_path=lambda row: row["state"] in ("planned", "done"),
        notes=notes,
        exit=ExitCode.PARTLY if "left" in states else stopped,
    )


def outcome_row(outcome: "Outcome") -> Row:
    """Return what became, or would become, of a file as a JSON object."""
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


def _lines(rows: list[Row], style: Style) -> Iterator[str]:
    if not rows:
        return
    top = common_folder(os.path.dirname(row[name]) for row in rows for name in ("path", "keeper"))
    if top:
        yield f"in {printable(top)}:"
    is_short = style.every or len(rows) <= _FEW_FILES
    for block in [_each(rows, top)] if is_short else _summed(rows, top, style):
        yield from block
        yield ""
    closing = sum_of(rows, style.verb)
    if is_quiet():
        note(closing)
    else:
        yield closing


def _each(rows: Sequence[Row], top: str) -> list[str]:
    table = [(f"  {_MARKS[row['state']]}", _name(row["path"], top), _words(row, top)) for row in rows]
    return list(columns(table))


def _is_acted_on(row: Row) -> bool:
    return row["state"] in ("planned", "done")


def _name(path: str, top: str) -> str:
    return printable(path_below(path, top))


def _words(row: Row, top: str) -> str:
    if row["state"] == "left":
        return f"left alone: {_reason(row)}"
    if row["state"] == "before":
        return "done already"
    what = _KINDS.get(row["kind"], f"{row['kind']}, belongs to a copy of")
    if _is_merge(row):
        return f"merge: {printable(row['reason'])}" if row["reason"] else "sidecar as it was before"
    return f"{row['method']}: {what} {_name(row['keeper'], top)}"


def sum_of(rows: Sequence[Row], verb: str) -> str:
    """Return what became of files in a line. verb: what was done to them, as a participle."""
    count = Counter(row["state"] for row in rows if not (_is_merge(row) and _is_acted_on(row)))
    merged = Counter(row["state"] for row in rows if _is_merge(row))
    size = file_size(sum(row["bytes"] for row in rows if _is_acted_on(row)))
    parts = {
        "planned": f"{plural(count['planned'], 'file')} would be {verb} ({size})",
        "done": f"{plural(count['done'], 'file')} {verb} ({size})",
        "before": f"{count['before']:,} done already",
        "left": f"{count['left']:,} left alone",
    }
    to = "put back" if verb == "put back" else "written to"
    said = [text for state, text in parts.items() if count[state]]
    said += [f"{plural(merged['planned'], 'sidecar')} would be {to}"] if merged["planned"] else []
    return "; ".join([*said, *([f"{plural(merged['done'], 'sidecar')} {to}"] if merged["done"] else [])])


def _is_merge(row: Row) -> bool:
    """Tell whether a row is of what is written into a sidecar; no file is moved then."""
    return bool(row["method"] == "merge")


# --- by folder --------------------------------------------------------------------------------


def _summed(rows: Sequence[Row], top: str, style: Style) -> Iterator[list[str]]:
    """Yield the lines of what is done, by folder, and of each kind of reason for which files are left."""
    folders, kinds = defaultdict[str, list[Row]](list), defaultdict[str, list[Row]](list)
    is_mixed = not all(map(_is_merge, rows))
    for row in rows:
        if _is_acted_on(row) and not (is_mixed and _is_merge(row)):
            folders[os.path.dirname(row["path"])].append(row)
        elif row["state"] == "left":
            kinds[row["code"]].append(row)
    if folders:
        yield _by_folder(folders, top, style)
    for code, some in sorted(kinds.items(), key=lambda each: -len(each[1])):
        yield _left_alone(code, some, top)


def _by_folder(folders: Mapping[str, Sequence[Row]], top: str, style: Style) -> list[str]:
    """Return a line for each folder that files leave, or come back to; those with most bytes first."""
    largest = sorted(folders.items(), key=lambda each: (-_bytes(each[1]), each[0]))
    shown, rest = largest[:_FOLDERS], [row for _, some in largest[_FOLDERS:] for row in some]
    table = [("  folder", "files", "size", style.place, "kept in" if style.kept else "")]
    table += [(f"  {_name(folder, top)}", *_cells(some, top, style)) for folder, some in shown]
    if rest:
        more = plural(len(largest) - _FOLDERS, "more folder")
        table.append((f"  and {more}", f"{len(rest):,}", file_size(_bytes(rest)), "", ""))
    is_used = [any(column) for column in zip(*table, strict=True)]
    return list(columns([tuple(compress(row, is_used)) for row in _fitted(table)], right=(1, 2)))


def _bytes(rows: Iterable[Row]) -> int:
    return sum(row["bytes"] for row in rows)


def _cells(rows: Sequence[Row], top: str, style: Style) -> tuple[str, str, str, str]:
    kept = Counter(os.path.dirname(row["keeper"]) for row in rows).most_common()
    others = f" and {len(kept) - 1:,} more" if len(kept) > 1 else ""
    where = ", ".join(sorted({row["method"] for row in rows})) if style.place else ""
    into = f"{_name(kept[0][0], top)}{others}" if style.kept else ""
    return f"{len(rows):,}", file_size(_bytes(rows)), where, into


def _fitted(table: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return a table that fits the terminal: names of folders lose their middle."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    room = shutil.get_terminal_size().columns - sum(widths[1:4]) - 2 * (len(widths) - 1)
    last = min(widths[4], max(room // 2, room - widths[0]))
    limits = (max(20, room - last), *widths[1:4], max(20, last))
    return [tuple(cut_path(cell, limit) for cell, limit in zip(row, limits, strict=True)) for row in table]


def _left_alone(code: str, rows: Sequence[Row], top: str) -> list[str]:
    """Return how many files were left alone for one kind of reason, with a few of them."""
    reasons = {_reason(row) for row in rows}
    is_one = len(reasons) == 1
    why = next(iter(reasons)) if is_one else _CODES.get(code, code.replace("_", " "))
    named = [_name(row["path"], top) + ("" if is_one else f": {_reason(row)}") for row in rows[:_EXAMPLES]]
    more = [f"and {len(rows) - _EXAMPLES:,} more"] if len(rows) > _EXAMPLES else []
    return [f"  {plural(len(rows), 'file')} left alone: {why}", *(f"    {line}" for line in named + more)]


def _reason(row: Row) -> str:
    """Return why a file was left, without its name, which stands before."""
    return printable(as_options(row["reason"].removeprefix(f"{os.path.basename(row['path'])}: ")))
