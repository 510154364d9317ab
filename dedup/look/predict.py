"""What one picture makes of another within a window: as it is, with curves of its colors, or a filter."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ...indexer.decode.full import Kernel, blurred
from ..proof.planes import Grey, Plane, blur
from .blocks import SIDE, Indices, Residual, Telling
from .curves import fit_curves, toned
from .placed import Placed, Rect
from .robust import median

Values = npt.NDArray[np.float64]

_WINDOW = 640  # pixels
_LEAST_WINDOW = 16
_KERNEL_WINDOW, _KERNEL_BLOCKS = 256, 300
_SHRINKING: tuple[Kernel, ...] = ("lanczos", "bicubic", "bilinear", "hamming", "box")
_GROWING: tuple[Kernel, ...] = ("bicubic", "lanczos", "bilinear")
_MOST_SOURCE = 2600  # pixels of the source in a window: thumbnails show more of it, and tell no more

# A model must lessen the error by so much to be worth its freedom.
_TONE_GAIN, _FILTER_GAIN = 0.97, 0.9

_BLURS = (0.5, 0.8, 1.2, 1.8, 2.6, 4.0)
_RADII = (1.0, 1.5, 2.0, 3.0)  # of the unsharp masks that are tried
_CRISPER = 1.06  # a target with so many times the detail was sharpened
# Knots of local contrast: an unsharp mask with its threshold is a curve of it.
_KNOTS = np.array([-64, -32, -16, -8, -4, -2, 0, 2, 4, 8, 16, 32, 64], np.float64)
_RIM = 16
_POINTS, _LEAST_POINTS = 8000, 2000
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class Prediction:
    """How well a target is predicted.

    residual: by the model that does it best. plain: mean error as it is, in levels. kernel: by which it was
    resized best.
    """

    residual: Residual
    plain: float
    kernel: Kernel = "bicubic"


@dataclass(frozen=True, slots=True)
class Window:
    """The middle of what a source shows of a target: its colors (h, w, 3), the target's luma and blocks."""

    source: Grey
    target: Grey
    telling: Telling
    kernel: Kernel
    plain: Residual

    def as_it_is(self) -> Prediction:
        """Return the prediction without curves or filters."""
        return Prediction(self.plain, self.plain.error, self.kernel)

    def fitted(self) -> Prediction:
        """Return the prediction by the first model that explains the target, or the best."""
        best = self.plain
        if not best.explains(self.telling.table is not None):
            best = _fitted(best, self.source, self.target, self.telling)
        return Prediction(best, self.plain.error, self.kernel)


def window(placed: Placed) -> Window | None:
    """Predict the middle of a target as it is; None where too little tells."""
    rect = middle(placed, _WINDOW)
    if rect is None:
        return None
    target = _luma(placed, rect)
    telling = Telling.of(target, placed.target.table)
    if telling is None:
        return None
    kernel = kernel_of(placed)
    source = placed.predict(rect, kernel)
    return Window(source, target, telling, kernel, telling.residual(telling.shown(grey(source))))


def grey(rgb: Grey) -> Plane:
    """Return the luma that an encoder makes of (h, w, 3) pixels, in whole levels."""
    return _grey(rgb).astype(np.float32)


def _grey(rgb: Grey) -> Grey:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY), np.uint8)


