"""How often does the photo that a part comes from come first, and what does that cost.

    region_search.py --set DIR [--photos N] [--area 0.3] [--skip 0] [--seed 0] [--aspect 1.33]
    region_search.py --set DIR --scale 100000

DIR: a folder with `images/` and a `ground_truth.json` that lists `images` with `file` and `role`. The
originals are indexed into a store of their own. Of each but the first `--skip` a part of so much of its
area is cut at a random place, half of them with the photo's aspect and half with one between `--aspect`
and its inverse, and saved as a JPEG of quality 90. Printed is how often its photo comes first: by the plain
search, by `--part`, and, for a copy of the photo saved at quality 90 that is not in the library, by
`--box`; with the overlap (intersection over union) of the box that was found.

With `--scale` a library of so many made-up photos is written instead: embeddings by mixtures.py, local maps
those of the originals mixed two by two and with noise. A fresh process asks it by parts of originals, one
after the other; printed are seconds of the first query, which reads the maps, and of the others, and the
memory; and the same of a whole `lookalike search --part`.
"""

import argparse
import json
import math
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import astuple
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.processes import LOOKALIKE, run
from lookalike.benchmarks.search.made_store import add_maps, add_photos
from lookalike.benchmarks.search.mixtures import Mixtures
from lookalike.indexer.decode.decode import decode
from lookalike.indexer.embed.embedder import default_spec
from lookalike.indexer.embed.local_maps import map_kind
from lookalike.library import Library
from lookalike.search.answers import Answer
from lookalike.search.regions.boxes import WHOLE, Box, RequestedBox, as_box
from lookalike.search.request import SearchRequest
from lookalike.store.catalog.embeddings import vectors_since
from lookalike.store.catalog.local_maps import MapsOfShape, read_maps
from lookalike.store.records import LocalMap
from lookalike.store.store import Store

NEEDS = "known copies"

QUERIES = 20


def main() -> None:
    arguments = parse()
    if arguments.ask:
        print(json.dumps(answer_times(arguments.ask)))
        return
    truth = json.loads((arguments.set / "ground_truth.json").read_text())
    files = sorted(each["file"] for each in truth["images"] if each["role"] == "original")
    paths = [(arguments.set / "images" / each).resolve() for each in files[: arguments.photos]]
    with tempfile.TemporaryDirectory(prefix="region-search-") as folder:
        with Library.open(Path(folder, "store"), create=True) as library:
            library.index(paths)
            if not arguments.scale:
                measure(library, paths, arguments)
        if arguments.scale:
            measure_scale(Path(folder), paths, arguments)


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("--set", type=Path, metavar="DIR")
    parser.add_argument("--photos", type=int, default=1000, help="so many of the originals at most")
    parser.add_argument("--area", type=float, default=0.3, help="share of a photo's area")
    parser.add_argument("--skip", type=int, default=0, help="ask nothing of so many, the first")
    parser.add_argument("--seed", type=int, default=0, help="other places and aspects")
    parser.add_argument("--aspect", type=float, default=4 / 3, help="of the longest parts")
    parser.add_argument("--scale", type=int, default=0, help="made-up photos")
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not (arguments.set or arguments.ask):
        parser.error("--set is missing")
    return arguments


def measure(library: Library, paths: list[Path], arguments: argparse.Namespace) -> None:
    """Print the figures of all photos but the first."""
    crops = [
        cut(path, arguments, arguments.seed * 1_000_003 + number)
        for number, path in enumerate(paths)
        if number >= arguments.skip
    ]
    print(f"{len(crops)} photos, crops of {arguments.area:.0%} of the area")
    show("pooled only", [(c, ask(library, c[2], None)) for c in crops])
    show("--part", [(c, ask(library, c[2], WHOLE)) for c in crops])
    show("--box of a copy", [(c, ask(library, c[3], as_box(astuple(c[1])))) for c in crops])


def cut(path: Path, arguments: argparse.Namespace, seed: int) -> tuple[str, Box, bytes, bytes]:
    """Return a photo's path, a box, the part in it and the whole photo, both saved anew."""
    picture = decode(path.read_bytes()).image.convert("RGB")
    box = random_box(picture.size, arguments.area, arguments.aspect, random.Random(seed))
    part = picture.crop((box.x, box.y, box.x + box.width, box.y + box.height))
    return str(path), box, saved(part), saved(picture)


