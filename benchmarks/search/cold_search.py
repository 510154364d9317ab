"""How long one command takes as a fresh process: help, status, a search with onnx and with torch.

    python benchmarks/search/cold_search.py FOLDER... [--photos 1000] [--repeat 7]

Up to N photos of the folders are copied and indexed. The query is nine tenths of the largest file in the
folders, saved anew: it is not in the library, so it is decoded and embedded. The commands then run in turn,
each as a process of its own, so that a busy machine hurts all alike; beside them one that only imports
the libraries a search cannot do without. The first round is not counted: files are in the page cache, as on
any day but the first. Wall time is what a user waits for; CPU time is that of a process with all its
threads. Unix only, for the CPU time.

Also checked: both engines find the same photos, and a search by default never imports torch.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.processes import LOOKALIKE, Run, run

NEEDS = "photos"

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="cold-search-") as work:
        library, query, store = Path(work, "photos"), Path(work, "query.jpg"), Path(work, "store")
        photos = find(arguments.folders)
        copy(photos[: arguments.photos], library)
        size = make_query(photos, query)
        run([*LOOKALIKE, "index", str(library), "--store", str(store)])
        print(f"{describe(store)}; {arguments.photos} were asked for; a query of {size}\n")
        commands = commands_for(store, query)
        report(rounds(commands, arguments.repeat))
        check(commands)


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--photos", type=int, default=1000, help="photos in the library, at most")
    parser.add_argument("--repeat", type=int, default=7)
    return parser.parse_args()


def find(folders: Iterable[Path]) -> list[Path]:
    """Return all image files."""
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    photos = [path for path in files if path.suffix.lower() in SUFFIXES]
    if not photos:
        raise SystemExit(f"no image files in {', '.join(map(str, folders))}")
    return photos


def copy(photos: Sequence[Path], folder: Path) -> None:
    folder.mkdir()
    for number, photo in enumerate(photos):
        shutil.copyfile(photo, folder / f"{number}{photo.suffix}")


def make_query(photos: Iterable[Path], target: Path) -> str:
    """Save nine tenths of the largest file as a new photo, and return its size in words."""
    largest = max(photos, key=lambda path: path.stat().st_size)
    with Image.open(largest) as image:
        picture = ImageOps.exif_transpose(image).convert("RGB")
    width, height = picture.width * 9 // 10, picture.height * 9 // 10
    picture.crop((0, 0, width, height)).save(target, quality=90)
    return f"{width * height / 1e6:.1f} megapixels, {target.stat().st_size / 1e6:.1f} MB"


def describe(store: Path) -> str:
    status = json.loads(run([*LOOKALIKE, "status", "--store", str(store), "--format", "json"]).output)
    return f"a library of {status['photos']} photos in {status['files']['present']} files"


def commands_for(store: Path, query: Path) -> dict[str, list[str]]:
    search = [*LOOKALIKE, "search", str(query), "--store", str(store), "--format", "json"]
    return {
        "imports alone": [sys.executable, "-c", "import numpy, faiss, onnxruntime, sqlalchemy"],
        "lookalike --help": [*LOOKALIKE, "--help"],
        "lookalike status": [*LOOKALIKE, "status", "--store", str(store)],
        "lookalike search": [*search, "--engine", "onnx"],
        "lookalike search --engine torch": [*search, "--engine", "torch"],
    }


def rounds(commands: Mapping[str, Sequence[str]], repeat: int) -> dict[str, list[Run]]:
    """Run the commands in turn, one more time than asked for, and return all but the first round."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(repeat + 1):
        for name, command in commands.items():
            runs[name].append(run(command))
    return {name: taken[1:] for name, taken in runs.items()}


def report(runs: Mapping[str, Sequence[Run]]) -> None:
    print_times(runs)
    onnx, torch = runs["lookalike search"], runs["lookalike search --engine torch"]
    for clock in ("wall_s", "cpu_s"):
        pairs = zip(onnx, torch, strict=True)
        ratio = statistics.median(getattr(b, clock) / getattr(a, clock) for a, b in pairs)
        print(f"torch takes {ratio:.1f} times as long as onnx ({clock}, median of the rounds)")


def print_times(runs: Mapping[str, Sequence[Run]]) -> None:
    """Print the best and the median of each command as a table."""
    print("| command | wall s, best | median | CPU s, best | median |")
    print("|---|---|---|---|---|")
    for name, taken in runs.items():
        wall, cpu = [each.wall_s for each in taken], [each.cpu_s for each in taken]
        cells = (min(wall), statistics.median(wall), min(cpu), statistics.median(cpu))
        print(f"| `{name}` | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")
    print()


def check(commands: Mapping[str, Sequence[str]]) -> None:
    """Stop with an error if the engines disagree, or if a search by default imports torch."""
    onnx, torch = commands["lookalike search"], commands["lookalike search --engine torch"]
    by_onnx, by_torch = (results(run(command).output) for command in (onnx, torch))
    if [result["id"] for result in by_onnx] != [result["id"] for result in by_torch]:
        raise SystemExit("the engines do not find the same photos")
    apart = max(abs(a["score"] - b["score"]) for a, b in zip(by_onnx, by_torch, strict=True))
    print(
        f"both engines: the same {len(by_onnx)} photos in the same order, scores {apart:.6f} apart at most"
    )
    default = [word for word in onnx if word not in ("--engine", "onnx")]
    if imports_torch(default) or not imports_torch(torch):
        raise SystemExit("a search by default imports torch, or the check does not see it")
    print("a search by default imports no module of torch")


def results(output: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(output)["queries"][0]["results"]
    return found


def imports_torch(command: Sequence[str]) -> bool:
    """Say whether Python's own list of imports of this command names torch."""
    traced = [command[0], "-X", "importtime", *command[1:]]
    done = subprocess.run(traced, capture_output=True, text=True, check=True)
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    return "torch" in modules


if __name__ == "__main__":
    main()
