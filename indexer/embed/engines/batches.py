"""Pictures of one shape from several threads go through a network together."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ....store.records import Vectors
from ..preprocess import Pixels

Forward = Callable[[Pixels], Vectors]


@dataclass(slots=True, eq=False)
class _Waiting:
    """What one thread wants. done: set when there is an answer or an error."""

    pixels: Pixels
    done: threading.Event = field(default_factory=threading.Event)
    answer: Vectors | None = None
    error: BaseException | None = None


class Batches:
    """Gathers what threads ask for while the network is at work, and asks it for all of one shape at once.

    forward: from (n, H, W, 3) to (n, dim), called by one thread at a time. most: pictures at once; a thread
    that brings more gets them all in one call. Nobody waits for company: a picture that comes alone goes
    alone.
    """

    def __init__(self, forward: Forward, most: int) -> None:
        self._forward = forward
        self._most = most
        self._waiting: list[_Waiting] = []
        self._mutex = threading.Lock()
        self._at_work = threading.Lock()

    def run(self, batch: Pixels) -> Vectors:
        """Return the features of a batch of (n, H, W, 3) uint8 RGB, n at least 1, (n, dim) float32."""
        mine = _Waiting(batch)
        with self._mutex:
            self._waiting.append(mine)
        with self._at_work:  # whoever comes here first works for all that wait by then
            if not mine.done.is_set():
                self._work(self._taken(mine))
        if mine.error is not None:
            raise mine.error
        assert mine.answer is not None
        return mine.answer

    def _taken(self, mine: _Waiting) -> list[_Waiting]:
        """Take what goes together with a thread's pictures out of those that wait."""
        with self._mutex:
            taken, count = [mine], len(mine.pixels)
            for each in self._waiting:
                fits = (
                    each.pixels.shape[1:] == mine.pixels.shape[1:]
                    and count + len(each.pixels) <= self._most
                )
                if each is not mine and fits:
                    taken.append(each)
                    count += len(each.pixels)
            self._waiting = [each for each in self._waiting if each not in taken]
        return taken

    def _work(self, taken: list[_Waiting]) -> None:
        try:
            answers = self._forward(np.concatenate([each.pixels for each in taken]))
            ends = np.cumsum([len(each.pixels) for each in taken])[:-1]
            for each, answer in zip(taken, np.split(answers, ends), strict=True):
                each.answer = answer
        except BaseException as error:
            for each in taken:
                each.error = error
        finally:
            for each in taken:
                each.done.set()
