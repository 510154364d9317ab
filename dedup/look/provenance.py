"""Which of two proven copies was made from the other, and whether the later one holds anything of its own.

The pair is asked, not the file: each is predicted from the other, and the error is measured in the steps of
the predicted one's own quantization. Metadata is not looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from ...indexer.decode.full import FullPicture
from ..proof.planes import Matrix
from . import PROFILE, Box, Relation
from .blocks import Residual
from .chain import explained_by_saves
from .detail import finer
from .frame import Explained, explained, frame_curves
from .geometry import mapped, turned, upright
from .placed import Placed, place, snapped
from .predict import Prediction, kernel_of, window
from .verdict import POINTWISE, Verdict, by_steps, is_exact, judge, judge_plain

_MOST_PLACES = 20
_CELL = 16  # pixels, of `frame`
_SMALLEST = 1 / 16  # of the scale at which a copy can still be told from another resize
_ROUNDED_MOST, _ROUNDED_MEAN, _ROUNDED_PLACE = 2, 0.3, 1.2  # levels that decoders differ by

# Share of the cells whose color alone is not explained: from here on the colors were changed.
_OTHER_COLOR = 0.05
# Shares of cells that are not explained: of the one that was made from the other, and of the other.
_EXPLAINED, _UNEXPLAINED = 0.005, 0.03
_SEVERAL = 4  # cells that differ, where all of the other is explained
_HARDLY_WORSE = 1.3
_SAME_PLACE = 1e-6  # pixels
_LEAST_MAP = 1e-9  # determinant


@dataclass(frozen=True, slots=True)
class Provenance:
    """What two pictures a and b say of where their pixels come from.

    relation, how, model, is_whole, finer: as in `Look`. places_a, places_b: at most 20 boxes, in shares of
    each, the strongest first, where the later one is not explained by the earlier one, or one of two that
    are the same elsewhere.
    """

    relation: Relation = ""
    how: str = ""
    model: str = ""
    is_whole: bool = False
    finer: Literal["a", "b", ""] = ""
    places_a: tuple[Box, ...] = ()
    places_b: tuple[Box, ...] = ()


NOTHING = Provenance()


def provenance(a: FullPicture, b: FullPicture, matrix: Matrix) -> Provenance:
    """Return which of a and b was made from the other, and whether that explains its whole frame.

    matrix: (3, 3) from points of a to points of b, both at full size as displayed, from the corner; as good
    as thumbnails tell it.
    """
    is_map = np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) > _LEAST_MAP
    exact = snapped(a, b, matrix) if is_map else None
    if exact is None:
        return NOTHING
    same = _same_pixels(a, b, exact)
    if same is not None:
        return same
    # Encoders see what is stored: whoever made the copy kept the profile, or passed it over.
    stored_a, stored_b = a.unmanaged(), b.unmanaged()
    found = _of_stored(stored_a, stored_b, exact)
    has_other = stored_a is not a, stored_b is not b
    if a.profile == b.profile or not any(has_other):
        return found
    if all(has_other):
        return _in_other_colors(found, "")
    with_profile: Literal["a", "b"] = "a" if has_other[0] else "b"
    return _converted(a, b, exact, with_profile) or _in_other_colors(found, with_profile)


def _converted(
    a: FullPicture, b: FullPicture, exact: Matrix, with_profile: Literal["a", "b"]
) -> Provenance | None:
    """Return that the one without a profile was made from what the other displays; None if it was not."""
    back = np.asarray(np.linalg.inv(exact), np.float64)
    placed = place(a, b, exact) if with_profile == "a" else place(b, a, back)
    seen = window(placed) if placed is not None else None
    if placed is None or seen is None or not is_exact(seen.plain):
        return None
    frame = explained(placed, seen.kernel)
    if not frame.is_whole or not placed.is_all:
        return None
    return Provenance(with_profile, "exact", "same", is_whole=True)


def _in_other_colors(found: Provenance, with_profile: Relation) -> Provenance:
    """Return what was found of two pictures whose profiles show the same values in other colors.

    A profile is lost, not found: of equal values those without it are the later ones.
    """
    relation = with_profile if found.relation == "same" else found.relation
    model = PROFILE if found.model == "same" else found.model
    return replace(found, relation=relation, model=model, is_whole=found.is_whole and relation != "")


def _of_stored(a: FullPicture, b: FullPicture, exact: Matrix) -> Provenance:
    if _stores_the_same(a, b, exact):
        return Provenance("same", "exact", "same", is_whole=True)
    on_b, on_a = place(a, b, exact), place(b, a, np.asarray(np.linalg.inv(exact), np.float64))
    if on_b is None or on_a is None or not _SMALLEST < on_b.scale[0] < 1 / _SMALLEST:
        return NOTHING
    return _Pair(on_b, on_a).judged()


def _same_pixels(a: FullPicture, b: FullPicture, matrix: Matrix) -> Provenance | None:
    """Return what equal pixels say: those of a JPEG in a bitmap come from it; None where they differ."""
    if a.size != b.size or np.abs(matrix - np.eye(3)).max() > 1e-9:
        return None
    is_jpeg = a.planes is not None, b.planes is not None
    if not np.array_equal(a.rgb, b.rgb) and (all(is_jpeg) or not _differ_by_rounding(a.rgb, b.rgb)):
        return None
    relation: Relation = "same" if is_jpeg[0] == is_jpeg[1] else "a" if is_jpeg[0] else "b"
    return Provenance(relation, "exact" if relation == "same" else "bitmap", "same", is_whole=True)


def _stores_the_same(a: FullPicture, b: FullPicture, matrix: Matrix) -> bool:
    """Return whether two JPEGs store the same pixels, though one may be turned."""
    if a.planes is None or b.planes is None or a.planes.pixels.size != b.planes.pixels.size:
        return False
    stored = b.planes.pixels
    to_b = b.to_stored @ matrix @ np.linalg.inv(a.to_stored)
    turn = upright(to_b, (stored.shape[1], stored.shape[0]))
    if np.abs(turn @ to_b - np.eye(3)).max() > _SAME_PLACE:
        return False
    return np.array_equal(turned(stored, turn).reshape(a.planes.pixels.shape), a.planes.pixels)


def _differ_by_rounding(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> bool:
    apart = cv2.absdiff(a, b)
    if apart.max() > _ROUNDED_MOST or apart.mean() >= _ROUNDED_MEAN:
        return False
    return bool(cv2.blur(apart.max(2).astype(np.float32), (8, 8)).max() < _ROUNDED_PLACE)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two pictures a and b laid on each other. on_b: a placed on b; on_a: b placed on a."""

    on_b: Placed
    on_a: Placed

    def judged(self) -> Provenance:
        """Return what a window tells, and what the whole frames say of it."""
        verdict, of_b, of_a = self._by_window()
        made = of_b if verdict.relation == "a" else of_a
        is_told = verdict.relation in ("a", "b")
        found = NOTHING
        if not is_told or _needs_frames(verdict, made):
            found = self._by_frames(of_b, of_a)
        if is_told and not found.relation:
            found = self._whole(verdict, made)
        if not found.is_whole:
            found = self._by_saves(found, of_b, of_a) or _trusted(found, self.on_b.is_resized)
        detail: Literal["a", "b", ""] = "a" if finer(self.on_b) else "b" if finer(self.on_a) else ""
        if found.relation == "" and detail:
            return replace(found, relation=detail, how="reduced", finer=detail)
        return replace(found, finer=detail)

    def _by_window(self) -> tuple[Verdict, Prediction | None, Prediction | None]:
        """Return what the middle tells, and how it is predicted: of b and of a."""
        on_b, on_a = window(self.on_b), window(self.on_a)
        if on_b is not None and on_a is not None:
            verdict = judge_plain(on_b.plain, on_a.plain)
            if verdict.relation:
                return verdict, on_b.as_it_is(), on_a.as_it_is()
        of_b, of_a = on_b.fitted() if on_b else None, on_a.fitted() if on_a else None
        return judge(_residual(of_b), _residual(of_a), self.on_b.is_resized), of_b, of_a

    def _by_frames(self, found_b: Prediction | None, found_a: Prediction | None) -> Provenance:
        """Return what two whole frames tell where a window does not: one may explain all of the other.

        Color tells most: every save of a common JPEG softens it, however fine the tables.
        """
        of_b = explained(self.on_b, found_b.kernel if found_b else kernel_of(self.on_b))
        of_a = explained(self.on_a, found_a.kernel if found_a else kernel_of(self.on_a))
        if of_b.is_whole and of_a.is_whole and self.on_b.is_all and self.on_a.is_all:
            steps = by_steps(_residual(found_b), _residual(found_a))
            return Provenance(steps.relation, steps.how, "same", is_whole=True)
        ways: tuple[tuple[Relation, Placed, Explained, Explained], ...] = (
            ("a", self.on_b, of_b, of_a),
            ("b", self.on_a, of_a, of_b),
        )
        for relation, placed, of, other in ways:
            breaks = other.beyond > _UNEXPLAINED or (of.is_whole and other.differs.sum() >= _SEVERAL)
            if of.beyond <= _EXPLAINED and breaks:
                return self._with_places(Provenance(relation, "bounds", "same"), placed, of)
        placed, frame = max(((self.on_b, of_b), (self.on_a, of_a)), key=lambda pair: pair[1].beyond)
        return self._with_places(NOTHING, placed, frame)

    def _by_saves(
        self, found: Provenance, found_b: Prediction | None, found_a: Prediction | None
    ) -> Provenance | None:
        """Return which of both was made from the other by several saves; None if that is not known."""
        ways: tuple[tuple[Relation, Placed, Prediction | None], ...] = (
            ("a", self.on_b, found_b),
            ("b", self.on_a, found_a),
        )
        for relation, placed, of in ways:
            if found.relation in ("", relation) or found.model != "same":
                frame = explained_by_saves(placed, of.kernel if of else kernel_of(placed))
                # What is explained but for some places is explained no better by more saves.
                if frame is not None and (frame.is_whole or found.how != "exact" or found.model != "same"):
                    return self._with_places(Provenance(relation, "saves", "same"), placed, frame)
        return None

    def _whole(self, verdict: Verdict, made: Prediction | None) -> Provenance:
        """Return a verdict with what the later one's whole frame says of it."""
        placed = self.on_b if verdict.relation == "a" else self.on_a
        model = "same" if made is None else made.residual.model
        has_bitmap = self.on_b.target.planes is None or self.on_a.target.planes is None
        # A JPEG of the finest steps is judged as a bitmap is.
        how = "carried" if verdict.how == "bitmap" and not has_bitmap else verdict.how
        found = Provenance(verdict.relation, how, model)
        if made is None or model not in POINTWISE:
            return found
        plain = explained(placed, made.kernel) if _may_be_plain(made) else None
        if plain is not None and plain.fits and plain.chroma < plain.luma + _OTHER_COLOR:
            return self._with_places(replace(found, model="same"), placed, plain)
        toned = explained(placed, made.kernel, frame_curves(placed, made.kernel))
        if plain is not None and plain.luma < _EXPLAINED and not toned.fits:
            # Luma that hardly changed says little of which came first once the colors did.
            return NOTHING
        return self._with_places(replace(found, model="tone"), placed, toned)

    def _with_places(self, found: Provenance, placed: Placed, frame: Explained) -> Provenance:
        """Return what was found with the frame of the later one, if its model is right at all."""
        if not frame.fits:
            return found
        of_target, of_source = _boxes(placed, frame)
        on_a, on_b = (of_source, of_target) if placed is self.on_b else (of_target, of_source)
        is_whole = frame.is_whole and placed.is_all and found.relation != ""
        return replace(found, is_whole=is_whole, places_a=on_a, places_b=on_b)


