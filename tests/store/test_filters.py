"""Filters act before the ranking: k photos come back whenever k pass."""

import os
import time
from collections.abc import Iterator

import pytest

from lookalike.store.catalog.photos import photos_of
from lookalike.store.filters.where import ALL, Where

from .making import Filled, ask, make_result, make_vector, names

QUERY = make_vector(99_999)


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Kolkata"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def paths_that_pass(filled: Filled, where: Where) -> set[str]:
    with filled.store.reading() as view:
        return {file.path for photo in photos_of(view, where) for file in photo.files}


def put(filled: Filled, *rels: bytes) -> None:
    filled.add(*(make_result(seed, rel) for seed, rel in enumerate(rels)))


# Folders


def test_a_filter_gives_k_results_whenever_k_pass(filled: Filled) -> None:
    filled.add(*(make_result(seed, b"many/%d.jpg" % seed) for seed in range(400)))
    filled.add(*(make_result(seed, b"few/%d.jpg" % seed) for seed in range(400, 407)))
    nearest_of_many = make_vector(3)

    answer = ask(filled.store, nearest_of_many, 7, Where(folders=(b"/photos/few",)))

    assert sorted(names(answer)) == [f"{seed}.jpg" for seed in range(400, 407)]
    assert len(ask(filled.store, nearest_of_many, 7, Where(folders=(b"/photos/many",)))) == 7


def test_a_folder_is_never_mixed_up_with_one_whose_name_it_begins(filled: Filled) -> None:
    put(filled, b"a/1.jpg", b"ab/2.jpg", b"a.jpg", b"a0/3.jpg", b"a/b/4.jpg", b"a!/5.jpg", b"A/6.jpg")
    found = paths_that_pass(filled, Where(folders=(b"/photos/a",)))
    assert found == {"/photos/a/1.jpg", "/photos/a/b/4.jpg"}


def test_a_folder_may_be_the_root_above_it_below_it_or_a_single_file(filled: Filled) -> None:
    put(filled, b"a/1.jpg", b"b/2.jpg")
    for folder in (b"/photos", b"/"):
        assert len(paths_that_pass(filled, Where(folders=(folder,)))) == 2
    assert paths_that_pass(filled, Where(folders=(b"/photos/a/1.jpg",))) == {"/photos/a/1.jpg"}
    assert paths_that_pass(filled, Where(folders=(b"/photos/a/1.jp",))) == set()
    assert paths_that_pass(filled, Where(folders=(b"/phot",))) == set()
    assert paths_that_pass(filled, Where(folders=(b"/photos2",))) == set()


def test_several_folders_pass_what_lies_below_any_of_them(filled: Filled) -> None:
    put(filled, b"a/1.jpg", b"b/2.jpg", b"c/3.jpg")
    found = paths_that_pass(filled, Where(folders=(b"/photos/a", b"/photos/c")))
    assert found == {"/photos/a/1.jpg", "/photos/c/3.jpg"}


@pytest.mark.parametrize(
    "name", [b"caf\xe9", b"\xff\xfe", b"a%b", b"a_b", b"a'b\"c", b"a\nb", "ä🏖".encode()]
)
def test_folder_names_are_bytes_and_mean_only_themselves(filled: Filled, name: bytes) -> None:
    put(filled, name + b"/1.jpg", b"axb/2.jpg", b"cafe/3.jpg", b"\xff\xff/4.jpg")
    found = paths_that_pass(filled, Where(folders=(b"/photos/" + name,)))
    assert {os.fsencode(path) for path in found} == {b"/photos/" + name + b"/1.jpg"}
    assert len(ask(filled.store, QUERY, 9, Where(folders=(b"/photos/" + name,)))) == 1


# Dates


def add_dated(filled: Filled) -> None:
    taken = [
        "2023-04-30T23:59:59",
        "2023-05-01T00:00:00",
        "2023-12-31T23:59:59.950+02:00",
        "2024-01-01T00:00:00",
    ]
    filled.add(*(make_result(seed, taken=when) for seed, when in enumerate(taken)))
    filled.add(*(make_result(10 + seed, modified=when[:19]) for seed, when in enumerate(taken)))


