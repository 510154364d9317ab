"""What people, programs and websites do to a picture, by 52 names; every value is drawn anew.

A transform takes a picture (RGB) and returns the bytes of a file and its suffix.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

from lookalike.benchmarks.copies.altering import (
    blurred,
    cropped,
    enhanced,
    fitted,
    greyed,
    leveled,
    noisy,
    scaled,
    sharpened,
    square,
    squashed,
    straightened,
    tilted,
    turned,
    vintage,
)
from lookalike.benchmarks.copies.framing import (
    border,
    date_stamp,
    letterbox_916,
    letterbox_square,
    meme,
    photo_of_screen,
    screenshot,
    text_overlay,
    watermark,
)

Picture = Image.Image
Random = np.random.Generator
Alter = Callable[[Picture, Random], Picture]

_ORIENTATION, _DESCRIPTION, _ARTIST = 0x0112, 0x010E, 0x013B


@dataclass(frozen=True, slots=True)
class Transform:
    """A way to make a copy. tier: how hard it is to know again. optional: mirrored or turned."""

    tier: str
    make: Callable[[Picture, Random], tuple[bytes, str]]
    optional: bool = False


def original(picture: Picture) -> bytes:
    """Return the file of an original."""
    return _jpeg(picture, 92)


def _jpeg(picture: Picture, quality: int, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


def _saved(picture: Picture, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _altered(*alter: Alter) -> Callable[[Picture, Random], tuple[bytes, str]]:
    """Return a transform that alters the pixels and saves them as programs do."""

    def make(picture: Picture, random: Random) -> tuple[bytes, str]:
        for each in alter:
            picture = each(picture, random)
        return _jpeg(picture, int(random.integers(78, 95))), "jpg"

    return make


def _quality(least: int, most: int, **options: Any) -> Callable[[Picture, Random], tuple[bytes, str]]:
    return lambda picture, random: (_jpeg(picture, int(random.integers(least, most)), **options), "jpg")


def _as_it_is(picture: Picture, _: Random) -> tuple[bytes, str]:
    return original(picture), "jpg"


def _webp(picture: Picture, random: Random) -> tuple[bytes, str]:
    return _saved(picture, "WEBP", quality=int(random.integers(60, 85))), "webp"


def _avif(picture: Picture, random: Random) -> tuple[bytes, str]:
    return _saved(picture, "AVIF", quality=int(random.integers(40, 65))), "avif"


def _with_tag(picture: Picture, tag: int, value: int | str) -> bytes:
    exif = Image.Exif()
    exif[tag] = value
    return _jpeg(picture, 92, exif=exif)


def _edited_metadata(picture: Picture, random: Random) -> tuple[bytes, str]:
    tag = _DESCRIPTION if random.random() < 0.5 else _ARTIST
    return _with_tag(picture, tag, f"number {random.integers(9999)}"), "jpg"


def _same_view(picture: Picture, random: Random) -> tuple[bytes, str]:
    """Turn the pixels and say in the metadata how to turn them back."""
    turn, tag = ((Image.Transpose.ROTATE_90, 6), (Image.Transpose.ROTATE_180, 3))[random.integers(2)]
    return _with_tag(picture.transpose(turn), _ORIENTATION, tag), "jpg"


def _rotated_view(picture: Picture, random: Random) -> tuple[bytes, str]:
    return _with_tag(picture, _ORIENTATION, int(random.choice([3, 6, 8]))), "jpg"


def _resaved(picture: Picture, random: Random) -> tuple[bytes, str]:
    for quality in random.integers(55, 92, 3).tolist():
        picture = Image.open(io.BytesIO(_jpeg(picture, quality))).convert("RGB")
    return _jpeg(picture, 80), "jpg"


def _gif(picture: Picture, random: Random) -> tuple[bytes, str]:
    small = fitted(260, 320)(picture, random)
    return _saved(small.quantize(int(random.choice([64, 128, 256]))), "GIF"), "gif"


def _social(picture: Picture, random: Random) -> Picture:
    """Crop, filter and shrink it, as an app does."""
    picture = cropped(0.05, 0.18)(picture, random)
    picture = (vintage, leveled, enhanced(ImageEnhance.Color, 1.2, 1.6))[random.integers(3)](
        picture, random
    )
    return _badly_saved(scaled(0.6, 0.95)(picture, random), random)


def _meme(picture: Picture, random: Random) -> Picture:
    return _badly_saved(scaled(0.6, 1)(meme(picture, random), random), random)


def _badly_saved(picture: Picture, random: Random) -> Picture:
    return Image.open(io.BytesIO(_jpeg(picture, int(random.integers(35, 65))))).convert("RGB")


_TURN = Image.Transpose
_LIGHT, _CONTRAST, _COLOR = ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color

TRANSFORMS = {
    "exact_copy": Transform("exact", _as_it_is),
    "strip_metadata": Transform("exact", _as_it_is),
    "edit_metadata": Transform("exact", _edited_metadata),
    "exif_same_view": Transform("easy", _same_view),
    "exif_rotated_view": Transform("hard", _rotated_view, optional=True),
    "jpeg_progressive": Transform("easy", _quality(82, 93, progressive=True)),
    "jpeg_q85": Transform("easy", _quality(80, 88)),
    "jpeg_q50": Transform("easy", _quality(40, 56)),
    "jpeg_q30": Transform("easy", _quality(18, 33)),
    "jpeg_resaved_3x": Transform("easy", _resaved),
    "webp_q80": Transform("easy", _webp),
    "avif_q60": Transform("easy", _avif),
    "gif_300": Transform("medium", _gif),
    "png_320": Transform(
        "easy", lambda picture, random: (_saved(fitted(280, 330)(picture, random), "PNG"), "png")
    ),
    "resize_50": Transform("easy", _altered(scaled(0.4, 0.6))),
    "resize_25": Transform("medium", _altered(scaled(0.2, 0.3))),
    "upscale_150": Transform("easy", _altered(scaled(1.3, 1.8))),
    "thumb_256": Transform("easy", _altered(fitted(220, 270))),
    "thumb_96": Transform("hard", _altered(fitted(84, 106))),
    "messenger": Transform("easy", _altered(fitted(380, 560), lambda p, r: _badly_saved(p, r))),
    "brightness_up": Transform("easy", _altered(enhanced(_LIGHT, 1.15, 1.6))),
    "brightness_down": Transform("easy", _altered(enhanced(_LIGHT, 0.5, 0.85))),
    "contrast_up": Transform("easy", _altered(enhanced(_CONTRAST, 1.15, 1.6))),
    "contrast_down": Transform("easy", _altered(enhanced(_CONTRAST, 0.45, 0.85))),
    "saturation_up": Transform("easy", _altered(enhanced(_COLOR, 1.2, 2))),
    "saturation_down": Transform("easy", _altered(enhanced(_COLOR, 0.2, 0.8))),
    "greyscale": Transform("medium", _altered(greyed)),
    "filter_vintage": Transform("medium", _altered(vintage)),
    "autolevels": Transform("medium", _altered(leveled)),
    "blur": Transform("medium", _altered(blurred)),
    "sharpen": Transform("easy", _altered(sharpened)),
    "noise": Transform("medium", _altered(noisy)),
    "crop_05": Transform("easy", _altered(cropped(0.03, 0.07))),
    "crop_10": Transform("medium", _altered(cropped(0.08, 0.14))),
    "crop_20": Transform("hard", _altered(cropped(0.17, 0.28))),
    "crop_square": Transform("hard", _altered(square)),
    "squash_10": Transform("medium", _altered(squashed)),
    "rotate_3": Transform("hard", _altered(tilted)),
    "straighten_3": Transform("hard", _altered(straightened)),
    "mirror": Transform("hard", _altered(turned(_TURN.FLIP_LEFT_RIGHT)), optional=True),
    "rotate_90_pixels": Transform(
        "hard", _altered(turned(_TURN.ROTATE_90, _TURN.ROTATE_270)), optional=True
    ),
    "rotate_180_pixels": Transform("hard", _altered(turned(_TURN.ROTATE_180)), optional=True),
    "border": Transform("medium", _altered(border)),
    "letterbox_square": Transform("hard", _altered(letterbox_square)),
    "letterbox_916": Transform("hard", _altered(letterbox_916)),
    "date_stamp": Transform("easy", _altered(date_stamp)),
    "text_overlay": Transform("medium", _altered(text_overlay)),
    "watermark": Transform("medium", _altered(watermark)),
    "screenshot": Transform("hard", _altered(screenshot)),
    "photo_of_screen": Transform("hard", _altered(photo_of_screen)),
    "chain_social": Transform("hard", _altered(_social)),
    "chain_meme": Transform("hard", _altered(_meme)),
}
