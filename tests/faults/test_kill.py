"""SIGKILL at any instant of an index run: the store is whole, and the next run completes the library.

Real processes over real files with the real model; only the batches are small, so that many commits
lie in the way of the kill. One round in four is killed again while it recovers.
"""

import json
import random
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from lookalike.indexer.embed.choice import ModelChoice
from lookalike.indexer.options import IndexOptions
from lookalike.library import Library
from lookalike.store.records import Vectors
from lookalike.tests.faults import forks
from lookalike.tests.faults.scale import SEED, count, scale
from lookalike.tests.faults.whole import check_whole, digests
from lookalike.tests.pictures import draw_photo, save

ROUNDS = scale("LOOKALIKE_KILL_ROUNDS", suite=8, soak=200)
# Some kills must hit a library in the making.
HITS, MOST_ROUNDS = 3, 5 * ROUNDS
TASKS = "lookalike.tests.faults.tasks:"
# A decoder takes longer to start than a run takes; and by them files come in larger or smaller batches.
WORKERS = scale("LOOKALIKE_KILL_WORKERS", suite=1, soak=2)
PHOTOS = 60
MANY = 1_000_000


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
    small = ["--input-size", "64", "--workers", str(WORKERS)]
    return ["index", str(photos), "--store", str(store), *small, *believed]


def gaps_of_a_run(folder: Path, photos: Path) -> list[float]:
    """Return the seconds before each commit of photos, and after the last, of a run that nobody kills."""
    times = folder / "times.json"
    ended = forks.run(TASKS + "timed", [command(folder / "timed", photos)], str(times))
    assert ended.code == 0, ended.err
    return list(np.diff(json.loads(times.read_text()), prepend=0))


def run_and_kill(store: Path, photos: Path, moment: tuple[int, float]) -> bool:
    """Kill an index run so long after its so-many-th commit; tell whether it ended before by itself."""
    ended = forks.run(TASKS + "killed", [command(store, photos)], *moment)
    assert ended.code in (0, -signal.SIGALRM), ended.err
    return ended.code == 0


def start_and_kill(store: Path, photos: Path, changes: int) -> bool:
    """Do the same with the command as people run it, killed when its files changed so often."""
    argv = [sys.executable, "-m", "lookalike", *command(store, photos)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
        before = looks_of(store)
        while changes:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(0.001) in (0, 3)
            now = looks_of(store)
            changes -= now != before
            before = now
        process.kill()
    return False


def looks_of(store: Path) -> list[tuple[str, int, int]]:
    """Return what the files of a store look like from outside."""
    found = []
    for path in sorted(store.glob("*")):
        with suppress(FileNotFoundError):
            stat = path.stat()
            found.append((path.name, stat.st_size, stat.st_mtime_ns))
    return found


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


def hits(counts: list[tuple[int, int]]) -> int:
    """Return how many kills left a library that was begun and not complete."""
    return sum(0 < known < there for known, there in counts)


def run_to_the_end(folder: Path, photos: Path) -> dict[str, tuple[str, Vectors]]:
    """Index without being disturbed and return (digest, vector) by path."""
    with Library.open(folder, create=True) as library:
        report = library.index(
            [photos], choice=ModelChoice(input_size=64), options=IndexOptions(accept_missing=MANY)
        )
        assert not report.refused
        vectors = library.features([photo.id for photo in library.photos()])
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
    photos: Path, tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    store = tmp_path / "store"
    counts, truths = list[tuple[int, int]](), set[tuple[str, str]]()
    gaps = gaps_of_a_run(tmp_path, photos)
    assert len(gaps) > 8
    for number in range(MOST_ROUNDS):
        # How many kills hit a run in its middle depends on how quick the machine is.
        if number >= ROUNDS and hits(counts) >= HITS:
            break
        truths |= digests(photos).items()
        after = [rng.randrange(len(gaps)) for _ in range(2 if number % 4 == 3 else 1)]
        moments = [(commits, rng.uniform(0, gaps[commits])) for commits in after]
        try:
            if number % 8 == 5:
                is_complete = start_and_kill(store, photos, rng.randrange(1, 20))
            else:
                is_complete = [run_and_kill(store, photos, each) for each in moments][-1]
            counts.append((check_whole(store, truths), len(pictures(photos))))
        except Exception as error:
            error.add_note(f"LOOKALIKE_FAULT_SEED={SEED}: round {number}, killed at {moments}")
            raise
        count("kills of an index run", len(moments))
        change_some(photos, rng)
        # Kills through two rounds hardly leave more to do than what changed in between.
        if is_complete or number % 3 == 2:
            shutil.rmtree(store, ignore_errors=True)

    assert hits(counts) >= HITS, counts
    check_complete(store, tmp_path / "undisturbed", photos)
