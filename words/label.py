"""A word said of a photo, as plain data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Label:
    """A word that is likely for a photo. confidence: in [0, 1], how sure that is."""

    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How much of a library a word is said of.

    path: the words above it, the most general first. photos: number of photos. is_taught: whether the user
    taught it.
    """

    name: str
    path: tuple[str, ...]
    photos: int
    is_taught: bool = False
