"""From the bytes of a file to upright sRGB pixels, within limits of memory.

The only module that lets Pillow parse what others wrote. Formats are an allow-list, told apart by
content: what is not on the list is never handed to a parser.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from blake3 import blake3
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageChops,
    ImageStat,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from ...errors import DecodeError
from ...store.records import Holdings, Metadata
from .color import to_plain, to_srgb
from .depth import has_few_levels, has_low_bytes, joined, load_low_bytes
from .digest import hash_of
from .exif import orientation_in
from .fields import read_all
from .heif import heif_opener
from .inventory import Found, holdings_of, parts_of, pixel_digest
from .jpeg_damage import has_flat_corner, has_zeros, longer, overwritten, repeats_itself
from .jpeg_parts import END
from .jpeg_planes import JpegPlanes, planes_of, stores_luma
from .memory import MAX_PIXELS, SHARED, MemoryBudget, check_header
from .parts import Parts
from .psd import PsdImage
from .quiet import quiet_libtiff, quiet_pillow
from .raw import RAW_DATA, RawFile, opened_raw
from .raw_tags import ends_early, read_raw, sensor_bits
from .rendering import STRIP_PIXELS, Rendering, rendering_of
from .sniff import RAW, sniff

DECODE_VERSION = 1

_GLANCE = 16  # pixels of a side at which two pictures are compared
_SAME_ASPECT, _SAME_LEVEL = 1.03, 8.0  # ratio; mean levels of 255
_MAX_SCANS = 64  # of a progressive JPEG: each costs a pass over the whole picture

# The classes are called directly, not through `Image.open`: that one raises at a number of pixels
# that is global to the process, and would have to be changed for whoever imports us.
_OPENERS: dict[str, Callable[[BytesIO], Image.Image]] = {
    "JPEG": JpegImagePlugin.jpeg_factory,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "JPEG2000": Jpeg2KImagePlugin.Jpeg2KImageFile,
    "PSD": PsdImage,
}
# Bytes per pixel that are held at the peak: by the picture in Pillow's memory, by the decoder beside
# it, by the result when nothing is reduced. Measured; docs/formats.md has the table.
_MODE_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I": 20, "F": 20}
_DECODER_BYTES = {"WEBP": 12, "AVIF": 10, "HEIF": 8, "JPEG2000": 16, "TIFF": 3, "GIF": 1}
_RESULT_BYTES = 7

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture as it is displayed.

    image: RGB in sRGB, upright; may be a reduced decode.
    width, height: full size as displayed (after orientation).
    orientation: 1 to 8, by how EXIF turned it.
    format: "JPEG", "MPO", "PNG", "HEIF", ...
    warning: what was wrong with the file although it could be read.
    fields: what metadata say that a person cares about, see `fields.read_fields`.
    holdings, pixel_digest: what else the file holds, and 32 bytes that are the same for files that show the
    same; None where they were not asked for.
    """

    image: Image.Image
    width: int
    height: int
    orientation: int
    format: str
    metadata: Metadata
    warning: str | None
    fields: dict[str, Any] = field(default_factory=dict)
    holdings: Holdings | None = None
    pixel_digest: bytes | None = None

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """The picture as (h, w, 3) uint8, read-only; made anew each time."""
        return _pixels(self.image)


