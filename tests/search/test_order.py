"""Which of the photos found are shown, and in what order."""

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import UsageError
from lookalike.library import Library
from lookalike.search.order import diversify, seconds_of
from lookalike.search.request import SearchRequest
from lookalike.store.catalog import photos
from lookalike.store.filters.where import Where
from lookalike.store.records import FileResult, Vectors
from lookalike.store.store import Store
from lookalike.tests.store.making import Filled, make_photo, make_result

BURST, OTHERS = 12, 6


def direction(seed: int, close_to: Vectors | None = None, apart: float = 0.0) -> Vectors:
    """Return a unit vector of 32 numbers, near another one if that is given."""
    noise = np.random.default_rng(seed).normal(size=32)
    vector = noise if close_to is None else close_to + apart * noise / np.linalg.norm(noise)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def result(seed: int, vector: Vectors, taken: str) -> FileResult:
    plain = make_result(seed, taken=taken)
    return FileResult(plain.stat, plain.digest, make_photo(seed, taken=taken, vector=vector * 7))


@pytest.fixture
def burst(filled: Filled, folder: Path) -> Iterator[Library]:
    """A query (id 1), twelve shots of one moment that are most like it, and others of other days."""
    query = direction(1)
    filled.add(result(1, query, "2020-01-01T00:00:00"))
    shot = direction(2, query, 0.3)
    for seed in range(2, 2 + BURST):
        filled.add(result(seed, direction(seed, shot, 0.1), f"2023-05-01T12:00:{seed:02}"))
    for seed in range(50, 50 + OTHERS):
        filled.add(result(seed, direction(seed, query, 0.8), f"2022-0{seed - 49}-01T12:00:00"))
    with Library(Store.open(folder)) as library:
        yield library


def found(library: Library, **options: Any) -> list[int]:
    return [int(os.path.basename(each.path).partition(".")[0]) for each in library.search(1, **options)]


def in_burst(seeds: Sequence[int]) -> int:
    return sum(2 <= seed < 2 + BURST for seed in seeds)


def test_a_burst_does_not_fill_a_diverse_list(burst: Library) -> None:
    plain, diverse = (found(burst, k=5, diverse=each) for each in (False, True))
    assert in_burst(plain) == 5
    assert len(diverse) == 5
    assert in_burst(diverse) <= 2
    assert diverse[0] == plain[0]


def test_a_diverse_list_holds_k_whenever_k_pass_and_only_those(burst: Library) -> None:
    where = Where(until="2022")
    assert len(found(burst, k=5, where=where, diverse=True)) == 5
    assert in_burst(found(burst, k=5, where=where, diverse=True)) == 0
    assert len(found(burst, k=100, diverse=True)) == BURST + OTHERS
    assert in_burst(found(burst, k=3, min_score=0.9, diverse=True)) == 3


@pytest.mark.parametrize("diverse", [False, True])
def test_results_are_sorted_after_they_were_chosen(burst: Library, diverse: bool) -> None:
    best = found(burst, k=6, diverse=diverse)
    newest = found(burst, k=6, sort="-time", diverse=diverse)
    assert sorted(newest) == sorted(best)
    results = burst.search(1, k=6, sort="time", diverse=diverse)
    dates = [each.photo.date for each in results]
    assert dates == sorted(dates)
    paths = [each.path for each in burst.search(1, k=6, sort="path", diverse=diverse)]
    assert paths == sorted(paths)
    results = burst.search(1, k=6, diverse=diverse)
    scores = [each.score for each in results]
    assert scores == sorted(scores, reverse=True)


def test_an_order_that_does_not_exist_is_refused(burst: Library) -> None:
    with pytest.raises(UsageError, match="size"):
        burst.search(1, sort="size")
    with pytest.raises(UsageError, match="size"):
        burst.searches.answers(SearchRequest(sort="size"))


def test_without_an_example_the_newest_that_pass_are_listed(burst: Library) -> None:
    results = burst.search(k=3, where=Where(until="2022"))
    assert [each.photo.date[:7] for each in results] == ["2022-06", "2022-05", "2022-04"]
    results = burst.search(k=2, sort="time")
    assert [each.photo.date[:7] for each in results] == ["2020-01", "2022-01"]


# Spreading


