"""A JPEG that was saved several times: the saves in between, found by trying them on blocks.

Each save rounds to its own steps, so that the last one's steps alone do not explain the copy. Whoever does
the same saves comes to the same coefficients, nearly all of them; any other change does not.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...indexer.decode.full import Kernel
from ..proof.planes import Grey, Plane
from .blocks import SIDE, Table, blocks_at, frequencies
from .codec import saved
from .frame import Explained, explained
from .placed import Placed, Rect
from .predict import grey, kernels_for, middle

# Pixels of the window for colors, and of a unit whose color is halved.
_WINDOW, _LEAST_WINDOW, _UNIT = 192, 48, 2 * SIDE
# Side of the part whose blocks are looked at, in pixels.
_PART = 640
# Blocks of luma that are looked at, those with most in them; none with levels that may be cut off.
_MOST_BLOCKS, _FEW_BLOCKS, _TRIED = 200, 100, 3000
_BLACK, _WHITE = 8, 247
_QUALITIES = range(30, 99)
_BEAM = 4
# Share of the coefficients that come out otherwise: with the right saves (strong colors that are cut off
# move luma, too); at most, with one, two and three saves that may lead to them; and by what one more must
# lessen it, but where nearly nothing is left. Measured on 42 chains: at most .19; .56, .33 and .19.
_RIGHT, _LEADING, _GAIN, _NEARLY = 0.22, (0.6, 0.36, 0.22), 0.9, 0.1
# Shares of the cells of a window and of a frame that other saves than the right ones do not explain.
_OTHER_SAVES_WINDOW, _OTHER_SAVES = 0.3, 0.02
_LEAST_COEFFICIENTS = 200
_SUBSAMPLINGS = (
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
)

Qualities = tuple[int, ...]
# Of each save: quality and how its colors are subsampled.
Saves = tuple[tuple[int, int], ...]


def explained_by_saves(placed: Placed, kernel: Kernel) -> Explained | None:
    """Compare a target's frame with what its source becomes by saves before the target's last one.

    None where no saves are found that would make nearly all of it, or the source does not show all of it.
    """
    rect, table = _window(placed), placed.target.table
    part = middle(placed, _PART)
    is_grown = max(placed.scale) < 1
    if rect is None or part is None or table is None or is_grown or not placed.is_all:
        return None
    kernel, blocks = _blocks_in(placed, part, table, kernel)
    height, width = placed.target.luma.shape
    frame, whole = (0, 0, width, height), None
    for qualities in _qualities(blocks) if blocks.tell else ():
        whole = placed.predict(frame, kernel) if whole is None else whole
        best: Explained | None = None
        for saves in _saves(placed, rect, whole, qualities):
            found = explained(_laid(placed, _saved(whole, saves), frame), kernel)
            if best is None or found.beyond < best.beyond:
                best = found
            if found.is_whole or found.beyond > _OTHER_SAVES:
                break
        if best is not None and best.beyond <= _OTHER_SAVES and not best.is_spread:
            return best
    return None


def _blocks_in(placed: Placed, part: Rect, table: Table, kernel: Kernel) -> "tuple[Kernel, _Blocks]":
    """Return blocks of a part, and the kernel that explains most of it with one save more.

    Without that save kernels differ less than it does.
    """
    plain = replace(placed, source=np.asarray(grey(placed.source), np.uint8))
    x0, y0, x1, y1 = part
    target = placed.target.luma[y0:y1, x0:x1]
    if placed.is_resized:
        costs = {}
        for each in kernels_for(placed):
            cost = _Cost(_Blocks.of(plain.predict(part, each), target, table, _FEW_BLOCKS))
            costs[each] = min(cost((quality,)) for quality in _QUALITIES)
        kernel = min(costs, key=lambda each: costs[each])
    return kernel, _Blocks.of(plain.predict(part, kernel), target, table)


def _window(placed: Placed) -> Rect | None:
    """Return the middle of the target from a corner of a unit, in whole units."""
    rect = middle(placed, _WINDOW)
    if rect is None:
        return None
    left, upper = (-(-side // _UNIT) * _UNIT for side in rect[:2])
    right, lower = (side // _UNIT * _UNIT for side in rect[2:])
    is_large = min(right - left, lower - upper) >= _LEAST_WINDOW
    return (left, upper, right, lower) if is_large else None


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Blocks of the source's luma, side by side, (8 n, 8) uint8; the target's in steps, (n, 8, 8)."""

    source: Grey
    steps: Plane
    table: Plane

    @classmethod
    def of(cls, source: Grey, target: Grey, table: Table, most: int = _MOST_BLOCKS) -> "_Blocks":
        """Choose the blocks of two pictures (h, w) that have most to tell."""
        steps = table.astype(np.float32)
        levels = _all_blocks(target)
        ends = levels.reshape(len(levels), -1)
        at = np.flatnonzero((ends.min(1) >= _BLACK) & (ends.max(1) <= _WHITE))
        at = at if len(at) <= _TRIED else np.random.default_rng(0).choice(at, _TRIED, replace=False)
        stored = np.asarray(np.round(frequencies(levels[at] - 128) / steps), np.float32)
        best = np.argsort(-np.count_nonzero(stored, axis=(1, 2)), kind="stable")[:most]
        shown = _all_blocks(source)[at[best]]
        return cls(np.asarray(shown.reshape(-1, SIDE), np.uint8), stored[best], steps)

    @property
    def tell(self) -> bool:
        """Whether enough of the target is in them."""
        return bool(np.count_nonzero(self.steps) >= _LEAST_COEFFICIENTS)

    def differing(self, luma: Grey) -> float:
        """Return which share of the coefficients the last save would make otherwise of such blocks."""
        made = np.round(frequencies(luma.reshape(-1, SIDE, SIDE).astype(np.float32) - 128) / self.table)
        differs, has = made != self.steps, (made != 0) | (self.steps != 0)
        differs[:, 0, 0] = has[:, 0, 0] = False
        count = np.count_nonzero(has)
        return np.count_nonzero(differs) / count if count else 1.0


