"""Checks of a store, each with what was looked at and what was found."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import sqlalchemy as sa

from ...errors import StoreCorrupt, StoreError
from .. import lock
from ..catalog import knn
from ..catalog.contents import sorted_digests
from ..catalog.database import open_reader, store_errors
from ..catalog.embeddings import embedded_ids, units_of, vectors_since
from ..catalog.labels import taught_labels
from ..catalog.local_maps import check_maps
from ..catalog.photos import count_totals
from ..catalog.schema import embedding_table, epoch_table, file_table
from ..index import snapshot
from ..index.exact import VectorIndex
from ..index.parts import AnyIndex
from ..index.search import scored
from ..index.tuning import measure
from ..index_cache import check_stamp
from ..place import place_of
from ..store import Store
from ..view import View
from ..words import plural
from .mend import READ_AGAIN

# Vectors of a large index that are looked for, and the score from which on one was found.
_SOME = 1000
_SAME_VECTOR = 0.999

_LEAST_RECALL = 0.98

_RENEW = "delete index.json, and the next index run writes a new one"
_REMADE = "the next index run makes them again"
_REPAIR = "`lookalike repair` mends what can be mended"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. level: "ok", "note" (nothing is lost) or "broken"."""

    level: Literal["ok", "note", "broken"]
    what: str
    message: str

    @property
    def is_repairable(self) -> bool:
        """Whether nothing is lost, yet `repair` makes it better."""
        return self.level == "note" and self.what in ("index", "thumbnails")


def check_store(store: Store, *, deep: bool = True) -> Iterator[Finding]:
    """Yield the findings about a store, the most basic first; stops where going on makes no sense.

    deep: read every page, vector and thumbnail; else what is quick even for a large library.
    """
    try:
        catalog_findings = list(_check_catalog(store, deep))
        yield from catalog_findings
        if all(finding.level != "broken" for finding in catalog_findings):
            with store.reading() as view:
                if deep:
                    yield _check_vectors(view)
                    yield _check_maps(view)
                yield _check_taught(view)
                yield _check_index(store, view, deep)
                yield _check_thumbs(store, view) if deep else _count_thumbs(store, view)
        yield _check_folder(store.folder)
    except StoreError as error:
        yield Finding("broken", "store", str(error))


def check_sqlite() -> Finding:
    """Say whether this SQLite has the WAL-reset bug (3.7.0 to 3.51.2, fixed in some older lines)."""
    found = sqlite3.sqlite_version_info
    fixed = found >= (3, 51, 3) or (3, 50, 7) <= found < (3, 51) or (3, 44, 6) <= found < (3, 45)
    if fixed:
        return Finding("ok", "sqlite", sqlite3.sqlite_version)
    return Finding(
        "ok", "sqlite", f"{sqlite3.sqlite_version} (WAL-reset bug: held off, all writes share one lock)"
    )


def _check_catalog(store: Store, deep: bool) -> Iterator[Finding]:
    engine = open_reader(os.path.join(store.folder, "catalog.db"), fixed=store.outside is not None)
    with store_errors(store.folder), engine.begin() as connection:
        check = "integrity_check" if deep else "quick_check"
        damage = connection.exec_driver_sql(f"PRAGMA {check}(5)").scalars().all()
        if damage != ["ok"]:
            what = " ".join("; ".join(map(str, damage)).split())
            yield Finding("broken", "catalog", f"{what}; {_REPAIR}")
            return
        yield Finding("ok", "catalog", "the database is sound")
        strays = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        yield _judge(len(strays), "references", f"rows refer to others that are not there; {_REPAIR}")
        yield from _check_embeddings(connection)
        if deep:
            yield _check_neighborhoods(connection)
            yield _check_epochs(connection)
    engine.dispose()


def _judge(wrong: int, what: str, complaint: str) -> Finding:
    if wrong:
        return Finding("broken", what, f"{wrong:,} {complaint}")
    return Finding("ok", what, "all there")


def _check_embeddings(connection: sa.Connection) -> Iterator[Finding]:
    """See whether every photo with a file can be found, or will be embedded by the next index run."""
    file, present = file_table.c, file_table.c.state == "present"
    embedded = sa.select(embedding_table.c.content_id)
    lost = sa.or_(file.content_id.is_(None), file.content_id.not_in(embedded))
    question = sa.select(sa.func.count(), sa.func.sum(file.ctime_ns != READ_AGAIN)).where(present, lost)
    missing, unasked = connection.execute(question).one()
    total = connection.execute(sa.select(sa.func.count()).where(present)).scalar_one()
    if not missing:
        yield Finding("ok", "embeddings", "all there")
        return
    todo = _REPAIR if unasked else "the next `lookalike index` embeds again"
    yield Finding(
        "broken", "embeddings", f"{missing:,} of {plural(total, 'file')} without a vector; {todo}"
    )


