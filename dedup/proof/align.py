"""From a guess of the map between two pictures to the best map and what it leaves."""

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from .measure import Likeness, likeness
from .padding import containment_without_padding
from .picture import FRAME_SIDE, Level, Sheet
from .planes import Matrix, Plane, inverted, scaling
from .refine import AFFINE, PERSPECTIVE, Effort, Target, refine, rimmed

# A map that shrinks or grows more than this is an accident.
_MOST_SCALE = 5.0
# Share of the smaller-looking picture that must be common for a comparison to mean anything.
_MIN_OVERLAP = 0.05
_MIN_SIDE = 12

# Steps at half size, where large errors are found cheaply, and at full size, where motion is measured.
_COARSE_STEPS, _FINE_STEPS = 12, 10
# Six numbers first: eight would bend two views of a room onto each other. They are tried when motion is
# left, and kept when they explain clearly more.
_MOTION_LEFT = 0.15
_CLEARLY_BETTER = 0.01
_WORTH_BENDING = 0.3
# Share of a picture that must lie in the other after the first six numbers for the rest to be tried. More
# steps moved no copy's by more than 0.03, but a picture that is not inside takes the most steps of all.
_NEARLY_INSIDE = 0.95


@dataclass(frozen=True, slots=True)
class Demands:
    """How well pictures must agree for the steps to go on; see `refine`.

    first, half: at half size, after the first steps and in the end. flat, bent: at full size, by six and by
    eight numbers.
    """

    first: float
    half: float
    flat: float = 0.0
    bent: float = 0.0


# The worst copies of 3,600 that were not near from the start, those with three edits at once among them,
# reached .53, .59, .52 and .64 where all of one is all of the other; by features .54, .64, .64 and .77, but
# for one (.53, .56, .57 and .70). The worst are parts that were stretched: features do not tell a stretch.
OF_WHOLE = Demands(first=0.5, half=0.55, bent=0.58)
OF_FEATURES = Demands(first=0.5, half=0.6, flat=0.6, bent=0.7)
# For who wants to know how alike pictures are that are no copies.
PATIENT = Demands(first=0.5, half=0.55)


@dataclass(frozen=True, slots=True)
class Fit:
    """The best map from a to b in points of their sheets, and what it leaves.

    overlap_a, overlap_b: share of each picture's area that the other one shows. scale: b's pixels per
    a's. frame: the level sizes are of this picture ("a" or "b").
    """

    matrix: Matrix
    likeness: Likeness
    overlap_a: float
    overlap_b: float
    scale: float

    @property
    def containment(self) -> float:
        """1 when one of the pictures lies wholly inside the other."""
        return max(self.overlap_a, self.overlap_b)

    @property
    def score(self) -> float:
        """One number to choose among fits, at most 1."""
        seen = self.likeness
        enough = min(30.0, 0.3 * seen.n_possible + 1)
        return _quality(seen) * min(1.0, seen.n_textured / enough) * min(1.0, self.containment / 0.6)


def _quality(seen: Likeness) -> float:
    return seen.trimmed_ncc - 0.25 * min(2.0, seen.motion_p75)


_Best = tuple[Matrix, Likeness]


@dataclass(frozen=True, slots=True)
class _Overlap:
    of_a: float
    of_b: float
    scale: float


def overlap(a: tuple[int, int], b: tuple[int, int], matrix: Matrix) -> _Overlap | None:
    """Return the shared areas of pictures of these (width, height); None for a map that folds."""
    corners = np.array([[[0, 0], [a[0], 0], [a[0], a[1]], [0, a[1]]]], np.float64)
    if not np.isfinite(matrix).all():
        return None
    shown = np.asarray(cv2.perspectiveTransform(corners, matrix), np.float32)[0]
    if not np.isfinite(shown).all() or np.abs(shown).max() > 1e5:
        return None
    area = float(cv2.contourArea(shown))
    if area <= 1 or not cv2.isContourConvex(shown):
        return None
    frame = np.array([[0, 0], [b[0], 0], [b[0], b[1]], [0, b[1]]], np.float32)
    shared, _ = cv2.intersectConvexConvex(shown, frame)
    return _Overlap(shared / area, shared / (b[0] * b[1]), float(np.sqrt(area / (a[0] * a[1]))))


def align(a: Sheet, b: Sheet, guess: Matrix, demands: Demands, *, is_near: bool = False) -> Fit | None:
    """Return the best fit near the guess, a map a -> b; None when there is none, or none that copies have.

    is_near: the guess is known to be good to a few pixels, so that the half size need not be asked.
    """
    first = overlap(a.size, b.size, guess)
    if first is None or not 1 / _MOST_SCALE < first.scale < _MOST_SCALE:
        return None
    if first.scale >= 1:
        return _align_to(_Task(a, b, first, demands), guess, is_near)
    # The picture that shows the common part smaller gives the frame: nothing is enlarged.
    flipped = _Overlap(first.of_b, first.of_a, 1 / first.scale)
    fit = _align_to(_Task(b, a, flipped, demands), inverted(guess), is_near)
    return None if fit is None else inverse(fit)


