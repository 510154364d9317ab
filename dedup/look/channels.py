"""What is left between two aligned pictures when all is taken away that a copy may change everywhere."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..proof.planes import Grey, Plane, slopes
from .codec import Codec, Simulated, simulate
from .expected import CELL, Channel, cells
from .geometry import Size
from .matching import chroma_error, match_luma

# Pictures are continued to a multiple of a cell of chroma, which is kept at half the size.
_PAD = 2 * CELL
_RIM = 2
# So much of the brightness's steepness is to be found in the colors, too.
_LUMA_IN_CHROMA = 0.02


@dataclass(frozen=True, slots=True)
class Leftover:
    """What is left of Y (h, w) and of Cr and Cb at half the size, in levels, and how steep the planes are.

    shown: the finer picture's Y as the lesser one would show it. chroma: (h, w, 2) the finer one's Cr, Cb.
    steep, color_steep: squared slopes of Y and, at half the size, of Cr and Cb together. misfit: pixels by
    which the grids may differ all the same. detail: share of the finer one's detail that is kept.
    """

    shown: Plane
    chroma: Grey
    luma_error: Plane
    chroma_errors: list[Plane]
    steep: Plane
    color_steep: Plane
    misfit: float
    detail: float

    @classmethod
    def of(cls, lesser: Grey, finer: Grey, misfit: float) -> "Leftover":
        """Compare two pictures on one grid, (h, w, 3) Y, Cr, Cb."""
        size = lesser.shape[1], lesser.shape[0]
        lesser, finer = _padded(lesser), _padded(finer)
        luma = np.asarray(lesser[..., 0], np.float32)
        shown, detail = match_luma(np.asarray(finer[..., 0], np.float32), luma)
        colors, seen = ([cells(_as_plane(each[..., c]), 2) for c in (1, 2)] for each in (finer, lesser))
        half = size[0] // 2, size[1] // 2
        return cls(
            shown=shown,
            chroma=finer[..., 1:],
            luma_error=_without_rim(luma - shown, size, _RIM),
            chroma_errors=[
                _without_rim(left, half, _RIM // 2) for left in chroma_error(colors, seen, cells(shown, 2))
            ],
            steep=_steepness(shown),
            color_steep=_steepness(colors[0]) + _steepness(colors[1]),
            misfit=misfit,
            detail=detail,
        )

    def saved_by(self, codec: Codec) -> Simulated:
        """Return what a codec that errs as much would do."""
        return simulate(self.shown, self.chroma, self.luma_error, codec)

    def channels(self, saved: Simulated) -> list[Channel]:
        """Return Y, Cr and Cb in cells."""
        luma, half_steep = self.luma_error, cells(self.steep, 2)
        steep = cells(self.steep), cells(self.color_steep, CELL // 2)
        found = [
            Channel(
                cells(luma),
                cells(luma * luma),
                *_energies(saved.luma),
                *steep,
                saved.luma_step,
                self.misfit,
            )
        ]
        steep = cells(self.color_steep + np.float32(_LUMA_IN_CHROMA) * half_steep), cells(half_steep)
        for left, errors in zip(self.chroma_errors, (saved.red, saved.blue), strict=True):
            energies = _energies([cells(each, 2) for each in errors])
            step = saved.chroma_step
            found.append(Channel(cells(left), cells(left * left), *energies, *steep, step, self.misfit))
        return found


def _padded(picture: Grey) -> Grey:
    height, width = picture.shape[:2]
    padded = cv2.copyMakeBorder(picture, 0, -height % _PAD, 0, -width % _PAD, cv2.BORDER_REFLECT_101)
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
