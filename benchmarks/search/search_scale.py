"""What a query takes in libraries of up to a million photos, and how many neighbors it finds.

    search_scale.py FOLDER... [--photos 10000 50000] [--store DIR] [--peers] [--queries 100]

The photos of the folders are indexed, and libraries are made out of their embeddings (mixtures.py) in real
stores on disk; DIR keeps them (a million takes 3 GB). A fresh process with one thread then asks each
library, once for warmth: by photos of the library, by as many that are not in it, and with filters on a
tenth and on six tenths of the folders. Milliseconds hold all between the embedding and the ids: filter,
ranking, files that are gone. recall@10 is against comparing all, a photo of the library not counting
itself.

"first answer": a whole `lookalike search` by an image file, files in the system's cache. With --peers,
others search the same vectors in turns: FAISS, usearch, hnswlib and numpy, one thread, each with its
defaults or as named; up to 200,000 photos, as they hold all in memory.
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
from lookalike.benchmarks.peers.environments import ENVIRONMENTS, Peer, interpreter
from lookalike.benchmarks.processes import LOOKALIKE, run
from lookalike.benchmarks.search.made_store import FOLDER_OF, add_photos, name_of_folder
from lookalike.benchmarks.search.mixtures import Floats, Halves, Mixtures, real_embeddings
from lookalike.indexer.embed.embedder import default_spec
from lookalike.store.catalog.embeddings import count_embeddings, embedded_ids, units_of, vectors_since
from lookalike.store.catalog.photos import visible_ids
from lookalike.store.filters.where import ALL, Where
from lookalike.store.index.search import Truth, nearest_photos
from lookalike.store.store import Store
from lookalike.store.view import View

NEEDS = "photos"

ADAPTERS = Path(__file__).parents[1] / "peers" / "neighbors.py"
PEERS = ("numpy", "faiss-flat", "faiss-hnsw", "usearch", "usearch-f16", "hnswlib")
MOST_FOR_PEERS = 200_000
K = 10
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main() -> None:
    arguments = parse()
    if arguments.ask:
        print(json.dumps(ask(arguments.ask, arguments.queries)))
        return
    print("| photos | query | p50 ms | p95 ms | CPU ms | recall@10 |\n|---|---|---|---|---|---|")
    with ExitStack() as stack:
        work = arguments.store or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scale-")))
        real = real_of(work, arguments.folders)
        example = next(each for each in sorted(arguments.folders[0].rglob("*")) if each.suffix == ".jpg")
        notes = [measure(work, real, count, example, arguments) for count in arguments.photos]
    print("", *notes, sep="\n")


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--photos", nargs="+", type=int, default=[10_000, 50_000])
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--store", type=Path, metavar="DIR", help="where the libraries are made and left")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument(
        "--python", action="append", default=[], metavar="TOOL=PATH", help="as in peers/copies.py"
    )
    parser.add_argument("--environments", type=Path, default=ENVIRONMENTS, help="where they are kept")
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def real_of(work: Path, folders: list[Path]) -> Floats:
    """Return the embeddings of the photos of the folders, kept beside the libraries made of them."""
    file = work / "real.npy"
    if not file.exists():
        np.save(file, real_embeddings(folders, work / "real"))
    real: Floats = np.load(file)
    return real


def measure(work: Path, real: Floats, count: int, example: Path, arguments: argparse.Namespace) -> str:
    """Print the rows of a library of so many photos; return what else there is to say of it."""
    store = work / str(count)
    if not store.exists():
        make(store, real, count)
    made = publish(store)
    command = [sys.executable, __file__, "--ask", str(store), "--queries", str(arguments.queries)]
    told = json.loads(run(command, env=ONE_THREAD, watch=True).output)
    for name, row in told["rows"].items():
        print_row(count, name, row)
    if arguments.peers and count <= MOST_FOR_PEERS:
        ask_peers(work, store, count, arguments)
    first = min(
        (run([*LOOKALIKE, "search", str(example), "--store", str(store)], watch=True) for _ in range(3)),
        key=lambda each: each.wall_s,
    )
    return (
        f"{count:,} photos: {made}; loaded in {told['load_s']:.2f} s, most memory {told['peak_mb']} MB; "
        f"first answer {first.wall_s:.2f} s ({first.cpu_s:.2f} s CPU), {first.peak_bytes >> 20} MiB"
    )


def make(folder: Path, real: Floats, count: int) -> None:
    with Store.open(folder, create=True) as store:
        store.use_spec(default_spec())
        add_photos(store, Mixtures(real).blocks(count))


def publish(folder: Path) -> str:
    """Make the index anew, as an index run does at its end; say what that took."""
    (folder / "index.json").unlink(missing_ok=True)
    with Store.open(folder, write=True) as store:
        wall, cpu = time.perf_counter(), time.process_time()
        store.publish()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    (file,) = sorted(folder.glob("index-*.faiss"), key=lambda each: each.stat().st_mtime)[-1:]
    return f"index made in {wall:.0f} s ({cpu:.0f} s CPU), {file.stat().st_size / 1e6:.0f} MB"


def print_row(count: int, name: str, row: dict[str, float]) -> None:
    cells = [f"{row[each]:.2f}" for each in ("p50", "p95", "cpu")]
    print(f"| {count:,} | {name} | {' | '.join(cells)} | {row['recall']:.4f} |", flush=True)


# --- in a process of its own ------------------------------------------------------------------------


def ask(folder: Path, queries: int) -> dict[str, Any]:
    """Ask a library; return the rows of the table, the seconds to load it and the memory."""
    began = time.perf_counter()
    with Store.open(folder) as store:
        with store.reading() as view:
            view.index()
            load_s = time.perf_counter() - began
            ids = np.random.default_rng(1).permutation(embedded_ids(view))[:queries]
            inside = unit(units_of(view, np.sort(ids)))
            count = count_embeddings(view)
        outside = unit(Mixtures(np.load(folder.parent / "real.npy")).library(queries, seed=99))
        folders = -(-count // FOLDER_OF)
        rows = {
            "a photo of the library": asked(store, inside, ALL, 1),
            "another photo": asked(store, outside, ALL, 0),
            "another, in a tenth of the folders": asked(store, outside, among(folders // 10), 0),
            "another, in six tenths": asked(store, outside, among(folders * 6 // 10), 0),
        }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return {"rows": rows, "load_s": load_s, "peak_mb": peak}


def unit(codes: Halves) -> Floats:
    """Return vectors of length one: what is stored with 16 bits is not quite."""
    vectors = codes.astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def among(folders: int) -> Where:
    return Where(folders=tuple(b"/made-up/" + name_of_folder(each) for each in range(max(folders, 1))))


def asked(store: Store, units: Floats, where: Where, own: int) -> dict[str, float]:
    """Ask twice, and time the second. own: how many of the best are the query itself."""
    for _ in range(2):
        walls, cpus, scores = [], [], []
        for unit in units:
            wall, cpu = time.perf_counter(), time.process_time()
            with store.reading() as view:
                scores.append(nearest_photos(view, unit[None], K + own, where).scores[0])
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
    with store.reading() as view:
        truth = exact(view, units, K + own, where)
    hits = (np.array(scores) >= truth.min(axis=1, keepdims=True) - 1e-5).sum(axis=1) - own
    return {
        "p50": 1000 * float(np.median(walls)),
        "p95": 1000 * float(np.quantile(walls, 0.95)),
        "cpu": 1000 * float(np.median(cpus)),
        "recall": float(np.minimum(hits, K).mean()) / K,
    }


def exact(view: View, units: Floats, k: int, where: Where) -> Floats:
    """Return the k best scores of each query among all photos that pass, in no order."""
    truth, passing = Truth(units, k), visible_ids(view, where)
    for ids, codes in vectors_since(view, 0):
        truth.see(codes[np.isin(ids, passing)])
    return truth.scores


# --- others -----------------------------------------------------------------------------------------


def ask_peers(work: Path, store: Path, count: int, arguments: argparse.Namespace) -> None:
    """Print a row for each other tool: built from the same vectors, asked by the same photos."""
    with Store.open(store) as opened, opened.reading() as view:
        np.save(work / "vectors.npy", np.concatenate([codes for _, codes in vectors_since(view, 0)]))
    np.save(
        work / "queries.npy", unit(Mixtures(np.load(work / "real.npy")).library(arguments.queries, seed=99))
    )
    python = interpreter(Peer("neighbors"), arguments.environments, arguments.python)
    lent = [each for each in sys.path if each.endswith("site-packages")]
    for name in PEERS:
        command = [python, str(ADAPTERS), name, str(work / "vectors.npy"), str(work / "queries.npy"), *lent]
        try:
            done = run(command, env=ONE_THREAD, watch=True)
        except SystemExit as error:
            print(f"| {count:,} | {name} failed: {str(error)[-200:]} |", file=sys.stderr)
            continue
        told = json.loads(done.output)
        size = f"built in {told['build_s']:.0f} s, {done.peak_bytes >> 20} MiB"
        print_row(count, f"{told['version']} ({size})", told)


if __name__ == "__main__":
    main()
