"""Draw files that hold more than one picture, as cameras, scanners and phones write them."""

import io
import struct
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from lookalike.tests.pictures import draw_photo, encode

FILM = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + b"\0\0\0\x08free" + b"film" * 2000
DISPARITY, GAIN_MAP, PREVIEW, UNDEFINED = 0x020002, 0x050000, 0x010002, 0
_XMP = b"http://ns.adobe.com/xap/1.0/\0"


def frames(seed: int, count: int = 3) -> list[Image.Image]:
    return [draw_photo(seed + number, 120, 90) for number in range(count)]


def animation(file_format: str, pictures: Sequence[Image.Image], *, duration: int = 100) -> bytes:
    if file_format == "HEIF":
        return heic(pictures)
    if file_format == "TIFF":
        return pages(pictures)
    first, *rest = pictures
    lossless = {"lossless": True} if file_format == "WEBP" else {}
    return encode(first, file_format, save_all=True, append_images=rest, duration=duration, **lossless)


def pages(pictures: Sequence[Image.Image], subfile_types: Sequence[int] = ()) -> bytes:
    """Make a TIFF of pages of any size; subfile_types: the NewSubfileType of each."""
    out = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(out) as writer:
        for number, picture in enumerate(pictures):
            fields = TiffImagePlugin.ImageFileDirectory_v2()
            if subfile_types:
                fields[254] = subfile_types[number]
            picture.save(writer, "TIFF", tiffinfo=fields, compression="tiff_adobe_deflate")
            writer.newFrame()
    return out.getvalue()


def heic(pictures: Sequence[Image.Image]) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = pillow_heif.HeifFile()
    for picture in pictures:
        file.add_from_pillow(picture)
    out = io.BytesIO()
    file.save(out, quality=60, enc_params={"preset": "ultrafast"})
    return out.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_xmp(jpeg: bytes, text: bytes) -> bytes:
    return jpeg[:2] + segment(0xE1, _XMP + text) + jpeg[2:]


def mpo(first: bytes, others: Sequence[tuple[int, bytes]]) -> bytes:
    """Join JPEGs with an index of them (MPF, CIPA DC-007). others: their types and bytes."""
    count = len(others) + 1
    length = 4 + 4 + 8 + 2 + 3 * 12 + 4 + 16 * count
    index_at = 2 + 4 + 4  # of the byte order, in the joined file
    places, at = [], len(first) + 4 + length - 0
    for _, data in others:
        places.append(at - index_at)
        at += len(data)
    fields = [(0xB000, 7, 4, b"0100"), (0xB001, 4, 1, struct.pack("<I", count))]
    fields.append((0xB002, 7, 16 * count, struct.pack("<I", 8 + 2 + 3 * 12 + 4)))
    body = b"MPF\0" + b"II*\0\x08\0\0\0" + struct.pack("<H", 3)
    body += b"".join(struct.pack("<HHI", *field[:3]) + field[3] for field in fields) + bytes(4)
    body += struct.pack("<IIIHH", 0x030000, len(first) + 4 + length, 0, 0, 0)
    for (kind, data), place in zip(others, places, strict=True):
        body += struct.pack("<IIIHH", kind, len(data), place, 0, 0)
    body = body.ljust(length, b"\0")
    return first[:2] + segment(0xE2, body) + first[2:] + b"".join(data for _, data in others)


def scan_of(jpeg: bytes) -> tuple[int, int]:
    """Return where the compressed data of a JPEG begin and end."""
    start = jpeg.index(b"\xff\xda")
    return start, jpeg.index(b"\xff\xd9", start)


def bmp_with_alpha(picture: Image.Image, alpha: int) -> bytes:
    pixels = np.full((picture.height, picture.width, 4), alpha, np.uint8)
    pixels[..., :3] = np.asarray(picture)[::-1, :, ::-1]
    raw = pixels.tobytes()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    sizes = (108, picture.width, picture.height, 1, 32, 3, len(raw), 2835, 2835, 0, 0)
    head = struct.pack("<IiiHHIIiiII", *sizes) + masks
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(raw), 0, 0, 14 + len(head)) + head + raw


def png_of_16_bits(values: np.ndarray[tuple[int, ...], np.dtype[np.uint16]]) -> bytes:
    """Make a PNG of (h, w, channels) numbers; Pillow writes none with several channels."""
    import zlib

    height, width, channels = values.shape
    rows = values.astype(">u2").reshape(height, -1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    color = {2: 4, 3: 2, 4: 6}[channels]

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def tiff_of_16_bits(values: np.ndarray[tuple[int, ...], np.dtype[np.uint16]]) -> bytes:
    """Make a plain TIFF of (h, w, 3) numbers."""
    height, width, channels = values.shape
    raw = values.astype("<u2").tobytes()
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, 0), (259, 3, 1, 1), (262, 3, 1, 2)]
    entries += [(273, 4, 1, 0), (277, 3, 1, channels), (278, 4, 1, height), (279, 4, 1, len(raw))]
    bits_at = 8 + 2 + 12 * len(entries) + 4
    places = {258: bits_at, 273: bits_at + 6}
    body = b"".join(struct.pack("<HHII", tag, kind, n, places.get(tag, v)) for tag, kind, n, v in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + bytes(4) + b"\x10\0" * 3 + raw
