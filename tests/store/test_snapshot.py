"""A snapshot of the index is a cache: whatever happens to it, the answers stay those of the catalog."""

import json
import logging
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lookalike.store.catalog.embeddings import count_embeddings
from lookalike.store.index import snapshot
from lookalike.store.index.exact import VectorIndex
from lookalike.store.index.search import nearest_photos
from lookalike.store.store import Store
from lookalike.tests.faults.scale import scale

from .making import (
    PUBLISHED,
    Answer,
    ask,
    brute_force,
    index_file,
    make_result,
    make_spec,
    make_vector,
    names,
    open_filled,
)

QUERY = make_vector(99_999)
FLIPS = scale("LOOKALIKE_FAULT_MANIFEST_FLIPS", suite=75, soak=3000)
SEEDS = range(PUBLISHED)


def reopened(folder: Path, k: int = 20) -> Answer:
    with Store.open(folder) as store:
        return ask(store, QUERY, k)


def scores_of(answer: Answer) -> list[float]:
    return [score for _, score in answer]


def expected(seeds: Any = SEEDS, k: int = 20) -> Any:
    return pytest.approx(brute_force(seeds, QUERY, k), abs=1e-3)


def edit_manifest(folder: Path, **changes: Any) -> None:
    path = folder / "index.json"
    fields = json.loads(path.read_text())
    stamp = {**fields["stamp"], **changes.pop("stamp", {})}
    path.write_text(json.dumps({**fields, "stamp": stamp, **changes}))


def was_rebuilt(caplog: pytest.LogCaptureFixture) -> bool:
    return any("rebuilding the index" in record.message for record in caplog.records)


# What is used


