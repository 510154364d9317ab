"""Keeping the neighborhoods of a library up to date as photos come in and copies are proven.

The neighbors of new photos are found, and the new photos are offered to those; then mutual neighbors are
found again wherever they may have changed. Every step commits: a run that is stopped can be continued.
"""

import threading
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .catalog.embeddings import count_embeddings, embedded_ids
from .catalog.knn import (
    NEIGHBORS,
    Neighborhoods,
    empty,
    forget_neighborhoods,
    neighborhoods_of,
    proven_copies,
    put_neighborhoods,
    unsettle,
    unsettled_ids,
    with_other_copies,
    without_neighborhood,
)
from .catalog.recent_units import RecentUnits
from .index import search
from .index.exact import Ids, Neighbors
from .progress import NO_PROGRESS, UNWATCHED, Watch
from .records import Vectors
from .store import Store
from .view import View

_BLOCK = 1024  # photos that look for their neighbors, and are committed, together
# More are asked for: the photo itself and copies do not count.
_SPARE = 8
_MANY = 16 * NEIGHBORS  # for the few photos of which there are more copies
# A new photo may be among the nearest of one that is not among its own.
_OFFERED = 4 * NEIGHBORS
# Vectors kept of those that were compared: 256 MB of 1,280 numbers each.
_RECENT = 100_000

Copies = Mapping[int, int]
Flags = npt.NDArray[np.bool_]


def update_graph(store: Store, watch: Watch = UNWATCHED) -> int:
    """Find the neighbors of photos that have none yet; return how many photos that were.

    The caller holds off index runs.
    """
    with store.reading() as view:
        if view.model is None:
            return 0
        waiting = _waiting(view)
        copies = proven_copies(view) if len(waiting) else {}
        order = _side_by_side(view, waiting)
        recent = RecentUnits(min(_RECENT, count_embeddings(view)), view.model.spec.dim)
    # One block takes a moment: nothing to watch.
    progress = watch.progress if len(waiting) > _BLOCK else NO_PROGRESS
    if len(waiting):
        progress.begin("comparing photos", len(waiting))
    done = 0
    for start in range(0, len(waiting), _BLOCK):
        if watch.is_stopped:
            return done
        some = np.sort(order[start : start + _BLOCK])
        _place(store, some, waiting, copies, recent)
        done += len(some)
        progress.advance(len(some), 0)
    _settle(store, watch.stop)
    return done


def _waiting(view: View) -> Ids:
    """Return the ids of photos without a neighborhood, and of those that new copies change, ascending."""
    changed = with_other_copies(view)
    around = neighborhoods_of(view, changed).neighbors.ravel()
    again = np.concatenate([changed, around])
    if len(again):
        again = np.intersect1d(again, embedded_ids(view))
    return np.union1d(without_neighborhood(view), again)


def _side_by_side(view: View, waiting: Ids) -> Ids:
    """Return ids in the order of the lists of the index: such photos share many candidates."""
    if len(waiting) <= _BLOCK or view.index().is_exact:
        return waiting
    listed = view.index().ids()
    first = listed[np.isin(listed, waiting)]
    return np.concatenate([first, np.setdiff1d(waiting, first)])


def _place(store: Store, some: Ids, waiting: Ids, copies: Copies, recent: RecentUnits) -> None:
    """Find the neighbors of some photos, and offer them to those of these that are not waiting."""
    with store.reading() as view:
        is_growth = len(waiting) < count_embeddings(view)
        found = _nearest(view, some, _OFFERED if is_growth else NEIGHBORS + _SPARE + 1, recent)
        placed = _without_copies(some, found, copies)
        short = (placed.neighbors[:, -1] == 0) & (found.ids[:, -1] >= 0)
        if short.any():
            more = _without_copies(some[short], _nearest(view, some[short], _MANY, recent), copies)
            placed.neighbors[short], placed.scores[short] = more.neighbors, more.scores
        before = neighborhoods_of(view, some)
        others = neighborhoods_of(view, np.setdiff1d(found.ids[found.ids >= 0], waiting))
        changed, dropped = _offered(others, placed.same_as, found)
    with store.writing() as view:
        put_neighborhoods(view, placed, settled=False)
        put_neighborhoods(view, changed, settled=False)
        unsettle(view, np.concatenate([before.neighbors.ravel(), dropped]))


