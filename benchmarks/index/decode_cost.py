"""What reading a photo costs: CPU milliseconds per JPEG, by step.

    python benchmarks/index/decode_cost.py FOLDER... [--larger-than 8] [--limit 20] [--repeat 3]
    python benchmarks/index/decode_cost.py --drawn 12

The folders are searched for JPEGs of more than `--larger-than` megapixels; `--drawn N` draws photos of N
megapixels instead. The steps run in turn on each photo, so that a busy machine hurts all alike.
The mean of the best time of each photo is reported, in CPU time of the one thread that works.
"""

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from lookalike.benchmarks.arguments import parser_for
from lookalike.indexer.decode.decode import decode
from lookalike.indexer.decode.fields import read_all
from lookalike.indexer.decode.photo import make_thumbnail
from lookalike.tests.pictures import draw_photo, encode

NEEDS = "photos"

MIN_SIDE = 512


def main() -> None:
    arguments = parse()
    if arguments.drawn:
        photos = draw(arguments.drawn, arguments.limit)
    else:
        photos = find(arguments.folders, arguments.larger_than, arguments.limit)
    if not photos:
        print(f"skipped: no JPEG of more than {arguments.larger_than:g} megapixels in these folders")
        return
    costs, sizes = measure(photos, arguments.repeat)
    megabytes = np.mean([len(data) for data in photos]) / 1e6
    print(f"{len(photos)} JPEGs, {megabytes:.2f} MB on average")
    for step, milliseconds in costs.items():
        print(f"{step:32} {milliseconds:8.2f} ms")
    print(f"{'size of a thumbnail':32} {np.mean(sizes) / 1000:8.2f} KB")


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--larger-than", type=float, default=8, help="megapixels")
    parser.add_argument("--drawn", type=float, default=0, help="megapixels; no folder is needed")
    parser.add_argument("--limit", type=int, default=20, help="photos")
    parser.add_argument("--repeat", type=int, default=3)
    return parser.parse_args()


def find(folders: list[Path], larger_than: float, limit: int) -> list[bytes]:
    """Return the files of up to `limit` JPEGs of more than so many megapixels."""
    photos: list[bytes] = []
    for path in (path for folder in folders for path in sorted(folder.rglob("*"))):
        if path.suffix.lower() in (".jpg", ".jpeg") and megapixels(path) > larger_than:
            photos.append(path.read_bytes())
        if len(photos) == limit:
            break
    return photos


def megapixels(path: Path) -> float:
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            return image.width * image.height / 1e6
    except (OSError, UnidentifiedImageError):
        return 0.0


def draw(size: float, limit: int) -> list[bytes]:
    height = int((size * 1e6 * 3 / 4) ** 0.5)
    photos = (draw_photo(seed, height * 4 // 3, height) for seed in range(limit))
    return [encode(with_grain(photo), quality=90) for photo in photos]


def with_grain(photo: Image.Image) -> Image.Image:
    """Add the noise of a sensor: entropy decoding takes its time by it."""
    grain = np.random.default_rng(0).normal(0, 5, (photo.height, photo.width, 1))
    return Image.fromarray(np.clip(np.asarray(photo) + grain, 0, 255).astype(np.uint8))


def measure(photos: list[bytes], repeat: int) -> tuple[dict[str, float], list[int]]:
    """Return the mean milliseconds of each step, and the sizes of the thumbnails."""
    totals: dict[str, float] = {}
    sizes = []
    for data in photos:
        picture = decode(data, min_side=MIN_SIDE).image
        sizes.append(len(make_thumbnail(picture)))
        for step, milliseconds in cost_of(steps(data, picture), repeat).items():
            totals[step] = totals.get(step, 0.0) + milliseconds / len(photos)
    return totals, sizes


def steps(data: bytes, picture: Image.Image) -> dict[str, Callable[[], object]]:
    return {
        f"Pillow alone, draft to {MIN_SIDE}": lambda: drafted(data),
        f"decode(min_side={MIN_SIDE})": lambda: decode(data, min_side=MIN_SIDE),
        "decode(), full size": lambda: decode(data),
        "make_thumbnail": lambda: make_thumbnail(picture),
        "read_all (part of decode)": lambda: said(opened(data)),
    }


def said(picture: Image.Image) -> object:
    return read_all(picture, picture.getexif())


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=["JPEG", "MPO"])


def drafted(data: bytes) -> None:
    image = opened(data)
    image.draft("RGB", (MIN_SIDE, MIN_SIDE))
    image.load()


def cost_of(calls: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(repeat):
        for step, call in calls.items():
            start = time.thread_time()
            call()
            best[step] = min(best[step], (time.thread_time() - start) * 1000)
    return best


if __name__ == "__main__":
    main()
