"""Draw and save test pictures: photo-like, distinct by seed, the same on every run."""

import io
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageDraw, ImageFilter

Pixels = npt.NDArray[np.uint8]

_BICUBIC = Image.Resampling.BICUBIC
# A tenth of the time, for a file somewhat larger.
_FAST: dict[str, dict[str, Any]] = {"AVIF": {"speed": 10}, "HEIF": {"enc_params": {"preset": "ultrafast"}}}


def draw_photo(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    """Draw a picture with light, things in it and texture, such as a photo has; RGB.

    Two seeds give two scenes; one seed at two sizes gives the same scene.
    """
    return _drawn(seed, width, height).copy()


@lru_cache(maxsize=32)
def _drawn(seed: int, width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    image = _clouds(rng, width, height, cells=4, contrast=70.0)
    _draw_things(image, rng)
    image = image.filter(ImageFilter.GaussianBlur(max(width, height) / 640))
    texture = _clouds(rng, width, height, cells=96, contrast=90.0)
    return Image.blend(image, texture, 0.25)


def _clouds(rng: np.random.Generator, width: int, height: int, cells: int, contrast: float) -> Image.Image:
    """Draw smooth random colors that change about `cells` times across the picture."""
    color = rng.uniform(50, 205, 3)
    grid = np.clip(rng.normal(color, contrast, (cells * 3 // 4, cells, 3)), 0, 255)
    return Image.fromarray(grid.astype(np.uint8)).resize((width, height), _BICUBIC)


def _draw_things(image: Image.Image, rng: np.random.Generator) -> None:
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(14, 28))):
        x, y = rng.uniform(-0.1, 0.9, 2) * image.size
        w, h = rng.uniform(0.05, 0.35, 2) * image.size
        color = tuple(int(level) for level in rng.integers(0, 256, 3))
        kind = int(rng.integers(3))
        if kind == 0:
            draw.ellipse([x, y, x + w, y + h], fill=color)
        elif kind == 1:
            draw.rectangle([x, y, x + w, y + h], fill=color)
        else:
            corners = rng.uniform(0, 1, (5, 2)) * (w, h) + (x, y)
            draw.polygon([(float(cx), float(cy)) for cx, cy in corners], fill=color)


def encode(image: Image.Image, file_format: str = "JPEG", **options: Any) -> bytes:
    """Return the picture as the bytes of a file; options are those of `Image.save`."""
    out = io.BytesIO()
    image.save(out, file_format, **_FAST.get(file_format, {}) | options)
    return out.getvalue()


def save(path: str | Path, image: Image.Image, **options: Any) -> Path:
    """Save the picture, its format by the name; missing folders are made."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def exif_with(tags: dict[int, Any] | None = None, **directories: dict[int, Any]) -> Image.Exif:
    """Make EXIF; directories: exif={...}, gps={...}, both by tag number."""
    exif = Image.Exif()
    exif.update(tags or {})
    for name, tag in (("exif", 0x8769), ("gps", 0x8825)):
        if name in directories:
            exif.get_ifd(tag).update(directories[name])
    as_read = Image.Exif()  # Pillow's TIFF writer keeps directories only if they were read
    as_read.load(exif.tobytes())
    return as_read


def color_profile(red: str = "rXYZ", green: str = "gXYZ", blue: str = "bXYZ") -> bytes:
    """Make an sRGB profile whose primaries may be exchanged: red="gXYZ" shows red as green."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    places = _tag_places(bytes(profile))
    values = {name: bytes(profile[at : at + 20]) for name, at in places.items() if name.endswith("XYZ")}
    for channel, source in (("rXYZ", red), ("gXYZ", green), ("bXYZ", blue)):
        profile[places[channel] : places[channel] + 20] = values[source]
    return bytes(profile)


def _tag_places(profile: bytes) -> dict[str, int]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(count)]
    return {name.decode("latin-1"): offset for name, offset, _ in entries}


def difference(a: Pixels, b: Pixels) -> float:
    """Return how far two pictures are apart: mean levels of 255, at 64 x 64 pixels."""
    small = [np.asarray(Image.fromarray(each).resize((64, 64), Image.Resampling.BOX)) for each in (a, b)]
    return float(np.abs(small[0].astype(np.int16) - small[1]).mean())
