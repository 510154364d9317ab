"""The store as it was at one moment: everything a query asks sees the same epoch."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np
import sqlalchemy as sa

from . import (
    absence,
    catalog,
    digests,
    embeddings,
    listing,
    local_maps,
    poison,
    ranking,
    snapshot,
)
from .filters import ALL, Where
from .ranking import AnyIndex
from .records import Codes, Failure, KnownFile, Root, Vectors
from .related import RelatedView
from .roots import RootTotals, Trace, sample, totals_by_root
from .snapshot import Stamp
from .vectors import Ids, Neighbors, VectorIndex


class View(RelatedView):
    """A read transaction with names for what is asked of it; valid within its block only."""

    def __init__(self, connection: sa.Connection, index_at: Callable[["View"], AnyIndex]) -> None:
        self._connection = connection
        self._index_at = index_at
        # The first read fixes what a transaction sees: without it, that would be the first question.
        self.latest = listing.latest_epoch(connection)

    @cached_property
    def model(self) -> catalog.Model | None:
        """The embedder of the store; None before the first index run."""
        return catalog.current_model(self._connection)

    @property
    def epoch(self) -> int:
        """The number of the last commit that added photos; 0 before the first."""
        return self.latest[0]

    def follows(self, epoch: int, nonce: str) -> bool:
        """Tell whether all that was embedded at this epoch is still there: a purge renews every nonce."""
        if epoch > self.epoch:
            return False
        same = (epoch, nonce) == self.latest
        return same or epoch == 0 or listing.has_epoch(self._connection, epoch, nonce)

    def poison(self, digest: bytes | None = None) -> dict[bytes, Failure]:
        """Return why contents are not handed to a decoder any more; see `known_poison`."""
        return poison.known_poison(self._connection, digest)

    def store_uuid(self) -> str:
        """Return the random name that the store was born with."""
        return catalog.store_uuid(self._connection)

    # --- the index ----------------------------------------------------------------------------

    def index(self) -> AnyIndex:
        """Return the vector index at this view's epoch."""
        return self._index_at(self)

    def nearest(
        self, queries: Vectors, k: int, where: Where = ALL, allowed: Ids | None = None
    ) -> Neighbors:
        """Return the k nearest photos that pass the filter. queries: (q, dim) float32, any length.

        The filter acts before the ranking, so that k photos come back whenever k pass. allowed: the ids
        that pass it, for whoever asks many times and knows them.
        """
        if self.model is None:
            return VectorIndex(1).search(np.empty((len(queries), 1), np.float32), k)
        units = queries / np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-12)
        return ranking.nearest(self, self.index(), np.asarray(units, np.float32), k, allowed, where)

    def stamp(self) -> Stamp | None:
        """Return what a snapshot of this view must be stamped with; None when there is nothing."""
        if self.model is None or self.epoch == 0:
            return None
        uuid = catalog.store_uuid(self._connection)
        return Stamp(uuid, self.model.spec.fingerprint, *self.latest)

    def check(self, stamp: Stamp) -> None:
        """Check that a snapshot with this stamp belongs to the history of this store.

        Raises:
            ValueError: it does not; the message says why.
        """
        if stamp.store != catalog.store_uuid(self._connection):
            raise ValueError("the snapshot belongs to another store")
        if self.model is None or stamp.fingerprint != self.model.spec.fingerprint:
            raise ValueError("the snapshot is of another model")
        if not listing.has_epoch(self._connection, stamp.epoch, stamp.nonce):
            raise ValueError("the snapshot is of a state that the catalog never had")

    def load_snapshot(self, folder: str) -> tuple[AnyIndex, int, str]:
        """Return the published index with its epoch and nonce, if it is to be believed.

        Raises:
            ValueError: it is not; the message says why.
        """
        manifest = snapshot.read_manifest(folder)
        if manifest is None:
            raise ValueError("there is no snapshot")
        self.check(manifest.stamp)
        index = snapshot.load(folder, manifest)
        if len(index) != self.count_embeddings(manifest.stamp.epoch):
            raise ValueError("the snapshot is not complete")
        return index, manifest.stamp.epoch, manifest.stamp.nonce

    def vectors_since(self, epoch: int) -> Iterator[tuple[Ids, Codes]]:
        """Yield blocks of ids and unit vectors (n, dim) fp16 that came after the epoch."""
        if self.model is not None:
            dim = self.model.spec.dim
            yield from embeddings.vectors_since(self._connection, self.model.id, epoch, dim)

    def blocks(self) -> Iterator[tuple[Ids, Codes, Vectors]]:
        """Yield all ids, unit vectors (n, dim) fp16 and the lengths these had, (n,), block by block."""
        if self.model is not None:
            dim = self.model.spec.dim
            yield from embeddings.blocks_since(self._connection, self.model.id, 0, dim)

    def embedded_ids(self, until: int | None = None) -> Ids:
        """Return the ids of the photos with a vector up to an epoch (None: all), with a file or not."""
        if self.model is None:
            return np.empty(0, np.int64)
        until = self.epoch if until is None else until
        return embeddings.embedded_ids(self._connection, self.model.id, until)

    def count_embeddings(self, until: int | None = None) -> int:
        """Return the number of embeddings up to and with an epoch (None: all)."""
        if self.model is None:
            return 0
        until = self.epoch if until is None else until
        return embeddings.count_embeddings(self._connection, self.model.id, until)

    # --- the catalog --------------------------------------------------------------------------

    def roots(self) -> list[Root]:
        """Return the folders of the library, by path."""
        return catalog.roots(self._connection)

    def totals_by_root(self) -> list[RootTotals]:
        """Count what each folder of the library holds, by path."""
        return totals_by_root(self._connection)

    def sample(self, root: Root, count: int) -> Sequence[Trace]:
        """Return up to twice count present files of a root, from all over it."""
        return sample(self._connection, root, count)

    def known_files(self, root: Root, below: bytes) -> dict[bytes, KnownFile]:
        """Return what is remembered of the files at or below a path in a root."""
        return catalog.known_files(self._connection, root.id, below)

    def newest_file_id(self) -> int:
        """Return the highest row id of a file, 0 when there is none."""
        return listing.newest_file_id(self._connection)

    def count_elsewhere(self, root: Root, file_ids: Sequence[int], after: int) -> int:
        """Count the files of a root (by row id) whose content came up in another root since.

        after: only files of the other roots with a higher row id count.
        """
        return listing.count_elsewhere(self._connection, root.id, file_ids, after)

    def digests(self) -> Iterator[bytes]:
        """Yield the blake3 digests of all contents, in no order."""
        return digests.digests(self._connection)

    def digests_sorted(self, *, only_present: bool = False) -> Iterator[bytes]:
        """Yield the digests of all contents, or of those that a present file holds, ascending."""
        return digests.digests_sorted(self._connection, only_present)

    def count_contents(self) -> int:
        """Return the number of contents, whether their files are present or not."""
        return digests.count_contents(self._connection)

    def present_digests(self, root: Root) -> Iterator[tuple[bytes, bytes]]:
        """Yield (path below the root, digest of its content) of the present files of a root."""
        return digests.present_digests(self._connection, root.id)

    def digests_of(self, ids: Sequence[int]) -> dict[int, bytes]:
        """Return the digests of contents by id."""
        return digests.digests_of(self._connection, ids)

    def knows(self, digest: bytes) -> bool:
        """Tell whether the content is embedded by the current model."""
        if self.model is None:
            return False
        return catalog.has_embedding(self._connection, self.model.id, digest)

    def id_of(self, digest: bytes) -> int | None:
        """Return the id of a content that is embedded, else None."""
        if not self.knows(digest):
            return None
        return catalog.content_ids(self._connection, [digest])[digest]

    def ids_of(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Return the ids of the contents that are known, embedded or not, by digest."""
        return catalog.content_ids(self._connection, digests)

    def raw_vectors(self, ids: Sequence[int]) -> dict[int, Vectors]:
        """Return the pooled features as they left the network (up to fp16), by content id."""
        if self.model is None:
            return {}
        return embeddings.raw_vectors(self._connection, self.model.id, ids, self.model.spec.dim)

    def visible_among(self, ids: Sequence[int], where: Where = ALL) -> Ids:
        """Return those of some photos that have a file and pass the filter, ascending."""
        return listing.visible_among(self._connection, ids, where)

    def local_maps(self, kind: int) -> list[local_maps.MapsOfShape]:
        """Return the local maps of one kind, by shape; see `read_maps`."""
        return [] if self.model is None else local_maps.read_maps(self._connection, self.model.id, kind)

    def check_maps(self) -> tuple[int, int]:
        """Return how many local maps are damaged, of how many."""
        return len(local_maps.bad_maps(self._connection)), local_maps.count_maps(self._connection)

    def digests_without_map(self, kind: int) -> set[bytes]:
        """Return the embedded contents that have no local map of this kind."""
        model_id = self.model.id if self.model else 0
        return local_maps.digests_without_map(self._connection, model_id, kind)

    def units(self, ids: Ids) -> Codes:
        """Return the unit vectors of photos (ids ascending), (n, dim); zeros for what is gone."""
        assert self.model is not None, "something was embedded"
        return embeddings.units(self._connection, self.model.id, ids, self.model.spec.dim)

    def visible_ids(self, where: Where = ALL) -> Ids:
        """Return the ids of the photos that pass the filter, ascending."""
        return listing.visible_ids(self._connection, where)

    def photos(
        self,
        where: Where = ALL,
        ids: Sequence[int] | None = None,
    ) -> Iterator[listing.Photo]:
        """Yield photos that pass the filter with their files that do, by id."""
        return listing.photos(self._connection, where, ids)

    def ordered_photos(self, where: Where, order: str, limit: int | None = None) -> Iterator[listing.Photo]:
        """Yield photos that pass the filter in one of `ordering.ORDERS`, at most limit."""
        from .ordering import ordered_photos  # a plain search does without

        return ordered_photos(self._connection, where, order, limit)

    def repeated(self, where: Where = ALL) -> Iterator[listing.Photo]:
        """Yield the photos that more than one file holds, by id."""
        return listing.repeated(self._connection, where)

    def errors(self) -> Iterator[listing.FileError]:
        """Yield the files that could not be indexed, by path."""
        return listing.errors(self._connection)

    def totals(self) -> listing.Totals:
        """Count what the store holds."""
        return listing.totals(self._connection)

    def missing(self, folders: Sequence[bytes] = ()) -> Iterator[absence.Missing]:
        """Yield the absent files at or below any of the folders (none: all), by path."""
        return absence.missing(self._connection, folders)

    def forgettable(self, folders: Sequence[bytes]) -> list[absence.Forgotten]:
        """Return what would leave the library with each of the folders."""
        return absence.forgettable(self._connection, folders)

    def purgeable(self, purge: absence.Purge) -> Iterator[absence.Missing]:
        """Yield the files that a purge would take out of the catalog, by path."""
        return absence.purgeable(self._connection, purge)

    def count_purgeable(self, purge: absence.Purge) -> int:
        """Count the contents that no file would hold after a purge."""
        return absence.count_purgeable(self._connection, purge)
