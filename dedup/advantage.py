"""What one of two copies has that the other has not, so that nobody throws the better one away."""

import math

from ..store.listing import Photo
from .keeper import Choice, rank
from .proof import WHOLE, Evidence
from .proof.picture import LONG_SIDE

# Of sides; less is rounding.
_LARGER = 1.02


def advantage(proof: Evidence, kept: Photo, other: Photo) -> str:
    """Return why one might rather keep the other than the kept one; "" where nothing speaks for it.

    proof: from kept to other. Pixels count where both show the same: a frame makes no picture better.
    """
    aligned = proof.how != "none"
    shows_all = not aligned or proof.overlap_a >= WHOLE
    shows_more = aligned and proof.overlap_b < WHOLE
    detail = _detail(proof, kept, other)
    if detail > _LARGER:
        return "has more pixels" if shows_all else "shows a part with more pixels"
    if shows_more and shows_all:
        return "shows more, or has a frame"
    return _finer(kept, other) if shows_all and detail * _LARGER >= 1 else ""


def _detail(proof: Evidence, kept: Photo, other: Photo) -> float:
    """Return how many pixels the other has along a side for each one of kept, where both show the same."""
    if proof.how == "none":
        return math.sqrt(other.width * other.height / max(1, kept.width * kept.height))
    return proof.scale * _shrunk(kept) / _shrunk(other)


def _shrunk(photo: Photo) -> float:
    return min(1.0, LONG_SIDE / max(1, photo.width, photo.height))


def _finer(kept: Photo, other: Photo) -> str:
    """Compare two files that show the same at the same size."""
    first, second = Choice(kept, kept.files[0]), Choice(other, other.files[0])
    if rank("format", first) != rank("format", second):
        better = rank("format", second) > rank("format", first)
        return f"has the better format ({other.format})" if better else ""
    same_pixels = kept.pixel_digest == other.pixel_digest
    if not same_pixels and rank("quality", first) != rank("quality", second):
        return "is less compressed" if rank("quality", second) > rank("quality", first) else ""
    return "has more metadata" if rank("metadata", second) > rank("metadata", first) else ""
