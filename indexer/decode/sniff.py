"""Tell from its bytes, nearly always the first ones, what a file is; its name is never asked."""

from ...errors import DecodeError
from .tiff_pages import is_raw

RAW = "RAW"  # of whatever maker: the name of the file says which
# Of cameras, in the containers that docs/formats.md names.
RAW_EXTENSIONS = frozenset(
    b"." + extension
    for extension in (
        b"cr2 cr3 nef nrw arw sr2 dng orf ori rw2 rwl raf pef srw 3fr fff erf dcr kdc mef".split()
    )
)

_HEAD = 4096  # bytes that are looked at

_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG2000",
    b"\xff\x4f\xff\x51": "JPEG2000",
    b"8BPS\0\1": "PSD",
    b"8BPS\0\2": "PSD",  # a large one (PSB)
    b"FUJIFILMCCD-RAW": RAW,
    b"IIRO": RAW,  # Olympus
    b"IIRS": RAW,
    b"MMOR": RAW,
    b"IIU\0": RAW,  # Panasonic, Leica
}
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}

# What else lies in photo folders. It is named, never parsed.
_FOREIGN = {
    b"%PDF": "a PDF document",
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"PK\x03\x04": "a zip archive or an office document",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x1f\x8b": "a gzip archive",
    b"\x1aE\xdf\xa3": "a Matroska or WebM video",
    b"\0\0\x01\xba": "an MPEG video",
    b"ID3": "an MP3 file",
    b"OggS": "an Ogg file",
    b"\0\0\x01\0": "an icon",
    b"gimp xcf": "a GIMP document",
    b"SIMPLE  =": "a FITS file",
    b"v/1\x01": "an OpenEXR picture",
    b"#?RADIANCE": "a Radiance HDR picture",
    b"\xff\x0a": "a JPEG XL picture",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture",
    b"FOVb": "a camera raw file (Sigma)",
    b"II\x1a\0\0\0HEAPCCDR": "a camera raw file (Canon)",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"SQLite format 3\0": "a database",
}


def sniff(data: bytes) -> str:
    """Return the format of a picture: "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "RAW", ...

    Raises:
        DecodeError: "empty", "not_an_image" or "unsupported_format"; it says what the file is.
    """
    if not data:
        raise DecodeError("empty", "the file is empty")
    if data[4:8] == b"ftyp":
        return _sniff_brands(data)
    if data[:4] == b"RIFF":
        return _sniff_riff(data)
    for magic, name in _SIGNATURES.items():
        if data.startswith(magic):
            return RAW if name == "TIFF" and _is_raw(data) else name
    raise _not_an_image(data)


def _sniff_brands(data: bytes) -> str:
    """Tell AVIF, HEIF and videos apart: all are boxes that begin with their brands."""
    end = min(int.from_bytes(data[:4], "big"), _HEAD)
    major = data[8:12]
    brands = {major} | {data[at : at + 4] for at in range(16, end - 3, 4)}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIF_BRANDS:
        return "HEIF"
    if major == b"crx ":
        return RAW
    raise DecodeError("not_an_image", "this is a video, not a picture")


def _sniff_riff(data: bytes) -> str:
    if data[8:12] == b"WEBP":
        return "WEBP"
    kind = {b"AVI ": "a video", b"WAVE": "a sound"}.get(data[8:12], "a RIFF file")
    raise DecodeError("not_an_image", f"this is {kind}, not a picture")


def _is_raw(data: bytes) -> bool:
    """Tell whether a TIFF is a camera's raw file: that of Canon says so in its head."""
    try:
        return data[8:10] == b"CR" or is_raw(data)
    except Exception:  # a stranger's directories may be anything
        return False


def _not_an_image(data: bytes) -> DecodeError:
    for magic, what in _FOREIGN.items():
        if data.startswith(magic):
            picture = any(word in what for word in ("raw", "picture", "GIMP", "icon"))
            code = "unsupported_format" if picture else "not_an_image"
            return DecodeError(code, f"this is {what}, which lookalike does not read")
    return DecodeError("not_an_image", f"this is not a picture but {_describe(data[:_HEAD])}")


def _describe(head: bytes) -> str:
    """Return what a file without a known signature seems to be."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head.strip(b"\0"):
        return "nothing but zero bytes"
    if b"<svg" in text:
        return "an SVG drawing"
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if not any(byte < 9 or 13 < byte < 32 for byte in head):
        return "text"
    return "unknown data"
