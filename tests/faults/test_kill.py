"""SIGKILL at any instant of an index run: the store is whole, and the next run completes the library.

Real processes over real files with the real model; only the batches are small, so that many commits
lie in the way of the kill. One round in four is killed again while it recovers.
"""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from lookalike.indexer.embed.choice import ModelChoice
from lookalike.indexer.options import IndexOptions
from lookalike.library import Library
from lookalike.store.records import Vectors
from lookalike.tests.faults.forks import Forks
from lookalike.tests.faults.scale import count, scale
from lookalike.tests.faults.whole import check_whole, digests
from lookalike.tests.pictures import draw_photo, save

SEED = int(os.environ.get("LOOKALIKE_KILL_SEED", "2026"))
ROUNDS = scale("LOOKALIKE_KILL_ROUNDS", suite=50, soak=200)
# Some kills must hit a library in the making; on a machine of changing speed that takes more rounds.
HITS = 3
MOST_ROUNDS = 5 * ROUNDS
PHOTOS = 60
MANY = 1_000_000


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as made:
        yield made


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "photos"
    for seed in range(PHOTOS):
        save(folder / f"{seed % 5}" / f"{seed}.jpg", draw_photo(seed, 48, 36), quality=90)
    (folder / "x.jpg").write_bytes(b"no picture")
    return folder


def command(store: Path, photos: Path) -> list[str]:
    # What was edited and renamed through many killed runs adds up to what looks like a drive that is away.
    believed = ["--accept-missing", str(MANY)]
    return ["index", str(photos), "--store", str(store), "--input-size", "64", *believed]


def run_and_kill(forks: Forks, store: Path, photos: Path, delay_s: float | None) -> bool:
    """Start an index run and kill it so long after it began; tell whether it ended before by itself."""
    ended = forks.run(
        "lookalike.tests.faults.tasks:commands", [command(store, photos)], kill_after_s=delay_s
    )
    assert ended.code in (0, -9), ended.err
    return ended.code == 0


def start_and_kill(store: Path, photos: Path, delay_s: float) -> bool:
    """Do the same with the command as people run it, killed a while after its very start."""
    argv = [sys.executable, "-m", "lookalike", *command(store, photos)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(delay_s) in (0, 3)
        process.kill()
    return False


def time_of_a_run(forks: Forks, store: Path, photos: Path) -> float:
    """Return how many seconds a run takes that nobody kills."""
    began = time.monotonic()
    assert run_and_kill(forks, store, photos, None)
    return time.monotonic() - began


def change_some(photos: Path, rng: random.Random) -> None:
    """Do what people do between two runs: rename, edit, copy."""
    for path in rng.sample(pictures(photos), 8):
        path.rename(path.with_name(f"{rng.randrange(10**9)}.jpg"))
    for path in rng.sample(pictures(photos), 6):
        if rng.random() < 0.8:
            save(path, draw_photo(rng.randrange(10**6), 48, 36), quality=90)
        else:
            shutil.copy(path, path.with_name(f"{rng.randrange(10**9)}.jpg"))


def pictures(photos: Path) -> list[Path]:
    return sorted(photos.rglob("[0-9]*.jpg"))


def hits(counts: list[int]) -> int:
    """Return how many kills left a library that was begun and not complete."""
    return sum(0 < count < PHOTOS for count in counts)


def run_to_the_end(folder: Path, photos: Path) -> dict[str, tuple[str, Vectors]]:
    """Index without being disturbed and return (digest, vector) by path."""
    with Library.open(folder, create=True) as library:
        report = library.index(
            [photos], choice=ModelChoice(input_size=64), options=IndexOptions(accept_missing=MANY)
        )
        assert not report.refused
        vectors = library.vectors([photo.id for photo in library.photos()])
        return {
            file.path: (photo.digest, vectors[photo.id])
            for photo in library.photos()
            for file in photo.files
        }


def check_complete(store: Path, undisturbed: Path, photos: Path) -> None:
    """Check that one more run makes of what is left what a run makes that nobody disturbed."""
    complete, expected = run_to_the_end(store, photos), run_to_the_end(undisturbed, photos)
    assert {path: digest for path, (digest, _) in complete.items()} == digests(photos)
    assert complete.keys() == expected.keys()
    for path, (digest, vector) in expected.items():
        assert complete[path][0] == digest
        np.testing.assert_allclose(
            complete[path][1], vector, rtol=1e-2, atol=1e-3 * float(np.abs(vector).max())
        )
    assert check_whole(store, set(digests(photos).items())) == len(complete)
    assert list(store.glob("*.tmp")) == []


@pytest.mark.timeout(7200)
def test_a_kill_at_any_instant_leaves_a_whole_store_and_the_next_run_completes_it(
    photos: Path, tmp_path: Path, forks: Forks
) -> None:
    rng = random.Random(SEED)
    store = tmp_path / "store"
    counts, truths = list[int](), set[tuple[str, str]]()
    work_s = time_of_a_run(forks, tmp_path / "timed", photos)
    for number in range(MOST_ROUNDS):
        if number >= ROUNDS and hits(counts) >= HITS:
            break
        truths |= digests(photos).items()
        delays = [rng.uniform(0, work_s) for _ in range(2 if number % 4 == 3 else 1)]
        try:
            if number % 25 == 24:
                is_complete = start_and_kill(store, photos, 1.0 + delays[0])
            else:
                is_complete = [run_and_kill(forks, store, photos, each) for each in delays][-1]
            counts.append(check_whole(store, truths))
        except Exception as error:
            error.add_note(f"LOOKALIKE_KILL_SEED={SEED}: round {number}, killed after {delays} s")
            raise
        count("kills of an index run", len(delays))
        change_some(photos, rng)
        if is_complete:
            shutil.rmtree(store)

    assert hits(counts) >= HITS, counts
    check_complete(store, tmp_path / "undisturbed", photos)
