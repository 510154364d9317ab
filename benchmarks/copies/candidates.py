"""Which pairs are handed to the proof, by what rule, and at what cost.

    candidates.py FOLDER... [--store DIR] [--generated 20000]

A FOLDER holds images/ and a ground_truth.json with "groups" (an original and its copies); others are passed
over. It is indexed into a store that is thrown away, unless DIR names one that has it. For each rule: the
share of (original, copy) pairs that it nominates, by tier (optional: mirrored and turned), and the pairs
per photo; "others" are pairs of photos that are not copies of each other. Then the time it takes over
libraries of generated size: embeddings of the folder mixed in pairs, with random hashes.
"""

import os
import tempfile
import time
from collections import defaultdict
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.copies.truth import Truth, has_truth, read_truth
from lookalike.dedup.candidates.copy_space import (
    AnyVectors,
    CopySpace,
    fitted_space,
    plain_space,
    shipped_space,
)
from lookalike.dedup.candidates.hashes import Hashes, dct_hash
from lookalike.dedup.candidates.nominate import Candidates, nominate
from lookalike.library import Library
from lookalike.store.catalog.embeddings import vectors_since

NEEDS = "known copies"

Pairs = set[tuple[int, int]]


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--store", type=Path, help="a store in which the folder is indexed")
    parser.add_argument("--generated", type=int, default=20_000, help="photos, 0: none")
    arguments = parser.parse_args()
    for folder in arguments.folders:
        if has_truth(folder):
            measure(folder, read_truth(folder), arguments.store, arguments.generated)


def measure(folder: Path, truth: Truth, store: Path | None, generated: int) -> None:
    with tempfile.TemporaryDirectory(prefix="candidates-") as work:
        library = Library.open(store or work, create=store is None)
        if store is None:
            library.index([truth.images])
        ids, units, hashes, of_file = read(library, truth.images)
        library.close()
    print(f"{folder.name}: {len(truth.group_of)} files, {len(ids)} photos")
    wanted, same = known_pairs(truth, of_file)
    shipped = shipped_space()
    spaces = {"plain": plain_space(units.shape[1]), "fitted": fitted_space(units), "shipped": shipped}
    blind = Hashes(hashes.words, hashes.turned, np.zeros(len(ids), bool))
    print(
        f"{'rule':20s}"
        + "".join(f"{tier:>9s}" for tier in (*sorted(wanted), "all"))
        + "   pairs  others  CPU s"
    )
    for name, space in spaces.items():
        for what, some in ((" alone", blind), (" + hash", hashes)):
            begin = time.process_time()
            found = nominate(ids, units, some, space)
            print_row(name + what, found, time.process_time() - begin, wanted, same, len(ids))
    for count in (generated // 4, generated):
        if count:
            print_generated(count, units, shipped)


def read(
    library: Library, images: Path
) -> tuple[npt.NDArray[np.int64], AnyVectors, Hashes, dict[str, int]]:
    """Return ids, unit embeddings and hashes of the photos, and the photo of each file."""
    with library.store.reading() as view:
        ids, units = (np.concatenate(each) for each in zip(*vectors_since(view, 0), strict=True))
    photos = {photo.id: photo for photo in library.photos()}
    found = []
    begin = time.process_time()
    for each in ids.tolist():
        jpeg = library.thumbnail(photos[each])
        found.append(dct_hash(np.asarray(Image.open(BytesIO(jpeg or b"")).convert("L"))))
    spent = time.process_time() - begin
    print(f"thumbnails to hashes: {1000 * spent / len(ids):.2f} ms per photo")
    hashes = Hashes.of(np.stack([bits for bits, _ in found]), np.array([quality for _, quality in found]))
    paths = {file.path: photo.id for photo in photos.values() for file in photo.files}
    return ids, units, hashes, {os.path.relpath(path, images.resolve()): i for path, i in paths.items()}


def known_pairs(truth: Truth, of_file: dict[str, int]) -> tuple[dict[str, list[tuple[int, int]]], Pairs]:
    """Return the (original, copy) pairs by tier, and all pairs of copies of one photo; a <= b."""
    wanted = defaultdict(list)
    for copy in truth.copies:
        wanted[copy.tier].append(ids_of(copy.pair, of_file))
    return wanted, {ids_of(pair, of_file) for pair in truth.true_pairs()}


def ids_of(pair: tuple[str, str], of_file: dict[str, int]) -> tuple[int, int]:
    a, b = sorted(of_file[file] for file in pair)
    return a, b


def print_row(
    name: str,
    found: Candidates,
    spent: float,
    wanted: dict[str, list[tuple[int, int]]],
    same: Pairs,
    photos: int,
) -> None:
    pairs = {(a, b) for a, b in found.pairs.tolist()}
    hits = {tier: [pair in pairs or pair[0] == pair[1] for pair in wanted[tier]] for tier in sorted(wanted)}
    hits["all"] = [hit for tier in hits if tier != "optional" for hit in hits[tier]]
    shares = "".join(f"{np.mean(hits[tier]):9.4f}" for tier in hits)
    others = len(pairs - same) / photos
    print(f"{name:20s}{shares}{len(pairs) / photos:8.2f}{others:8.2f}{spent:7.2f}")


def print_generated(count: int, units: AnyVectors, space: CopySpace) -> None:
    """Print the cost of comparing all, and fifty new ones, in a library of so many photos."""
    random = np.random.default_rng(0)
    dim = units.shape[1]
    mixed = np.empty((count, dim), np.float16)
    for start in range(0, count, 4096):
        a, b = (units[random.integers(len(units), size=min(4096, count - start))] for _ in range(2))
        share = random.uniform(0.2, 0.8, (len(a), 1)).astype(np.float32)
        block = share * a + (1 - share) * b
        mixed[start : start + len(a)] = block / np.linalg.norm(block, axis=1, keepdims=True)
    bits = random.integers(0, 256, (count, 32), dtype=np.uint8)
    hashes = Hashes.of(bits, np.full(count, 100))
    for what, new in (("all new", np.ones(count, bool)), ("50 new", np.arange(count) < 50)):
        wall, cpu = time.perf_counter(), time.process_time()
        found = nominate(np.arange(count), mixed, hashes, space, new=new)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        pairs = len(found.pairs) / len(found.new)
        print(f"{count} photos, {what}: {wall:.1f} s, {cpu:.1f} s CPU; {pairs:.1f} pairs per new photo")


if __name__ == "__main__":
    main()
