"""What a view of the store says of photos among others: neighborhoods, pairs, what the user said."""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from . import looks, neighborhoods, pairs, taught
from .vectors import Ids

if TYPE_CHECKING:
    from .catalog import Model


class RelatedView:
    """The methods of `View` about photos among others."""

    if TYPE_CHECKING:
        _connection: sa.Connection

        @property
        def model(self) -> Model | None:
            """The embedder of the store."""

    # --- the neighborhoods --------------------------------------------------------------------

    def neighborhoods(self, ids: Ids) -> neighborhoods.Neighborhoods:
        """Return the nearest photos of photos, of those of which they are known."""
        if self.model is None:
            return neighborhoods.empty(np.empty(0, np.int64))
        return neighborhoods.neighborhoods(self._connection, self.model.id, ids)

    def unsettled(self, most: int) -> Ids:
        """Return up to so many photos of which it is not known who has them among his neighbors."""
        assert self.model is not None, "something was embedded"
        return neighborhoods.unsettled(self._connection, self.model.id, most)

    def without_neighborhood(self) -> Ids:
        """Return the photos whose neighborhood was not found yet."""
        assert self.model is not None, "something was embedded"
        return neighborhoods.without_neighborhood(self._connection, self.model.id)

    def with_other_copies(self) -> Ids:
        """Return the photos of which other copies are known than when their neighborhood was found."""
        assert self.model is not None, "something was embedded"
        return neighborhoods.with_other_copies(self._connection, self.model.id)

    def copies(self) -> dict[int, int]:
        """Return for each proven copy that is not the oldest the oldest photo that it is a copy of."""
        return neighborhoods.copies(self._connection)

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

    def taught(self, damaged: list[str] | None = None) -> list[taught.Taught]:
        """Return the labels that the user taught, by name; damaged: takes the names of those left out."""
        return list(taught.taught(self._connection, damaged))

    def decisions(self) -> Iterator[pairs.Decided]:
        """Yield what the user decided, oldest first."""
        return pairs.decisions(self._connection)

    def decisions_by_ids(self) -> dict[tuple[int, int], str]:
        """Return the user's decisions on contents that are in the library, by their ids."""
        return pairs.decisions_by_ids(self._connection)
