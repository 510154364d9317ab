"""What indexing costs beyond decoding: CPU time of a whole `index` run against decoding alone.

    python benchmarks/index/index_cost.py FOLDER... [--larger-than 8] [--limit 24] [--times 4] [--repeat 5]

Takes the JPEGs of more than so many megapixels in the folders, each several times with another last byte,
so that the fixed cost of a run (opening a store, loading the model) is spread as in real life. In turn, in
one process: read and decode each of them at the rule that indexing uses; index them all into a fresh store
(read, hash, decode, thumbnail, embed, commit, snapshot). CPU time of all threads and of the processes that
decode, their start-up included; the best of the repeats of each. The first round is not counted: it fills
the page cache and loads the libraries. Unix only.
"""

import argparse
import resource
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from lookalike import Library
from lookalike.benchmarks.arguments import parser_for
from lookalike.indexer.decode.decode import decode
from lookalike.indexer.embed.embedder import Embedder, default_spec

NEEDS = "photos"


def main() -> None:
    arguments = parse()
    found = find(arguments.folders, arguments.larger_than)[: arguments.limit]
    if not found:
        print(f"skipped: no JPEG of more than {arguments.larger_than:g} megapixels in these folders")
        return
    with tempfile.TemporaryDirectory(prefix="index-cost-") as work:
        photos = copy(found, arguments.times, Path(work) / "photos")
        min_side = Embedder(default_spec()).min_side
        alone, whole = [], []
        for _ in range(arguments.repeat + 1):
            alone.append(cpu_seconds(lambda: decode_all(photos, min_side)))
            whole.append(cpu_seconds(lambda: index(photos, Path(work) / "store")))
    megabytes = sum(path.stat().st_size for path in found) / len(found) / 1e6
    print(f"{len(found)} JPEGs, {megabytes:.2f} MB on average, {arguments.times} times each")
    report(len(found) * arguments.times, alone[1:], whole[1:])


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--larger-than", type=float, default=8, help="megapixels")
    parser.add_argument("--limit", type=int, default=24, help="photos")
    parser.add_argument("--times", type=int, default=4, help="copies of each")
    parser.add_argument("--repeat", type=int, default=5)
    return parser.parse_args()


def find(folders: list[Path], larger_than: float) -> list[Path]:
    """Return the JPEGs of more than so many megapixels, no two with the same bytes."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*.jp*g"))]
    large = [path for path in paths if megapixels(path) > larger_than]
    return list({path.read_bytes(): path for path in large}.values())


def megapixels(path: Path) -> float:
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            return image.width * image.height / 1e6
    except (OSError, UnidentifiedImageError):
        return 0.0


def copy(photos: list[Path], times: int, folder: Path) -> Path:
    """Copy each photo several times, every copy with bytes of its own."""
    folder.mkdir()
    for number, photo in enumerate(photos):
        for turn in range(times):
            (folder / f"{number}-{turn}.jpg").write_bytes(photo.read_bytes() + bytes([turn]))
    return folder


def decode_all(folder: Path, min_side: int) -> None:
    for photo in sorted(folder.iterdir()):
        decode(photo.read_bytes(), min_side=min_side)


def index(folder: Path, store: Path) -> None:
    with Library.open(store, create=True) as library:
        report = library.index([folder])
        assert report.embedded == len(list(folder.iterdir())), report
    shutil.rmtree(store)


def cpu_seconds(call: Callable[[], None]) -> float:
    start = cpu_so_far()
    call()
    return cpu_so_far() - start


def cpu_so_far() -> float:
    """Return the CPU time of this process and of all that it started and that have ended."""
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def report(count: int, alone: list[float], whole: list[float]) -> None:
    ratios = sorted(w / a for w, a in zip(whole, alone, strict=True))
    print(f"decoding alone   {min(alone) / count * 1000:8.1f} ms CPU per photo")
    print(f"whole index run  {min(whole) / count * 1000:8.1f} ms CPU per photo")
    print(f"ratio            {min(whole) / min(alone):8.2f}")
    print(f"per round        {statistics.median(ratios):8.2f} in the median")


if __name__ == "__main__":
    main()
