"""The files of the library: their records, and whether they are present."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from ..documents import dumps
from ..filters.where import below_condition, rel_below
from ..records import UNREAD, FileResult, FileStat, KnownFile, Root, Told
from ..view import View
from .contents import ids_of
from .folders import all_roots
from .schema import content_table, file_table, now, pieces

_file, _content = file_table.c, content_table.c


def known_files(view: View, root: Root, below: bytes) -> dict[bytes, KnownFile]:
    """Return what is remembered of the files at or below a path in a root, by relative path."""
    file = _file
    columns = (file.rel, file.id, file.size, file.mtime_ns, file.ctime_ns, file.ino, file.dev)
    rows = view.connection.execute(
        sa.select(*columns, file.state, file.error, file.sidecars).where(
            file.root_id == root.id, below_condition(below)
        )
    )
    return {
        rel: KnownFile(key, (size, mtime, ctime, ino), state, error, dev, sidecars)
        for rel, key, size, mtime, ctime, ino, dev, state, error, sidecars in rows
    }


def set_state(view: View, file_ids: Sequence[int], state: str) -> None:
    """Change the state of files, and note since when those are missing that are absent."""
    since = sa.func.coalesce(_file.missing_since, now()) if state == "absent" else None
    for some in pieces(file_ids):
        view.connection.execute(
            sa.update(file_table).where(_file.id.in_(some)).values(state=state, missing_since=since)
        )


def restore_state(view: View, file_ids: Sequence[int]) -> None:
    """Give files that came back unchanged the state that they had before."""
    was = sa.case((_file.error.is_(None), "present"), else_="failed")
    for some in pieces(file_ids):
        view.connection.execute(
            sa.update(file_table).where(_file.id.in_(some)).values(state=was, missing_since=None)
        )


def forget_problems(view: View, file_ids: Sequence[int]) -> None:
    """Remove rows that never were photos; a row with a content stays whatever is asked."""
    for some in pieces(file_ids):
        view.connection.execute(sa.delete(file_table).where(_file.id.in_(some), _file.content_id.is_(None)))


def put_files(view: View, root: Root, results: Iterable[FileResult]) -> None:
    """Insert or update the rows of files; contents must be there already."""
    results = list(results)
    ids = ids_of(view, [result.digest for result in results if result.digest])
    rows = [_file_row(root.id, result, ids) for result in results]
    if not rows:
        return
    statement = insert(file_table)
    keys = ("root_id", "rel")
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    view.connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)


def _file_row(root_id: int, result: FileResult, ids: dict[bytes, int]) -> dict[str, Any]:
    stat, failure = result.stat, result.failure
    return {
        "root_id": root_id,
        "rel": stat.rel,
        "dev": stat.dev,
        "ino": stat.ino,
        "size": stat.size,
        "mtime_ns": stat.mtime_ns,
        "ctime_ns": stat.ctime_ns,
        "content_id": None if failure else ids[result.digest or b""],
        "state": "failed" if failure else "present",
        "error": failure.code if failure else None,
        "message": failure.message if failure else None,
        "missing_since": None,
    }


def put_sidecars(view: View, root: Root, rows: Sequence[Told]) -> None:
    """Record what the sidecars of files say; of files that are not known nothing is."""
    update = sa.update(file_table).where(_file.root_id == root.id, _file.rel == sa.bindparam("of"))
    values: dict[str, Any] = {name: sa.bindparam(name) for name in ("sidecars", "said")}
    texts = [(each, dumps(each.said).decode() if each.said else None) for each in rows]
    view.connection.execute(
        update.values(values),
        [{"of": each.rel, "sidecars": each.state, "said": text} for each, text in texts],
    )


def note_sidecars(view: View, said: Mapping[str, Mapping[str, Any]]) -> None:
    """Record what the sidecars of files say, by path of the file, until the next index run reads them."""
    for root, rels in _by_root(view, list(said)):
        if rels:
            put_sidecars(view, root, [Told(rel, UNREAD, said[path]) for rel, path in rels.items()])


def newest_file_id(view: View) -> int:
    """Return the highest row id of a file, 0 when there is none."""
    return view.connection.execute(sa.select(sa.func.max(_file.id))).scalar_one() or 0


def count_elsewhere(view: View, root: Root, file_ids: Sequence[int], after: int) -> int:
    """Count the files of a root (by row id) whose content a newer file of another root holds.

    after: only files of the other roots with a higher row id count.
    """
    other = file_table.alias()
    held = sa.exists().where(
        other.c.content_id == _file.content_id,
        other.c.state == "present",
        other.c.root_id != root.id,
        other.c.id > after,
    )
    return sum(
        view.connection.execute(sa.select(sa.func.count()).where(_file.id.in_(some), held)).scalar_one()
        for some in pieces(file_ids)
    )


def count_copies(view: View, after: int, gone: Sequence[int]) -> int:
    """Count the files that are there with a higher row id, and whose content an older row has, too.

    gone: row ids of files that went away meanwhile: what came in their place is no copy.
    """
    copies = view.connection.execute(sa.select(sa.func.count()).where(*_second_files(after))).scalar_one()
    left = Counter[int]()
    for some in pieces(gone):
        held = sa.select(_file.content_id).where(_file.id.in_(some), _file.content_id.is_not(None))
        left.update(view.connection.execute(held).scalars())
    for contents in pieces(list(left)):
        of_these = _file.content_id.in_(contents)
        counted = _per_content(view, of_these, *_second_files(after))
        came = _per_content(view, of_these, _file.id > after, _file.state == "present")
        copies -= sum(max(0, n - max(0, came[key] - left[key])) for key, n in counted.items())
    return copies


def _second_files(after: int) -> tuple[sa.ColumnElement[bool], ...]:
    other = file_table.alias()
    held = sa.exists().where(
        other.c.content_id == _file.content_id, other.c.state == "present", other.c.id < _file.id
    )
    return (_file.id > after, _file.state == "present", held)


def _per_content(view: View, *conditions: sa.ColumnElement[bool]) -> Counter[int]:
    counts = sa.select(_file.content_id, sa.func.count()).where(*conditions).group_by(_file.content_id)
    found = Counter[int]()
    for key, count in view.connection.execute(counts):
        found[key] = count
    return found


def present_digests(view: View, root: Root) -> Iterator[tuple[bytes, bytes]]:
    """Yield (path below the root, digest of its content) of the present files of a root."""
    rows = view.connection.execution_options(yield_per=10_000).execute(
        sa.select(_file.rel, _content.digest)
        .join_from(file_table, content_table, _file.content_id == _content.id)
        .where(_file.root_id == root.id, _file.state == "present")
    )
    return ((row[0], row[1]) for row in rows)


def set_devices(view: View, devices: Mapping[int, int]) -> None:
    """Record the device that files are on now, by row id."""
    if devices:
        view.connection.execute(
            sa.update(file_table).where(_file.id == sa.bindparam("key")).values(dev=sa.bindparam("device")),
            [{"key": key, "device": device} for key, device in devices.items()],
        )


def digests_at(view: View, paths: Sequence[str]) -> dict[str, bytes]:
    """Return the digests of the contents that present files hold, by path, of those of these paths."""
    found: dict[str, bytes] = {}
    for root, rels in _by_root(view, paths):
        for some in pieces(list(rels)):
            rows = view.connection.execute(
                sa.select(_file.rel, _content.digest)
                .join_from(file_table, content_table, _file.content_id == _content.id)
                .where(_file.root_id == root.id, _file.state == "present", _file.rel.in_(some))
            )
            found |= {rels[rel]: digest for rel, digest in rows}
    return found


# --- files that we moved -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moved:
    """A file that is in its place again. path: absolute. digest: blake3 of its content, hex."""

    path: str
    found: os.stat_result
    digest: str


def take_away(view: View, paths: Sequence[str]) -> None:
    """Record that files are not there any more, as an index run would find."""
    for root, rels in _by_root(view, paths):
        set_state(view, _ids_below(view, root, list(rels)), "absent")


def put_back(view: View, files: Iterable[Moved]) -> None:
    """Record that files are there; those whose content is not known wait for the next index run."""
    by_path = {file.path: file for file in files}
    known = ids_of(view, [bytes.fromhex(file.digest) for file in by_path.values()])
    for root, rels in _by_root(view, list(by_path)):
        results = [_result(rel, by_path[path]) for rel, path in rels.items()]
        put_files(view, root, [each for each in results if each.digest in known])


def _result(rel: bytes, file: Moved) -> FileResult:
    return FileResult(FileStat.of(rel, file.found), bytes.fromhex(file.digest))


def _by_root(view: View, paths: Sequence[str]) -> Iterator[tuple[Root, dict[bytes, str]]]:
    """Yield each root with the paths below it, by the part below it; what lies outside is left out."""
    for root in all_roots(view):
        rels = {rel_below(os.fsencode(path), root.path): path for path in paths}
        yield root, {rel: path for rel, path in rels.items() if rel}


def _ids_below(view: View, root: Root, rels: Sequence[bytes]) -> list[int]:
    ids: list[int] = []
    for some in pieces(rels):
        rows = view.connection.execute(
            sa.select(_file.id).where(_file.root_id == root.id, _file.rel.in_(some))
        )
        ids += rows.scalars()
    return ids
