"""IPTC records (IIM) as older programs write them into JPEG and TIFF: keywords, captions, places."""

from collections.abc import Iterator, Mapping

TITLE, KEYWORDS, AUTHOR, CAPTION = 5, 25, 80, 120
PLACE = (92, 90, 95, 101)  # within the city, city, province, country
COPYRIGHT = 116

_BLOCK = 0x0404  # the resource of Photoshop's that holds IPTC
_MARKER, _APPLICATION = 0x1C, 2
_CHARSET = (1, 90)
_UTF8 = b"\x1b%G"


def read_iptc(data: object) -> dict[int, list[str]]:
    """Return the texts of the application record, by the number of their field; damage ends it."""
    if not isinstance(data, bytes):
        return {}
    fields, codec = dict[int, list[str]](), ""
    for record, number, value in _records(data):
        if (record, number) == _CHARSET and value.startswith(_UTF8):
            codec = "utf-8"
        if record == _APPLICATION:
            fields.setdefault(number, []).append(_decoded(value, codec))
    return fields


def _records(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = data.find(_MARKER)
    while 0 <= at <= len(data) - 5 and data[at] == _MARKER:
        record, number, size = data[at + 1], data[at + 2], int.from_bytes(data[at + 3 : at + 5], "big")
        at += 5
        if size & 0x8000:  # a longer one: so many bytes say how long
            width = size & 0x7FFF
            if width > 4:
                return
            size, at = int.from_bytes(data[at : at + width], "big"), at + width
        yield record, number, data[at : at + size]
        at += size


def _decoded(value: bytes, codec: str) -> str:
    try:
        return value.decode("utf-8")  # also where nobody said so
    except UnicodeDecodeError:
        return value.decode(codec or "latin-1", "replace")


def photoshop_blocks(data: bytes) -> dict[int, bytes]:
    """Return Photoshop's resources by number; damage ends them."""
    blocks: dict[int, bytes] = {}
    at = 0
    while data[at : at + 4] == b"8BIM" and at + 12 <= len(data):
        number = int.from_bytes(data[at + 4 : at + 6], "big")
        start = at + 6 + (data[at + 6] + 2) // 2 * 2  # behind a name that is padded to an even length
        size = int.from_bytes(data[start : start + 4], "big")
        blocks[number] = data[start + 4 : start + 4 + size]
        at = start + 4 + (size + 1) // 2 * 2
    return blocks


def iptc_in(blocks: Mapping[int, object]) -> object:
    """Return the IPTC among Photoshop's resources, None where there is none."""
    return blocks.get(_BLOCK)
