"""Photoshop documents (PSD, PSB): the merged picture that is stored behind the layers, if there is one."""

import struct
from io import BytesIO
from itertools import accumulate
from typing import NamedTuple

from PIL import ImageFile, ImagePalette

from ...errors import DecodeError
from .iptc import photoshop_blocks
from .parts import Parts

_HEAD = struct.Struct(">4sH6xHIIHH")
# What Pillow calls a resource, its number, and what Pillow expects in front of it.
_TOLD = (("icc_profile", 1039, b""), ("exif", 1058, b"Exif\0\0"), ("xmp", 1060, b""))
_VERSION_INFO = 1057
# By Photoshop's number of a mode and the bits of a channel: Pillow's mode, and how each channel is read.
_MODES = {
    (0, 1): ("1", ("1;I",)),
    (1, 8): ("L", ("L",)),
    (1, 16): ("I;16", ("I;16B",)),
    (2, 8): ("P", ("P",)),
    (3, 8): ("RGB", ("R", "G", "B")),
    (3, 16): ("RGB", ("R;16B", "G;16B", "B;16B")),
    (4, 8): ("CMYK", ("C;I", "M;I", "Y;I", "K;I")),
    (8, 8): ("L", ("L",)),  # a duotone: viewers show it as grey, too
    (9, 8): ("LAB", ("L", "A", "B")),
}
_NAMES = {
    0: "bitmap",
    1: "grey",
    2: "indexed",
    3: "RGB",
    4: "CMYK",
    7: "multichannel",
    8: "duotone",
    9: "Lab",
}
_RAW, _PACKBITS = 0, 1
_PALETTE_BYTES = 768


class _Head(NamedTuple):
    """The beginning of a document. is_large: a PSB, whose numbers are longer."""

    is_large: bool
    channels: int
    height: int
    width: int
    bits: int
    mode: int


class _Sections(NamedTuple):
    """What lies in front of the merged picture, and where that begins. layers: from where to where."""

    head: _Head
    palette: bytes
    resources: dict[int, bytes]
    layers: tuple[int, int]
    picture: int


class PsdImage(ImageFile.ImageFile):
    """The merged picture of a document, as Photoshop laid it on white; nothing else of it is decoded.

    Pillow's own reader takes saved selections for transparency, reads 8 bits only, and shows the blank page
    that stands for a picture that was not merged.
    """

    format = "PSD"

    def _open(self) -> None:
        assert isinstance(self.fp, BytesIO)
        data = self.fp.getvalue()  # no copy is made
        sections = _sections(data)
        self._mode, raw_modes = _layout_of(sections)
        self._size = sections.head.width, sections.head.height
        self.tile = _tiles(data, sections, raw_modes)
        if self._mode == "P":
            self.palette = ImagePalette.raw("RGB;L", sections.palette[:_PALETTE_BYTES])
        self.info["photoshop"] = resources = sections.resources
        for name, number, before in _TOLD:
            if number in resources:
                self.info[name] = before + resources[number]


def psd_parts(data: bytes) -> Parts:
    """Return the parts of a document. Its layers are not compared: it is equal to its exact copies only."""
    sections = _sections(data)
    _, raw_modes = _layout_of(sections)
    told = {
        "layers": _has_layers(data, sections),
        "alpha channels": sections.head.channels > len(raw_modes),
    }
    auxiliary = tuple(name for name, is_there in told.items() if is_there)
    return Parts(bits=sections.head.bits, auxiliary=auxiliary, shown=(data,))


def _sections(data: bytes) -> _Sections:
    if len(data) < _HEAD.size:
        raise _ends_early()
    _, version, channels, height, width, bits, mode = _HEAD.unpack_from(data)
    head = _Head(version == 2, channels, height, width, bits, mode)
    at, found = _HEAD.size, list[tuple[int, int]]()
    for width_of_size in (4, 4, 8 if head.is_large else 4):
        start = at + width_of_size
        at = start + int.from_bytes(data[at:start], "big")
        found.append((start, at))
    if at + 2 > len(data):
        raise _ends_early()
    palette, resources, layers = found
    blocks = photoshop_blocks(data[slice(*resources)])
    return _Sections(head, data[slice(*palette)], blocks, layers, at)


def _layout_of(sections: _Sections) -> tuple[str, tuple[str, ...]]:
    """Return Pillow's mode, and how each channel is read."""
    head = sections.head
    layout = _MODES.get((head.mode, head.bits))
    if layout is None or head.channels < len(layout[1]):
        name = _NAMES.get(head.mode, "unknown")
        raise DecodeError(
            "unsupported_format",
            f"this is a Photoshop document of {head.bits} bits a channel in {name} mode, "
            "which lookalike does not read",
        )
    if sections.resources.get(_VERSION_INFO, b"\0\0\0\0\1")[4:5] == b"\0":
        raise DecodeError(
            "unsupported_format",
            "this Photoshop document has no merged picture, only layers; save it with "
            '"Maximize Compatibility"',
        )
    return layout


def _tiles(data: bytes, sections: _Sections, raw_modes: tuple[str, ...]) -> list[ImageFile._Tile]:
    head, at = sections.head, sections.picture
    box, kind = (0, 0, head.width, head.height), int.from_bytes(data[at : at + 2], "big")
    at += 2
    if kind == _RAW:
        sizes = [(head.width * head.bits + 7) // 8 * head.height] * len(raw_modes)
    elif kind == _PACKBITS:
        sizes, at = _packed_sizes(data, at, head)
    else:
        raise DecodeError(
            "unsupported_format", "this Photoshop document is packed in a way that is not read"
        )
    decoder = "raw" if kind == _RAW else "packbits"
    places = accumulate(sizes[: len(raw_modes) - 1], initial=at)
    return [
        ImageFile._Tile(decoder, box, place, mode) for place, mode in zip(places, raw_modes, strict=True)
    ]


def _packed_sizes(data: bytes, at: int, head: _Head) -> tuple[list[int], int]:
    """Return the bytes of each packed channel, and where the first one begins; each row has its number."""
    (letter, width), rows = ("I", 4) if head.is_large else ("H", 2), head.height
    end = at + width * rows * head.channels
    if end > len(data):
        raise _ends_early()
    counts = struct.unpack_from(f">{rows * head.channels}{letter}", data, at)
    return [sum(counts[start : start + rows]) for start in range(0, len(counts), rows)], end


def _has_layers(data: bytes, sections: _Sections) -> bool:
    """Tell whether there are layers, of 8 bits or in the block of those of 16."""
    start, end = sections.layers
    inside = start + (8 if sections.head.is_large else 4)
    has_count = inside + 2 <= end and any(data[start:inside]) and any(data[inside : inside + 2])
    return has_count or any(data.find(key, start, end) >= 0 for key in (b"8BIMLr16", b"8BIMMt16"))


def _ends_early() -> DecodeError:
    return DecodeError("truncated", "the PSD file ends too early")
