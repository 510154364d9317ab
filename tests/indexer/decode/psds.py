"""Photoshop documents, written by hand: a head, resources, what looks like layers, the merged picture."""

import struct
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.tests.pictures import encode

GREY, INDEXED, RGB, CMYK, MULTICHANNEL, LAB = 1, 2, 3, 4, 7, 9
PROFILE, XMP, VERSION_INFO = 1039, 1060, 1057
NOT_MERGED = {VERSION_INFO: b"\0\0\0\1\0"}

Plane = npt.NDArray[np.generic]


def psd(
    planes: Sequence[Plane],
    mode: int = RGB,
    *,
    packed: bool = False,
    resources: Mapping[int, bytes] = {},
    layers: int = 0,
    palette: bytes = b"",
    large: bool = False,
) -> bytes:
    """Return a document of channels (h, w), uint8 or uint16. layers: how many it seems to have."""
    height, width = planes[0].shape
    bits = planes[0].dtype.itemsize * 8
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 2 if large else 1, len(planes), height, width, bits, mode)
    told = b"".join(_resource(number, data) for number, data in resources.items())
    size = ">Q" if large else ">I"
    inside = struct.pack(">h", -layers) + bytes(40) if layers else b""
    section = struct.pack(size, len(inside)) + inside if layers else b""
    rows = [plane.astype(plane.dtype.newbyteorder(">")).tobytes() for plane in planes]
    picture = _packed(rows, height, large) if packed else b"\0\0" + b"".join(rows)
    return b"".join(
        (
            *(head, struct.pack(">I", len(palette)), palette, struct.pack(">I", len(told)), told),
            *(struct.pack(size, len(section)), section, picture),
        )
    )


def planes_of(image: Image.Image) -> list[Plane]:
    """Return the channels of a picture; those of CMYK as Photoshop has them, 0 for all ink."""
    channels = [np.asarray(channel) for channel in image.split()]
    return [255 - each for each in channels] if image.mode == "CMYK" else channels


def _resource(number: int, data: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HxxI", number, len(data)) + data + bytes(len(data) % 2)


def _packed(planes: Sequence[bytes], height: int, large: bool) -> bytes:
    """Pack each row by itself, with what packs a TIFF."""
    rows = [
        _packed_row(plane[start : start + len(plane) // height])
        for plane in planes
        for start in range(0, len(plane), len(plane) // height)
    ]
    counts = struct.pack(f">{len(rows)}{'I' if large else 'H'}", *map(len, rows))
    return b"\0\1" + counts + b"".join(rows)


def _packed_row(row: bytes) -> bytes:
    tiff = encode(Image.frombytes("L", (len(row), 1), row), "TIFF", compression="packbits")
    directory = struct.unpack_from("<I", tiff, 4)[0]
    (count,) = struct.unpack_from("<H", tiff, directory)
    entries = (struct.unpack_from("<HHII", tiff, directory + 2 + 12 * i) for i in range(count))
    values = {tag: value & 0xFFFF if kind == 3 else value for tag, kind, _, value in entries}
    return tiff[values[273] : values[273] + values[279]]
