"""Make pictures for the proof, and what people and programs do to them."""

import io
import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from lookalike.dedup.proof import Evidence, FileFacts, Picture, prove
from lookalike.indexer.decode.photo import make_thumbnail

Alteration = Callable[[Image.Image], Image.Image]

_BICUBIC = Image.Resampling.BICUBIC


def as_picture(image: Image.Image) -> Picture:
    return Picture.from_thumbnail(make_thumbnail(image.convert("RGB")), *image.size)


def compare(a: Image.Image, b: Image.Image) -> Evidence:
    return prove(as_picture(a), as_picture(b))


def facts(image: Image.Image, file_format: str = "JPEG") -> FileFacts:
    return FileFacts(image.width, image.height, file_format, 1000)


def saved(quality: int) -> Alteration:
    def alter(image: Image.Image) -> Image.Image:
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        return Image.open(out).convert("RGB")

    return alter


def resized(factor: float) -> Alteration:
    return lambda image: image.resize((round(image.width * factor), round(image.height * factor)), _BICUBIC)


def cropped(share: float, x: float = 0.5, y: float = 0.5) -> Alteration:
    """Keep this share of width and height; x, y: where of what is cut away, 0 is left and top."""

    def alter(image: Image.Image) -> Image.Image:
        width, height = round(image.width * share), round(image.height * share)
        left, top = round((image.width - width) * x), round((image.height - height) * y)
        return image.crop((left, top, left + width, top + height))

    return alter


def bordered(share: float, color: tuple[int, int, int] = (255, 255, 255)) -> Alteration:
    return lambda image: ImageOps.expand(image, round(image.width * share), color)


def turned(method: Image.Transpose) -> Alteration:
    return lambda image: image.transpose(method)


def tilted(degrees: float) -> Alteration:
    """Turn on the same canvas: corners are lost, black ones come."""
    return lambda image: image.rotate(degrees, _BICUBIC)


def straightened(degrees: float) -> Alteration:
    """Turn and cut away the black corners."""

    def alter(image: Image.Image) -> Image.Image:
        cut = math.tan(math.radians(abs(degrees))) * image.width / image.height
        share = 1 / (1 + cut)
        return cropped(share - 0.01)(image.rotate(degrees, _BICUBIC))

    return alter


def lit(factor: float) -> Alteration:
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


def contrasted(factor: float) -> Alteration:
    return lambda image: ImageEnhance.Contrast(image).enhance(factor)


def saturated(factor: float) -> Alteration:
    return lambda image: ImageEnhance.Color(image).enhance(factor)


def greyed(image: Image.Image) -> Image.Image:
    return ImageOps.grayscale(image).convert("RGB")


def blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(2))


def noisy(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(7).normal(0, 12, (image.height, image.width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def stamped(image: Image.Image) -> Image.Image:
    image = image.copy()
    font = ImageFont.load_default(image.height / 8)
    ImageDraw.Draw(image).text((image.width * 0.4, image.height * 0.85), "01.05.2023", (255, 160, 0), font)
    return image


def watermarked(image: Image.Image) -> Image.Image:
    mask = Image.new("L", image.size, 0)
    draw, font = ImageDraw.Draw(mask), ImageFont.load_default(image.height / 8)
    for row in range(4):
        draw.text((image.width * 0.1, image.height * row / 4), "SAMPLE PICTURE", 90, font)
    return Image.composite(Image.new("RGB", image.size, (255, 255, 255)), image, mask)


def screenshotted(image: Image.Image) -> Image.Image:
    """Show the picture in an app on a tall screen, with text above and below."""
    screen = Image.new("RGB", (image.width, image.width * 2), (250, 250, 250))
    screen.paste(image, (0, (screen.height - image.height) // 2))
    draw, font = ImageDraw.Draw(screen), ImageFont.load_default(image.width / 20)
    for row in range(4):
        draw.text((20, 15 + row * 45), f"12:4{row}  the name of an app", (30, 30, 30), font)
        draw.text((20, screen.height - 200 + row * 45), f"like {row}, reply, share", (60, 60, 110), font)
    return screen


def photographed(image: Image.Image) -> Image.Image:
    """Show the picture on a dark screen that the camera does not look at straight."""
    room = ImageOps.expand(image, round(image.width * 0.12), (22, 22, 26))
    bend = (1.0, 0.05, -8.0, -0.04, 1.02, 6.0, 0.0001, -0.00006)
    return room.transform(room.size, Image.Transform.PERSPECTIVE, bend, _BICUBIC)


def page(lines: int = 18, changed: int | None = None) -> Image.Image:
    """Draw a page of text; changed: the line that reads differently."""
    image = Image.new("RGB", (600, 800), (253, 253, 251))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(24)
    for line in range(lines):
        words = np.random.default_rng(line + (1000 if line == changed else 0)).integers(100, 99999, 6)
        draw.text((50, 50 + 40 * line), " ".join(str(word) for word in words), (25, 25, 25), font)
    return image
