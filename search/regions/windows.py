"""Where in local maps a picture comes up: cells against cells, in windows of several sizes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ...store.catalog.local_maps import MapsOfShape
from ...store.index.exact import Ids
from ...store.records import Cells, Vectors, unit_vectors

# Photos whose maps are compared at a time: what is made of them meanwhile fits the processor's cache.
_BLOCK = 2048
# The fewer cells are compared, the better they fit somewhere by chance: this is taken off, over the root
# of their number. More finds a few more, and worse places in them: benchmarks/search/region_search.py.
_CHANCE = 0.5


@dataclass(frozen=True, slots=True)
class Window:
    """Where a picture fits best in a map. score: mean cosine of its cells. Sides in shares of the map."""

    score: float
    left: float
    top: float
    width: float
    height: float


def glance(maps: MapsOfShape, templates: Sequence[Cells]) -> Vectors:
    """Return how well the mean direction of a picture fits the best window of each map, (n,).

    templates: the picture's own maps at several sizes; each is looked for in windows of its shape.
    """
    means = np.stack([each.reshape(-1, each.shape[-1]).mean(axis=0) for each in templates])
    means = np.ascontiguousarray(unit_vectors(means).T)
    best = np.full(len(maps.ids), -1, np.float32)
    for start in range(0, len(best), _BLOCK):
        block = maps.cells[start : start + _BLOCK]
        # Not as one flat product: of so thin a matrix BLAS takes ten times as long.
        dots = block.astype(np.float32) @ (means / 127)
        for number, template in enumerate(templates):
            found = _window_means(np.asarray(dots[..., number], np.float32), template.shape[:2])
            np.maximum(best[start : start + _BLOCK], found, out=best[start : start + _BLOCK])
    return best


def _window_means(values: Vectors, shape: tuple[int, ...]) -> Vectors:
    """Return the largest mean over windows of a shape in each of (n, rows, columns)."""
    rows, columns = (min(have, want) for have, want in zip(values.shape[1:], shape, strict=True))
    sums = np.pad(values, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    across = sums[:, rows:] - sums[:, :-rows]
    windows = across[:, :, columns:] - across[:, :, :-columns]
    return np.asarray(windows.max(axis=(1, 2)) / (rows * columns), np.float32)


def look(maps: MapsOfShape, templates: Sequence[Cells]) -> dict[int, Window]:
    """Return the window of each map in which the cells of a picture, at one of its sizes, fit best."""
    units = unit_vectors(maps.cells.astype(np.float32))
    found: dict[int, Window] = {}
    for template in templates:
        chance = _CHANCE / template.shape[0] ** 0.5 / template.shape[1] ** 0.5
        trimmed = unit_vectors(_trimmed(template, maps.cells.shape[1:3]).astype(np.float32))
        for photo_id, window in zip(maps.ids.tolist(), _best_windows(units, trimmed, chance), strict=True):
            if photo_id not in found or window.score > found[photo_id].score:
                found[photo_id] = window
    return found


def _trimmed(template: Cells, shape: tuple[int, ...]) -> Cells:
    """Return the middle of a picture's map that is larger than the map it is looked for in."""
    for axis, most in enumerate(shape):
        spare = template.shape[axis] - most
        if spare > 0:
            template = np.take(template, range(spare // 2, spare // 2 + most), axis)
    return template


def _best_windows(units: Vectors, template: Vectors, chance: float) -> list[Window]:
    rows, columns = template.shape[:2]
    windows = sliding_window_view(units, (rows, columns), axis=(1, 2))  # (n, y, x, d, rows, columns)
    scores = np.einsum("nyxdrc,rcd->nyx", windows, template, optimize=True) / (rows * columns)
    flat = scores.reshape(len(units), -1)
    best = flat.argmax(axis=1)
    tops, lefts = np.unravel_index(best, scores.shape[1:])
    high, wide = units.shape[1:3]
    return [
        Window(
            float(flat[n, best[n]]) - chance, lefts[n] / wide, tops[n] / high, columns / wide, rows / high
        )
        for n in range(len(units))
    ]


def chosen(maps: MapsOfShape, ids: Ids) -> MapsOfShape:
    """Return the maps of some photos only. ids: ascending."""
    wanted: npt.NDArray[np.bool_] = np.isin(maps.ids, ids, assume_unique=True)
    return maps if wanted.all() else MapsOfShape(maps.ids[wanted], maps.cells[wanted])
