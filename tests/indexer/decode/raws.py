"""Draw camera raw files: a mosaic of 16 bits with a JPEG preview, in the containers of several makers."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from lookalike.tests.indexer.decode.containers import segment
from lookalike.tests.pictures import encode, exif_with

SHORT, LONG, RATIONAL, ASCII, BYTE, UNDEFINED, SRATIONAL = 3, 4, 5, 2, 1, 7, 10
EXIF, GPS, SUB = 34665, 34853, 330
_SIZES = {SHORT: 2, LONG: 4, RATIONAL: 8, SRATIONAL: 8}
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
    # Pictures come last, and the sensor's after all.
    for tag in sorted(tags, key=lambda tag: (tag == SUB, tag in directory.data)):
        kind, values = directory.fields.get(tag, (LONG, [0] * len(directory.below.get(tag, [0]))))
        body = _bytes(kind, values)
        entry = at + 2 + 12 * tags.index(tag)
        struct.pack_into("<HHI", out, entry, tag, kind, len(body) // _SIZES.get(kind, 1))
        place = entry + 8
        if len(body) > 4:
            place = _even(out)
            struct.pack_into("<I", out, entry + 8, place)
            out += body
        else:
            out[place : place + len(body)] = body
        for number, each in enumerate(directory.below.get(tag, ())):
            struct.pack_into("<I", out, place + 4 * number, _even(out))
            _write(out, each)
        if tag in directory.data:
            struct.pack_into("<I", out, place, _even(out))
            out += directory.data[tag]
    if directory.then:
        struct.pack_into("<I", out, at + 2 + 12 * len(tags), _even(out))
        _write(out, directory.then)


def _even(out: bytearray) -> int:
    """Fill up to an even place, and return it."""
    out += bytes(len(out) % 2)
    return len(out)


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


def made_whole(picture: Image.Image) -> Directory:
    """Return the directory of a sensor's data with all colors of each pixel."""
    data = ((np.asarray(picture, np.float32) / 255) ** 2.2 * _WHITE).astype("<u2").tobytes()
    found = sensor(picture)
    found.fields |= {258: (SHORT, [16] * 3), 262: (SHORT, 34892), 277: (SHORT, 3), 279: (LONG, len(data))}
    found.fields[50717] = (LONG, [_WHITE] * 3)
    del found.fields[33421], found.fields[33422]
    return Directory(found.fields, {273: data})


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


def dng(
    picture: Image.Image, jpeg: bytes | None = None, orientation: int = 1, *, linear: bool = False
) -> bytes:
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
    below = below | {SUB: [made_whole(picture) if linear else sensor(picture), *previews]}
    return tiff(Directory(main | fields, {273: thumb}, below))


def as_strip(jpeg: bytes) -> Directory:
    """Return the directory of a JPEG as most makers point at it."""
    return Directory({254: (LONG, 1), 259: (SHORT, 6), 514: (LONG, len(jpeg))}, {513: jpeg})


def nef(picture: Image.Image, jpeg: bytes, orientation: int = 1) -> bytes:
    """Make a file laid out as Nikon does: a stamp, with preview and sensor below it."""
    main, below = said(orientation, "NIKON CORPORATION")
    stamp = Directory(main | {254: (LONG, 1), 256: (LONG, 160), 257: (LONG, 120)}, {}, dict(below))
    stamp.below[SUB] = [as_strip(jpeg), sensor(picture)]
    return tiff(stamp)


def arw(picture: Image.Image, jpeg: bytes, orientation: int = 1) -> bytes:
    """Make a file laid out as Sony does: the preview first, the sensor below it, a stamp behind."""
    main, below = said(orientation, "SONY")
    first = as_strip(jpeg)
    first.fields |= main
    first.below = {**below, SUB: [sensor(picture)]}
    first.then = as_strip(encode(picture.resize((160, 120))))
    return tiff(first)


