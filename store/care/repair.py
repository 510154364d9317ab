"""Recovering a damaged store: what can be read is saved, what can be computed again is computed again."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from ...errors import StoreCorrupt, StoreError, StoreTooNew, StoreTooOld
from .. import store as opening
from ..catalog import schema
from ..catalog.database import open_writer, quoted, store_errors
from ..catalog.pairs import all_decisions
from ..catalog.photos import count_totals
from ..files import temporary_beside
from ..index import snapshot
from ..place import need_room
from ..store import Store
from ..words import plural
from .mend import Mended, begin_history, mend
from .salvage import Fits, copy_table, damaged
from .swap import alone, swap_in
from .thumbs import renew_thumbs

# In this order a row finds what it refers to.
_TABLES = (
    "model",
    "store",
    "root",
    "content",
    "file",
    "embedding",
    "epoch",
    "photo_hash",
    "pair",
    "decision",
    "crasher",
    "folded",
    "neighborhood",
    "taught",
    "local_map",
)
_DIGEST = 32


@dataclass(slots=True)
class Repaired:
    """What was done. said: sentences for people, each about what was saved, lost or computed again.

    kept: path of the damaged catalog now, None when it was sound. photos, decisions: numbers in the store
    now.
    """

    said: list[str] = field(default_factory=list)
    kept: str | None = None
    mended: Mended = field(default_factory=Mended)
    photos: int = 0
    decisions: int = 0


def damage_of(folder: str) -> list[str]:
    """Return what is wrong with a store, as sentences; [] when it is whole.

    Raises:
        StoreMissing, StoreTooNew, StoreUnwritable, StoreLocked: it cannot be looked at, whole or not.
    """
    from .checks import check_store

    opening.check_there(folder)
    try:
        with Store.open(folder) as store:
            return [
                f"{each.what}: {each.message}"
                for each in check_store(store, deep=True)
                if each.level == "broken" or each.is_repairable
            ]
    except StoreCorrupt as error:
        return [f"catalog: {error}"]


def repair(folder: str, lock_timeout_s: float = 10) -> Repaired:
    """Recover a damaged store as far as possible; a sound one is left unchanged.

    The damaged catalog is kept beside as catalog.db.damaged-TIME and never removed.

    Raises:
        StoreCorrupt: nothing of the catalog can be read, or it is some other program's file.
        StoreLocked, StoreTooNew, StoreUnwritable: see errors.py; nothing was changed.
    """
    folder = os.path.abspath(folder)
    opening.check_there(folder)
    done = Repaired()
    with alone(folder, lock_timeout_s):
        if not is_sound(os.path.join(folder, "catalog.db")):
            _replace_catalog(folder, done)
        renewed = renew_thumbs(folder)
        if renewed:
            done.said.append(renewed)
    _mend(folder, done, lock_timeout_s)
    return done


def is_sound(path: str) -> bool:
    """Tell whether SQLite finds a catalog sound to the last page."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quoted(path)}?mode=ro", uri=True)) as connection:
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            whole = connection.execute("PRAGMA integrity_check(1)").fetchall() == [("ok",)]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return False
    return whole and (application == schema.APPLICATION_ID or tables > 0 or application != 0)


def _replace_catalog(folder: str, done: Repaired) -> None:
    path = os.path.join(folder, "catalog.db")
    need_room(folder, int(os.path.getsize(path) * 1.1) + (1 << 20), "saving what can be read")
    with temporary_beside(path) as temporary:
        counts = _save_rows(path, temporary)
        with store_errors(folder), _writing(temporary) as connection:
            done.mended = mend(connection)
            begin_history(connection)
        if not is_sound(temporary):
            raise StoreCorrupt(f"what could be read of {path} makes no sound catalog; restore a backup")
        done.kept = swap_in(temporary, path, "damaged")
    done.said += _in_words(counts)
    done.said.append(f"the damaged catalog is kept as {done.kept}")


def _save_rows(path: str, target_path: str) -> dict[str, tuple[int, int]]:
    """Copy all rows that can be read into a new catalog; return rows saved and row ids lost by table."""
    with store_errors(os.path.dirname(path)), _writing(target_path) as connection:
        schema.create(connection)
        connection.execute(sa.delete(schema.store_table))
    counts = {}
    try:
        with damaged(path) as source, contextlib.closing(sqlite3.connect(target_path)) as target:
            _refuse_foreign(source, path)
            for name in _TABLES:
                columns = [column.name for column in schema.tables.tables[name].columns]
                counts[name] = copy_table(source, target, name, columns, _fits(columns))
            target.commit()
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise StoreCorrupt(
            f"nothing of {path} can be read ({error}); it is left unchanged: restore a backup with "
            "`lookalike restore FILE`, or index into a new store"
        ) from error
    if not any(saved for saved, _ in counts.values()):
        raise StoreCorrupt(
            f"nothing of {path} can be read; it is left unchanged: restore a backup, or index anew"
        )
    return counts


