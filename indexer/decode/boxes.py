"""The parts of HEIC and AVIF files, told by walking over their boxes; nothing is decoded."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .parts import Bytes, Parts, film_in

_MAX_BOXES = 100_000
_SEQUENCES = {b"avis", b"msf1", b"hevc", b"hevx"}
_NO_PICTURES = {b"Exif", b"mime", b"uri "}
_KNOWN = {b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"idat", b"uuid", b"sefd", b"styp", b"pdin"}
_PLAIN_CODES = ({1, 2}, {1, 2, 6, 13})  # primaries and transfers that are shown as sRGB is
_AUXILIARY = {
    "alpha": "",
    "auxid:1": "",
    "gainmap": "gain map",
    "depth": "depth",
    "disparity": "depth",
    "auxid:2": "depth",
    "matte": "matte",
}

_Box = tuple[bytes, memoryview]


@dataclass(slots=True)
class _Items:
    """What a meta box tells of its items, by their numbers."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    places: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    refs: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)
    properties: dict[int, list[_Box]] = field(default_factory=dict)
    groups: list[tuple[bytes, tuple[int, ...]]] = field(default_factory=list)
    stored: memoryview = field(default_factory=lambda: memoryview(b""))

    def sources(self, kind: bytes) -> set[int]:
        return {source for name, source, _ in self.refs if name == kind}

    def targets(self, kind: bytes) -> set[int]:
        return {target for name, _, targets in self.refs if name == kind for target in targets}


def heif_parts(data: bytes) -> Parts:
    """Return the parts of a HEIC or AVIF file."""
    top, rest = _top_boxes(data)
    behind, size = _behind(rest)
    parts = Parts(behind=behind, behind_size=size)
    meta = next((body for name, body in top if name == b"meta"), None)
    if meta is not None:
        parts = _with_pictures(data, _items(meta[4:]), parts)
    brands = bytes(top[0][1]) if top else b""
    film = [body for name, body in top if name in (b"moov", b"mdat")]
    if any(brand in brands for brand in _SEQUENCES):
        moov = next((body for name, body in top if name == b"moov"), memoryview(b""))
        frames = max([*_samples(moov), 1])
        if frames > 1:
            return replace(parts, frames=frames, shown=(*parts.shown, *film))
    return parts


def boxes_in(view: memoryview) -> Iterator[_Box]:
    """Yield the boxes that lie in a row, until one does not fit."""
    for name, body, _ in _boxes_with_ends(view):
        yield name, body


def _boxes_with_ends(view: memoryview) -> Iterator[tuple[bytes, memoryview, int]]:
    at = 0
    for _ in range(_MAX_BOXES):
        if at + 8 > len(view):
            return
        size, name, head = int.from_bytes(view[at : at + 4], "big"), bytes(view[at + 4 : at + 8]), 8
        if size == 1:
            size, head = int.from_bytes(view[at + 8 : at + 16], "big"), 16
        size = size or len(view) - at
        if size < head or at + size > len(view):
            return
        yield name, view[at + head : at + size], at + size
        at += size


def _top_boxes(data: bytes) -> tuple[list[_Box], memoryview]:
    """Return the boxes of a file up to the first that no picture has, and all that follows."""
    view, top, at = memoryview(data), list[_Box](), 0
    for name, body, end in _boxes_with_ends(view):
        if name not in _KNOWN or (name == b"ftyp" and top):
            break
        top.append((name, body))
        at = end
    return top, view[at:]


def _behind(rest: memoryview) -> tuple[str, int]:
    data = bytes(rest).rstrip(b"\0")
    if not data:
        return "", 0
    film = film_in(data)
    if film < 0 and data[4:8] == b"mpvd":
        film = 8
    if film >= 0:
        return "film", len(data) - film
    return ("", 0) if b"sefd" in data[:64] or data.endswith(b"SEFT") else ("data", len(data))


def _items(meta: memoryview) -> _Items:
    items = _Items()
    for name, body in boxes_in(meta):
        wide = bool(body) and body[0] > 0
        if name == b"pitm":
            items.primary = int.from_bytes(body[4 : 8 if wide else 6], "big")
        elif name == b"iinf":
            _read_kinds(items, body[8 if wide else 6 :])
        elif name == b"iloc":
            _read_places(items, body)
        elif name == b"iref":
            items.refs = list(_references(body, "I" if wide else "H"))
        elif name == b"iprp":
            _read_properties(items, body)
        elif name == b"grpl":
            items.groups = [(group, _numbers(one[8:], "I", 4)) for group, one in boxes_in(body)]
        elif name == b"idat":
            items.stored = body
    return items


def _read_kinds(items: _Items, body: memoryview) -> None:
    for name, entry in boxes_in(body):
        if name == b"infe" and entry[0] >= 2:
            width = 4 if entry[0] >= 3 else 2
            number = int.from_bytes(entry[4 : 4 + width], "big")
            items.kinds[number] = bytes(entry[6 + width : 10 + width])
            if entry[3] & 1:
                items.hidden.add(number)


def _references(body: memoryview, code: str) -> Iterator[tuple[bytes, int, tuple[int, ...]]]:
    width = struct.calcsize(code)
    for name, entry in boxes_in(body[4:]):
        yield name, int.from_bytes(entry[:width], "big"), _numbers(entry[width:], code, 2)


