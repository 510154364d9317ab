"""The store: catalog, vector index and thumbnails as one thing."""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from ..errors import SpecMismatch, StoreCorrupt, StoreError, StoreMissing, StoreTooNew, StoreUnwritable
from . import lock
from .catalog import (
    contents,
    embeddings,
    files,
    folders,
    hashes,
    holdings,
    local_maps,
    migrations,
    pairs,
    schema,
)
from .catalog.crashers import learn_crashers
from .catalog.database import ask_once, fold_log, open_reader, open_writer, store_errors
from .catalog.functions import add_functions
from .columns import Columns
from .index import snapshot
from .index.parts import AnyIndex
from .index_cache import IndexCache
from .place import check_new, check_unused
from .progress import NEVER
from .records import FileResult, Root, Told
from .spec import EmbedderSpec
from .thumbs import ColumnThumbs, Thumbs
from .view import View, spec_from

_CLOSING_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Outside:
    """What of a library lies outside of its store's folder.

    name: where the library is, for people. index_at: returns the vector index at a view's epoch; whoever
    gives it keeps it. size: bytes of all of it. notes: what to know of searches in it, a sentence each.
    """

    name: str
    columns: Columns
    index_at: Callable[[View], AnyIndex]
    size: int = 0
    notes: tuple[str, ...] = ()


