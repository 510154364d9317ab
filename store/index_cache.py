"""The vector index in memory: kept up to date, made from the snapshot or the catalog, published."""

import logging
import threading

from .catalog.embeddings import count_embeddings, vectors_since
from .index import snapshot, tuning
from .index.exact import VectorIndex
from .index.ivf import OneIndex, ReducedIndex
from .index.snapshot import Stamp
from .view import View

_log = logging.getLogger(__name__)

# Without a snapshot, a library of this size is loaded whole (0.5 GB): cheaper than an index that nobody
# keeps.
_MOST_LOADED = 200_000


class IndexCache:
    """The vector index of a store. Safe to use from several threads."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        # With the epoch and nonce that it is of.
        self._held: tuple[OneIndex, int, str] | None = None
        self._mutex = threading.RLock()
        self._is_snapshot_bad = False

    def forget(self) -> None:
        """Make the index anew from the catalog when it is next asked for; the snapshot is ignored."""
        with self._mutex:
            self._held, self._is_snapshot_bad = None, True

    def at(self, view: View) -> OneIndex:
        """Return the index of the view's epoch, from memory, the snapshot or the catalog."""
        with self._mutex:
            shared = self._held[0] if self._held else None
            index, epoch = self._base(view) or self._made(view)
            if epoch < view.epoch:
                # Others may be searching the index that is held: FAISS takes no change under a search.
                index = index.copy() if index is shared else index
                for ids, codes in vectors_since(view, epoch):
                    index.add(ids, codes)
            self._held = (index, *view.latest)
            return index

    def _base(self, view: View) -> tuple[OneIndex, int] | None:
        """Return an index that lacks nothing but what came after an epoch, and this epoch."""
        if not (self._held and view.follows(*self._held[1:])):
            try:
                self._held = load_snapshot(view, self._folder)
            except ValueError as reason:
                _log.info("rebuilding the index from the catalog: %s", reason)
                self._is_snapshot_bad = True
                return None
        return self._held[:2]

    def _made(self, view: View) -> tuple[OneIndex, int]:
        assert view.model is not None
        index = tuning.build(view) if count_embeddings(view) > _MOST_LOADED else None
        return (index, view.epoch) if index else (VectorIndex(view.model.spec.dim), 0)

    def to_publish(self, view: View, stop: threading.Event) -> tuple[Stamp, OneIndex] | None:
        """Return stamp and index of the snapshot to write; None when there is nothing to write.

        For a large library it is made if none fits (a minute for a million photos), unless stop is set.
        """
        stamp, count = stamp_of(view), count_embeddings(view)
        recipe = ReducedIndex.RECIPE if count > tuning.MOST_EXACT else VectorIndex.RECIPE
        is_published = snapshot.is_published(self._folder, stamp, recipe) if stamp else True
        if stamp is None or (is_published and not self._is_snapshot_bad):
            return None
        index = (
            self.at(view)
            if count <= tuning.MOST_EXACT or self._fits(view, count)
            else self._built(view, stop)
        )
        return (stamp, index) if index else None

    def _fits(self, view: View, count: int) -> bool:
        with self._mutex:
            base = self._base(view)
        return base is not None and tuning.fits(base[0], count)

    def _built(self, view: View, stop: threading.Event) -> OneIndex | None:
        # Not under the mutex: others search with what there is meanwhile.
        index = tuning.build(view, stop)
        if index:
            with self._mutex:
                self._held = (index, *view.latest)
        return index

    def published(self) -> None:
        """Take note that the snapshot was written."""
        self._is_snapshot_bad = False


def stamp_of(view: View) -> Stamp | None:
    """Return the stamp of a snapshot of this view; None when nothing was indexed."""
    if view.model is None or view.epoch == 0:
        return None
    return Stamp(view.uuid, view.model.spec.fingerprint, *view.latest)


def check_stamp(view: View, stamp: Stamp) -> None:
    """Check that a snapshot with this stamp belongs to the history of this store.

    Raises:
        ValueError: it does not; the message says why.
    """
    if stamp.store != view.uuid:
        raise ValueError("the snapshot belongs to another store")
    if view.model is None or stamp.fingerprint != view.model.spec.fingerprint:
        raise ValueError("the snapshot is of another model")
    if (stamp.epoch, stamp.nonce) != view.latest and not view.has_epoch(stamp.epoch, stamp.nonce):
        raise ValueError("the snapshot is of a state that the catalog never had")


def load_snapshot(view: View, folder: str) -> tuple[OneIndex, int, str]:
    """Return the published index with its epoch and nonce (hex).

    Raises:
        ValueError: there is none that can be trusted; the message says why.
    """
    manifest = snapshot.read_manifest(folder)
    if manifest is None:
        raise ValueError("there is no snapshot")
    check_stamp(view, manifest.stamp)
    index = snapshot.load(folder, manifest)
    if len(index) != count_embeddings(view, manifest.stamp.epoch):
        raise ValueError("the snapshot is not complete")
    return index, manifest.stamp.epoch, manifest.stamp.nonce
