"""Pictures that hold little: pages of text, plain ones, ramps, designs. And what must not be joined."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Picture = Image.Image
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Family:
    """Pictures of which no two are copies, and the word for why not."""

    why: str
    pictures: tuple[Picture, ...]


def families(random: Random) -> list[Family]:
    """Return drawn pictures, those together that are most alike."""
    pages = [Family("page", _pages(random)) for _ in range(5)]
    designs = [Family("recolored", _designs(random)) for _ in range(6)]
    return [*pages, *designs, Family("plain", _plains(random)), Family("plain", _ramps(random))]


def _pages(random: Random) -> tuple[Picture, ...]:
    """Draw a page, the same one with one other word, and one of other text in the same layout."""
    texts = [_text(random), _text(random)]
    changed = [list(line) for line in texts[0]]
    line = changed[random.integers(3, len(changed))]
    line[random.integers(len(line))] = "otherwise"
    size, ink = int(random.integers(17, 30)), (int(random.integers(0, 90)),) * 3
    return tuple(_page(text, size, ink) for text in (texts[0], changed, texts[1]))


def _text(random: Random) -> list[list[str]]:
    syllables = ("ba", "ren", "to", "is", "vel", "um", "da", "ko", "sti", "e", "lan", "pur")
    return [
        ["".join(random.choice(syllables, random.integers(1, 5))) for _ in range(random.integers(4, 9))]
        for _ in range(22)
    ]


def _page(text: list[list[str]], size: int, ink: tuple[int, ...]) -> Picture:
    sheet = Image.new("RGB", (600, 800), (252, 252, 249))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size)
    for row, line in enumerate(text):
        draw.text((46, 40 + row * size * 1.4), " ".join(line), ink, font)
    return sheet


def _designs(random: Random) -> tuple[Picture, ...]:
    """Draw shapes on a ground, and the same shapes in other colors."""
    seed = int(random.integers(1 << 30))
    return tuple(_design(np.random.default_rng(seed), random) for _ in range(3))


def _design(shapes: Random, colors: Random) -> Picture:
    def color() -> tuple[int, ...]:
        return tuple(colors.integers(0, 256, 3).tolist())

    sheet = Image.new("RGB", (560, 420), color())
    draw = ImageDraw.Draw(sheet)
    for _ in range(int(shapes.integers(8, 26))):
        x, y = shapes.uniform(0, 1, 2) * sheet.size
        w, h = shapes.uniform(20, 160, 2)
        kind = shapes.integers(3)
        if kind == 0:
            draw.ellipse([x, y, x + w, y + h], color())
        elif kind == 1:
            draw.rectangle([x, y, x + w, y + h], color())
        else:
            draw.polygon([(x, y), (x + w, y + h / 3), (x + w / 3, y + h)], color())
    return sheet


def _plains(random: Random) -> tuple[Picture, ...]:
    """Draw walls: one color and a little grain, or a soft spot."""
    walls = []
    for _ in range(6):
        ground = random.uniform(20, 240, 3) + random.normal(0, random.uniform(0, 4), (480, 640, 1))
        spot = Image.new("L", (640, 480), 0)
        x, y = random.uniform(50, 400, 2)
        ImageDraw.Draw(spot).ellipse([x, y, x + 150, y + 90], int(random.integers(0, 120)))
        soft = np.asarray(spot.filter(ImageFilter.GaussianBlur(40)), np.float32)[..., None]
        walls.append(Image.fromarray(np.clip(ground + 0.3 * soft, 0, 255).astype(np.uint8)))
    return tuple(walls)


def _ramps(random: Random) -> tuple[Picture, ...]:
    """Draw skies: from one color above to another one below."""
    down = np.linspace(0, 1, 480)[:, None, None]
    ramps = []
    for _ in range(5):
        first, last = random.uniform(0, 255, (2, 3))
        levels = (first + (last - first) * down) * np.ones((1, 640, 1))
        ramps.append(Image.fromarray(levels.astype(np.uint8)))
    return tuple(ramps)


def calmest_part(picture: Picture, share: float = 0.4) -> Picture:
    """Return the part with the least to see: a piece of sky, of wall, of blurred ground."""
    grey = np.asarray(picture.convert("L").filter(ImageFilter.GaussianBlur(1)), np.float32)
    width, height = (int(side * share) for side in picture.size)
    places = [
        (left, top)
        for left in np.linspace(0, picture.width - width, 6).astype(int).tolist()
        for top in np.linspace(0, picture.height - height, 6).astype(int).tolist()
    ]
    left, top = min(
        places,
        key=lambda at: float(np.abs(np.diff(grey[at[1] : at[1] + height, at[0] : at[0] + width])).mean()),
    )
    return picture.crop((left, top, left + width, top + height)).resize((width * 2, height * 2))