def _trusted(found: Provenance, is_resized: bool) -> Provenance:
    """Return what was found, without an order that only curves make likely.

    Of seven such JPEGs of one size beside their original four were taken for it.
    """
    is_guess = found.how == "bounds" and found.model == "tone" and not is_resized
    return replace(found, relation="", how="", model="") if is_guess else found


def _residual(of: Prediction | None) -> Residual | None:
    return None if of is None else of.residual


def _needs_frames(verdict: Verdict, made: Prediction | None) -> bool:
    """Return whether the steps that show in the later one may be those of a common ancestor."""
    return verdict.how == "carried" and made is not None and made.residual.model != "same"


def _may_be_plain(of: Prediction) -> bool:
    """Return whether the target may have been made without curves or filters, though these fit better."""
    return of.residual.model == "same" or of.plain < _HARDLY_WORSE * of.residual.error


def _boxes(placed: Placed, frame: Explained) -> tuple[tuple[Box, ...], tuple[Box, ...]]:
    """Return the places that differ in shares of the target and of the source, the strongest first."""
    target, source = [], []
    height, width = placed.target.luma.shape
    to_shown = np.asarray(np.linalg.inv(placed.target.to_stored), np.float64)
    for corners in _places(frame, width, height):
        target.append(_shares(mapped(to_shown, corners), placed.target.size))
        source.append(_shares(mapped(placed.to_source, corners), placed.source_size))
    return tuple(target), tuple(source)


def _places(frame: Explained, width: int, height: int) -> Iterator[npt.NDArray[np.float64]]:
    """Yield two opposite corners (2, 2) in pixels of each place, the strongest first."""
    joined = cv2.dilate(frame.differs.astype(np.uint8), np.ones((3, 3), np.uint8))
    number, labels = cv2.connectedComponents(joined)
    labels = np.where(frame.differs, labels, 0)
    strength = [(float(frame.excess[labels == label].sum()), label) for label in range(1, number)]
    for _, label in sorted(strength, reverse=True)[:_MOST_PLACES]:
        rows, columns = np.nonzero(labels == label)
        low = columns.min() * _CELL, rows.min() * _CELL
        high = min(width, (columns.max() + 1) * _CELL), min(height, (rows.max() + 1) * _CELL)
        yield np.array([low, high], np.float64)


def _shares(corners: npt.NDArray[np.float64], size: tuple[int, int]) -> Box:
    (x0, y0), (x1, y1) = (np.clip(ends, 0, 1) for ends in np.sort(corners / size, axis=0))
    return float(x0), float(y0), float(x1 - x0), float(y1 - y0)
