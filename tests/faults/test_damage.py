"""Damaged files of a store: answers stay right, or an error of ours says so; never a wrong neighbor.

Search is compared with brute force over made-up vectors. A damaged snapshot or manifest costs nothing at
all; a damaged catalog may cost an error.
"""

import contextlib
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lookalike.errors import StoreError
from lookalike.store.care.checks import check_store
from lookalike.store.catalog.contents import sorted_digests
from lookalike.store.catalog.embeddings import raw_vectors
from lookalike.store.catalog.files import known_files
from lookalike.store.catalog.folders import all_roots
from lookalike.store.catalog.hashes import stored_hashes
from lookalike.store.catalog.pairs import all_decisions, all_verdicts, unproved_pairs
from lookalike.store.catalog.photos import count_totals, file_errors, photos_of
from lookalike.store.index.search import nearest_photos
from lookalike.store.store import Store
from lookalike.tests.faults.scale import SEED, count, scale
from lookalike.tests.store.making import (
    PUBLISHED,
    brute_force,
    exact_scores,
    index_file,
    make_vector,
    open_filled,
)

SNAPSHOTS = scale("LOOKALIKE_FAULT_DAMAGES", suite=25, soak=1000)
PAGES = scale("LOOKALIKE_FAULT_PAGES", suite=20, soak=1000)
QUERIES = [make_vector(99_990 + number) for number in range(3)]
K = 10

Harm = Callable[[Path, random.Random], None]


def flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def scribble(path: Path, rng: random.Random) -> None:
    """Overwrite up to a block anywhere."""
    data = bytearray(path.read_bytes())
    start, length = rng.randrange(len(data)), rng.choice([8, 64, 512, 4096])
    data[start : start + length] = rng.randbytes(len(data[start : start + length]))
    path.write_bytes(data)