class Store:
    """One folder that holds a library: `catalog.db` is the truth, the rest can be made again.

    Readers take no lock and see one epoch from the start to the end of a `reading` block. Every write
    is one transaction under a kernel lock. Safe to use from several threads.
    """

    def __init__(
        self, folder: str, *, writable: bool, lock_timeout_s: float, outside: Outside | None = None
    ) -> None:
        self.folder = folder
        self.outside = outside
        self.lock_timeout_s = lock_timeout_s
        self._catalog = os.path.join(folder, "catalog.db")
        # A catalog with columns elsewhere is published once, under a name of its own.
        self._reader = open_reader(self._catalog, add_functions, fixed=outside is not None and not writable)
        self._writer = open_writer(self._catalog, schema.PAGE_SIZE) if writable else None
        self._inode = inode_of(self._catalog)
        self._is_closed = False
        self._identity: tuple[str, str | None] | None = None
        self._open = contextlib.ExitStack()
        self._index = IndexCache(folder)
        self._index_at = outside.index_at if outside else self._index.at
        self._columns = outside.columns if outside else None

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str],
        *,
        create: bool = False,
        write: bool = False,
        lock_timeout_s: float = 10,
        outside: Outside | None = None,
    ) -> "Store":
        """Open the store in folder.

        create: make it when there is none, and open it for writing. write: open it for writing.
        outside: what of it lies elsewhere.

        Raises:
            StoreMissing: there is none, and create is False.
            UsageError: create is True, there is none, and other files lie in the folder.
            StoreTooNew, StoreTooOld, StoreCorrupt, StoreUnwritable, StoreLocked: see errors.py.
        """
        folder = os.path.abspath(os.fspath(folder))
        if create:
            if outside is None:
                check_unused(folder)
            make(folder)
        else:
            check_there(folder)
        store = cls(folder, writable=create or write, lock_timeout_s=lock_timeout_s, outside=outside)
        try:
            with store_errors(folder):
                store._begin(create or write)
        except BaseException:
            store._open.close()
            raise
        return store

    def _begin(self, write: bool) -> None:
        # The reader looks first: it leaves a file of some other program as it is.
        version = self._version(reading=not write)
        if version > schema.SCHEMA_VERSION:
            self._check_model()
        if write:
            self._prepare()
        elif version < 1:
            raise StoreMissing(f"the store in {self.folder} is empty; index some photos")
        else:
            self.thumbs = self._thumbs(writable=False)

    def _thumbs(self, *, writable: bool) -> Thumbs:
        if self._columns is None:
            return Thumbs(self.folder, writable=writable)
        return ColumnThumbs(self._columns, self._ids_of)

    def _ids_of(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        with self.reading() as view:
            return contents.ids_of(view, digests)

    def _prepare(self) -> None:
        self._open.enter_context(lock.sharing(self.folder, self.lock_timeout_s))
        with self.exclusive():
            migrations.keep_copy(self._catalog, self._version(reading=False))
            # Before the catalog: whoever finds that whole finds the thumbnails' table, too.
            self.thumbs = self._thumbs(writable=True)
            with self._writer_engine.begin() as connection:
                migrations.migrate(connection)
            snapshot.sweep_temporary(self.folder)

    def _version(self, *, reading: bool) -> int:
        raw = self._reader.raw_connection()
        try:
            return schema.version_of(cast("sqlite3.Connection", raw.driver_connection), reading=reading)
        finally:
            raw.close()

    def _check_model(self) -> None:
        """Check that this program knows the kind of embedder that a newer one recorded."""
        try:
            _ = self.spec
        except StoreCorrupt as error:
            raise StoreTooNew(f"a newer lookalike made this store ({error}); update lookalike") from error

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files; a store that was written to folds its log back into catalog.db."""
        self._is_closed = True
        # The reader goes first: the last connection folds the log back, and it must be able to write.
        self._reader.dispose()
        if self._writer is not None:
            # Folding writes, and all writes share the lock; whoever holds it now will fold later.
            with contextlib.suppress(StoreError), lock.held(self.folder, "store", _CLOSING_TIMEOUT_S):
                self.thumbs.fold()
                fold_log(self._writer)
            self._writer.dispose()
        self.thumbs.close()
        self._open.close()

    # --- writing ------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Where the library is, for people: the folder of the store, or the place of a data set."""
        return self.outside.name if self.outside else self.folder

    @property
    def is_writable(self) -> bool:
        """Whether it was opened for writing."""
        return self._writer is not None

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreError(f"the store {self.folder} was closed; open it again")

    @property
    def _writer_engine(self) -> sa.Engine:
        self._check_open()
        if self._writer is None:
            raise StoreUnwritable(
                f"the store {self.folder} was opened for reading only; open it with write=True"
            )
        return self._writer

    def exclusive(self) -> contextlib.AbstractContextManager[None]:
        """Hold off all writes by others for the block."""
        return lock.held(self.folder, "store", self.lock_timeout_s)

    def forget_index(self) -> None:
        """Build the index anew from the catalog when it is next asked for; the snapshot is ignored."""
        self._index.forget()

    def indexing(self) -> contextlib.AbstractContextManager[None]:
        """Hold off other index runs for the block (StoreLocked: one is running); short writes pass."""
        return lock.held(self.folder, "indexing", self.lock_timeout_s)

    @contextlib.contextmanager
    def writing(self) -> Iterator[View]:
        """Give a view that takes changes: the block is one transaction under the store's lock."""
        with self.exclusive(), store_errors(self.folder), self._writer_engine.begin() as connection:
            yield View(connection, self._index_at, self._columns)

    def use_spec(self, spec: EmbedderSpec) -> None:
        """Fix the embedder of this store, or check that it is the one it has.

        Raises:
            SpecMismatch: the store holds embeddings of another one.
        """
        with self.writing() as view:
            if view.model is None:
                embeddings.set_model(view, spec)
            elif view.model.spec != spec:
                raise SpecMismatch(
                    f"the store {self.folder} was made with {view.model.spec.difference(spec)}; "
                    "embeddings of different kinds cannot be compared: leave the option away, "
                    "or use another store"
                )

    def commit(self, root: Root, results: Sequence[FileResult]) -> None:
        """Add a batch of results to the library in one transaction.

        Raises:
            StoreLocked, StoreUnwritable: see errors.py; nothing of the batch was added.
        """
        photos = [result.photo for result in results if result.photo]
        with self.writing() as view:
            # First the thumbnails: a row of the catalog never names one that is not there.
            self.thumbs.put((photo.content.digest, photo.thumbnail) for photo in photos)
            if photos:
                ids = embeddings.put_photos(view, embeddings.bump_epoch(view), photos)
                local_maps.put_maps(view, ids, photos)
                holdings.put_holdings(view, ids, [photo.content for photo in photos])
            files.put_files(view, root, results)
            learn_crashers(view, results)

    def settle(
        self,
        root: Root,
        *,
        absent: Sequence[int],
        excluded: Sequence[int],
        returned: Sequence[int],
        resolved: Sequence[int] = (),
        devices: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        """Record the end of a scan.

        absent, excluded, returned: row ids of files that are missing, left out, or back unchanged.
        resolved: of files that could not be looked at before and could now; nothing is kept of them.
        devices: device numbers by row id, of unchanged files whose device is not the recorded one.
        """
        with self.writing() as view:
            files.set_state(view, absent, "absent")
            files.set_state(view, excluded, "excluded")
            files.restore_state(view, returned)
            files.forget_problems(view, resolved)
            files.set_devices(view, devices)
            folders.mark_scanned(view, root)

    def put_sidecars(self, root: Root, rows: Sequence[Told]) -> None:
        """Record what the sidecars of files say."""
        with self.writing() as view:
            files.put_sidecars(view, root, rows)

    def note_unread(self, root: Root, unread: Mapping[str, int]) -> None:
        """Record how many files of which kinds a scan of the whole root passed over."""
        with self.writing() as view:
            folders.set_unread(view, root, unread)

    def add_root(self, path: bytes) -> tuple[Root, bytes]:
        """Make a folder part of the library; return its root and its path below that root."""
        with self.writing() as view:
            return folders.ensure_root(view, path)

    def put_comparison(
        self, compared: hashes.StoredHashes, candidates: npt.NDArray[np.int64], cosines: Sequence[float]
    ) -> None:
        """Record which photos were compared, and the pairs to be proved. candidates: (m, 2) ids."""
        with self.writing() as view:
            hashes.put_hashes(view, compared)
            hashes.put_candidates(view, candidates, cosines)

    def put_proofs(self, verifier: int, proofs: Sequence[pairs.JudgedPair]) -> None:
        """Record verdicts with their evidence."""
        with self.writing() as view:
            pairs.put_proofs(view, verifier, proofs)

    def publish(self, stop: threading.Event = NEVER) -> None:
        """Write a snapshot of the vector index, unless the newest one is up to date.

        The index of a large library is made if need be; meanwhile searches use the one there is. stop: set
        it in another thread to end early without a snapshot.
        """
        if self._columns is not None:
            return
        with store_errors(self.folder), self.reading() as view:
            made = self._index.to_publish(view, stop)
        if made is None:
            return
        stamp, index = made
        with self.writing() as view:
            try:
                snapshot.publish(self.folder, stamp, index)
            except OSError as error:
                raise StoreUnwritable(
                    f"cannot write the index of {self.folder}: {error.strerror}; nothing is lost, "
                    "it will be rebuilt from the catalog; free some space"
                ) from error
            embeddings.trim_epochs(view, stamp.epoch)
        self._index.published()

    # --- reading ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def reading(self) -> Iterator[View]:
        """Give a view of the store as it is now; later commits do not change it."""
        self._check_open()
        self._follow()
        with store_errors(self.folder), self._reader.begin() as connection:
            view = View(connection, self._index_at, self._columns)
            self._identity = view.identity
            yield view

    def _follow(self) -> None:
        """Open the catalog anew when another one was put in its place."""
        inode = inode_of(self._catalog)
        if inode not in (self._inode, (0, 0)):  # what cannot be looked at is no other file
            self._reader.dispose()
            self._inode, self._identity = inode, None

    def knows(self, digest: bytes) -> bool:
        """Tell whether the content is embedded by the current model, as of the last commit."""
        with store_errors(self.folder):
            return ask_once(self._reader, contents.EMBEDDED_ID, (digest,))

    def digests_without_thumbnail(self) -> set[bytes]:
        """Return the contents whose thumbnail was lost; an index run makes it again."""
        with self.reading() as view:
            # Enough in all but the rarest cases, and much cheaper than comparing them one by one.
            if self.thumbs.count() >= contents.count_contents(view):
                return set()
            return set(self.thumbs.missing(contents.sorted_digests(view)))

    def rels_without(self, root: Root, lost: set[bytes]) -> set[bytes]:
        """Return the present files (below a root) that hold one of these contents."""
        if not lost:
            return set()
        with self.reading() as view:
            return {rel for rel, digest in files.present_digests(view, root) if digest in lost}

    @property
    def uuid(self) -> str:
        """The random name that it was born with."""
        return self._known()[0]

    @property
    def spec(self) -> EmbedderSpec | None:
        """The embedder of this store; None before the first index run."""
        text = self._known()[1]
        return None if text is None else spec_from(text)

    def _known(self) -> tuple[str, str | None]:
        """Return the identity that was read last: once there is an embedder, it stays."""
        self._follow()
        if self._identity is None or self._identity[1] is None:
            with self.reading() as view:
                return view.identity
        return self._identity


def check_there(folder: str) -> None:
    """Check that there is a store, and that this user may read it.

    Raises:
        StoreMissing: there is none. StoreError: it may not be read.
    """
    path = os.path.join(folder, "catalog.db")
    try:
        os.stat(path)
        is_readable = os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)
    except PermissionError:
        is_readable = False
    except OSError:
        raise StoreMissing(
            f"there is no store in {folder}; `lookalike index YOUR_PHOTOS --store {folder}` makes one, and "
            "so does create=True in Python"
        ) from None
    if not is_readable:
        raise StoreError(
            f"no permission to read the store in {folder}; run this as the user whom it belongs "
            "to, or have that user give you access"
        )


def make(folder: str) -> None:
    """Make the folder and an empty catalog that only its owner can read, unless they are there.

    Raises:
        StoreUnwritable: that cannot be done there, or it is a network drive.
    """
    make_folder(folder)
    try:
        for name in ("catalog.db", "thumbs.db"):
            # Closing a database's file drops the locks of SQLite in this process: only what is not there.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(os.path.join(folder, name), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnwritable(
            f"cannot make a store in {folder}: {error.strerror}; choose another place for the store"
        ) from error


def make_folder(folder: str) -> None:
    """Make the folder of a store, which its owner alone can read, unless there is a store in it.

    Raises:
        StoreUnwritable: that cannot be done there, or it is a network drive.
    """
    if os.path.exists(os.path.join(folder, "catalog.db")):
        return
    check_new(folder)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreUnwritable(
            f"cannot make a store in {folder}: {error.strerror}; choose another place for the store"
        ) from error


def inode_of(path: str) -> tuple[int, int]:
    """Return device and inode of a file; (0, 0) when it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)