def random_box(size: tuple[int, int], area: float, most: float, source: random.Random) -> Box:
    """Return a box of that share of the area at a random place."""
    width, height = size
    aspect = width / height
    if source.random() < 0.5:
        aspect = math.exp(source.uniform(-math.log(most), math.log(most)))
    wide = min(width, math.sqrt(area * width * height * aspect))
    high = min(height, area * width * height / wide)
    wide = min(width, area * width * height / high)
    x, y = source.uniform(0, width - wide), source.uniform(0, height - high)
    return Box(round(x), round(y), int(wide), int(high))


def saved(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def ask(library: Library, data: bytes, box: RequestedBox | None) -> tuple[Answer, float]:
    """Return the answer to a query and the seconds of CPU that it took."""
    began = time.process_time()
    request = SearchRequest(examples=[data], box=box, with_labels=False)
    (answer,) = library.searches.answers(request)
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


# --- a large library ------------------------------------------------------------------------------------


def measure_scale(work: Path, paths: list[Path], arguments: argparse.Namespace) -> None:
    """Make a large library and print what it takes to ask it."""
    kind, large = map_kind(default_spec()), work / "large"
    with Store.open(work / "store") as store, store.reading() as view:
        real = np.concatenate([units for _, units in vectors_since(view, 0)]).astype(np.float32)
        shapes = read_maps(view, kind)
    with Store.open(large, create=True) as store:
        store.use_spec(default_spec())
        add_photos(store, Mixtures(real).blocks(arguments.scale))
        add_maps(store, made_maps(shapes, arguments.scale, kind))
        store.publish()
    for number, path in enumerate(paths[:QUERIES]):
        (work / f"query-{number:02}.jpg").write_bytes(cut(path, arguments, number)[2])
    done = run([sys.executable, __file__, "--ask", str(large)], watch=True)
    told = json.loads(done.output)
    print(
        f"{arguments.scale} photos: first query {said(told['first'])}; then {said(told['then'])} in the "
        f"median, {said(told['worst'])} at most; {told['before_mb']} MB before, {told['peak_mb']} MB after"
    )
    command = [*LOOKALIKE, "search", str(work / "query-00.jpg"), "--store", str(large)]
    for name, asked in (("plain", command), ("--part", [*command, "--part"])):
        best = min((run(asked, watch=True) for _ in range(3)), key=lambda each: each.cpu_s)
        print(f"command, {name}: {said((best.wall_s, best.cpu_s))}, {best.peak_bytes >> 20} MiB")


def said(seconds: tuple[float, float]) -> str:
    return f"{seconds[0]:.2f} s ({seconds[1]:.2f} s CPU)"


def made_maps(shapes: list[MapsOfShape], count: int, kind: int) -> Iterator[LocalMap]:
    """Yield maps that are like those of real photos, and none like another."""
    source = np.random.default_rng(0)
    shares = np.array([len(each.ids) for each in shapes]) / sum(len(each.ids) for each in shapes)
    for _ in range(count):
        of_shape = shapes[source.choice(len(shapes), p=shares)].cells
        one, other = of_shape[source.integers(len(of_shape), size=2)].astype(np.float32)
        mixed = one + 0.5 * other + source.normal(0, 10, one.shape)
        mixed *= 127 / np.maximum(np.linalg.norm(mixed, axis=-1, keepdims=True), 1e-6)
        yield LocalMap(kind, np.asarray(np.round(mixed), np.int8))


def answer_times(folder: Path) -> dict[str, object]:
    """Ask a library by all queries beside it; return (wall, CPU) seconds, and memory."""
    files = sorted(folder.parent.glob("query-*.jpg"))
    with Library.open(folder) as library:
        # Model, vectors and what else a plain search reads are not what is asked for here.
        library.search(files[0], with_labels=False)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        times = []
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in library.searches.answers(SearchRequest(examples=files, part=True, with_labels=False)):
            times.append((time.perf_counter() - wall, time.process_time() - cpu))
            wall, cpu = time.perf_counter(), time.process_time()
    return {
        "first": times[0],
        "then": [float(each) for each in np.median(times[1:], axis=0)],
        "worst": max(times[1:], key=lambda each: each[1]),
        "before_mb": before,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


if __name__ == "__main__":
    main()
