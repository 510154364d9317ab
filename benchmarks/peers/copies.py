"""Copies found by lookalike and by other tools: in one run, on the same pictures, each with its defaults.

    python benchmarks/peers/copies.py SET [--tools lookalike czkawka ...] [--python TOOL=PATH ...]

SET holds images/ and ground_truth.json (see copies/truth.py); copies/edits_recipe.py --keep makes one.
Each tool runs as a process of its own, in an environment of its own, made on first use from the pinned list
in benchmarks/peers/; --python names the interpreter of one that is there already. imagededup is lent torch
and torchvision from the environment that runs this, and immaculate needs a python3.12 on the PATH. Caches
and settings go to a folder that is thrown away. What a tool presents as a group is closed to pairs. A tool
that cannot be installed or fails stands at the end, with the reason. With --repeat, tools run in turn and
the least times are shown. --answers DIR keeps what each tool said.

CPU seconds are of the whole tree of processes. Memory: see processes.py. Linux only.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from site import getsitepackages

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.copies.answers import Answer, ask_lookalike, pairs_below
from lookalike.benchmarks.copies.truth import Score, Truth, read_truth, score
from lookalike.benchmarks.peers.environments import ENVIRONMENTS, PEERS, interpreter
from lookalike.benchmarks.processes import run

NEEDS = "known copies, other tools"

ADAPTERS = Path(__file__).with_name("adapters.py")
OURS = "lookalike"
PATIENCE_S = 3600


def main() -> None:
    arguments = parse()
    truth = read_truth(arguments.set)
    answers: dict[str, list[Answer]] = {name: [] for name in arguments.tools}
    failures: dict[str, str] = {}
    for _ in range(arguments.repeat):
        for name in arguments.tools:
            try:
                answers[name].append(ask(name, truth.images, arguments))
            except SystemExit as error:
                failures[name] = str(error)
            print(f"{name}: {failures.get(name, 'done')}", file=sys.stderr)
    print_table(truth, {name: runs for name, runs in answers.items() if runs})
    for name, reason in failures.items():
        print(f"\n{name} failed: {reason}")


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("set", type=Path)
    parser.add_argument("--tools", nargs="+", choices=[OURS, *PEERS], default=[OURS, *PEERS])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--python", action="append", default=[], metavar="TOOL=PATH")
    parser.add_argument(
        "--environments", type=Path, default=ENVIRONMENTS, help="where they are made and kept"
    )
    parser.add_argument(
        "--answers", type=Path, metavar="DIR", help="keep the answers as JSON in this folder"
    )
    return parser.parse_args()


def ask(name: str, images: Path, arguments: argparse.Namespace) -> Answer:
    """Ask a tool anew, with nothing left from earlier runs.

    Raises:
        SystemExit: it cannot be installed, or fails.
    """
    with tempfile.TemporaryDirectory(prefix="peers-") as work:
        if name == OURS:
            answer = ask_lookalike(images, Path(work, "store"))
        else:
            answer = ask_peer(
                name,
                interpreter(PEERS[name], arguments.environments, arguments.python),
                images.resolve(),
                Path(work),
            )
    if arguments.answers:
        arguments.answers.mkdir(parents=True, exist_ok=True)
        (arguments.answers / f"{name}.json").write_text(json.dumps(sorted(answer.pairs)))
    return answer


def ask_peer(name: str, python: str, images: Path, work: Path) -> Answer:
    lent = getsitepackages() if PEERS[name].borrows else []
    told = work / "answer.json"
    home = {"HOME": str(work), "XDG_CACHE_HOME": str(work), "XDG_CONFIG_HOME": str(work)}
    # fastdup reports to its makers unless told not to.
    quiet = {"SENTRY_OPT_OUT": "1"}
    command = [python, str(ADAPTERS), name, str(images), str(told), *lent]
    step = run(command, watch=True, env=home | quiet, cwd=work, patience_s=PATIENCE_S)
    answer = json.loads(told.read_text())
    return Answer(f"{name} {answer['version']}", pairs_below(images, answer["groups"]), {name: step})


def print_table(truth: Truth, answers: dict[str, list[Answer]]) -> None:
    tiers = ["all", *sorted({copy.tier for copy in truth.copies})]
    columns = ["tool", *tiers, "all pairs", "precision", "false pairs", "must not be joined"]
    print("| " + " | ".join([*columns, "wall s", "CPU s", "MiB"]) + " |")
    print("|" + "---|" * (len(columns) + 3))
    for runs in answers.values():
        print(
            "| "
            + " | ".join([runs[0].version, *cells(score(truth, runs[0].pairs), tiers), *costs(runs)])
            + " |"
        )


def cells(result: Score, tiers: Sequence[str]) -> list[str]:
    joined = [f"{share.hits} {kind}" for kind, share in sorted(result.joined.items()) if share.hits]
    return [
        *(f"{float(result.found[tier]):.3f}" for tier in tiers),
        f"{float(result.recall):.3f}",
        f"{float(result.precision):.4f}",
        str(len(result.false)),
        ", ".join(joined) or "0",
    ]


def costs(runs: Sequence[Answer]) -> list[str]:
    """Return the least wall and CPU time and the largest memory."""
    wall, cpu = min(each.wall_s for each in runs), min(each.cpu_s for each in runs)
    return [f"{wall:.1f}", f"{cpu:.1f}", str(max(each.peak_bytes for each in runs) >> 20)]


if __name__ == "__main__":
    main()
