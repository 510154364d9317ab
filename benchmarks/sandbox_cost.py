"""What decoding in processes of its own costs an index run: the same run with and without them.

    python benchmarks/sandbox_cost.py FOLDER... [--at-least 8] [--resize 12] [--times 4] [--repeat 5]

Takes the JPEGs of at least so many megapixels, each several times with another last byte; `--resize N`
brings them to N megapixels first. In turn: index them into a fresh store with processes,
and within one process. CPU time is that of the command and of all it started; so is the memory,
in a round of its own that is not timed. Every run is a fresh process with its start-up. Unix only.
"""

import argparse
import io
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from lookalike.benchmarks.processes import LOOKALIKE, Run, run

# The command line as it is, but for the place where it decodes.
AT_HOME = """
import sys
from lookalike import cli
from lookalike.indexer.sandbox import pool
def no_process(*_): raise OSError("not wanted")
pool.WorkerProcess = no_process
sys.argv[0] = "lookalike"
cli.main()
"""
WAYS = {"processes": LOOKALIKE, "threads": (LOOKALIKE[0], "-c", AT_HOME)}


def main() -> None:
    arguments = parse()
    found = find(arguments.folders, arguments.at_least)[: arguments.limit]
    if not found:
        print(f"skipped: no JPEG of at least {arguments.at_least:g} megapixels in these folders")
        return
    with tempfile.TemporaryDirectory(prefix="sandbox-cost-") as work:
        photos, store = Path(work, "photos"), Path(work, "store")
        write(found, arguments.times, arguments.resize, photos)
        watched = {way: index(way, photos, store, watch=True) for way in WAYS}
        rounds = [{way: index(way, photos, store) for way in WAYS} for _ in range(arguments.repeat)]
        count = len(list(photos.iterdir()))
    report(count, rounds, watched)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--at-least", type=float, default=8, help="megapixels")
    parser.add_argument("--resize", type=float, default=0, help="megapixels; 0: as they are")
    parser.add_argument("--limit", type=int, default=24, help="photos")
    parser.add_argument("--times", type=int, default=4, help="copies of each")
    parser.add_argument("--repeat", type=int, default=5)
    return parser.parse_args()


def find(folders: Sequence[Path], at_least: float) -> list[bytes]:
    """Return the JPEGs of at least so many megapixels, each content once."""
    paths = (path for folder in folders for path in sorted(folder.rglob("*.jp*g")))
    return list(dict.fromkeys(path.read_bytes() for path in paths if megapixels(path) >= at_least))


def megapixels(path: Path) -> float:
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            return image.width * image.height / 1e6
    except (OSError, UnidentifiedImageError):
        return 0.0


def write(photos: Sequence[bytes], times: int, size: float, folder: Path) -> None:
    """Write each photo several times, every copy with bytes of its own."""
    folder.mkdir()
    for number, photo in enumerate(photos):
        data = resized(photo, size) if size else photo
        for turn in range(times):
            (folder / f"{number}-{turn}.jpg").write_bytes(data + bytes([turn]))


def resized(photo: bytes, size: float) -> bytes:
    with Image.open(io.BytesIO(photo), formats=["JPEG"]) as image:
        scale = (size * 1e6 / (image.width * image.height)) ** 0.5
        sides = round(image.width * scale), round(image.height * scale)
        out = io.BytesIO()
        image.convert("RGB").resize(sides, Image.Resampling.BICUBIC).save(out, "JPEG", quality=92)
        return out.getvalue()


def index(way: str, photos: Path, store: Path, *, watch: bool = False) -> Run:
    shutil.rmtree(store, ignore_errors=True)
    return run([*WAYS[way], "index", str(photos), "--store", str(store)], watch=watch)


def report(count: int, rounds: Sequence[dict[str, Run]], watched: dict[str, Run]) -> None:
    print(f"{count} files, {len(rounds)} rounds")
    print("| decoding in | CPU ms a photo, best | median | wall ms, best | median | memory MiB |")
    print("|---|---|---|---|---|---|")
    for way in WAYS:
        cells = []
        for clock in ("cpu_s", "wall_s"):
            times = [getattr(each[way], clock) / count * 1000 for each in rounds]
            cells += [f"{min(times):.1f}", f"{statistics.median(times):.1f}"]
        print(f"| {way} | " + " | ".join([*cells, str(watched[way].peak_bytes >> 20)]) + " |")
    for clock in ("cpu_s", "wall_s"):
        ratios = [getattr(each["processes"], clock) / getattr(each["threads"], clock) for each in rounds]
        best = [min(getattr(each[way], clock) for each in rounds) for way in WAYS]
        print(f"{clock}: processes take {best[0] / best[1]:.3f} of threads by the best, ", end="")
        print(f"{statistics.median(ratios):.3f} in the median of the rounds")


if __name__ == "__main__":
    main()
