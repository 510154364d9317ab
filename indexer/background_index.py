"""The index of a library that grows large, made in the background while its photos still come in."""

import logging
import threading

from ..errors import StoreError
from ..store.catalog.embeddings import count_embeddings
from ..store.index import tuning
from ..store.store import Store

_log = logging.getLogger(__name__)

# Each index serves until the library has twice as many photos as when it was begun.
_GROWTH = 2


class BackgroundIndex:
    """Makes snapshots of the index in a thread; use it as a context manager around the commits.

    stop: ends the making, too.
    """

    def __init__(self, store: Store, stop: threading.Event) -> None:
        self._store = store
        self._stop = stop
        self._thread: threading.Thread | None = None
        with store.reading() as view:
            self._count = count_embeddings(view)
        self._next = _GROWTH * max(self._count, tuning.MOST_EXACT)

    def __enter__(self) -> "BackgroundIndex":
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread:
            self._thread.join()

    def committed(self, photos: int) -> None:
        """Note that so many photos were added."""
        self._count += photos
        is_busy = self._thread is not None and self._thread.is_alive()
        if self._count >= self._next and not is_busy:
            self._next = _GROWTH * self._count
            self._thread = threading.Thread(target=self._publish, name="lookalike-index")
            self._thread.start()

    def _publish(self) -> None:
        try:
            self._store.publish(self._stop)
        except StoreError as error:  # the one at the end of the run will tell the user
            _log.warning("the index could not be made in the background: %s", error)
