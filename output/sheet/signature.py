"""Knowing a sheet again: the field of metadata that `drawing.encoded` signs it with, and nothing else."""

import os
import struct
from typing import IO

from .drawing import SIGN

_SIGN = SIGN.encode()

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_SIGN = b"Software\x00" + _SIGN
_JPEG = b"\xff\xd8"
_COMMENT, _SCAN = 0xFE, 0xDA

# What a photo can hold before its sign is looked for no further.
_MOST_PARTS = 1000


def is_sheet(path: str) -> bool:
    """Tell whether a file is a sheet that we wrote."""
    try:
        with open(path, "rb") as file:
            return _is_signed(file)
    except struct.error:  # the file ends early
        return False


def _is_signed(file: IO[bytes]) -> bool:
    head = file.read(12)
    if head.startswith(_JPEG):
        file.seek(len(_JPEG))
        return _is_signed_jpeg(file)
    if head.startswith(_PNG):
        file.seek(len(_PNG))
        return _is_signed_in_chunks(file, ">I4s", 4, (b"tEXt", _PNG_SIGN))
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return _is_signed_in_chunks(file, "<4sI", 0, (b"XMP ", _SIGN))
    return False


def _is_signed_jpeg(file: IO[bytes]) -> bool:
    for _ in range(_MOST_PARTS):
        mark, kind, length = struct.unpack(">BBH", file.read(4))
        if mark != 0xFF or kind == _SCAN:
            return False
        if kind == _COMMENT and length == len(_SIGN) + 2:
            return file.read(len(_SIGN)) == _SIGN
        file.seek(length - 2, os.SEEK_CUR)
    return False


def _is_signed_in_chunks(file: IO[bytes], head: str, rest: int, wanted: tuple[bytes, bytes]) -> bool:
    """Look for a chunk. head: of one, its name and length in any order. rest: bytes after its data."""
    for _ in range(_MOST_PARTS):
        first, second = struct.unpack(head, file.read(8))
        name, length = (first, second) if isinstance(first, bytes) else (second, first)
        start = file.tell()
        if name == wanted[0] and length == len(wanted[1]) and file.read(length) == wanted[1]:
            return True
        padding = length % 2 if head.startswith("<") else 0
        file.seek(start + length + padding + rest)
    return False
