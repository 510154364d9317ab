"""Folders that are watched: when photos in them are other than they were, and have come to rest."""

import os
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ..errors import ExtraMissing
from ..store.place import Mount, mounts_in, place_of, read_mounts
from .scan.ignore import is_photo_name
from .scan.walk import DEFAULT, Scan, ScanOptions, identity

# Photos are at rest when two looks so far apart find the same. Of a network drive the system may repeat for
# some seconds what it knew.
_REST_S, _NETWORK_REST_S = 2.0, 10.0
# What never comes to rest is taken as it is after this.
_PATIENCE_S = 60.0
# How often folders are looked at: where nothing tells of changes, and in any case.
_POLL_S, _DAILY_S = 60.0, 86_400.0
# However slow a drive is, looking takes no more than this share of the time.
_SHARE = 0.05
# How often to see whether a drive came or went, of which nothing tells.
_TICK_MS = 2_000
# Notices that come so close to each other are one.
_STEP_MS = 500


def notifier() -> ModuleType:
    """Return the package by which the system tells of changes.

    Raises:
        ExtraMissing: it is not installed.
    """
    try:
        import watchfiles
    except ImportError as error:
        raise ExtraMissing("watchfiles", "watchfiles") from error
    return watchfiles


@dataclass
class Watcher:
    """What is watched, and how.

    folders: real paths of folders, or of single photos; they may be away. store: the folder of the store,
    whose files are none of the photos. stop: ends the watch. tell: is told where nothing tells of changes.
    poll_s: look this often instead of being told of changes; None: only where nothing tells of them.
    """

    folders: Sequence[bytes]
    store: bytes
    stop: threading.Event
    tell: Callable[[str], None]
    scan: ScanOptions = DEFAULT
    poll_s: float | None = None

    def __post_init__(self) -> None:
        self._look_s = 0.0
        if self.poll_s is None:
            notifier()
            places = (place_of(os.fsdecode(folder)) for folder in self.folders)
            for place in (each for each in places if each.is_network):
                self._poll(
                    f"{place.folder} lies on a network drive ({place.kind}), which tells of no changes"
                )

    def changes(self) -> Iterator[None]:
        """Yield when photos are other than the last time and at rest, or do not come to rest.

        Once at the start, too: of what changed before nobody was told.
        """
        wakes = self._wakes()
        next(wakes, None)
        woken = time.monotonic()
        done = last = None
        while not self.stop.wait(self._rest_s):
            now = self._look()
            if now != done and (now == last or time.monotonic() - woken > _PATIENCE_S):
                done = now
                yield
            last = now
            if now == done:
                next(wakes, None)
                woken = time.monotonic()

    def _poll(self, why: str) -> None:
        """Look at the folders from now on, instead of being told of changes, and say why."""
        if self.poll_s is None:
            self.poll_s = _POLL_S
            self.tell(f"{why}: looking every {_POLL_S:g} s")

    @property
    def _rest_s(self) -> float:
        return _REST_S if self.poll_s is None else min(_NETWORK_REST_S, self.poll_s)

    @property
    def _every_s(self) -> float:
        return max(self.poll_s or _DAILY_S, self._look_s / _SHARE)

    def _look(self) -> int:
        """Return a number that stands for all photos as they are, and for what cannot be looked at."""
        began, seen = time.monotonic(), 0
        for folder in self.folders:
            scan = Scan(folder, self.scan, avoid=[self.store])
            for found in scan:
                if self.stop.is_set():
                    break
                seen = hash((seen, found))
            seen = hash((seen, *scan.problems, *sorted(scan.unread.items())))
        self._look_s = time.monotonic() - began
        return seen

    def _wakes(self) -> Iterator[None]:
        """Yield whenever a watch begins, when something may have changed, and after a while in any case."""
        while not self.stop.is_set():
            layout, looked = self._layout(), None
            for told in self._notices():
                now = time.monotonic()
                if told or looked is None or now - looked >= self._every_s:
                    looked = now
                    yield
                if self._layout() != layout:
                    break  # to watch what is there now

    def _layout(self) -> Hashable:
        """Return what tells whether a drive came or went."""
        mounts = (each for each in mounts_in(read_mounts()) if self._concerns(each))
        return (*map(identity, self.folders), *mounts)

    def _concerns(self, mount: Mount) -> bool:
        point = os.fsencode(mount.point)
        return any(point.startswith(os.path.join(folder, b"")) for folder in self.folders)

    def _notices(self) -> Iterator[Any]:
        """Yield what the system tells of, and something empty after each tick without."""
        there = [os.fsdecode(folder) for folder in self.folders if os.path.exists(folder)]
        if not there or self.poll_s is not None:
            yield from self._ticks()
            return
        try:
            yield from notifier().watch(
                *there,
                watch_filter=self._may_matter,
                debounce=_TICK_MS,
                step=_STEP_MS,
                stop_event=self.stop,
                rust_timeout=_TICK_MS,
                yield_on_timeout=True,
                force_polling=False,
                ignore_permission_denied=False,  # ignoring one error, it watches no folder after that
            )
        except (OSError, RuntimeError, UnicodeError) as error:
            # Too many folders, one that may not be read, or a name that is no text.
            self._poll(f"changes cannot be watched ({str(error).partition(' about ')[0]})")

    def _ticks(self) -> Iterator[Any]:
        while not self.stop.wait(min(_TICK_MS / 1000, self._every_s)):
            yield ()

    def _may_matter(self, _: Any, path: str) -> bool:
        """Tell whether a change may be one of photos: of a file named so, or of a folder."""
        if self.scan.all_files or is_photo_name(os.fsencode(path)):
            return True
        is_of_store = (path + os.sep).startswith(os.path.join(os.fsdecode(self.store), ""))
        return not is_of_store and not os.path.isfile(path)
