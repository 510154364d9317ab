"""The pages of a TIFF, told by walking over its directories; nothing is decoded."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from .parts import Bytes, Parts

_MAX_PAGES, _MAX_FIELDS, _MAX_NUMBERS = 20_000, 500_000, 1 << 30
_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_CODES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}

_NEW_SUBFILE, _SUBFILE, _WIDTH, _HEIGHT, _BITS = 254, 255, 256, 257, 258
_REDUCED, _MASK = 1, 4  # of NewSubfileType
_OLD_REDUCED = 2  # of SubfileType
_DATA = ((273, 279), (324, 325), (513, 514))  # places and lengths: of strips, tiles, an old JPEG
# What tells how the data are to be shown: size, bits, compression, colors, turn, palette, tables, profile.
_SHAPING = (
    *(256, 257, 258, 259, 262, 266, 274, 277, 278, 284, 290, 291, 292, 293, 301, 317, 318, 319, 320),
    *(322, 323, 332, 333, 334, 336, 338, 339, 340, 341, 342, 347, 512, 529, 530, 531, 532, 34675),
)

_SUB_PAGES, _PHOTOMETRIC, _DNG_VERSION = 330, 262, 50706
_MOSAIC, _WHOLE = 32803, 34892  # PhotometricInterpretation: one color of each pixel, or all
_SENSOR = (_MOSAIC, _WHOLE)
# A file is told to be raw outside of the process that decodes: that much of it is looked at.
_SOME_PAGES, _SOME_FIELDS, _FEW = 16, 1000, 64
_LOST = 0.01  # of a strip: some cameras count a little more than they write


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a directory. value: its bytes as they are stored."""

    kind: int
    value: memoryview
    order: str

    def numbers(self, most: int = _MAX_NUMBERS) -> tuple[int, ...]:
        code = _CODES.get(self.kind)
        count = min(most, len(self.value) // _SIZES.get(self.kind, 1))
        return struct.unpack_from(f"{self.order}{count}{code}", self.value) if code else ()


Page = dict[int, _Field]


def tiff_parts(data: bytes) -> Parts:
    """Return the parts of a TIFF. Reduced pictures and masks are no pages.

    Where the first directory is a reduced picture, the first full one is shown.
    """
    pages = list(_pages(data))
    whole = [number for number, page in enumerate(pages) if not _is_beside(page)]
    if not whole and pages:  # some programs say of all that they are reduced
        largest = max(map(_area, pages))
        whole = [number for number, page in enumerate(pages) if _area(page) == largest]
    first = whole[0] if whole else 0
    others = [
        page
        for number, page in enumerate(pages)
        if number != first and (number in whole or not _is_reduced(page))
    ]
    return Parts(
        frames=max(1, len(whole)),
        bits=max(_number(pages[first], _BITS, 1), 8) if pages else 8,
        first=first,
        shown=tuple(piece for page in others for piece in _shown(data, page)),
    )


def is_raw(data: bytes) -> bool:
    """Tell whether a TIFF is a camera's raw file: a DNG, a preview with more below, or a sensor's data."""
    pages = _with_sub_pages(data)
    first = next(pages, None)
    if first is None or _DNG_VERSION in first or (_is_reduced(first) and _SUB_PAGES in first):
        return first is not None
    return any(_number(page, _PHOTOMETRIC) in _SENSOR for page in (first, *pages))


def sensor_pages(data: bytes) -> Iterator[Page]:
    """Yield the directories of a file that hold a sensor's data, as far as they say so."""
    return (page for page in _with_sub_pages(data) if _number(page, _PHOTOMETRIC) in _SENSOR)


def is_made_whole(page: Page) -> bool:
    """Tell whether a sensor's directory has all colors of each pixel."""
    return _number(page, _PHOTOMETRIC) == _WHOLE


def bits_of(page: Page) -> int:
    """Return the bits of a channel that a directory declares, 0 where it does not."""
    return _number(page, _BITS)


def lacks_data(page: Page, n_bytes: int) -> bool:
    """Tell whether a file of so many bytes ends before the picture of a directory does."""
    return any(
        place + length * (1 - _LOST) > n_bytes
        for places, lengths in _DATA
        if places in page and lengths in page
        for place, length in zip(page[places].numbers(), page[lengths].numbers(), strict=False)
    )


def _with_sub_pages(data: bytes) -> Iterator[Page]:
    """Yield the first directories of a file, each followed by those below it."""
    order, is_big = _layout(data)
    for page in islice(_pages(data, _SOME_FIELDS), _SOME_PAGES):
        yield page
        for place in dict.fromkeys(page[_SUB_PAGES].numbers(_SOME_PAGES) if _SUB_PAGES in page else ()):
            with suppress(struct.error):
                yield _page(data, place, order, is_big, _SOME_FIELDS)[0]


def _is_reduced(page: Page) -> bool:
    return bool(_number(page, _NEW_SUBFILE) & _REDUCED) or _number(page, _SUBFILE) == _OLD_REDUCED


def _is_beside(page: Page) -> bool:
    return _is_reduced(page) or bool(_number(page, _NEW_SUBFILE) & _MASK)


def _area(page: Page) -> int:
    return _number(page, _WIDTH) * _number(page, _HEIGHT)


def _number(page: Page, tag: int, default: int = 0) -> int:
    """Return the largest number of a field, of its first ones."""
    return max(page[tag].numbers(_FEW), default=default) if tag in page else default


def _layout(data: bytes) -> tuple[str, bool]:
    """Return the order of a file's bytes, and whether it is a BigTIFF."""
    order = "<" if data[:2] == b"II" else ">"
    return order, struct.unpack_from(order + "H", data, 2)[0] == 43


def _pages(data: bytes, most: int = 0xFFFF) -> Iterator[Page]:
    """Yield the directories of a chain. most: fields of each."""
    order, is_big = _layout(data)
    place = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)[0]
    seen: set[int] = set()
    n_fields = 0
    while place and place not in seen and len(seen) < _MAX_PAGES and n_fields < _MAX_FIELDS:
        seen.add(place)
        try:
            page, place = _page(data, place, order, is_big, most)
        except struct.error:
            return  # decoders end here, too
        n_fields += len(page)
        yield page


