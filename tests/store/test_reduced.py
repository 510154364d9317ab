"""The index of a large library: here anything of more than 400 photos is one."""

import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lookalike.indexer.background_index import BackgroundIndex
from lookalike.store import knn_graph
from lookalike.store.absence import Purge, purge_missing
from lookalike.store.care.checks import check_recall, check_store
from lookalike.store.catalog import recent_units
from lookalike.store.catalog.embeddings import embedded_ids, units_of
from lookalike.store.catalog.folders import all_roots
from lookalike.store.catalog.knn import forget_neighborhoods, neighborhoods_of
from lookalike.store.catalog.pairs import JudgedPair
from lookalike.store.catalog.photos import photos_of, visible_ids
from lookalike.store.filters.where import ALL, Where
from lookalike.store.index import snapshot, tuning
from lookalike.store.index.exact import Ids, Neighbors, VectorIndex
from lookalike.store.index.ivf import ReducedIndex
from lookalike.store.index.parts import PartedIndex
from lookalike.store.index.search import nearest_photos
from lookalike.store.index.snapshot import read_manifest
from lookalike.store.records import Codes, FileResult, Vectors
from lookalike.store.store import Store
from lookalike.store.view import View

from .making import Filled, index_file, make_photo, make_result, make_spec, open_filled

DIM = 96
PHOTOS = 1500
K = 10


@pytest.fixture(autouse=True)
def small_libraries_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "MOST_EXACT", 400)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    """Features of scenes with a few shots each, most variance in few directions; some shots are equal."""
    random = np.random.default_rng(5)
    spread = np.linspace(3, 0.1, DIM)
    scenes = random.normal(0, spread, (PHOTOS, DIM))[random.integers(0, PHOTOS // 3, PHOTOS)]
    made = np.abs(2 + scenes + random.normal(0, 0.3 * spread, (PHOTOS, DIM)))
    made[::50] = made[0]
    return made.astype(np.float32)


def result(seed: int, vector: Vectors) -> FileResult:
    made = make_result(seed, b"%d/%d.jpg" % (seed % 10, seed), taken=f"{2000 + seed % 20}-01-01T00:00:00")
    photo = make_photo(seed, taken=f"{2000 + seed % 20}-01-01T00:00:00", vector=vector)
    return FileResult(made.stat, made.digest, photo)


def fill(filled: Filled, vectors: Vectors, start: int = 0, stop: int = PHOTOS) -> None:
    filled.add(*(result(seed, vectors[seed]) for seed in range(start, stop)))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, vectors: Vectors) -> Path:
    folder = tmp_path_factory.mktemp("large") / "store"
    filled = open_filled(folder, spec=make_spec(dim=DIM))
    with filled.store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "MOST_EXACT", 400)
        fill(filled, vectors)
        filled.store.publish()
    return folder


@pytest.fixture
def filled(published: Path, tmp_path: Path) -> Iterator[Filled]:
    shutil.copytree(published, tmp_path / "store")
    with Store.open(tmp_path / "store", write=True) as store, store.reading() as view:
        (root,) = all_roots(view)
        yield Filled(store, root)


def kind(store: Store) -> type:
    with store.reading() as view:
        return type(view.index())


def missed(store: Store, queries: Vectors, k: int, where: Where = ALL) -> float:
    """Return the share of the k best that a search does not find; what it gives is checked by numpy."""
    with store.reading() as view:
        found = nearest_photos(view, queries, k, where)
        ids = visible_ids(view, where)
        codes = units_of(view, ids)
        assert {photo.id for photo in photos_of(view, where)} == set(ids.tolist())
    units = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    truth = np.minimum(units @ codes.astype(np.float32).T, 1)
    for row, neighbors, scores in zip(truth, found.ids, found.scores, strict=True):
        assert len(set(neighbors.tolist())) == k
        assert np.isin(neighbors, ids).all()
        assert np.all(np.diff(scores) <= 0)
        assert scores == pytest.approx(row[np.searchsorted(ids, neighbors)], abs=1e-5)
    worst = np.sort(truth, axis=1)[:, -k, None]
    return float(np.mean(found.scores < worst - 1e-5))


