"""Compare the photos that are new with the whole library: neighbors, hashes, pairs worth a proof."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...errors import StoreUnwritable
from ...indexer.executor import ThreadExecutor
from ...store.catalog.embeddings import units_of
from ...store.catalog.hashes import StoredHashes, compared_ids
from ...store.catalog.photos import visible_ids
from ...store.index.exact import Ids
from ...store.progress import UNWATCHED, Watch
from ...store.store import Store
from ..proof.pictures import Thumbnail
from ..proof.thumbnails import stored_thumbnails
from .all_pairs import Photos
from .blocks import BY_SIZE, Blocks
from .copy_space import AnyVectors, CopySpace
from .hashes import dct_hash
from .loading import NO_HASH, KnownHashes, Placed, known_hashes, placed, room_on_disk, space_of
from .nominate import Findings, Search, UnitsOf

_BLOCK = 64  # thumbnails read at once
_SOME_HASHES = 1 << 12

# Embeddings up to so many bytes stay in memory; of more, those that are asked for are read again.
_MOST_KEPT = 1 << 30

HashesOf = Callable[[Store, list[int]], list[tuple[bytes, int]]]


@dataclass(frozen=True, slots=True, eq=False)
class _Library:
    """The visible photos, those first that were never compared: `new` of them. hashes: of the others."""

    ids: Ids
    new: int
    space: CopySpace
    placed: Placed
    hashes: KnownHashes


def hash_photos(store: Store, ids: list[int], threads: int | None = None) -> list[tuple[bytes, int]]:
    """Return perceptual hash and quality of photos by their thumbnails; of those without one, nothing.

    threads: None for as many as there are cores.
    """

    def hashes_of(some: list[int]) -> list[tuple[bytes, int]]:
        thumbnails = stored_thumbnails(store, some)
        return [_hash_of(thumbnails.get(each)) for each in some]

    blocks = (ids[start : start + _BLOCK] for start in range(0, len(ids), _BLOCK))
    return [each for found in ThreadExecutor(threads).run(blocks, hashes_of) for each in found]


def _hash_of(thumbnail: Thumbnail | None) -> tuple[bytes, int]:
    grey = None if thumbnail is None else thumbnail.grey()
    if grey is None:
        return NO_HASH
    bits, quality = dct_hash(grey)
    return bits.tobytes(), quality


def compare_new(
    store: Store,
    watch: Watch = UNWATCHED,
    *,
    hashes_of: HashesOf = hash_photos,
    blocks: Blocks = BY_SIZE,
) -> int:
    """Nominate the pairs of every photo that was not compared yet; return how many photos that were.

    Some photos at a time are committed with their pairs: what is nominated will be proved, now or later,
    and what is stopped goes on where it was. A photo counts as compared when it was with all; so the pair
    of one that was and one that was not yet is met from the other's side.

    blocks: how many photos are too many at once. Those are compared in blocks, and their points lie in a
    file beside the store.

    Raises:
        StoreUnwritable: there is no room for it.
    """
    blocks = replace(blocks, folder=store.folder)
    try:
        return _compare_new(store, watch, hashes_of, blocks)
    except OSError as error:
        raise StoreUnwritable(
            f"cannot compare the photos of {store.folder}: {error.strerror}; so many need files beside "
            "the store meanwhile: free about 2 kB for each photo"
        ) from error


def _compare_new(store: Store, watch: Watch, hashes_of: HashesOf, blocks: Blocks) -> int:
    library = _load(store, blocks)
    if library is None or not library.new:
        return 0
    watch.progress.begin("comparing photos", library.new)
    if not _hash_new(store, library, hashes_of, watch):
        return 0
    photos = Photos(
        library.ids, library.new, library.placed.points, library.hashes.at(slice(0, len(library.ids)))
    )
    search = Search(photos, library.space, _units_of(store, library), blocks=blocks)

    def commit(found: Findings) -> int:
        candidates = search.candidates(found)
        rows = slice(found.rows.start, found.rows.start + len(candidates.new))
        compared = StoredHashes(candidates.new, library.hashes.bits[rows], library.hashes.quality[rows])
        store.put_comparison(compared, candidates.pairs, candidates.cosine.tolist())
        return len(candidates.new)

    done = 0
    # In a thread of its own: meanwhile the search goes on.
    for count in ThreadExecutor(1).run(search.findings(watch.stop), commit):
        done += count
        watch.progress.advance(count, 0)
    return done


def _load(store: Store, blocks: Blocks) -> _Library | None:
    """Return what is to be compared; None where nothing is new."""
    with store.reading() as view:
        visible = visible_ids(view)
        is_new = ~np.isin(visible, compared_ids(view))
        # Most runs find nothing new: they need not look at vectors to learn that.
        if view.model is None or not is_new.any():
            return None
        ids = np.concatenate([visible[is_new], visible[~is_new]])
        space = space_of(view)
        keep = 2 * view.model.spec.dim * len(ids) <= _MOST_KEPT
        room = room_on_disk(store.folder) if blocks.are_needed(len(ids)) else np.zeros
        found = placed(view, space, ids, keep=keep, room=room)
        new = int(found.there[: is_new.sum()].sum())
        if not found.there.all():
            ids, found = ids[found.there], found.those_there()
        return _Library(ids, new, space, found, known_hashes(view, ids))


def _hash_new(store: Store, library: _Library, hashes_of: HashesOf, watch: Watch) -> bool:
    """Make the hashes of the new photos; return False if somebody wants to stop."""
    for start in range(0, library.new, _SOME_HASHES):
        rows = np.arange(start, min(start + _SOME_HASHES, library.new))
        library.hashes.put(rows, hashes_of(store, library.ids[rows].tolist()))
        if watch.is_stopped:
            return False
    return True


def _units_of(store: Store, library: _Library) -> UnitsOf:
    """Return what gives embeddings by id: from memory if they were kept, else from the store."""
    kept = library.placed.units
    order = np.argsort(library.ids)

    def from_store(ids: Ids) -> AnyVectors:
        with store.reading() as view:
            return units_of(view, ids)

    def from_memory(ids: Ids) -> AnyVectors:
        assert kept is not None
        return kept[order[np.searchsorted(library.ids, ids, sorter=order)]]

    return from_store if kept is None else from_memory
