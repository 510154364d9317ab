"""Which input rule finds most? Embeds a labelled folder once per rule and size, and scores each.

    input_rules.py FOLDER... [--rules crop,squash,fit] [--sizes 256] [--engine onnx]

A FOLDER holds images/ and ground_truth.json. With "queries" in it (each with its task and relevant
files) the score is the mean average precision of each task; with "groups" (an original and its
copies) and "hard_negatives" it is
  candidates  share of the copies whose original is among their 20 nearest
  at zero     share of the copies closer to their original than any pair that must not be joined
Other folders are passed over. The time it takes grows with the number of rules times sizes; the tables in
docs/models.md are of --sizes 224,256,272,288. The cost is CPU time of this process for one picture: decode
is apart, since rules share it.
"""

import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.benchmarks.arguments import parser_for
from lookalike.indexer.decode.decode import decode
from lookalike.indexer.embed.embedder import Embedder, default_spec
from lookalike.indexer.embed.preprocess import RULES, Pixels
from lookalike.store.records import Vectors

NEEDS = "labelled photos"

BATCH = 8
CANDIDATES = 20


def embed_folder(embedders: list[Embedder], paths: list[Path]) -> tuple[list[Vectors], Any]:
    """Return normalized vectors and CPU ms per picture (decode, prepare, embed) of each embedder."""
    vectors: list[list[Vectors]] = [[] for _ in embedders]
    costs = np.zeros((len(embedders), 3))
    for start in range(0, len(paths), BATCH):
        data = [path.read_bytes() for path in paths[start : start + BATCH]]
        # The rules take turns on each batch, so that a busy machine disturbs all of them alike.
        for i, embedder in enumerate(embedders):
            clock = [time.process_time()]
            images = [decode(one, min_side=embedder.min_side).image for one in data]
            clock.append(time.process_time())
            prepared: list[Pixels] = [embedder.prepare(one) for one in images]
            clock.append(time.process_time())
            vectors[i].append(embedder.embed(prepared))
            clock.append(time.process_time())
            costs[i] += np.diff(clock) * 1000
    return [normalized(np.concatenate(parts)) for parts in vectors], costs / len(paths)


def normalized(vectors: Vectors) -> Vectors:
    """Return the vectors at length 1."""
    lengths: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


def retrieval_scores(truth: Any, index: dict[str, int], vectors: Vectors) -> dict[str, float]:
    """Return the mean average precision of each task; a query is not among its own results."""
    precisions = defaultdict(list)
    for query in truth["queries"]:
        me = index[query["file"]]
        order = np.argsort(-(vectors @ vectors[me]), kind="stable")
        relevant = {index[name] for name in query["relevant"]}
        hits = np.array([place in relevant for place in order if place != me])
        ranks = np.flatnonzero(hits) + 1
        found = np.arange(1, len(ranks) + 1)
        precisions[query["task"]].append(float((found / ranks).sum() / len(relevant)))
    return {task: float(np.mean(values)) for task, values in sorted(precisions.items())}


def copy_scores(truth: Any, index: dict[str, int], vectors: Vectors) -> dict[str, float]:
    """Return how well the copies are nominated; mirrored and turned ones (optional) do not count."""
    pairs = np.array(
        [
            (index[copy["file"]], index[group["original"]])
            for group in truth["groups"]
            for copy in group["copies"]
            if not copy["optional"]
        ]
    )
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -1)
    cosine = similarity[pairs[:, 0], pairs[:, 1]]
    rank = (similarity[pairs[:, 0]] > cosine[:, None]).sum(1)
    forbidden = max(
        similarity[index[pair["a"]], index[pair["b"]]]
        for pair in truth["hard_negatives"]
        if pair["why"] != "burst"
    )
    return {
        "candidates": float((rank < CANDIDATES).mean()),
        "at zero": float((cosine > forbidden).mean()),
    }


def score_folder(folder: Path, embedders: list[Embedder]) -> None:
    truth = json.loads((folder / "ground_truth.json").read_text(encoding="utf-8"))
    names = [image["file"] for image in truth["images"]]
    index = {name: place for place, name in enumerate(names)}
    vectors, costs = embed_folder(embedders, [folder / "images" / name for name in names])
    score = retrieval_scores if "queries" in truth else copy_scores
    rows = [score(truth, index, v) for v in vectors]
    print(f"\n{folder.name}: {len(names)} pictures; CPU ms a picture to decode, prepare, embed\n")
    print("| rule | size |", " | ".join(rows[0]), "| decode | prepare | embed |")
    print("|---|---|" + "---|" * (len(rows[0]) + 3))
    for embedder, row, cost in zip(embedders, rows, costs, strict=True):
        spec = embedder.spec
        figures = " | ".join([f"{x:.3f}" for x in row.values()] + [f"{x:.1f}" for x in cost])
        print(f"| {spec.input_rule} | {spec.input_size} | {figures} |")


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--rules", default=",".join(RULES))
    parser.add_argument("--sizes", default="256")
    parser.add_argument("--engine", default="auto")
    arguments = parser.parse_args()
    embedders = [
        Embedder(default_spec(input_rule=rule, input_size=int(size)), engine=arguments.engine)
        for rule in arguments.rules.split(",")
        for size in arguments.sizes.split(",")
    ]
    for folder in arguments.folders:
        if (folder / "ground_truth.json").is_file():
            score_folder(folder, embedders)
        else:
            print(f"\n{folder.name}: skipped, it has no ground_truth.json")


if __name__ == "__main__":
    main()