def _numbers(body: memoryview, code: str, count_width: int) -> tuple[int, ...]:
    """Return the numbers that follow their count."""
    width = struct.calcsize(code)
    count = min(int.from_bytes(body[:count_width], "big"), (len(body) - count_width) // width)
    return struct.unpack_from(f">{count}{code}", body, count_width)


def _read_properties(items: _Items, body: memoryview) -> None:
    boxes = list(boxes_in(body))
    known = [each for name, inner in boxes if name == b"ipco" for each in boxes_in(inner)]
    for name, inner in boxes:
        if name != b"ipma":
            continue
        reader = _Reader(inner[4:])
        for _ in range(reader.number(4)):
            number = reader.number(4 if inner[0] else 2)
            for _ in range(reader.number(1)):
                wide = inner[3] & 1
                index = reader.number(2 if wide else 1) & (0x7FFF if wide else 0x7F)
                if 0 < index <= len(known):
                    items.properties.setdefault(number, []).append(known[index - 1])


def _read_places(items: _Items, body: memoryview) -> None:
    version, reader = body[0], _Reader(body[4:])
    sizes = reader.number(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    for _ in range(reader.number(4 if version == 2 else 2)):
        number = reader.number(4 if version == 2 else 2)
        method = reader.number(2) & 15 if version else 0
        reader.number(2)
        base = reader.number(base_size)
        for _ in range(reader.number(2)):
            reader.number(index_size)
            offset, length = base + reader.number(offset_size), reader.number(length_size)
            items.places.setdefault(number, []).append((method, offset, length))


class _Reader:
    """Reads numbers one after another; behind the end it raises IndexError."""

    def __init__(self, body: memoryview) -> None:
        self._body, self._at = body, 0

    def number(self, width: int) -> int:
        self._at += width
        if self._at > len(self._body):
            raise IndexError("a box that ends too early")
        return int.from_bytes(self._body[self._at - width : self._at], "big")


def _with_pictures(data: bytes, items: _Items, parts: Parts) -> Parts:
    pictures = [number for number, kind in items.kinds.items() if kind not in _NO_PICTURES]
    beside = items.sources(b"thmb") | items.sources(b"auxl")
    own = [number for number in pictures if number not in beside]
    bits = max((_bits(items.properties.get(number, [])) for number in own), default=8)
    frames, eyes = _count(items, own)
    named = {_auxiliary_name(items.properties.get(number, [])) for number in items.sources(b"auxl")}
    named |= {"second eye"} if eyes else set()
    named |= {"gain map"} if b"tmap" in items.kinds.values() else set()
    auxiliary = tuple(sorted(named - {""}))
    colors = tuple(_odd_colors(items.properties.get(items.primary, [])))
    shown: tuple[Bytes, ...] = colors
    if frames > 1 or auxiliary or bits > 8:
        drawn = [number for number in sorted(pictures) if number not in items.sources(b"thmb")]
        shown += tuple(piece for number in drawn for piece in _shown(data, items, number))
    return replace(parts, frames=frames, bits=bits, auxiliary=auxiliary, shown=shown)


def _count(items: _Items, own: list[int]) -> tuple[int, bool]:
    """Return how many pictures stand for themselves, and whether two of them are a pair of eyes."""
    inputs = items.targets(b"dimg") - {items.primary}
    top = {n for n in own if n not in items.hidden and n not in inputs and items.kinds[n] != b"tmap"}
    eyes = False
    for name, members in items.groups:
        together = top & set(members)
        if name in (b"altr", b"ster", b"pymd") and len(together) > 1:
            kept = items.primary if items.primary in together else min(together)
            top -= together - {kept}
            eyes = eyes or name == b"ster"
    return max(1, len(top)), eyes


def _bits(properties: list[_Box]) -> int:
    for name, body in properties:
        if name == b"pixi" and len(body) > 5:
            return max(8, *body[5 : 5 + body[4]])
    for name, body in properties:
        if name == b"av1C" and len(body) > 2:
            return (12 if body[2] & 0x20 else 10) if body[2] & 0x40 else 8
        if name == b"hvcC" and len(body) > 17:
            return 8 + (body[17] & 7)
    return 8


def _auxiliary_name(properties: list[_Box]) -> str:
    """Return what an auxiliary picture is; "" for alpha, which is part of the picture."""
    for name, body in properties:
        if name == b"auxC":
            told = bytes(body[4:]).split(b"\0")[0].decode("latin-1").lower()
            return next((word for part, word in _AUXILIARY.items() if part in told), "other")
    return "other"


def _odd_colors(properties: list[_Box]) -> Iterator[Bytes]:
    """Yield what makes viewers show other colors than sRGB, beside a profile."""
    for name, body in properties:
        if name == b"colr" and bytes(body[:4]) == b"nclx" and len(body) >= 8:
            primaries, transfer = struct.unpack_from(">HH", body, 4)
            if primaries not in _PLAIN_CODES[0] or transfer not in _PLAIN_CODES[1]:
                yield body


def _shown(data: bytes, items: _Items, number: int) -> Iterator[Bytes]:
    """Yield how a picture is to be shown, and its compressed data."""
    yield items.kinds[number]
    for name, body in items.properties.get(number, []):
        yield name
        yield body
    for kind, source, targets in items.refs:
        if source == number and kind != b"cdsc":
            yield kind + struct.pack(f">{len(targets)}I", *targets)
    for method, offset, length in items.places.get(number, []):
        stored = items.stored if method == 1 else memoryview(data)
        yield stored[offset : offset + length] if length else stored[offset:]


def _samples(moov: memoryview) -> Iterator[int]:
    """Yield the number of pictures in each track."""
    nothing = memoryview(b"")
    for name, track in boxes_in(moov):
        media = dict(boxes_in(dict(boxes_in(track)).get(b"mdia", nothing))) if name == b"trak" else {}
        if bytes(media.get(b"hdlr", nothing))[8:12] == b"pict":
            table = dict(boxes_in(dict(boxes_in(media.get(b"minf", nothing))).get(b"stbl", nothing)))
            yield int.from_bytes(table.get(b"stsz", nothing)[8:12], "big")