def _check_neighborhoods(connection: sa.Connection) -> Finding:
    damaged = knn.count_damaged(View(connection))
    if not damaged:
        return Finding("ok", "neighborhoods", "as they were written")
    todo = f"searches do without them; {_REPAIR}, then `lookalike index`"
    return Finding("broken", "neighborhoods", f"damaged of {plural(damaged, 'photo')}; {todo}")


def _check_epochs(connection: sa.Connection) -> Finding:
    newest = connection.execute(sa.select(sa.func.max(epoch_table.c.epoch))).scalar_one() or 0
    ahead = sa.select(sa.func.count()).where(embedding_table.c.epoch > newest)
    wrong = connection.execute(ahead).scalar_one()
    return _judge(wrong, "epochs", f"vectors are of an epoch that never was; {_REPAIR}")


def _check_vectors(view: View) -> Finding:
    """Read every vector: right length, finite, unit."""
    count = bad = 0
    try:
        for _, codes in vectors_since(view, 0):
            with np.errstate(invalid="ignore", over="ignore"):  # what is damaged may be any number
                lengths = np.linalg.norm(codes.astype(np.float32), axis=1)
            count += len(codes)
            bad += int((~(np.abs(lengths - 1) < 0.01)).sum())
    except StoreCorrupt as error:
        return Finding("broken", "vectors", str(error))
    if bad:
        return Finding("broken", "vectors", f"{bad:,} of {plural(count, 'vector')} damaged; {_REPAIR}")
    return Finding("ok", "vectors", f"{plural(count, 'vector')} read and sound")


def _check_taught(view: View) -> Finding:
    try:
        count = len(taught_labels(view))
    except StoreCorrupt as error:
        return Finding("broken", "labels", str(error))
    return Finding("ok", "labels", f"{count:,} taught")


def _check_maps(view: View) -> Finding:
    """Read every local map; photos without one are only not found by a part of them."""
    bad, count = check_maps(view)
    if bad:
        what = f"{bad:,} of {plural(count, 'local map')} damaged; {_REPAIR}"
        return Finding("broken", "maps", what)
    return Finding("ok", "maps", f"{plural(count, 'local map')} read and sound")


def _check_index(store: Store, view: View, deep: bool) -> Finding:
    if store.outside is None:
        return check_snapshot(store, view) if deep else _glance_at_snapshot(store, view)
    index = view.index()  # the checksums of its files hold
    if deep and not _holds_its_vectors(index, view, view.epoch):
        return Finding("broken", "index", "it differs from the catalog; finish the data set again")
    return Finding("ok", "index", f"it holds {plural(len(index), 'vector')}")


def check_snapshot(store: Store, view: View) -> Finding:
    """Compare the snapshot with the catalog, vector by vector."""
    manifest = snapshot.read_manifest(store.folder)
    if manifest is None:
        return _no_snapshot(store)
    try:
        check_stamp(view, manifest.stamp)
        index = snapshot.load(store.folder, manifest)
    except ValueError as error:
        return Finding(
            "note",
            "index",
            f"{error}: it is not used; {_RENEW}",
        )
    if not _holds_its_vectors(index, view, manifest.stamp.epoch):
        return Finding(
            "broken",
            "index",
            "the snapshot differs from the catalog, whose checksums hold; delete index.json",
        )
    return Finding("ok", "index", f"the snapshot holds {plural(len(index), 'vector')}, as the catalog does")


def check_recall(store: Store, queries: int) -> Finding:
    """Compare what a search finds with what comparing all photos finds."""
    with store.reading() as view:
        try:
            found = measure(view, view.index(), queries)
        except ValueError as error:
            return Finding("note", "recall", f"not measured: {error}")
    measured = (
        f"recall@10 {found.recall:.4f} over {found.queries} photos, {1000 * found.seconds:.1f} ms a query"
    )
    if found.recall < _LEAST_RECALL:
        return Finding("note", "recall", f"{measured}: below {_LEAST_RECALL}; {_RENEW}")
    return Finding("ok", "recall", measured)


def _no_snapshot(store: Store) -> Finding:
    """Say what to do about no snapshot, or one that cannot be read; searches do without."""
    if snapshot.is_there(store.folder):
        return Finding("note", "index", f"there is no snapshot that can be read: it is not used; {_RENEW}")
    return Finding("note", "index", "there is no index snapshot yet: the next index run writes one")