def pef(picture: Image.Image, jpeg: bytes, orientation: int = 1) -> bytes:
    """Make a file laid out as Pentax does: the sensor first, a stamp and the preview behind it."""
    main, below = said(orientation, "PENTAX Corporation")
    first = sensor(picture)
    first.fields |= main
    first.below = dict(below)
    first.then = as_strip(encode(picture.resize((160, 120))))
    first.then.then = as_strip(jpeg)
    return tiff(first)


def cr2(picture: Image.Image, jpeg: bytes, orientation: int = 1) -> bytes:
    """Make a file laid out as Canon did: preview, stamp, colors and sensor (lossless JPEG) in a chain."""
    main, below = said(orientation, "Canon")
    strip = {256: (LONG, picture.width), 257: (LONG, picture.height), 279: (LONG, len(jpeg))}
    first = Directory(main | strip | {258: (SHORT, [8, 8, 8]), 259: (SHORT, 6)}, {273: jpeg}, dict(below))
    first.then = as_strip(encode(picture.resize((160, 120))))
    small = np.asarray(picture.resize((64, 48)), np.uint16).tobytes()
    colors = {256: (SHORT, 64), 257: (SHORT, 48), 258: (SHORT, [16] * 3), 259: (SHORT, 1), 277: (SHORT, 3)}
    first.then.then = Directory(colors | {279: (LONG, len(small))}, {273: small})
    lossless = _lossless(picture.size)
    data = {259: (SHORT, 6), 279: (LONG, len(lossless)), 50752: (SHORT, [0, 0, picture.width])}
    first.then.then.then = Directory(data, {273: lossless})
    return tiff(first, gap=b"CR\2\0" + bytes(4))


