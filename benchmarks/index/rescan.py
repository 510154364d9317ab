"""How long the second run takes: nothing has changed, or one folder has moved.

    python benchmarks/index/rescan.py [--files 20000] [--repeat 5]

Draws 50 small JPEGs and copies each many times under other names, in 20 folders: only so is the first run
quick. A second run knows a file by its name, size and times and opens none, so what is in them does not
matter to it. Then in turn, each as a process of its own: walk the tree and take every file's stat, nothing
else; index the unchanged tree; move one folder and index again. The counters of each report are checked.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.processes import LOOKALIKE, Run, run
from lookalike.benchmarks.search.cold_search import print_times
from lookalike.tests.pictures import draw_photo, encode

NEEDS = "nothing"

PICTURES, FOLDERS = 50, 20

WALK = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        os.stat(os.path.join(folder, name))
"""


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="rescan-") as work:
        tree, store = Path(work, "photos"), Path(work, "store")
        count = make_tree(tree, arguments.files)
        index = [*LOOKALIKE, "index", str(tree), "--store", str(store), "--format", "json"]
        first = run(index)
        print(
            f"{count} files in {FOLDERS} folders; first run {first.wall_s:.1f} s, {first.cpu_s:.1f} s CPU\n"
        )
        expect(first, listed=count, unchanged=0, failed=0)
        times: dict[str, list[Run]] = {}
        for turn in range(arguments.repeat):
            for name, taken in one_round(tree, index, count, turn).items():
                times.setdefault(name, []).append(taken)
        print_times(times)
        print("no second run decoded or embedded a photo")


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=5)
    return parser.parse_args()


def make_tree(tree: Path, count: int) -> int:
    """Write about `count` files, as many in each folder; return how many."""
    pictures = [encode(draw_photo(seed, 160, 120)) for seed in range(PICTURES)]
    in_each = count // FOLDERS
    for number in range(FOLDERS):
        folder = tree / f"{number}-0"
        folder.mkdir(parents=True)
        for place in range(in_each):
            (folder / f"IMG_{place:05}.jpg").write_bytes(pictures[(number + place) % PICTURES])
    return in_each * FOLDERS


def one_round(tree: Path, index: list[str], count: int, turn: int) -> dict[str, Run]:
    walked = run([sys.executable, "-c", WALK, str(tree)])
    unchanged = run(index)
    expect(unchanged, listed=count, unchanged=count, embedded=0, recognized=0, failed=0, absent=0)
    moved_files = count // FOLDERS
    # Another folder each time, to a name that the store has not seen.
    shutil.move(
        tree / f"{turn % FOLDERS}-{turn // FOLDERS}", tree / f"{turn % FOLDERS}-{turn // FOLDERS + 1}"
    )
    moved = run(index)
    expect(moved, listed=count, unchanged=count - moved_files, embedded=0, recognized=moved_files, failed=0)
    return {"walk and stat alone": walked, "index, unchanged": unchanged, "index, one folder moved": moved}


def expect(taken: Run, **counters: int) -> None:
    """Stop with an error if a counter of the run's report is another.

    Raises:
        SystemExit: what was expected, and the whole report.
    """
    report: dict[str, Any] = json.loads(taken.output)
    if any(report[name] != value for name, value in counters.items()):
        raise SystemExit(f"expected {counters}, got {report}")


if __name__ == "__main__":
    main()
