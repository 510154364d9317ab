"""Finishing a data set: what is in it, and what is left when it is killed at any point."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from lookalike.bulk import finish as finishing
from lookalike.bulk.finish import FinishOptions, amend
from lookalike.bulk.finished import newest
from lookalike.bulk.lance_columns import LanceColumns
from lookalike.bulk.open import CACHE, COLUMNS, open_data_set
from lookalike.bulk.place import Place
from lookalike.errors import StoreCorrupt, StoreError, StoreMissing
from lookalike.store.catalog.contents import sorted_digests
from lookalike.store.catalog.embeddings import raw_vectors, units_of, vectors_and_norms
from lookalike.store.catalog.knn import neighborhoods_of
from lookalike.store.catalog.pairs import JudgedPair
from lookalike.store.store import Store
from lookalike.tests.bulk.conftest import Bucket
from lookalike.tests.bulk.made_up import data_set, finish_seeds
from lookalike.tests.children import run_child
from lookalike.tests.store.making import ask, digest_of, make_vector, open_filled, thumbnail_of

PHOTOS = 250


def answers(store: Store) -> list[list[tuple[str, float]]]:
    return [ask(store, make_vector(seed), 5) for seed in (3, 77, 10_000)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ordinary store of the photos."""
    made = open_filled(tmp_path_factory.mktemp("plain") / "store", range(PHOTOS))
    made.store.publish()
    made.store.close()
    return Path(made.store.folder)


def test_a_finished_data_set_has_what_a_store_has(tmp_path: Path, plain: Path) -> None:
    data = data_set(tmp_path / "set")
    report = finish_seeds(data, range(PHOTOS))
    assert (report.photos, report.new, report.is_done) == (PHOTOS, PHOTOS, True)
    with open_data_set(str(tmp_path / "set")) as store, Store.open(plain) as other:
        with store.reading() as view, other.reading() as known:
            ids = np.array([1, 7, PHOTOS])
            assert units_of(view, ids).tobytes() == units_of(known, ids).tobytes()
            assert raw_vectors(view, [9, 4])[4].tobytes() == raw_vectors(known, [9, 4])[4].tobytes()
            (mine,), (theirs,) = vectors_and_norms(view), vectors_and_norms(known)
            for part in range(3):
                assert mine[part].tobytes() == theirs[part].tobytes()
        assert answers(store) == answers(other)
        digests = [digest_of(seed) for seed in (200, 3, 10_000)]
        assert store.thumbs.get_many(digests) == other.thumbs.get_many(digests)
        assert store.thumbs.get(digest_of(3)) == thumbnail_of(3)
        assert store.thumbs.totals() == other.thumbs.totals()
        assert store.name == str(tmp_path / "set")
    assert not (tmp_path / "set" / "store" / "work").exists()


def test_what_is_new_is_appended(tmp_path: Path, plain: Path) -> None:
    data = data_set(tmp_path / "set")
    finish_seeds(data, range(100))
    report = finish_seeds(data, range(PHOTOS))
    assert (report.photos, report.new) == (PHOTOS, PHOTOS - 100)
    finish_seeds(data, range(PHOTOS))
    with open_data_set(str(tmp_path / "set")) as store, Store.open(plain) as other:
        assert answers(store) == answers(other)
    records = sorted(path.name for path in (tmp_path / "set" / "store").glob("finished-*"))
    assert records == ["finished-00000002.json", "finished-00000003.json"]
    catalogs = sorted(path.parent.name for path in (tmp_path / "set" / "store").glob("*/catalog.db"))
    assert catalogs == ["00000002", "00000003"]


# Where a run is killed: a module, a name in it, and whether before that or after.
STEPS = [
    ("lookalike.bulk.lance_columns", "write_fragments", "before"),
    ("lookalike.store.catalog.files", "put_files", "after"),
    ("lookalike.bulk.lance_columns", "GrowingColumns.commit", "after"),
    ("lookalike.bulk.finish", "update_graph", "before"),
    ("lookalike.bulk.lance_columns", "GrowingColumns.keep", "after"),
    ("lookalike.bulk.finish", "publish", "after"),
]

KILLED = """
import importlib, os, signal, sys
from lookalike.bulk.dataset import DataSet
from lookalike.tests.bulk.made_up import finish_seeds

place, photos, module, name, when = sys.argv[1:]
owner = importlib.import_module(module)
*above, name = name.split(".")
for each in above:
    owner = getattr(owner, each)
real, calls = getattr(owner, name), []

def dying(*arguments, **named):
    calls.append(name)
    if when == "after":
        real(*arguments, **named)
    if when == "after" or name != "write_fragments" or len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **named)

setattr(owner, name, dying)
finish_seeds(DataSet.open(place), range(int(photos)))
"""


