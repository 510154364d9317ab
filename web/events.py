"""What happens while the page is open, told to every page: with numbers, so that none is missed."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from ..store.documents import Row, dumps

_KEPT = 256
_HEARTBEAT_S = 15.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. kind: "job", "groups", "review" or "runs"; "missed": some were lost."""

    number: int
    kind: str
    fields: Row

    def text(self) -> bytes:
        """Return it as a stream of server-sent events has it."""
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.number, self.kind.encode(), dumps(self.fields))


@dataclass(eq=False)
class Events:
    """The last events, and the streams that wait for more. number: of the last one."""

    number: int = 0
    _kept: "deque[Event]" = field(default_factory=lambda: deque(maxlen=_KEPT))
    _mutex: threading.Lock = field(default_factory=threading.Lock)
    _waiting: "set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]" = field(default_factory=set)
    _is_closed: bool = False

    def tell(self, kind: str, fields: Row | None = None) -> None:
        """Tell every page; from any thread."""
        with self._mutex:
            self.number += 1
            self._kept.append(Event(self.number, kind, fields or {}))
        self._wake()

    def close(self) -> None:
        """End all streams."""
        self._is_closed = True
        self._wake()

    def _wake(self) -> None:
        with self._mutex:
            for loop, waker in self._waiting:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(waker.set)

    def after(self, number: int) -> list[Event]:
        """Return the events after a number; where some are forgotten, "missed" comes first."""
        with self._mutex:
            found = [each for each in self._kept if each.number > number]
            is_missed = number > self.number or (found and found[0].number > number + 1)
            return [Event(self.number, "missed", {})] if is_missed else found

    async def stream(self, last: int | None) -> AsyncIterator[bytes]:
        """Yield events as they happen, from the one after `last` on; None: from now on."""
        waker = asyncio.Event()
        place = (asyncio.get_running_loop(), waker)
        with self._mutex:
            self._waiting.add(place)
            seen = self.number if last is None else last
        try:
            yield b": hello\n\n"
            while not self._is_closed:
                waker.clear()
                for event in self.after(seen):
                    yield event.text()
                    seen = event.number
                try:
                    await asyncio.wait_for(waker.wait(), _HEARTBEAT_S)
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            with self._mutex:
                self._waiting.discard(place)
