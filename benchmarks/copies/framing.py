"""What is put on a picture or around it: stamps, watermarks, borders, letterboxes, screens."""

from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

Picture = Image.Image
Random = np.random.Generator

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
_WORDS = (
    "harbor",
    "morning",
    "sample",
    "copyright",
    "Photo",
    "preview",
    "friday",
    "nobody",
    "garden",
    "2019",
)


def words(random: Random, count: int) -> str:
    """Return words in any order."""
    return " ".join(str(word) for word in random.choice(_WORDS, count))


def _font(size: float) -> Any:
    return ImageFont.load_default(max(7, size))


def border(picture: Picture, random: Random) -> Picture:
    """Put it in a frame of one color, or of two."""
    color = (WHITE, BLACK, tuple(random.integers(0, 256, 3).tolist()))[random.integers(3)]
    framed = ImageOps.expand(picture, int(random.uniform(0.02, 0.13) * max(picture.size)) + 1, color)
    return ImageOps.expand(framed, 3, (40, 30, 20)) if random.random() < 0.25 else framed


def letterbox_square(picture: Picture, random: Random) -> Picture:
    """Fill it up to a square."""
    return _padded(picture, (max(picture.size),) * 2, (BLACK, WHITE, (128, 128, 128))[random.integers(3)])


