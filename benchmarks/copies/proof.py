"""How many copies the proof finds, what it joins that it must not, and what a pair costs.

    python benchmarks/copies/proof.py SET --store STORE [--others 3000]

SET holds images/ and ground_truth.json: groups of an original and its copies (transform, tier, optional),
and hard negatives with their kind. STORE is a library that holds SET/images, made with `lookalike index`.
Proven are the pairs of original and copy, the hard negatives, and a sample of the other pairs that the
embeddings put among a photo's 20 nearest: those are what a run of `lookalike dupes` is made of.

CPU time of one thread. What is drawn once per picture (features, hash) is counted apart.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lookalike import Library
from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.copies.truth import Truth, read_truth, shares
from lookalike.dedup.proof import Evidence, Picture, prove

NEEDS = "known copies"

NEIGHBORS = 20
Pair = tuple[int, int]


@dataclass(slots=True)
class Proofs:
    """The pictures, and per kind of pair the milliseconds that its proofs took."""

    pictures: dict[int, Picture]
    known: dict[Pair, Evidence] = field(default_factory=dict)
    cost: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def of(self, a: int, b: int, kind: str) -> Evidence:
        """Return the evidence of two photos, at a cost that counts for this kind of pair."""
        pair = min(a, b), max(a, b)
        if pair not in self.known:
            start = time.thread_time()
            self.known[pair] = prove(self.pictures[pair[0]], self.pictures[pair[1]])
            self.cost[kind].append(1e3 * (time.thread_time() - start))
        return self.known[pair]


def main() -> None:
    arguments = parse()
    truth = read_truth(arguments.set)
    with Library.open(arguments.store) as library:
        ids = ids_of_files(library, truth.images)
        proofs = Proofs(load(library))
        near = nearest_pairs(library)
    print_recall(proofs, truth, ids)
    print_joined(proofs, truth, ids)
    print_false(proofs, truth, ids, near, arguments.others)
    for kind, cost in proofs.cost.items():
        print(f"{kind:10s} {len(cost):6d} pairs  {np.mean(cost):6.2f} ms  median {np.median(cost):6.2f}")


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("set", type=Path)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--others", type=int, default=3000, help="pairs of different groups to prove")
    return parser.parse_args()


def ids_of_files(library: Library, images: Path) -> dict[str, int]:
    """Return the photo of each file, by its path below images."""
    root = images.resolve()
    files = [(file.path, photo.id) for photo in library.photos() for file in photo.files]
    return {str(Path(path).relative_to(root)): id_ for path, id_ in files}


def load(library: Library) -> dict[int, Picture]:
    pictures = {}
    for photo in library.photos():
        thumbnail = library.thumbnail(photo)
        if thumbnail is not None:
            pictures[photo.id] = Picture.from_thumbnail(thumbnail, photo.width, photo.height)
    start = time.thread_time()
    for picture in pictures.values():
        _ = picture.features, picture.hash, picture.square
    cost = 1e3 * (time.thread_time() - start) / max(1, len(pictures))
    print(f"{'pictures':10s} {len(pictures):6d}        {cost:6.2f} ms each")
    return pictures


def nearest_pairs(library: Library) -> list[Pair]:
    """Return the pairs of each photo with its nearest by cosine, without repetition."""
    vectors = library.features([photo.id for photo in library.photos()])
    ids = sorted(vectors)
    unit = np.stack([vectors[each] / np.linalg.norm(vectors[each]) for each in ids])
    pairs = set()
    for row, vector in enumerate(unit):
        for column in np.argsort(-(unit @ vector))[: NEIGHBORS + 1].tolist():
            if column != row:
                pairs.add((min(ids[row], ids[column]), max(ids[row], ids[column])))
    return sorted(pairs)


def print_recall(proofs: Proofs, truth: Truth, ids: dict[str, int]) -> None:
    found: list[tuple[str, bool]] = []
    for copy in truth.copies:
        original, other = ids[copy.original], ids[copy.file]
        is_copy = other == original or proofs.of(original, other, "copy").verdict == "copy"
        found += [(tier, is_copy) for tier in copy.tiers()]
        if not is_copy:
            print("missed    ", copy.transform, copy.original, copy.file)
    rows = sorted(shares(found).items())
    print("recall    ", "  ".join(f"{tier} {float(share):.4f}" for tier, share in rows))


def print_joined(proofs: Proofs, truth: Truth, ids: dict[str, int]) -> None:
    pairs = [(ids[a], ids[b], kind) for (a, b), kind in truth.negatives]
    joined = shares(
        (kind, a == b or proofs.of(a, b, "look-alike").verdict == "copy") for a, b, kind in pairs
    )
    print(
        "joined    ",
        "  ".join(f"{kind} {share.hits} of {share.of}" for kind, share in sorted(joined.items())),
    )


def print_false(proofs: Proofs, truth: Truth, ids: dict[str, int], near: Iterable[Pair], most: int) -> None:
    groups = defaultdict(set)
    for file, group in truth.group_of.items():
        groups[ids[file]].add(group)
    others = [pair for pair in near if not groups[pair[0]] & groups[pair[1]]]
    chosen = np.random.default_rng(0).permutation(len(others))[:most]
    pairs = [others[each] for each in chosen]
    false = [(a, b) for a, b in pairs if proofs.of(a, b, "other").verdict == "copy"]
    print(f"false      {len(false)} of {len(chosen)} pairs of other groups", *false[:10])


if __name__ == "__main__":
    main()
