"""Draw camera raw files: a mosaic of 16 bits with a JPEG preview, in the containers of several makers."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from lookalike.tests.pictures import encode

SHORT, LONG, RATIONAL, ASCII, BYTE, UNDEFINED, SRATIONAL = 3, 4, 5, 2, 1, 7, 10
EXIF, GPS, SUB = 34665, 34853, 330
_CODES = {SHORT: "H", LONG: "I", BYTE: "B", UNDEFINED: "B"}
_WHITE = 16383


@dataclass
class Directory:
    """A TIFF directory. fields: (type, values) by tag. data: bytes by the tag that holds their place.

    below: directories by the tag that points at them. then: the next one of the chain.
    """

    fields: dict[int, tuple[int, Any]] = field(default_factory=dict)
    data: dict[int, bytes] = field(default_factory=dict)
    below: dict[int, Sequence["Directory"]] = field(default_factory=dict)
    then: "Directory | None" = None


def tiff(first: Directory, magic: bytes = b"II*\0", gap: bytes = b"") -> bytes:
    """Write directories as a little-endian TIFF. gap: what makers put between its head and the first."""
    out = bytearray(magic + struct.pack("<I", 8 + len(gap)) + gap)
    _write(out, first)
    return bytes(out)


def _write(out: bytearray, directory: Directory) -> None:
    tags = sorted({*directory.fields, *directory.data, *directory.below})
    at = len(out)
    out += bytes(2 + 12 * len(tags) + 4)
    struct.pack_into("<H", out, at, len(tags))
    for number, tag in enumerate(tags):
        kind, values = _field(out, directory, tag)
        body = _bytes(kind, values)
        count = len(body) // {SHORT: 2, LONG: 4, RATIONAL: 8, SRATIONAL: 8}.get(kind, 1)
        if len(body) > 4:
            out += bytes(len(out) % 2)
            body, place = struct.pack("<I", len(out)), body
            out += place
        struct.pack_into("<HHI4s", out, at + 2 + 12 * number, tag, kind, count, body.ljust(4, b"\0"))
    if directory.then:
        struct.pack_into("<I", out, at + 2 + 12 * len(tags), len(out))
        _write(out, directory.then)


def _field(out: bytearray, directory: Directory, tag: int) -> tuple[int, Any]:
    if tag in directory.data:
        out += bytes(len(out) % 2)
        out += directory.data[tag]
        return LONG, [len(out) - len(directory.data[tag])]
    if tag in directory.below:
        places = []
        for each in directory.below[tag]:
            out += bytes(len(out) % 2)
            places.append(len(out))
            _write(out, each)
        return LONG, places
    return directory.fields[tag]


def _bytes(kind: int, values: Any) -> bytes:
    if isinstance(values, str):
        return values.encode() + b"\0"
    if kind in (RATIONAL, SRATIONAL):
        code = "I" if kind == RATIONAL else "i"
        return b"".join(struct.pack(f"<2{code}", *pair) for pair in values)
    values = values if isinstance(values, (list, tuple)) else [values]
    return struct.pack(f"<{len(values)}{_CODES[kind]}", *values)


def mosaic(picture: Image.Image) -> bytes:
    """Return what a sensor behind red, green, green and blue filters would tell of a picture, 14 bits."""
    rgb = (np.asarray(picture, np.float32) / 255) ** 2.2 * _WHITE
    cfa = rgb[..., 1].copy()
    cfa[0::2, 0::2] = rgb[0::2, 0::2, 0]
    cfa[1::2, 1::2] = rgb[1::2, 1::2, 2]
    return cfa.astype("<u2").tobytes()


def sensor(picture: Image.Image, kind: int = 0) -> Directory:
    """Return the directory of the sensor's own data, not compressed. kind: its NewSubfileType."""
    data = mosaic(picture)
    fields = {
        254: (LONG, kind), 256: (LONG, picture.width), 257: (LONG, picture.height), 258: (SHORT, 16),
        259: (SHORT, 1), 262: (SHORT, 32803), 277: (SHORT, 1), 278: (LONG, picture.height),
        279: (LONG, len(data)), 33421: (SHORT, [2, 2]), 33422: (BYTE, [0, 1, 1, 2]),
        50717: (LONG, _WHITE),
    }  # fmt: skip
    return Directory(fields, {273: data})


def preview(jpeg: bytes, size: tuple[int, int]) -> Directory:
    """Return the directory of a JPEG preview as a DNG has it."""
    fields = {
        254: (LONG, 1), 256: (LONG, size[0]), 257: (LONG, size[1]), 258: (SHORT, [8, 8, 8]),
        259: (SHORT, 7), 262: (SHORT, 6), 277: (SHORT, 3), 278: (LONG, size[1]), 279: (LONG, len(jpeg)),
    }  # fmt: skip
    return Directory(fields, {273: jpeg})


def said(
    orientation: int = 1, maker: str = "Acme"
) -> tuple[dict[int, Any], dict[int, Sequence[Directory]]]:
    """Return what a camera says: the fields of the first directory, and the ones of EXIF and GPS."""
    main = {271: (ASCII, maker), 272: (ASCII, f"{maker} R1"), 274: (SHORT, orientation)}
    detail = {
        36867: (ASCII, "2021:05:06 07:08:09"), 33434: (RATIONAL, [(1, 250)]), 33437: (RATIONAL, [(28, 10)]),
        34855: (SHORT, 400), 37386: (RATIONAL, [(35, 1)]), 42036: (ASCII, "Acme 35mm F2"),
    }  # fmt: skip
    place = {
        1: (ASCII, "N"), 2: (RATIONAL, [(48, 1), (30, 1), (0, 1)]),
        3: (ASCII, "E"), 4: (RATIONAL, [(9, 1), (0, 1), (0, 1)]),
    }  # fmt: skip
    return main, {EXIF: [Directory(detail)], GPS: [Directory(place)]}


def dng(picture: Image.Image, jpeg: bytes | None = None, orientation: int = 1) -> bytes:
    """Make a DNG of a picture as the sensor sees it. jpeg: its preview, b"" for none, None for its own."""
    jpeg = encode(picture, quality=90) if jpeg is None else jpeg
    main, below = said(orientation)
    thumb = np.asarray(picture.resize((64, 48))).tobytes()
    fields = {
        254: (LONG, 1), 256: (LONG, 64), 257: (LONG, 48), 258: (SHORT, [8, 8, 8]), 259: (SHORT, 1),
        262: (SHORT, 2), 277: (SHORT, 3), 278: (LONG, 48), 279: (LONG, len(thumb)),
        50706: (BYTE, [1, 4, 0, 0]), 50707: (BYTE, [1, 1, 0, 0]), 50708: (ASCII, "Acme R1"),
        50721: (SRATIONAL, [(n, 1) for n in (1, 0, 0, 0, 1, 0, 0, 0, 1)]), 50778: (SHORT, 21),
        50728: (RATIONAL, [(1, 1)] * 3),
    }  # fmt: skip
    previews = [preview(jpeg, picture.size)] if jpeg else []
    below = below | {SUB: [sensor(picture), *previews]}
    return tiff(Directory(main | fields, {273: thumb}, below))
