"""Whether a whole frame is explained by its source: each block within the frame's own quantization.

A window tells which of two pictures came first. That the later one holds nothing of its own takes every
block: a block whose coefficients no source pixels explain shows something else, however small.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ...indexer.decode.full import Kernel
from ...indexer.decode.jpeg_planes import JpegPlanes
from ..proof.planes import Grey, Plane
from .blocks import ARITHMETIC, DCT, SIDE, Table, blocks_at, frequencies, levels_of
from .curves import fit_curves, toned
from .placed import Placed, Rect
from .predict import grey

Mask = npt.NDArray[np.bool_]
Cells = tuple[npt.NDArray[np.int64], ...]  # rows, columns

_STRIP = 1_000_000  # pixels that are compared at a time
_COLORLESS = 6.0  # levels of chroma that a block may have by chance
_CELL = 16  # pixels: a block of luma or two, a block of the chroma of most JPEGs

# Levels beyond half a step that rounding may add to a coefficient: of luma, of chroma, after curves.
# Rounding is the same for all pixels of an even row or column, so that the first coefficients gather it.
_GATHERED = np.ones((SIDE, SIDE), np.float32)
_GATHERED[0, :] = _GATHERED[:, 0] = 2.0
_GATHERED[0, 0] = 3.2
_LUMA_ROUNDING, _CHROMA_ROUNDING = 1.5, 2.0
# What curves, and another program's resize or one in two steps, add to that.
_CURVE_ROUNDING, _RESIZED_ROUNDING = 2.0, 1.2
_EDGES = 0.012  # the latter, of a block's standard deviation, in what is allowed
# Levels by which the pixels of a picture without a table may differ.
_PIXEL_ROUNDING = 2.0

# Errors in allowances: alone in a frame so much may be chance; so large a one never is.
_EXCEEDS, _NEVER_CHANCE = 1.0, 1.3
_MOST_ALONE = 5e-3  # share of all cells
# How often bounds, tighter ones, are enforced to find what a file does not show; and for how many blocks.
_TURNS, _TIGHT, _MOST_LEFT = (6, 18, 40), 0.9, 2000
# With so much unexplained the model is wrong, and the places would say nothing.
_WRONG_MODEL = 0.2
_FEW, _FEW_CELLS = 0.01, 8

_STRIPES, _STRIPE = 24, 8  # what curves are fitted to


@dataclass(frozen=True, slots=True)
class Explained:
    """How well a frame is explained.

    excess: (rows, columns) float32, the largest error of each cell of 16 x 16 pixels (from the target's
    corner) in what is allowed for it; 0 where the source shows nothing. luma, chroma: share of the shown
    cells that exceed it in that alone.
    """

    excess: Plane
    luma: float
    chroma: float

    @property
    def fits(self) -> bool:
        """Whether the model is right, though places may differ."""
        return self.beyond < _WRONG_MODEL

    @property
    def beyond(self) -> float:
        """Share of the shown cells that exceed what is allowed; as in `luma` and `chroma`."""
        return max(self.luma, self.chroma)

    @property
    def is_spread(self) -> bool:
        """Whether more is not explained than a few things would make."""
        number = float((self.excess > _EXCEEDS).sum())
        return number > _FEW_CELLS and self.beyond > _FEW

    @property
    def is_whole(self) -> bool:
        """Whether nothing differs but for chance."""
        return not self.differs.any() and self.beyond <= _MOST_ALONE

    @property
    def differs(self) -> Mask:
        """The cells (rows, columns) that differ: much, or beside others that do."""
        beyond = (self.excess > _EXCEEDS).astype(np.float32)
        around = cv2.boxFilter(beyond, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
        return np.asarray((self.excess > _NEVER_CHANCE) | ((beyond > 0) & (around > 1.5)), np.bool_)


def explained(placed: Placed, kernel: Kernel, curves: Plane | None = None) -> Explained:
    """Compare all that the source shows of the target. curves: from `frame_curves`, if it was toned."""
    exact = _compared(placed, kernel, curves, is_lenient=False)
    if not placed.is_resized or exact.is_whole or not exact.fits or not exact.is_spread:
        return exact
    # A resize by another program, or in two steps, misses a little in many places: not in a few.
    return _compared(placed, kernel, curves, is_lenient=True)


def _compared(placed: Placed, kernel: Kernel, curves: Plane | None, *, is_lenient: bool) -> Explained:
    height, width = placed.target.luma.shape
    cells = -(-height // _CELL), -(-width // _CELL)
    luma, chroma = np.zeros(cells, np.float32), np.zeros(cells, np.float32)
    shown, beyond = 0, np.zeros(2)
    rounding = (curves is not None) * _CURVE_ROUNDING + is_lenient * _RESIZED_ROUNDING
    compare = _against_pixels if placed.target.planes is None else _against_planes
    for rect in _strips(placed):
        rgb = placed.predict(rect, kernel)
        guess = _Guess(rgb, None if curves is None else toned(curves, rgb), rounding, is_lenient)
        rows = slice(rect[1] // _CELL, -(-rect[3] // _CELL))
        columns = slice(rect[0] // _CELL, -(-rect[2] // _CELL))
        excess = compare(placed, rect, guess)
        luma[rows, columns], chroma[rows, columns] = excess
        shown += excess[0].size
        beyond += [(plane > _EXCEEDS).sum() for plane in excess]
        if beyond.max() > _WRONG_MODEL * luma.size:
            break  # whatever the rest shows
    share = beyond / max(1, shown)
    return Explained(np.maximum(luma, chroma), float(share[0]), float(share[1]))


def frame_curves(placed: Placed, kernel: Kernel) -> Plane:
    """Return the curves (3, 256, k) that make the target's planes from the source, fitted to stripes."""
    x0, y0, x1, y1 = placed.rect
    source, target = [], []
    for y in np.linspace(y0, max(y0, y1 - _STRIPE), _STRIPES).astype(int):
        lower = min(y1, int(y) + _STRIPE)
        source.append(placed.predict((x0, int(y), x1, lower), kernel).reshape(-1, 3))
        target.append(_planes(placed)[int(y) : lower, x0:x1].reshape(-1, _planes(placed).shape[2]))
    return fit_curves(np.concatenate(source), np.concatenate(target))


