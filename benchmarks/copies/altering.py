"""What filters and tools do to a picture: size, light, color, crop, turn; every value is drawn anew."""

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

Picture = Image.Image
Random = np.random.Generator
Alter = Callable[[Picture, Random], Picture]


def scaled(least: float, most: float) -> Alter:
    def alter(picture: Picture, random: Random) -> Picture:
        scale = random.uniform(least, most)
        return picture.resize([max(8, round(side * scale)) for side in picture.size], _kernel(random))

    return alter


def fitted(least: int, most: int) -> Alter:
    """Scale the longer side to a length."""
    return lambda picture, random: scaled(*(2 * [random.integers(least, most + 1) / max(picture.size)]))(
        picture, random
    )


def _kernel(random: Random) -> Image.Resampling:
    return (Image.Resampling.LANCZOS, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)[
        random.integers(3)
    ]


def enhanced(kind: Any, least: float, most: float) -> Alter:
    return lambda picture, random: kind(picture).enhance(random.uniform(least, most))


def greyed(picture: Picture, _: Random) -> Picture:
    return ImageOps.grayscale(picture).convert("RGB")


def leveled(picture: Picture, random: Random) -> Picture:
    return ImageOps.autocontrast(
        picture, cutoff=random.uniform(0.3, 4), preserve_tone=random.random() < 0.4
    )


def blurred(picture: Picture, random: Random) -> Picture:
    radius = random.uniform(0.8, 2.6) * max(picture.size) / 500
    return picture.filter(ImageFilter.GaussianBlur(radius))


def sharpened(picture: Picture, random: Random) -> Picture:
    return picture.filter(ImageFilter.UnsharpMask(random.uniform(1, 3), int(random.integers(80, 220)), 2))


def noisy(picture: Picture, random: Random) -> Picture:
    return _from_levels(
        np.asarray(picture) + random.normal(0, random.uniform(6, 20), (*picture.size[::-1], 3))
    )


def _from_levels(levels: np.ndarray) -> Picture:
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def vintage(picture: Picture, random: Random) -> Picture:
    """Pull the colors to brown, lift the shadows, darken the corners."""
    faded = np.asarray(ImageEnhance.Color(picture).enhance(random.uniform(0.3, 0.7)), np.float32)
    tinted = faded * (1.08, 0.98, random.uniform(0.7, 0.85)) * 0.85 + random.uniform(10, 35)
    y, x = (np.linspace(-1, 1, side) for side in (picture.height, picture.width))
    corner = 1 - random.uniform(0.1, 0.35) * (x[None, :] ** 2 + y[:, None] ** 2) / 2
    return _from_levels(tinted * corner[..., None])


def cropped(least: float, most: float) -> Alter:
    """Cut this share of each side's length away, anywhere."""

    def alter(picture: Picture, random: Random) -> Picture:
        lost = random.uniform(least, most, 2) * picture.size
        left, top = random.uniform(0, 1, 2) * lost
        width, height = np.array(picture.size) - lost
        return picture.crop((int(left), int(top), int(left + width), int(top + height)))

    return alter


def square(picture: Picture, random: Random) -> Picture:
    side = min(picture.size)
    left, top = (int((each - side) * random.choice([0.5, random.random()])) for each in picture.size)
    return picture.crop((left, top, left + side, top + side))


def squashed(picture: Picture, random: Random) -> Picture:
    x, y = (random.uniform(0.86, 0.94), 1) if random.random() < 0.5 else (1, random.uniform(0.86, 0.94))
    return picture.resize((round(picture.width * x), round(picture.height * y)), _kernel(random))


def _angle(random: Random) -> float:
    return float(random.uniform(1.5, 6) * random.choice([-1, 1]))


def tilted(picture: Picture, random: Random) -> Picture:
    color = (0, 0, 0) if random.random() < 0.6 else (255, 255, 255)
    return picture.rotate(_angle(random), Image.Resampling.BICUBIC, expand=True, fillcolor=color)


def straightened(picture: Picture, random: Random) -> Picture:
    angle = _angle(random)
    turned = picture.rotate(angle, Image.Resampling.BICUBIC)
    sine, (width, height) = np.sin(np.radians(abs(angle))), picture.size
    x, y = int(height * sine / 2) + 2, int(width * sine / 2) + 2
    return turned.crop((x, y, width - x, height - y))


def turned(*ways: Image.Transpose) -> Alter:
    return lambda picture, random: picture.transpose(ways[random.integers(len(ways))])
