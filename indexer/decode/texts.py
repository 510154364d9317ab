"""Text out of metadata, whatever a program wrote there: one line, clean, of bounded length."""

import re
from contextlib import suppress

from blake3 import blake3

SHORT, MIDDLE, LONG = 100, 200, 1000  # characters

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
_DIGEST = 16  # hex digits that tell apart what was cut off


def as_text(value: object, limit: int = SHORT) -> str | None:
    """Return one line of clean text, or None for what is empty or no text."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return None
    with suppress(UnicodeError):  # EXIF says ASCII, Pillow reads Latin-1, programs write UTF-8
        value = value.encode("latin-1").decode("utf-8")
    return one_line(value.split("\0", 1)[0], limit)


def one_line(text: str, limit: int = LONG) -> str | None:
    """Return text without breaks and control characters, cut off at a limit; None where nothing is left."""
    # What is far longer than the limit would only cost time; its digest is that of all of it.
    line = " ".join(_CONTROL.sub(" ", text).split())
    return (line if len(line) <= limit else _cut(line, limit)) or None


def _cut(line: str, limit: int) -> str:
    """Return the beginning, but of names with a digest of all, so that two that differ stay two."""
    if limit <= SHORT:
        return line[:limit]
    digest = blake3(line.encode("utf-8", "replace")).hexdigest()[:_DIGEST]
    return f"{line[: limit - _DIGEST - 2]}… {digest}"


def utf16_text(value: object) -> str | None:
    """Return the text of one of Windows' XP fields: UTF-16 in bytes, or in numbers of them."""
    if isinstance(value, tuple):
        with suppress(ValueError, TypeError):
            value = bytes(value)
    if not isinstance(value, bytes):  # of a single number `bytes` would make that many
        return None
    return one_line(value.decode("utf-16-le", "ignore").split("\0", 1)[0])


# How the first 8 bytes of a UserComment say what follows; all zero, nobody said.
_COMMENT_HEAD = 8


def user_comment(value: object) -> str | None:
    """Return the text of EXIF's UserComment."""
    if not isinstance(value, bytes):
        return as_text(value, LONG)
    code, rest = value[:_COMMENT_HEAD].rstrip(b"\0 ").upper(), value[_COMMENT_HEAD:]
    if code == b"UNICODE":
        return one_line(_utf16(rest).replace("\0", " "))
    if code == b"JIS":
        return one_line(rest.decode("iso2022_jp", "replace").replace("\0", " "))
    return as_text(rest if code in (b"", b"ASCII") else value, LONG)


def _utf16(data: bytes) -> str:
    """Return UTF-16 of either order: few letters have a zero where the other order has one."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    is_little = data[1::2].count(0) >= data[::2].count(0)
    return data.decode("utf-16-le" if is_little else "utf-16-be", "replace")
