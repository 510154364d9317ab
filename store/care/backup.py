"""A backup is one file: the catalog, the thumbnails if wanted, and at its end what they should be.

    catalog.db | thumbs.db or nothing | manifest as JSON | its length, 8 bytes | a mark of 16 bytes

SQLite takes the file for the catalog: even without lookalike it can be read.
"""

import contextlib
import dataclasses
import json
import os
import sqlite3
from dataclasses import dataclass
from typing import BinaryIO

from blake3 import blake3

from ...errors import StoreCorrupt, StoreTooNew, StoreUnwritable, UsageError
from .. import store as opening
from ..catalog import migrations, schema
from ..catalog.database import back_up, open_writer, store_errors
from ..catalog.pairs import all_decisions
from ..catalog.photos import count_totals
from ..files import is_shared, temporary_beside
from ..own_files import OwnFile
from ..place import check_unused, need_room
from ..store import Store
from .mend import begin_history
from .repair import is_sound
from .swap import alone, swap_in

_MARK = b"lookalike backup"
_FORMAT = 1
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """A database within the backup. size: bytes. blake3: of these bytes, hex."""

    size: int
    blake3: str


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup says of itself. store: the uuid of the store. version: the format of its catalog."""

    format: int
    store: str
    version: int
    made_at: str
    photos: int
    decisions: int
    catalog: Part
    thumbs: Part | None = None


def backup(store: Store, path: str, *, thumbnails: bool = False) -> Backup:
    """Write the store as it is now into one file, whole or not at all; others may go on writing to it.

    Raises:
        UsageError: there is something at path that is no backup.
        StoreUnwritable: there is no room for it.
    """
    path = os.path.abspath(path)
    BACKUP.check(path)
    parts = ["catalog.db", *(["thumbs.db"] if thumbnails else [])]
    sizes = [os.path.getsize(os.path.join(store.folder, part)) for part in parts]
    need_room(os.path.dirname(path), sum(sizes) + max(sizes), f"the backup {path}")
    if is_shared(os.path.dirname(path)):
        need_room(store.folder, max(sizes), f"the backup {path}")
    with BACKUP.replaced(path) as out:
        return _write(store, parts, out)


def _write(store: Store, parts: list[str], out: BinaryIO) -> Backup:
    written = []
    for name in parts:  # the catalog first: each of its photos has its thumbnail by then
        source = os.path.join(store.folder, name)
        # SQLite opens files by name: not where another file may have that by then.
        beside = source if is_shared(os.path.dirname(out.name)) else out.name
        with store_errors(store.folder), temporary_beside(beside) as copy:
            back_up(source, copy)
            written.append(_append(copy, out))
    with Store.open(store.folder) as now_store, now_store.reading() as view:
        photos, decisions = count_totals(view).photos, sum(1 for _ in all_decisions(view))
        uuid = view.uuid
    made = Backup(_FORMAT, uuid, _version_of(out), schema.now(), photos, decisions, *written)
    text = json.dumps(dataclasses.asdict(made)).encode()
    out.write(text + len(text).to_bytes(8, "little") + _MARK)
    return made


def _append(path: str, target: BinaryIO) -> Part:
    checksum, size = blake3(), 0
    with open(path, "rb") as source:
        while block := source.read(_BLOCK):
            checksum.update(block)
            target.write(block)
            size += len(block)
    return Part(size, checksum.hexdigest())


def _version_of(backup: BinaryIO) -> int:
    backup.seek(60)  # where SQLite keeps user_version
    version = int.from_bytes(backup.read(4), "big")
    backup.seek(0, os.SEEK_END)
    return version


def _is_marked(path: str) -> bool:
    with open(path, "rb") as source:
        source.seek(-len(_MARK), os.SEEK_END)
        return source.read() == _MARK


BACKUP = OwnFile("backup", _is_marked, mode=0o600, failure=StoreUnwritable)


def backup_at(path: str) -> Backup | None:
    """Return what a backup at path says of itself, None where there is none; nothing is checked."""
    try:
        # A pipe or a device might never answer.
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as source:
            return _manifest(source, path)
    except (OSError, UsageError, StoreCorrupt, StoreTooNew):
        return None


def read_backup(path: str) -> Backup:
    """Return what a backup says of itself, after a look at every byte of it.

    Raises:
        UsageError: it is no backup, or cannot be read.
        StoreCorrupt: it is damaged.
        StoreTooNew: a newer lookalike made it.
    """
    try:
        with open(path, "rb") as source:
            made = _manifest(source, path)
            source.seek(0)
            for part in filter(None, (made.catalog, made.thumbs)):
                if _checksum(source, part.size) != part.blake3:
                    raise StoreCorrupt(
                        f"the backup {path} is damaged: its checksum differs; take another one"
                    )
    except OSError as error:
        raise UsageError(f"cannot read the backup {path}: {error.strerror}") from error
    return made


def _manifest(source: BinaryIO, path: str) -> Backup:
    size = os.fstat(source.fileno()).st_size
    tail = len(_MARK) + 8
    source.seek(max(0, size - tail))
    length, mark = int.from_bytes(source.read(8), "little"), source.read()
    if size <= tail or mark != _MARK or length > size - tail:
        raise UsageError(f"{path} is no backup of a lookalike store, or it was cut short")
    source.seek(size - tail - length)
    try:
        fields = json.loads(source.read(length))
        if fields["format"] > _FORMAT or fields["version"] > schema.SCHEMA_VERSION:
            raise StoreTooNew(f"a newer lookalike made the backup {path}; update lookalike to restore it")
        thumbs = Part(**fields.pop("thumbs")) if fields.get("thumbs") else fields.pop("thumbs")
        made = Backup(**{**fields, "catalog": Part(**fields["catalog"]), "thumbs": thumbs})
        whole = made.catalog.size + (thumbs.size if thumbs else 0) + length + tail == size
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StoreCorrupt(f"the backup {path} is damaged: its record cannot be read") from error
    if not whole:
        raise StoreCorrupt(f"the backup {path} is damaged: it was cut short or added to")
    return made


def _checksum(source: BinaryIO, size: int) -> str:
    checksum = blake3()
    while size and (block := source.read(min(size, _BLOCK))):
        checksum.update(block)
        size -= len(block)
    return checksum.hexdigest()


def restore(path: str, folder: str, lock_timeout_s: float = 10) -> str | None:
    """Put the store of a backup in the place of the one in folder; return where that one is kept now.

    The catalog that was there stays beside as catalog.db.before-restore-TIME. None: there was none.

    Raises:
        UsageError, StoreCorrupt, StoreTooNew: see `read_backup`, or other files lie in the folder; nothing
            was changed.
        StoreLocked, StoreUnwritable: see errors.py; nothing was changed.
    """
    made, folder = read_backup(path), os.path.abspath(folder)
    check_unused(folder)
    opening.make_folder(folder)
    size = made.catalog.size + (made.thumbs.size if made.thumbs else 0)
    need_room(folder, 2 * size, f"restoring {path}")
    target = os.path.join(folder, "catalog.db")
    with alone(folder, lock_timeout_s), temporary_beside(target) as temporary:
        _extract(path, 0, made.catalog.size, temporary)
        if not is_sound(temporary):
            raise StoreCorrupt(f"the catalog in the backup {path} is damaged; take another one")
        _renew(temporary, folder)
        if made.thumbs:
            _restore_thumbs(path, made, folder)
        kept = swap_in(temporary, target, "before-restore")
    with Store.open(folder, write=True, lock_timeout_s=lock_timeout_s) as store:
        store.publish()
    return kept


def _extract(path: str, start: int, size: int, target: str) -> None:
    try:
        with open(path, "rb") as source, open(target, "r+b") as out:
            source.seek(start)
            while size and (block := source.read(min(size, _BLOCK))):
                out.write(block)
                size -= len(block)
    except OSError as error:
        raise StoreUnwritable(f"cannot restore {path}: {error.strerror}; nothing was changed") from error


def _renew(path: str, folder: str) -> None:
    """Bring a catalog up to date, and give it a history that no snapshot lying around is of."""
    engine = open_writer(path, schema.PAGE_SIZE)
    try:
        with store_errors(folder), engine.begin() as connection:
            migrations.migrate(connection)
            begin_history(connection)
        raw = engine.raw_connection()
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        raw.close()
    finally:
        engine.dispose()
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()


def _restore_thumbs(path: str, made: Backup, folder: str) -> None:
    assert made.thumbs is not None
    target = os.path.join(folder, "thumbs.db")
    with temporary_beside(target) as temporary:
        _extract(path, made.catalog.size, made.thumbs.size, temporary)
        swap_in(temporary, target, None)
