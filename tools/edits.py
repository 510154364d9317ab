"""Random edits of a picture, as people, programs and websites make them."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Picture = Image.Image
Random = np.random.Generator
Color = tuple[int, int, int]

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def crop(picture: Picture, random: Random) -> Picture:
    """Keep half to nearly all of each side; every other time with the aspect."""
    width, height = picture.size
    across, down = random.uniform(0.5, 0.95, 2)
    if random.random() < 0.5:
        down = across
    left, top = random.uniform(0, 1, 2) * (1 - across, 1 - down) * picture.size
    box = (int(left), int(top), int(left + across * width) + 1, int(top + down * height) + 1)
    return picture.crop(box)


def frame(picture: Picture, random: Random) -> Picture:
    """Put it on a larger sheet: borders, letterboxes, or the bars and buttons of a screenshot."""
    width, height = picture.size
    wide = random.uniform(0, 0.35, 4) * (random.random(4) < 0.7)
    left, top, right, bottom = (int(w * side) for w, side in zip(wide, (*picture.size,) * 2, strict=True))
    color = _color(random) if random.random() < 0.4 else _black_or_white(random)
    sheet = Image.new("RGB", (width + left + right, height + top + bottom), color)
    if random.random() < 0.6:
        _draw_bars(sheet, random)
    sheet.paste(picture, (left, top))
    return sheet


def _draw_bars(sheet: Picture, random: Random) -> None:
    draw = ImageDraw.Draw(sheet)
    for _ in range(random.integers(5, 60)):
        x, y = random.uniform(0, 1, 2) * sheet.size
        w, h = random.uniform((0.01, 0.005), (0.3, 0.05)) * sheet.size
        draw.rectangle([x, y, x + w, y + h], fill=_color(random))


def stamp(picture: Picture, random: Random) -> Picture:
    """Write on it: a line or three, or a watermark all over."""
    width, height = picture.size
    size = max(8, int(random.uniform(0.04, 0.16) * height))
    font = ImageFont.load_default(size)
    ink = (*(WHITE if random.random() < 0.5 else _color(random)), int(random.integers(70, 256)))
    text = "".join(chr(letter) for letter in random.integers(65, 91, random.integers(4, 12)))
    layer = Image.new("RGBA", (2 * width, 2 * height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    if random.random() < 0.5:
        for y in range(0, 2 * height, int(size * random.uniform(1.5, 4))):
            draw.text((random.uniform(-size, 0), y), (text + " ") * 40, font=font, fill=ink)
        layer = layer.rotate(random.uniform(-45, 45))
    else:
        for _ in range(random.integers(1, 4)):
            x, y = random.uniform((0.5, 0.5), (1.2, 1.4)) * picture.size
            draw.text((x, y), text, font=font, fill=ink)
    middle = layer.crop((width // 2, height // 2, width // 2 + width, height // 2 + height))
    return Image.alpha_composite(picture.convert("RGBA"), middle).convert("RGB")


def tilt(picture: Picture, random: Random) -> Picture:
    """Turn it by up to 25 degrees, every other time by up to 5."""
    most = 25 if random.random() < 0.5 else 5
    return picture.rotate(
        random.uniform(-most, most),
        Image.Resampling.BICUBIC,
        expand=bool(random.random() < 0.5),
        fillcolor=_black_or_white(random),
    )


def turn(picture: Picture, random: Random) -> Picture:
    """Mirror it or turn it by 90, 180 or 270 degrees, or both."""
    return picture.transpose(list(Image.Transpose)[random.integers(len(Image.Transpose))])


def shrink(picture: Picture, random: Random) -> Picture:
    """Make a small picture of it, saved badly."""
    scale = random.uniform(56, 200) / max(picture.size)
    width, height = (max(8, int(side * scale)) for side in picture.size)
    kind = Image.Resampling.LANCZOS if random.random() < 0.5 else Image.Resampling.BILINEAR
    out = io.BytesIO()
    picture.resize((width, height), kind).save(out, "JPEG", quality=int(random.integers(25, 90)))
    return Image.open(out).convert("RGB")


def color(picture: Picture, random: Random) -> Picture:
    """Change light or colors in one of seven ways."""
    amount = random.uniform(0, 1)
    tint = random.uniform(0.75, 1.25, 3)
    ways: list[Callable[[], Picture]] = [
        lambda: ImageOps.grayscale(picture).convert("RGB"),
        lambda: ImageOps.autocontrast(picture, cutoff=3 * amount),
        lambda: ImageEnhance.Brightness(picture).enhance(0.5 + 1.1 * amount),
        lambda: ImageEnhance.Contrast(picture).enhance(0.5 + 1.2 * amount),
        lambda: ImageEnhance.Color(picture).enhance(0.2 + 1.8 * amount),
        lambda: _from_levels(np.asarray(picture) * tint + 40 * amount - 20),
        lambda: _vignette(picture),
    ]
    return ways[random.integers(len(ways))]()


def _vignette(picture: Picture) -> Picture:
    dark, faded = ImageEnhance.Brightness(picture).enhance(0.5), ImageEnhance.Color(picture).enhance(0.6)
    return Image.composite(dark, faded, Image.radial_gradient("L").resize(picture.size))


def photograph(picture: Picture, random: Random) -> Picture:
    """Take a photo of it on a screen: perspective, stripes, noise, other colors."""
    if random.random() < 0.5:
        picture = frame(picture, random)
    width, height = picture.size
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)]) + random.uniform(-0.1, 0.1, (4, 2))
    quad = [float(each) for each in (corners * picture.size).ravel()]
    seen = picture.transform(picture.size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)
    y, x = np.mgrid[:height, :width]
    a, b = random.uniform(0.3, 2.8, 2)
    levels = np.asarray(seen) * (1 + 0.12 * np.sin(a * x + b * y))[:, :, None]
    return color(_from_levels(levels + _noise(levels.shape, random, 2, 10)), random)


def roughen(picture: Picture, random: Random) -> Picture:
    """Blur it or add noise."""
    if random.random() < 0.5:
        radius = random.uniform(0.5, 3) * max(picture.size) / 500
        return picture.filter(ImageFilter.GaussianBlur(radius))
    levels = np.asarray(picture, np.float32)
    return _from_levels(levels + _noise(levels.shape, random, 5, 25))


def _noise(shape: tuple[int, ...], random: Random, least: float, most: float) -> np.ndarray:
    return random.normal(0, random.uniform(least, most), shape)


def _from_levels(levels: np.ndarray) -> Picture:
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def _color(random: Random) -> Color:
    red, green, blue = (int(level) for level in random.integers(0, 256, 3))
    return red, green, blue


def _black_or_white(random: Random) -> Color:
    return BLACK if random.random() < 0.5 else WHITE


EDITS = (crop, frame, stamp, tilt, turn, shrink, color, photograph, roughen)


def edited(picture: Picture, random: Random, twice: int = 3) -> list[Picture]:
    """Return the picture after each edit alone, then `twice` times after two different ones."""
    after = [edit(picture, random) for edit in EDITS]
    for _ in range(twice):
        first, second = random.choice(len(EDITS), 2, replace=False)
        after.append(EDITS[second](EDITS[first](picture, random), random))
    return after
