"""Making the index of a large library, and tuning its search by measured recall."""

import threading
import time
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from ..catalog.embeddings import embedded_ids, units_of, vectors_since
from ..progress import NEVER
from ..records import Codes
from ..view import View
from .exact import Ids, VectorIndex
from .ivf import ReducedIndex, Tuning
from .parts import AnyIndex, PartedIndex
from .search import Truth, recall, scored, search

# Up to here all vectors are compared: 10,000 take 2.2 ms on one thread, and twice as many twice that.
MOST_EXACT = 20_000

# An index is made anew when the library is so many times what it was made for.
_GROWTH = 2

_POINTS_PER_LIST = 64
_MOST_LISTS = 1024
_QUERIES = 256
_NEIGHBORS = 10
_LEAST_RECALL = 0.995
_DEPTH, _MOST_DEPTH = 64, 1024
_BLOCK = 4096

Nominating = TypeVar("Nominating", ReducedIndex, PartedIndex)


def fits(index: AnyIndex, count: int) -> bool:
    """Tell whether an index is the right one for so many photos."""
    if isinstance(index, VectorIndex):
        return count <= MOST_EXACT
    return MOST_EXACT < count <= _GROWTH * index.tuning.trained


def build(view: View, stop: threading.Event = NEVER) -> ReducedIndex | None:
    """Make an index of all photos: reads every vector once, and a sample of them before.

    Memory: 250 bytes a photo, and 300 MB at most for the sample. None when it was stopped.
    """
    if stop.is_set():
        return None
    trained, truth = _trained(view)
    return _filled(view, trained, truth, stop)


def build_parts(view: View, size: int, stop: threading.Event = NEVER) -> PartedIndex | None:
    """Make an index of all photos as `build` does, in parts of so many photos."""
    if stop.is_set():
        return None
    trained, truth = _trained(view)
    return _filled(view, PartedIndex(trained, size, [], trained.tuning), truth, stop)


def _trained(view: View) -> tuple[ReducedIndex, Truth]:
    """Return an empty index for the photos, and the queries that it is tuned by."""
    ids = embedded_ids(view)
    lists = min(_MOST_LISTS, max(1, int(np.sqrt(len(ids)))))
    sample = _sample(view, ids, _POINTS_PER_LIST * lists)
    queries = sample[:: -(-len(sample) // _QUERIES)].astype(np.float32)
    return ReducedIndex.train(sample, lists), Truth(queries, _NEIGHBORS + 1)


def _filled(view: View, index: Nominating, truth: Truth, stop: threading.Event) -> Nominating | None:
    for block, codes in vectors_since(view, 0):
        if stop.is_set():
            return None
        index.add(block, codes)
        truth.see(codes)
    index.tuning = _tuned(view, index, truth)
    return index


def _sample(view: View, ids: Ids, count: int) -> Codes:
    some = np.sort(np.random.default_rng(0).permutation(ids)[:count])
    starts = range(0, len(some), _BLOCK)
    return np.concatenate([units_of(view, some[start : start + _BLOCK]) for start in starts])


def _tuned(view: View, index: Nominating, truth: Truth) -> Tuning:
    """Return the least effort with which the queries find enough of what they should."""
    depth = _DEPTH
    while depth < _MOST_DEPTH and _try(view, index, truth, index.lists, depth).recall < _LEAST_RECALL:
        depth *= 2
    probes = 1
    while (tuning := _try(view, index, truth, probes, depth)).recall < _LEAST_RECALL:
        if probes == index.lists:
            break
        probes = min(probes + (probes + 1) // 2, index.lists)
    return tuning


def _try(view: View, index: Nominating, truth: Truth, probes: int, depth: int) -> Tuning:
    index.tuning = Tuning(len(index), probes, depth, 0)
    found = scored(view, truth.units, index.near(truth.units, depth), _NEIGHBORS + 1)
    return replace(index.tuning, recall=recall(truth, found.scores))


@dataclass(frozen=True, slots=True)
class Measured:
    """What an index finds. recall: recall@10 against comparing all; seconds: of a query, the median."""

    queries: int
    recall: float
    seconds: float


def measure(view: View, index: AnyIndex, queries: int) -> Measured:
    """Ask an index for the neighbors of so many photos of the library, one after the other.

    Raises:
        ValueError: there are fewer than two photos.
    """
    ids = embedded_ids(view)
    if len(ids) < 2:
        raise ValueError("fewer than two photos are indexed")
    units = _sample(view, ids, queries).astype(np.float32)
    truth = Truth(units, min(_NEIGHBORS + 1, len(ids)))
    for _, codes in vectors_since(view, 0):
        truth.see(codes)
    scores, seconds = [], []
    for unit in units:
        began = time.perf_counter()
        scores.append(search(view, index, unit[None], truth.scores.shape[1]).scores)
        seconds.append(time.perf_counter() - began)
    return Measured(len(units), recall(truth, np.concatenate(scores)), float(np.median(seconds)))
