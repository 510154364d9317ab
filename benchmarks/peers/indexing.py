"""Embeddings of a whole folder by lookalike and by other programs: in turns, on the same files.

    python benchmarks/peers/indexing.py FOLDER... [--times 12] [--repeat 3] [--only decoding ...]

Two sets are made of the JPEGs in the folders: those of at least 8 megapixels, each so many times with
another last byte, and those of at most 1 megapixel, each once. In turn, each as a fresh process:
`lookalike index` into a new store (read, hash, decode, thumbnail, metadata, embed, commit, write the
index); reading and decoding alone at the same reduced size, on a thread for each core; the package
imagededup with its own MobileNetV3-small and with our MobileNetV2, without and with two loaders; and a
loop over torchvision that decodes in full. See loops.py for each of them. imagededup gets an
environment of its own on first use; --python names the interpreter of one that is there already.

Of lookalike the whole command counts, start-up included; of the others also their loop alone ("loop"). CPU
time is that of the whole tree of processes. Memory is measured in a round of its own, which is not timed
and fills the page cache. Linux only.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from site import getsitepackages

import numpy as np

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.index.index_cost import megapixels
from lookalike.benchmarks.peers.environments import ENVIRONMENTS, PEERS, interpreter
from lookalike.benchmarks.peers.loops import MIN_SIDE
from lookalike.benchmarks.processes import LOOKALIKE, Run, run
from lookalike.indexer.decode.decode import decode
from lookalike.indexer.embed.embedder import Embedder, default_spec

NEEDS = "photos, other tools"

LOOPS = Path(__file__).with_name("loops.py")
OURS = "lookalike"
LARGE, SMALL = 8, 1  # megapixels, at least and at most
PATIENCE_S = 3600
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Other:
    """Another program.

    loop: its name in loops.py. workers: threads or loaders. peer: whose environment it needs.
    """

    loop: str
    workers: int = 0
    peer: str | None = None


OTHERS = {
    "decoding": Other("decoding", CORES),
    "imagededup-0": Other("imagededup", 0, "imagededup-cnn"),
    "imagededup-2": Other("imagededup", 2, "imagededup-cnn"),
    "imagededup-same-0": Other("imagededup-same", 0, "imagededup-cnn"),
    "imagededup-same-2": Other("imagededup-same", 2, "imagededup-cnn"),
    "torchvision": Other("torchvision"),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What one program took for a set. loop_s: from its first file to its last vector, by its own clock."""

    whole: Run
    loop_s: float


def main() -> None:
    arguments = parse()
    assert Embedder(default_spec()).min_side == MIN_SIDE, "decoding alone must decode as indexing does"
    photos = find(arguments.folders)
    large = [path for path, size in photos.items() if size >= LARGE]
    small = [path for path, size in photos.items() if size <= SMALL]
    for title, paths, times in (
        (f"JPEGs of at least {LARGE} megapixels", large[: arguments.limit], arguments.times),
        (f"JPEGs of at most {SMALL} megapixel", small[: arguments.limit_small], 1),
    ):
        if not paths:
            print(f"skipped: no {title} in these folders")
            continue
        print(f"lowest cosine to the embedding of the full decode: {lowest_cosine(paths):.5f}")
        with tempfile.TemporaryDirectory(prefix="index-peers-") as work:
            folder = write(paths, times, Path(work, "photos"))
            measure(title, folder, Path(work), arguments)


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--times", type=int, default=12, help="copies of each large photo")
    parser.add_argument("--limit", type=int, default=40, help="large photos")
    parser.add_argument("--limit-small", type=int, default=1000, help="small photos")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=OTHERS, default=[*OTHERS], help="beside lookalike")
    parser.add_argument("--python", action="append", default=[], metavar="TOOL=PATH")
    parser.add_argument(
        "--environments", type=Path, default=ENVIRONMENTS, help="where they are made and kept"
    )
    return parser.parse_args()