def decode(
    data: bytes,
    *,
    min_side: int = 0,
    memory: MemoryBudget = SHARED,
    inventory: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Decoded:
    """Decode the first picture in a file.

    data: the whole file. min_side: if > 0, fewer pixels may be returned so long as both sides keep
    at least this many (or their full size where that is less); 0 returns all. memory: what decoding
    takes is reserved there first. inventory: tell also what the file holds. max_pixels: larger pictures
    are refused by their header.

    Raises:
        DecodeError: for everything that is wrong with the picture, never anything else.
    """
    quiet_pillow()
    kind = sniff(data)
    with _as_decode_errors(kind):
        if kind == RAW:
            of_preview = partial(decode, min_side=min_side, memory=memory, max_pixels=max_pixels)
            return _decode_raw(data, memory, max_pixels, of_preview)
        file = _File(data, kind, parts_of(data, kind), min_side)
        image = file.opened_whole()
        check_header(*image.size, len(data), max_pixels)
        full_size = image.size
        is_deep = has_low_bytes(image)
        file.draft(image)
        with memory.reserve(_bytes_needed(image, full_size, file, twice=is_deep or inventory)):
            image.load()
            if file.parts.lacks_end and not file.shows(image, longer(data, file.parts.scan[1])):
                raise DecodeError("truncated", f"the {kind} file ends too early")
            low = file.low_bytes() if is_deep and (inventory or has_few_levels(image)) else None
            # Loading tells the size of a draft, but the true one of a TIFF (turned) or a HEIF.
            size = full_size if _is_jpeg(image) else image.size
            decoded, rendering = _decoded(image, _as_seen(image, low), size, min_side)
            if file.parts.lacks_end:
                decoded = replace(decoded, warning="the file lacks its end marker")
            return file.with_holdings(decoded, image, low, rendering) if inventory else decoded


def _decode_raw(
    data: bytes, memory: MemoryBudget, max_pixels: int, decode_preview: Callable[[bytes], Decoded]
) -> Decoded:
    """Decode a camera raw file by its preview, and without a good one by its sensor's data."""
    with opened_raw(data) as raw:
        check_header(*raw.size, len(data), max_pixels)
        shown: Decoded | None = None
        with suppress(DecodeError):
            jpeg, says = raw.preview()
            shown = decode_preview(jpeg)
            shown = _turned(shown, raw.turn_of(shown.image.size, shown.orientation, says=says))
        if shown is None or not raw.is_shown_by(shown.width, shown.height):
            try:
                with memory.reserve(raw.bytes_needed):
                    shown = decode_pil(raw.developed())
            except DecodeError:
                if shown is None:
                    raise
        return _as_raw(shown, raw, data)


def _turned(shown: Decoded, turn: int) -> Decoded:
    """Turn a preview as EXIF's orientation shows it."""
    if turn not in _TURNS:
        return shown
    width, height = (shown.height, shown.width) if turn >= 5 else (shown.width, shown.height)
    return replace(shown, image=shown.image.transpose(_TURNS[turn]), width=width, height=height)


def _as_raw(shown: Decoded, raw: RawFile, data: bytes) -> Decoded:
    """Return what a raw file shows with what it says and holds itself."""
    metadata, fields = read_raw(raw.exif, raw.xmp)
    lies_right = (shown.width < shown.height) == (raw.size[0] < raw.size[1])
    width, height = raw.size if lies_right else raw.size[::-1]
    damage = ("the sensor's data end early",) if ends_early(data) else ()
    holdings = Holdings(bits=sensor_bits(data), auxiliary=(RAW_DATA,), fields=fields, damage=damage)
    return Decoded(
        image=shown.image,
        width=width,
        height=height,
        orientation=raw.orientation,
        format=RAW,
        metadata=metadata,
        warning=None,
        fields=fields,
        holdings=holdings,
        # Whoever gives up a raw file for another one must know that each bit is the same.
        pixel_digest=blake3(b"raw").update(data).digest(),
    )


def decode_pil(image: Image.Image) -> Decoded:
    """Decode a picture that Pillow has opened already, at full size.

    Raises:
        DecodeError: as `decode`.
    """
    with _as_decode_errors(image.format or "picture"):
        image.load()
        return _decoded(image, _as_seen(image, None), image.size, 0)[0]


@dataclass(frozen=True, slots=True)
class _File:
    """A file that is decoded. min_side: as for `decode`."""

    data: bytes
    kind: str
    parts: Parts
    min_side: int

    def opened(self, data: bytes) -> Image.Image:
        """Open its first picture from some bytes; nothing is loaded."""
        image = _opener(self.kind)(BytesIO(data))
        if self.parts.first:
            image.seek(self.parts.first)
        if self.kind in ("AVIF", "HEIF"):
            _ask_exif_without_xmp(image)
        return image

    def opened_whole(self) -> Image.Image:
        """Open its first picture from all bytes, with an end marker where it lacks one."""
        return self.opened(self.data[: self.parts.scan[1]] + END if self.parts.lacks_end else self.data)

    def draft(self, image: Image.Image) -> None:
        """Let a JPEG be decoded at a part of its size."""
        # What a progressive one's last scan lacks can be seen at full size only.
        is_told = not (self.parts.lacks_end and image.info.get("progressive"))
        if _is_jpeg(image) and self.min_side > 0 and is_told:
            image.draft(None, (self.min_side, self.min_side))

    def shows(self, image: Image.Image, data: bytes) -> bool:
        """Tell whether other bytes show the same picture."""
        other = self.opened(data)
        self.draft(other)
        other.load()
        return hash_of(other) == hash_of(image)

    def low_bytes(self) -> Image.Image:
        """Return the lower bytes of a picture of 16 bits a channel."""
        return load_low_bytes(self.opened(self.data))

    def with_holdings(
        self, decoded: Decoded, image: Image.Image, low: Image.Image | None, rendering: Rendering
    ) -> Decoded:
        """Add what the file holds. image: as loaded. low: of 16 bits, the lower bytes."""
        others = tuple(each for each in self.parts.doubtful if not _is_preview(bytes(each), image))
        height = decoded.width if decoded.orientation >= 5 else decoded.height
        damage = tuple(self.damage(image, height))
        found = Found(image, low, rendering, height, decoded.orientation, others, damage)
        return replace(
            decoded,
            holdings=replace(holdings_of(self.parts, found), fields=decoded.fields),
            pixel_digest=pixel_digest(self.data, self.parts, found),
        )

    def damage(self, image: Image.Image, height: int) -> Iterator[str]:
        """Yield signs that data of a JPEG are lost; looked for only where the picture gives reason to."""
        scan, is_draft = self.parts.scan, image.height != height
        # Of a progressive one the last scan changes what a draft does not show.
        if scan == (0, 0) or self.parts.lacks_end or (is_draft and image.info.get("progressive")):
            return
        zeros = has_zeros(self.data, scan)
        is_odd = zeros or (has_flat_corner(image, height) and not repeats_itself(self.data, scan[1]))
        if is_odd and not self.shows(image, longer(self.data, scan[1])):
            yield "the picture's data end early"
        elif zeros and self.shows(image, overwritten(self.data, scan[1])):
            yield "garbage behind the picture's data"


def _is_jpeg(image: Image.Image) -> bool:
    return isinstance(image, JpegImagePlugin.JpegImageFile)


def _is_preview(data: bytes, image: Image.Image) -> bool:
    """Tell whether a JPEG shows what another picture shows, smaller."""
    try:
        other = _OPENERS["JPEG"](BytesIO(data))
        check_header(*other.size, len(data))
        aspect = other.width * image.height / (other.height * image.width)
        if not 1 / _SAME_ASPECT < aspect < _SAME_ASPECT:
            return False
        other.draft(None, (_GLANCE, _GLANCE))
        glances = [
            each.convert("L").resize((_GLANCE, _GLANCE), Image.Resampling.BOX) for each in (other, image)
        ]
    except Exception:  # what cannot be read is no preview
        return False
    return ImageStat.Stat(ImageChops.difference(*glances)).mean[0] < _SAME_LEVEL


def _as_seen(image: Image.Image, low: Image.Image | None) -> Image.Image:
    """Return what is shown: 16 bits that use few numbers stretched, no alpha where none is meant."""
    if low is not None and has_few_levels(image):
        return joined(image, low)
    if image.format == "BMP" and image.mode == "RGBA" and not np.asarray(image.getchannel("A")).any():
        # Viewers take alpha 0 everywhere as "not used".
        return image.convert("RGB")
    return image


def decode_planes(data: bytes, memory: MemoryBudget = SHARED) -> JpegPlanes | None:
    """Decode what a JPEG stores, at full size; None for one that stores no luma (RGB, CMYK).

    Raises:
        DecodeError: as `decode`.
    """
    quiet_pillow()
    with _as_decode_errors("JPEG"):
        file = _File(data, "JPEG", parts_of(data, "JPEG"), 0)
        image = file.opened_whole()
        check_header(*image.size, len(data))
        if not isinstance(image, JpegImagePlugin.JpegImageFile) or not stores_luma(image):
            return None
        with memory.reserve(_bytes_needed(image, image.size, file, twice=False)):
            return planes_of(image)


def _opener(kind: str) -> Callable[[BytesIO], Image.Image]:
    if kind == "TIFF":
        quiet_libtiff()
    return heif_opener() if kind == "HEIF" else _OPENERS[kind]


@contextmanager
def _as_decode_errors(kind: str) -> Iterator[None]:
    """Turn whatever a decoder raises at a damaged file into a DecodeError."""
    try:
        yield
    except DecodeError:
        raise
    except MemoryError as error:
        raise DecodeError(
            "out_of_memory", f"there is not enough memory to decode the {kind} file"
        ) from error
    except Image.DecompressionBombError as error:
        raise DecodeError(
            "too_large",
            f"the {kind} file looks like a decompression bomb: more pixels than can be decoded",
        ) from error
    except Exception as error:  # decoders raise nearly every type there is
        if "truncated" in str(error).lower() or isinstance(error, EOFError):
            raise DecodeError("truncated", f"the {kind} file ends too early") from error
        raise DecodeError("damaged", f"the {kind} file is damaged: {_line(error)}") from error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _bytes_needed(image: Image.Image, full_size: tuple[int, int], file: _File, *, twice: bool) -> int:
    """Return an upper bound of the memory that decoding takes, from the header alone.

    twice: it may be held a second time: for lower bytes, or (a JPEG) to look for damage.
    """
    pixels = image.width * image.height
    held = _MODE_BYTES.get(image.mode, 4)
    result = 0 if _factor(image.size, file.min_side) > 1 else _RESULT_BYTES
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        again = held if twice or file.parts.lacks_end else 0
        return pixels * (held + again + result) + _coefficient_bytes(image, full_size, file.data)
    again = held if has_low_bytes(image) else 0
    return pixels * (held + again + result + _DECODER_BYTES.get(image.format or "", 0))


def _coefficient_bytes(
    image: JpegImagePlugin.JpegImageFile, full_size: tuple[int, int], data: bytes
) -> int:
    """Return what libjpeg keeps of a JPEG in several scans: all coefficients, at full size."""
    first_scan = data.rfind(b"\xff\xda", 0, image.fp.tell() if image.fp else 0)
    in_one_scan = first_scan >= 0 and data[first_scan + 4] >= image.layers
    if in_one_scan and not image.info.get("progressive"):
        return 0
    if data.count(b"\xff\xda", first_scan, data.find(b"\xff\xd9", first_scan)) > _MAX_SCANS:
        raise DecodeError("bomb", f"a JPEG of more than {_MAX_SCANS} scans")
    areas = [horizontal * vertical for _, horizontal, vertical, _ in image.layer]
    return 2 * full_size[0] * full_size[1] * sum(areas) // max(areas)


def _decoded(
    image: Image.Image, seen: Image.Image, full_size: tuple[int, int], min_side: int
) -> tuple[Decoded, Rendering]:
    """Turn a loaded picture into pixels and what is known of it. seen: its pixels, see `_as_seen`."""
    exif = _exif(image)
    orientation = orientation_in(exif)
    rendering = rendering_of(seen)
    rgb, warning = _reduced_srgb(seen, rendering, _factor(seen.size, min_side))
    if orientation in _TURNS:
        rgb = rgb.transpose(_TURNS[orientation])
    width, height = full_size[::-1] if orientation >= 5 else full_size
    metadata, fields = read_all(image, exif)
    decoded = Decoded(
        image=rgb,
        width=width,
        height=height,
        orientation=orientation,
        format=image.format or "",
        metadata=metadata,
        warning=warning,
        fields=fields,
    )
    return decoded, rendering


def _exif(image: Image.Image) -> Image.Exif:
    """Return the EXIF, empty where it cannot be read."""
    try:
        return image.getexif()
    except Exception:  # damaged EXIF raises nearly every type there is
        return Image.Exif()


def _ask_exif_without_xmp(image: Image.Image) -> None:
    """Read the EXIF of what boxes of its own turn: where it says nothing, Pillow would ask XMP."""
    packet = image.info.pop("xmp", None)
    _exif(image)  # Pillow keeps it
    if packet:
        image.info["xmp"] = packet


def _factor(size: tuple[int, int], min_side: int) -> int:
    """Return by how much both sides may shrink: a power of two, as JPEG's own reduction.

    Other numbers get closer to min_side, and the embedding farther from that of the full picture
    (least cosine 0.9983 against 0.9994).
    """
    times = min(size) // min_side if min_side > 0 else 0
    return 1 << (times.bit_length() - 1) if times > 1 else 1


def _reduced_srgb(image: Image.Image, rendering: Rendering, factor: int) -> tuple[Image.Image, str | None]:
    """Return the picture as RGB in sRGB, 1/factor of its size, and a warning.

    Large pictures are converted in strips, so that no second copy of their size is made.
    """
    width, height = image.size
    profile = image.info.get("icc_profile")
    rows = max(1, STRIP_PIXELS // (width * factor)) * factor
    if rows >= height or (image.mode in ("I", "F")):  # the latter are scaled as a whole
        return to_srgb(_shrunk(to_plain(image, rendering), factor), profile)
    reduced = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    warning = None
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        rgb, warning = to_srgb(_shrunk(to_plain(strip, rendering), factor), profile)
        reduced.paste(rgb, (0, top // factor))
    return reduced, warning


def _shrunk(image: Image.Image, factor: int) -> Image.Image:
    return image.reduce(factor) if factor > 1 else image


def _pixels(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the pixels as (h, w, 3) uint8, without a second copy of a large picture."""
    rows = max(1, STRIP_PIXELS // image.width)
    if rows >= image.height:
        return np.asarray(image)
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    pixels.flags.writeable = False
    return pixels
