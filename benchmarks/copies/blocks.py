"""Whether the same pairs are found whatever the number of blocks, and what blocks cost.

    blocks.py FOLDER... [--photos 100000] [--new N] [--blocks 1 2 7]

The photos of the folders are indexed and hashed; a library of so many photos is made of them (see
search/mixtures.py and mixed_hashes.py) and compared in memory, once for each number of blocks. --new: only
so many are compared with all; of a million photos all with all would take most of an hour each time.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.copies.all_pairs import of_real_photos
from lookalike.benchmarks.copies.mixed_hashes import MixedHashes
from lookalike.benchmarks.search.mixtures import Halves, Mixtures
from lookalike.dedup.candidates.blocks import Blocks
from lookalike.dedup.candidates.copy_space import shipped_space
from lookalike.dedup.candidates.hashes import Hashes
from lookalike.dedup.candidates.nominate import Candidates, nominate

NEEDS = "photos"


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--new", type=int, help="photos that are compared with all")
    parser.add_argument("--blocks", type=int, nargs="+", default=[1, 2, 7])
    arguments = parser.parse_args()
    units, hashes = library(arguments.folders, arguments.photos)
    measure(units, hashes, arguments.new or arguments.photos, arguments.blocks)


def library(folders: Sequence[Path], photos: int) -> tuple[Halves, Hashes]:
    """Return unit embeddings and hashes of so many made-up photos."""
    with tempfile.TemporaryDirectory(prefix="blocks-") as work:
        real, bits, quality = of_real_photos(Path(work), list(folders))
    made = zip(*MixedHashes(bits, quality).blocks(photos), strict=True)
    return Mixtures(real).library(photos), Hashes.of(*(np.concatenate(each) for each in made))


def measure(units: Halves, hashes: Hashes, new: int, counts: Sequence[int]) -> None:
    print(f"{new:,} of {len(units):,} photos with all")
    print(f"{'blocks':>6s}{'CPU s':>9s}{'pairs':>12s}", flush=True)
    first: Candidates | None = None
    for count in counts:
        blocks = Blocks(0, -(-len(units) // count)) if count > 1 else Blocks(len(units))
        begin = time.process_time()
        ids = np.arange(len(units))
        found = nominate(ids, units, hashes, shipped_space(), new=ids < new, blocks=blocks)
        spent = time.process_time() - begin
        first = first or found
        said = "the same" if same(found, first) else "OTHERS"
        print(f"{count:6d}{spent:9.1f}{len(found.pairs):12,d}  {said}", flush=True)


def same(found: Candidates, expected: Candidates) -> bool:
    """Say whether pairs, cosines, neighbors and scores are equal, bit by bit."""
    names = ("pairs", "cosine", "new", "neighbors", "scores")
    return all(np.array_equal(getattr(found, name), getattr(expected, name)) for name in names)


if __name__ == "__main__":
    main()