def zero(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    start, length = rng.randrange(len(data)), rng.choice([8, 512, 4096])
    data[start : start + length] = bytes(len(data[start : start + length]))
    path.write_bytes(data)


def truncate(path: Path, rng: random.Random) -> None:
    os.truncate(path, rng.randrange(path.stat().st_size))


def lengthen(path: Path, rng: random.Random) -> None:
    with path.open("ab") as out:
        out.write(rng.randbytes(rng.randrange(1, 5000)))


def shift(path: Path, rng: random.Random) -> None:
    """Lose some bytes in the middle."""
    data = path.read_bytes()
    start = rng.randrange(len(data))
    path.write_bytes(data[:start] + data[start + rng.randrange(1, 64) :])


def lose(path: Path, rng: random.Random) -> None:
    path.unlink()


HARMS: list[Harm] = [flip, scribble, zero, truncate, lengthen, shift, lose]
PAGE_HARMS: list[Harm] = [flip, scribble, zero]


@dataclass(frozen=True)
class Facts:
    """What the photos of a whole store are. scores: by query, the K best, best first."""

    photos: dict[int, tuple[str, str, int, int]]
    neighbors: list[list[int]]


def facts(folder: Path) -> Facts:
    with Store.open(folder) as store, store.reading() as view:
        return Facts(
            photos={each.id: (each.path, each.digest, each.width, each.size) for each in photos_of(view)},
            neighbors=[nearest_photos(view, query[None], K).ids[0].tolist() for query in QUERIES],
        )


def check_search(folder: Path, seeds: Any, k: int = K) -> None:
    """Compare the answers of a store with brute force."""
    with Store.open(folder) as store, store.reading() as view:
        for query in QUERIES:
            found = nearest_photos(view, query[None], k)
            assert found.scores[0].tolist() == pytest.approx(brute_force(seeds, query, k), abs=1e-3)
            scores = exact_scores(raw_vectors(view, found.ids[0].tolist()), query)
            assert [scores[each] for each in found.ids[0].tolist()] == pytest.approx(
                found.scores[0].tolist(), abs=1e-3
            )


def test_a_damaged_snapshot_or_manifest_changes_no_answer(published: Path) -> None:
    filled = open_filled(published, range(PUBLISHED, PUBLISHED + 10))  # to be replayed
    filled.store.close()
    rng = random.Random(SEED)
    for path, share in ((index_file(published), 0.7), (published / "index.json", 0.3)):
        whole = path.read_bytes()
        for number in range(int(SNAPSHOTS * share)):
            harm = HARMS[number % len(HARMS)]
            harm(path, rng)
            try:
                check_search(published, range(PUBLISHED + 10))
            except Exception as error:
                error.add_note(f"{harm.__name__}, round {number} of {path.name}")
                raise
            path.write_bytes(whole)
            count("damaged snapshots and manifests")


def test_snapshots_and_manifests_of_all_times_together_change_no_answer(
    folder: Path, tmp_path: Path
) -> None:
    """Each manifest beside each snapshot under its own and the other's name, beside each catalog."""
    states = states_of_a_life(folder, tmp_path)
    for catalog in range(len(states)):
        for manifest in range(len(states)):
            for index in range(len(states)):
                mix(states, folder, {"catalog.db": catalog, "thumbs.db": catalog, "index.json": manifest})
                source = index_file(states[index])
                shutil.copy(source, folder / index_file(states[manifest]).name)
                check_search(folder, seeds_at(catalog))
                count("mixes of catalog, manifest and snapshot")


# All mixes of three files of so many times: 64 of four, 216 of six.
STATES = scale("LOOKALIKE_FAULT_STATES", suite=4, soak=6)


def seeds_at(state: int) -> list[int]:
    return list(range(20 + 5 * state))


def states_of_a_life(folder: Path, tmp_path: Path) -> list[Path]:
    """Return copies of a store as it was at STATES epochs."""
    copies = []
    for state in range(STATES):
        filled = open_filled(folder, seeds_at(state)[0 if state == 0 else -5 :])
        filled.store.publish()
        filled.store.close()
        copies.append(tmp_path / f"state{state}")
        shutil.copytree(folder, copies[-1])
    return copies


def mix(states: list[Path], folder: Path, files: dict[str, int]) -> None:
    """Put a store together from files of several states."""
    shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    for name, state in files.items():
        shutil.copy(states[state] / name, folder / name)


READS: dict[str, Callable[[Any], Any]] = {
    "photos": lambda view: {
        each.id: (each.path, each.digest, each.width, each.size) for each in photos_of(view)
    },
    "errors": lambda view: list(file_errors(view)),
    "totals": lambda view: count_totals(view),
    "pairs": lambda view: (
        list(all_verdicts(view)),
        unproved_pairs(view, 1),
        [(each.ids.tolist(), each.bits.tobytes(), each.quality.tolist()) for each in stored_hashes(view)],
    ),
    "decisions": lambda view: list(all_decisions(view)),
    "digests": lambda view: list(sorted_digests(view)),
    "known files": lambda view: [known_files(view, root, b"") for root in all_roots(view)],
}


@pytest.mark.parametrize("with_snapshot", [True, False], ids=["snapshot", "rebuild"])
def test_a_damaged_catalog_gives_right_neighbors_or_an_error_of_ours(
    published: Path, tmp_path: Path, with_snapshot: bool
) -> None:
    right = facts(published)
    if not with_snapshot:
        (published / "index.json").unlink()
    rng, copy, caught = random.Random(f"{SEED} {with_snapshot}"), tmp_path / "copy", 0
    for number in range(PAGES // 2):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(published, copy)
        harm = PAGE_HARMS[number % 3]
        harm(copy / "catalog.db", rng)
        try:
            caught += look_at_all(copy, right)
        except Exception as error:
            error.add_note(f"{harm.__name__}, round {number}")
            raise
        count("damaged catalogs")
    assert caught > PAGES // 20  # the damage was worth something


def look_at_all(folder: Path, right: Facts) -> bool:
    """Ask everything of a damaged store; tell whether it gave an error of ours anywhere."""
    caught = False
    try:
        store = Store.open(folder)
    except StoreError:
        return True
    with store:
        try:
            with store.reading() as view:
                for query, neighbors in zip(QUERIES, right.neighbors, strict=True):
                    found = nearest_photos(view, query[None], K).ids[0].tolist()
                    # A photo may be hidden with its damaged row; none may come that is no neighbor.
                    assert found == neighbors or is_noticed(folder), (found, neighbors)
        except StoreError:
            caught = True
        for name, read in READS.items():
            try:
                with store.reading() as view:
                    read(view)
            except StoreError:
                caught = True
            except Exception as error:
                error.add_note(f"reading {name}")
                raise
        caught |= any(each.level == "broken" for each in check_store(store))
    return caught


def is_noticed(folder: Path) -> bool:
    """Tell whether SQLite itself finds the damage when it compares tables with their indexes."""
    try:
        with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as connection:
            return bool(connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",))
    except sqlite3.Error:
        return True
