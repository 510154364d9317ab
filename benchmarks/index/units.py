"""What units cost: CPU time of `bulk plan`, `run` and `import` against that of `index` on the same photos.

    python benchmarks/index/units.py FOLDER... [--limit 2000] [--unit-size 2000] [--repeat 3]

Copies so many files of the folders, spread over all of them, into one. Then, in turns: `index` into a
fresh store; the three commands into a fresh data set and store. Each is a process of its own; its CPU time
is that of all that it started, too. The two libraries are compared: every content, vector and map.
Needs the extra `bulk`. Unix only.
"""

import argparse
import os
import shutil
import sqlite3
import statistics
import tempfile
from contextlib import closing
from pathlib import Path

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.processes import LOOKALIKE, run

NEEDS = "photos"

_KEPT = (
    "SELECT digest, norm, vector FROM embedding JOIN content ON content.id = content_id ORDER BY digest",
    "SELECT digest, kind, cells FROM local_map JOIN content ON content.id = content_id ORDER BY digest",
    "SELECT rel, file.size, mtime_ns, state, error, digest FROM file"
    " LEFT JOIN content ON content.id = content_id ORDER BY rel",
)


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="units-") as name:
        work = Path(name)
        count = copy(arguments.folders, arguments.limit, work / "photos")
        rounds = [one_round(work, arguments.unit_size) for _ in range(arguments.repeat)]
    print(f"{count} files, load {os.getloadavg()[0]:.1f}; CPU seconds, in turns")
    print(f"{'index':>8} {'plan':>8} {'run':>8} {'import':>8} {'ratio':>8}")
    for each in rounds:
        print(" ".join(f"{seconds:8.1f}" for seconds in each), f"{ratio(each):8.3f}")
    print(f"ratio in the median {statistics.median(map(ratio, rounds)):.3f}; the libraries are equal")


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=2000, help="files")
    parser.add_argument("--unit-size", type=int, default=2000, help="files of a unit")
    parser.add_argument("--repeat", type=int, default=3)
    return parser.parse_args()


def copy(folders: list[Path], limit: int, target: Path) -> int:
    """Copy files under names of their own; return how many."""
    found = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    target.mkdir()
    chosen = found[:: max(1, len(found) // limit)][:limit]
    for number, path in enumerate([*chosen, *[each for each in found if each not in chosen]][:limit]):
        shutil.copy2(path, target / f"{number:06}{path.suffix}")
    return len(os.listdir(target))


def one_round(work: Path, unit_size: int) -> list[float]:
    """Return the CPU seconds of index, plan, run and import."""
    photos, indexed, data, imported = (work / each for each in ("photos", "indexed", "set", "imported"))
    calls = [
        ["index", photos, "--store", indexed],
        ["bulk", "plan", photos, "--to", data, "--unit-size", unit_size],
        ["bulk", "run", data],
        ["bulk", "import", data, "--store", imported],
    ]
    seconds = [run([*LOOKALIKE, *map(str, call)]).cpu_s for call in calls]
    if any(rows(indexed, question) != rows(imported, question) for question in _KEPT):
        raise SystemExit("the two libraries differ")
    for each in (indexed, data, imported):
        shutil.rmtree(each)
    return seconds


def rows(store: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{store}/catalog.db?mode=ro", uri=True)) as catalog:
        return catalog.execute(question).fetchall()


def ratio(seconds: list[float]) -> float:
    return sum(seconds[1:]) / seconds[0]


if __name__ == "__main__":
    main()
