"""What a file holds: from its parts, which the bytes tell, and from its decoded picture."""

from collections.abc import Callable
from dataclasses import dataclass

from blake3 import blake3
from PIL import Image

from ...store.records import Holdings
from .animations import gif_parts, png_parts, webp_parts
from .boxes import heif_parts
from .depth import are_spare, used_bits
from .digest import digest_of_jpeg, digest_of_pixels, hash_of
from .jpeg_damage import has_grey_foot
from .jpeg_parts import jpeg_parts
from .parts import Bytes, Parts
from .psd import psd_parts
from .rendering import Rendering
from .tables import tables_in_short
from .tiff_pages import tiff_parts

_READERS: dict[str, Callable[[bytes], Parts]] = {
    "JPEG": jpeg_parts,
    "PNG": png_parts,
    "GIF": gif_parts,
    "WEBP": webp_parts,
    "TIFF": tiff_parts,
    "AVIF": heif_parts,
    "HEIF": heif_parts,
    "PSD": psd_parts,
}
_CODESTREAM = b"\xff\x4f\xff\x51"  # of JPEG 2000; 40 bytes on is the number of bits
_BITS = {"I": 32, "F": 32}


@dataclass(frozen=True, slots=True)
class Found:
    """A picture that was decoded, and what was met on the way.

    image: as it was loaded, of a JPEG perhaps a draft. low: the lower bytes of a picture of 16 bits a
    channel, of which image has the upper ones. height: full one, as stored. frames: pictures behind it that
    turned out to be none of its previews. damage: signs of it.
    """

    image: Image.Image
    low: Image.Image | None
    rendering: Rendering
    height: int
    orientation: int
    frames: tuple[Bytes, ...] = ()
    damage: tuple[str, ...] = ()


def parts_of(data: bytes, kind: str) -> Parts:
    """Return the parts of a file, as far as it can be followed. kind: its format, by `sniff`.

    Of a file that nothing can be told of, all bytes count as shown: it is equal to its exact copies only.
    """
    try:
        if kind == "JPEG2000":
            return _codestream_parts(data)
        return _READERS[kind](data) if kind in _READERS else Parts()
    except Exception:  # a stranger's bytes make parsers raise nearly every type there is
        return Parts(shown=(data,))


def _codestream_parts(data: bytes) -> Parts:
    at = data.find(_CODESTREAM)
    bits = (data[at + 42] & 0x7F) + 1 if at >= 0 and at + 42 < len(data) else 8
    # Pillow shows 8 of more bits: all of them are in the codestream.
    return Parts(bits=bits, shown=(memoryview(data)[at:],)) if bits > 8 else Parts()


def holdings_of(parts: Parts, found: Found) -> Holdings:
    """Return what a file holds, but for the fields of its metadata."""
    is_grey = found.image.mode in ("L", "RGB") and has_grey_foot(found.image, found.height)
    return Holdings(
        frames=parts.frames + len(found.frames),
        is_transparent=found.rendering.is_transparent,
        bits=_bits(parts, found),
        auxiliary=parts.auxiliary,
        behind=parts.behind,
        behind_size=parts.behind_size,
        tables=_tables(found.image),
        damage=(*parts.damage, *found.damage, *(("a grey foot",) if is_grey else ())),
    )


def _tables(image: Image.Image) -> str:
    """Return the quantization tables in short; "p" behind them stands for a progressive JPEG."""
    short = tables_in_short(getattr(image, "quantization", {}))
    return f"{short}p" if short and image.info.get("progressive") else short


def _bits(parts: Parts, found: Found) -> int:
    if found.image.mode.startswith("I;16") or found.low is not None:
        return used_bits(found.image, found.low)
    return _BITS.get(found.image.mode, max(8, parts.bits))


def pixel_digest(data: bytes, parts: Parts, found: Found) -> bytes:
    """Return 32 bytes that are the same for files that show the same, whatever else they carry.

    A JPEG is known by its compressed picture, any other file by its pixels; frames, pages, gain maps and
    the bits that Pillow drops count, too. A JPEG whose segments cannot be followed is known by its bytes.
    """
    if parts.scan != (0, 0):
        return digest_of_jpeg(parts.picture, found.orientation, (*parts.shown, *found.frames))
    if hasattr(found.image, "quantization"):
        return blake3(b"bytes" + data).digest()
    low = () if found.low is None or are_spare(found.image, found.low) else (b"low", hash_of(found.low))
    others = (*parts.shown, *low)
    return digest_of_pixels(found.image, found.rendering.is_transparent, found.orientation, others)