def inverse(fit: Fit) -> Fit:
    """Return the same fit seen from the other picture."""
    matrix = inverted(fit.matrix)
    matrix = matrix / matrix[2, 2]
    return replace(
        fit, matrix=matrix, overlap_a=fit.overlap_b, overlap_b=fit.overlap_a, scale=1 / fit.scale
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """Two pictures to align, the one that shows the common part smaller first; seen: by the guess."""

    ref: Sheet
    src: Sheet
    seen: _Overlap
    demands: Demands


def _align_to(task: _Task, guess: Matrix, is_near: bool) -> Fit | None:
    ref, src, seen, demands = task.ref, task.src, task.seen, task.demands
    if seen.of_a <= _MIN_OVERLAP:
        return None
    zoom = _zoom(ref, seen)
    if not is_near:
        coarse = _Stage.at(ref, src, zoom / 2, seen.scale)
        guess, agreement = coarse.refined(guess, Effort(AFFINE, _COARSE_STEPS, demands.first))
        if agreement < demands.half:
            return None
    stage = _Stage.at(ref, src, zoom, seen.scale)
    fit = _fit(ref, src, stage.fitted(guess, demands.flat))
    if fit is None or not _may_be_inside(ref, src, fit):
        return fit
    return _fit(ref, src, stage.bent((fit.matrix, fit.likeness), demands.bent)) or fit


def frames(a: Sheet, b: Sheet, matrix: Matrix) -> tuple[Level, Level, Matrix] | None:
    """Return both pictures at the size at which they are compared, and the map from the first's points.

    The first is the one that shows the common part smaller. None for a map that folds.
    """
    seen = overlap(a.size, b.size, matrix)
    if seen is not None and seen.scale < 1:
        # Once only: where both are as large, rounding can make either the smaller one.
        a, b, matrix = b, a, inverted(matrix)
        seen = overlap(a.size, b.size, matrix)
    if seen is None:
        return None
    stage = _Stage.at(a, b, _zoom(a, seen), seen.scale)
    return stage.ref, stage.src, stage.inner(matrix)


def _zoom(ref: Sheet, seen: _Overlap) -> float:
    """Return by how much a picture is shrunk for the common part to have the size of the frame."""
    return min(1.0, FRAME_SIDE / max(ref.size) / float(np.sqrt(max(seen.of_a, 0.2))))


def _fit(ref: Sheet, src: Sheet, found: _Best | None) -> Fit | None:
    seen = overlap(ref.size, src.size, found[0]) if found else None
    if found is None or seen is None:
        return None
    return Fit(found[0] / found[0][2, 2], found[1], seen.of_a, seen.of_b, seen.scale)


def _may_be_inside(ref: Sheet, src: Sheet, fit: Fit) -> bool:
    """Return whether one picture may lie in the other; from far outside no more steps will bring it."""
    return fit.containment >= _NEARLY_INSIDE or (
        containment_without_padding(ref, src, fit.matrix, fit.overlap_a, fit.overlap_b) >= _NEARLY_INSIDE
    )


@dataclass(frozen=True)
class _Stage:
    """Both pictures at the scale at which they are compared, and the maps from sheets to levels."""

    ref: Level
    src: Level
    to_ref: Matrix
    to_src: Matrix

    @classmethod
    def at(cls, ref: Sheet, src: Sheet, zoom: float, scale: float) -> "_Stage":
        levels = [_level(ref, zoom), _level(src, min(1.0, zoom / scale))]
        maps = [
            scaling(level.size[0] / sheet.size[0], level.size[1] / sheet.size[1])
            for level, sheet in zip(levels, (ref, src), strict=True)
        ]
        return cls(levels[0], levels[1], maps[0], maps[1])

    @cached_property
    def _target(self) -> Target:
        return Target.of(self.ref.normal)

    @cached_property
    def _rimmed(self) -> Plane:
        return rimmed(self.src.normal)

    def refined(self, matrix: Matrix, effort: Effort) -> tuple[Matrix, float]:
        inner, agreement = refine(self._target, self._rimmed, self.inner(matrix), effort)
        return np.asarray(inverted(self.to_src) @ inner @ self.to_ref, np.float64), agreement

    def inner(self, matrix: Matrix) -> Matrix:
        """Return the map between the levels."""
        return np.asarray(self.to_src @ matrix @ inverted(self.to_ref), np.float64)

    def likeness(self, matrix: Matrix) -> Likeness:
        return likeness(self.ref, self.src, self.inner(matrix))

    def fitted(self, matrix: Matrix, min_agreement: float) -> _Best | None:
        """Return the best map that keeps lines parallel, and what it leaves."""
        matrix, agreement = self.refined(matrix, Effort(AFFINE, _FINE_STEPS, min_agreement))
        if agreement < min_agreement or not np.isfinite(matrix).all():
            return None
        return matrix, self.likeness(matrix)

    def bent(self, flat: _Best, min_agreement: float) -> _Best | None:
        """Return the best map with perspective, if there is motion left and it explains clearly more."""
        if flat[1].trimmed_ncc <= _WORTH_BENDING or flat[1].motion_p75 <= _MOTION_LEFT:
            return None
        matrix, agreement = self.refined(flat[0], Effort(PERSPECTIVE, _FINE_STEPS, min_agreement))
        if agreement < min_agreement or not np.isfinite(matrix).all():
            return None
        alike = self.likeness(matrix)
        return (matrix, alike) if _quality(alike) > _quality(flat[1]) + _CLEARLY_BETTER else None


def _level(sheet: Sheet, zoom: float) -> Level:
    width, height = (max(min(_MIN_SIDE, side), round(side * zoom)) for side in sheet.size)
    return sheet.level(width, height)
