"""All that indexing wants of the bytes of a photo, from one decode."""

from dataclasses import dataclass

from ..store.records import Metadata
from .budget import SHARED, MemoryBudget
from .decode import decode
from .pixel_digest import pixel_digest
from .preprocess import InputRule, Pixels
from .thumbnail import make_thumbnail


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
    )