def _planes(placed: Placed) -> Grey:
    """Return what the target stores: Y, Cb, Cr or Y of a JPEG; red, green and blue of others."""
    planes = placed.target.planes
    return placed.target.rgb if planes is None else planes.pixels


@dataclass(frozen=True, slots=True)
class _Guess:
    """A prediction: rgb (h, w, 3), and planes (h, w, k) as the target stores them, where curves made them.

    rounding: levels by which it may miss a coefficient. is_lenient: and more so at edges.
    """

    rgb: Grey
    planes: Plane | None
    rounding: float
    is_lenient: bool

    def luma(self) -> Plane:
        """Return Y (h, w) in 0..255."""
        return grey(self.rgb) if self.planes is None else np.clip(self.planes[..., 0], 0, 255)

    def chroma(self, share: tuple[int, int]) -> Plane:
        """Return Cb and Cr (h, w, 2) in 0..255, each value the mean over share pixels."""
        if self.planes is not None:
            return _shrunk(np.clip(self.planes[..., 1:], 0, 255), share)
        both = cv2.transform(_shrunk(self.rgb, share), _TO_CHROMA)
        return np.asarray(np.round(both) if share == (1, 1) else both, np.float32)


def _strips(placed: Placed) -> Iterator[Rect]:
    """Yield what the source shows of the target in strips of whole cells.

    A cell that the source shows only a part of, within the target, is left out.
    """
    height, width = placed.target.luma.shape
    x0, y0, x1, y1 = placed.rect
    left, upper = -(-x0 // _CELL) * _CELL, -(-y0 // _CELL) * _CELL
    right = x1 if x1 == width else x1 // _CELL * _CELL
    lower = y1 if y1 == height else y1 // _CELL * _CELL
    if right <= left:
        return
    rows = max(1, _STRIP // (right - left) // _CELL) * _CELL
    for y in range(upper, lower, rows):
        yield left, y, right, min(lower, y + rows)


def _against_pixels(placed: Placed, rect: Rect, guess: _Guess) -> tuple[Plane, Plane]:
    """Return the excess of the cells of a strip of a picture whose pixels are exact: a PNG, say."""
    x0, y0, x1, y1 = rect
    target = placed.target.rgb[y0:y1, x0:x1].astype(np.float32)
    made = guess.rgb if guess.planes is None else np.clip(guess.planes, 0, 255)
    error = np.abs(target - made).max(2)
    worst = _most(error, _CELL) / (_PIXEL_ROUNDING + guess.rounding)
    return worst, np.zeros_like(worst)


def _against_planes(placed: Placed, rect: Rect, guess: _Guess) -> tuple[Plane, Plane]:
    """Return the excess of the cells of a strip of a JPEG, in luma and in chroma."""
    planes = placed.target.planes
    assert planes is not None
    x0, y0, x1, y1 = rect
    more = guess.rounding
    stored = placed.target.luma[y0:y1, x0:x1].astype(np.float32)
    of_luma = _excess(guess.luma(), stored, planes.tables[0], _LUMA_ROUNDING + more)
    if guess.is_lenient:
        inner = of_luma[: (y1 - y0) // SIDE, : (x1 - x0) // SIDE]
        inner /= _slack(guess.luma())
    worst = _most(of_luma, _CELL // SIDE)
    if len(planes.tables) < 3:
        return worst, _colors_lost(guess, worst.shape)
    share = planes.shares[1]
    found = guess.chroma(share)
    both = [
        _excess(
            np.ascontiguousarray(found[..., k]),
            _stored_chroma(planes, 1 + k, rect),
            planes.tables[1 + k],
            _CHROMA_ROUNDING + more,
        )
        for k in (0, 1)
    ]
    cell = max(1, _CELL // SIDE // share[1]), max(1, _CELL // SIDE // share[0])
    return worst, _on_cells(np.maximum(*both), cell, worst.shape)


def _colors_lost(guess: _Guess, shape: tuple[int, ...]) -> Plane:
    """Return how colorful each cell is that a grey target shows without color, in what may be chance."""
    if guess.planes is not None:
        return np.zeros(shape, np.float32)
    color = np.abs(guess.chroma((SIDE, SIDE)) - 128).max(2) / _COLORLESS
    return _on_cells(color, (_CELL // SIDE, _CELL // SIDE), shape)


def _stored_chroma(planes: JpegPlanes, index: int, rect: Rect) -> Plane:
    """Return a plane of color of a rect, whose corner is one of a cell, as it is stored: (h, w)."""
    x0, y0, x1, y1 = rect
    left, upper = min(x0, _CELL), min(y0, _CELL)  # what was enlarged looks at its neighbors
    part = planes.pixels[y0 - upper : y1 + _CELL, x0 - left : x1 + _CELL]
    share = planes.shares[index]
    whole = _unsmoothed(
        _shrunk(_even(np.asarray(cv2.extractChannel(part, index), np.uint8), share), share), share
    )
    left, upper = left // share[0], upper // share[1]
    return whole[upper : upper + -(-(y1 - y0) // share[1]), left : left + -(-(x1 - x0) // share[0])]


def _even(part: Grey, share: tuple[int, int]) -> Plane:
    """Return an enlarged plane (h, w) with the last row and column that an odd picture does not show."""
    levels = part.astype(np.float32)
    # What is shown is 3/4 of the last sample and 1/4 of the one before; the row behind is the last sample.
    if share[1] == 2 and levels.shape[0] % 2 and levels.shape[0] > 1:
        levels = np.concatenate([levels, (3 * levels[-1:] - levels[-2:-1]) / 2])
    if share[0] == 2 and levels.shape[1] % 2 and levels.shape[1] > 1:
        levels = np.concatenate([levels, (3 * levels[:, -1:] - levels[:, -2:-1]) / 2], axis=1)
    return levels


def _on_cells(plane: Plane, cell: tuple[int, int], shape: tuple[int, ...]) -> Plane:
    """Return the largest value for each cell; a block that spans several cells counts in each."""
    most = _most(plane, cell[0], cell[1])
    rows, columns = (-(-want // have) for want, have in zip(shape, most.shape, strict=True))
    return np.kron(most, np.ones((rows, columns), np.float32))[: shape[0], : shape[1]]


def _most(plane: Plane, rows: int, columns: int | None = None) -> Plane:
    """Return the largest value of each rows x columns of a plane; the last ones may be smaller."""
    down = np.maximum.reduceat(plane, np.arange(0, plane.shape[0], rows), axis=0)
    return np.asarray(
        np.maximum.reduceat(down, np.arange(0, plane.shape[1], columns or rows), axis=1), np.float32
    )


def _shrunk(plane: npt.NDArray[np.generic], share: tuple[int, int]) -> Plane:
    """Return the means of (h, w, ...) over share pixels, as an encoder makes its smaller planes."""
    levels = plane.astype(np.float32)
    if share == (1, 1):
        return levels
    height, width = levels.shape[:2]
    if height % share[1] or width % share[0]:
        beyond = ((0, -height % share[1]), (0, -width % share[0]), (0, 0))
        levels = np.pad(levels, beyond[: levels.ndim], mode="edge")
    size = levels.shape[1] // share[0], levels.shape[0] // share[1]
    return np.asarray(cv2.resize(levels, size, interpolation=cv2.INTER_AREA), np.float32)


_TO_CHROMA = np.array([[-0.168736, -0.331264, 0.5, 128], [0.5, -0.418688, -0.081312, 128]], np.float32)

# Decoders enlarge chroma by 3/4 of the nearest and 1/4 of the next sample. The means of what they made are
# the stored samples under (1/8, 3/4, 1/8); this undoes it.
_TAPS = np.array([(8**0.5 - 3) ** abs(k) for k in range(-4, 5)], np.float32) * np.float32(2**0.5)
_TAPS /= _TAPS.sum()
_NO_TAP = np.ones(1, np.float32)


def _unsmoothed(plane: Plane, share: tuple[int, int]) -> Plane:
    across, down = (_TAPS if times == 2 else _NO_TAP for times in share)
    return np.asarray(cv2.sepFilter2D(plane, -1, across, down, borderType=cv2.BORDER_REFLECT), np.float32)


def _slack(guess: Plane) -> Plane:
    """Return by how much errors may exceed in each block when another resize was used: more at edges."""
    height, width = guess.shape
    size = width // SIDE, height // SIDE
    whole = guess[: size[1] * SIDE, : size[0] * SIDE]
    mean = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    square = cv2.resize(whole * whole, size, interpolation=cv2.INTER_AREA)
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    return np.asarray(1 + _EDGES * spread, np.float32)


def _excess(guess: Plane, target: Plane, table: Table, rounding: float) -> Plane:
    """Return the largest error of each block (rows, columns) in what quantization and rounding allow.

    guess, target: (h, w) from a corner of a block; the last blocks may hang over the edge.
    """
    height, width = target.shape
    beyond = (0, -height % SIDE), (0, -width % SIDE)
    if beyond != ((0, 0), (0, 0)):
        guess = np.pad(guess, beyond, mode="edge")
    error = np.zeros_like(guess)
    np.subtract(target, guess[:height, :width], out=error[:height, :width])
    allowed = np.asarray(table * (0.5 + ARITHMETIC) + rounding * _GATHERED, np.float32)
    worst = _largest(error, np.asarray(1 / allowed, np.float32))
    failed = worst > _EXCEEDS
    if failed.any():
        cut = np.nonzero(failed & _cut(target, worst.shape))
        worst[cut] = _completed(guess, target, cut, allowed)
    return worst


def _cut(target: Plane, shape: tuple[int, ...]) -> Mask:
    """Return the blocks (rows, columns) that hang over the edge or have levels that were cut off."""
    rows, columns = target.shape[0] // SIDE, target.shape[1] // SIDE
    cut = np.ones(shape, np.bool_)
    is_end = ((target <= 0) | (target >= 255))[: rows * SIDE, : columns * SIDE]
    cut[:rows, :columns] = is_end.reshape(rows, SIDE, columns, SIDE).any((1, 3))
    return cut


def _completed(guess: Plane, target: Plane, at: Cells, allowed: Plane) -> Plane:
    """Return the largest errors of n blocks with what the file stores of them but does not show, (n,).

    Levels are cut off, and blocks hang over the edge. What is not shown may be anything that keeps the
    coefficients within their bounds: both are enforced in turns until they agree, or do not.
    """
    wanted = blocks_at(guess, *at)
    beyond = [(0, guess.shape[k] - target.shape[k]) for k in (0, 1)]
    shown = blocks_at(np.pad(target, beyond, constant_values=np.nan), *at)
    low = np.where(shown > 0, shown, -np.inf).astype(np.float32)
    high = np.where(shown < 255, shown, np.inf).astype(np.float32)
    stored = np.clip(wanted, low, high)
    error = np.full(len(wanted), np.inf, np.float32)
    bound = np.float32(_TIGHT) * allowed
    for turns in _TURNS:
        left = np.flatnonzero(error > _EXCEEDS)
        if len(left) > _MOST_LEFT and turns != _TURNS[0]:
            break  # not by chance
        part, bounds, now = wanted[left], (low[left], high[left]), stored[left]
        for _ in range(turns):
            within = levels_of(np.clip(frequencies(now - part), -bound, bound))
            now = np.clip(np.add(part, within, out=within), *bounds, out=within)
        stored[left] = now
        error[left] = (np.abs(frequencies(now - part)) / allowed).max((1, 2))
    return error


def _largest(error: Plane, weight: Plane) -> Plane:
    """Return the largest weighted coefficient of each block of (h, w), without moving the blocks about."""
    rows, columns = error.shape[0] // SIDE, error.shape[1] // SIDE
    down = DCT @ error.reshape(rows, SIDE, -1)
    both = (down.reshape(-1, SIDE) @ DCT.T).reshape(rows, SIDE, columns * SIDE)
    np.abs(both, out=both)
    both *= np.tile(weight, columns)
    return np.asarray(both.max(1).reshape(rows, columns, SIDE).max(2), np.float32)
