"""What is left between two aligned pictures: where they differ, and what motion remains."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from .picture import Level
from .planes import Matrix, Plane, cell_sums, joined, slopes, warp

# Pixels of the frame. Blocks overlap by half.
BLOCK = 12
_MOTION_BLOCK = 14
_SMALL_MOTION_BLOCK = 10  # in frames with a side below the limit, for enough of them
_SMALL_FRAME = 60

_FILLED = 0.7  # share of a block that must lie in both pictures
_TEXTURE = 25.0  # levels squared: what flat areas of a JPEG do not reach
_FLATTEST = 4.0  # levels squared, below which a block's variance is rounding
_MIN_BLOCKS = 4  # fewer say nothing
_MIN_PIXELS = 150
_SAME = 0.7  # correlation of a block that shows the same thing
# Smaller eigenvalue of the slopes per pixel of a normalized block: it has slopes in both directions.
_TWO_WAY = 0.01
NO_MOTION_KNOWN = 9.0


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two aligned pictures are.

    trimmed_ncc: correlation within the textured blocks, the worst quarter (stamps, text) left out.
    same_share: share of textured blocks that correlate by more than 0.7. n_textured: their number, of
    n_possible in the frame. motion_median, motion_p75: pixels of the frame that the blocks would still
    like to move; n_blocks: those with texture enough to say. drift: 75 % of the motion of blocks twice as
    large, where noise and stamps average out and another point of view does not. grey: correlation over
    the whole overlap.
    """

    trimmed_ncc: float = 0.0
    same_share: float = 0.0
    n_textured: int = 0
    n_possible: int = 1
    motion_median: float = NO_MOTION_KNOWN
    motion_p75: float = NO_MOTION_KNOWN
    n_blocks: int = 0
    drift: float = NO_MOTION_KNOWN
    grey: float = 0.0


def likeness(ref: Level, src: Level, matrix: Matrix) -> Likeness:
    """Compare ref with src, whose points the matrix gives for points of ref, at about the same scale."""
    width, height = ref.size
    ones = np.ones((src.size[1], src.size[0]), np.float32)
    cover = warp(ones, matrix, width, height) > 0.99
    possible = max(1, (height // (BLOCK // 2) - 1) * (width // (BLOCK // 2) - 1))
    if np.count_nonzero(cover) < _MIN_PIXELS:
        return Likeness(n_possible=possible)
    shown = warp(src.grey, matrix, width, height)
    ncc, same, n_textured = _texture(ref.grey, shown, cover)
    near, far = _motions(ref.normal, warp(src.normal, matrix, width, height), cover)
    grey = _correlation(ref.grey[cover], shown[cover])
    return Likeness(ncc, same, n_textured, possible, near.median, near.p75, near.n_blocks, far.p75, grey)


def _correlation(a: Plane, b: Plane) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a @ b) / np.sqrt((a @ a) * (b @ b) + 1e-3))


@dataclass(frozen=True, slots=True)
class Blocks:
    """What blocks of 12 pixels that overlap by half show, each (rows, columns).

    textured: whether there is something to see. product: covariance; var_a, var_b: variances, in levels
    squared. ncc: correlation.
    """

    textured: npt.NDArray[np.bool_]
    product: Plane
    var_a: Plane
    var_b: Plane
    ncc: Plane

    @property
    def differ(self) -> npt.NDArray[np.bool_]:
        """Which blocks show something else."""
        return np.asarray(self.textured & (self.ncc <= _SAME), np.bool_)


