"""The index of a store in memory: kept up to date, made from the snapshot or the catalog, published."""

import logging
import threading

from .index import snapshot, tuning
from .index.exact import VectorIndex
from .index.ivf import ReducedIndex
from .index.search import AnyIndex
from .index.snapshot import Stamp
from .view import View

_log = logging.getLogger(__name__)

# Without a snapshot, a library of this size is loaded whole (0.5 GB): cheaper than an index that nobody
# keeps.
_MOST_LOADED = 200_000


class HeldIndex:
    """The index that a store answers with. Safe to use from several threads."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        # With the epoch and nonce that it is of.
        self._held: tuple[AnyIndex, int, str] | None = None
        self._mutex = threading.RLock()
        self._is_snapshot_bad = False

    def forget(self) -> None:
        """Let the index be made anew at the next question; the snapshot counts for nothing."""
        with self._mutex:
            self._held, self._is_snapshot_bad = None, True

    def at(self, view: View) -> AnyIndex:
        """Return the index of the view's epoch, from memory, the snapshot or the catalog."""
        with self._mutex:
            shared = self._held[0] if self._held else None
            index, epoch = self._base(view) or self._made(view)
            if epoch < view.epoch:
                # Others may be searching the index that is held: FAISS takes no change under a search.
                index = index.copy() if index is shared else index
                for ids, codes in view.vectors_since(epoch):
                    index.add(ids, codes)
            self._held = (index, *view.latest)
            return index

    def _base(self, view: View) -> tuple[AnyIndex, int] | None:
        """Return an index that lacks nothing but what came after an epoch, and this epoch."""
        if not (self._held and view.follows(*self._held[1:])):
            try:
                self._held = view.load_snapshot(self._folder)
            except ValueError as reason:
                _log.info("rebuilding the index from the catalog: %s", reason)
                self._is_snapshot_bad = True
                return None
        return self._held[:2]

    def _made(self, view: View) -> tuple[AnyIndex, int]:
        assert view.model is not None
        index = tuning.build(view) if view.count_embeddings() > _MOST_LOADED else None
        return (index, view.epoch) if index else (VectorIndex(view.model.spec.dim), 0)

    def to_publish(self, view: View, stop: threading.Event) -> tuple[Stamp, AnyIndex] | None:
        """Return what a snapshot of the view must hold; None when there is nothing to write.

        That of a large library is made where none fits, unless stop is set: a minute for a million photos.
        """
        stamp, count = view.stamp(), view.count_embeddings()
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

    def _built(self, view: View, stop: threading.Event) -> AnyIndex | None:
        # Not under the mutex: others search with what there is meanwhile.
        index = tuning.build(view, stop)
        if index:
            with self._mutex:
                self._held = (index, *view.latest)
        return index

    def published(self) -> None:
        """Hear that the snapshot is what it must be."""
        self._is_snapshot_bad = False