def test_a_large_library_is_found_in_by_less_than_its_vectors(filled: Filled, vectors: Vectors) -> None:
    assert kind(filled.store) is ReducedIndex
    whole = PHOTOS * DIM * 2
    with filled.store.reading() as view:
        index = view.index()
        assert isinstance(index, ReducedIndex)
        assert index.tuning.recall >= 0.995
        assert sorted(index.ids().tolist()) == embedded_ids(view).tolist()
    assert index_file(Path(filled.store.folder)).stat().st_size < whole
    assert missed(filled.store, vectors[:200], K) < 0.01


@pytest.mark.parametrize(
    "where",
    [
        Where(folders=(b"/photos/3",)),
        Where(folders=tuple(b"/photos/%d" % each for each in range(8))),
        Where(since="2004", until="2011"),
        Where(folders=(b"/photos/3",), since="2003", until="2003"),
    ],
)
def test_filters_act_before_the_ranking(filled: Filled, vectors: Vectors, where: Where) -> None:
    assert missed(filled.store, vectors[:60], K, where) < 0.01


def test_more_neighbors_than_it_was_tuned_for_are_found(filled: Filled, vectors: Vectors) -> None:
    assert missed(filled.store, vectors[:20], 300) < 0.01
    with filled.store.reading() as view:
        assert (
            sorted(nearest_photos(view, vectors[:1], 5 * PHOTOS).ids[0].tolist())
            == visible_ids(view).tolist()
        )


def test_photos_whose_files_are_gone_are_no_neighbors(filled: Filled, vectors: Vectors) -> None:
    filled.lose(*(b"%d/%d.jpg" % (seed % 10, seed) for seed in range(0, PHOTOS, 3)))
    assert missed(filled.store, vectors[:60], K) < 0.01
    filled.lose(*(b"%d/%d.jpg" % (seed % 10, seed) for seed in range(40, PHOTOS) if seed % 3))
    assert missed(filled.store, vectors[:60], K) == 0


def test_what_came_after_the_snapshot_is_found(filled: Filled, vectors: Vectors) -> None:
    random = np.random.default_rng(0)
    later = np.abs(random.normal(2, 1, (50, DIM))).astype(np.float32)
    filled.add(*(result(PHOTOS + at, each) for at, each in enumerate(later)))
    for store in (filled.store, Store.open(filled.store.folder)):
        with store.reading() as view:
            found = nearest_photos(view, later, 1)
            assert len(view.index()) == PHOTOS + 50
        assert found.scores[:, 0] == pytest.approx(1, abs=1e-3)
        assert missed(store, np.concatenate([later[:20], vectors[:20]]), K) < 0.01


def test_a_snapshot_serves_a_fresh_process(
    filled: Filled, vectors: Vectors, caplog: pytest.LogCaptureFixture
) -> None:
    with filled.store.reading() as view:
        first = nearest_photos(view, vectors[:50], K)
    with caplog.at_level(logging.INFO), Store.open(filled.store.folder) as again, again.reading() as view:
        second = nearest_photos(view, vectors[:50], K)
    assert np.array_equal(first.ids, second.ids)
    assert np.array_equal(first.scores, second.scores)
    assert not caplog.records


