"""Decoding as a job of worker processes: what is asked, how it is answered, what of an answer is trusted.

A worker may have been taken over by a picture: its answers are checked as a stranger's.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from PIL import Image

from ...store.records import Holdings, Metadata
from ..decode.decode import decode
from ..decode.heif import decode_on_one_thread
from ..decode.memory import MemoryBudget
from ..decode.photo import Opened, open_photo
from ..decode.read import MAX_FILE_BYTES
from ..embed.preprocess import InputRule, Pixels
from .framing import Frame, Head, text_in

_MAX_THUMBNAIL = 1 << 20
_MAX_SIDE = 1 << 31
_MAX_HOLDINGS = 2 << 20  # bytes
_MAX_FRAMES = MAX_FILE_BYTES
_MAX_WORD, _MAX_WORDS, _MAX_FIELDS = 60, 20, 100
_MAX_NUMBER = 1 << 53


def photo_job(rule: InputRule) -> Head:
    """Ask for all that indexing wants of a photo."""
    return {"want": "photo", "rule": [rule.name, rule.size, rule.resize]}


def picture_job(min_side: int, long_side: int) -> Head:
    """Ask for a picture to look at, reduced as by `decode(min_side=)` and to long_side at most."""
    return {"want": "picture", "min_side": min_side, "long_side": long_side}


def answer(job: Head, buffers: Sequence[bytes], memory: MemoryBudget) -> Frame:
    """Return what a job asks for of a picture.

    Raises:
        DecodeError: it cannot be read.
    """
    (data,) = buffers
    if job["want"] == "photo":
        return _photo(data, InputRule(*job["rule"]), memory)
    return _picture(data, job["min_side"], job["long_side"], memory)


def _photo(data: bytes, rule: InputRule, memory: MemoryBudget) -> Frame:
    opened = open_photo(data, rule, memory)
    head: Head = {
        "width": opened.width,
        "height": opened.height,
        "format": opened.format,
        "pixel_digest": opened.pixel_digest.hex(),
        "metadata": asdict(opened.metadata),
        "warning": opened.warning,
        "shape": opened.pixels.shape,
    }
    # A few hundred keywords are more than a head takes.
    holdings = json.dumps(asdict(opened.holdings), ensure_ascii=False).encode("utf-8", "replace")
    return head, (opened.thumbnail, np.ascontiguousarray(opened.pixels).data.cast("B"), holdings)


def _picture(data: bytes, min_side: int, long_side: int, memory: MemoryBudget) -> Frame:
    image = decode(data, min_side=min_side, memory=memory).image
    image.thumbnail((long_side, long_side), Image.Resampling.BOX)
    return {"shape": (image.height, image.width, 3)}, (image.tobytes(),)


def photo_in(head: Head, buffers: Sequence[bytes], rule: InputRule) -> Opened:
    """Return the photo of an answer.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    thumbnail, pixels, holdings = buffers
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
        format=text_in(head["format"]) or "",
        pixel_digest=digest,
        metadata=_metadata(head["metadata"]),
        warning=text_in(head["warning"]),
        thumbnail=thumbnail,
        pixels=_pixels(pixels, shape),
        holdings=_holdings(holdings),
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


def _metadata(fields: dict[str, Any]) -> Metadata:
    return Metadata(
        taken=text_in(fields["taken"]),
        camera=text_in(fields["camera"]),
        lens=text_in(fields["lens"]),
        latitude=_number(fields["latitude"]),
        longitude=_number(fields["longitude"]),
        altitude=_number(fields["altitude"]),
    )


def _holdings(data: bytes) -> Holdings:
    if len(data) > _MAX_HOLDINGS:
        raise ValueError("holdings that are too long")
    try:
        told: dict[str, Any] = json.loads(data)
    except RecursionError:
        raise ValueError("holdings that have no end") from None
    if told["behind"] not in ("", "film", "data") or type(told["is_transparent"]) is not bool:
        raise ValueError("holdings that there are not")
    tables = text_in(told["tables"]) or ""
    return Holdings(
        frames=_count(told["frames"], _MAX_FRAMES),
        is_transparent=told["is_transparent"],
        bits=_count(told["bits"], 64),
        auxiliary=_words(told["auxiliary"]),
        behind=told["behind"],
        behind_size=_count(told["behind_size"], MAX_FILE_BYTES, least=0),
        fields=_fields(told["fields"]),
        tables=tables[:_MAX_WORD],
        damage=_words(told["damage"]),
    )


def _count(value: object, most: int, *, least: int = 1) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"a number of {value!r:.20}")
    return value


def _words(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or len(values) > _MAX_WORDS:
        raise ValueError("no words, or too many")
    if not all(isinstance(each, str) and len(each) <= _MAX_WORD for each in values):
        raise ValueError("a word that is none")
    return tuple(values)


def _fields(told: object) -> dict[str, Any]:
    """Return the fields of metadata: texts, numbers, and lists of texts."""
    if not isinstance(told, dict) or len(told) > _MAX_FIELDS:
        raise ValueError("no fields, or too many")
    return {str(name)[:_MAX_WORD]: _field(value) for name, value in told.items()}


def _field(value: object) -> object:
    if isinstance(value, (str, bool)):
        return value
    if isinstance(value, list):
        if not all(isinstance(each, str) for each in value):
            raise ValueError("a field of something else than texts")
        return value
    if type(value) is int and abs(value) <= _MAX_NUMBER:
        return value
    return _number(value)


def _number(value: object) -> float | None:
    if value is not None and not (isinstance(value, (int, float)) and math.isfinite(value)):
        raise ValueError("not a number")
    return None if value is None else float(value)


def use_one_thread() -> None:
    """Keep decoders from threads of their own: other cores have other pictures."""
    from PIL import AvifImagePlugin

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    decode_on_one_thread()


if __name__ == "__main__":
    from .child import serve

    use_one_thread()
    serve(answer)
