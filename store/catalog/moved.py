"""What the catalog learns of files that were moved out of the library by us, and back into it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ..filters.where import rel_below
from ..records import FileResult, FileStat, Root
from ..view import View
from .contents import ids_of
from .files import put_files, set_state
from .folders import all_roots
from .schema import file_table, pieces


@dataclass(frozen=True, slots=True)
class Moved:
    """A file that is in its place again. path: absolute. digest: blake3 of its content, hex."""

    path: str
    found: os.stat_result
    digest: str


def take_away(view: View, paths: Sequence[str]) -> None:
    """Record that files are not there any more, as an index run would find."""
    for root, rels in _by_root(view, paths):
        set_state(view, _ids(view, root, list(rels)), "absent")


def put_back(view: View, files: Iterable[Moved]) -> None:
    """Record that files are there; those whose content is not known wait for the next index run."""
    by_path = {file.path: file for file in files}
    known = ids_of(view, [bytes.fromhex(file.digest) for file in by_path.values()])
    for root, rels in _by_root(view, list(by_path)):
        results = [_result(rel, by_path[path]) for rel, path in rels.items()]
        put_files(view, root, [each for each in results if each.digest in known])


def _result(rel: bytes, file: Moved) -> FileResult:
    found = file.found
    stat = FileStat(rel, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_dev, found.st_ino)
    return FileResult(stat, bytes.fromhex(file.digest))


def _by_root(view: View, paths: Sequence[str]) -> Iterator[tuple[Root, dict[bytes, str]]]:
    """Yield each root with the paths below it, by the part below it; what lies outside is left out."""
    for root in all_roots(view):
        rels = {rel_below(os.fsencode(path), root.path): path for path in paths}
        yield root, {rel: path for rel, path in rels.items() if rel}


def _ids(view: View, root: Root, rels: Sequence[bytes]) -> list[int]:
    ids: list[int] = []
    for some in pieces(rels):
        rows = view.connection.execute(
            sa.select(file_table.c.id).where(file_table.c.root_id == root.id, file_table.c.rel.in_(some))
        )
        ids += rows.scalars()
    return ids
