"""What a page shows of all photos at once: a few numbers of each, in columns."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from ..index.exact import Ids
from ..names import date_in_name, is_below
from ..records import LISTS
from ..view import View
from .folders import all_roots
from .functions import folded

_DATE = "S19"  # of ISO 8601, to the second
# Most photos say nothing of it: SQLite finds a name far faster than it reads JSON. See `filters/sql.py`.
_SAID = (
    "SELECT content_id, each.value FROM {table}, json_each("
    "CASE WHEN json_valid({column}) THEN {column} ELSE '{{}}' END, '{path}') AS each "
    "WHERE instr({column}, '\"{field}\"')"
)

# Some file of the content has no sidecar that says something else.
_IS_SAID = (
    " AND EXISTS (SELECT 1 FROM file WHERE file.content_id = holdings.content_id AND state = 'present'"
    " AND CASE WHEN json_valid(said) THEN json_extract(said, '$.{0}') END IS NULL)"
)

Column = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """A column of names. numbers: (n,) int32, of each photo its name in `names`; -1: it has none."""

    names: tuple[str, ...]
    numbers: Column

    def counts(self, chosen: "npt.NDArray[Any] | slice") -> list[tuple[str, int]]:
        """Return how often each name occurs among the chosen rows, the most frequent first."""
        found = self.numbers[chosen]
        counted = np.bincount(found[found >= 0], minlength=len(self.names))
        order = np.argsort(-counted, kind="stable")
        return [(self.names[each], int(counted[each])) for each in order if counted[each]]


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """A column of any number of texts for each photo; those that differ in case only are one.

    rows, numbers: (m,) int32, photos and their texts in `names`, each pair once.
    """

    names: tuple[str, ...]
    rows: Column
    numbers: Column

    def counts(self, chosen: "npt.NDArray[np.intp]") -> list[tuple[str, int]]:
        """Return how many of the chosen rows have each text, the most frequent first."""
        return Names(self.names, self.numbers).counts(np.isin(self.rows, chosen))


@dataclass(frozen=True, slots=True)
class Folder:
    """What lies in a folder. photos: in it and below, each once. files: in the folder itself."""

    photos: int
    files: int


@dataclass(frozen=True, slots=True, eq=False)
class Overview:
    """The photos of a library that are there, each once, by its first file; newest first.

    ids: (n,) int64. aspects: (n,) float32, width by height. months: (n,) int32, twelve times the year plus
    the month from 0. cameras: of each photo. keywords, people, ratings: as metadata and sidecars say.
    folders: by their paths, with those above them up to the roots.
    """

    ids: Ids
    aspects: npt.NDArray[np.float32]
    months: Column
    cameras: Names
    keywords: Texts
    people: Texts
    ratings: Texts
    folders: Mapping[str, Folder]


def overview_of(view: View) -> Overview:
    """Return the overview of a library: about 3 seconds and 30 MB for a million photos."""
    order = {root.id: root.path for root in all_roots(view)}
    there_now = _rows(view, "SELECT content_id, root_id, rel, mtime_ns FROM file WHERE state = 'present'")
    first = _first_files(order, there_now)
    rows = _rows(view, "SELECT id, width, height, taken, camera FROM content")
    there = [row for row in rows if row[0] in first]
    ids = np.fromiter((row[0] for row in there), np.int64, len(there))
    aspects = np.fromiter((row[1] / row[2] for row in there), np.float32, len(there))
    files = [first[row[0]] for row in there]
    dates = np.array([_date(row[3], file) for row, file in zip(there, files, strict=True)], _DATE)
    newest = np.lexsort((ids, dates))[::-1]
    cameras = _names(row[4] for row in there)
    return Overview(
        ids[newest],
        aspects[newest],
        _months(dates)[newest],
        Names(cameras.names, cameras.numbers[newest]),
        _texts(view, ids[newest], "keywords"),
        _texts(view, ids[newest], "people"),
        _texts(view, ids[newest], "rating"),
        _folders(order, there_now),
    )


_File = tuple[int, bytes, int]  # its root, its path below it, its time of modification in ns


def _first_files(order: Mapping[int, bytes], files: Iterable[tuple[Any, ...]]) -> dict[int, _File]:
    """Return the first file, by path, of each content that is there. order: paths of the roots, by id."""
    found: dict[int, _File] = {}
    for content, root, rel, mtime_ns in files:
        known = found.get(content)
        if known is None or (order[root], rel) < (order[known[0]], known[1]):
            found[content] = (root, rel, mtime_ns)
    return found


def _folder(root: bytes, below: bytes) -> str:
    return os.fsdecode(os.path.join(root, below).rstrip(b"/") or b"/")


def _rows(view: View, question: str) -> list[tuple[Any, ...]]:
    """Return all answers, past SQLAlchemy: its rows cost more than the answers do."""
    cursor = view.connection.connection.cursor()
    try:
        cursor.execute(question)
        return list(cursor.fetchall())
    finally:
        cursor.close()


def _date(taken: str | None, file: _File) -> str:
    """Return the local date of a photo as `date_of_photo` tells it."""
    _, rel, mtime_ns = file
    told = taken or date_in_name(rel)
    if told:
        return told[:19]
    try:
        return datetime.fromtimestamp(mtime_ns // 1_000_000_000).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _folders(roots: Mapping[int, bytes], files: Sequence[tuple[Any, ...]]) -> dict[str, Folder]:
    """Return the folders of files with all above them up to the roots."""
    known: dict[tuple[int, bytes], int] = {}
    at = np.fromiter(
        (known.setdefault((root, rel.rpartition(b"/")[0]), len(known)) for _, root, rel, _ in files),
        np.int64,
        len(files),
    )
    called = [_folder(roots[root], below) for root, below in known]  # roots may lie in one another
    number = {path: each for each, path in enumerate(dict.fromkeys(called))}
    at = np.array([number[path] for path in called], np.int64)[at]
    names, above = _tree(list(number), roots.values())
    contents = np.fromiter((content for content, *_ in files), np.int64, len(files))
    inside = np.bincount(at, minlength=len(names))
    photos = _photos_below(at, contents, above)
    return {name: Folder(int(photos[each]), int(inside[each])) for each, name in enumerate(names)}


def _photos_below(at: Ids, contents: Ids, above: Ids) -> Ids:
    """Return how many contents lie in and below each folder, each once. at: of each file its folder."""
    many = int(contents.max(initial=0)) + 1
    found = [_once(at * many + contents)]
    while len(found[-1]):  # a photo lies in the folder above, too
        folder, content = np.divmod(found[-1], many)
        higher = above[folder]
        found.append(_once((higher * many + content)[higher >= 0]))
    counts: Ids = np.bincount(_once(np.concatenate(found)) // many, minlength=len(above))
    return counts


def _once(numbers: Ids) -> Ids:
    """Return numbers from 0 on in their order, each once; `np.unique` takes six times as long."""
    ordered = np.sort(numbers)
    once: Ids = ordered[np.diff(ordered, prepend=-1) != 0]
    return once


def _tree(paths: list[str], roots: Iterable[bytes]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return folders, then all above them up to the roots, and of each the number of the one above it.

    That is -1 where none is.
    """
    known, tops = {path: number for number, path in enumerate(paths)}, tuple(map(os.fsdecode, roots))
    above: list[int] = []
    for path in paths:  # which grows meanwhile
        parent = os.path.dirname(path)
        if parent == path or not is_below(parent, tops):
            above.append(-1)
            continue
        if parent not in known:
            known[parent] = len(paths)
            paths.append(parent)
        above.append(known[parent])
    return paths, np.array(above, np.int64)


