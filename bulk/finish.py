"""From the results of units to a data set that is searched where it lies.

All is made in a folder of work beside a copy of the former catalog, then put in its place, and named by a
record that is written last. A run that is stopped or killed is continued by the next one.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ..errors import StoreCorrupt, StoreError, StoreLocked, StoreUnwritable
from ..store.catalog.contents import newest_id
from ..store.catalog.embeddings import count_embeddings, vectors_since
from ..store.files import discard_folder, write_atomic
from ..store.index import snapshot, tuning
from ..store.index.exact import VectorIndex
from ..store.index.ivf import OneIndex
from ..store.index.parts import AnyIndex, PartedIndex
from ..store.knn_graph import update_graph
from ..store.lock import held
from ..store.place import place_of
from ..store.progress import UNWATCHED, Watch
from ..store.store import Outside, Store
from ..store.view import View
from .dataset import DataSet, sweep_unfinished
from .finished import Finished, KeptFile, KeptIndex, load_index, name_of, newest, publish, read
from .lance_columns import GrowingColumns
from .open import COLUMNS, Nearby, cache_folder, not_finished

# 2 GB: what one machine makes in minutes, and what an addition fetches and writes again.
PART_SIZE = 10_000_000

_log = logging.getLogger(__name__)

TakeIn = Callable[[Store], object]


@dataclass(frozen=True, slots=True)
class FinishOptions:
    """How to finish. part_size: photos of a part of the index. rerank: find the neighborhoods of photos."""

    part_size: int = PART_SIZE
    rerank: bool = True


DEFAULT_FINISH = FinishOptions()


@dataclass(frozen=True, slots=True)
class FinishReport:
    """What was finished. new: photos since the state before. is_done: False when it was stopped."""

    photos: int
    new: int
    parts: int
    recall: float | None
    is_done: bool


def finish(
    data: DataSet,
    take_in: TakeIn,
    options: FinishOptions = DEFAULT_FINISH,
    watch: Watch = UNWATCHED,
) -> FinishReport:
    """Bring the finished state of a data set up to date.

    take_in: brings a store up to date with the units; what it commits is kept if this is stopped.

    Raises:
        StoreLocked: another process finishes it. StoreCorrupt, StoreUnwritable, UsageError: see errors.py.
    """
    sweep_unfinished(data.place)
    home = data.place.at("store")
    base = _base(data)
    os.makedirs(base, mode=0o700, exist_ok=True)
    with held(base, "finish", 0):
        former = newest(home)
        work = _Work(data, os.path.join(base, "work"), former)
        work.prepare()
        with work.opened() as store:
            take_in(store)
            work.columns.commit()
            made = None if watch.is_stopped else _finished(work, store, options, watch)
        if made is None:
            return FinishReport(len(work.columns), len(work.columns) - _photos(former), 0, None, False)
        made = replace(
            made, catalog=work.put(os.path.join(work.folder, "catalog.db"), f"{made.number:08d}/catalog.db")
        )
        work.columns.keep(_tag(made.number), _tag(made.number - 1))
        if not publish(home, made):
            raise StoreLocked(f"another machine finished {data.place.url} meanwhile; finish it again")
        _sweep(work, made, former)
    found = made.index.tuning.recall if made.index.tuning else None
    return FinishReport(made.photos, made.photos - _photos(former), len(made.index.parts), found, True)


def amend(data: DataSet, change: TakeIn, watch: Watch = UNWATCHED) -> FinishReport:
    """Publish a finished data set with a change of its catalog, such as proofs of copies.

    change: writes to its store; photos, index and columns stay as they are.

    Raises:
        StoreMissing: it is not finished. Others: see `finish`.
    """
    former = newest(data.place.at("store"))
    if former is None:
        raise not_finished(data)
    return finish(data, change, FinishOptions(former.index.part_size, former.is_ranked), watch)


def _photos(former: Finished | None) -> int:
    return former.photos if former else 0


def _tag(number: int) -> str:
    return f"finished-{number}"


def _base(data: DataSet) -> str:
    """Return the folder to work in: that of the result, or the cache where no database can lie there."""
    path = data.place.at("store").path
    return cache_folder(data) if path is None or place_of(data.place.url).is_network else path


class _Work:
    """The folder of work: a store that grows, and what belongs to it.

    is_grown: whether its index is the former one with more photos.
    """

    def __init__(self, data: DataSet, folder: str, former: Finished | None) -> None:
        self.data = data
        self.folder = folder
        self.former = former
        self.home = data.place.at("store")
        self.is_grown = False
        self._index: AnyIndex | None = None

    def prepare(self) -> None:
        """Make the folder, unless a run that was stopped left it for the same former state."""
        mark = os.path.join(self.folder, "after")
        after = name_of(self.former.number) if self.former else "nothing"
        try:
            with open(mark, encoding="ascii") as file:
                is_fit = file.read() == after
        except OSError:
            is_fit = False
        if not is_fit:
            discard_folder(self.folder)
            os.makedirs(self.folder, mode=0o700)
            if self.former:
                self.home.fetch(self.former.catalog.name, os.path.join(self.folder, "catalog.db"))
            write_atomic(mark, lambda out: out.write(after.encode("ascii")))
        self.columns = GrowingColumns.open(
            f"{self.home.url}/{COLUMNS}",
            self.data.spec.dim,
            self.former.columns if self.former else 0,
            os.path.join(self.folder, "columns"),
        )

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """Give the store for the block; after it all is in catalog.db."""
        outside = Outside(self.data.place.url, self.columns, self._at)
        with Store.open(self.folder, create=True, outside=outside) as store:
            store.use_spec(self.data.spec)
            with store.reading() as view:
                self.columns.resume(newest_id(view))
            yield store
        if os.path.exists(os.path.join(self.folder, "catalog.db-wal")):
            raise StoreLocked(f"another process has {self.folder} open; let it end, then finish again")

    def _at(self, view: View) -> AnyIndex:  # noqa: ARG002 - nobody else commits
        assert self._index is not None, "it is made before neighborhoods are found"
        return self._index

    def set_index(self, index: AnyIndex) -> None:
        """Let views have this index."""
        self._index = index

    def put(self, path: str, name: str, count: int = 0) -> KeptFile:
        """Put a file into the data set under a new name."""
        with open(path, "rb") as source:
            checksum = snapshot.checksum_of(source)
        self.home.put_file(path, name)
        return KeptFile(name, os.path.getsize(path), checksum, count)

    def put_index(self, index: OneIndex, name: str) -> KeptFile:
        """Put an index into the data set, its name made unique."""
        path = os.path.join(self.folder, "index.new")
        try:
            size, checksum = snapshot.write_file(path, index)
        except OSError as error:
            raise StoreUnwritable(f"cannot write {path}: {error.strerror}; free some space") from error
        kept = KeptFile(f"index/{name}-{checksum[:16]}.faiss", size, checksum, len(index))
        self.home.put_file(path, kept.name)
        return kept


def _finished(work: _Work, store: Store, options: FinishOptions, watch: Watch) -> Finished | None:
    """Make the index and the neighborhoods; return the record without its catalog, None when stopped."""
    with store.reading() as view:
        if view.model is None or not count_embeddings(view):
            raise StoreError(
                f"nothing to finish in {work.data.place.url}: no unit has a photo; run its units"
            )
        index = _grown(work, view, options) or _made(work, view, options, watch.stop)
    if index is None:
        return None
    work.set_index(index)
    kept = _kept(work, index, options)
    if options.rerank:
        update_graph(store, watch)
    if watch.is_stopped:
        return None
    with store.reading() as view:
        return Finished(
            number=work.former.number + 1 if work.former else 1,
            uuid=view.uuid,
            dim=index.dim,
            epoch=view.epoch,
            photos=len(work.columns),
            catalog=KeptFile("", 0, ""),
            columns=work.columns.version,
            columns_size=work.columns.size,
            index=kept,
            is_ranked=options.rerank,
        )


def _grown(work: _Work, view: View, options: FinishOptions) -> AnyIndex | None:
    """Return the former index with the new photos in it; None where it is not the right one any more."""
    former = work.former
    if former is None or former.index.part_size != options.part_size:
        return None
    try:
        index = load_index(former, Nearby(work.home, os.path.dirname(work.folder)).path_of)
    except StoreCorrupt as error:
        _log.warning("%s", error)
        return None
    if not tuning.fits(index, count_embeddings(view)):
        return None
    for ids, codes in vectors_since(view, former.epoch):
        index.add(ids, codes)
    work.is_grown = True
    return index


def _made(work: _Work, view: View, options: FinishOptions, stop: threading.Event) -> AnyIndex | None:
    """Return an index of all photos; None when it was stopped."""
    if count_embeddings(view) > tuning.MOST_EXACT:
        return tuning.build_parts(view, options.part_size, stop)
    exact = VectorIndex(work.data.spec.dim)
    for ids, codes in vectors_since(view, 0):
        exact.add(ids, codes)
    return exact


def _kept(work: _Work, index: AnyIndex, options: FinishOptions) -> KeptIndex:
    """Put an index into the data set; parts that are there already stay as they are."""
    if not isinstance(index, PartedIndex):
        return KeptIndex(index.RECIPE, (work.put_index(index, "exact"),), None, options.part_size, None)
    before: tuple[KeptFile, ...] = ()
    if work.is_grown and work.former is not None:
        trained, before = work.former.index.trained, work.former.index.parts
    else:
        trained = work.put_index(index.trained, "trained")
    parts = [
        before[at]
        if at < len(before) and before[at].count == len(part)
        else work.put_index(part, f"part-{at:04d}")
        for at, part in enumerate(index.parts)
    ]
    return KeptIndex(index.trained.RECIPE, tuple(parts), trained, index.size, index.tuning)


def _sweep(work: _Work, made: Finished, former: Finished | None) -> None:
    """Remove what neither this state nor the one before has, which somebody may be reading."""
    discard_folder(work.folder)
    if former is None or former.number < 2:
        return
    oldest = read(work.home, name_of(former.number - 1))
    kept = {file.name for file in [*made.files, *former.files]}
    work.home.remove(name_of(oldest.number))
    for file in oldest.files:
        if file.name not in kept:
            work.home.remove(file.name)
