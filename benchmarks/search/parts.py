"""What finishing a data set takes, and searching in it, for an index in one part and in several.

    parts.py FOLDER... [--photos 100000] [--parts 1 3 8] [--work DIR] [--queries 100] [--rerank]

The photos of the folders are indexed, and a data set is made of rows with made-up embeddings like theirs
(mixtures.py), a block a commit as units come, without pictures; a million take 3 GB of disk. It is finished
once for each number of parts: the first time brings the rows as well, and with --rerank their
neighborhoods, which are left out otherwise. A fresh process with one thread then asks by photos of the data
set and by as many others. recall@10 is against comparing all. "first answer": a whole `lookalike search` by
an image file, the best of three, files in the system's cache.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.processes import LOOKALIKE, run
from lookalike.benchmarks.search.made_store import add_photos
from lookalike.benchmarks.search.mixtures import Mixtures
from lookalike.benchmarks.search.search_scale import ONE_THREAD, K, asked, real_of, unit
from lookalike.bulk.dataset import DataSet
from lookalike.bulk.finish import FinishOptions, finish
from lookalike.bulk.open import open_data_set
from lookalike.indexer.embed.embedder import default_spec
from lookalike.store.catalog.embeddings import count_embeddings, embedded_ids, units_of
from lookalike.store.filters.where import ALL
from lookalike.store.store import Store

NEEDS = "photos"


def main() -> None:
    arguments = parse()
    if arguments.step:
        step = make if arguments.step == "make" else ask
        print(json.dumps(step(arguments.work, arguments)))
        return
    print("| parts | query | p50 ms | p95 ms | CPU ms | recall@10 |\n|---|---|---|---|---|---|")
    with ExitStack() as stack:
        work = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parts-")))
        work.mkdir(exist_ok=True)
        real_of(work, arguments.folders)
        example = next(each for each in sorted(arguments.folders[0].rglob("*")) if each.suffix == ".jpg")
        notes = [measure(work, parts, example, arguments) for parts in arguments.parts]
    print("", *notes, sep="\n")


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--parts", nargs="+", type=int, default=[1, 3, 8])
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--rerank", action="store_true", help="find neighborhoods, and re-rank by them")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where the data set is made and left")
    parser.add_argument("--step", choices=("make", "ask"), help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(work: Path, parts: int, example: Path, arguments: argparse.Namespace) -> str:
    """Print the rows of an index in so many parts; return what else there is to say."""
    same = [f"--photos={arguments.photos}", f"--queries={arguments.queries}", f"--work={work}"]
    same += ["--rerank"] if arguments.rerank else []
    command = [sys.executable, __file__, *same, f"--parts={parts}"]
    made = run([*command, "--step=make"], watch=True)
    told = json.loads(run([*command, "--step=ask"], env=ONE_THREAD, watch=True).output)
    for name, row in told["rows"].items():
        cells = [f"{row[each]:.2f}" for each in ("p50", "p95", "cpu")]
        print(f"| {parts} | {name} | {' | '.join(cells)} | {row['recall']:.4f} |", flush=True)
    search = [*LOOKALIKE, "search", str(example), "--store", str(work / "set")]
    search += [] if arguments.rerank else ["--no-rerank"]
    first = min((run(search, watch=True) for _ in range(3)), key=lambda each: each.wall_s)
    return (
        f"{parts} parts of {arguments.photos:,} photos: finished in {made.wall_s:.0f} s "
        f"({made.cpu_s:.0f} s CPU), {made.peak_bytes >> 20} MiB; "
        f"loaded in {told['load_s']:.2f} s, most memory {told['peak_mb']} MB; "
        f"first answer {first.wall_s:.2f} s ({first.cpu_s:.2f} s CPU), {first.peak_bytes >> 20} MiB"
    )


# --- in processes of their own ----------------------------------------------------------------------


def make(work: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Finish the data set with an index in so many parts."""
    data = DataSet.make(str(work / "set"), default_spec())
    mixtures = Mixtures(np.load(work / "real.npy"))

    def take_in(store: Store) -> None:
        with store.reading() as view:
            there = count_embeddings(view)
        if there < arguments.photos:
            add_photos(store, mixtures.blocks(arguments.photos))

    (parts,) = arguments.parts
    report = finish(data, take_in, FinishOptions(-(-arguments.photos // parts), arguments.rerank))
    return {"parts": report.parts, "recall": report.recall}


def ask(work: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Ask the data set; return the rows of the table, the seconds to load it and the memory."""
    began = time.perf_counter()
    with open_data_set(str(work / "set")) as store:
        with store.reading() as view:
            view.index()
            load_s = time.perf_counter() - began
            ids = np.random.default_rng(1).permutation(embedded_ids(view))[: arguments.queries]
            inside = unit(units_of(view, np.sort(ids)))
        outside = unit(Mixtures(np.load(work / "real.npy")).library(arguments.queries, seed=99))
        rows = {
            f"a photo of the data set, {K} neighbors": asked(store, inside, ALL, 1),
            "another photo": asked(store, outside, ALL, 0),
        }
    return {
        "rows": rows,
        "load_s": load_s,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


if __name__ == "__main__":
    main()
