"""What a camera raw file says of itself beside its picture: metadata, and whether it is whole."""

from typing import Any

from PIL import ExifTags, Image

from ...store.records import Metadata
from .boxes import boxes_in
from .fields import read_all
from .parts import Bytes
from .tiff_pages import bits_of, is_made_whole, lacks_data, sensor_pages

_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")  # of the box with the directories of EXIF
_CANON_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_FUJI = b"FUJIFILMCCD-RAW"
_FUJI_PLACES = (84, 92, 100)  # of the preview, the head and the data of the sensor, each with a length
_XMP = 0x02BC
_LEAST_BITS, _MOST_BITS = 12, 16


def exif_of(data: bytes) -> tuple[Image.Exif, Any]:
    """Return the EXIF and the XMP of a raw file, as far as they can be read."""
    try:
        return _exif(data)
    except Exception:  # damaged EXIF raises nearly every type there is
        return Image.Exif(), b""


def read_raw(exif: Image.Exif, xmp: Any) -> tuple[Metadata, dict[str, Any]]:
    """Return the metadata and the fields that a raw file says; nothing raises."""
    carrier = Image.new("L", (1, 1))
    if xmp:
        carrier.info["xmp"] = xmp
    return read_all(carrier, exif)


def _exif(data: bytes) -> tuple[Image.Exif, Any]:
    if data[4:8] == b"ftyp":
        return _of_canon(data)
    if data.startswith(_FUJI):  # all that it says is in its preview
        start, length = _number(data, _FUJI_PLACES[0]), _number(data, _FUJI_PLACES[0] + 4)
        exif = _loaded(data[data.index(b"Exif\0\0", start, start + length) : start + length])
    else:
        # Olympus and Panasonic write another number where the version of TIFF stands.
        exif = _loaded(data if data[2:4] in (b"*\0", b"\0*") else data[:2] + b"*\0" + data[4:])
    return exif, exif.get(_XMP)


def _of_canon(data: bytes) -> tuple[Image.Exif, Any]:
    """Return what a CR3 says: its directories lie in boxes of their own."""
    top = list(boxes_in(memoryview(data)))
    moov = next(body for name, body in top if name == b"moov")
    directories = dict(boxes_in(_own(boxes_in(moov), _CANON)))
    exif = _loaded(directories[b"CMT1"])
    for name, directory in ((b"CMT2", ExifTags.IFD.Exif), (b"CMT4", ExifTags.IFD.GPSInfo)):
        if name in directories:
            exif.get_ifd(directory).update(_loaded(directories[name]))
    return exif, bytes(_own(top, _CANON_XMP))


def _own(boxes: Any, kind: bytes) -> memoryview:
    """Return what a maker's own box of a kind holds, nothing where there is none."""
    return next(
        (body[16:] for name, body in boxes if name == b"uuid" and body[:16] == kind), memoryview(b"")
    )


def _loaded(body: Bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(bytes(body))
    return exif


def sensor_bits(data: bytes) -> int:
    """Return the bits of a sensor's pixel, 12 (the least of cameras) where the file does not say."""
    try:
        return min(_MOST_BITS, max([_LEAST_BITS, *map(bits_of, sensor_pages(data))]))
    except Exception:  # a stranger's directories may be anything
        return _LEAST_BITS


def tells_sensor(data: bytes) -> bool:
    """Tell whether a file says where its sensor's data lie, as far as that can be followed."""
    is_tiff = data[2:4] in (b"*\0", b"\0*") and data[8:10] != b"CR"
    return not is_tiff or next(sensor_pages(data), None) is not None


def is_whole(data: bytes) -> bool:
    """Tell whether a raw file has all colors of each pixel: a DNG that was developed as far as that."""
    try:
        return any(is_made_whole(page) for page in sensor_pages(data))
    except Exception:  # a stranger's directories may be anything
        return False


def ends_early(data: bytes) -> bool:
    """Tell whether the sensor's data are not all there, as far as the file tells where they lie."""
    try:
        if data[4:8] == b"ftyp":
            return not any(name == b"mdat" for name, _ in boxes_in(memoryview(data)))
        if data.startswith(_FUJI):
            ends = (_number(data, at) + _number(data, at + 4) for at in _FUJI_PLACES)
            return max(ends) > len(data)
        return any(lacks_data(page, len(data)) for page in sensor_pages(data))
    except Exception:  # what cannot be followed tells nothing
        return False


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")