def _lossless(size: tuple[int, int]) -> bytes:
    """Return a lossless JPEG of one grey, two samples wide, as Canon's sensors write them."""
    table = b"\0" + bytes([1, *[0] * 15]) + b"\0"
    frame = struct.pack(">BHHB", 14, size[1], size[0] // 2, 2) + bytes([1, 0x11, 0, 2, 0x11, 0])
    scan = bytes([2, 1, 0, 2, 0, 1, 0, 0])
    parts = ((0xC4, table), (0xC3, frame), (0xDA, scan))
    head = b"".join(
        bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in parts
    )
    return b"\xff\xd8" + head + bytes(size[0] * size[1] // 8) + b"\xff\xd9"


def orf(picture: Image.Image, jpeg: bytes, orientation: int = 1) -> bytes:
    """Make a file laid out as Olympus does: the sensor first, the preview named in the maker's note."""
    main, below = said(orientation, "OLYMPUS IMAGING CORP.")
    first = sensor(picture)
    first.fields |= main | {262: (SHORT, 1)}
    head = b"OLYMPUS\0II\3\0"
    inner_at = len(head) + 2 + 12 + 4
    places = ((0x101, inner_at + 2 + 24 + 4), (0x102, len(jpeg)))
    note = head + struct.pack("<HHHIII", 1, 0x2020, 13, 1, inner_at, 0) + struct.pack("<H", 2)
    note += b"".join(struct.pack("<HHII", tag, LONG, 1, value) for tag, value in places) + bytes(4) + jpeg
    below[EXIF][0].fields[37500] = (UNDEFINED, list(note))
    first.below = dict(below)
    return tiff(first, b"IIRO")


def rw2(picture: Image.Image, jpeg: bytes, orientation: int = 1) -> bytes:
    """Make a file laid out as Panasonic does."""
    main, below = said(orientation, "Panasonic")
    width, height = picture.size
    fields = {
        1: (UNDEFINED, list(b"0310")), 2: (SHORT, width), 3: (SHORT, height), 4: (SHORT, 0), 5: (SHORT, 0),
        6: (SHORT, height), 7: (SHORT, width), 8: (SHORT, 1), 9: (SHORT, 1), 10: (SHORT, 12),
        11: (SHORT, 34316), 14: (SHORT, 4095), 15: (SHORT, 4095), 16: (SHORT, 4095), 23: (SHORT, 100),
        46: (UNDEFINED, list(jpeg)), 279: (LONG, width * height * 8 // 7),
    }  # fmt: skip
    return tiff(Directory(main | fields, {280: bytes(width * height * 8 // 7)}, dict(below)), b"IIU\0")


def raf(picture: Image.Image, jpeg: bytes, orientation: int = 1) -> bytes:
    """Make a file laid out as Fujifilm does: a preview that says all, a head and the sensor's TIFF."""
    width, height = picture.size
    exif = exif_with(
        {271: "Acme", 272: "X-Z9", 274: orientation},
        exif={36867: "2021:05:06 07:08:09", 42036: "XF35mm"},
    )
    # As cameras have it: EXIF first, and no JFIF.
    shown = jpeg[:2] + segment(0xE1, b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")) + jpeg[20:]
    tags = [(0x100, struct.pack(">HH", height, width)), (0x111, struct.pack(">HH", height, width))]
    tags += [(0x121, struct.pack(">HH", height, width)), (0x131, bytes([0, 1, 1, 2]))]
    meta = struct.pack(">I", len(tags)) + b"".join(struct.pack(">HH", t, len(v)) + v for t, v in tags)
    data = mosaic(picture)
    sizes = {0xF001: (LONG, width), 0xF002: (LONG, height), 0xF003: (LONG, 14), 0xF008: (LONG, len(data))}
    body = tiff(Directory({}, {}, {0xF000: [Directory(sizes, {0xF007: data})]}))
    at = 148
    places = [at, len(shown), at + len(shown), len(meta), at + len(shown) + len(meta), len(body)]
    head = b"FUJIFILMCCD-RAW 0201FF389501" + b"X-Z9".ljust(32, b"\0") + b"0100" + bytes(20)
    return head + struct.pack(">6I", *places) + bytes(at - len(head) - 24) + shown + meta + body


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, name) + body


def cr3(picture: Image.Image, jpeg: bytes, orientation: int = 1) -> bytes:
    """Make a file laid out as Canon does now: boxes, with the preview as the picture of one track."""
    main, below = said(orientation, "Canon")
    told = [tiff(each) for each in (Directory(main), below[EXIF][0], Directory(), below[GPS][0])]
    own = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    own += b"".join(box(b"CMT%d" % (number + 1), each) for number, each in enumerate(told))
    sizes = (*picture.size, *picture.size)
    compressed = struct.pack(">HHHH4I4BI", 0xFFFF, 0x30, 0x100, 0, *sizes, 14, 0x40, 3, 0, 0x6C)
    kinds = (box(b"JPEG", bytes(4)), box(b"CMP1", compressed.ljust(52, b"\0")))
    data = (jpeg, bytes(picture.width * picture.height))
    head, moov = box(b"ftyp", b"crx \0\0\0\1crx isom"), b""
    for _ in range(2):  # its length tells where the data are, and does not change with what it says
        places = [len(head) + len(moov) + 16]
        places.append(places[0] + len(jpeg))
        tracks = (
            _track(picture, *each) for each in zip(kinds, [len(each) for each in data], places, strict=True)
        )
        moov = box(b"moov", box(b"uuid", own) + b"".join(tracks))
    return head + moov + struct.pack(">I4sQ", 1, b"mdat", 16 + sum(map(len, data))) + b"".join(data)


def _track(picture: Image.Image, kind: bytes, size: int, place: int) -> bytes:
    entry = bytes(24) + struct.pack(">HH", *picture.size) + bytes(54) + kind
    table = box(b"stsd", struct.pack(">II", 0, 1) + box(b"CRAW", entry))
    table += box(b"stsz", struct.pack(">III", 0, size, 1)) + box(b"co64", struct.pack(">IIQ", 0, 1, place))
    media = box(b"hdlr", bytes(8) + b"vide") + box(b"minf", box(b"stbl", table))
    return box(b"trak", box(b"mdia", media))


WRITERS = {each.__name__: each for each in (arw, cr2, cr3, dng, nef, orf, pef, raf, rw2)}