@pytest.mark.parametrize("is_first", [False, True])
def test_a_run_that_is_killed_leaves_a_state_that_the_next_completes(
    is_first: bool, tmp_path: Path, plain: Path
) -> None:
    data = data_set(tmp_path / "set")
    if not is_first:
        finish_seeds(data, range(100))
    # All on one data set: each run begins with what the last one left.
    for module, name, when in STEPS[::2] if is_first else STEPS:
        done = run_child(KILLED, data.place.url, PHOTOS, module, name, when)
        assert done.returncode == -signal.SIGKILL, (name, done.stderr)
        is_published = name == "publish"
        state = newest(data.place.at("store"))
        assert (state.photos if state else 0) == (PHOTOS if is_published else 0 if is_first else 100), name
        if state:
            with open_data_set(data.place.url) as store:
                assert ask(store, make_vector(7), 1)[0][0] == "/photos/7.jpg"
    assert finish_seeds(data, range(PHOTOS)).photos == PHOTOS
    with open_data_set(data.place.url) as store, Store.open(plain) as other:
        assert answers(store) == answers(other)
        assert store.thumbs.totals() == other.thumbs.totals()
        with store.reading() as view:
            assert list(store.thumbs.missing(sorted_digests(view))) == []


def test_a_catalog_that_is_amended_keeps_its_index(tmp_path: Path) -> None:
    data = data_set(tmp_path / "set")
    with pytest.raises(StoreMissing, match="bulk finish"):
        amend(data, lambda _: None)
    finish_seeds(data, range(PHOTOS))
    before = newest(data.place.at("store"))
    proof = JudgedPair(1, 2, 0.9, "copy", 9.0, {})
    amend(data, lambda store: store.put_proofs(1, [proof]))
    after = newest(data.place.at("store"))
    assert before is not None
    assert after is not None
    assert (after.index, after.columns, after.photos) == (before.index, before.columns, PHOTOS)
    with open_data_set(data.place.url) as store, store.reading() as view:
        found = neighborhoods_of(view, np.array([2]))
        assert found.same_as.tolist() == [1]


def test_an_unfinished_or_empty_data_set_says_so(tmp_path: Path) -> None:
    data = data_set(tmp_path / "set")
    with pytest.raises(StoreMissing, match="bulk finish"):
        open_data_set(str(tmp_path / "set"))
    with pytest.raises(StoreError, match="no unit has a photo"):
        finish_seeds(data, [])
    with pytest.raises(StoreMissing, match="no data set"):
        open_data_set(str(tmp_path / "none"))


def test_a_row_of_another_photo_is_found_out(tmp_path: Path) -> None:
    data = data_set(tmp_path / "set")
    finish_seeds(data, range(50))
    other = data_set(tmp_path / "other")
    finish_seeds(other, range(50, 100))
    columns = [tmp_path / name / "store" / "columns.lance" for name in ("set", "other")]
    os.rename(columns[0], tmp_path / "away")
    os.rename(columns[1], columns[0])
    with (
        open_data_set(str(tmp_path / "set")) as store,
        store.reading() as view,
        pytest.raises(StoreCorrupt, match="checksum differs"),
    ):
        raw_vectors(view, [7])


def test_a_damaged_index_is_found_out_and_made_again(tmp_path: Path) -> None:
    data = data_set(tmp_path / "set")
    finish_seeds(data, range(50))
    (part,) = (tmp_path / "set" / "store" / "index").iterdir()
    part.write_bytes(part.read_bytes()[:-9] + b"elsewhere")
    with (
        open_data_set(str(tmp_path / "set")) as store,
        store.reading() as view,
        pytest.raises(StoreCorrupt, match="bulk finish"),
    ):
        view.index()
    finish_seeds(data, range(60))
    with open_data_set(str(tmp_path / "set")) as store:
        assert ask(store, make_vector(55), 1)[0][0] == "/photos/55.jpg"


def test_two_do_not_finish_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_set(tmp_path / "set")

    def take_over(*_: object) -> bool:
        return False

    monkeypatch.setattr(finishing, "publish", take_over)
    with pytest.raises(StoreError, match="another machine"):
        finish_seeds(data, range(50), FinishOptions(rerank=False))


def test_a_data_set_in_a_bucket_is_finished_and_fetched_once(
    s3: Bucket, tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    data = data_set(f"{s3.url}/set")
    finish_seeds(data, range(100))
    finish_seeds(data, range(PHOTOS))
    fetched: list[str] = []
    real = type(data.place).fetch

    def counted(self: Place, name: str, to_path: str) -> None:
        fetched.append(name)
        real(self, name, to_path)

    monkeypatch.setattr(type(data.place), "fetch", counted)
    for _ in range(2):
        with open_data_set(data.place.url) as store, Store.open(plain) as other:
            assert answers(store) == answers(other)
            assert store.thumbs.get(digest_of(3)) == thumbnail_of(3)
    assert [name.partition("/")[0] for name in fetched] == ["00000002", "index"]
    (part,) = (tmp_path / "cache").rglob("*.faiss")
    part.write_bytes(b"damaged")
    with open_data_set(data.place.url) as store:
        assert ask(store, make_vector(7), 1)[0][0] == "/photos/7.jpg"
    assert len(fetched) == 3
    for key in s3.keys("set/"):
        s3.client.put_object_acl(Bucket=s3.name, Key=key, ACL="public-read")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("FSSPEC_S3_ANON", "true")  # a bucket that is open to all
    state = newest(data.place.at("store"))
    assert state is not None
    assert len(LanceColumns.at(f"{data.place.url}/store/{COLUMNS}", state.columns)) == PHOTOS
