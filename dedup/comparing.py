"""Compare the photos that are new with the whole library: neighbors, hashes, pairs worth a proof."""

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..indexer.executor import ThreadExecutor
from ..store.pairs import Look
from ..store.store import Store
from ..store.vectors import Ids
from .copyspace import copy_space
from .hashes import Hashes, dct_hash
from .nominate import Candidates, nominate
from .pictures import Thumbnail, stored_thumbnails

NO_HASH = (bytes(32), 0)
_BLOCK = 64  # thumbnails read at once


@dataclass(frozen=True, slots=True)
class _Compared:
    """The visible photos, and which of them were never compared. units: (n, dim) fp16."""

    ids: Ids
    units: npt.NDArray[np.float16]
    is_new: npt.NDArray[np.bool_]
    hashes: dict[int, tuple[bytes, int]]
    fingerprint: str


def compare_new(store: Store, stop: threading.Event | None = None) -> int:
    """Nominate the pairs of every photo that was not compared yet; return how many photos that were.

    Neighbors and pairs are committed together: what is nominated will be proved, now or later.
    """
    state = _state(store)
    if state is None or not state.is_new.any():
        return 0
    fresh = [int(each) for each in state.ids[state.is_new]]
    hashes = state.hashes | dict(zip(fresh, hash_photos(store, fresh), strict=True))
    if stop is not None and stop.is_set():
        return 0
    ordered = [hashes.get(int(each), NO_HASH) for each in state.ids]
    bits = np.frombuffer(b"".join(each for each, _ in ordered), dtype=np.uint8).reshape(-1, 32)
    quality = np.array([each for _, each in ordered], dtype=np.int64)
    space = copy_space(state.fingerprint, state.units)
    found = nominate(state.ids, state.units, Hashes.of(bits, quality), space, new=state.is_new)
    store.put_comparison(_looks(found, hashes), found.pairs, found.cosine.tolist())
    return len(fresh)


def _state(store: Store) -> _Compared | None:
    """Return what is to be compared; None where nothing is new."""
    with store.reading() as view:
        visible = view.visible_ids()
        compared = np.fromiter(view.compared_ids(), dtype=np.int64)
        # Most runs find nothing new: they need not load the index to learn that.
        if view.model is None or np.isin(visible, compared).all():
            return None
        index = view.index()
        ids, units = index.ids(), index.codes()
        seen = np.isin(ids, visible)
        is_new = ~np.isin(ids[seen], compared)
        fingerprint = view.model.spec.fingerprint
        return _Compared(ids[seen], units[seen], is_new, view.hashes(), fingerprint)


def hash_photos(store: Store, ids: list[int]) -> list[tuple[bytes, int]]:
    """Return perceptual hash and quality of photos by their thumbnails; of those without one, nothing."""

    def hashes_of(some: list[int]) -> list[tuple[bytes, int]]:
        thumbnails = stored_thumbnails(store, some)
        return [_hash_of(thumbnails.get(each)) for each in some]

    blocks = (ids[start : start + _BLOCK] for start in range(0, len(ids), _BLOCK))
    return [each for found in ThreadExecutor().run(blocks, hashes_of) for each in found]


def _hash_of(thumbnail: Thumbnail | None) -> tuple[bytes, int]:
    picture = thumbnail and thumbnail.picture()
    if not picture:
        return NO_HASH
    bits, quality = dct_hash(picture.sheet.grey)
    return bits.tobytes(), quality


def _looks(found: Candidates, hashes: dict[int, tuple[bytes, int]]) -> list[Look]:
    return [
        Look(int(photo), neighbors, scores, *hashes[int(photo)])
        for photo, neighbors, scores in zip(found.new, found.neighbors, found.scores, strict=True)
    ]
