"""How many things are among the first ten results, plain and spread over scenes, and what that costs.

    diversity.py FOLDER --store STORE [--repetition 0.2 0.3 0.4]

FOLDER holds images/ and ground_truth.json with a label for each image and the relevant images of each
query; STORE is an indexed store of the images. Each query is answered plainly (repetition 0) and as by
`search --diverse`. "labels": different ones among the first ten results. precision@10: the share of them
that is relevant, of the at most ten that can be: it must fall, as the relevant are what repeats.
"milliseconds" are of spreading alone, CPU time.
"""

import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.benchmarks.arguments import parser_for
from lookalike.search.order import CANDIDATES, REPETITION, diversify
from lookalike.store.catalog.embeddings import raw_vectors, units_of
from lookalike.store.catalog.photos import photos_of
from lookalike.store.index.search import nearest_photos
from lookalike.store.store import Store

NEEDS = "labelled photos"

K = 10


def main() -> None:
    arguments = parse()
    truth = json.loads((arguments.folder / "ground_truth.json").read_text())
    print("| task | repetition | labels | precision@10 |\n|---|---|---|---|")
    with Store.open(arguments.store) as store:
        ids, near, units, scores = ask(store, arguments.folder / "images", truth)
    labels = {ids[each["file"]]: each["label"] for each in truth["images"]}
    for repetition in (0.0, *arguments.repetition):
        began = time.process_time()
        answers = {
            query: near[query][diversify(units[query], scores[query], untimed(near[query]), K, repetition)]
            for query in near
        }
        report(truth, ids, labels, repetition, answers)
        print(f"\n{(time.process_time() - began) / len(near) * 1e3:.2f} milliseconds a query\n")


def parse() -> Any:
    parser = parser_for(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--repetition", type=float, nargs="+", default=[REPETITION])
    return parser.parse_args()


def ask(store: Store, images: Path, truth: Any) -> tuple[dict[str, int], Any, Any, Any]:
    """Return ids by file, and for each query the ids, unit vectors and scores of its candidates."""
    near, units, scores = {}, {}, {}
    with store.reading() as view:
        ids = {
            str(Path(file.path).relative_to(images.resolve())): photo.id
            for photo in photos_of(view)
            for file in photo.files
        }
        for query in truth["queries"]:
            own = ids[query["file"]]
            found = nearest_photos(view, raw_vectors(view, [own])[own][None], K * CANDIDATES + 1)
            others = found.ids[0] != own
            near[query["file"]] = found.ids[0][others]
            scores[query["file"]] = found.scores[0][others]
            units[query["file"]] = ordered_units(view, near[query["file"]])
    return ids, near, units, scores


def untimed(ids: Any) -> Any:
    """Return no times: these images have none, so that being alike alone counts."""
    return np.full(len(ids), np.nan)


def ordered_units(view: Any, ids: Any) -> Any:
    order = np.argsort(ids)
    return units_of(view, ids[order]).astype(np.float32)[np.argsort(order)]


def report(
    truth: Any, ids: dict[str, int], labels: dict[int, str], repetition: float, answers: Any
) -> None:
    different, precision = defaultdict(list), defaultdict(list)
    for query in truth["queries"]:
        found = [int(each) for each in answers[query["file"]]]
        relevant = {ids[file] for file in query["relevant"]}
        different[query["task"]].append(len({labels[each] for each in found}))
        precision[query["task"]].append(len(relevant.intersection(found)) / min(K, len(relevant)))
    for task in different:
        print(
            f"| {task} | {repetition:g} | {np.mean(different[task]):.2f} | {np.mean(precision[task]):.3f} |"
        )


if __name__ == "__main__":
    main()