def test_a_whole_snapshot_is_used(published: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert scores_of(reopened(published)) == expected()
    assert not was_rebuilt(caplog)


def test_commits_after_the_snapshot_are_replayed(published: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with_more = open_filled(published, range(120, 150))
    with_more.fill(range(150, 170))
    with_more.store.close()

    assert scores_of(reopened(published)) == expected(range(170))
    assert not was_rebuilt(caplog)


# What is not believed


def lose_file(folder: Path) -> None:
    index_file(folder).unlink()


def truncate_file(folder: Path) -> None:
    os.truncate(index_file(folder), os.path.getsize(index_file(folder)) // 2)


def empty_file(folder: Path) -> None:
    os.truncate(index_file(folder), 0)


def folder_in_place_of_the_file(folder: Path) -> None:
    file = index_file(folder)
    file.unlink()
    file.mkdir()


def name_a_file_elsewhere(folder: Path) -> None:
    file = index_file(folder)
    file.rename(folder.parent / file.name)
    edit_manifest(folder, file=f"../{file.name}")


def lose_manifest(folder: Path) -> None:
    (folder / "index.json").unlink()


HARMS = [
    lose_file,
    truncate_file,
    empty_file,
    folder_in_place_of_the_file,
    name_a_file_elsewhere,
    lose_manifest,
]


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: str(harm.__name__))
def test_a_lost_or_torn_snapshot_changes_no_answer(
    published: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    harm(published)
    assert scores_of(reopened(published)) == expected()
    assert was_rebuilt(caplog)


def test_any_flipped_bit_of_a_snapshot_is_noticed(published: Path) -> None:
    file, rng = index_file(published), random.Random(7)
    manifest = snapshot.read_manifest(str(published))
    whole = file.read_bytes()
    assert manifest is not None
    snapshot.load(str(published), manifest)
    for _ in range(FLIPS):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match="checksum"):
            snapshot.load(str(published), manifest)
        assert not snapshot.is_whole(str(published), manifest)
    assert scores_of(reopened(published)) == expected()


def test_any_flipped_byte_of_the_manifest_changes_no_answer(published: Path) -> None:
    manifest, rng = published / "index.json", random.Random(8)
    whole = manifest.read_bytes()
    with Store.open(published) as store, store.reading() as view:
        answer = nearest_photos(view, QUERY[None], 5).ids.tolist()
    for _ in range(FLIPS):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] = rng.randrange(256)
        manifest.write_bytes(damaged)
        with Store.open(published) as store, store.reading() as view:
            assert nearest_photos(view, QUERY[None], 5).ids.tolist() == answer


GARBAGE = [
    b"",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"7",
    b"{}",
    b'{"stamp": 5}',
    b'{"stamp": {}}',
    b"[" * 60_000,
    b"{" * 60_000,
    b'"' + b"x" * 100_000,
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda garbage: repr(garbage[:12]))
def test_a_garbage_manifest_changes_no_answer(published: Path, garbage: bytes) -> None:
    (published / "index.json").write_bytes(garbage)
    assert scores_of(reopened(published)) == expected()


FIELDS: list[dict[str, Any]] = [
    {"file": 5},
    {"file": None},
    {"file": "a\0b"},
    {"file": "."},
    {"count": 7},
    {"size": 1},
    {"dim": "32"},
    {"dim": 16},
    {"format": 2},
    {"recipe": "HNSW"},
    {"checksum": None},
    {"surprise": 1},
    {"stamp": {"epoch": 10**30}},
    {"stamp": {"epoch": -1}},
    {"stamp": {"epoch": [1]}},
    {"stamp": {"epoch": "1"}},
    {"stamp": {"nonce": 5}},
    {"stamp": {"nonce": "00" * 16}},
    {"stamp": {"store": "another"}},
    {"stamp": {"fingerprint": "0" * 32}},
]


@pytest.mark.parametrize("fields", FIELDS, ids=repr)
def test_a_manifest_with_a_wrong_field_is_not_believed(
    published: Path, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    edit_manifest(published, **fields)
    assert scores_of(reopened(published)) == expected()
    assert was_rebuilt(caplog)


def take_snapshot(source: Path, target: Path) -> None:
    """Put the snapshot of one store into another."""
    for file in source.glob("index*"):
        shutil.copy(file, target)


@pytest.mark.parametrize("model", ["mobilenet_v2", "mobilenet_v3_small"])
def test_the_snapshot_of_another_store_or_model_is_not_believed(
    published: Path, tmp_path: Path, model: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = open_filled(tmp_path / "other", range(500, 620), make_spec(model))
    other.store.publish()
    other.store.close()
    take_snapshot(tmp_path / "other", published)

    caplog.set_level(logging.INFO)
    assert scores_of(reopened(published)) == expected()
    assert "another store" in caplog.text


def test_the_snapshot_of_another_model_of_this_store_is_not_believed(
    published: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = snapshot.read_manifest(str(published))
    assert manifest is not None
    other = VectorIndex(manifest.dim)
    stamp = snapshot.Stamp(
        manifest.stamp.store, make_spec("mobilenet_v3_small").fingerprint, 1, manifest.stamp.nonce
    )
    snapshot.publish(str(published), stamp, other)

    caplog.set_level(logging.INFO)
    assert scores_of(reopened(published)) == expected()
    assert "another model" in caplog.text


def test_a_snapshot_that_lacks_photos_of_its_epoch_is_not_believed(published: Path) -> None:
    manifest = snapshot.read_manifest(str(published))
    assert manifest is not None
    snapshot.publish(str(published), manifest.stamp, VectorIndex(manifest.dim))
    assert scores_of(reopened(published)) == expected()


# Time travel


def test_a_snapshot_of_an_older_state_is_brought_up_to_date(published: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    take_snapshot(published, old)
    newer = open_filled(published, range(120, 160))
    newer.store.publish()
    newer.store.close()
    take_snapshot(old, published)
    assert scores_of(reopened(published)) == expected(range(160))


def test_a_snapshot_from_a_future_that_was_undone_is_not_believed(
    published: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The epoch numbers are the same again; only the nonces tell the two histories apart."""
    shutil.copy(published / "catalog.db", tmp_path / "backup.db")
    lost = open_filled(published)
    for seed in range(1000, 1010):
        lost.fill([seed])
    lost.store.publish()
    lost.store.close()
    shutil.copy(tmp_path / "backup.db", published / "catalog.db")
    again = open_filled(published)
    for seed in range(2000, 2010):
        again.fill([seed])
    with again.store.reading() as view:
        manifest = snapshot.read_manifest(str(published))
        assert manifest is not None
        assert manifest.stamp.epoch == view.epoch == 11
        assert manifest.count == count_embeddings(view)
    again.store.close()

    caplog.set_level(logging.INFO)
    assert scores_of(reopened(published)) == expected([*SEEDS, *range(2000, 2010)])
    assert "never had" in caplog.text
    with Store.open(published) as store:
        assert names(ask(store, make_vector(2005), 1)) == ["2005.jpg"]


def test_a_snapshot_newer_than_a_restored_catalog_is_not_believed(published: Path, tmp_path: Path) -> None:
    shutil.copy(published / "catalog.db", tmp_path / "backup.db")
    lost = open_filled(published, range(1000, 1010))
    lost.store.publish()
    lost.store.close()
    shutil.copy(tmp_path / "backup.db", published / "catalog.db")
    assert scores_of(reopened(published)) == expected()


def test_a_replay_does_not_repeat_what_the_snapshot_holds(published: Path) -> None:
    filled = open_filled(published)
    filled.add(make_result(5, b"again.jpg"), make_result(700))
    with filled.store.reading() as view:
        assert len(view.index()) == 121
    filled.store.close()
