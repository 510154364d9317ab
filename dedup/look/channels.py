"""What is left between two aligned pictures when all is taken away that a copy may change everywhere."""

import cv2
import numpy as np

from ..proof.planes import Grey, Plane, slopes
from .codec import simulate
from .expected import CELL, Channel, cells
from .geometry import Size
from .matching import chroma_error, match_luma

# Pictures are continued to a multiple of a cell of chroma, which is kept at half the size.
PAD = 2 * CELL
_RIM = 2
# So much of the brightness's steepness is to be found in the colors, too.
_LUMA_IN_CHROMA = 0.02


def what_is_left(lesser: Grey, finer: Grey, misfit: float) -> tuple[Channel, Channel, Channel]:
    """Return what is left of Y, Cr and Cb. lesser, finer: (h, w, 3) Y, Cr, Cb, on one grid.

    misfit: pixels by which the grids may differ all the same.
    """
    size = lesser.shape[1], lesser.shape[0]
    lesser, finer = _padded(lesser), _padded(finer)
    luma = np.asarray(lesser[..., 0], np.float32)
    shown = match_luma(np.asarray(finer[..., 0], np.float32), luma)
    error = _without_rim(luma - shown, size, _RIM)
    saved = simulate(shown, finer[..., 1:], error)

    colors, seen = ([cells(_as_plane(each[..., c]), 2) for c in (1, 2)] for each in (finer, lesser))
    steep, colored = _steepness(shown), _steepness(colors[0]) + _steepness(colors[1])
    half_steep = cells(steep, 2)
    steep_color = cells(colored + np.float32(_LUMA_IN_CHROMA) * half_steep)

    def chroma(left: Plane, errors: list[Plane]) -> Channel:
        left = _without_rim(left, (size[0] // 2, size[1] // 2), _RIM // 2)
        halved = _energies([cells(each, 2) for each in errors])
        others = steep_color, cells(half_steep)
        return Channel(cells(left), cells(left * left), *halved, *others, saved.chroma_step, misfit)

    others = cells(steep), cells(colored, CELL // 2)
    in_luma = _energies(saved.luma)
    red, blue = chroma_error(colors, seen, cells(shown, 2))
    return (
        Channel(cells(error), cells(error * error), *in_luma, *others, saved.luma_step, misfit),
        chroma(red, saved.red),
        chroma(blue, saved.blue),
    )


def _padded(picture: Grey) -> Grey:
    height, width = picture.shape[:2]
    padded = cv2.copyMakeBorder(picture, 0, -height % PAD, 0, -width % PAD, cv2.BORDER_REFLECT_101)
    return np.asarray(padded, np.uint8)


def _as_plane(plane: Grey) -> Plane:
    return np.asarray(plane, np.float32)


def _steepness(plane: Plane) -> Plane:
    """Return the squared slopes, in levels squared a pixel."""
    across, down = slopes(plane)
    return across * across + down * down


def _energies(planes: list[Plane]) -> tuple[Plane, Plane]:
    """Return the energies of cells and of their means, the highest of several planes."""
    energy = [cells(plane * plane) for plane in planes]
    mean = [np.square(cells(plane)) for plane in planes]
    return np.maximum.reduce(energy), np.maximum.reduce(mean)


def _without_rim(error: Plane, size: Size, rim: int) -> Plane:
    """Return the error without that of the picture's edge, of which only one side is known."""
    kept = np.zeros_like(error)
    inner = slice(rim, size[1] - rim), slice(rim, size[0] - rim)
    kept[inner] = error[inner]
    return kept