def _all_blocks(plane: Grey) -> Plane:
    """Return the whole blocks of an (h, w) plane, (n, 8, 8) float32."""
    rows, columns = (side // SIDE for side in plane.shape)
    return blocks_at(plane, *np.divmod(np.arange(rows * columns), columns))


def _qualities(blocks: _Blocks) -> Iterator[Qualities]:
    """Yield the likeliest qualities of the saves that make the target of the source, few saves first."""
    cost = _Cost(blocks)
    best: Qualities = ()
    beam = [best]
    for most in _LEADING:
        longer = {each for chain in beam for each in _longer(chain)}
        for _ in best:
            longer.update(_tuned(min(longer, key=cost)))
        beam = sorted(longer, key=cost)[:_BEAM]
        left = cost(beam[0])
        if left > most or (left > _GAIN * cost(best) and cost(best) > _NEARLY):
            return
        best = beam[0]
        yield from (chain for chain in beam if cost(chain) < _RIGHT)


class _Cost:
    """Which share of the coefficients comes out otherwise by some saves; what was tried is remembered."""

    def __init__(self, blocks: _Blocks) -> None:
        self._blocks = blocks
        self._costs: dict[Qualities, float] = {}
        self._left: dict[Qualities, Grey] = {(): blocks.source}

    def __call__(self, chain: Qualities) -> float:
        if chain not in self._costs:
            luma = saved(self._before_last(chain), chain[-1]) if chain else self._blocks.source
            self._costs[chain] = self._blocks.differing(luma)
        return self._costs[chain]

    def _before_last(self, chain: Qualities) -> Grey:
        """Return what all saves but the last one leave."""
        earlier = chain[:-1]
        if earlier not in self._left:
            self._left[earlier] = saved(self._before_last(earlier), earlier[-1])
        return self._left[earlier]


def _longer(chain: Qualities) -> Iterator[Qualities]:
    """Yield the chains with one more save, anywhere."""
    for at, quality in itertools.product(range(len(chain) + 1), _QUALITIES):
        yield (*chain[:at], quality, *chain[at:])


def _tuned(chain: Qualities) -> Iterator[Qualities]:
    """Yield the chains with another quality in one place."""
    for at, quality in itertools.product(range(len(chain)), _QUALITIES):
        yield (*chain[:at], quality, *chain[at + 1 :])


def _saves(placed: Placed, rect: Rect, whole: Grey, qualities: Qualities) -> Iterator[Saves]:
    """Yield the saves of such qualities that explain a window, the likeliest first."""
    x0, y0, x1, y1 = rect
    source = whole[y0:y1, x0:x1]
    inner = x0 + _UNIT, y0 + _UNIT, x1 - _UNIT, y1 - _UNIT  # beyond them the window knows no neighbors
    best: tuple[float, tuple[int, ...]] = 1.0, ()
    for kinds in _in_order(len(qualities)):
        saves = tuple(zip(qualities, kinds, strict=True))
        left = explained(_laid(placed, _saved(source, saves), rect, inner), "bicubic")
        best = min(best, (left.beyond, kinds))
        if best[0] == 0:
            break
        if len(set(kinds)) > 1 and best[0] > _OTHER_SAVES_WINDOW:
            return  # however each of them treats the colors
    if best[0] > _OTHER_SAVES_WINDOW:
        return
    saves = tuple(zip(qualities, best[1], strict=True))
    yield saves
    # Saving twice with the same steps changes what was cut off, and spreads the colors once more.
    for k in range(len(saves)):
        yield saves[: k + 1] + saves[k:]


def _in_order(count: int) -> list[tuple[int, ...]]:
    """Return how so many saves may be subsampled, those first that do it all in one way."""
    return sorted(itertools.product(_SUBSAMPLINGS, repeat=count), key=lambda kinds: len(set(kinds)))


def _saved(rgb: Grey, saves: Saves) -> Grey:
    """Return (h, w, 3) pixels as the saves leave them."""
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    for quality, subsampling in saves:
        bgr = saved(bgr, quality, subsampling)
    return np.ascontiguousarray(bgr[..., ::-1])


def _laid(placed: Placed, pixels: Grey, rect: Rect, shown: Rect | None = None) -> Placed:
    """Return pixels that fill a rect of the target as its source, compared within `shown` only."""
    offset = -float(rect[0]), -float(rect[1])
    return replace(placed, source=pixels, scale=(1.0, 1.0), offset=offset, rect=shown or rect)
