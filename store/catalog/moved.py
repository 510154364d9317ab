"""What the catalog learns of files that were moved out of the library by us, and back into it."""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ..filters.where import rel_below
from ..records import FileResult, FileStat
from ..store import Store
from . import write
from .schema import file_table


@dataclass(frozen=True, slots=True)
class Moved:
    """A file that is in its place again. path: absolute. digest: blake3 of its content, hex."""

    path: str
    found: os.stat_result
    digest: str


def take_away(store: Store, paths: Sequence[str]) -> None:
    """Record that files are not there any more, as an index run would find."""
    if not paths:
        return
    with store.writing() as connection:
        for root_id, rels in _by_root(connection, paths).items():
            write.set_state(connection, _ids(connection, root_id, list(rels)), "absent")


def put_back(store: Store, files: Iterable[Moved]) -> None:
    """Record that files are there; those whose content is not known wait for the next index run."""
    by_path = {file.path: file for file in files}
    if not by_path:
        return
    with store.writing() as connection:
        digests = [bytes.fromhex(file.digest) for file in by_path.values()]
        known = write.content_ids(connection, digests)
        for root_id, rels in _by_root(connection, list(by_path)).items():
            results = [_result(rel, by_path[path]) for rel, path in rels.items()]
            write.put_files(connection, root_id, [each for each in results if each.digest in known])


def _result(rel: bytes, file: Moved) -> FileResult:
    found = file.found
    stat = FileStat(rel, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_dev, found.st_ino)
    return FileResult(stat, bytes.fromhex(file.digest))


def _by_root(connection: sa.Connection, paths: Sequence[str]) -> dict[int, dict[bytes, str]]:
    """Return the paths below each root, by the part below it; what lies outside is left out."""
    roots = write.roots(connection)
    found: dict[int, dict[bytes, str]] = defaultdict(dict)
    for path in paths:
        for root in roots:
            rel = rel_below(os.fsencode(path), root.path)
            if rel:
                found[root.id][rel] = path
    return found


def _ids(connection: sa.Connection, root_id: int, rels: Sequence[bytes]) -> list[int]:
    ids: list[int] = []
    for some in write.pieces(rels):
        rows = connection.execute(
            sa.select(file_table.c.id).where(file_table.c.root_id == root_id, file_table.c.rel.in_(some))
        )
        ids += rows.scalars()
    return ids
