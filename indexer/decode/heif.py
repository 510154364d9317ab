"""HEIC and HEIF: the decoder that strangers like best to attack."""

import os
from collections.abc import Callable
from io import BytesIO

from PIL import Image

from ...errors import DecodeError

# Below it lie CVE-2026-84383 (a picture that runs code) and more than a dozen others.
MIN_LIBHEIF = (1, 23, 6)
FORCE = "LOOKALIKE_OLD_LIBHEIF"


def heif_opener() -> Callable[[BytesIO], Image.Image]:
    """Return what opens a HEIF file.

    Raises:
        DecodeError: "heif_support_missing" or "heif_support_outdated".
    """
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise DecodeError(
            "heif_support_missing",
            "HEIC pictures need the package pillow-heif: pip install pillow-heif",
        ) from None
    found = libheif_version()
    if is_outdated(found) and not os.environ.get(FORCE):
        raise DecodeError(
            "heif_support_outdated",
            f"HEIC pictures are not opened with libheif {found}: below {as_text(MIN_LIBHEIF)} a picture "
            f"can run code; pip install -U pillow-heif (or force it: {FORCE}=1)",
        )
    opener: Callable[[BytesIO], Image.Image] = HeifImageFile
    return opener


def libheif_version() -> str | None:
    """Return the version of libheif, None where there is none."""
    try:
        from pillow_heif import libheif_version as version
    except ImportError:
        return None
    return str(version())


def is_outdated(version: str | None) -> bool:
    """Tell whether a version is below MIN_LIBHEIF; one that cannot be told is."""
    numbers = (version or "").split(".")[:3]
    return not all(each.isdecimal() for each in numbers) or tuple(map(int, numbers)) < MIN_LIBHEIF


def as_text(version: tuple[int, ...]) -> str:
    """Return a version as people write it."""
    return ".".join(map(str, version))


def decode_on_one_thread() -> None:
    """Keep libheif from threads of its own; the setting is one for the whole process."""
    try:
        from pillow_heif import options
    except ImportError:
        return
    options.DECODE_THREADS = 1
