"""What a JPEG stores, before color conversion and turning: only there its own quantization shows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import JpegImagePlugin


@dataclass(frozen=True, slots=True)
class JpegPlanes:
    """The planes of a JPEG.

    pixels: (h, w, 3) uint8 Y, Cb, Cr, or (h, w, 1) of a grey one; color is enlarged to the size of Y.
    tables: (8, 8) quantization steps of each plane. shares: how many pixels of Y a stored one of each plane
    is wide and high. profile: the ICC profile, b"" without one.
    """

    pixels: npt.NDArray[np.uint8]
    tables: tuple[npt.NDArray[np.int64], ...]
    shares: tuple[tuple[int, int], ...]
    profile: bytes


def stores_luma(image: JpegImagePlugin.JpegImageFile) -> bool:
    """Return whether an opened file has a plane of luma: not one of CMYK, or of red, green and blue."""
    is_rgb = [layer[0] for layer in image.layer] == [*b"RGB"] or image.info.get("adobe_transform") == 0
    return image.mode == "L" or (image.mode == "RGB" and not is_rgb)


def planes_of(image: JpegImagePlugin.JpegImageFile) -> JpegPlanes:
    """Load the planes of an opened file that stores luma; raises what its decoder raises."""
    image.draft("YCbCr" if image.mode == "RGB" else "L", image.size)
    pixels = np.asarray(image)
    tables = tuple(np.array(image.quantization[layer[3]], np.int64).reshape(8, 8) for layer in image.layer)
    widest, highest = (max(layer[axis] for layer in image.layer) for axis in (1, 2))
    shares = tuple((widest // layer[1], highest // layer[2]) for layer in image.layer)
    profile = bytes(image.info.get("icc_profile") or b"")
    return JpegPlanes(pixels.reshape(*pixels.shape[:2], -1), tables, shares, profile)
