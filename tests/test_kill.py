"""SIGKILL at any instant of an index run: the store is whole, and the next run completes the library.

Real processes over real files with the real model; only the batches are small, so that many commits
lie in the way of the kill.
"""

import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3

from lookalike.choice import ModelChoice
from lookalike.errors import StoreMissing
from lookalike.library import Library
from lookalike.store.checks import check_store
from lookalike.store.records import Vectors
from lookalike.store.store import Store
from lookalike.tests.pictures import draw_photo, save

SEED = int(os.environ.get("LOOKALIKE_KILL_SEED", "2026"))
ROUNDS = int(os.environ.get("LOOKALIKE_KILL_ROUNDS", "20"))
PHOTOS = 320

# Says "go" once everything is loaded: the kill shall not hit the import of modules.
SMALL_BATCHES = """
import sys
import lookalike.indexer.engines.onnx, lookalike.indexer.worker, lookalike.store.store
from lookalike.indexer.pipeline import IndexOptions
from lookalike.choice import ModelChoice
from lookalike.library import Library
print("go", flush=True)
with Library.open(sys.argv[1], create=True) as library:
    library.index([sys.argv[2]], choice=ModelChoice(input_size=64), options=IndexOptions(batch_files=16))
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "photos"
    for seed in range(PHOTOS):
        save(folder / f"{seed % 5}" / f"{seed}.jpg", draw_photo(seed, 64, 48), quality=90)
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def run_and_kill(store: Path, photos: Path, delay_s: float | None) -> bool:
    """Start an index run and kill it so long after it began; tell whether it ended before by itself."""
    command = [sys.executable, "-c", SMALL_BATCHES, str(store), str(photos)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        return wait_or_kill(process, delay_s)


def run_command_and_kill(store: Path, photos: Path, delay_s: float) -> bool:
    """Do the same with the command as people run it, killed a while after its very start."""
    command = [sys.executable, "-m", "lookalike", "index", str(photos), "--store", str(store)]
    with subprocess.Popen([*command, "--input-size", "64"], stdout=subprocess.DEVNULL) as process:
        return wait_or_kill(process, delay_s)


def wait_or_kill(process: "subprocess.Popen[str] | subprocess.Popen[bytes]", delay_s: float | None) -> bool:
    with suppress(subprocess.TimeoutExpired):
        return process.wait(delay_s) in (0, 3)
    process.kill()
    process.wait()
    return False


Contents = dict[str, str]


def time_of_a_run(store: Path, photos: Path) -> tuple[float, float]:
    """Return how long a run takes that nobody kills: until all is loaded, and from then on; seconds."""
    began = time.monotonic()
    run_and_kill(store, photos, 0)
    loaded = time.monotonic()
    assert run_and_kill(store, photos, None)
    return loaded - began, time.monotonic() - loaded - (loaded - began)


def digests(photos: Path) -> Contents:
    """Return what a complete library holds: the content of every photo by path."""
    return {str(path): blake3(path.read_bytes()).hexdigest() for path in photos.rglob("[0-9]*.jpg")}


def held(store: Store) -> Contents:
    with store.reading() as view:
        return {file.path: photo.digest for photo in view.photos() for file in photo.files}


def check(folder: Path, truths: set[tuple[str, str]]) -> int:
    """Check that what a killed run left is whole; return the number of files in it.

    truths: paths with the contents that they have, or had when an earlier run met them.
    """
    try:
        store = Store.open(folder)
    except StoreMissing:  # killed before the first transaction
        return 0
    with store:
        assert [str(each) for each in check_store(store) if each.level == "broken"] == []
        files = held(store)
        assert files.items() <= truths
        with store.reading() as view:
            ids = view.visible_ids().tolist()
            vectors = view.raw_vectors(ids)
            assert sorted(vectors) == ids
            for each in ids[:: max(1, len(ids) // 10)]:
                found = view.nearest(vectors[each][None], 3)
                assert each in found.ids[0].tolist()
                assert found.scores[0, 0] == pytest.approx(1, abs=1e-3)
            for photo in view.photos():
                assert store.thumbs.get(bytes.fromhex(photo.digest)) is not None
    return len(files)


def change_some(photos: Path, rng: random.Random) -> None:
    """Do what people do between two runs: rename, edit, copy."""
    paths = sorted(photos.rglob("[0-9]*.jpg"))
    for path in rng.sample(paths, 12):
        path.rename(path.with_name(f"{rng.randrange(10**9)}.jpg"))
    for path in rng.sample(sorted(photos.rglob("[0-9]*.jpg")), 6):
        if rng.random() < 0.5:
            save(path, draw_photo(rng.randrange(10**6), 64, 48), quality=90)
        else:
            shutil.copy(path, path.with_name(f"{rng.randrange(10**9)}.jpg"))


def run_to_the_end(folder: Path, photos: Path) -> dict[str, tuple[str, Vectors]]:
    """Index without being disturbed and return (digest, vector) by path."""
    with Library.open(folder, create=True) as library:
        report = library.index([photos], choice=ModelChoice(input_size=64))
        assert not report.refused
        vectors = library.vectors([photo.id for photo in library.photos()])
        return {
            file.path: (photo.digest, vectors[photo.id])
            for photo in library.photos()
            for file in photo.files
        }


def test_a_kill_at_any_instant_leaves_a_whole_store_and_the_next_run_completes_it(
    photos: Path, tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    store = tmp_path / "store"
    counts, truths = list[int](), set[tuple[str, str]]()
    start_s, work_s = time_of_a_run(tmp_path / "timed", photos)
    for number in range(ROUNDS):
        delay_s = rng.uniform(0, work_s)
        truths |= digests(photos).items()
        if number % 5 == 4:
            is_complete = run_command_and_kill(store, photos, start_s + delay_s)
        else:
            is_complete = run_and_kill(store, photos, delay_s)
        try:
            counts.append(check(store, truths))
        except Exception as error:
            error.add_note(f"LOOKALIKE_KILL_SEED={SEED}: round {number}, killed after {delay_s:.4f} s")
            raise
        change_some(photos, rng)
        if is_complete:
            shutil.rmtree(store)

    # The kills were worth something: some hit a library in the making.
    assert sum(0 < count < PHOTOS for count in counts) >= 3, counts

    complete = run_to_the_end(store, photos)
    undisturbed = run_to_the_end(tmp_path / "undisturbed", photos)
    assert {path: digest for path, (digest, _) in complete.items()} == digests(photos)
    assert complete.keys() == undisturbed.keys()
    for path, (digest, vector) in undisturbed.items():
        assert complete[path][0] == digest
        np.testing.assert_allclose(
            complete[path][1], vector, rtol=1e-2, atol=1e-3 * float(np.abs(vector).max())
        )
    assert check(store, set(digests(photos).items())) == len(complete)
    assert list(store.glob("*.tmp")) == []
