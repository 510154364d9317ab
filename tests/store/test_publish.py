"""Writing a snapshot: whole or not at all, and no more than needed."""

import os
from pathlib import Path

import pytest

from lookalike.store import snapshot
from lookalike.store.store import Store

from .making import ask, index_file, make_vector, open_filled


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
    snapshot.write_atomic(str(target), b"old")

    def fail(*_: object) -> None:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="input/output"):
        snapshot.write_atomic(str(target), b"new")

    assert target.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["index.json"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "index.json"
    snapshot.write_atomic(str(target), b"old")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        snapshot.write_atomic(str(target), b"new")
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
