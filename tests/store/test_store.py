"""The store's contract: what was committed is found, and a reader sees one moment."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import SpecMismatch, StoreUnwritable
from lookalike.store.catalog.contents import id_of
from lookalike.store.catalog.embeddings import count_embeddings, raw_vectors
from lookalike.store.catalog.photos import count_totals, file_errors, photos_of
from lookalike.store.index.search import nearest_photos
from lookalike.store.records import Failure, FileResult
from lookalike.store.store import Store

from .making import (
    DIM,
    Filled,
    ask,
    brute_force,
    digest_of,
    make_photo,
    make_result,
    make_spec,
    make_vector,
    names,
    open_filled,
    thumbnail_of,
)

QUERY = make_vector(99_999)


def test_committed_photos_are_found_with_the_scores_that_numpy_gives(filled: Filled) -> None:
    filled.fill(range(150))
    filled.fill(range(150, 300))

    answer = ask(filled.store, QUERY, 25)

    assert [score for _, score in answer] == pytest.approx(brute_force(range(300), QUERY, 25), abs=1e-3)


def test_each_photo_is_its_own_nearest_with_score_one(filled: Filled) -> None:
    filled.fill(range(40))
    for seed in range(40):
        ((path, score),) = ask(filled.store, make_vector(seed), 1)
        assert path == f"/photos/{seed}.jpg"
        assert score == pytest.approx(1, abs=1e-3)


def test_fewer_photos_than_asked_for_are_all_there_are(filled: Filled) -> None:
    filled.fill(range(3))
    assert len(ask(filled.store, QUERY, 10)) == 3


def test_a_store_without_photos_or_model_answers_with_nothing(folder: Path, filled: Filled) -> None:
    assert ask(filled.store, QUERY, 5) == []
    with Store.open(folder.parent / "new", create=True) as empty, empty.reading() as view:
        assert nearest_photos(view, QUERY[None], 5).ids.shape == (1, 0)
        assert raw_vectors(view, [1]) == {}


def test_stored_features_are_the_raw_ones_up_to_fp16(filled: Filled) -> None:
    filled.fill([7])
    with filled.store.reading() as view:
        number = id_of(view, digest_of(7))
        assert number is not None
        stored = raw_vectors(view, [number])[number]
    np.testing.assert_allclose(stored, make_vector(7), rtol=2e-3, atol=1e-3)


def test_a_content_that_comes_again_keeps_its_id_and_takes_a_second_path(filled: Filled) -> None:
    filled.add(make_result(1))
    filled.add(make_result(1, b"copy.jpg"))
    with filled.store.reading() as view:
        (photo,) = photos_of(view)
        assert [file.path for file in photo.files] == ["/photos/1.jpg", "/photos/copy.jpg"]
        assert count_embeddings(view) == 1


def test_a_batch_that_fails_leaves_nothing_behind(filled: Filled) -> None:
    filled.fill([1])
    unknown = FileResult(make_result(3).stat, digest_of(3))  # a row without its content

    with pytest.raises(KeyError):
        filled.add(make_result(2), unknown)

    with filled.store.reading() as view:
        assert (view.epoch, count_totals(view).present) == (1, 1)
    assert names(ask(filled.store, make_vector(2), 5)) == ["1.jpg"]


def test_thumbnails_are_kept_by_content(filled: Filled) -> None:
    filled.fill([4])
    assert filled.store.thumbs.get(digest_of(4)) == thumbnail_of(4)
    assert filled.store.thumbs.get(digest_of(5)) is None
    assert filled.store.thumbs.totals() == (1, 10)


def test_an_unreadable_file_is_an_error_and_no_photo(filled: Filled) -> None:
    filled.fill([1])
    filled.add(FileResult(make_result(1).stat, failure=Failure("truncated", "it ends early")))
    with filled.store.reading() as view:
        (error,) = file_errors(view)
        assert (error.path, error.error, error.message) == ("/photos/1.jpg", "truncated", "it ends early")
        assert count_totals(view).present == 0
    assert ask(filled.store, QUERY, 5) == []


def test_a_store_takes_no_vectors_of_another_embedder(filled: Filled) -> None:
    filled.store.use_spec(make_spec())
    with pytest.raises(SpecMismatch, match="mobilenet_v3_small"):
        filled.store.use_spec(make_spec("mobilenet_v3_small"))


def test_a_store_opened_for_reading_refuses_to_write(filled: Filled, folder: Path) -> None:
    with Store.open(folder) as reader, pytest.raises(StoreUnwritable):
        reader.commit(filled.root, [make_result(1)])


def test_a_reader_sees_one_epoch_from_start_to_end(filled: Filled, folder: Path) -> None:
    filled.fill(range(20))
    with Store.open(folder) as reader, reader.reading() as view:
        filled.fill(range(20, 40))  # before the first question
        assert view.epoch == 1
        assert count_totals(view).present == 20
        filled.fill(range(40, 60))
        assert len(nearest_photos(view, QUERY[None], 100).ids[0]) == 20
        assert sorted(photo.id for photo in photos_of(view)) == list(range(1, 21))
        with reader.reading() as later:
            assert len(nearest_photos(later, QUERY[None], 100).ids[0]) == 60
        assert len(nearest_photos(view, QUERY[None], 100).ids[0]) == 20


def test_an_index_that_a_reader_holds_does_not_change_under_it(filled: Filled) -> None:
    filled.fill(range(20))
    with filled.store.reading() as view:
        held = view.index()
        filled.fill(range(20, 40))
        with filled.store.reading() as later:
            assert len(later.index()) == 40
        assert len(held) == 20


def test_threads_that_search_during_commits_get_the_answers_of_one_epoch(folder: Path) -> None:
    per_batch, batches = 30, 25
    filled = open_filled(folder)
    finished = threading.Event()

    def search_on() -> int:
        asked = 0
        while not finished.is_set() or not asked:
            with filled.store.reading() as view:
                epoch = view.epoch
                found = nearest_photos(view, QUERY[None], 8)
            seeds = range(epoch * per_batch)
            assert found.scores[0] == pytest.approx(brute_force(seeds, QUERY, 8), abs=1e-3)
            asked += 1
        return asked

    with ThreadPoolExecutor(3) as pool:
        searching = [pool.submit(search_on) for _ in range(3)]
        for batch in range(batches):
            filled.fill(range(batch * per_batch, (batch + 1) * per_batch))
        finished.set()
        assert all(each.result() for each in searching)
    filled.store.close()


def test_ids_are_never_reused(filled: Filled) -> None:
    filled.fill(range(3))
    with filled.store.writing() as view:
        view.connection.exec_driver_sql("DELETE FROM file")
        view.connection.exec_driver_sql("DELETE FROM embedding")
        view.connection.exec_driver_sql("DELETE FROM holdings")
        view.connection.exec_driver_sql("DELETE FROM content")
    filled.fill([10])
    with filled.store.reading() as view:
        assert [photo.id for photo in photos_of(view)] == [4]


def test_scores_are_cosines_whatever_the_length_of_the_query(filled: Filled) -> None:
    filled.fill(range(10))
    long = ask(filled.store, QUERY * np.float32(1e4), 3)
    short = ask(filled.store, QUERY * np.float32(1e-4), 3)
    assert names(long) == names(short)
    assert all(-1 <= score <= 1 for _, score in long + short)
    with filled.store.reading() as view:
        assert nearest_photos(view, np.zeros((1, DIM), np.float32), 3).scores[0].tolist() == [0, 0, 0]


def test_equal_scores_come_by_ascending_id(filled: Filled) -> None:
    twins = [make_photo(seed, vector=make_vector(1)) for seed in range(5)]
    filled.add(*(FileResult(make_result(seed).stat, digest_of(seed), p) for seed, p in enumerate(twins)))
    with filled.store.reading() as view:
        assert nearest_photos(view, make_vector(1)[None], 5).ids[0].tolist() == [1, 2, 3, 4, 5]