def _nearest(view: View, ids: Ids, k: int, recent: RecentUnits) -> Neighbors:
    units = recent.of(view, ids).astype(np.float32)
    return search.roughly(view, view.index(), units, k, recent.of)


def _without_copies(ids: Ids, found: Neighbors, copies: Copies) -> Neighborhoods:
    """Return the first NEIGHBORS of each photo that are neither a copy of it nor of one before."""
    placed = empty(ids)
    placed.same_as[:] = [copies.get(each, each) for each in ids.tolist()]
    rows = zip(placed.same_as.tolist(), found.ids.tolist(), found.scores.tolist(), strict=True)
    for place, (same_as, others, scores) in enumerate(rows):
        best: dict[int, float] = {}
        for other, score in zip(others, scores, strict=True):
            stands = copies.get(other, other)
            if stands not in best and stands != same_as and other >= 0:
                best[stands] = score
        count = min(len(best), NEIGHBORS)
        placed.neighbors[place, :count] = list(best)[:count]
        placed.scores[place, :count] = list(best.values())[:count]
    return placed


def _offered(others: Neighborhoods, stands: Ids, found: Neighbors) -> tuple[Neighborhoods, Ids]:
    """Return the neighborhoods of others that new photos come into, and the ids that leave them.

    stands: (n,), what stands for each new photo. found: (n, k), what is near it.
    """
    offers: dict[int, dict[int, float]] = {}
    places, are_known = others.places(found.ids)
    # As near as the last counts, and of copies the nearest: so the order in which photos come does not.
    is_nearer = are_known & (found.scores >= others.reach[places]) if len(others) else are_known
    for row, column in np.argwhere(is_nearer).tolist():
        place, stand = int(places[row, column]), int(stands[row])
        if stand != others.same_as[place]:
            offered = offers.setdefault(place, {})
            offered[stand] = max(float(found.scores[row, column]), offered.get(stand, -1.0))
    changed, dropped = [], list[int]()
    neighbors, scores = others.neighbors.copy(), others.scores.copy()
    for place, offered in offers.items():
        had = {i: s for i, s in zip(neighbors[place].tolist(), scores[place].tolist(), strict=True) if i}
        merged = {each: max(offered.get(each, -1.0), had.get(each, -1.0)) for each in offered | had}
        best = sorted(merged.items(), key=lambda each: (-each[1], each[0]))[:NEIGHBORS]
        left = had.keys() - dict(best)
        if dict(best) == had:
            continue
        changed.append(place)
        dropped += left
        neighbors[place, : len(best)] = [each for each, _ in best]
        scores[place, : len(best)] = [score for _, score in best]
    rows = np.sort(np.array(changed, np.int64))
    mutual = np.zeros((len(rows), NEIGHBORS), np.bool_)
    came = Neighborhoods(others.ids[rows], others.same_as[rows], neighbors[rows], scores[rows], mutual)
    return came, np.array(dropped, np.int64)


def _settle(store: Store, stop: threading.Event) -> None:
    """Find out which neighbors have a photo among their own, of all of which that is not known."""
    while not stop.is_set():
        with store.reading() as view:
            asked = unsettled_ids(view, _BLOCK)
            some = neighborhoods_of(view, asked)
            reach = _reach(view, some.neighbors)
        if not len(asked):
            return
        mutual = (some.neighbors > 0) & (some.scores >= reach)
        settled = Neighborhoods(some.ids, some.same_as, some.neighbors, some.scores, mutual)
        with store.writing() as view:
            put_neighborhoods(view, settled, settled=True)
            # What is damaged is found anew by the next run.
            forget_neighborhoods(view, np.setdiff1d(asked, some.ids))


def _reach(view: View, ids: Ids) -> Vectors:
    """Return the score at which each photo's own neighbors end, 2 where nothing is known of it."""
    found = neighborhoods_of(view, ids[ids > 0])
    places, are_known = found.places(ids)
    reach = np.full(ids.shape, 2, np.float32)
    reach[are_known] = found.reach[places[are_known]]
    return reach
