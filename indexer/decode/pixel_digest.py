"""A digest of what a file shows, whatever else it carries: equal digests are the same pixels."""

import numpy as np
from blake3 import blake3

from .decode import Decoded

# What shapes the picture in a JPEG: frames (SOF), tables (DHT, DAC, DQT, DRI), and of the application
# segments the color profile (APP2) and Adobe's color transform (APP14). EXIF, XMP, IPTC, thumbnails and
# comments do not.
_SHAPING = {*range(0xC0, 0xD0), 0xDB, 0xDD, 0xE2, 0xEE}
_START_OF_SCAN, _END = 0xDA, b"\xff\xd9"


def pixel_digest(data: bytes, decoded: Decoded) -> bytes:
    """Return 32 bytes that are the same for files that show the same pixels.

    data: the file that was decoded. A JPEG is known by its compressed picture, which costs no pixels and
    is exact although the decode was reduced: re-saving it changes the digest, editing its metadata does
    not. Any other file is known by its decoded pixels.
    """
    if decoded.format in ("JPEG", "MPO"):
        parts = _compressed_picture(data)
        if parts:
            digest = blake3(b"jpeg" + bytes([decoded.orientation]))
            for part in parts:
                digest.update(part)
            return digest.digest()
    shape = np.array([decoded.width, decoded.height], dtype="<i8").tobytes()
    return blake3(b"pixels" + shape).update(decoded.image.tobytes()).digest()


def _compressed_picture(data: bytes) -> list[memoryview]:
    """Return the segments that shape a JPEG's picture, and its scans; [] where they cannot be told."""
    view, position = memoryview(data), 2
    parts: list[memoryview] = []
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1  # a fill byte
            continue
        if marker == _START_OF_SCAN:
            # The last end marker: what a phone appends behind it is not looked at, what it hides before
            # it (a second picture, a film) makes the digest another one, which is the safe side.
            end = data.rfind(_END, position)
            return [*parts, view[position : end if end >= 0 else len(data)]]
        length = 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker in _SHAPING:
            parts.append(view[position : position + length])
        position += length
    return []