def _page(data: bytes, at: int, order: str, is_big: bool, most: int) -> tuple[Page, int]:
    """Return a directory and the place of the next one."""
    head, entry = ("Q", "HHQ8s") if is_big else ("H", "HHI4s")
    (count,) = struct.unpack_from(order + head, data, at)
    at += struct.calcsize(head)
    step = struct.calcsize(order + entry)
    view = memoryview(data)
    page: Page = {}
    count = min(count, (len(data) - at) // step)
    end = at + step * count
    for _ in range(min(count, most)):
        tag, kind, n_values, inline = struct.unpack_from(order + entry, data, at)
        size = _SIZES.get(kind, 1) * n_values
        value = memoryview(inline)[:size]
        if size > len(inline):
            place = int.from_bytes(inline, "little" if order == "<" else "big")
            value = view[place : place + size]
        if len(value) == size:
            page[tag] = _Field(kind, value, order)
        at += step
    return page, struct.unpack_from(order + ("Q" if is_big else "I"), data, end)[0]


def _shown(data: bytes, page: Page) -> Iterator[Bytes]:
    """Yield what tells how a page is shown, and its compressed data."""
    for tag in (_NEW_SUBFILE, *_SHAPING):
        if tag in page:
            yield struct.pack("<HI", tag, len(page[tag].value))
            yield page[tag].value
    view = memoryview(data)
    for places, lengths in _DATA:
        if places in page and lengths in page:
            for place, length in zip(page[places].numbers(), page[lengths].numbers(), strict=False):
                yield view[place : place + length]
