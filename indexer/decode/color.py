"""From whatever a file stores (palette, CMYK, 16 bits, alpha, a profile) to plain sRGB."""

import io
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from .rendering import Rendering, stretched

# Modes that can be averaged as they are; every other one is turned into one of these first.
_PLAIN = {"L", "RGB", "CMYK", "LAB"}
_PROFILE_SPACE = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "LAB"}
_SAME_COLOR = 2  # levels of 255: a profile that moves no probe farther is as good as sRGB
_HUGE = 1e30  # beyond it differences of 32-bit floats overflow

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))


def to_plain(image: Image.Image, rendering: Rendering) -> Image.Image:
    """Return the picture with 8 bits a channel, without alpha or palette: L, RGB, CMYK or LAB.

    rendering: of the whole picture, of which this may be a strip.
    """
    if image.mode in _PLAIN and not rendering.is_transparent:
        return image
    if image.mode.startswith("I;16"):
        return Image.fromarray(stretched(np.asarray(image), rendering.tones))
    if image.mode in ("I", "F"):
        return Image.fromarray(_to_8_bits(np.asarray(image)))
    if rendering.is_transparent:
        return _on_ground(image.convert("RGBA"), rendering.ground)
    return image.convert("L" if image.mode == "1" else "RGB")


def _on_ground(image: Image.Image, ground: str) -> Image.Image:
    plain = Image.new("RGB", image.size, ground)
    plain.paste(image, mask=image)
    return plain


def _to_8_bits(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Scale 32-bit numbers to 0..255; what counts as white follows from the largest one."""
    numbers = np.nan_to_num(values.astype(np.float32), copy=False, posinf=0.0, neginf=0.0)
    np.clip(numbers, -_HUGE, _HUGE, out=numbers)
    high = float(numbers.max())
    floating = np.issubdtype(values.dtype, np.floating)
    ceilings = (1.0, 255.0, 65535.0) if floating else (255.0, 1023.0, 4095.0, 65535.0)
    white = next((ceiling for ceiling in ceilings if high <= ceiling), high)
    black = min(float(numbers.min()), 0.0)
    numbers -= black
    numbers *= 255.0 / (white - black)
    return numbers.astype(np.uint8)


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str | None]:
    """Return a plain picture as RGB in sRGB, and a warning if its profile could not be used.

    image: L, RGB, CMYK or LAB. profile: the ICC profile of the file.
    """
    warning = None
    if profile or image.mode == "LAB":
        try:
            transform = _transform(profile or b"", image.mode)
            if transform is not None:
                return transform.apply(image), None
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            warning = "the color profile is damaged and was ignored"
    return image if image.mode == "RGB" else image.convert("RGB"), warning


def changes_color(profile: bytes, mode: str) -> bool:
    """Tell whether a picture of a mode would be shown in other colors without the profile."""
    mode = "RGB" if mode == "RGBA" else mode
    if mode not in _PROFILE_SPACE:
        return False
    try:
        return _transform(profile, mode) is not None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return True  # other viewers may make something of it


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the way from a profile to sRGB, or None where there is nothing to do.

    A transform is read-only once built, and may be used by several threads at one time.
    """
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else None
    if source is None or source.profile.xcolor_space.strip().upper() != _PROFILE_SPACE[mode]:
        if mode != "LAB":
            return None
        source = _LAB
    transform = ImageCms.buildTransform(source, _SRGB, mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
    return None if mode in ("L", "RGB") and _changes_nothing(transform, mode) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    levels = np.arange(0, 256, 51, dtype=np.uint8)
    probes = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    probe = Image.fromarray(probes).convert(mode)
    after = np.asarray(ImageCms.applyTransform(probe, transform), dtype=np.int16)
    return bool(np.abs(after - np.asarray(probe.convert("RGB"))).max() <= _SAME_COLOR)
