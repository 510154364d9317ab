"""The order in which pairs are proved: what is known of a photo serves all its pairs, and is let go.

What a proof makes of a photo costs more than the pair, and takes memory.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence

Waiting = tuple[int, int, float]  # with the cosine

# Pairs of a job: a tenth of a second's work.
CHUNK = 32


def together(pairs: Sequence[Waiting]) -> list[Waiting]:
    """Order pairs so that those that hang together follow each other, and all pairs of a photo stand close.

    Photos are counted outwards from the first of those that hang together (as by Cuthill and McKee, 1969),
    and a pair stands at its later photo: a few hundred photos in memory are then enough to make each once.
    """
    place = _places(pairs)
    return sorted(pairs, key=lambda pair: sorted((place[pair[0]], place[pair[1]]), reverse=True))


def _places(pairs: Sequence[Waiting]) -> dict[int, int]:
    near = defaultdict[int, list[int]](list)
    for a, b, _ in pairs:
        near[a].append(b)
        near[b].append(a)
    place: dict[int, int] = {}
    for photo in _outwards(near):
        place.setdefault(photo, len(place))
    return place


def _outwards(near: dict[int, list[int]]) -> Iterator[int]:
    """Yield the photos, each with those around it before what is farther away."""
    met: set[int] = set()
    for start in sorted(near):
        waiting = deque([start] if start not in met else [])
        met.add(start)
        while waiting:
            photo = waiting.popleft()
            yield photo
            around = sorted(set(near[photo]) - met)
            met.update(around)
            waiting.extend(around)


class Parts:
    """Ordered pairs in parts, one for each who proves: nobody makes what another one has made.

    Whoever is done with his own part helps with the one of which most is left. Safe to use from several
    threads.
    """

    def __init__(self, pairs: Sequence[Waiting], count: int) -> None:
        chunks = [list(pairs[start : start + CHUNK]) for start in range(0, len(pairs), CHUNK)]
        cuts = [round(part * len(chunks) / count) for part in range(count + 1)]
        self._parts = [deque(chunks[cuts[part] : cuts[part + 1]]) for part in range(count)]
        self._mutex = threading.Lock()
        self.n_chunks = len(chunks)

    def next(self, part: int) -> list[Waiting]:
        """Return the next pairs for who has this part; one who asks `n_chunks` times in all gets some."""
        with self._mutex:
            if self._parts[part]:
                return self._parts[part].popleft()
            return max(self._parts, key=len).pop()
