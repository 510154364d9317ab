"""What comparing within cells finds of the copies that comparing all finds, and what it says of it.

    cells.py FOLDER [--others 100000] [--asked 1 2 4 6 8]

FOLDER: photos with many copies among them. They are indexed, and made-up photos put around them (see
search/mixtures.py and mixed_hashes.py). Real photos are compared with all, and their pairs proven:
that is the truth. Then they are compared within cells, for each number of cells that a photo asks in: the
share of the pairs that are compared, the share of the proven copies that are found, and what the sample
estimates (see `cells.Sample`), which compares so many more pairs. Made-up photos have no pixels and so no
copies, but they fill the lists of real ones as others do.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.copies.all_pairs import of_real_photos
from lookalike.benchmarks.copies.mixed_hashes import MixedHashes
from lookalike.benchmarks.search.mixtures import Mixtures
from lookalike.dedup.candidates.all_pairs import AllPairs, Photos, Strip
from lookalike.dedup.candidates.blocks import joined
from lookalike.dedup.candidates.cells import (
    Cells,
    Sample,
    compare_in_cells,
    count_of_cells,
    count_to_train,
    with_all,
)
from lookalike.dedup.candidates.copy_space import shipped_space
from lookalike.dedup.candidates.hashes import Hashes
from lookalike.dedup.candidates.nominate import Lists
from lookalike.dedup.candidates.topk import Rows
from lookalike.dedup.proof.pictures import Pictures
from lookalike.dedup.proof.proof_job import PICTURES, prove_pairs
from lookalike.dedup.proof.thumbnails import stored_thumbnails
from lookalike.store.catalog.photos import visible_ids
from lookalike.store.index.exact import Ids
from lookalike.store.store import Store

NEEDS = "known copies"

Pair = tuple[int, int]


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--others", type=int, default=100_000)
    parser.add_argument("--asked", type=int, nargs="+", default=[1, 2, 4, 6, 8])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cells-") as work:
        library = Made.of(Path(work), arguments.folder, arguments.others)
        measure(library, arguments.asked)


@dataclass(frozen=True)
class Made:
    """Real photos, the first by id, and made-up ones. lists: turns what is found into pairs."""

    photos: Photos
    real: int
    lists: Lists
    proven: dict[Pair, bool]
    store: Path

    @classmethod
    def of(cls, work: Path, folder: Path, others: int) -> "Made":
        """Index the folder and make the others."""
        real, bits, quality = of_real_photos(work, [folder])
        made = zip(*MixedHashes(bits, quality).blocks(others), strict=True)
        more_bits, more_quality = (np.concatenate(each) for each in made)
        units = np.concatenate([real.astype(np.float16), Mixtures(real).library(others, seed=1)])
        hashes = Hashes.of(np.concatenate([bits, more_bits]), np.concatenate([quality, more_quality]))
        ids, space = np.arange(len(units)), shipped_space()
        points = np.concatenate(
            [space.project(some) for some in np.array_split(units, 1 + len(units) // 8192)]
        )
        lists = Lists(space, lambda wanted: units[wanted])
        return cls(Photos(ids, len(ids), points, hashes), len(real), lists, {}, work / "real")

    def pairs(self, ids: Ids, found: Strip) -> set[Pair]:
        """Return the nominated pairs of real photos. ids: of the photos that this was found for."""
        pairs = self.lists.candidates(ids, found).pairs
        return {(a, b) for a, b in pairs[pairs.max(axis=1, initial=0) < self.real].tolist()}

    def copies(self, pairs: set[Pair]) -> set[Pair]:
        """Return the pairs that are proven to be copies."""
        waiting = sorted(pairs - self.proven.keys())
        with Store.open(self.store) as store:
            with store.reading() as view:
                stored = visible_ids(view)
            thumbnails = stored_thumbnails(store, stored.tolist())
        given = {place: thumbnails.get(int(photo)) for place, photo in enumerate(stored)}
        proofs = prove_pairs(waiting, given.get, Pictures(PICTURES))
        for pair, proof in zip(waiting, proofs, strict=True):
            self.proven[pair] = proof is not None and proof["verdict"] == "copy"
        return {pair for pair in pairs if self.proven[pair]}


def measure(library: Made, asked: Sequence[int]) -> None:
    photos, limits = library.photos, library.lists.limits
    everything = AllPairs(replace(photos, new=library.real), limits).found()
    truth = library.copies(library.pairs(photos.ids, everything))
    count = len(photos.ids)
    print(f"{library.real:,} real photos among {count:,}: {len(truth):,} proven copies", flush=True)
    begin = time.process_time()
    trained = photos.subset(np.sort(np.random.default_rng(0).permutation(count)[: count_to_train(count)]))
    cells = Cells.of(trained, count_of_cells(count))
    print(f"{len(cells.points):,} cells made in {time.process_time() - begin:.1f} s of CPU")
    print(
        f"{'asked':>6s}{'CPU s':>8s}{'pairs':>9s}{'copies':>9s}{'estimate':>10s}{'its pairs':>11s}",
        flush=True,
    )
    for each in asked:
        begin = time.process_time()
        found, compared = compare_in_cells(photos, limits, cells, each)
        spent = time.process_time() - begin
        met = library.pairs(photos.ids, found)
        share = len(library.copies(met) & truth) / len(truth)
        of_all = count * (count - 1) / 2
        estimate, sampled = estimated(library, met)
        print(
            f"{each:6d}{spent:8.1f}{compared / of_all:9.2%}{share:9.2%}{estimate:10.2%}"
            f"{sampled * count / of_all:11.2%}",
            flush=True,
        )


def estimated(library: Made, met: set[Pair]) -> tuple[float, int]:
    """Return what the sample says, and how many photos it has."""
    photos, limits = library.photos, library.lists.limits
    with_copies = np.zeros(len(photos.ids), np.bool_)
    with_copies[list({each for pair in library.copies(met) for each in pair})] = True
    sample = Sample.draw(photos.ids, with_copies)
    some = photos.subset(np.asarray(sample.ids, np.int64))
    found = joined([AllPairs(some, limits).found(), with_all(some, photos, limits)], limits.k)
    copies = by_photo(library.copies(library.pairs(some.ids, found)), some.ids)
    return sample.found_share(copies, by_photo(met, some.ids)), len(sample.ids)


def by_photo(pairs: set[Pair], photos: Rows) -> Mapping[int, set[int]]:
    """Return the other photo of each pair that one of these is in, by it."""
    wanted, found = set(photos.tolist()), defaultdict[int, set[int]](set)
    for a, b in pairs:
        for one, other in ((a, b), (b, a)):
            if one in wanted:
                found[one].add(other)
    return found


if __name__ == "__main__":
    main()
