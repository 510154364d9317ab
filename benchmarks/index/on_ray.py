"""What it costs to run units on Ray, beside one process that does the same.

    python benchmarks/index/on_ray.py FOLDER [--unit-size 50] [--repeat 1]

Plans the photos once, then in turn: `lookalike bulk run` in one process, and `--ray local`, an actor for
each core, with all that Ray starts. CPU time is that of every process, looked at ten times a second, those
that nobody waits for as well (Linux). The rows of the units must be the same.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.processes import LOOKALIKE, CpuTime, Run, run
from lookalike.bulk.dataset import DataSet
from lookalike.bulk.results import footers

NEEDS = "photos"

KINDS = {"one process": (), "Ray, local": ("--ray", "local")}


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="on-ray-") as work:
        planned = Path(work, "planned")
        run([*LOOKALIKE, "bulk", "plan", *arguments.folders, *options(planned, arguments.unit_size)])
        print(f"{'':14}{'wall s':>8}{'CPU s':>8}   load")
        costs: dict[str, list[float]] = {name: [] for name in KINDS}
        rows = []
        for turn in range(arguments.repeat):
            for name, where in KINDS.items():
                folder = shutil.copytree(planned, Path(work, f"{turn} {name}"))
                taken, cpu_s = measured([*LOOKALIKE, "bulk", "run", str(folder), *where])
                costs[name].append(cpu_s)
                rows.append(digests(folder))
                print(f"{name:14}{taken.wall_s:8.1f}{cpu_s:8.1f}   {os.getloadavg()[0]:.1f}", flush=True)
        if any(each != rows[0] for each in rows):
            sys.exit("the rows differ")
        one, ray = (sum(each) / arguments.repeat for each in costs.values())
        print(
            f"{len(rows[0])} units, the same rows; Ray took {ray - one:.1f} CPU s more, {ray / one:.2f} x"
        )


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--unit-size", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=1)
    return parser.parse_args()


def options(folder: Path, unit_size: int) -> list[str]:
    return ["--to", str(folder), "--unit-size", str(unit_size)]


def measured(command: list[str]) -> tuple[Run, float]:
    """Return what a command took, and the CPU time of all that ran for it."""
    watch = CpuTime()
    taken = run(command)
    return taken, watch.total()


def digests(folder: Path) -> list[str]:
    """Return the digest of the rows of each unit."""
    data = DataSet.open(str(folder))
    return [each.rows for each in footers(data, data.units.names())]


if __name__ == "__main__":
    main()
