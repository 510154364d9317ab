"""Where a point of one picture lies in the other, at full size, to a fraction of a pixel.

Points are (x, y) with the picture's corner at (0, 0), as in the proof; sizes are (width, height). A
matrix is (3, 3) and takes points of one picture to points of another.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..proof.planes import Grey, Matrix, Plane, blur, scaling, slopes
from .robust import median

Points = npt.NDArray[np.float64]
Size = tuple[int, int]

# Share of the longer side by which the corners of a map may miss those of "all of it is all of the other".
# At 1.2 % the cut-outs that lack 2 % were taken for whole.
_WHOLE = 0.004

# Longer side at which maps are refined, and how much of the sharper picture's detail is kept there.
_SIDE, _FINER = 1024, 1.3
_BLUR = 0.8
_RIM = 4
_STEEP, _MOST_POINTS = 0.8, 30_000
_STEPS = 6
# Pixels: a step below this changes nothing. Shares of what is left: a step that gains less is the last.
_SETTLED, _GAIN = 0.01, 0.995
_DAMPING = 1e-4
_ROW = 256  # OpenCV remaps no more than 32,767 points in one row

# What a refined map must gain to be taken. Whole pictures are so exactly, unless these clearly say
# otherwise: the phase of a filter is no move.
_LEAST_MOVE, _LARGE_MOVE, _CLEAR_GAIN = 0.06, 0.5, 0.9


def full_matrix(matrix: Matrix, sizes: tuple[Size, Size], thumbnails: tuple[Size, Size]) -> Matrix:
    """Return a map between thumbnails of a and b as one between a and b, both (sizes) at full size."""
    (a, b), (small_a, small_b) = sizes, thumbnails
    down = scaling(small_a[0] / a[0], small_a[1] / a[1])
    up = scaling(b[0] / small_b[0], b[1] / small_b[1])
    full = up @ np.asarray(matrix, np.float64).reshape(3, 3) @ down
    return np.asarray(full / full[2, 2], np.float64)


def corners(size: Size) -> Points:
    """Return the corners of a picture (4, 2), clockwise from the upper left."""
    width, height = size
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def mapped(matrix: Matrix, points: Points) -> Points:
    """Return where the points (n, 2) go."""
    moved = np.c_[points, np.ones(len(points))] @ matrix.T
    return np.asarray(moved[:, :2] / moved[:, 2:], np.float64)


def scale_of(matrix: Matrix) -> float:
    """Return how many pixels of the second picture a pixel of the first is long."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))


def upright(matrix: Matrix, size: Size) -> Matrix:
    """Return the quarter turn and mirroring of the second picture (size) that sets a map upright.

    From points of the picture as given to points of it so turned: (upright @ matrix) has its larger numbers
    on the diagonal, and they are positive.
    """
    is_transposed = abs(matrix[0, 1]) + abs(matrix[1, 0]) > abs(matrix[0, 0]) + abs(matrix[1, 1])
    turn = np.eye(3)[[1, 0, 2]] if is_transposed else np.eye(3)
    sides = size[::-1] if is_transposed else size
    for axis, side in enumerate(sides):
        if (turn @ matrix)[axis, axis] < 0:
            turn[axis] = side * np.eye(3)[2] - turn[axis]
    return np.asarray(turn, np.float64)


def turned(picture: Grey, turn: Matrix) -> Grey:
    """Turn and mirror a picture (h, w) or (h, w, 3) as `upright` says."""
    if turn[0, 0] == 0:
        picture = np.asarray(cv2.transpose(picture), np.uint8)
    across, down = turn[0, :2].sum() < 0, turn[1, :2].sum() < 0
    if across or down:
        picture = np.asarray(cv2.flip(picture, -1 if across and down else int(across)), np.uint8)
    return picture


def whole(matrix: Matrix, first: Size, second: Size) -> Matrix | None:
    """Return the exact map of all of the first onto all of the second, in one of 8 forms.

    None where the matrix does not say that, to 0.4 % of the longer side.
    """
    turn = upright(matrix, second)
    width, height = second if turn[0, 0] else second[::-1]
    exact = np.linalg.inv(turn) @ scaling(width / first[0], height / first[1])
    missed = mapped(exact, corners(first)) - mapped(matrix, corners(first))
    return np.asarray(exact, np.float64) if np.abs(missed).max() < _WHOLE * max(second) else None


def aligned(lesser: Grey, finer: Grey, matrix: Matrix) -> Matrix:
    """Return the map between two grey pictures as exactly as they tell it.

    matrix: points of the lesser (the one with fewer pixels of the scene) to points of the finer, good to
    a few pixels. Whole pictures lie on each other exactly; others are refined.
    """
    size, other = _size(lesser), _size(finer)
    exact = whole(matrix, size, other)
    start = matrix if exact is None else exact
    found = refine(lesser, finer, start)
    moved = np.abs(mapped(found.matrix, corners(size)) - mapped(start, corners(size))).max()
    moved /= max(1.0, scale_of(start))
    is_phase = exact is not None and moved < _LARGE_MOVE
    gain = found.left / max(found.left_before, 1e-6)
    is_better = moved > _LEAST_MOVE and gain < (_CLEAR_GAIN if is_phase else _GAIN)
    return found.matrix if is_better else start


@dataclass(frozen=True, slots=True)
class Refined:
    """A map, and the mean difference in levels that it and the one before leave where it is steep."""

    matrix: Matrix
    left: float
    left_before: float