def find(folders: Iterable[Path]) -> dict[Path, float]:
    """Return the JPEGs and their megapixels, no two with the same bytes."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*.jp*g"))]
    unlike = {path.read_bytes(): path for path in reversed(paths)}.values()
    return {path: megapixels(path) for path in sorted(unlike) if megapixels(path) > 0}


def lowest_cosine(paths: Iterable[Path]) -> float:
    """Return how far at most the reduced decode moves an embedding."""
    embedder = Embedder(default_spec())
    lowest = 1.0
    for path in paths:
        data = path.read_bytes()
        both = [decode(data, min_side=side).image for side in (MIN_SIDE, 0)]
        a, b = embedder.embed([embedder.prepare(picture) for picture in both]).astype(np.float64)
        lowest = min(lowest, float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    return lowest


def write(paths: Sequence[Path], times: int, folder: Path) -> Path:
    """Copy each photo several times, every copy with bytes of its own."""
    folder.mkdir()
    for number, path in enumerate(paths):
        for turn in range(times):
            (folder / f"{number:04}-{turn:03}.jpg").write_bytes(path.read_bytes() + bytes([turn]))
    return folder


def measure(title: str, folder: Path, work: Path, arguments: argparse.Namespace) -> None:
    names = [OURS, *arguments.only]
    memory = {name: take(name, folder, work, arguments, watch=True).whole.peak_bytes for name in names}
    rounds = [
        {name: take(name, folder, work, arguments) for name in names} for _ in range(arguments.repeat)
    ]
    files = list(folder.iterdir())
    megabytes = sum(file.stat().st_size for file in files) / len(files) / 1e6
    print(f"{title}: {len(files)} files of {megabytes:.2f} MB, {CORES} cores, {len(rounds)} rounds\n")
    report(len(files), rounds, memory)


def take(
    name: str, folder: Path, work: Path, arguments: argparse.Namespace, *, watch: bool = False
) -> Taken:
    """Run one program over a folder.

    Raises:
        SystemExit: it failed, or left out photos.
    """
    taken, photos = (
        take_ours(folder, work, watch)
        if name == OURS
        else take_other(OTHERS[name], folder, work, arguments, watch)
    )
    expected = len(list(folder.iterdir()))
    if photos != expected:
        raise SystemExit(f"{name} did {photos} of {expected} photos")
    return taken


def take_ours(folder: Path, work: Path, watch: bool) -> tuple[Taken, int]:
    store = work / "store"
    shutil.rmtree(store, ignore_errors=True)
    whole = run([*LOOKALIKE, "index", str(folder), "--store", str(store), "--format", "json"], watch=watch)
    said = json.loads(whole.output)
    return Taken(whole, said["seconds"]), said["embedded"]


def take_other(
    other: Other, folder: Path, work: Path, arguments: argparse.Namespace, watch: bool
) -> tuple[Taken, int]:
    python, lent = LOOKALIKE[0], list[str]()
    if other.peer:
        python = interpreter(PEERS[other.peer], arguments.environments, arguments.python)
        lent = getsitepackages()
    told = work / "answer.json"
    home = {"HOME": str(work), "XDG_CACHE_HOME": str(work), "XDG_CONFIG_HOME": str(work)}
    command = [python, str(LOOPS), other.loop, str(folder), str(told), str(other.workers), *lent]
    whole = run(command, watch=watch, env=home, cwd=work, patience_s=PATIENCE_S)
    said = json.loads(told.read_text())
    return Taken(whole, said["seconds"]), said["photos"]


def report(count: int, rounds: Sequence[Mapping[str, Taken]], memory: Mapping[str, int]) -> None:
    print("| program | photos/s, best | median | loop, best | CPU ms a photo, best | median | MiB |")
    print("|---|---|---|---|---|---|---|")
    for name, most in memory.items():
        runs = [each[name] for each in rounds]
        walls, cpus = [each.whole.wall_s for each in runs], [each.whole.cpu_s for each in runs]
        rates = [count / min(walls), count / statistics.median(walls), count / min(e.loop_s for e in runs)]
        spent = [min(cpus) / count * 1000, statistics.median(cpus) / count * 1000]
        cells = [*(f"{each:.1f}" for each in (*rates, *spent)), str(most >> 20)]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("\n| lookalike against | whole runs, wall | our whole run, their loop | CPU |")
    print("|---|---|---|---|")
    for name in list(memory)[1:]:
        # Of each round, so that what else ran meanwhile weighs on both; the median of the rounds.
        pairs = [(each[name], each[OURS]) for each in rounds]
        ratios = (
            statistics.median(theirs.whole.wall_s / ours.whole.wall_s for theirs, ours in pairs),
            statistics.median(theirs.loop_s / ours.whole.wall_s for theirs, ours in pairs),
            statistics.median(theirs.whole.cpu_s / ours.whole.cpu_s for theirs, ours in pairs),
        )
        print(f"| {name} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")
    print()


if __name__ == "__main__":
    main()
