"""All that a picture says of itself, wherever it says it, gathered once: EXIF, XMP, IPTC, comments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import ExifTags, Image

from .iptc import iptc_in, photoshop_blocks, read_iptc
from .xmp import NOTHING, Xmp, read_xmp

Fields = Mapping[int, Any]

_TIFF_IPTC, _TIFF_PHOTOSHOP = 0x83BB, 0x8649
# ImageMagick writes what PNG has no place for as text: a name, a size, hexadecimal digits.
_PROFILE = "Raw profile type "


@dataclass(frozen=True, slots=True)
class Tags:
    """What a picture says, by where it says it; what is damaged is left out.

    main, detail, gps, small: the EXIF directories, small is that of its thumbnail. xmp: the packet. iptc:
    texts of the application record, by number. photoshop: Photoshop's resources, by number. texts: of a
    PNG, by keyword. comment: of a JPEG, GIF or JPEG 2000.
    """

    main: Fields = field(default_factory=dict)
    detail: Fields = field(default_factory=dict)
    gps: Fields = field(default_factory=dict)
    small: Fields = field(default_factory=dict)
    xmp: Xmp = NOTHING
    iptc: Mapping[int, list[str]] = field(default_factory=dict)
    photoshop: Mapping[int, object] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    comment: object = None


def gather(image: Image.Image, exif: Image.Exif) -> Tags:
    """Return what a picture that was loaded says; nothing raises. exif: its EXIF."""
    main, info = _fields(exif), image.info
    texts = {str(key): str(value) for key, value in info.items() if isinstance(value, str)}
    blocks = _photoshop(info.get("photoshop"), main.get(_TIFF_PHOTOSHOP), texts)
    iptc = iptc_in(blocks) or _bytes(main.get(_TIFF_IPTC)) or None
    return Tags(
        main=main,
        detail=_directory(exif, ExifTags.IFD.Exif),
        gps=_directory(exif, ExifTags.IFD.GPSInfo),
        small=_directory(exif, ExifTags.IFD.IFD1),
        xmp=read_xmp(info.get("xmp") or info.get("XML:com.adobe.xmp") or _profile(texts, "xmp")),
        iptc=read_iptc(iptc),
        photoshop=blocks,
        texts=texts if image.format == "PNG" else {},
        comment=info.get("comment"),
    )


def _fields(directory: Fields) -> dict[int, Any]:
    """Copy the fields that can be read; Pillow parses each one when it is asked for."""
    fields: dict[int, Any] = {}
    for tag in list(directory):
        try:
            fields[tag] = directory[tag]
        except Exception:
            continue
    return fields


def _directory(exif: Image.Exif, directory: ExifTags.IFD) -> dict[int, Any]:
    try:
        return _fields(exif.get_ifd(directory))
    except Exception:
        return {}


def _photoshop(of_jpeg: object, of_tiff: object, texts: Mapping[str, str]) -> Mapping[int, object]:
    if isinstance(of_jpeg, dict):
        return of_jpeg
    return photoshop_blocks(_bytes(of_tiff) or _profile(texts, "iptc") or _profile(texts, "8bim"))


def _profile(texts: Mapping[str, str], name: str) -> bytes:
    _, _, digits = texts.get(_PROFILE + name, "").strip().partition("\n")
    try:
        return bytes.fromhex(digits.partition("\n")[2])
    except ValueError:
        return b""


def _bytes(value: object) -> bytes:
    """Return the bytes of a field that may have been declared as numbers."""
    if isinstance(value, bytes):
        return value
    try:
        return b"".join(int(each).to_bytes(4, "little") for each in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError, OverflowError):
        return b""