def refine(lesser: Grey, finer: Grey, matrix: Matrix) -> Refined:
    """Move a map until two grey pictures (h, w) lie on each other.

    Inverse compositional Gauss-Newton over six numbers, with weights that forget what differs.
    """
    ref, to_ref = _shrunk(lesser, min(1.0, _SIDE / max(lesser.shape)))
    share = to_ref[0, 0] / scale_of(matrix) * (_FINER if scale_of(matrix) > 1 else 1)
    src, to_src = _shrunk(finer, min(1.0, share))
    target = _Target.of(ref)
    now = to_src @ matrix @ np.linalg.inv(to_ref)
    best, best_left = now, np.inf
    first = None
    for _ in range(_STEPS):
        seen = target.compare(src, now)
        first = seen.left if first is None else first
        if seen.left < best_left * _GAIN:
            best, best_left = now, seen.left
        elif best is not now:
            break
        move, size = target.step(seen)
        now = now @ move
        if size < _SETTLED:
            break
    last = target.compare(src, now).left
    if last < best_left * _GAIN:
        best, best_left = now, last
    return Refined(np.linalg.inv(to_src) @ best @ to_ref, best_left, first or 0.0)


def _shrunk(picture: Grey, share: float) -> tuple[Plane, Matrix]:
    """Return the picture at this share of its size, slightly blurred, and the map to its points."""
    width, height = _size(picture)
    size = max(8, round(width * share)), max(8, round(height * share))
    small = picture if size == (width, height) else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    plane = blur(np.asarray(small, np.float32), _BLUR)
    return plane, scaling(size[0] / width, size[1] / height)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What differs at the points of a target (n,), and how much of it, in levels."""

    error: Plane
    left: float


@dataclass(frozen=True, slots=True)
class _Target:
    """The steep points of a picture, n of them, from its middle in units of half its longer side.

    level: (n,). places: (3, n) x, y, 1 in pixels. jacobian: (n, 6) how the levels change with the numbers
    of a map. to_pixels: from units to pixels.
    """

    level: Plane
    places: Points
    jacobian: Points
    to_pixels: Matrix

    @classmethod
    def of(cls, ref: Plane) -> "_Target":
        height, width = ref.shape
        unit = max(width, height) / 2
        across, down = slopes(ref)
        at = _steepest(across, down)
        y, x = (at // width + 0.5), (at % width + 0.5)
        to_pixels = np.array([[unit, 0, width / 2], [0, unit, height / 2], [0, 0, 1.0]])
        right, below = (x - width / 2) / unit, (y - height / 2) / unit
        gx, gy = across.ravel()[at] * unit, down.ravel()[at] * unit
        rows = [gx * right, gx * below, gx, gy * right, gy * below, gy]
        places = np.stack([x, y, np.ones_like(x)])
        return cls(ref.ravel()[at], places, np.stack(rows, 1).astype(np.float64), to_pixels)

    def compare(self, src: Plane, matrix: Matrix) -> _Seen:
        """Look up the points in another picture and take a gain and an offset away."""
        shown = _sampled(src, matrix @ self.places)
        gain = np.cov(shown, self.level)[0, 1] / (shown.var() + 1)
        error = shown * gain - self.level
        error = error - median(error)
        worst = np.sort(np.abs(error))
        return _Seen(np.asarray(error, np.float32), float(worst[: int(0.9 * len(worst)) + 1].mean()))

    def step(self, seen: _Seen) -> tuple[Matrix, float]:
        """Return the map of the picture's points that lessens what differs, and its size in pixels."""
        scale = 2 * 1.4826 * median(np.abs(seen.error)) + 0.5
        weight = 1 / (1 + (seen.error / scale) ** 2) ** 2
        weighted = self.jacobian * weight[:, None]
        normal = self.jacobian.T @ weighted
        normal += np.eye(6) * (_DAMPING * np.trace(normal) / 6 + 1e-6)  # blank pictures have no slopes
        p = -np.linalg.solve(normal, weighted.T @ seen.error)
        move = np.eye(3) + np.vstack([p.reshape(2, 3), np.zeros(3)])
        return self.to_pixels @ move @ np.linalg.inv(self.to_pixels), float(
            np.abs(p).max() * self.to_pixels[0, 0]
        )


def _steepest(across: Plane, down: Plane) -> npt.NDArray[np.int64]:
    """Return the flat indices of the steepest fifth, at most 30,000, without the rim."""
    height, width = across.shape
    steepness = across * across + down * down
    rim = min(_RIM, (min(height, width) - 1) // 4)
    inner = np.zeros((height, width), np.bool_)
    inner[rim : height - rim, rim : width - rim] = True
    limit = np.quantile(steepness[inner][::7], _STEEP)
    at = np.flatnonzero(inner & (steepness >= limit))
    return at[:: max(1, len(at) // _MOST_POINTS)]


def _sampled(plane: Plane, places: Points) -> Plane:
    """Return the levels of a plane at homogeneous points (3, n)."""
    points = (places[:2] / places[2] - 0.5).astype(np.float32)
    n = points.shape[1]
    padded = np.pad(points, ((0, 0), (0, -n % _ROW)), mode="edge").reshape(2, -1, _ROW)
    levels = cv2.remap(plane, padded[0], padded[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(levels, np.float32).ravel()[:n]


def _size(picture: Grey | Plane) -> Size:
    return picture.shape[1], picture.shape[0]
