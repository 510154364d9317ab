"""Files that are missing: which, since when, and how they leave the library for good, on request.

Nothing here looks at a drive or touches a photo: rows of the catalog go, and thumbnails of ours.
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ..errors import UsageError
from .catalog.contents import sorted_digests
from .catalog.folders import all_roots
from .catalog.knn import forget_neighbors
from .catalog.schema import (
    content_table,
    embedding_table,
    epoch_table,
    file_table,
    holdings_table,
    local_map_table,
    look_table,
    neighborhood_table,
    pair_table,
    photo_hash_table,
    pieces,
    root_table,
)
from .filters.where import rel_below, within
from .names import not_in_library
from .records import Root
from .view import View

if TYPE_CHECKING:
    from .store import Store

_file, _content = file_table.c, content_table.c
_files = file_table.join(root_table, _file.root_id == root_table.c.id).outerjoin(
    content_table, _file.content_id == _content.id
)


@dataclass(frozen=True, slots=True)
class Missing:
    """A file that is not there any more.

    path: absolute. since: ISO 8601 in UTC, None where that was not recorded. size: bytes. digest: blake3,
    hex, None for a file that never could be read. is_elsewhere: a file that is there holds the content.
    fate, to: see `Fates`; "missing" if `apply` did not take it.
    """

    path: str
    since: str | None
    size: int
    digest: str | None
    is_elsewhere: bool
    fate: str = "missing"
    to: str = ""


@dataclass(frozen=True, slots=True)
class Fates:
    """What `apply` took out of the library.

    by_file: by path and content (blake3, hex) of a file what became of it, and where it lies: "moved" (it
    can come back), "deleted" (by `prune`, which kept a copy) or "gone" (from there, by other hands).
    unread: journals of which nothing can be read, each with the reason: what they moved is not known.
    """

    by_file: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    unread: Sequence[str] = ()

    @property
    def contents(self) -> frozenset[bytes]:
        """The digests of what can come back."""
        return frozenset(
            bytes.fromhex(key[1]) for key, (fate, _) in self.by_file.items() if fate == "moved"
        )

    def fate(self, path: str, digest: str | None) -> tuple[str, str]:
        """Return what became of a file, "missing" where `apply` did not take it, and where it lies."""
        return self.by_file.get((path, digest or ""), ("missing", ""))


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A folder of the library that is to leave it.

    path: absolute. files: how many the catalog knows there; missing: how many of these are not there.
    photos: contents that no file outside of it holds. is_root: whether whole roots go with it.
    """

    path: str
    files: int
    missing: int
    photos: int
    is_root: bool


@dataclass(frozen=True, slots=True)
class Purge:
    """Which absent files are to leave the catalog.

    until: those missing since then or longer (ISO 8601 in UTC). folders: only at or below these
    (absolute), empty: anywhere. roots: only files of these. keep: digests of contents that stay anyway.
    spared: ids of rows that stay.
    """

    until: str
    folders: tuple[bytes, ...] = ()
    roots: tuple[Root, ...] = ()
    keep: frozenset[bytes] = frozenset()
    spared: Sequence[int] = ()


def missing_files(view: View, folders: Sequence[bytes] = ()) -> Iterator[Missing]:
    """Yield the absent files at or below any of the folders (empty: all), by path."""
    there = sa.true() if not folders else within(_known_roots(view, folders), folders)
    return _missing(view, there)


def fated_rows(view: View, fates: Fates) -> Iterator[tuple[int, int, str]]:
    """Yield (row id, id of its root, what became of it) of the absent files that `apply` took."""
    rows = view.connection.execution_options(yield_per=10_000).execute(
        sa.select(_file.id, _file.root_id, root_table.c.path, _file.rel, _content.digest)
        .select_from(_files)
        .where(_file.state == "absent", _file.content_id.is_not(None))
    )
    for row_id, root_id, root, rel, digest in rows:
        fate, _ = fates.fate(os.fsdecode(os.path.join(root, rel)), digest.hex())
        if fate != "missing":
            yield row_id, root_id, fate


def purgeable(view: View, purge: Purge) -> Iterator[Missing]:
    """Yield the files that a purge would take out of the catalog, by path."""
    return _missing(view, _purged(view, purge))


def _missing(view: View, where: sa.ColumnElement[bool]) -> Iterator[Missing]:
    other = file_table.alias()
    held = sa.exists().where(other.c.content_id == _file.content_id, other.c.state == "present")
    columns = (root_table.c.path, _file.rel, _file.missing_since, _file.size, _content.digest)
    rows = view.connection.execution_options(yield_per=1000).execute(
        sa.select(*columns, held)
        .select_from(_files)
        .where(_file.state == "absent", where)
        .order_by(root_table.c.path, _file.rel)
    )
    for root, rel, when, size, digest, is_elsewhere in rows:
        path = os.fsdecode(os.path.join(root, rel))
        yield Missing(path, when, size, digest.hex() if digest else None, bool(is_elsewhere))


def _known_roots(view: View, folders: Sequence[bytes]) -> list[Root]:
    """Return all roots.

    Raises:
        UsageError: a folder is neither in one of them nor around one.
    """
    roots = all_roots(view)
    for folder in folders:
        if not any(
            rel_below(folder, root.path) is not None or rel_below(root.path, folder) is not None
            for root in roots
        ):
            raise UsageError(not_in_library(os.fsdecode(folder), (root.path for root in roots)))
    return roots


# --- forget -----------------------------------------------------------------------------------


