"""The parts of a JPEG file: the picture, others behind it (MPF, gain maps), films and notes of phones."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .parts import Parts, film_in

# What shapes the picture in a JPEG: frames (SOF), tables (DHT, DAC, DQT, DRI), and of the application
# segments the color profile (in APP2) and Adobe's color transform (APP14). EXIF, XMP, IPTC, thumbnails and
# comments do not.
_SHAPING = {*range(0xC0, 0xD0), 0xDB, 0xDD, 0xEE}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_ONE_SCAN = (0xC0, 0xC1)
_APP1, _APP2, _RESTART_INTERVAL, _START_OF_SCAN = 0xE1, 0xE2, 0xDD, 0xDA
_START, END = b"\xff\xd8\xff", b"\xff\xd9"
_PROFILE, _MPF, _GAIN_MAP = b"ICC_PROFILE\0", b"MPF\0", b"urn:iso:std:iso:ts:21496"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"

_LEAST = 16  # bytes: fewer, or all the same, are padding
_MAX_PICTURES = 100  # behind the first one
_ENTRIES = 0xB002  # of an MPF index
# The types of MPF (CIPA DC-007), by their upper byte and whole.
_PREVIEW, _SAME_SCENE, _ORIGINAL = 0x01, 0x02, 0x04
_DISPARITY, _GAIN_MAP_TYPE = 0x020002, 0x050000
_MEANINGS = (
    (re.compile(rb"hdrgm:|hdrgainmap", re.IGNORECASE), "gain map"),
    (re.compile(rb"aux:(depth|disparity)|GDepth:|DepthMap", re.IGNORECASE), "depth"),
    (re.compile(rb"aux:\w*matte", re.IGNORECASE), "matte"),
)
_HAS_GAIN_MAP = re.compile(rb"hdrgm:Version|Semantic\s*=\s*.GainMap")

# A Samsung trailer: blocks of two zero bytes, a type, the length of a name, the name. These hold nothing
# that is missed: the time, the country, the scene as the camera saw it.
_TRAILER = b"SEFT"
_MAX_TRAILER = 1 << 16
_BLOCK = re.compile(rb"\0\0..[\x03-\x40]\0\0\0([A-Za-z][A-Za-z0-9_]+)", re.DOTALL)
_STAMPS = re.compile(
    rb"(Image_UTC_Data|MCC_Data|Camera_Scene_Info|Color_Display_P3|Photo_HDR_Info"
    rb"|Camera_Capture_Mode_Info|Camera_Sticker_Info)\w*"
)


@dataclass(frozen=True, slots=True)
class _Stream:
    """One JPEG among other bytes. scan, data_end: of its compressed data. end: behind its end marker."""

    start: int
    scan: int
    data_end: int
    end: int
    has_end: bool
    shaping: tuple[memoryview, ...]
    frame: bytes
    xmp: bytes
    index: bytes
    index_start: int
    interval: int
    is_gain_map: bool

    @property
    def area(self) -> int:
        height, width = struct.unpack_from(">HH", self.frame, 5)
        return int(height * width)


def jpeg_parts(data: bytes) -> Parts:
    """Return the parts of a JPEG file; of one whose segments cannot be followed, those of a plain one."""
    first = _stream(data, 0, len(data))
    if first is None:
        return Parts()
    parts = Parts(
        picture=(*first.shaping, memoryview(data)[first.scan : first.data_end]),
        scan=(first.scan, first.data_end),
        lacks_end=not first.has_end,
        damage=() if first.has_end else ("no end marker",),
    )
    if not first.has_end:
        return parts
    if first.interval and _restarts_are_broken(data, first):
        parts = replace(parts, damage=("restart markers are missing or out of order",))
    return _with_the_rest(data, first, parts)


def _stream(data: bytes, start: int, stop: int) -> _Stream | None:
    """Follow the segments of a JPEG up to its end marker; None where that is not possible."""
    view, at = memoryview(data), start + 2
    shaping: list[memoryview] = []
    frame = xmp = index = b""
    index_start = interval = 0
    is_gain_map = False
    while at + 4 <= stop and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1  # a fill byte
            continue
        if marker == _START_OF_SCAN:
            end = data.find(END, at, stop)
            data_end = end if end >= 0 else _end_of_data(data, at, stop)
            return _Stream(
                start,
                at,
                data_end,
                data_end + len(END) if end >= 0 else stop,
                end >= 0,
                tuple(shaping),
                frame,
                xmp,
                index,
                index_start,
                interval,
                is_gain_map,
            )
        length = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        segment = data[at : at + length] if marker in (_APP1, _APP2, *_FRAMES) else b""
        if marker in _SHAPING or segment.startswith(_PROFILE, 4):
            shaping.append(view[at : at + length])
        if marker in _FRAMES and len(segment) > 9:
            frame = segment
        elif marker == _RESTART_INTERVAL:
            interval = int.from_bytes(data[at + 4 : at + 6], "big")
        elif segment.startswith(_XMP, 4):
            xmp = segment
        elif segment.startswith(_MPF, 4):
            index, index_start = segment[8:], at + 8
        is_gain_map = is_gain_map or segment.startswith(_GAIN_MAP, 4)
        at += length
    return None


def _restarts_are_broken(data: bytes, stream: _Stream) -> bool:
    """Tell whether a picture in one scan has other restart markers than its frame asks for."""
    frame, scan = stream.frame, stream.scan
    layers = frame[9] if frame else 0
    if not layers or frame[1] not in _ONE_SCAN or data[scan + 4] != layers or len(frame) < 10 + 3 * layers:
        return False
    height, width = struct.unpack_from(">HH", frame, 5)
    sampling = [frame[11 + 3 * n] for n in range(layers)]
    across, down = (max(each >> 4 for each in sampling), max(each & 15 for each in sampling))
    if layers == 1 or not across or not down:
        across = down = 1
    units = -(-width // (8 * across)) * -(-height // (8 * down))
    codes = np.frombuffer(data, np.uint8, stream.end - scan, scan)
    places = np.flatnonzero(codes[:-1] == 0xFF)
    marks = codes[places + 1]
    marks = marks[(marks >= 0xD0) & (marks <= 0xD7)]
    expected = (units - 1) // stream.interval
    return len(marks) != expected or bool((marks != 0xD0 + np.arange(expected) % 8).any())


def _with_the_rest(data: bytes, first: _Stream, parts: Parts) -> Parts:
    """Add what lies behind the picture."""
    others, end = _pictures_behind(data, first)
    frames, shown = 1, []
    named: list[str] = []
    doubtful: list[memoryview] = []
    for kind, other in others:
        name = _name_of(kind, other, first, len(others), "gain map" in named)
        if name == "preview":
            continue
        if name == "doubtful":
            doubtful.append(memoryview(data)[other.start : other.end])
            continue
        if name == "frame":
            frames += 1
        else:
            named.append(name)
        shown += [*other.shaping, memoryview(data)[other.scan : other.data_end]]
    behind, size = _behind(data[end:])
    return replace(
        parts,
        frames=frames,
        auxiliary=tuple(sorted(set(named))),
        shown=tuple(shown),
        doubtful=tuple(doubtful),
        behind=behind,
        behind_size=size,
    )


def _pictures_behind(data: bytes, first: _Stream) -> tuple[list[tuple[int, _Stream]], int]:
    """Return the JPEGs behind the first one with their types in the MPF index, and where they end."""
    kinds = {start: kind for kind, start in _listed(first) if data.startswith(_START, start)}
    places = sorted(start for start in kinds if start >= first.end)
    found: list[tuple[int, _Stream]] = []
    end = first.end
    while len(found) < _MAX_PICTURES:
        at = _behind_zeros(data, end)
        if not data.startswith(_START, at):
            at = next((place for place in places if place >= end), len(data))
        other = _stream(data, at, len(data)) if at < len(data) else None
        if other is None:
            break
        found.append((kinds.get(at, 0), other))
        end = other.end
    return found, end


def _behind_zeros(data: bytes, at: int) -> int:
    while data[at : at + 1] == b"\0":
        piece = data[at : at + 4096]
        at += len(piece) - len(piece.lstrip(b"\0"))
    return at


def _listed(stream: _Stream) -> Iterator[tuple[int, int]]:
    """Yield the type and the place of each picture in the MPF index but the first."""
    index = stream.index
    order = {b"II": "<", b"MM": ">"}.get(index[:2])
    if order is None or len(index) < 10:
        return
    (at,) = struct.unpack_from(order + "I", index, 4)
    count = int.from_bytes(index[at : at + 2], "little" if order == "<" else "big")
    for place in range(at + 2, min(at + 2 + 12 * count, len(index) - 11), 12):
        tag, _, size, offset = struct.unpack_from(order + "HHII", index, place)
        if tag == _ENTRIES:
            for entry in range(offset + 16, min(offset + size, len(index) - 15, offset + 1616), 16):
                kind, _, start = struct.unpack_from(order + "III", index, entry)
                yield kind & 0xFFFFFF, stream.index_start + start
            return


def _name_of(kind: int, other: _Stream, first: _Stream, n_others: int, has_gain_map: bool) -> str:
    """Return what a picture behind the first one is: "frame", "preview", "doubtful" or an auxiliary one."""
    meaning = next((name for pattern, name in _MEANINGS if pattern.search(other.xmp)), "")
    if meaning:
        return meaning
    if kind == _GAIN_MAP_TYPE or other.is_gain_map:
        return "gain map"
    if kind == _DISPARITY:
        return "second eye"
    if kind >> 16 in (_PREVIEW, _SAME_SCENE, _ORIGINAL):
        return {_PREVIEW: "preview", _SAME_SCENE: "frame", _ORIGINAL: "original"}[kind >> 16]
    if not has_gain_map and _HAS_GAIN_MAP.search(first.xmp):
        return "gain map"
    if not other.frame or not first.frame or other.area < first.area:
        return "doubtful"
    return "second eye" if n_others == 1 else "frame"


def _behind(rest: bytes) -> tuple[str, int]:
    """Return what lies behind all pictures, "film", "data" or "", and its bytes."""
    rest = rest.rstrip(b"\0")
    film = film_in(rest)
    if film >= 0:
        return "film", len(rest) - film
    rest = rest.lstrip(b"\0")
    if len(rest) < _LEAST or not rest.strip(rest[:1]):
        return "", 0
    if rest.endswith(_TRAILER) and _holds_stamps(b"\0\0" + rest):
        return "", 0
    return "data", len(rest)


def _holds_stamps(trailer: bytes) -> bool:
    names = _BLOCK.findall(trailer)
    return bool(names) and all(_STAMPS.fullmatch(name) for name in names)


def _end_of_data(data: bytes, start: int, stop: int) -> int:
    """Return where the compressed data of a JPEG without its end marker end."""
    if stop == len(data) and data.endswith(_TRAILER):
        block = _BLOCK.search(data, max(start, stop - _MAX_TRAILER))
        return block.start() if block else stop
    return stop - data.endswith(b"\xff", start, stop)  # half of the marker