def compare_blocks(a: Plane, b: Plane, cover: npt.NDArray[np.bool_]) -> Blocks:
    """Compare two pictures of one size where both have something to show."""
    inside = cover.astype(np.float32)
    a, b = (np.asarray(cv2.GaussianBlur(each, (0, 0), 0.7), np.float32) * inside for each in (a, b))
    n, *sums = joined(cell_sums((inside, a, b, a * a, b * b, a * b), BLOCK // 2))
    mean_a, mean_b, square_a, square_b, product = np.stack(sums) / np.maximum(n, 1)
    var_a, var_b, product = square_a - mean_a**2, square_b - mean_b**2, product - mean_a * mean_b
    # Either picture's texture counts: a copy with less contrast has it as well.
    textured = (n > _FILLED * BLOCK**2) & ((var_a > _TEXTURE) | (var_b > _TEXTURE))
    ncc = product / np.sqrt(np.maximum(var_a, _FLATTEST) * np.maximum(var_b, _FLATTEST))
    return Blocks(textured, product, var_a, var_b, np.asarray(ncc, np.float32))


def _texture(a: Plane, b: Plane, cover: npt.NDArray[np.bool_]) -> tuple[float, float, int]:
    """Return trimmed correlation, share of blocks alike and number of textured blocks."""
    blocks = compare_blocks(a, b, cover)
    seen = blocks.textured
    count = int(np.count_nonzero(seen))
    if count < _MIN_BLOCKS:
        return 0.0, 0.0, count
    ncc = blocks.ncc[seen]
    kept = ncc >= _quantile(np.sort(ncc), 0.25)
    variances = (np.maximum(each[seen][kept], 0) for each in (blocks.var_a, blocks.var_b))
    # Not below what rounding leaves: blocks that are quite flat in one picture would divide by nothing.
    spread = max(float(np.sqrt(np.prod(list(variances), 0)).sum()), _FLATTEST * int(kept.sum()))
    return float(blocks.product[seen][kept].sum()) / spread, float((ncc > _SAME).mean()), count


@dataclass(frozen=True, slots=True)
class _Motion:
    """Sizes of the blocks' leftover shifts in pixels of the frame: quantiles, and how many blocks."""

    median: float = NO_MOTION_KNOWN
    p75: float = NO_MOTION_KNOWN
    n_blocks: int = 0


def _motions(a: Plane, b: Plane, cover: npt.NDArray[np.bool_]) -> tuple[_Motion, _Motion]:
    """Return the leftover motion of blocks and, with less noise, of blocks twice as large."""
    near, far = block_shifts(a, b, cover)
    return _motion(near), _motion(far)


@dataclass(frozen=True, slots=True)
class Shifts:
    """Where blocks of two aligned pictures would still like to move, in pixels of the frame.

    known: (rows, columns), whether a block has texture enough to say. x, y: (n,) of those that have.
    """

    known: npt.NDArray[np.bool_]
    x: Plane
    y: Plane


def block_shifts(a: Plane, b: Plane, cover: npt.NDArray[np.bool_]) -> tuple[Shifts, Shifts]:
    """Return the shifts of blocks and of blocks twice as large; a, b: normalized pictures of one size."""
    block = _SMALL_MOTION_BLOCK if min(a.shape) < _SMALL_FRAME else _MOTION_BLOCK
    kernel = np.ones((5, 5), np.uint8)
    eroded = cv2.erode(cover.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    inside = np.asarray(eroded, np.float32)
    x, y = slopes(np.asarray((a + b) / 2, np.float32))
    x, y, error = x * inside, y * inside, (b - a) * inside
    cells = cell_sums((x * x, x * y, y * y, x * error, y * error, inside), block // 2)
    blocks = joined(cells)
    far = blocks[:, :-2, :-2] + blocks[:, 2:, :-2] + blocks[:, :-2, 2:] + blocks[:, 2:, 2:]
    return _shifts(blocks, block), _shifts(far, 2 * block)


def _shifts(sums: Plane, block: int) -> Shifts:
    """Solve one Lucas-Kanade step per block, from the products of slopes and differences."""
    xx, xy, yy, xe, ye, n = sums
    half = (xx + yy) / 2
    det = xx * yy - xy * xy
    weaker = half - np.sqrt(np.maximum(0, half * half - det))
    known = (n > _FILLED * block**2) & (weaker > _TWO_WAY * block**2)
    shift_x = (yy * xe - xy * ye)[known] / det[known]
    shift_y = (xx * ye - xy * xe)[known] / det[known]
    return Shifts(known, shift_x, shift_y)


def _motion(shifts: Shifts) -> _Motion:
    count = len(shifts.x)
    if count < _MIN_BLOCKS:
        return _Motion(n_blocks=count)
    sizes = np.sort(np.hypot(shifts.x, shifts.y))
    return _Motion(_quantile(sizes, 0.5), _quantile(sizes, 0.75), count)


def _quantile(ordered: Plane, share: float) -> float:
    """Return the value below which this share lies; numpy's own takes longer than all the rest here."""
    return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))])