def forgettable(view: View, folders: Sequence[bytes]) -> list[Forgotten]:
    """Return what would leave the library with each of the folders, without those that hold nothing.

    Raises:
        UsageError: a folder is not in the library.
    """
    roots = _known_roots(view, folders)
    found = [_forgotten(view, roots, folder) for folder in folders]
    return [each for each in found if each.files or each.is_root]


def _forgotten(view: View, roots: Sequence[Root], folder: bytes) -> Forgotten:
    inside = within(roots, [folder])
    counts = view.connection.execute(
        sa.select(_file.state, sa.func.count()).where(inside).group_by(_file.state)
    )
    states: dict[str, int] = {row[0]: row[1] for row in counts}
    held = sa.select(_file.content_id).where(inside, _file.content_id.is_not(None))
    kept = sa.select(_file.content_id).where(sa.not_(inside), _file.content_id.is_not(None))
    photos = view.connection.execute(
        sa.select(sa.func.count()).where(_content.id.in_(held), _content.id.not_in(kept))
    ).scalar_one()
    is_root = any(rel_below(root.path, folder) is not None for root in roots)
    return Forgotten(os.fsdecode(folder), sum(states.values()), states.get("absent", 0), photos, is_root)


def forget(store: "Store", folders: Sequence[bytes]) -> list[Forgotten]:
    """Take folders out of the library: the rows of their files, and roots. Contents stay.

    Raises:
        UsageError: a folder is not in the library; then nothing was done.
        StoreLocked: an index run is under way.
    """
    with store.indexing(), store.writing() as view:
        found = forgettable(view, folders)
        roots = all_roots(view)
        view.connection.execute(sa.delete(file_table).where(within(roots, folders)))
        gone = [root.id for root in roots for each in folders if rel_below(root.path, each) is not None]
        view.connection.execute(sa.delete(root_table).where(root_table.c.id.in_(gone)))
    return found


# --- purge ------------------------------------------------------------------------------------


def _purged(view: View, purge: Purge) -> sa.ColumnElement[bool]:
    there = sa.true() if not purge.folders else within(_known_roots(view, purge.folders), purge.folders)
    return sa.and_(
        _file.state == "absent",
        _file.missing_since.is_not(None),
        _file.missing_since <= purge.until,
        _file.root_id.in_([root.id for root in purge.roots]),
        _file.id.not_in(sa.select(_listed(purge.spared).c.value)),
        there,
    )


def _listed(ids: Sequence[int]) -> sa.TableValuedAlias:
    """Return a table of one column, as there may be more ids than SQLite takes parameters."""
    return sa.func.json_each(json.dumps(list(ids))).table_valued("value")


def count_purgeable(view: View, purge: Purge) -> int:
    """Count the contents that no file would hold after a purge."""
    return len(_orphans(view, purge.keep, sa.not_(_purged(view, purge))))


def purge_missing(store: "Store", purge: Purge) -> tuple[list[Missing], int]:
    """Take files out of the catalog, then all that is known of contents which no file holds.

    The user's decisions stay. Returns the files, and the number of contents.

    Raises:
        UsageError: a folder is not in the library; then nothing was done.
        StoreLocked: an index run is under way.
    """
    # An index run relies on the contents that it has seen in the catalog.
    with store.indexing():
        with store.writing() as view:
            where = _purged(view, purge)
            files = list(_missing(view, where))
            view.connection.execute(sa.delete(file_table).where(where))
            orphans = _orphans(view, purge.keep)
            if orphans:
                _remove_contents(view, orphans)
        # The catalog went first: a thumbnail too many is no harm, and goes with the next purge.
        with store.writing() as view:
            store.thumbs.keep_only(sorted_digests(view))
        if orphans:
            from .knn_graph import update_graph  # which knows the store, and this module does not

            store.publish()
            update_graph(store)
    return files, len(orphans)


def _orphans(view: View, keep: Collection[bytes], holds: sa.ColumnElement[bool] | None = None) -> list[int]:
    """Return the ids of the contents that no file holds. holds: which files count, None: all."""
    holder = sa.exists().where(_file.content_id == _content.id)
    question = sa.select(_content.id, _content.digest).where(
        sa.not_(holder if holds is None else holder.where(holds))
    )
    return [row.id for row in view.connection.execute(question) if row.digest not in keep]


# Each content that goes is looked for in all tables that refer to contents; three are not ordered for it.
_HELPERS = (
    ("purge_embedding", "CREATE INDEX purge_embedding ON embedding (content_id)"),
    ("purge_pair", "CREATE INDEX purge_pair ON pair (b)"),
    ("purge_look", "CREATE INDEX purge_look ON look (b)"),
)


def _remove_contents(view: View, ids: Sequence[int]) -> None:
    """Remove contents and what hangs on them, and disown every snapshot and index that may hold them."""
    for _, create in _HELPERS:
        view.connection.exec_driver_sql(create)
    for some in pieces(ids):
        pair = pair_table.c
        view.connection.execute(sa.delete(pair_table).where(sa.or_(pair.a.in_(some), pair.b.in_(some))))
        look = look_table.c
        view.connection.execute(sa.delete(look_table).where(sa.or_(look.a.in_(some), look.b.in_(some))))
        for table in (photo_hash_table, local_map_table, neighborhood_table, holdings_table):
            view.connection.execute(sa.delete(table).where(table.c.content_id.in_(some)))
        view.connection.execute(sa.delete(embedding_table).where(embedding_table.c.content_id.in_(some)))
        view.connection.execute(sa.delete(content_table).where(_content.id.in_(some)))
    forget_neighbors(view, ids)
    for name, _ in _HELPERS:
        view.connection.exec_driver_sql(f"DROP INDEX {name}")
    view.connection.execute(sa.update(epoch_table).values(nonce=sa.func.randomblob(16)))
