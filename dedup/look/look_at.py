"""One look at two files at full size: where their pixels come from, and if nothing tells, what differs."""

from dataclasses import replace

from ...indexer.decode.full import FullPicture
from ...indexer.decode.photo import thumbnail_size
from ..proof.planes import Matrix
from . import FLAG, PROFILE, Look
from .geometry import full_matrix
from .provenance import Provenance, provenance
from .second_look import second_look


def look_at(
    a: FullPicture, b: FullPicture, matrix: Matrix, *, full: bool = True, known: Look | None = None
) -> Look:
    """Return what two proven copies say of each other.

    matrix: (3, 3) from points of a's thumbnail to points of b's, in pixels from the corner. full: also look
    for what differs, where nothing else tells. known: a partial look at both, which is completed.
    """
    exact = full_matrix(matrix, (a.size, b.size), (thumbnail_size(a.size), thumbnail_size(b.size)))
    first = _look(_by_flag(provenance(a, b, exact), a, b)) if known is None else known
    if not (full and first.is_partial):
        return first
    seen = second_look(a.rgb, b.rgb, exact, a.n_bytes, b.n_bytes)
    look = replace(
        first,
        is_partial=False,
        score=seen.score,
        brightness=seen.toning.brightness,
        contrast=seen.toning.contrast,
        saturation=seen.toning.saturation,
        curve=seen.toning.curve,
        tint=seen.toning.tint,
        detail=seen.detail,
    )
    if first.is_whole:
        return look
    return replace(
        look,
        places_a=seen.places_a,
        places_b=seen.places_b,
        failed=seen.failed if first.relation == "" else "",
    )


def _by_flag(found: Provenance, a: FullPicture, b: FullPicture) -> Provenance:
    """Tell which of the same pixels is turned by its flag only: the plain one was there first."""
    if found.relation != "same" or (a.orientation == 1) == (b.orientation == 1):
        return found
    return replace(found, relation="a" if a.orientation == 1 else "b", how=FLAG)


def _look(found: Provenance) -> Look:
    """Return what provenance alone tells: all, where it explains the whole frame as it is."""
    look = Look(found.relation, found.how, found.model, found.is_whole, None, finer=found.finer)
    return replace(look, is_partial=not (found.is_whole and found.model in ("", "same", PROFILE)))
