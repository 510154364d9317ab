"""How often does the photo that a part comes from come first, and what does that cost.

    region_search.py --set DIR [--photos N] [--area 0.3]

DIR: a folder with `images/` and a `ground_truth.json` that lists `images` with `file` and `role`. The
originals are indexed into a store of their own. Of each a part of so much of its area is cut at a random
place, half of them with the photo's aspect and half between 3:4 and 4:3, and saved as a JPEG of quality
90. Printed is how often its photo comes first: by the plain search, by `--part`, and, for a copy of the
photo saved at quality 90 that is not in the library, by `--box`; with the overlap (intersection over
union) of the box that was found.
"""

import argparse
import json
import math
import random
import tempfile
import time
from dataclasses import astuple
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from lookalike.indexer.decode import decode
from lookalike.library import Library
from lookalike.search.answers import Answer, SearchOptions
from lookalike.search.boxes import WHOLE, Box, BoxAsked, as_box
from lookalike.search.examples import Query


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--set", type=Path, required=True, metavar="DIR")
    parser.add_argument("--photos", type=int, default=1000, help="so many of the originals at most")
    parser.add_argument("--area", type=float, default=0.3, help="share of a photo's area")
    arguments = parser.parse_args()
    truth = json.loads((arguments.set / "ground_truth.json").read_text())
    files = sorted(each["file"] for each in truth["images"] if each["role"] == "original")
    paths = [(arguments.set / "images" / each).resolve() for each in files[: arguments.photos]]
    with (
        tempfile.TemporaryDirectory() as folder,
        Library.open(Path(folder, "store"), create=True) as library,
    ):
        library.index(paths)
        measure(library, paths, arguments.area)


def measure(library: Library, paths: list[Path], area: float) -> None:
    """Print the figures of all photos."""
    crops = []
    for number, path in enumerate(paths):
        picture = decode(path.read_bytes()).image.convert("RGB")
        box = random_box(picture.size, area, random.Random(number))
        cut = picture.crop((box.x, box.y, box.x + box.width, box.y + box.height))
        crops.append((str(path), box, saved(cut), saved(picture)))
    print(f"{len(crops)} photos, crops of {area:.0%} of the area")
    show("pooled only", [(c, ask(library, c[2], None)) for c in crops])
    show("--part", [(c, ask(library, c[2], WHOLE)) for c in crops])

    show("--box of a copy", [(c, ask(library, c[3], as_box(astuple(c[1])))) for c in crops])


def random_box(size: tuple[int, int], area: float, source: random.Random) -> Box:
    """Return a box of that share of the area at a random place."""
    width, height = size
    aspect = width / height
    if source.random() < 0.5:
        aspect = math.exp(source.uniform(math.log(3 / 4), math.log(4 / 3)))
    wide = min(width, math.sqrt(area * width * height * aspect))
    high = min(height, area * width * height / wide)
    wide = min(width, area * width * height / high)
    x, y = source.uniform(0, width - wide), source.uniform(0, height - high)
    return Box(round(x), round(y), int(wide), int(high))


def saved(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def ask(library: Library, data: bytes, box: BoxAsked | None) -> tuple[Answer, float]:
    """Return the answer to a query and the seconds of CPU that it took."""
    began = time.process_time()
    options = SearchOptions(k=10, box=box)
    (answer,) = library.search_many([Query("crop", data=data)], options)
    return answer, time.process_time() - began


def show(name: str, found: list[tuple[tuple[str, Box, bytes, bytes], tuple[Answer, float]]]) -> None:
    """Print how often the right photo came first and among ten, and how well the boxes fit."""
    ranks, overlaps = [], []
    for (path, box, *_), (answer, _) in found:
        places = [n for n, each in enumerate(answer.results) if path in {f.path for f in each.photo.files}]
        ranks.append(places[0] if places else 99)
        if ranks[-1] == 0 and answer.results[0].box is not None:
            overlaps.append(overlap(box, answer.results[0].box))
    first, ten = (float(np.mean(np.array(ranks) < k)) for k in (1, 10))
    cpu = float(np.median([seconds for _, (_, seconds) in found]))
    said = f"{name:16} top-1 {first:.3f}   top-10 {ten:.3f}   {1000 * cpu:.0f} ms CPU a query"
    if overlaps:
        middle, worst = np.median(overlaps), np.quantile(overlaps, 0.1)
        said += f"   overlap of the box: median {middle:.2f}, worst tenth {worst:.2f}"
    print(said, flush=True)


def overlap(a: Box, b: Box) -> float:
    """Return the intersection over the union of two boxes."""
    wide = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    high = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    shared = max(0, wide) * max(0, high)
    return shared / (a.width * a.height + b.width * b.height - shared)


if __name__ == "__main__":
    main()
