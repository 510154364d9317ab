"""32 bytes that are the same for files that show the same, whatever else they carry."""

from collections.abc import Iterable

import numpy as np
from blake3 import blake3
from PIL import Image

from .color import changes_color
from .parts import Bytes
from .rendering import strips

# Pictures of these modes are known by their pixels as RGB, or RGBA: a palette is no difference.
_COLORS = {"1", "L", "P", "RGB", "RGBA", "LA", "PA", "La", "RGBa", "RGBX"}


def digest_of_jpeg(picture: Iterable[Bytes], orientation: int, others: Iterable[Bytes]) -> bytes:
    """Return the digest of a JPEG by its compressed picture, which costs no pixels and is exact.

    Re-saving it changes the digest, editing its metadata does not. others: what else the file shows.
    """
    digest = blake3(b"jpeg" + bytes([orientation]))
    for part in picture:
        digest.update(part)
    return _with(digest, others)


def digest_of_pixels(
    image: Image.Image, is_transparent: bool, orientation: int, others: Iterable[Bytes]
) -> bytes:
    """Return the digest of any other file by the pixels of its first picture at full size.

    others: what else the file shows: frames, lower bytes, ...
    """
    mode = image.mode
    if mode in _COLORS:
        mode = "RGBA" if is_transparent else "RGB"
    profile: bytes | None = image.info.get("icc_profile")
    digest = blake3(b"shown" + mode.encode() + bytes([orientation]))
    digest.update(np.array(image.size, dtype="<i8").tobytes())
    digest.update(hash_of(image, mode))
    if profile and changes_color(profile, mode):
        digest.update(b"profile" + profile)
    return _with(digest, others)


def hash_of(image: Image.Image, mode: str | None = None) -> bytes:
    """Return a hash of the pixels of a loaded picture, converted to a mode."""
    digest = blake3(b"")
    for strip in strips(image):
        piece = strip if mode in (None, strip.mode) else strip.convert(mode)
        digest.update(
            np.asarray(piece).astype("<u2").tobytes() if piece.mode == "I;16B" else piece.tobytes()
        )
    return digest.digest()


def _with(digest: blake3, others: Iterable[Bytes]) -> bytes:
    """Add what else a file shows; nothing else leaves the digest as it is."""
    rest, is_empty = blake3(b"others"), True
    for part in others:
        rest.update(len(part).to_bytes(8, "little")).update(part)
        is_empty = False
    return (digest if is_empty else digest.update(rest.digest())).digest()
