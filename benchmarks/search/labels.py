"""How many photos get a label, how many labels are right, and how long a library takes.

    labels.py --set DIR [--store DIR] [--timed N]

DIR: a folder with images/ and ground_truth.json, whose "images" have "file", "task" and "label". What a
label means in the words of the tree is in MEANS below, else it is looked up as it stands; pictures whose
label is not known are not counted. A label is right if it is what the picture shows, a kind of it, or a
word above it: "dog" is right for a terrier. Pictures of ImageNet ("source_path" has the id of its class),
which the network was trained on, are counted by themselves, by their class. A made-up library of N photos
is labelled for the time.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.search.made_store import add_photos
from lookalike.benchmarks.search.mixtures import Mixtures
from lookalike.library import Library
from lookalike.search.labels.classifier import FLOORS, Classifier, classifier_for
from lookalike.search.labels.labeler import Labeler
from lookalike.search.labels.taxonomy import tree
from lookalike.store.catalog.embeddings import vectors_and_norms, vectors_since
from lookalike.store.records import Vectors
from lookalike.store.store import Store

NEEDS = "labelled photos"

# Photos of products were taken in a shop, which is a right answer, too.
SHOP = ("grocery store", "refrigerator", "shopping basket", "shopping cart", "plastic bag")
FRUIT, GREEN, PACK = ("edible fruit", *SHOP), ("vegetable", *SHOP), ("packet", "carton", "beverage", *SHOP)
MEANS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("Anjou", "Conference", "Kaiser", "Cantaloupe", "Nectarine", "Passion-Fruit"), FRUIT),
    **dict.fromkeys(("Plum", "Peach", "Mango", "Papaya", "Melon", "Kiwi", "Avocado"), FRUIT),
    **dict.fromkeys(("Golden-Delicious", "Red-Delicious", "Granny-Smith", "Pink-Lady"), ("apple", *SHOP)),
    **dict.fromkeys(("Satsumas", "Orange"), ("orange", *SHOP)),
    **dict.fromkeys(("Lime", "Lemon"), ("citrus", *SHOP)),
    **dict.fromkeys(("Banana", "Pineapple", "Pomegranate"), FRUIT),
    **dict.fromkeys(("Aubergine", "Floury-Potato", "Garlic", "Leek", "Red-Beet", "Sweet-Potato"), GREEN),
    **dict.fromkeys(("Regular-Tomato", "Vine-Tomato", "Zucchini", "Cabbage", "Carrots"), GREEN),
    **{f"{color}-Bell-Pepper": ("bell pepper", *SHOP) for color in ("Green", "Orange", "Yellow", "Red")},
    "Brown-Cap-Mushroom": ("mushroom", *SHOP),
    "ants": ("ant",),
    "bees": ("bee",),
    **dict.fromkeys(("dandelion", "rose", "sunflower", "tulip"), ("flower",)),
    "daisy": ("daisy",),
    "chateau": ("palace", "castle", "monastery"),
    "office_video": ("desk", "monitor", "desktop computer", "screen"),
}
CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9)


def meaning(image: dict[str, Any]) -> tuple[bool, set[int] | None]:
    """Return whether a picture is one of ImageNet, and the classes that are right for it; None: unknown."""
    name = str(image.get("source_path", "")).rpartition("/")[2].partition(".")[0]
    if name[:1] == "n" and name[1:9].isdecimal():
        return True, classes_of((name[10:],))
    label = str(image["label"])
    packs = image["task"] == "product" and label not in MEANS and tree().find(label) is None
    return False, classes_of(PACK if packs else MEANS.get(label, (label,)))


def classes_of(words: tuple[str, ...]) -> set[int] | None:
    found = [tree().find(word) for word in words]
    return {int(each) for classes in found if classes is not None for each in classes} or None


def rows(
    classifier: Classifier, vectors: Vectors, images: list[dict[str, Any]], floor: float
) -> Iterator[tuple[str, ...]]:
    """Yield floor, confidence, and for pictures of ImageNet and for others: labelled, right of these."""
    logits_high = Classifier(classifier.layers, floor, classifier.tree).probabilities(vectors)
    sums = classifier.sums(logits_high)
    sizes = np.array([len(node.classes) for node in tree().labels])
    known = [meaning(image) for image in images]
    for least in CONFIDENCES:
        cells = []
        for is_seen in (True, False):
            some = [n for n, (seen, means) in enumerate(known) if seen is is_seen and means]
            labelled = right = 0
            for n in some:
                sure = np.flatnonzero(sums[n] >= least)
                if len(sure):
                    word = set(tree().labels[sure[np.lexsort((-sums[n, sure], sizes[sure]))[0]]].classes)
                    labelled += 1
                    right += bool(word <= (known[n][1] or set()) or word >= _one_of(known[n][1], word))
            cells.append(
                f"{labelled / max(len(some), 1):.2f} of {len(some)}, {right / max(labelled, 1):.3f}"
            )
        yield f"{floor:g}", f"{least:g}", *cells


def _one_of(means: set[int] | None, word: set[int]) -> set[int]:
    """Return the right classes that a word holds, or what none holds: a word above any is right."""
    return (means or set()) & word or {-1}


def measure_time(library: Library, count: int, folder: Path) -> None:
    with library.store.reading() as view:
        assert library.spec is not None
        real = np.concatenate([units for _, units in vectors_since(view, 0)]).astype(np.float32)
        lengths = np.concatenate([each for *_, each in vectors_and_norms(view)])
    with Store.open(folder, create=True) as store:
        store.use_spec(library.spec)
        blocks = (block.astype(np.float32) * np.median(lengths) for block in Mixtures(real).blocks(count))
        add_photos(store, blocks)
        for what in ("find", "count", "find"):
            with store.reading() as view:
                labeler = Labeler(library.spec)
                start, cpu = time.perf_counter(), time.process_time()
                labeler.find(view, ["dog"]) if what == "find" else labeler.count(view)
                took, work = time.perf_counter() - start, time.process_time() - cpu
            scale = 100_000 / count
            print(
                f"{what}: {scale * took:.1f} s for 100,000 photos, {scale * work:.1f} s of the processors"
            )


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--set", type=Path, required=True, metavar="DIR")
    parser.add_argument("--store", type=Path, help="a store of these photos; default: a new one")
    parser.add_argument("--timed", type=int, default=20_000, metavar="N")
    arguments = parser.parse_args()
    given = {
        image["file"]: image
        for image in json.loads((arguments.set / "ground_truth.json").read_bytes())["images"]
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.store or Path(temporary) / "store"
        with Library.open(folder, create=arguments.store is None) as library:
            if arguments.store is None:
                library.index([arguments.set / "images"])
            photos = [
                (photo.id, given[name])
                for photo in library.photos()
                if (name := str(Path(photo.path).relative_to((arguments.set / "images").resolve())))
                in given
            ]
            stored = library.features([photo_id for photo_id, _ in photos])
            vectors = np.stack([stored[photo_id] for photo_id, _ in photos])
            assert library.spec is not None
            classifier = classifier_for(library.spec)
            print("floor, confidence: labelled pictures of ImageNet, right of these; the same of others")
            for floor in (0.0, FLOORS[library.spec.weights_sha256], 12.0):
                for row in rows(classifier, vectors, [image for _, image in photos], floor):
                    print("{}  {}:  {};  {}".format(*row))
            measure_time(library, arguments.timed, Path(temporary) / "made")


if __name__ == "__main__":
    main()