def _names(values: Iterable[str | None]) -> Names:
    known: dict[str, int] = {}
    numbers = [-1 if each is None else known.setdefault(each, len(known)) for each in values]
    return Names(tuple(known), np.array(numbers, np.int32))


def _told(view: View, field: str) -> list[tuple[Any, ...]]:
    """Return what the files of contents and their sidecars say, as `records.with_sidecars`."""
    own = _SAID.format(table="holdings", column="found", path=f"$.fields.{field}", field=field)
    beside = _SAID.format(table="file", column="said", path=f"$.{field}", field=field)
    if field not in LISTS:  # of one value that of a file's sidecar counts before its own
        own += _IS_SAID.format(field)
    return _rows(view, own) + _rows(view, beside + " AND state = 'present'")


def _texts(view: View, ids: Ids, field: str) -> Texts:
    """Return the column of what is said of photos; ids: of these in their order."""
    told = _told(view, field)
    known: dict[bytes | None, int] = {}
    names: list[str] = []
    number_of: dict[str, int] = {}
    for text in dict.fromkeys(str(text) for _, text in told):
        number_of[text] = known.setdefault(folded(text), len(names))
        if number_of[text] == len(names):
            names.append(text)
    contents = np.fromiter((content for content, _ in told), np.int64, len(told))
    numbers = np.fromiter((number_of[str(text)] for _, text in told), np.int64, len(told))
    is_there, by_id = np.isin(contents, ids), np.argsort(ids)
    rows = by_id[np.searchsorted(ids, contents[is_there], sorter=by_id)]
    many = max(1, len(names))
    rows, numbers = np.divmod(np.unique(rows * many + numbers[is_there]), many)
    return Texts(tuple(names), rows.astype(np.int32), numbers.astype(np.int32))


def _months(dates: npt.NDArray[np.bytes_]) -> Column:
    """Return the months of dates in ISO 8601. What is no date is of no month: 0."""
    digits = dates.view(np.uint8).reshape(len(dates), dates.itemsize)[:, :7].astype(np.int32) - ord("0")
    year = digits[:, 0] * 1000 + digits[:, 1] * 100 + digits[:, 2] * 10 + digits[:, 3]
    month = digits[:, 5] * 10 + digits[:, 6]
    months: Column = np.where((year >= 0) & (month >= 1) & (month <= 12), year * 12 + month - 1, 0)
    return months
