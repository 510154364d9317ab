"""The store as it was at one moment: everything a query asks sees the same epoch."""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from . import absence
from .catalog import crashers, digests, embeddings, knn, labels, local_maps, pairs, write
from .catalog import hashes as looks
from .catalog import photos as listing
from .catalog.folders import RootTotals, Trace, sample, totals_by_root
from .filters.where import ALL, Where
from .index import search, snapshot
from .index.exact import Ids, Neighbors, VectorIndex
from .index.search import AnyIndex
from .index.snapshot import Stamp
from .records import Codes, Failure, KnownFile, Root, Vectors

if TYPE_CHECKING:
    from .catalog.write import Model


class RelatedView:
    """The methods of `View` about photos among others."""

    if TYPE_CHECKING:
        _connection: sa.Connection

        @property
        def model(self) -> Model | None:
            """The embedder of the store."""

    # --- the neighborhoods --------------------------------------------------------------------

    def neighborhoods(self, ids: Ids) -> knn.Neighborhoods:
        """Return the nearest photos of photos, of those of which they are known."""
        if self.model is None:
            return knn.empty(np.empty(0, np.int64))
        return knn.neighborhoods(self._connection, self.model.id, ids)

    def unsettled(self, most: int) -> Ids:
        """Return up to so many photos of which it is not known who has them among his neighbors."""
        assert self.model is not None, "something was embedded"
        return knn.unsettled(self._connection, self.model.id, most)

    def without_neighborhood(self) -> Ids:
        """Return the photos whose neighborhood was not found yet."""
        assert self.model is not None, "something was embedded"
        return knn.without_neighborhood(self._connection, self.model.id)

    def with_other_copies(self) -> Ids:
        """Return the photos of which other copies are known than when their neighborhood was found."""
        assert self.model is not None, "something was embedded"
        return knn.with_other_copies(self._connection, self.model.id)

    def copies(self) -> dict[int, int]:
        """Return for each proven copy that is not the oldest the oldest photo that it is a copy of."""
        return knn.copies(self._connection)

    # --- pairs --------------------------------------------------------------------------------

    def facts_of(self, photo_ids: Sequence[int]) -> dict[int, pairs.Facts]:
        """Return digest and size of contents by id, of those that there are."""
        return pairs.facts_of(self._connection, photo_ids)

    def compared_ids(self) -> Ids:
        """Return the ids of the photos that were compared with the library."""
        if self.model is None:
            return np.empty(0, np.int64)
        return looks.compared_ids(self._connection, self.model.id)

    def hashes(self) -> Iterator[looks.StoredHashes]:
        """Yield perceptual hash and quality of the photos that were compared, some at a time."""
        if self.model is not None:
            yield from looks.hashes(self._connection, self.model.id)

    def count_candidates(self) -> int:
        """Return the number of pairs that were nominated, proved or not."""
        return looks.count_candidates(self._connection)

    def unproved(self, verifier: int) -> list[tuple[int, int, float]]:
        """Return (a, b, cosine) of the pairs that this version of the verifier has not seen."""
        return pairs.unproved(self._connection, verifier)

    def verdicts(self) -> Iterator[pairs.Verdict]:
        """Yield what the proofs said of all pairs."""
        return pairs.verdicts(self._connection)

    def proofs_of(self, wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], pairs.JudgedPair]:
        """Return the proofs of these pairs (a < b), of those that there are."""
        return pairs.proofs_of(self._connection, wanted)

    def same_pixels(self) -> Iterator[list[int]]:
        """Yield the ids of photos with the same pixels and other metadata, each group by digest."""
        return pairs.same_pixels(self._connection)

    def ids_of_pixels(self, digests: Sequence[bytes]) -> dict[bytes, list[int]]:
        """Return the ids of the contents that show certain pixels, by pixel digest."""
        return pairs.ids_of_pixels(self._connection, digests)

    def taught(self, damaged: list[str] | None = None) -> list[labels.Taught]:
        """Return the labels that the user taught, by name; damaged: takes the names of those left out."""
        return list(labels.taught(self._connection, damaged))

    def decisions(self) -> Iterator[pairs.Decided]:
        """Yield what the user decided, oldest first."""
        return pairs.decisions(self._connection)

    def decisions_by_ids(self) -> dict[tuple[int, int], str]:
        """Return the user's decisions on contents that are in the library, by their ids."""
        return pairs.decisions_by_ids(self._connection)


class View(RelatedView):
    """A read transaction with names for what is asked of it; valid within its block only."""

    def __init__(self, connection: sa.Connection, index_at: Callable[["View"], AnyIndex]) -> None:
        self._connection = connection
        self._index_at = index_at
        # The first read fixes what a transaction sees: without it, that would be the first question.
        self.latest = listing.latest_epoch(connection)

    @cached_property
    def model(self) -> write.Model | None:
        """The embedder of the store; None before the first index run."""
        return write.current_model(self._connection)

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
        return crashers.known_poison(self._connection, digest)

    def store_uuid(self) -> str:
        """Return the random name that the store was born with."""
        return write.store_uuid(self._connection)

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
        return search.nearest(self, self.index(), np.asarray(units, np.float32), k, allowed, where)

    def stamp(self) -> Stamp | None:
        """Return what a snapshot of this view must be stamped with; None when there is nothing."""
        if self.model is None or self.epoch == 0:
            return None
        uuid = write.store_uuid(self._connection)
        return Stamp(uuid, self.model.spec.fingerprint, *self.latest)

    def check(self, stamp: Stamp) -> None:
        """Check that a snapshot with this stamp belongs to the history of this store.

        Raises:
            ValueError: it does not; the message says why.
        """
        if stamp.store != write.store_uuid(self._connection):
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
        return write.roots(self._connection)

    def totals_by_root(self) -> list[RootTotals]:
        """Count what each folder of the library holds, by path."""
        return totals_by_root(self._connection)

    def sample(self, root: Root, count: int) -> Sequence[Trace]:
        """Return up to twice count present files of a root, from all over it."""
        return sample(self._connection, root, count)

    def known_files(self, root: Root, below: bytes) -> dict[bytes, KnownFile]:
        """Return what is remembered of the files at or below a path in a root."""
        return write.known_files(self._connection, root.id, below)

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
        return write.has_embedding(self._connection, self.model.id, digest)

    def id_of(self, digest: bytes) -> int | None:
        """Return the id of a content that is embedded, else None."""
        if not self.knows(digest):
            return None
        return write.content_ids(self._connection, [digest])[digest]

    def ids_of(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Return the ids of the contents that are known, embedded or not, by digest."""
        return write.content_ids(self._connection, digests)

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
        from .catalog.ordering import ordered_photos  # a plain search does without

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
