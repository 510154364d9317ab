"""The frames of GIF, PNG and WebP files, told by walking over their blocks; nothing is decoded."""

from collections.abc import Iterator

from .parts import Bytes, Parts

_MAX_BLOCKS = 200_000  # what lies behind them is taken as a whole

# Of a PNG: frames, palettes and what tells their colors. Else a chunk is metadata.
_PNG_SHOWN = {b"acTL", b"fcTL", b"fdAT", b"IDAT", b"PLTE", b"tRNS"}
_PLAIN_GAMMA = range(45_400, 45_600)  # 1 / 2.2, which is about what sRGB has
_PLAIN_CODES = {(1, 13), (2, 13), (1, 1), (2, 2), (1, 2), (2, 1)}  # primaries, transfer: shown as sRGB is

_WEBP_SHOWN = {b"ANIM", b"ANMF"}

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def png_parts(data: bytes) -> Parts:
    """Return the parts of a PNG."""
    chunks = list(_png_chunks(data))
    names = [name for name, _ in chunks]
    bits = data[24] if len(data) > 24 and data[24] == 16 else 8
    color = tuple(_odd_colors(chunks, names))
    if b"acTL" not in names:
        return Parts(bits=bits, shown=color)
    # A default picture that is no frame of the animation is a picture more.
    at_first = names.index(b"IDAT") if b"IDAT" in names else len(names)
    frames = names.count(b"fcTL") + (b"fcTL" not in names[:at_first])
    if frames < 2:
        return Parts(bits=bits, shown=color)
    shown = (body for name, body in chunks if name in _PNG_SHOWN or not name)
    declared = next(int.from_bytes(body[:4], "big") for name, body in chunks if name == b"acTL")
    damage = ("frames are missing",) if declared > names.count(b"fcTL") else ()
    return Parts(frames=frames, bits=bits, shown=(*color, *shown), damage=damage)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, Bytes]]:
    view, at = memoryview(data), 8
    for _ in range(_MAX_BLOCKS):
        if at + 12 > len(data):
            return
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        yield name, view[at + 8 : at + 8 + length]
        at += 12 + length
        if name == b"IEND":
            return
    yield b"", view[at:]


def _odd_colors(chunks: list[tuple[bytes, Bytes]], names: list[bytes]) -> Iterator[Bytes]:
    """Yield what makes some viewers show other colors than sRGB, beside a profile."""
    is_told = bool({b"sRGB", b"iCCP", b"cICP"} & set(names))
    for name, body in chunks:
        if name == b"cICP" and tuple(body[:2]) not in _PLAIN_CODES:
            yield b"cICP" + bytes(body)
        elif name == b"gAMA" and not is_told and int.from_bytes(body[:4], "big") not in _PLAIN_GAMMA:
            yield b"gAMA" + bytes(body)


def webp_parts(data: bytes) -> Parts:
    """Return the parts of a WebP."""
    view, at = memoryview(data), 12
    shown: list[Bytes] = []
    frames = 0
    while at + 8 <= len(data) and len(shown) < _MAX_BLOCKS:
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name in _WEBP_SHOWN:
            shown.append(view[at : at + 8 + length])
            frames += name == b"ANMF"
        at += 8 + length + length % 2
    if frames < 2:
        return Parts()
    if len(shown) == _MAX_BLOCKS:
        shown.append(view[at:])
    return Parts(frames=frames, shown=tuple(shown))


def gif_parts(data: bytes) -> Parts:
    """Return the parts of a GIF."""
    view, at = memoryview(data), 13 + _table_bytes(data[10])
    shown: list[Bytes] = [view[6:at]]
    frames = 0
    while at + 1 < len(data) and len(shown) < _MAX_BLOCKS:
        start, kind = at, data[at]
        if kind == _IMAGE:
            at = _behind_blocks(data, at + 11 + _table_bytes(data[at + 9]))
            frames += 1
        elif kind == _EXTENSION:
            at = _behind_blocks(data, at + 2)
            if not _is_shown(data, start):
                continue
        else:
            break
        shown.append(view[start:at])
    if frames < 2:
        return Parts()
    if len(shown) == _MAX_BLOCKS:
        shown.append(view[at:])
    return Parts(frames=frames, shown=tuple(shown), damage=() if at < len(data) else ("it ends too early",))


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _behind_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1


def _is_shown(data: bytes, start: int) -> bool:
    """Tell whether an extension is more than a comment: times and transparency, or how often it runs."""
    label = data[start + 1]
    return label == _CONTROL or (label == _APPLICATION and data[start + 3 : start + 14] in _LOOPS)
