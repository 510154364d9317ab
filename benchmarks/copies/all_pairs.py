"""What it costs to find the pairs that `dupes` proves, and how many of them the search misses.

    all_pairs.py FOLDER... [--photos 20000] [--recall-sample 1000] [--store DIR]

The photos of the folders are indexed and hashed; a library of so many photos is made of them (see
search/mixtures.py and mixed_hashes.py) and written into a store on disk, with a file and a content for each
photo, but no thumbnails. Then processes of their own do what `dupes` does before it proves: all photos
anew; again after 50 more and after 1,000 more were added. For each: wall and CPU seconds, the highest
memory of the process, and the pairs for each new photo. Recall: of a sample of photos, the share of the
pairs which each of them would nominate if it were compared with all by plain products, that were found.

Hashes are handed over instead of being made from thumbnails, which costs the same for each photo at any
size (a line tells how much). DIR: where the store is made and left, to be used again; 5 kB a photo.
"""

import argparse
import contextlib
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.copies.mixed_hashes import MixedHashes
from lookalike.benchmarks.search.made_store import add_photos
from lookalike.benchmarks.search.mixtures import Halves, Mixtures, real_embeddings
from lookalike.dedup.candidates.copy_space import CopySpace, shipped_space
from lookalike.dedup.candidates.hashes import Hashes
from lookalike.dedup.candidates.loading import placed
from lookalike.dedup.candidates.nominate import ALMOST_SAME, DEFAULT_K, FEW, MAX_DISTANCE
from lookalike.dedup.candidates.topk import GRAIN
from lookalike.dedup.candidates.update import compare_new, hash_photos
from lookalike.indexer.embed.embedder import default_spec
from lookalike.store.catalog.embeddings import count_embeddings
from lookalike.store.catalog.pairs import count_candidates
from lookalike.store.catalog.photos import visible_ids
from lookalike.store.records import Vectors
from lookalike.store.store import Store

NEEDS = "photos"

MORE = (50, 1000)
BATCH = 8192
EMBEDDINGS, HASHES = "real.npy", "hashes.npz"

Bits = npt.NDArray[np.uint8]
Hash = tuple[bytes, int]


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--recall-sample", type=int, default=1000, metavar="N")
    parser.add_argument("--store", type=Path, metavar="DIR", help="where the library is made and left")
    parser.add_argument("--compare", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.compare:
        print(json.dumps(compare(arguments.store)))
        return
    with contextlib.ExitStack() as stack:
        work = arguments.store or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pairs-")))
        if not (work / HASHES).exists():
            make(work, arguments.folders, arguments.photos)
        measure(work, arguments.recall_sample)


# --- the library ------------------------------------------------------------------------------------


def make(work: Path, folders: list[Path], photos: int) -> None:
    """Make a store of so many photos, and the hashes of these and of those that are added later."""
    real, bits, quality = of_real_photos(work, folders)
    count = photos + sum(MORE)
    blocks = zip(*MixedHashes(bits, quality).blocks(count), strict=True)
    np.save(work / EMBEDDINGS, real)
    made_bits, made_quality = (np.concatenate(each) for each in blocks)
    begin = time.perf_counter()
    with Store.open(work / "store", create=True) as store:
        store.use_spec(default_spec())
        add(store, work, 0, photos)
    print(f"{photos:,} photos written in {time.perf_counter() - begin:.0f} s", flush=True)
    np.savez(work / HASHES, bits=made_bits, quality=made_quality, photos=photos)


def of_real_photos(work: Path, folders: list[Path]) -> tuple[Vectors, Bits, npt.NDArray[np.int64]]:
    """Return embeddings, hashes and qualities of the photos of the folders, and say what hashes cost."""
    real = real_embeddings(folders, work / "real")
    with Store.open(work / "real") as store:
        with store.reading() as view:
            ids = visible_ids(view).tolist()
        begin = time.process_time()
        found = hash_photos(store, ids)
        spent = time.process_time() - begin
    print(f"{len(ids)} real photos; a hash from a thumbnail takes {1000 * spent / len(ids):.2f} ms of CPU")
    bits = np.stack([np.frombuffer(each, np.uint8) for each, _ in found])
    return real, bits, np.array([quality for _, quality in found])


def add(store: Store, work: Path, start: int, stop: int) -> None:
    """Write the photos with these numbers."""
    add_photos(store, units_of(work, start, stop), start)


def units_of(work: Path, start: int, stop: int) -> Iterator[Halves]:
    """Yield the embeddings of the photos with these numbers, in batches."""
    begin = 0
    for units in Mixtures(np.load(work / EMBEDDINGS)).blocks(stop):
        if begin + len(units) > start:
            yield units[max(0, start - begin) :]
        begin += len(units)


# --- what is measured ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Given:
    """Hashes by the number of the photo, instead of thumbnails; ids are numbers from 1 on."""

    bits: Bits
    quality: npt.NDArray[np.int64]

    @classmethod
    def load(cls, work: Path) -> "Given":
        """Read what `make` wrote."""
        with np.load(work / HASHES) as file:
            return cls(file["bits"], file["quality"])

    def __call__(self, _: Store, ids: list[int]) -> list[Hash]:
        """Return hashes and qualities of photos by id."""
        return [(self.bits[each - 1].tobytes(), int(self.quality[each - 1])) for each in ids]


def compare(work: Path) -> dict[str, float]:
    """Compare what is new in the store; return what that took."""
    given = Given.load(work)
    with Store.open(work / "store", write=True) as store:
        with store.reading() as view:
            before = count_candidates(view)
        wall, cpu = time.perf_counter(), time.process_time()
        photos = compare_new(store, hashes_of=given)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        with store.reading() as view:
            pairs = count_candidates(view) - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"photos": photos, "pairs": pairs, "wall": wall, "cpu": cpu, "peak": peak}


