"""Writing a snapshot: whole or not at all, and no more than needed."""

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from lookalike.store.catalog import embeddings
from lookalike.store.files import write_atomic
from lookalike.store.index import snapshot
from lookalike.store.store import Store

from .making import ask, index_file, make_vector, open_filled, run_python


def test_publishing_twice_writes_once(published: Path) -> None:
    before = os.stat(index_file(published)).st_mtime_ns
    with Store.open(published, create=True) as store:
        store.publish()
    assert os.stat(index_file(published)).st_mtime_ns == before


@pytest.mark.parametrize("harm", ["lost", "flipped"])
def test_publishing_replaces_a_snapshot_that_came_to_harm(published: Path, harm: str) -> None:
    file = index_file(published)
    whole = file.read_bytes()
    if harm == "lost":
        file.unlink()
    else:
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with Store.open(published, create=True) as store:
        store.publish()
    assert file.read_bytes() == whole


def test_the_snapshot_before_stays_and_older_ones_go(published: Path) -> None:
    filled = open_filled(published)
    for seed in range(200, 204):
        filled.fill([seed])
        filled.store.publish()
    filled.store.close()
    kept = sorted(int(file.name.split("-")[2]) for file in published.glob("index-*.faiss"))
    assert kept == [4, 5]


def test_opening_for_writing_sweeps_what_a_killed_writer_left(published: Path) -> None:
    for name in ("index.json.4711.tmp", "index-abc-7-def.faiss.4711.tmp"):
        (published / name).write_bytes(b"half")
    Store.open(published, create=True).close()
    assert list(published.glob("*.tmp")) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_at_any_step_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    target = tmp_path / "index.json"
    write_atomic(str(target), lambda out: out.write(b"old"))

    def fail(*_: object) -> None:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="input/output"):
        write_atomic(str(target), lambda out: out.write(b"new"))

    assert target.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["index.json"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "index.json"
    write_atomic(str(target), lambda out: out.write(b"old"))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(str(target), lambda out: out.write(b"new"))
    assert target.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["index.json"]


def test_searching_writes_nothing_into_the_store(published: Path) -> None:
    (published / "index.json").unlink()

    def listing() -> dict[str, tuple[int, int]]:
        files = [file for file in published.iterdir() if not file.name.endswith(("-wal", "-shm"))]
        return {file.name: (file.stat().st_mtime_ns, file.stat().st_size) for file in files}

    before = listing()
    with Store.open(published) as store:
        ask(store, make_vector(1), 5)
    assert listing() == before


def harm_unseen(file: Path) -> None:
    """Flip a bit as a failing disk does: no new time, no new size."""
    found, data = file.stat(), bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))


def test_a_snapshot_that_nobody_touched_is_not_read_again(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "is_whole", lambda *_: pytest.fail("the snapshot was read"))
    with Store.open(published, create=True) as store:
        store.publish()


def test_damage_behind_the_file_systems_back_is_repaired_once_it_was_met(published: Path) -> None:
    file = index_file(published)
    whole = file.read_bytes()
    harm_unseen(file)
    with Store.open(published, create=True) as store:
        ask(store, make_vector(1), 5)
        store.publish()
    assert file.read_bytes() == whole


def test_a_copied_store_keeps_its_snapshot(published: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(published, copy)
    os.utime(index_file(copy), ns=(1, 1))
    with Store.open(copy, create=True) as store:
        store.publish()
    assert os.stat(index_file(copy)).st_mtime_ns == 1


MEMORY = """
import resource, sys
from pathlib import Path
import numpy as np
from lookalike.store.index import snapshot
from lookalike.store.index.exact import VectorIndex

folder, task = sys.argv[1:]
DIM, COUNT = 1024, 65_536
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
if task == "write":
    index = VectorIndex(DIM)
    for start in range(0, COUNT, 4096):
        index.add(np.arange(start, start + 4096), np.ones((4096, DIM), np.float16))
    before = peak()
    snapshot.publish(folder, snapshot.Stamp("store", "f" * 32, 1, "n" * 32), index)
else:
    VectorIndex(DIM)  # FAISS itself
    before = peak()
    index = snapshot.load(folder, snapshot.read_manifest(folder))
    assert len(index) == COUNT
print(peak() - before)
"""


@pytest.mark.parametrize(("task", "copies"), [("write", 0.3), ("load", 1.5)])
def test_a_snapshot_is_in_memory_at_most_once(tmp_path: Path, task: str, copies: float) -> None:
    for each in dict.fromkeys(("write", task)):
        done = run_python(MEMORY, tmp_path, each)
        assert done.returncode == 0, done.stderr
    assert int(done.stdout) < copies * index_file(tmp_path).stat().st_size


def test_old_epochs_are_forgotten_but_not_the_published_one(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "_EPOCHS_KEPT", 3)
    filled = open_filled(published)
    for seed in range(200, 206):
        filled.fill([seed])
    assert epochs(published) == [1, 2, 3, 4, 5, 6, 7]
    filled.store.publish()
    assert epochs(published) == [5, 6, 7]
    with filled.store.writing() as view:
        embeddings.trim_epochs(view, 5)
        for _ in range(5):
            embeddings.bump_epoch(view)
        embeddings.trim_epochs(view, 7)
    assert epochs(published) == [7, 10, 11, 12]
    filled.store.close()


def epochs(folder: Path) -> list[int]:
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as connection:
        return [row[0] for row in connection.execute("SELECT epoch FROM epoch ORDER BY epoch")]
