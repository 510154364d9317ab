"""What became, or would become, of files: each of them where they are few, else by folder."""

import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING

from ..errors import ExitCode
from ..store.documents import Row, path_fields
from .listing import Listing
from .manners import is_quiet, note
from .screen import cells, screen
from .text import (
    as_options,
    columns,
    common_folder,
    cut_path,
    file_size,
    naming,
    path_below,
    plural,
    printable,
    wrapped,
)

if TYPE_CHECKING:
    from ..dedup.actions.outcome import Outcome

# More files than these are summed up by folder; more folders, and more examples, are only counted.
_FEW_FILES, _FOLDERS, _EXAMPLES = 20, 20, 3

_MARKS = {"planned": "[x]", "done": "[x]", "before": "[=]", "left": "[ ]", "waiting": "[ ]"}
_KINDS = {"exact": "same bytes as", "copy": "copy of", "similar": "looks like"}
# What a row says is done to a file, before and after; the method where there is no such word.
_DEEDS = {"put back": ("to put back", "put back"), "deleted for good": ("to delete", "deleted")}
_LINKS = {"hardlink": "hard links", "symlink": "symbolic links", "reflink": "reflinks"}
_INDENT = " " * len("  [x]  ")
# Why files are left alone, where the reason of each is another.
_CODES = {
    "changed": "changed since",
    "gone": "not there any more",
    "kept": "to be kept",
    "last_copy": "perhaps the last copy",
    "nobodys": "nobody's photo",
    "remote": "in an object store",
    "offline": "their folder is not there",
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
    list each file, however many there are. has_all: `--all` asks for that.
    """

    verb: str
    place: str = ""
    kept: bool = True
    every: bool = False
    has_all: bool = True


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
        yield naming("in ", top, ":")
    is_short = style.every or len(rows) <= _FEW_FILES
    for block in _each(rows, top, style) if is_short else _summed(rows, top, style):
        yield from block
        yield ""
    closing = sum_of(rows, style.verb)
    if is_quiet():
        note(closing)
    else:
        yield closing


def _each(rows: Sequence[Row], top: str, style: Style) -> Iterator[list[str]]:
    """Yield the lines of each file; a reason for which several are left alone is told once, below."""
    reasons = Counter(_reason(row) for row in rows if row["state"] == "left")
    shared = [reason for reason, files in reasons.items() if files > 1]
    own = [row for row in rows if row["state"] != "left" or _reason(row) not in shared]
    if own:
        yield list(_table(own, top, style))
    for reason in shared:
        some = [row for row in rows if row["state"] == "left" and _reason(row) == reason]
        yield _left_alone("", some, top, replace(style, every=True))


def _table(rows: Sequence[Row], top: str, style: Style) -> Iterator[str]:
    """Lay files out in columns; in two lines each where a terminal is too narrow for that."""
    said = [
        (f"  {_MARKS[row['state']]}", _name(row["path"], top), *_words(row, top, style)) for row in rows
    ]
    shown = screen()
    lines = list(columns([(mark, name, words + keeper) for mark, name, words, keeper in said]))
    widest = max(cells(name) for _, name, _, _ in said) + max(cells(a + b) for *_, a, b in said)
    if shown is None or len(_INDENT) + widest + 2 <= shown.width:
        yield from lines
        return
    for mark, name, words, keeper in said:
        yield f"{mark}  {_short(name, len(_INDENT))}"
        room = shown.width - len(_INDENT)
        text = wrapped(words, room) if not keeper else [words + cut_path(keeper, room - cells(words))]
        yield from (_INDENT + line for line in text)


def _is_acted_on(row: Row) -> bool:
    return row["state"] in ("planned", "done")


def _name(path: str, top: str) -> str:
    return printable(path_below(path, top))


def _short(name: str, indent: int) -> str:
    """Return a name that stands in one line of a terminal, that far from its left side."""
    shown = screen()
    return cut_path(name, shown.width - indent) if shown else name


def _words(row: Row, top: str, style: Style) -> tuple[str, str]:
    """Return what is said of a file, and the name of the kept file that stands behind it, if any."""
    if row["state"] == "left":
        return f"left alone: {_reason(row)}", ""
    if row["state"] == "before":
        return "done already", ""
    if row["state"] == "waiting":
        return _reason(row), ""
    if _is_merge(row):
        return f"merge: {printable(row['reason'])}" if row["reason"] else "sidecar as it was before", ""
    what = _KINDS.get(row["kind"], f"{row['kind']}, belongs to a copy of")
    method = row["method"]
    deed = _DEEDS.get(style.verb, (method, method))[row["state"] == "done"]
    return f"{deed}: {what} ", _name(row["keeper"], top)


def sum_of(rows: Sequence[Row], verb: str) -> str:
    """Return what became of files in a line. verb: what was done to them, as a participle."""
    count = Counter(row["state"] for row in rows if not (_is_merge(row) and _is_acted_on(row)))
    merged = Counter(row["state"] for row in rows if _is_merge(row))
    size = file_size(sum(row["bytes"] for row in rows if _is_acted_on(row)))
    gone = sum(row["code"] == "gone" for row in rows) if verb == "put back" else 0
    deed = _deed(rows, verb)
    parts = (
        (count["planned"], f"{plural(count['planned'], 'file')} would be {deed} ({size})"),
        (count["done"], f"{plural(count['done'], 'file')} {deed} ({size})"),
        (count["before"], f"{count['before']:,} done already"),
        (gone, f"{gone:,} no longer where {'it was' if gone == 1 else 'they were'} put"),
        (count["left"] - gone, f"{count['left'] - gone:,} left alone"),
    )
    to = "put back" if verb == "put back" else "written to"
    said = [text for files, text in parts if files]
    said += [f"{plural(merged['planned'], 'sidecar')} would be {to}"] if merged["planned"] else []
    return "; ".join([*said, *([f"{plural(merged['done'], 'sidecar')} {to}"] if merged["done"] else [])])


def _deed(rows: Iterable[Row], verb: str) -> str:
    """Return what is done to files: where links take their places, nothing seems to leave its folder."""
    methods = {row["method"] for row in rows if _is_acted_on(row) and not _is_merge(row)}
    links = _LINKS.get(methods.pop()) if verb == "moved" and len(methods) == 1 else None
    return f"replaced by {links}" if links else verb


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
        yield _left_alone(code, some, top, style)


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


def _left_alone(code: str, rows: Sequence[Row], top: str, style: Style) -> list[str]:
    """Return how many files were left alone for one kind of reason, with a few of them."""
    reasons = {_reason(row) for row in rows}
    is_one = len(reasons) == 1
    why = next(iter(reasons)) if is_one else _CODES.get(code, code.replace("_", " "))
    most = len(rows) if style.every else _EXAMPLES
    paths = [_name(row["path"], top) for row in rows[:most]]
    reasons_of = (f"{path}: {_reason(row)}" for path, row in zip(paths, rows, strict=False))
    named = [_short(path, 4) for path in paths] if is_one else list(reasons_of)
    way = " (--all lists them)" if style.has_all else ""
    more = [f"and {len(rows) - most:,} more{way}"] if len(rows) > most else []
    return [f"  {plural(len(rows), 'file')} left alone: {why}", *(f"    {line}" for line in named + more)]


def _reason(row: Row) -> str:
    """Return why a file was left, without its name, which stands before."""
    return printable(as_options(row["reason"].removeprefix(f"{os.path.basename(row['path'])}: ")))