def measure(work: Path, sample: int) -> None:
    with np.load(work / HASHES) as file:
        photos = int(file["photos"])
    print(f"{'compared':>10s}{'with':>11s}{'wall s':>9s}{'CPU s':>9s}{'MiB':>8s}{'pairs each':>12s}")
    print_run(work, photos)
    if sample:
        print_recall(work, sample)
    for more in MORE:
        with Store.open(work / "store", write=True) as store, store.reading() as view:
            count = count_embeddings(view)
        with Store.open(work / "store", write=True) as store:
            add(store, work, count, count + more)
        print_run(work, count + more)


def print_run(work: Path, photos: int) -> None:
    command = [
        sys.executable,
        "-m",
        "lookalike.benchmarks.copies.all_pairs",
        "--compare",
        "--store",
        str(work),
        ".",
    ]
    done = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    each = done["pairs"] / max(1, done["photos"])
    print(
        f"{done['photos']:10,d}{photos:11,d}{done['wall']:9.1f}{done['cpu']:9.1f}{done['peak']:8.0f}{each:12.2f}",
        flush=True,
    )


# --- the plain way --------------------------------------------------------------------------------


def print_recall(work: Path, sample: int) -> None:
    """Compare the pairs of a sample of photos with those that plain products and sorting give."""
    given = Given.load(work)
    with Store.open(work / "store") as store, store.reading() as view:
        ids, space = visible_ids(view), shipped_space()
        points = placed(view, space, ids).points
    hashes = Hashes.of(given.bits[ids - 1], given.quality[ids - 1])
    rows = np.random.default_rng(1).choice(len(ids), min(sample, len(ids)), replace=False)
    wanted = [
        (min(row, other), max(row, other))
        for some in np.array_split(rows, -(-len(rows) // 32))
        for row, scores in zip(some.tolist(), points[some] @ points.T, strict=True)
        for other in plainly(row, scores, hashes, space)
    ]
    with sqlite3.connect(f"file:{work / 'store' / 'catalog.db'}?mode=ro", uri=True) as catalog_db:
        question = "SELECT count(*) FROM pair WHERE a = ? AND b = ?"
        hits = sum(
            catalog_db.execute(question, (int(ids[a]), int(ids[b]))).fetchone()[0] for a, b in wanted
        )
    share = hits / max(1, len(wanted))
    print(f"recall {share:.5f}: {hits:,} of {len(wanted):,} pairs of {len(rows):,} photos", flush=True)


def plainly(row: int, scores: Vectors, hashes: Hashes, space: CopySpace) -> list[int]:
    """Return which photos one nominates, by the rules as they read. scores: with all, (n,)."""
    scores[row] = -1
    # Of scores that are equal but for the last digits, the older photos.
    nearest = np.argsort(-np.round(scores / GRAIN), kind="stable")[:DEFAULT_K]
    floors = np.where(np.arange(len(nearest)) < FEW, min(space.few_floor, space.floor), space.floor)
    found = set(nearest[scores[nearest] >= floors].tolist())
    if hashes.textured[row]:
        almost = hashes.almost_same(np.array([row]), len(scores), ALMOST_SAME)[0]
        maybe = np.flatnonzero((almost | (scores >= space.gate)) & hashes.textured)
        maybe = maybe[maybe != row]
        bits = hashes.distances(np.full(len(maybe), row), maybe)
        close = np.flatnonzero(bits <= MAX_DISTANCE)
        found |= set(maybe[close[np.argsort(bits[close], kind="stable")[:DEFAULT_K]]].tolist())
    return sorted(found)


if __name__ == "__main__":
    main()
