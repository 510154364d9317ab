"""Signs that part of a JPEG's picture is lost: data that end early, or that go on behind the last block.

Decoders fill what is missing without a word. What comes behind the last block cannot matter, and what
belongs to it must: so the data are decoded once more with something added, or changed, at their end.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from .jpeg_parts import END

# No byte of it is 255, so that it holds no marker. It begins with 0, as what follows a 255 must.
_FILLER = bytes([0, *((37 * n + 11) % 255 for n in range(63))])
_OVERWRITTEN = 16  # bytes: many blocks where little is to be seen, one where there is much
_TAIL, _LONGEST_PERIOD = 64, 24  # bytes
_ZEROS = bytes(32)  # so many in a row are rare in compressed data
_BLOCK, _UNIT = 8, 16  # pixels of the full picture: rows of a block, columns that share their colors
_GREY = range(126, 131)  # what decoders fill a picture with


def longer(data: bytes, end: int) -> bytes:
    """Return a JPEG with more compressed data. end: of those that it has.

    It shows the same picture as before only if none of its data are missing.
    """
    return data[:end] + _FILLER + END


def overwritten(data: bytes, end: int) -> bytes:
    """Return a JPEG with other bytes at the end of its compressed data.

    It shows the same picture as before only if they do not belong to it.
    """
    return data[: end - _OVERWRITTEN] + _FILLER[:_OVERWRITTEN] + END


def has_zeros(data: bytes, scan: tuple[int, int]) -> bool:
    """Tell whether the compressed data have a place of nothing but zeros, as lost sectors leave it."""
    return data.find(_ZEROS, *scan) >= 0


def repeats_itself(data: bytes, end: int) -> bool:
    """Tell whether compressed data end in the same bits again and again, as many blocks of one color do.

    Such a corner is one that was meant: where data are lost, the last ones are of other blocks.
    """
    tail = data[end - 1 - _TAIL : end - 1]  # the last byte is filled up with ones
    if tail.strip(tail[:1]) == b"" and tail[:1] in (b"\0", b"\xff"):
        return False
    return any(tail[period:] == tail[:-period] for period in range(1, _LONGEST_PERIOD + 1))


def has_flat_corner(image: Image.Image, height: int) -> bool:
    """Tell whether the last block of a picture is of one color, as it is when the data end before it.

    image: the picture as decoded, perhaps reduced. height: its full one.
    """
    left = max(0, image.width - max(1, _UNIT * image.height // height))
    rows = (height - 1) % _BLOCK + 1  # of the last block only these lie in the picture
    return _ends_alike(image) and _is_flat(_foot(image, height, rows, left))


def has_grey_foot(image: Image.Image, height: int) -> bool:
    """Tell whether a picture ends in rows of the grey that decoders fill in, and does not begin so."""
    if not _ends_alike(image):
        return False
    foot = _foot(image, height, 2 * _BLOCK)
    is_grey = _is_flat(foot) and all(level in _GREY for level in foot[0, 0].ravel())
    return bool(is_grey and not _is_flat(np.asarray(image.crop((0, 0, image.width, len(foot))))))


def _ends_alike(image: Image.Image) -> bool:
    """Tell whether the last two pixels are the same; asked first, as most photos end in other ones."""
    last = image.width - 1, image.height - 1
    return image.getpixel(last) == image.getpixel((max(0, last[0] - 1), last[1]))


def _foot(image: Image.Image, height: int, rows: int, left: int = 0) -> npt.NDArray[np.uint8]:
    """Return the lowest rows from a column on, so many of the full picture: (h, w) or (h, w, channels)."""
    top = image.height - max(1, rows * image.height // height)
    return np.asarray(image.crop((left, max(0, top), *image.size)))


def _is_flat(pixels: npt.NDArray[np.uint8]) -> bool:
    return bool((pixels == pixels[:1, :1]).all())