@pytest.mark.parametrize(
    ("since", "until", "passing"),
    [
        ("2023-05-01", None, {1, 2, 3}),
        ("2023-05", None, {1, 2, 3}),
        ("2023-05-01T00:00:01", None, {2, 3}),
        ("2024", None, {3}),
        ("2024-01-02", None, set()),
        (None, "2023", {0, 1, 2}),
        (None, "2023-12", {0, 1, 2}),
        (None, "2023-12-31", {0, 1, 2}),
        (None, "2023-12-31T23:59", {0, 1, 2}),
        (None, "2023-12-31T23:59:59", {0, 1, 2}),
        (None, "2023-12-31T23:58", {0, 1}),
        (None, "2023-04-30", {0}),
        (None, "2022", set()),
        ("2023-05-01", "2023-05-01", {1}),
        ("2023", "2023", {0, 1, 2}),
        ("2024", "2023", set()),
    ],
)
def test_both_ends_of_a_range_of_dates_are_included(
    filled: Filled, since: str | None, until: str | None, passing: set[int], zone: str
) -> None:
    """By capture time (seeds below 10) as by modification time in local time (from 10)."""
    add_dated(filled)
    expected = {f"{seed}.jpg" for each in passing for seed in (each, 10 + each)}
    assert set(names(ask(filled.store, QUERY, 20, Where(since=since, until=until)))) == expected


def test_capture_time_outweighs_modification_time(filled: Filled) -> None:
    filled.add(make_result(1, taken="2010-01-01T00:00:00", modified="2023-01-01T00:00:00"))
    assert paths_that_pass(filled, Where(since="2023")) == set()
    assert len(paths_that_pass(filled, Where(until="2010"))) == 1
    with filled.store.reading() as view:
        (photo,) = photos_of(view)
    assert photo.date == "2010-01-01T00:00:00"


def test_folder_and_dates_must_both_hold(filled: Filled) -> None:
    filled.add(make_result(1, b"a/1.jpg", taken="2020-01-01T00:00:00"))
    filled.add(make_result(2, b"a/2.jpg", taken="2021-01-01T00:00:00"))
    filled.add(make_result(3, b"b/3.jpg", taken="2021-01-01T00:00:00"))
    where = Where(folders=(b"/photos/a",), since="2021")
    assert paths_that_pass(filled, where) == {"/photos/a/2.jpg"}


# Files that are gone


@pytest.mark.parametrize("state", ["absent", "excluded"])
def test_photos_whose_files_are_gone_or_left_out_never_come_back(filled: Filled, state: str) -> None:
    filled.fill(range(60))
    gone = [b"%d.jpg" % seed for seed in range(50)]
    filled.lose(*gone, state=state)

    for where in (ALL, Where(folders=(b"/photos",))):
        answer = ask(filled.store, make_vector(3), 10, where)
        assert sorted(names(answer)) == [f"{seed}.jpg" for seed in range(50, 60)]


def test_a_photo_with_two_files_of_which_one_is_gone_still_comes(filled: Filled) -> None:
    filled.add(make_result(1), make_result(1, b"twin.jpg"), make_result(2))
    filled.lose(b"1.jpg")
    assert names(ask(filled.store, make_vector(1), 1)) == ["twin.jpg"]
    filled.lose(b"twin.jpg")
    assert names(ask(filled.store, make_vector(1), 1)) == ["2.jpg"]


def test_a_photo_shows_only_those_of_its_files_that_pass(filled: Filled) -> None:
    filled.add(make_result(1, b"a/1.jpg"), make_result(1, b"b/1.jpg"))
    assert paths_that_pass(filled, Where(folders=(b"/photos/b",))) == {"/photos/b/1.jpg"}


def test_a_file_that_comes_back_is_found_again(filled: Filled) -> None:
    filled.fill([1, 2])
    key = filled.known()[b"1.jpg"]
    filled.lose(b"1.jpg")
    filled.store.settle(filled.root, absent=[], excluded=[], returned=[key])
    assert names(ask(filled.store, make_vector(1), 1)) == ["1.jpg"]


def test_a_filter_that_nothing_passes_finds_nothing(filled: Filled) -> None:
    filled.fill(range(5))
    assert ask(filled.store, QUERY, 5, Where(folders=(b"/elsewhere",))) == []
