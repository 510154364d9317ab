"""What is bulky of a library, where it lies outside of its catalog: vectors, local maps, thumbnails.

A catalog of this kind is like any other, but for the vectors in it, which are empty, and the cells of its
local maps; their checksums are there, and hold for what the columns give. Photos have the ids 1, 2, 3, ...
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """What is bulky of one photo. vector: fp16 as bytes. cells: of its local map; b"" where it has none."""

    id: int
    vector: bytes
    cells: bytes
    thumbnail: bytes


class Columns(Protocol):
    """The rows of photos by their ids.

    All raise:
        StoreCorrupt: a row is not there, or is that of another photo.
        StoreError: they cannot be read where they lie.
    """

    def __len__(self) -> int:
        """Return the number of photos, which is the highest id."""

    def vectors(self, ids: Sequence[int]) -> list[bytes]:
        """Return unit vectors, in the order of the ids."""

    def cells(self, ids: Sequence[int]) -> list[bytes]:
        """Return the cells of local maps, in the order of the ids."""

    def thumbnails(self, ids: Sequence[int]) -> list[bytes]:
        """Return thumbnails as JPEG, in the order of the ids; b"" where there is none."""

    def thumbnail_totals(self) -> tuple[int, int]:
        """Return the number of thumbnails and their size in bytes."""

    def append(self, rows: Sequence[ColumnRow]) -> None:
        """Add the rows of new photos, their ids the next ones, and make them last.

        Raises:
            StoreLocked: another process adds rows as well. StoreUnwritable: there is no room.
        """
