"""What a decoder is asked, and what of its answer is believed: it may have been taken over by a picture."""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import DecodeError
from ...store.records import Metadata
from ..decode.photo import Opened
from ..embed.preprocess import InputRule, Pixels
from .framing import Head

MAX_ANSWER = 16 << 20  # bytes: more than the largest input of a network, or picture to look at
_MAX_THUMBNAIL = 1 << 20
_MAX_SIDE = 1 << 31
_MAX_TEXT = 500
_CODE = re.compile(r"[a-z_]{2,40}")


def photo_job(rule: InputRule) -> Head:
    """Ask for all that indexing wants of a photo."""
    return {"want": "photo", "rule": [rule.name, rule.size, rule.resize]}


def picture_job(min_side: int, long_side: int) -> Head:
    """Ask for a picture to look at, reduced as by `decode(min_side=)` and to long_side at most."""
    return {"want": "picture", "min_side": min_side, "long_side": long_side}


def check_error(head: Head) -> None:
    """Raise what the decoder says of the picture, if it says so.

    Raises:
        DecodeError: it does. ValueError: it cannot say such a thing.
    """
    if "error" not in head:
        return
    code, message = head["error"]
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise ValueError("an error without a code")
    raise DecodeError(code, _text(message) or code)


def photo_in(head: Head, buffers: Sequence[bytes], rule: InputRule) -> Opened:
    """Return the photo of an answer.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    thumbnail, pixels = buffers
    if not (thumbnail.startswith(b"\xff\xd8") and len(thumbnail) <= _MAX_THUMBNAIL):
        raise ValueError("a thumbnail that is no JPEG")
    shape = _shape(head)
    if not rule.gives(*shape[:2]):
        raise ValueError(f"an input of {shape}")
    digest = bytes.fromhex(head["pixel_digest"])
    if len(digest) != 32:
        raise ValueError("a digest of another length")
    return Opened(
        width=_side(head["width"]),
        height=_side(head["height"]),
        format=_text(head["format"]) or "",
        pixel_digest=digest,
        metadata=_metadata(head["metadata"]),
        warning=_text(head["warning"]),
        thumbnail=thumbnail,
        pixels=_pixels(pixels, shape),
    )


def picture_in(head: Head, buffers: Sequence[bytes], long_side: int) -> Pixels:
    """Return the picture of an answer, (h, w, 3).

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    (pixels,) = buffers
    shape = _shape(head)
    if max(shape) > long_side:
        raise ValueError(f"a picture of {shape}")
    return _pixels(pixels, shape)


def _shape(head: Head) -> tuple[int, int, int]:
    height, width, channels = head["shape"]
    if channels != 3:
        raise ValueError("not three channels")
    return _side(height), _side(width), 3


def _pixels(data: bytes, shape: tuple[int, int, int]) -> Pixels:
    return np.frombuffer(data, np.uint8).reshape(shape)


def _side(value: object) -> int:
    if type(value) is not int or not 0 < value < _MAX_SIDE:
        raise ValueError(f"a side of {value!r:.20}")
    return value


def _text(value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and len(value) <= _MAX_TEXT):
        raise ValueError("no text, or too long a one")
    return value


def _metadata(said: dict[str, Any]) -> Metadata:
    return Metadata(
        taken=_text(said["taken"]),
        camera=_text(said["camera"]),
        lens=_text(said["lens"]),
        latitude=_number(said["latitude"]),
        longitude=_number(said["longitude"]),
        altitude=_number(said["altitude"]),
    )


def _number(value: object) -> float | None:
    if value is not None and not (isinstance(value, (int, float)) and math.isfinite(value)):
        raise ValueError("not a number")
    return None if value is None else float(value)
