"""Which files and folders a scan leaves out: the user's patterns, and what systems put there."""

import os
import re
from collections.abc import Iterable

from ...errors import UsageError
from ...store.names import composed_bytes
from ..decode.sniff import RAW_EXTENSIONS
from .places import is_thrown_away

PHOTO_EXTENSIONS = RAW_EXTENSIONS | frozenset(
    b"." + extension
    for extension in (
        b"jpg jpeg jpe jfif jif pjpeg mpo png apng gif bmp dib tif tiff webp "
        b"avif avifs heic heics heif heifs hif jp2 j2k j2c jpc jpf jpx psd psb"
    ).split()
)

# Bookkeeping of Synology, QNAP, Windows, macOS and Linux, and our own. places.py has bins and thumbnails.
SYSTEM_FOLDERS = frozenset(
    {
        *(b"#snapshot", b"@recently-snapshot", b"system volume information", b"lost+found"),
        *(b".spotlight-v100", b".fseventsd", b".documentrevisions-v100"),
    }
)
SYSTEM_PREFIX = b".lookalike"
# What tells the drive of a folder from others, where the user asked for it.
MARKER_NAME = b".lookalike-root"

_TOKEN = re.compile(rb"\*\*/|\*\*|\*|\?|\\.|\[!?\]?[^\]/]*\]|.", re.DOTALL)
_WILDCARDS = {b"**/": rb"(?:.*/)?", b"**": rb".*", b"*": rb"[^/]*", b"?": rb"[^/]"}


def is_photo_name(name: bytes) -> bool:
    """Tell whether a file's extension is one of a photo, in any case."""
    return os.path.splitext(name)[1].lower() in PHOTO_EXTENSIONS


def is_apple_double(name: bytes) -> bool:
    """Tell whether the file is macOS's companion of another (`._photo.jpg`), never a picture."""
    return name.startswith(b"._")


def is_never_a_photo(name: bytes) -> bool:
    """Tell whether the file is a companion that macOS made, in a trash by its name, or our own marker."""
    return is_apple_double(name) or is_thrown_away(name) or name == MARKER_NAME


def is_system_folder(name: bytes) -> bool:
    """Tell whether the folder belongs to a system, a NAS box or lookalike itself."""
    lower = name.lower()
    return lower in SYSTEM_FOLDERS or lower.startswith(SYSTEM_PREFIX)


class Excludes:
    """The user's patterns, in the simple half of gitignore's language.

    `*.png` and `thumbs/` match a name at any depth; a pattern with a slash in it (`2019/raw`,
    `/scans`, `2019/**`) matches the path below the root. `*` and `?` stop at a slash, `**` does
    not; a slash at the end means folders only; `[a-z]`, `[!a-z]` and a backslash work as usual.
    Upper and lower case are the same, since cameras write `.JPG` and programs `.jpg`, and so are the
    two ways in which systems spell accents.

    Raises: UsageError for a pattern that is empty, starts with "!", or cannot be read.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._for_all: list[re.Pattern[bytes]] = []
        self._for_folders: list[re.Pattern[bytes]] = []
        for pattern in patterns:
            regex = _compile(pattern)
            self._for_folders.append(regex)
            if not pattern.endswith("/"):
                self._for_all.append(regex)

    def matches(self, rel: bytes, *, is_folder: bool) -> bool:
        """Tell whether a path below the root is excluded; its folders have been asked before."""
        patterns = self._for_folders if is_folder else self._for_all
        if patterns:
            rel = composed_bytes(rel)
        return any(pattern.fullmatch(rel) for pattern in patterns)


def _compile(pattern: str) -> re.Pattern[bytes]:
    """Turn one pattern into a regular expression over whole paths below the root."""
    body = composed_bytes(os.fsencode(pattern)).rstrip(b"/")
    if not body or body.startswith(b"!"):
        raise UsageError(f"cannot exclude {pattern!r}: give a name or a path, with * and ** as wildcards")
    anywhere = b"" if b"/" in body else rb"(?:.*/)?"
    regex = b"".join(map(_translate, _TOKEN.findall(body.removeprefix(b"/"))))
    try:
        return re.compile(anywhere + regex, re.DOTALL | re.IGNORECASE)
    except re.error as error:
        raise UsageError(f"cannot exclude {pattern!r}: {error}") from error


def _translate(token: bytes) -> bytes:
    """Turn one token of a pattern into its piece of a regular expression."""
    if token in _WILDCARDS:
        return _WILDCARDS[token]
    if token.startswith(b"[") and len(token) > 2:
        inside = token[1:-1].replace(b"\\", rb"\\").replace(b"[", rb"\[")
        return b"[^" + inside[1:] + b"]" if inside.startswith(b"!") else b"[" + inside + b"]"
    return re.escape(token[-1:])