def letterbox_916(picture: Picture, random: Random) -> Picture:
    """Fill it up to a tall screen, with black or with a blurred piece of itself."""
    width, height = picture.size
    size = (width, max(height, round(width * 16 / 9)))
    if random.random() < 0.35:
        return _padded(picture, size, BLACK)
    back = ImageOps.fit(picture, size).filter(ImageFilter.GaussianBlur(random.uniform(8, 30)))
    back.paste(picture, (0, (size[1] - height) // 2))
    return back


def _padded(picture: Picture, size: tuple[int, int], color: tuple[int, ...]) -> Picture:
    sheet = Image.new("RGB", size, color)
    sheet.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return sheet


def date_stamp(picture: Picture, random: Random) -> Picture:
    """Write the day into a corner."""
    stamped, size = picture.copy(), picture.height * random.uniform(0.03, 0.08)
    day = f"{random.integers(1, 29):02}.{random.integers(1, 13):02}.{random.integers(1998, 2024)}"
    place = random.choice([0.04, 0.6]) * picture.width, picture.height - 2 * size
    ink = ((255, 140, 30), (250, 230, 40), WHITE)[random.integers(3)]
    ImageDraw.Draw(stamped).text(place, day, ink, _font(size))
    return stamped


def text_overlay(picture: Picture, random: Random) -> Picture:
    """Write across it in large white letters with a black edge, above or below or both."""
    marked, size = picture.copy(), picture.width * random.uniform(0.06, 0.11)
    draw, places = ImageDraw.Draw(marked), random.permutation([0.04, 0.8])[: random.integers(1, 3)]
    for place in places:
        where = (picture.width * 0.05, picture.height * place)
        draw.text(where, words(random, 3).upper(), WHITE, _font(size), stroke_width=2, stroke_fill=BLACK)
    return marked


def watermark(picture: Picture, random: Random) -> Picture:
    """Write on it, half transparent: all over in rows, or once and large, or in outlines."""
    width, height = picture.size
    layer = Image.new("L", (2 * width, 2 * height), 0)
    draw, ink = ImageDraw.Draw(layer), int(random.integers(50, 150))
    if random.random() < 0.7:
        size = random.uniform(0.05, 0.11) * max(picture.size)
        step, text = size * random.uniform(1.6, 4), words(random, 2) + "    "
        for row, y in enumerate(np.arange(0, 2 * height, step)):
            draw.text(
                (-size * (row % 3), y), text * 30, ink, _font(size), stroke_width=int(random.random() < 0.3)
            )
    else:
        size = random.uniform(0.14, 0.22) * max(picture.size)
        draw.text((0.6 * width, height - size / 2), words(random, 1).upper(), ink, _font(size))
    turned = layer.rotate(random.choice([0, random.uniform(-45, 45)]), Image.Resampling.BILINEAR)
    mask = turned.crop((width // 2, height // 2, width // 2 + width, height // 2 + height))
    color = (WHITE, WHITE, BLACK, (200, 200, 210))[random.integers(4)]
    return Image.composite(Image.new("RGB", picture.size, color), picture, mask)


def screenshot(picture: Picture, random: Random) -> Picture:
    """Show it in an app on a tall or a wide screen, with text and signs around it."""
    dark = random.random() < 0.6
    width, tall = (540, int(random.choice([960, 1170, 1200]))) if random.random() < 0.8 else (1170, 660)
    ground, ink = ((14, 14, 18), (220, 220, 220)) if dark else ((250, 250, 250), (30, 30, 36))
    screen = Image.new("RGB", (width, tall), ground)
    shown = ImageOps.contain(picture, (width, int(tall * random.uniform(0.6, 0.85))))
    screen.paste(shown, ((width - shown.width) // 2, (tall - shown.height) // 2))
    draw, line = ImageDraw.Draw(screen), 24
    draw.text((16, 8), f"{random.integers(24)}:{random.integers(10, 60)}", ink, _font(line * 0.7))
    draw.rectangle(
        [width - 50, 12, width - 26, 22], outline=ink, fill=ink if random.random() < 0.5 else None
    )
    draw.text((60, 40), words(random, 3), ink, _font(line))
    for button in range(4):
        x = width * (button + 0.5) / 4
        draw.ellipse([x - 9, tall - 40, x + 9, tall - 22], outline=ink, width=2)
    for row in range(int(random.integers(0, 3))):
        draw.text((24, tall - 110 + 28 * row), words(random, 4), ink, _font(line * 0.8))
    return screen


def meme(picture: Picture, random: Random) -> Picture:
    """Put a white bar with a line of text above it."""
    bar = int(picture.height * random.uniform(0.12, 0.25))
    sheet = Image.new("RGB", (picture.width, picture.height + bar), WHITE)
    sheet.paste(picture, (0, bar))
    size = min(bar * 0.5, picture.width / 14)
    ImageDraw.Draw(sheet).text((picture.width * 0.04, bar * 0.2), words(random, 3), BLACK, _font(size))
    return sheet


def photo_of_screen(picture: Picture, random: Random) -> Picture:
    """Take a photo of it on a screen: a dark rim, perspective, stripes, a reflection, noise."""
    rim = int(random.uniform(0.02, 0.09) * max(picture.size))
    room = ImageOps.expand(
        picture, rim, (int(random.integers(8, 50)),) * 3 if random.random() < 0.8 else (200, 200, 196)
    )
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)]) + random.uniform(-0.045, 0.045, (4, 2))
    quad = [float(each) for each in (corners * room.size).ravel()]
    seen = room.transform(
        room.size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC, fillcolor=(20, 20, 22)
    )
    levels = np.asarray(seen, np.float32) * _stripes(seen.size, random)[..., None]
    levels = levels * random.uniform(0.75, 1.1) * random.uniform(0.93, 1.07, 3)
    levels += _reflection(seen.size, random)[..., None]
    levels += random.normal(0, random.uniform(1.5, 7), levels.shape)
    taken = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    return ImageOps.contain(taken, (640, 640)) if random.random() < 0.7 else taken


def _stripes(size: tuple[int, int], random: Random) -> np.ndarray:
    y, x = np.mgrid[: size[1], : size[0]]
    period, way = random.uniform(2.2, 9), random.uniform(0, np.pi)
    wave = np.sin(2 * np.pi / period * (x * np.cos(way) + y * np.sin(way)))
    return np.asarray(1 + random.uniform(0.02, 0.1) * wave)


def _reflection(size: tuple[int, int], random: Random) -> np.ndarray:
    y, x = np.mgrid[: size[1], : size[0]]
    center, spread = random.uniform(0, 1, 2) * size, random.uniform(0.1, 0.3) * max(size)
    near = np.exp(-((x - center[0]) ** 2 + (y - center[1]) ** 2) / (2 * spread**2))
    return np.asarray(random.uniform(0, 45) * near)
