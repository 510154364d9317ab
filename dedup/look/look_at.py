"""One look at two files at full size: where their pixels come from, and if nothing tells, what differs."""

from dataclasses import replace
from typing import Literal

from ...indexer.decode.full import FullPicture
from ...indexer.decode.photo import LONG_SIDE
from ..proof.planes import Matrix
from . import Look
from .geometry import full_matrix
from .provenance import Provenance, provenance
from .second_look import second_look


def look_at(a: FullPicture, b: FullPicture, matrix: Matrix, *, full: bool = True) -> Look:
    """Return what two proven copies say of each other.

    matrix: (3, 3) from points of a's thumbnail to points of b's, in pixels from the corner. full: also look
    for what differs, where nothing else tells.
    """
    exact = full_matrix(matrix, (a.size, b.size), (_thumbnail(a.size), _thumbnail(b.size)))
    found = provenance(a, b, exact)
    if found.is_whole and found.model in ("", "same"):
        return _look(found)
    if not full:
        return replace(_look(found), is_partial=True)
    seen = second_look(a.rgb, b.rgb, exact, a.n_bytes, b.n_bytes)
    look = replace(
        _look(found),
        score=seen.score,
        harder=_compressed_harder(a, b),
        brightness=seen.toning.brightness,
        contrast=seen.toning.contrast,
        saturation=seen.toning.saturation,
    )
    if found.is_whole:
        return look
    return replace(
        look,
        places_a=seen.places_a,
        places_b=seen.places_b,
        failed=seen.failed if found.relation == "" else "",
    )


# Of the ten lowest frequencies: steps below drown in rounding, and so much coarser is no chance.
_LEAST_STEP, _COARSER = 3.0, 1.2


def _compressed_harder(a: FullPicture, b: FullPicture) -> Literal["a", "b", ""]:
    """Return the one of two JPEGs of one size whose steps are larger, and large enough to leave traces."""
    if a.table is None or b.table is None or a.size != b.size:
        return ""
    steps = [float(each.table[:4, :4].ravel()[:10].mean()) for each in (a, b) if each.table is not None]
    if max(steps) < max(_LEAST_STEP, _COARSER * min(steps)):
        return ""
    return "a" if steps[0] > steps[1] else "b"


def _look(found: Provenance) -> Look:
    return Look(found.relation, found.how, found.model, found.is_whole, None, finer=found.finer)


def _thumbnail(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size of a picture's thumbnail, as `make_thumbnail` makes it."""
    scale = min(1.0, LONG_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
