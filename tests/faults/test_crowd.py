"""Many at one store: nothing that was committed is lost, and every answer is that of one moment."""

import json
import os
import shutil
from pathlib import Path

import pytest

from lookalike.store.catalog.photos import photos_of
from lookalike.store.index import snapshot
from lookalike.store.index.search import nearest_photos
from lookalike.store.store import Store
from lookalike.tests.children import Child
from lookalike.tests.faults.scale import count, scale
from lookalike.tests.store.making import brute_force, index_file, make_vector, names, open_filled

WRITERS = 8
COMMITS = scale("LOOKALIKE_FAULT_COMMITS", suite=3, soak=100)
READERS = 2
QUERY = make_vector(99_999)

# Commits one photo at a time, publishes in between; tells which arrived and who was in the way.
WRITE = """
import json, sys
from pathlib import Path
from lookalike.errors import StoreLocked
from lookalike.tests.store.making import open_filled
folder, first, commits, patience = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
filled = open_filled(folder)
filled.store.lock_timeout_s = patience
arrived, refused = [], []
for seed in range(first, first + commits):
    try:
        filled.fill([seed])
        arrived.append(seed)
        if seed % 3 == 0:
            filled.store.publish()
    except StoreLocked as error:
        refused.append([error.exit_code, str(error)])
filled.store.close()
print(json.dumps([arrived, refused]))
"""

# Asks until the writers have ended (its stdin is closed): each answer must be that of one epoch.
READ = """
import select, sys
from pathlib import Path
from lookalike.store.catalog.embeddings import count_embeddings
from lookalike.store.catalog.photos import count_totals, photos_of
from lookalike.store.index.search import nearest_photos
from lookalike.store.store import Store
from lookalike.tests.store.making import brute_force, make_vector
folder, query, asked = Path(sys.argv[1]), make_vector(99_999), 0
while not (ended := select.select([sys.stdin], [], [], 0)[0]) or not asked:
    with Store.open(folder) as store:
        for _ in range(5):
            with store.reading() as view:
                found = nearest_photos(view, query[None], 10)
                seeds = [int(Path(photo.path).stem) for photo in photos_of(view)]
                assert len(seeds) == count_totals(view).present == len(view.index())
                assert len(seeds) == count_embeddings(view)
                assert len(seeds) == view.epoch
            expected = brute_force(seeds, query, 10)
            assert len(found.scores[0]) == min(10, len(seeds))
            assert all(abs(a - b) < 1e-3 for a, b in zip(found.scores[0].tolist(), expected, strict=True))
            asked += 1
print(asked)
"""


def result(process: Child) -> str:
    out, err = process.communicate(timeout=1800)
    assert process.returncode == 0, err
    return out


@pytest.mark.timeout(3600)
def test_eight_writers_and_two_readers_lose_nothing_and_see_one_epoch_each(folder: Path) -> None:
    """Half of the writers wait for the others; half give up at once and are told who is in the way."""
    filled = open_filled(folder, [0])
    readers = [Child(READ, folder) for _ in range(READERS)]
    patience_s = [60, 0.01] * (WRITERS // 2)
    writers = [Child(WRITE, folder, 1000 * (n + 1), COMMITS, patience_s[n]) for n in range(WRITERS)]
    told = [json.loads(result(writer)) for writer in writers]
    asked = [int(result(reader)) for reader in readers]
    filled.store.close()

    arrived = [seed for seeds, _ in told for seed in seeds]
    refused = [each for _, all_refused in told for each in all_refused]
    assert len(arrived) + len(refused) >= WRITERS * COMMITS
    assert [refused for _, refused in told[::2]] == [[]] * (WRITERS // 2)
    for code, message in refused:
        assert code == 5
        assert "process " in message or "another process" in message
    with Store.open(folder) as store, store.reading() as view:
        paths = [photo.path for photo in photos_of(view)]
        found = nearest_photos(view, QUERY[None], 10).scores[0].tolist()
    assert sorted(names([(path, 0) for path in paths])) == sorted(f"{seed}.jpg" for seed in [0, *arrived])
    assert found == pytest.approx(brute_force([0, *arrived], QUERY, 10), abs=1e-3)
    count("commits of eight writers at once", len(arrived))
    count("answers during writes", sum(asked))


def test_a_writer_that_is_killed_leaves_the_lock_to_the_next_at_once(folder: Path) -> None:
    open_filled(folder, [0]).store.close()
    for _ in range(scale("LOOKALIKE_FAULT_HOLDERS", suite=2, soak=50)):
        hold = (
            "import sys; from lookalike.store.store import Store; s = Store.open(sys.argv[1], write=True)\n"
            "with s.writing(): print('held', flush=True); sys.stdin.read()"
        )
        process = Child(hold, folder)
        assert process.stdout.readline() == "held\n"
        process.kill()
        process.communicate()
        with Store.open(folder, write=True, lock_timeout_s=0) as store, store.writing():
            pass
        count("killed holders of the lock")


def test_a_snapshot_that_is_cut_or_replaced_under_a_reader_changes_no_answer(
    published: Path, tmp_path: Path
) -> None:
    file = index_file(published)
    whole = file.read_bytes()
    expected = pytest.approx(brute_force(range(120), QUERY, 20), abs=1e-3)
    for cut in (0, 100, len(whole) // 2, len(whole) - 1):
        with Store.open(published) as store, store.reading() as view:
            assert nearest_photos(view, QUERY[None], 20).scores[0].tolist() == expected
            os.truncate(file, cut)
            assert nearest_photos(view, QUERY[None], 20).scores[0].tolist() == expected
            shutil.copy(published / "index.json", file)
            assert nearest_photos(view, QUERY[None], 20).scores[0].tolist() == expected
        file.write_bytes(whole)
        count("snapshots cut under a reader")
    manifest = snapshot.read_manifest(str(published))
    assert manifest is not None
    assert snapshot.is_whole(str(published), manifest)