def middle(placed: Placed, side: int) -> Rect | None:
    """Return the middle of what both show, from a corner of a block."""
    side = min(side, int(_MOST_SOURCE / max(placed.scale)))
    x0, y0, x1, y1 = placed.rect
    left, upper = max(x0, (x0 + x1 - side) // 2), max(y0, (y0 + y1 - side) // 2)
    right, lower = min(x1, left + side), min(y1, upper + side)
    left, upper = -(-left // SIDE) * SIDE, -(-upper // SIDE) * SIDE
    is_large = min(right - left, lower - upper) >= _LEAST_WINDOW
    return (left, upper, right, lower) if is_large else None


def _luma(placed: Placed, rect: Rect) -> Grey:
    x0, y0, x1, y1 = rect
    return placed.target.luma[y0:y1, x0:x1]


def kernels_for(placed: Placed) -> Sequence[Kernel]:
    """Return the kernels by which a source may have been resized to a target."""
    return _SHRINKING if max(placed.scale) > 1 else _GROWING


def kernel_of(placed: Placed) -> Kernel:
    """Return the kernel that explains the target best, brightness and contrast apart."""
    rect = middle(placed, _KERNEL_WINDOW) if placed.is_resized else None
    if rect is None:
        return "bicubic"
    target = _luma(placed, rect)
    telling = Telling.of(target, placed.target.table, _KERNEL_BLOCKS)
    # Grey alone is resized in a fourth of the time, and rounding does not prefer a kernel.
    plain = replace(placed, source=_grey(placed.source))
    guesses = {
        kernel: _leveled(plain.predict(rect, kernel).astype(np.float32), target)
        for kernel in kernels_for(placed)
    }
    costs = {
        kernel: float(np.abs(guess - target).mean())
        if telling is None
        else _cost(telling.residual(telling.shown(guess)))
        for kernel, guess in guesses.items()
    }
    return min(costs, key=lambda kernel: costs[kernel])


def _cost(of: Residual) -> float:
    return of.spread + 2 * of.beyond if of.is_measured else of.error


def _leveled(guess: Plane, target: Grey) -> Plane:
    x, y = guess[::5, ::5].ravel(), target[::5, ::5].ravel().astype(np.float32)
    gain = float(np.clip(np.cov(x, y)[0, 1] / (x.var() + 1e-3), 0.3, 3.0))
    return np.asarray((guess - x.mean()) * gain + y.mean(), np.float32)


def _fitted(plain: Residual, source: Grey, target: Grey, telling: Telling) -> Residual:
    """Return the residual of the first richer model that explains the target, or the best of all."""
    best = plain
    colors, levels = source.reshape(-1, 3), target.reshape(-1, 1)
    tone = np.clip(toned(fit_curves(colors, levels), source)[..., 0], 0, 255)
    of_tone = telling.residual(telling.shown(tone))
    if of_tone.error < best.error * _TONE_GAIN:
        best = replace(of_tone, model="tone")
    if of_tone.explains(telling.table is not None):
        return best
    for model, guess in _filtered(tone, target, telling):
        of_filter = telling.residual(np.clip(guess, 0, 255))
        # A blur comes closer to what quantization smoothed, and yet breaks its bounds.
        if of_filter.error < best.error * _FILTER_GAIN and of_filter.beyond <= best.beyond:
            best = replace(of_filter, model=model)
    return best


def _filtered(source: Plane, target: Grey, telling: Telling) -> Iterator[tuple[str, Plane]]:
    """Yield the source's blocks under the blur and the unsharp mask that come closest to the target."""
    at = _some_inner(*source.shape)
    if len(at) < _LEAST_POINTS:
        return
    wanted = target.ravel()[at].astype(np.float64)
    yield "filter", _mixed(source, wanted, at, telling)
    if _detail(target.astype(np.float32)) > _CRISPER * _detail(source):
        yield "sharpened", _sharpened(source, wanted, at, telling)


@lru_cache(maxsize=4)
def _some_inner(height: int, width: int) -> Indices:
    """Return flat indices of some points of a window of this size, none of them at its rim."""
    inner = np.zeros((height, width), np.bool_)
    inner[_RIM:-_RIM, _RIM:-_RIM] = True
    at = np.flatnonzero(inner)
    return at if len(at) <= _POINTS else np.random.default_rng(1).choice(at, _POINTS, replace=False)


def _detail(plane: Plane) -> float:
    return float((plane - blur(plane, 2.0))[_RIM:-_RIM, _RIM:-_RIM].std())


def _mixed(source: Plane, wanted: Values, at: Indices, telling: Telling) -> Plane:
    """Return the blocks of the mix of blurs that comes closest."""
    planes = [source, *(blur(source, sigma) for sigma in _BLURS)]
    columns = [plane.ravel()[at] for plane in planes]
    weights, _ = _robust(np.stack([*columns, np.ones(len(at))], 1), wanted, 2.5)
    mix = sum(weight * telling.shown(plane) for weight, plane in zip(weights, planes, strict=False))
    return np.asarray(mix + weights[-1], np.float32)


def _sharpened(source: Plane, wanted: Values, at: Indices, telling: Telling) -> Plane:
    """Return the source's blocks with a curve of local contrast added, of the radius that comes closest."""
    levels = np.clip(np.round(source), 0, 255).astype(np.uint8)
    best: tuple[float, Values, Grey] | None = None
    for radius in _RADII:
        soft = blurred(levels, radius)
        bent = _bent(source.ravel()[at] - soft.ravel()[at])
        system = np.concatenate([source.ravel()[at][:, None], np.ones((len(at), 1)), bent], 1)
        weights, left = _robust(system, wanted, 2.5)
        if best is None or left < best[0]:
            best = left, weights, soft
    assert best is not None
    _, weights, soft = best
    sharp = telling.shown(source)
    curve = np.interp(sharp - telling.shown(soft), _KNOTS, np.insert(weights[2:], len(_KNOTS) // 2, 0.0))
    return np.asarray(weights[0] * sharp + weights[1] + curve, np.float32)


def _bent(values: Plane) -> Values:
    """Return the weights of the knots (n, 12) for values, the one at zero left out."""
    at = np.clip(values, _KNOTS[0], _KNOTS[-1]).astype(np.float64)
    hats = np.stack([np.interp(at, _KNOTS, row) for row in np.eye(len(_KNOTS))], 1)
    return np.delete(hats, len(_KNOTS) // 2, 1)


def _robust(system: Values, wanted: Values, reach: float) -> tuple[Values, float]:
    """Solve least squares that forget what differs; the first unknown tends to 1, the others to 0."""
    ridge = _RIDGE * len(wanted) * np.eye(system.shape[1])
    prior = ridge[0] * 1.0
    weight = np.ones(len(wanted))
    solved, scale = np.zeros(system.shape[1]), 0.0
    for _ in range(3):
        weighted = system * weight[:, None]
        solved = np.linalg.solve(weighted.T @ system + ridge, weighted.T @ wanted + prior)
        left = wanted - system @ solved
        scale = 1.5 * median(np.abs(left)) + 0.3
        weight = 1 / (1 + (left / (reach * scale)) ** 2)
    return solved, scale