def test_what_is_alike_but_of_another_time_repeats_less() -> None:
    units = np.stack([direction(1), direction(2, direction(1), 0.1), direction(3, direction(1), 0.1)])
    scores = np.array([0.9, 0.8, 0.79], np.float32)
    assert diversify(units, scores, np.full(3, np.nan), 2) == [0, 1]
    assert diversify(units, scores, np.array([0.0, 5.0, 90_000.0]), 2) == [0, 2]


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 2**32))
def test_as_many_as_wanted_are_taken_once_each_and_the_best_first(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    units = rng.normal(size=(n, 4)).astype(np.float32)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    scores = np.sort(rng.uniform(-1, 1, n).astype(np.float32))[::-1]
    times = np.where(rng.random(n) < 0.5, np.nan, rng.uniform(0, 1e4, n))
    taken = diversify(units, scores, times, k)
    assert len(set(taken)) == len(taken) == min(n, k)
    assert taken[0] == 0
    assert diversify(units, scores, times, k, repetition=0.0) == list(range(min(n, k)))


@pytest.mark.parametrize("taken", ["2023-05-01T12:30:15", "2023-05-01T12:30:15.120+02:00"])
def test_capture_times_are_those_of_the_cameras_clock(taken: str) -> None:
    assert seconds_of(taken) == pytest.approx(1_682_944_215, abs=1)
    assert np.isnan(seconds_of(None))


# Listings in order


def test_photos_come_by_the_date_and_path_of_their_first_file(filled: Filled, folder: Path) -> None:
    filled.add(
        make_result(1, b"c/1.jpg", modified="2020-01-01T00:00:00"),
        make_result(1, b"a/1.jpg", modified="2023-01-01T00:00:00"),
        make_result(2, b"b/2.jpg", modified="2021-01-01T00:00:00"),
        make_result(3, b"a/3.jpg", taken="2019-01-01T00:00:00"),
        make_result(4, b"a/0.jpg", modified="2021-01-01T00:00:00"),
    )
    with Library(Store.open(folder)) as library:
        for order, expected in (
            ("time", ["3.jpg", "0.jpg", "2.jpg", "1.jpg"]),
            ("-time", ["1.jpg", "0.jpg", "2.jpg", "3.jpg"]),
            ("path", ["0.jpg", "1.jpg", "3.jpg", "2.jpg"]),
        ):
            assert [os.path.basename(photo.path) for photo in library.photos(order=order)] == expected
        (first, *_) = library.photos(order="-time")
        assert len(first.files) == 2
        outside = library.where(where="path ~ /c/ or name = 2.jpg")
        found = [photo.path for photo in library.photos(outside, "time")]
        assert found == ["/photos/c/1.jpg", "/photos/b/2.jpg"]


def test_a_photo_is_named_by_a_file_that_is_there_and_not_called_as_copies_are(
    filled: Filled, folder: Path, tmp_path: Path
) -> None:
    for name in ("backup", "home"):
        (tmp_path / name).mkdir()
        root, _ = filled.store.add_root(os.fsencode(tmp_path / name))
        filled.store.commit(root, [make_result(1, b"1.jpg"), make_result(1, b"1 (1).jpg")])
    (tmp_path / "home" / "1.jpg").touch()

    with Library(Store.open(folder)) as library:
        for named in ("home", "backup"):
            (photo,) = library.photos()
            assert photo.path == str(tmp_path / named / "1.jpg")
            assert len(photo.files) == 4
            # Where a drive was mounted, an empty folder stays.
            (tmp_path / "home" / "1.jpg").unlink(missing_ok=True)
            (tmp_path / "backup" / "1.jpg").touch()


def test_a_folder_that_does_not_answer_is_not_there(
    filled: Filled, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("server", "zone"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").touch()
        root, _ = filled.store.add_root(os.fsencode(tmp_path / name))
        filled.store.commit(root, [make_result(1, b"1.jpg")])
    woken, look, asked = threading.Event(), os.scandir, []

    def wait_or_look(path: bytes) -> Any:
        if path.endswith(b"server"):
            asked.append(path)
            woken.wait()
        return look(path)

    monkeypatch.setattr(os, "scandir", wait_or_look)
    monkeypatch.setattr(photos, "_PATIENCE_S", 0.1)
    with Library(Store.open(folder)) as library:
        for _ in range(3):  # whoever waits for an answer is one thread, not one for each question
            (photo,) = library.photos()
            assert photo.path == str(tmp_path / "zone" / "1.jpg")
        assert len(asked) == 1
        woken.set()
        photos._unanswered[asked[0]].join()
        (photo,) = library.photos()
        assert photo.path == str(tmp_path / "server" / "1.jpg")


def test_all_of_a_large_library_comes_in_order(filled: Filled, folder: Path) -> None:
    filled.add(*(make_result(seed, taken=f"20{seed % 90 + 10}-01-01T00:00:00") for seed in range(1100)))
    with Library(Store.open(folder)) as library:
        dates = [photo.date for photo in library.photos(order="time")]
    assert len(dates) == 1100
    assert dates == sorted(dates)
