"""What k-reciprocal re-ranking finds, how sure its numbers are, and what it costs.

    reranking.py --set DIR [--store DIR] [--sizes 100 200 300 600] [--time STORE]

DIR is a set of labelled photos: images/ and ground_truth.json with "queries" (file, task, relevant). Three
tables of mean average precision per task, over the whole ranking, each query a photo of the library:

  weighings  the cosine, the defaults of `search.rerank`, and others around them; then "held out": each
             task by the weighing that is best for the other tasks (highest sum of gains relative to the
             cosine, none of which may be below -0.01)
  sizes      random parts of the set, several draws, each a library of its own: by the cosine, and reranked

With --time, milliseconds of CPU of a query by a photo of that store, ranked by the cosine and by neighbors
of neighbors, in turns (one thread; several rounds, medians).
"""

import itertools
import json
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.benchmarks.arguments import parser_for
from lookalike.library import Library
from lookalike.search.rerank import CANDIDATES, MEASURED, LocalGraph, RerankWeights, rerank
from lookalike.store.catalog.photos import visible_ids
from lookalike.store.index.search import nearest_photos
from lookalike.store.knn_graph import update_graph
from lookalike.store.records import Content, EmbeddedPhoto, FileResult, FileStat, Vectors
from lookalike.store.spec import EmbedderSpec
from lookalike.store.store import Store

NEEDS = "labelled photos"

Table = dict[str, float]
DRAWS = 4
MOST_LOSS = 0.01
WEIGHINGS = [
    RerankWeights(jaccard, gap, decay)
    for jaccard, gap, decay in itertools.product((0.4, 0.6, 0.8, 1.0), (0.08, 0.12, 0.2), (0, 8, 16, 24))
]


class Labelled:
    """A set of photos with the queries whose answers are known."""

    def __init__(self, folder: Path, store: str) -> None:
        images = (folder / "images").resolve()
        self.queries = json.loads((folder / "ground_truth.json").read_text())["queries"]
        with Library.open(store, create=True) as library:
            library.index([images])
            photos = list(library.photos())
            vectors = library.features([photo.id for photo in photos])
            assert library.spec is not None
            self.spec: EmbedderSpec = library.spec
        self.vectors: Vectors = np.stack([vectors[photo.id] for photo in photos])
        places = {file.path: place for place, photo in enumerate(photos) for file in photo.files}
        self.place = {str(Path(path).relative_to(images)): place for path, place in places.items()}

    def tables(self, kept: Any, weighings: list[RerankWeights | None]) -> list[Table]:
        """Return mAP by task of a library of some of the photos, for each weighing (None: the cosine)."""
        with tempfile.TemporaryDirectory(prefix="rerank-") as folder:
            self._make(folder, kept)
            with Store.open(folder) as store, store.reading() as view:
                found = nearest_photos(view, self.vectors[kept], len(kept))
                graph = LocalGraph.around(view, found.ids[:, :CANDIDATES])
        ranked = (found if each is None else rerank(found, graph, each) for each in weighings)
        return [self._precision(kept, each.ids - 1) for each in ranked]

    def _make(self, folder: str, kept: Any) -> None:
        with Store.open(folder, create=True) as store:
            store.use_spec(self.spec)
            root, _ = store.add_root(b"/photos")
            store.commit(root, [result(place, self.vectors[place]) for place in kept.tolist()])
            update_graph(store)

    def _precision(self, kept: Any, order: Any) -> Table:
        number = {place: number for number, place in enumerate(kept.tolist())}
        found = defaultdict(list)
        for query in self.queries:
            own = number.get(self.place[query["file"]])
            files = (self.place[file] for file in query["relevant"])
            relevant = [number[place] for place in files if place in number]
            if own is not None and relevant:
                hits = np.isin(order[own][order[own] != own], relevant)
                ranks = np.flatnonzero(hits) + 1
                found[query["task"]].append(float(np.mean(np.arange(1, len(ranks) + 1) / ranks)))
        return {task: float(np.mean(each)) for task, each in sorted(found.items())}


def result(place: int, vector: Vectors) -> FileResult:
    """Return what an index run would say of a photo that is nothing but its vector."""
    digest = place.to_bytes(32)
    stat = FileStat(b"%d" % place, 1, 1, 1, 1, place + 1)
    content = Content(digest, 1, 1, 1, "JPEG", digest)
    return FileResult(stat, digest, EmbeddedPhoto(content, vector, b"\xff\xd8\xff"))


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--set", type=Path, required=True)
    parser.add_argument("--store")
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 200, 300, 600])
    parser.add_argument("--time", metavar="STORE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rerank-") as folder:
        labelled = Labelled(arguments.set, arguments.store or folder)
    everything = np.arange(len(labelled.vectors))
    plain, chosen, *others = labelled.tables(everything, [None, MEASURED, *WEIGHINGS])
    show("| ranking |", {}, plain)
    show("by the cosine", plain)
    show("reranked", chosen)
    show("lowest and highest of all weighings", span(others))
    show("held out", {task: held_out(task, plain, others) for task in plain})
    for size in arguments.sizes:
        sizes(labelled, size)
    if arguments.time:
        times(arguments.time)


def show(name: str, table: dict[str, Any], heads: Table | None = None) -> None:
    if heads is not None:
        print(name + "".join(f" {task} |" for task in heads) + "\n|" + "---|" * (1 + len(heads)))
        return
    cells = (each if isinstance(each, str) else f"{each:.3f}" for each in table.values())
    print(f"| {name} |" + "".join(f" {cell} |" for cell in cells), flush=True)


def span(tables: list[Table]) -> dict[str, str]:
    columns = {task: [table[task] for table in tables] for task in tables[0]}
    return {task: f"{min(each):.3f} to {max(each):.3f}" for task, each in columns.items()}


def held_out(task: str, plain: Table, tables: list[Table]) -> float:
    """Return what a task gets by the weighing that the other tasks would choose."""

    def gains(table: Table) -> list[float]:
        return [table[other] / plain[other] - 1 for other in plain if other != task]

    fair = [table for table in tables if min(gains(table)) >= -MOST_LOSS]
    return max(fair or tables, key=lambda table: sum(gains(table)))[task]


def sizes(labelled: Labelled, size: int) -> None:
    rng = np.random.default_rng(7)
    draws = [np.sort(rng.permutation(len(labelled.vectors))[:size]) for _ in range(DRAWS)]
    tables = [labelled.tables(draw, [None, MEASURED]) for draw in draws]
    for name, column in (("by the cosine", 0), ("reranked", 1)):
        of = [each[column] for each in tables]
        tasks = sorted({task for table in of for task in table})
        means = {task: np.mean([table[task] for table in of if task in table]) for task in tasks}
        show(f"{size} photos, {name}", means)


def times(store: str, queries: int = 60, rounds: int = 3) -> None:
    with Library.open(store) as library:
        with library.store.reading() as view:
            ids = np.random.default_rng(1).choice(visible_ids(view), queries).tolist()
        for reranks in [False, True] * (1 + rounds):
            spent = []
            for each in ids:
                began = time.process_time()
                library.search(each, rerank=reranks)
                spent.append(time.process_time() - began)
            what = "reranked" if reranks else "by the cosine"
            print(
                f"{what}: p50 {1e3 * np.median(spent):.1f} ms, p95 {1e3 * np.percentile(spent, 95):.1f} ms"
            )


if __name__ == "__main__":
    # One thread, as a query has; read when the libraries load.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