def _glance_at_snapshot(store: Store, view: View) -> Finding:
    manifest = snapshot.read_manifest(store.folder)
    if manifest is None:
        return _no_snapshot(store)
    try:
        check_stamp(view, manifest.stamp)
        if not snapshot.is_current(store.folder, manifest):
            raise ValueError("the snapshot is not the file that was written")
    except ValueError as error:
        return Finding("note", "index", f"{error}: it is not used; {_RENEW}")
    return Finding("ok", "index", f"the snapshot holds {plural(manifest.count, 'vector')}")


def _holds_its_vectors(index: AnyIndex, view: View, until: int) -> bool:
    """Tell whether an index holds the vectors of the catalog up to an epoch, and finds them."""
    if isinstance(index, VectorIndex):
        return _is_prefix(index, view)
    if not np.array_equal(np.sort(index.ids()), embedded_ids(view, until)):
        return False
    ids = np.sort(index.ids()[:: max(1, len(index) // _SOME)])
    units = units_of(view, ids).astype(np.float32)
    # Not by their ids: several photos may have the same vector.
    return bool((scored(view, units, index.near(units, 8), 1).scores >= _SAME_VECTOR).all())


def _is_prefix(index: VectorIndex, view: View) -> bool:
    ids, codes, start = index.ids(), index.codes(), 0
    for block_ids, block in vectors_since(view, 0):
        stop = min(start + len(block_ids), len(ids))
        same_ids = np.array_equal(ids[start:stop], block_ids[: stop - start])
        if not same_ids or not np.array_equal(codes[start:stop], block[: stop - start]):
            return False
        start = stop
    return start == len(ids)


def _check_thumbs(store: Store, view: View) -> Finding:
    if not store.thumbs.is_sound():
        return Finding("note", "thumbnails", f"thumbs.db is damaged; {_REMADE}")
    lost = sum(1 for _ in store.thumbs.missing(sorted_digests(view, only_present=True)))
    if lost:
        return Finding("note", "thumbnails", f"{plural(lost, 'photo')} without one; {_REMADE}")
    bad = store.thumbs.count_damaged()
    if bad:
        return Finding("note", "thumbnails", f"damaged: {plural(bad, 'thumbnail')}; {_REMADE}")
    count, size = store.thumbs.totals()
    return Finding("ok", "thumbnails", f"{plural(count, 'thumbnail')}, {size / 1e6:,.1f} MB")


def _count_thumbs(store: Store, view: View) -> Finding:
    count, photos = store.thumbs.count(), count_totals(view).photos
    if count < photos:
        return Finding("note", "thumbnails", f"{plural(photos - count, 'photo')} without one; {_REMADE}")
    return Finding("ok", "thumbnails", plural(count, "thumbnail"))


def _check_folder(folder: str) -> Finding:
    """See whether others could slip something into the store; modes say nothing on Windows."""
    if os.name != "nt" and os.stat(folder).st_mode & 0o022:
        return Finding("note", "folder", f"others can write into {folder}; `chmod go-w` keeps them out")
    return Finding("ok", "folder", "only its owner can write into it")


def check_surroundings(folder: str) -> Iterator[Finding]:
    """Yield the findings about a store's folder that need no look into its databases."""
    yield _check_place(folder)
    yield _check_locks(folder)
    yield from _check_leftovers(folder)


def _check_place(folder: str) -> Finding:
    place = place_of(folder)
    kind = place.kind or "an unknown file system"
    said = f"{kind}, {place.free / 1e9:,.1f} GB free"
    if place.is_network:
        return Finding(
            "note",
            "place",
            f"{said}: a network drive, where a database can be damaged; move it to this machine",
        )
    if place.syncer:
        return Finding(
            "note",
            "place",
            f"{said}: {place.syncer} may copy it while it is written; keep it elsewhere, or `backup`",
        )
    return Finding("ok", "place", said)


def _check_locks(folder: str) -> Finding:
    said = []
    for name in ("store", "indexing"):
        try:
            holder = lock.holder_of(folder, name)
        except OSError:
            return Finding("ok", "locks", "this user cannot write to the store")
        if holder:
            said.append(f"{name}: held by {holder}")
    return Finding("ok", "locks", "; ".join(said) or "nobody writes to it now")


def _check_leftovers(folder: str) -> Iterator[Finding]:
    names = sorted(os.listdir(folder))
    left = [name for name in names if name.endswith(".tmp")]
    if left:
        yield Finding(
            "note",
            "leftovers",
            f"{plural(len(left), 'file')} of a killed writer, for the next one to remove",
        )
    kept = [
        name for name in names if ".damaged-" in name or ".before-restore-" in name or name.endswith(".bak")
    ]
    if kept:
        size = sum(os.path.getsize(os.path.join(folder, name)) for name in kept)
        yield Finding(
            "ok", "kept", f"older databases of {size / 1e6:,.1f} MB, yours to remove: {', '.join(kept)}"
        )
