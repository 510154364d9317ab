"""What a power loss may leave: a log that ends anywhere, files of different times, an older backup.

The catalog is then as it was after one of its commits, or there is an error of ours; the answers are those
of that commit.
"""

import os
import random
import shutil
import struct
from pathlib import Path

import pytest

from lookalike.errors import StoreError
from lookalike.store.care.checks import check_store
from lookalike.store.catalog import schema
from lookalike.store.catalog.photos import count_totals
from lookalike.store.index import snapshot
from lookalike.store.index.search import nearest_photos
from lookalike.store.store import Store
from lookalike.tests.faults.scale import SEED, count, scale
from lookalike.tests.store.making import brute_force, index_file, make_vector, open_filled

CUTS = scale("LOOKALIKE_FAULT_LOG_CUTS", suite=8, soak=100_000)
MIXES = scale("LOOKALIKE_FAULT_MIXES", suite=13, soak=1296)
QUERY = make_vector(99_999)
STATES = 6
LOG_HEADER, FRAME = 32, schema.PAGE_SIZE + 24


def seeds_at(state: int) -> range:
    return range(10 * state)


def states_of_a_life(folder: Path, tmp_path: Path) -> list[Path]:
    """Return copies of an open store, its log not folded back, after each of STATES commits.

    Every second one was published, so that snapshots are older than catalogs, too.
    """
    filled, copies = open_filled(folder), []
    for state in range(1, STATES + 1):
        filled.fill(range(10 * (state - 1), 10 * state))
        if state % 2:
            filled.store.publish()
        copies.append(tmp_path / f"state{state}")
        shutil.copytree(folder, copies[-1])
    filled.store.close()
    return copies


def put_together(folder: Path, files: dict[str, Path | None]) -> None:
    """Make a store of files from several folders; None: that file is lost."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    for name, source in files.items():
        if source is not None and (source / name).exists():
            shutil.copy(source / name, folder / name)
    if files.get("index.json") is not None:
        found = snapshot.read_manifest(str(folder))
        source = files["index"]
        if found is not None and source is not None:
            shutil.copy(index_file(source), folder / found.file)


def check_state(folder: Path) -> int | None:
    """Check that a store is as after one of its commits; return its photos, None for an error of ours."""
    try:
        with Store.open(folder) as store:
            with store.reading() as view:
                photos = count_totals(view).present
                found = nearest_photos(view, QUERY[None], 10).scores[0].tolist()
            assert [str(each) for each in check_store(store) if each.level == "broken"] == []
    except StoreError:
        return None
    assert photos % 10 == 0
    assert found == pytest.approx(brute_force(range(photos), QUERY, 10), abs=1e-3)
    return photos


def test_a_log_that_ends_anywhere_gives_the_state_of_a_commit(folder: Path, tmp_path: Path) -> None:
    state = states_of_a_life(folder, tmp_path)[-1]
    log = (state / "catalog.db-wal").read_bytes()
    assert struct.unpack(">I", log[8:12]) == (schema.PAGE_SIZE,)
    frames = (len(log) - LOG_HEADER) // FRAME
    ends = [0, 1, LOG_HEADER - 1]
    for frame in range(frames + 1):
        at = LOG_HEADER + frame * FRAME
        ends += [at, at + 11, at + 24, at + FRAME // 2]
    rng, seen = random.Random(SEED), set[int | None]()
    chosen = ends if len(ends) <= CUTS else sorted(rng.sample(ends, CUTS))
    for end in chosen:
        copy = tmp_path / "cut"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(state, copy)
        (copy / "catalog.db-shm").unlink(missing_ok=True)
        os.truncate(copy / "catalog.db-wal", min(end, len(log)))
        seen.add(check_state(copy))
        filled = open_filled(copy)  # and a writer can go on
        filled.store.close()
        count("logs cut short")
    assert len(seen) > STATES // 2


def test_files_of_different_times_give_the_state_of_a_commit(folder: Path, tmp_path: Path) -> None:
    """Catalog with its log, manifest, snapshot and thumbnails of any of six times, or lost."""
    states: list[Path | None] = [*states_of_a_life(folder, tmp_path)]
    rng = random.Random(SEED)
    for _ in range(MIXES):
        catalog = rng.choice([each for each in states if each])
        manifest, index, thumbs = (rng.choice([*states, None]) for _ in range(3))
        files = {
            "catalog.db": catalog,
            "catalog.db-wal": catalog,
            "index.json": manifest,
            "index": index,
            "thumbs.db": thumbs,
            "thumbs.db-wal": thumbs,
        }
        put_together(tmp_path / "mixed", files)
        assert check_state(tmp_path / "mixed") == 10 * (states.index(catalog) + 1)
        count("mixes of files of six times")


@pytest.mark.parametrize("lost", ["catalog.db-wal", "catalog.db-shm", "both"])
def test_a_lost_log_gives_an_older_state(folder: Path, tmp_path: Path, lost: str) -> None:
    for state in states_of_a_life(folder, tmp_path):
        for name in ("catalog.db-wal", "catalog.db-shm"):
            if lost in (name, "both"):
                (state / name).unlink()
        photos = check_state(state)
        assert lost != "catalog.db-shm" or photos
        count("lost logs")


def test_the_log_of_another_time_is_not_mixed_in(folder: Path, tmp_path: Path) -> None:
    """The catalog of a store at rest beside the log of an earlier or later time."""
    states = states_of_a_life(folder, tmp_path)
    for state in states:
        put_together(tmp_path / "mixed", {"catalog.db": folder, "catalog.db-wal": state})
        check_state(tmp_path / "mixed")
        count("foreign logs")


def test_an_older_backup_whose_epochs_come_again_gives_its_own_answers(
    folder: Path, tmp_path: Path
) -> None:
    """At every distance between the backup and the snapshot, before, at and after the number they share."""
    filled = open_filled(folder, range(20))
    filled.store.close()
    backup = (folder / "catalog.db").read_bytes()
    filled = open_filled(folder)
    for seed in range(1000, 1005):
        filled.fill([seed])
    filled.store.publish()
    filled.store.close()
    (folder / "catalog.db").write_bytes(backup)
    seeds = [*range(20)]
    for seed in range(2000, 2008):
        filled = open_filled(folder, [seed])
        filled.store.close()
        seeds.append(seed)
        with Store.open(folder) as store, store.reading() as view:
            found = nearest_photos(view, QUERY[None], 10).scores[0].tolist()
        assert found == pytest.approx(brute_force(seeds, QUERY, 10), abs=1e-3)
        count("restored backups")
