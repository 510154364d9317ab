"""Camera raw files, opened by LibRaw: their preview, and where there is no good one the sensor's data."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image

from ...errors import DecodeError
from .exif import orientation_in
from .raw_tags import exif_of, is_whole, tells_sensor

RAW_DATA = "raw data"  # among what a file holds behind the picture that it shows

# A preview of a shorter side below it is the size of a stamp: half the sensor's pixels show more.
_GOOD_SIDE = 320
# Of each of the sensor's pixels, at the peak: what was read of it, the half picture, the result. What has
# several colors in one place is not halved.
_BYTES, _WHOLE_BYTES = 8, 28

_TURNS_BACK = {6: 8, 8: 6}
_ADDED, _HEAD = b"dcraw v", 64
_ORIENTATIONS = "12435867"  # EXIF's, by LibRaw's own number of the turn

_CODES = {
    "LibRawFileUnsupportedError": (
        "unsupported_format",
        "LibRaw {version} does not know this camera raw file",
    ),
    "LibRawIOError": ("truncated", "the camera raw file ends too early"),
    "LibRawTooBigError": ("too_large", "the camera raw file is too large for LibRaw"),
    "LibRawUnsufficientMemoryError": (
        "out_of_memory",
        "there is not enough memory for the camera raw file",
    ),
    "LibRawMemPoolOverflowError": ("out_of_memory", "there is not enough memory for the camera raw file"),
    "LibRawNoThumbnailError": ("unsupported_format", "the camera raw file has no preview"),
    "LibRawUnsupportedThumbnailError": ("unsupported_format", "the preview is of a kind that is not read"),
}


@dataclass(frozen=True, slots=True)
class RawFile:
    """A raw file that LibRaw has opened.

    data: the file. size: width and height as displayed. orientation: by which EXIF turns the sensor's
    picture. exif, xmp: what it says. library, raw: LibRaw's; most of what `raw` tells costs reading the
    sensor's data.
    """

    data: bytes
    size: tuple[int, int]
    orientation: int
    exif: Image.Exif
    xmp: Any
    library: Any
    raw: Any

    def preview(self) -> tuple[bytes, bool]:
        """Return the largest JPEG that the camera put in, and whether it has EXIF of its own.

        Raises:
            DecodeError: there is none.
        """
        with _as_decode_errors(self.library):
            found = self.raw.extract_thumb()
        if found.format != self.library.ThumbFormat.JPEG:
            raise DecodeError("unsupported_format", "the preview is no JPEG")
        jpeg = bytes(found.data)
        # LibRaw puts EXIF in front of a JPEG that does not begin with it, and chance behind a cut one.
        end = 4 + int.from_bytes(jpeg[4:6], "big")
        is_added = jpeg[2:4] == b"\xff\xe1" and _ADDED in jpeg[:end]
        jpeg = jpeg[:2] + jpeg[end:] if is_added else jpeg
        if not _lies_in(self.data, jpeg[2:]):
            raise DecodeError("truncated", "the preview ends too early")
        return jpeg, not is_added

    def is_shown_by(self, width: int, height: int) -> bool:
        """Tell whether a preview of this size is enough to know the picture by."""
        return min(width, height) >= min(_GOOD_SIDE, min(self.size) // 2)

    def turn_of(self, size: tuple[int, int], turned: int, *, says: bool) -> int:
        """Return the orientation by which a preview is turned still, 1 where it is upright.

        size: width and height. turned: by which it was turned already. says: it has EXIF of its own.
        """
        lies_right = (size[0] - size[1]) * (self.size[0] - self.size[1]) >= 0
        if lies_right and (says or turned != 1 or self.orientation >= 5):
            return 1
        return self.orientation if turned == 1 else _TURNS_BACK.get(turned, 1)

    @property
    def bytes_needed(self) -> int:
        """How much memory it takes to develop it."""
        sizes = self.raw.sizes
        each = _WHOLE_BYTES if is_whole(self.data) else _BYTES
        return int(sizes.raw_width * sizes.raw_height * each)

    def developed(self) -> Image.Image:
        """Return half of the sensor's pixels each way as a picture, upright, in sRGB.

        Raises:
            DecodeError: LibRaw cannot read them.
        """
        if not tells_sensor(self.data):  # LibRaw would take the file's head for them
            raise DecodeError("unsupported_format", "a camera raw file without preview and sensor's data")
        with _as_decode_errors(self.library):
            self.raw.unpack()
            turn = _ORIENTATIONS.index(str(self.orientation))
            pixels = self.raw.postprocess(half_size=True, use_camera_wb=True, user_flip=turn)
        return Image.fromarray(pixels)


@contextmanager
def opened_raw(data: bytes) -> Iterator[RawFile]:
    """Open a raw file for as long as the block runs.

    Raises:
        DecodeError: LibRaw cannot, or is missing ("raw_support_missing").
    """
    try:
        import rawpy
    except ImportError:
        raise DecodeError(
            "raw_support_missing", "camera raw files need the package rawpy: pip install rawpy"
        ) from None
    with rawpy.RawPy() as raw:
        with _as_decode_errors(rawpy):
            raw.open_buffer(BytesIO(data))
        sizes = raw.sizes
        width, height = int(sizes.width), int(sizes.height)
        if width < 1 or height < 1:
            raise DecodeError("damaged", "the camera raw file has no size")
        exif, xmp = exif_of(data)
        orientation = int(_ORIENTATIONS[sizes.flip & 7])
        if orientation == 1:
            orientation = orientation_in(exif)
        size = (height, width) if orientation >= 5 else (width, height)
        yield RawFile(data, size, orientation, exif, xmp, rawpy, raw)


@contextmanager
def _as_decode_errors(library: Any) -> Iterator[None]:
    try:
        yield
    except (library.LibRawError, NotImplementedError) as error:
        name = type(error).__name__
        code, words = _CODES.get(name, ("damaged", "the camera raw file is damaged: {error}"))
        version = ".".join(map(str, library.libraw_version))
        raise DecodeError(code, words.format(version=version, error=_line(error))) from error


def _lies_in(data: bytes, part: bytes) -> bool:
    head, at = part[:_HEAD], -1
    while (at := data.find(head, at + 1)) >= 0:
        if data.startswith(part, at):
            return True
    return False


def _line(error: BaseException) -> str:
    told = error.args[0] if error.args else ""
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    return " ".join(text.split())[:200] or type(error).__name__
