"""All that indexing wants of the bytes of a photo, from one decode."""

from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from blake3 import blake3
from PIL import Image

from ...store.records import Holdings, Metadata
from ..embed.preprocess import InputRule, Pixels
from .decode import Decoded, decode
from .memory import SHARED, MemoryBudget

LONG_SIDE = 256
QUALITY = 77

# What shapes the picture in a JPEG: frames (SOF), tables (DHT, DAC, DQT, DRI), and of the application
# segments the color profile (APP2) and Adobe's color transform (APP14). EXIF, XMP, IPTC, thumbnails and
# comments do not.
_SHAPING = {*range(0xC0, 0xD0), 0xDB, 0xDD, 0xE2, 0xEE}
_START_OF_SCAN, _END = 0xDA, b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class Opened:
    """A photo that was decoded.

    width, height: full size as displayed. format, warning: as `decode.Decoded`. pixel_digest: 32 bytes.
    thumbnail: JPEG. pixels: (H, W, 3) uint8, the network's input.
    """

    width: int
    height: int
    format: str
    pixel_digest: bytes
    metadata: Metadata
    warning: str | None
    thumbnail: bytes
    pixels: Pixels
    holdings: Holdings = field(default_factory=Holdings)


def open_photo(data: bytes, rule: InputRule, memory: MemoryBudget = SHARED) -> Opened:
    """Decode a photo. data: the whole file. rule: how the network wants it.

    Raises:
        DecodeError: for everything that is wrong with the picture, never anything else.
    """
    decoded = decode(data, min_side=rule.min_side, memory=memory)
    return Opened(
        width=decoded.width,
        height=decoded.height,
        format=decoded.format,
        pixel_digest=pixel_digest(data, decoded),
        metadata=decoded.metadata,
        warning=decoded.warning,
        thumbnail=make_thumbnail(decoded.image),
        pixels=rule.prepare(decoded.image),
        holdings=Holdings(fields=decoded.fields),
    )


def make_thumbnail(picture: Image.Image, *, long_side: int = LONG_SIDE, quality: int = QUALITY) -> bytes:
    """Return a JPEG of an RGB picture, at most long_side pixels on its longer side, never enlarged."""
    scale = min(1.0, long_side / max(picture.size))
    width, height = (max(1, round(side * scale)) for side in picture.size)
    # Hamming takes 0.6 of bicubic's time here and is as free of jags.
    small = picture.resize((width, height), Image.Resampling.HAMMING, reducing_gap=1.3)
    out = BytesIO()
    small.save(out, "JPEG", quality=quality, subsampling="4:2:0", optimize=True)
    return out.getvalue()


def pixel_digest(data: bytes, decoded: Decoded) -> bytes:
    """Return 32 bytes that are the same for files that show the same pixels, whatever else they carry.

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
