"""What five examples teach: a taught label against searches by each of the five.

    teaching.py --set DIR [--store DIR] [--draws N] [--shown N]

DIR: a folder with images/ and ground_truth.json, whose "images" have "file", "task" and "label". Of each
label with enough pictures, some are shown, again and again others; all other pictures of the folder are
ranked by the taught label and by the cosine to each of those shown. Printed for each task: mean average
precision of the best of these searches (which one that is only the answer tells), of the mean of them, of
the label; and of the pictures that the label is said of, how many are right, and how many are found.
"""

import json
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from lookalike.benchmarks.arguments import parser_for
from lookalike.library import Library
from lookalike.search.labels.examples import training_set_of
from lookalike.search.labels.label import LIKELY
from lookalike.search.labels.training import average_precision, learn
from lookalike.store.records import Vectors
from lookalike.store.view import View

NEEDS = "labelled photos"

LEAST = 3  # pictures that are left to be found


def one_draw(
    view: View, names: list[bytes], units: Vectors, shown: np.ndarray, same: np.ndarray
) -> list[float]:
    """Return average precisions, what is right of those labelled, what is found, seconds to learn."""
    start = time.process_time()
    data = training_set_of(view, {names[n]: units[n] for n in shown}, {})
    head = learn("label", data)
    took = time.process_time() - start
    rest = np.setdiff1d(np.arange(len(units)), shown)
    inside, outside = rest[same[rest]], rest[~same[rest]]
    alone = [average_precision(units[inside] @ units[n], units[outside] @ units[n]) for n in shown]
    sure, unsure = head.confidence(units[inside]), head.confidence(units[outside])
    hits, misses = int((sure >= LIKELY).sum()), int((unsure >= LIKELY).sum())
    taught = average_precision(sure.astype(np.float64), unsure.astype(np.float64))
    precision = hits / (hits + misses) if hits + misses else np.nan
    return [max(alone), float(np.mean(alone)), taught, precision, hits / len(inside), took]


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--set", type=Path, required=True, metavar="DIR")
    parser.add_argument("--store", type=Path, help="a store of these photos; default: a new one")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--shown", type=int, default=5)
    arguments = parser.parse_args()
    images = json.loads((arguments.set / "ground_truth.json").read_bytes())["images"]
    given = {str((arguments.set / "images" / image["file"]).resolve()): image for image in images}
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.store or Path(temporary) / "store"
        with Library.open(folder, create=arguments.store is None) as library:
            if arguments.store is None:
                library.index([arguments.set / "images"])
            photos = [photo for photo in library.photos() if photo.path in given]
            raw = library.features([photo.id for photo in photos])
            vectors = np.stack([raw[photo.id] for photo in photos])
            units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            names = [bytes.fromhex(photo.digest) for photo in photos]
            kinds = [(given[photo.path]["task"], given[photo.path]["label"]) for photo in photos]
            found = defaultdict(list)
            with library.store.reading() as view:
                for kind in sorted({each for each in kinds if each[1]}):
                    same = np.array([each == kind for each in kinds])
                    if same.sum() < arguments.shown + LEAST:
                        continue
                    for draw in range(arguments.draws):
                        random = np.random.default_rng(draw)
                        shown = random.choice(np.flatnonzero(same), arguments.shown, replace=False)
                        found[kind[0]].append(one_draw(view, names, units, shown, same))
    print("task: best search, mean search, label; right of those labelled, found; seconds to learn; draws")
    for task, rows in found.items():
        best, mean, taught, precision, hits, took = np.nanmean(rows, axis=0)
        spread = np.std([row[2] - row[0] for row in rows])
        print(
            f"{task}: {best:.3f} {mean:.3f} {taught:.3f} ({taught - best:+.3f} +- {spread:.3f}, "
            f"{taught - mean:+.3f}); {precision:.2f}, {hits:.2f}; {took:.2f} s; {len(rows)}"
        )


if __name__ == "__main__":
    main()