@pytest.mark.parametrize("damage", ["gone", "cut", "flipped", "header", "other"])
def test_a_damaged_snapshot_is_not_believed(filled: Filled, vectors: Vectors, damage: str) -> None:
    file = index_file(Path(filled.store.folder))
    data = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    else:
        place = {"flipped": len(data) // 2, "header": 8}.get(damage, 0)
        data[place] ^= 1
        written = {"cut": bytes(data[:20]), "other": b"x" * len(data)}
        file.write_bytes(written.get(damage, bytes(data)))
    with Store.open(filled.store.folder) as reader:
        assert missed(reader, vectors[:30], K) == 0  # compared with all, as there is no index to be had
        assert kind(reader) is VectorIndex
    with Store.open(filled.store.folder, write=True) as writer:
        assert not [each for each in check_store(writer, deep=True) if each.level == "broken"]
        missed(writer, vectors[:1], K)
        writer.publish()
    with Store.open(filled.store.folder) as reader:
        assert kind(reader) is ReducedIndex


def test_an_index_is_made_anew_when_the_library_has_outgrown_it(tmp_path: Path, vectors: Vectors) -> None:
    filled = open_filled(tmp_path / "store", spec=make_spec(dim=DIM))
    with filled.store as store:
        made = []
        for start, stop in ((0, 400), (400, 401), (401, 700), (700, 1500)):
            fill(filled, vectors, start, stop)
            store.publish()
            with store.reading() as view:
                index = view.index()
                assert len(index) == stop
                assert not isinstance(index, PartedIndex)
                made.append(index.tuning.trained if isinstance(index, ReducedIndex) else None)
            manifest = read_manifest(store.folder)
            assert manifest
            assert (manifest.recipe, manifest.count) == (index.RECIPE, stop)
    assert made == [None, 401, 401, 1500]


def test_what_was_purged_is_in_no_index(filled: Filled, vectors: Vectors) -> None:
    gone = range(0, PHOTOS, 5)
    filled.lose(*(b"%d/%d.jpg" % (seed % 10, seed) for seed in gone))
    purge_missing(filled.store, Purge("2100-01-01", roots=(filled.root,)))
    with filled.store.reading() as view:
        index = view.index()
        assert isinstance(index, ReducedIndex)
        assert sorted(index.ids().tolist()) == embedded_ids(view).tolist()
        assert len(index) == PHOTOS - len(gone)


def test_doctor_measures_the_recall(filled: Filled) -> None:
    finding = check_recall(filled.store, 50)
    assert finding.level == "ok"
    assert "over 50 photos" in finding.message
    with filled.store.reading() as view:
        index = view.index()
        assert isinstance(index, ReducedIndex)
        index.tuning = type(index.tuning)(PHOTOS, 1, 11, 1.0)
    finding = check_recall(filled.store, 50)
    assert finding.level == "note"
    assert "below 0.98" in finding.message


def test_doctor_reads_a_large_index(filled: Filled) -> None:
    said = {each.what: each for each in check_store(filled.store, deep=True)}
    assert said["index"].level == "ok", said["index"].message
    with filled.store.reading() as view:
        index = view.index()
        assert isinstance(index, ReducedIndex)
        index.add(np.array([10**6]), np.ones((1, DIM), np.float16))
    manifest = read_manifest(filled.store.folder)
    assert manifest
    snapshot.publish(filled.store.folder, manifest.stamp, index)
    said = {each.what: each for each in check_store(filled.store, deep=True)}
    assert said["index"].level != "ok"


def test_the_index_is_made_while_photos_come_in(tmp_path: Path, vectors: Vectors) -> None:
    filled = open_filled(tmp_path / "store", spec=make_spec(dim=DIM))
    with filled.store as store:
        with BackgroundIndex(store, threading.Event()) as ahead:
            for start in range(0, 800, 100):
                fill(filled, vectors, start, start + 100)
                ahead.committed(100)
        manifest = read_manifest(store.folder)
        assert manifest
        assert manifest.recipe == ReducedIndex.RECIPE
        with Store.open(store.folder) as reader:
            assert kind(reader) is ReducedIndex


def test_an_interrupted_run_does_not_make_an_index(tmp_path: Path, vectors: Vectors) -> None:
    filled = open_filled(tmp_path / "store", spec=make_spec(dim=DIM))
    stop = threading.Event()
    stop.set()
    with filled.store as store:
        fill(filled, vectors)
        store.publish(stop)
        assert read_manifest(store.folder) is None
        assert missed(store, vectors[:30], K) == 0


def test_searches_go_on_while_an_index_is_made(filled: Filled, vectors: Vectors) -> None:
    answers: list[Neighbors] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            with filled.store.reading() as view:
                answers.append(nearest_photos(view, vectors[:3], K))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(3):
            filled.store.forget_index()
            filled.store.publish()
    finally:
        done.set()
        thread.join()
    assert answers
    assert all((each.scores[:, 0] > 0.999).all() for each in answers)


@pytest.mark.parametrize("recent", [7, 100_000])
def test_neighbors_do_not_depend_on_the_order_of_photos_nor_on_what_is_kept(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, recent: int
) -> None:
    with filled.store.reading() as view:
        ids = embedded_ids(view)
        by_list = knn_graph._side_by_side(view, ids)
    assert np.sort(by_list).tolist() == ids.tolist()
    found = []
    for order in (by_list, ids, ids[::-1]):
        monkeypatch.setattr(knn_graph, "_RECENT", recent if order is by_list else 1)
        monkeypatch.setattr(knn_graph, "_side_by_side", lambda *_, order=order: order)
        monkeypatch.setattr(knn_graph, "_BLOCK", 256)
        assert knn_graph.update_graph(filled.store) == PHOTOS
        with filled.store.writing() as view:
            found.append(neighborhoods_of(view, ids))
            forget_neighborhoods(view, ids)
    for other in found[1:]:
        for name in ("neighbors", "scores", "mutual", "same_as"):
            np.testing.assert_array_equal(getattr(found[0], name), getattr(other, name))


def test_photos_that_come_in_do_not_depend_on_their_order(
    vectors: Vectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knn_graph, "_BLOCK", 64)
    filled = open_filled(tmp_path / "store", spec=make_spec(dim=DIM))
    with filled.store as store:
        fill(filled, vectors, 0, 1200)
        store.publish()
        knn_graph.update_graph(store)
        fill(filled, vectors, 1200, PHOTOS)
        store.publish()
        # Copies that are not equally near to others.
        units = vectors[1200:] / np.linalg.norm(vectors[1200:], axis=1, keepdims=True)
        likeness = np.triu(units @ units.T, 1)
        likeness[likeness > 0.9999] = 0
        closest = np.argwhere(likeness > np.sort(likeness.ravel())[-100]) + 1201
        store.put_proofs(1, [JudgedPair(int(a), int(b), 0.9, "copy", 9.0, {}) for a, b in closest])
    found = []
    for number, turn in enumerate((1, -1)):
        shutil.copytree(tmp_path / "store", tmp_path / str(number))
        with Store.open(tmp_path / str(number), write=True) as store:
            monkeypatch.setattr(knn_graph, "_side_by_side", lambda _, waiting, turn=turn: waiting[::turn])
            assert knn_graph.update_graph(store) == PHOTOS - 1200
            with store.reading() as view:
                found.append(neighborhoods_of(view, embedded_ids(view)))
    for name in ("neighbors", "scores", "mutual", "same_as"):
        np.testing.assert_array_equal(getattr(found[0], name), getattr(found[1], name))


def test_photos_of_one_list_look_for_their_neighbors_together(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knn_graph, "_BLOCK", 256)
    with filled.store.reading() as view:
        waiting, listed = embedded_ids(view)[100:], view.index().ids()
        order = knn_graph._side_by_side(view, waiting)
        assert order.tolist() == [each for each in listed.tolist() if each > 100]
        assert knn_graph._side_by_side(view, waiting[:50]).tolist() == waiting[:50].tolist()


def test_vectors_that_were_asked_for_lately_are_read_once(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def counted(view: View, ids: Ids) -> Codes:
        read.extend(ids.tolist())
        return units_of(view, ids)

    monkeypatch.setattr(recent_units, "units_of", counted)
    recent = recent_units.RecentUnits(20, DIM)
    with filled.store.reading() as view:
        for first, last in ((1, 10), (5, 20), (1, 9), (21, 25), (1, 20), (10, 60), (1, 60)):
            ids = np.arange(first, last + 1)
            np.testing.assert_array_equal(recent.of(view, ids), units_of(view, ids))
    assert read[:25] == [*range(1, 26)]
    # 21 to 25 took the places of five that were asked for before the last time.
    assert len(read[25:]) >= 5
    assert set(read[25:30]) <= set(range(10, 21))
