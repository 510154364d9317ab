"""A picture at full size, as two copies are compared: what is displayed, and what a JPEG stores."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from ...errors import DecodeError
from .decode import decode, decode_planes
from .jpeg_planes import JpegPlanes
from .memory import SHARED, MemoryBudget

Pixels = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]
Kernel = Literal["lanczos", "bicubic", "bilinear", "hamming", "box"]

# Two of them are held at a time, each with 7 bytes a pixel.
MAX_FULL_PIXELS = 64_000_000

# How EXIF's orientations turn what is stored; from 5 on it is also transposed, after that.
_FLIPPED_ACROSS, _FLIPPED_DOWN = (2, 3, 7, 8), (3, 4, 6, 7)

_PROBED, _SAME_COLOR = 16, 2  # every so many pixels; levels by which decoders differ

_KERNELS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "box": Image.Resampling.BOX,
}


@dataclass(eq=False)
class FullPicture:
    """All pixels of a file.

    rgb: (h, w, 3) uint8 as displayed, sRGB. planes: what a JPEG stores, None for other formats.
    orientation: 1 to 8, by which EXIF turns what is stored. format: as `Decoded.format`. n_bytes: size of
    the file.
    """

    rgb: Pixels
    planes: JpegPlanes | None
    orientation: int
    format: str
    n_bytes: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as displayed."""
        return self.rgb.shape[1], self.rgb.shape[0]

    @property
    def table(self) -> npt.NDArray[np.int64] | None:
        """The (8, 8) quantization table of a JPEG's luma, None for other formats."""
        return None if self.planes is None else self.planes.tables[0]

    @property
    def profile(self) -> bytes:
        """The ICC profile of a JPEG, b"" without one and for other formats."""
        return b"" if self.planes is None else self.planes.profile

    @cached_property
    def luma(self) -> Pixels:
        """The stored luma (h, w) uint8 of a JPEG, not turned; of others the grey of what is displayed."""
        if self.planes is not None:
            return np.ascontiguousarray(self.planes.pixels[..., 0])
        return np.asarray(cv2.cvtColor(self.rgb, cv2.COLOR_RGB2GRAY), np.uint8)

    @property
    def to_stored(self) -> Matrix:
        """The (3, 3) map from points as displayed to points of `luma`, both from the corner."""
        if self.planes is None:
            return np.eye(3)
        height, width = self.luma.shape
        return np.asarray(np.linalg.inv(_shown(self.orientation, width, height)), np.float64)

    def unmanaged(self) -> "FullPicture":
        """Return the picture without its profile applied; itself where that is the same or not known."""
        if self.planes is None or not self.planes.profile or self.planes.pixels.shape[2] != 3:
            return self
        some = (
            self.rgb[::_PROBED, ::_PROBED],
            _upright(self.planes.pixels, self.orientation)[::_PROBED, ::_PROBED],
        )
        if cv2.absdiff(np.ascontiguousarray(some[0]), _to_rgb(some[1])).max() <= _SAME_COLOR:
            return self
        return replace(self, rgb=_upright(_to_rgb(self.planes.pixels), self.orientation))


def open_full(data: bytes, memory: MemoryBudget = SHARED) -> FullPicture:
    """Decode a whole file at full size.

    Raises:
        DecodeError: for everything that is wrong with the picture; "too_large" above 64 megapixels.
    """
    decoded = decode(data, memory=memory, max_pixels=MAX_FULL_PIXELS)
    planes = decode_planes(data, memory) if decoded.format in ("JPEG", "MPO") else None
    rgb = decoded.pixels
    if (
        planes is not None
        and planes.pixels.shape[0] * planes.pixels.shape[1] != rgb.shape[0] * rgb.shape[1]
    ):
        raise DecodeError("damaged", "the JPEG file has another size when it is decoded again")
    return FullPicture(rgb, planes, decoded.orientation, decoded.format, len(data))


def _to_rgb(planes: Pixels) -> Pixels:
    """Return Y, Cb, Cr (h, w, 3) as red, green and blue, rounded as libjpeg does."""
    luma = planes[..., 0].astype(np.int16)
    blue, red = (np.ascontiguousarray(planes[..., index]) for index in (1, 2))
    less = (_LESS_BY_BLUE[blue] + _LESS_BY_RED[red]) >> 16
    both = luma + _MORE_RED[red], luma + less, luma + _MORE_BLUE[blue]
    return np.stack([np.clip(plane, 0, 255).astype(np.uint8) for plane in both], axis=-1)


def _tabled(factor: float) -> npt.NDArray[np.int32]:
    """Return a factor of the 256 levels of a color, in 1/65536."""
    return np.asarray(round(factor * 65536) * np.arange(-128, 128), np.int32)


_MORE_RED, _MORE_BLUE = (((_tabled(factor) + 32768) >> 16).astype(np.int16) for factor in (1.402, 1.772))
_LESS_BY_BLUE, _LESS_BY_RED = _tabled(-0.344136286), _tabled(-0.714136286) + 32768


def _upright(stored: Pixels, orientation: int) -> Pixels:
    """Turn stored pixels (h, w, 3) as EXIF's orientation shows them."""
    if orientation in _FLIPPED_ACROSS:
        stored = stored[:, ::-1]
    if orientation in _FLIPPED_DOWN:
        stored = stored[::-1]
    return np.ascontiguousarray(stored.transpose(1, 0, 2) if orientation >= 5 else stored)


def _shown(orientation: int, width: int, height: int) -> Matrix:
    """Return the map from stored points of a picture of this size to the displayed ones."""
    turn = np.eye(3)
    if orientation in _FLIPPED_ACROSS:
        turn = np.array([[-1, 0, width], [0, 1, 0], [0, 0, 1.0]])
    if orientation in _FLIPPED_DOWN:
        turn = np.array([[1, 0, 0], [0, -1, height], [0, 0, 1.0]]) @ turn
    return turn[[1, 0, 2]] if orientation >= 5 else turn


def resized(
    pixels: Pixels, size: tuple[int, int], box: tuple[float, float, float, float], kernel: Kernel
) -> Pixels:
    """Resize a part of (h, w, 3) uint8 pixels as common programs do: antialiased, in 8 bits.

    size: width and height to come. box: left, upper, right and lower edge of the part, in pixels.
    """
    image = Image.fromarray(pixels)
    return np.asarray(image.resize(size, _KERNELS[kernel], box=box), np.uint8)


def blurred(plane: Pixels, radius: float) -> Pixels:
    """Blur (h, w) uint8 as the unsharp masks of programs do before they subtract."""
    return np.asarray(Image.fromarray(plane).filter(ImageFilter.GaussianBlur(radius)), np.uint8)