def _refuse_foreign(source: sqlite3.Connection, path: str) -> None:
    application = source.execute("PRAGMA application_id").fetchone()[0]
    if application == schema.FORMER_ID:
        raise StoreTooOld(f"{path} was made before the first release; index into a new store")
    if application not in (schema.APPLICATION_ID, 0):
        raise StoreCorrupt(f"{path} is some other program's database (application id {application:#x})")
    if source.execute("PRAGMA user_version").fetchone()[0] > schema.SCHEMA_VERSION:
        raise StoreTooNew(f"{path} is of a newer lookalike, which alone can repair it; update lookalike")


def _fits(columns: list[str]) -> Fits:
    """Return a test of a row's digests: SQLite cannot tell a damaged one."""
    digests = [place for place, name in enumerate(columns) if name in ("digest", "pixel_digest")]

    def fits(row: Sequence[Any]) -> bool:
        return all(isinstance(row[place], bytes) and len(row[place]) == _DIGEST for place in digests)

    return fits


_NOUNS = {
    "decision": "decision",
    "content": "photo",
    "embedding": "vector",
    "file": "file",
    "pair": "proof",
}


def _in_words(counts: dict[str, tuple[int, int]]) -> list[str]:
    told = ((noun, *counts[table]) for table, noun in _NOUNS.items())
    return [f"{plural(saved, noun)} saved{_lost(lost)}" for noun, saved, lost in told]


def _lost(lost: int) -> str:
    return f", up to {lost:,} lost" if lost else ""


@contextlib.contextmanager
def _writing(path: str) -> Iterator[sa.Connection]:
    """Give a transaction on a catalog of ours that nobody else has open; references are not enforced."""
    engine = open_writer(path, schema.PAGE_SIZE)
    try:
        with engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None
            raw.cursor().execute("PRAGMA foreign_keys = OFF")
            with connection.begin():
                yield connection
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            raw.cursor().execute("PRAGMA journal_mode = DELETE").fetchall()
    finally:
        engine.dispose()


def _mend(folder: str, done: Repaired, lock_timeout_s: float) -> None:
    """Mend the rows of the catalog, and write the snapshot anew where it is wrong."""
    with Store.open(folder, write=True, lock_timeout_s=lock_timeout_s) as store:
        with store.writing() as view:
            view.connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            mended = mend(view.connection)
        done.mended = mended if mended.total else done.mended
        done.said += _mended_in_words(done.mended)
        _renew_snapshot(store, done)
        with store.reading() as view:
            done.photos = count_totals(view).photos
            done.decisions = sum(1 for _ in all_decisions(view))


def _mended_in_words(mended: Mended) -> list[str]:
    said = []
    if mended.vectors:
        said.append(
            plural(mended.vectors, "photo lost its vector", "photos lost their vectors")
            + ": the next `lookalike index` embeds again"
        )
    if mended.records:
        said.append(
            f"lost what was known of {plural(mended.records, 'file')}; `lookalike index` reads again"
        )
    if mended.strays:
        said.append(
            f"forgotten: {plural(mended.strays, 'file')} of a folder that is not known any more; index it"
        )
    if mended.pairs:
        said.append(
            f"dropped: {plural(mended.pairs, 'comparison')} with lost photos; `lookalike dupes` repeats"
        )
    if mended.taught:
        said.append(f"damaged and gone: {plural(mended.taught, 'taught label')}; teach again")
    if mended.maps:
        said.append(
            f"dropped: {plural(mended.maps, 'damaged local map')}; `lookalike index --regions` makes others"
        )
    return said


def _renew_snapshot(store: Store, done: Repaired) -> None:
    from .checks import check_snapshot

    with store.reading() as view:
        finding = check_snapshot(store, view)
    if finding.level != "ok":
        with contextlib.suppress(StoreError):
            with store.exclusive():
                snapshot.withdraw(store.folder)
            store.forget_index()
            store.publish()
            done.said.append("the snapshot of the index was made anew from the catalog")
