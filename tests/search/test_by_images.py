"""Several examples at once, and going on with what was found."""

import os
from pathlib import Path
from typing import Any

import pytest

from lookalike import Library
from lookalike.errors import DecodeError, UsageError
from lookalike.search.answers import Result
from lookalike.search.last_search import FOLDER
from lookalike.search.request import SearchRequest
from lookalike.tests.library import Run, lookalike, make_photos
from lookalike.tests.pictures import draw_photo, encode, save

SCENES, SHOTS = 10, 6


def make_scenes(folder: Path) -> Path:
    """Draw sixty photos: shots of ten scenes, each from a place of its own."""
    for scene in range(SCENES):
        whole = draw_photo(100 + scene, 400, 300)
        for shot in range(SHOTS):
            left, top = 14 * shot, 9 * (shot % 3)
            save(folder / f"{scene}-{shot}.jpg", whole.crop((left, top, left + 300, top + 240)), quality=88)
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scenes(tmp_path_factory.mktemp("photos").resolve())


@pytest.fixture(scope="module")
def store(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store") / "store"
    assert lookalike("index", photos, "--store", store).code == 0
    return store


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path / "state"))
    return tmp_path / "state"


def names(run: Run) -> list[str]:
    (answer,) = run.lines
    return [Path(result["path"]).name for result in answer["results"]]


def contents(store: Path) -> dict[str, int]:
    """Return when each file last changed, but for the memory that SQLite's readers share."""
    return {file.name: file.stat().st_mtime_ns for file in store.iterdir() if file.suffix != ".db-shm"}


def scenes(found: list[str]) -> list[str]:
    return [name.partition("-")[0] for name in found]


# --- the library


def test_two_examples_find_the_photos_of_both_and_are_not_among_them(store: Path, photos: Path) -> None:
    with Library.open(store) as library:
        results = library.search([photos / "3-0.jpg", photos / "7-0.jpg"], k=10)

    found = [Path(result.path).name for result in results]
    assert {"3", "7"} <= set(scenes(found[:8]))
    assert sum(scene in "37" for scene in scenes(found)) >= 9
    assert not {"3-0.jpg", "7-0.jpg"} & set(found)
    assert [result.score for result in results] == sorted((r.score for r in results), reverse=True)


def test_weights_and_what_is_not_wanted_change_the_order(store: Path, photos: Path) -> None:
    plus = [photos / "3-0.jpg", photos / "7-0.jpg"]
    with Library.open(store) as library:
        heavy = library.search(plus, weights=[8, 1], k=5)
        without = library.search(plus, minus=[photos / "7-1.jpg"], k=5)

    for results in (heavy, without):
        assert scenes([Path(result.path).name for result in results])[:4] == ["3"] * 4


def test_results_and_photos_can_be_given_back(store: Path, photos: Path) -> None:
    with Library.open(store) as library:
        first, second, *_ = library.search(photos / "5-0.jpg", k=3)
        refined = library.search([photos / "5-0.jpg", first], minus=[second.photo], k=10)
        found = {result.photo.id for result in refined}
        all_of_them = library.search([first], k=60, include_self=True, together=True)

    assert not {first.photo.id, second.photo.id} & found
    assert all_of_them[0].photo.id == first.photo.id
    assert len(all_of_them) == SCENES * SHOTS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"together": True}, "name one"),
        ({"minus": ["a.jpg"]}, "name an image that is"),
        ({"examples": ["a.jpg"], "weights": [1, 2]}, "not 2 for 1"),
        ({"examples": ["a.jpg"], "weights": [-1]}, "above 0"),
        ({"examples": ["a.jpg"], "weights": [float("nan")]}, "above 0"),
        ({"examples": ["a.jpg"] * 257, "together": True}, "at most 256"),
        ({"examples": ["a.jpg"], "k": 0}, "at least 1"),
        ({"examples": ["a.jpg"], "box": "0,0,5,5", "together": True}, "go without together"),
        ({"examples": ["a.jpg"], "box": "0,0,5,5", "part": True}, "give one of them"),
        ({"part": True}, "name one"),
        ({"diverse": True}, "name one"),
        ({"labels": ["dog"], "confidence": 2.0}, "at most 1"),
        ({"more": [1, 2], "less": [2]}, "result 2 cannot be wanted and not wanted"),
        ({"examples": [object()]}, "cannot search by a object"),
        ({"examples": ["a.jpg", "b.jpg"]}, "have an answer each"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(
    store: Path, options: dict[str, Any], message: str
) -> None:
    with Library.open(store) as library, pytest.raises(UsageError, match=message):
        library.searches.results(SearchRequest(**options))


def test_an_example_that_cannot_be_read_is_named(store: Path, photos: Path) -> None:
    with (
        Library.open(store) as library,
        pytest.raises(DecodeError, match=r"away\.jpg: there is no such file"),
    ):
        library.search([photos / "1-0.jpg"], minus=[photos / "away.jpg"])


def test_exact_copies_of_an_example_are_no_results_either(tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos")  # photo0 is there twice
    with Library.open(tmp_path / "store", create=True) as library:
        library.index([photos])
        found = library.search([photos / "2021/photo0.jpg", photos / "2022/photo1.jpg"], k=20)

    assert len(found) == 5
    assert not {"photo0.jpg", "photo0-again.jpg", "photo1.jpg"} & {Path(r.path).name for r in found}


# --- the command line


def test_together_gives_one_answer_that_tells_its_examples(store: Path, photos: Path) -> None:
    a, b, c = (photos / name for name in ("3-0.jpg", "7-0.jpg", "1-0.jpg"))

    run = lookalike("search", a, b, "--together", "--minus", c, "--store", store, "--format", "jsonl")

    (answer,) = run.lines
    assert answer["query"] == f"{a} + {b} - {c}"
    assert [each["weight"] for each in answer["examples"]] == [1, 1, -1]
    assert [result["rank"] for result in answer["results"]] == list(range(1, 11))
    weighted = lookalike(
        "search", a, b, "--weight", "8,1", "--store", store, "--format", "jsonl", "-k", "4"
    )
    assert scenes(names(weighted)) == ["3"] * 4


def test_one_unreadable_example_fails_the_whole_search_with_3(store: Path, photos: Path) -> None:
    run = lookalike(
        "search", photos / "1-0.jpg", "away.jpg", "--together", "--store", store, "--format", "jsonl"
    )

    assert run.code == 3
    assert "away.jpg: there is no such file" in run.err
    assert run.lines[0]["results"] == []


def test_the_last_search_is_refined_again_and_again(store: Path, photos: Path, state: Path) -> None:
    def search(*arguments: str | Path) -> Run:
        return lookalike("search", *arguments, "--store", store, "--format", "jsonl", "-k", "6")

    shown = names(search(photos / "4-0.jpg"))
    first = search("--more", "1,2", "--less", "6")
    seen = {"4-0.jpg", shown[0], shown[1], shown[5]}
    assert not seen & set(names(first))
    assert [each["weight"] for each in first.lines[0]["examples"]] == [1, 1, 1, -1]

    second = search("--less", "1")
    assert not (seen | {names(first)[0]}) & set(names(second))
    assert len(second.lines[0]["examples"]) == 5


def test_a_changed_mind_counts(store: Path, photos: Path, state: Path) -> None:
    def search(*arguments: str | Path) -> Run:
        flags: list[str | Path] = ["--store", store, "--format", "jsonl", "--include-self", "-k", "60"]
        return lookalike("search", *arguments, *flags)

    search(photos / "4-0.jpg")
    disliked = search("--less", "3")
    gone = disliked.lines[0]["examples"][-1]["query"]
    rank = [result["path"] for result in disliked.lines[0]["results"]].index(gone) + 1
    liked = search("--more", str(rank)).lines[0]["examples"]

    assert [(each["query"], each["weight"]) for each in liked] == [(str(photos / "4-0.jpg"), 1), (gone, 1)]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--more", "1"], "search by an image first"),
        (["--more", "one"], "numbers of results"),
        (["--less", "-1"], "numbers of results"),
        (["x.jpg", "--weight", "1,b"], "one number for each image"),
        (["--minus", "x.jpg"], "name an image"),
        (["--in", ".", "--weight", "3"], "not 1 for 0"),
        (["x.jpg", "--part", "--diverse"], "without"),
        (["--in", ".", "--together"], "name one"),
    ],
)
def test_what_cannot_be_gone_on_with_says_why(
    store: Path, state: Path, flags: list[str], said: str
) -> None:
    run = lookalike("search", *flags, "--store", store)

    assert run.code == 2
    assert said in run.err


def test_numbers_that_were_not_shown_or_are_both_are_refused(
    store: Path, photos: Path, state: Path
) -> None:
    lookalike("search", photos / "4-0.jpg", "--store", store, "-k", "3")

    assert "its numbers: 1 to 3" in lookalike("search", "--more", "4", "--store", store).err
    both = lookalike("search", "--more", "2", "--less", "2", "--store", store)
    assert both.code == 2
    assert "wanted and not wanted" in both.err


def test_a_search_that_could_not_be_made_leaves_the_last_one(
    store: Path, photos: Path, state: Path
) -> None:
    lookalike("search", photos / "4-0.jpg", "--store", store)
    lookalike("search", "nowhere.jpg", "--store", store)

    refined = lookalike("search", "--more", "1", "--store", store, "--format", "jsonl").lines[0]

    assert refined["examples"][0]["query"] == str(photos / "4-0.jpg")


def test_numbers_of_several_answers_cannot_be_gone_on_with(store: Path, photos: Path, state: Path) -> None:
    lookalike("search", photos / "4-0.jpg", "--store", store)
    lookalike("search", photos / "1-0.jpg", photos / "2-0.jpg", "--store", store)

    run = lookalike("search", "--more", "1", "--store", store)

    assert run.code == 2
    assert "no last search" in run.err


def test_a_list_without_an_example_can_be_gone_on_with(store: Path, photos: Path, state: Path) -> None:
    listed = lookalike("search", "--in", photos, "-k", "5", "--store", store, "--format", "jsonl")
    second = listed.lines[0]["results"][1]

    run = lookalike("search", "--more", "2", "--store", store, "--format", "jsonl", "--include-self")

    assert run.lines[0]["results"][0]["id"] == second["id"]


def test_examples_from_outside_are_read_again_while_they_are_the_same(
    store: Path, photos: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crop = save(tmp_path / "crop.jpg", draw_photo(104, 400, 300).crop((50, 30, 350, 270)))
    monkeypatch.chdir(tmp_path)

    def refined() -> Run:
        assert lookalike("search", "crop.jpg", "--store", store).code == 0
        monkeypatch.chdir(photos)  # its name was relative
        return lookalike("search", "--more", "1", "--store", store, "--format", "jsonl")

    first = refined()
    assert first.code == 0
    assert scenes(names(first))[:4] == ["4"] * 4
    again = lookalike("search", "--less", "9", "--store", store, "--format", "jsonl")
    assert again.lines[0]["examples"][0]["query"] == "crop.jpg"

    save(crop, draw_photo(105, 400, 300))
    changed = lookalike("search", "--more", "1", "--store", store)
    assert changed.code == 3
    assert "crop.jpg: this example of the last search is not in the library" in changed.err


def test_bytes_are_remembered_by_what_the_library_holds(store: Path, photos: Path, state: Path) -> None:
    with Library.open(store) as library:

        def refined(example: object) -> tuple[Result, ...]:
            request = SearchRequest(examples=[example], remember=True)
            assert library.searches.results(request)
            return library.searches.results(SearchRequest(more=[1]))

        assert refined((photos / "6-0.jpg").read_bytes())
        assert refined(7)
        for unknown in (encode(draw_photo(77, 64, 48)), draw_photo(77, 64, 48)):
            with pytest.raises(DecodeError, match="search again"):
                refined(unknown)


def test_a_store_for_reading_only_can_be_searched_and_refined(
    store: Path, photos: Path, state: Path
) -> None:
    before = contents(store)
    assert lookalike("search", photos / "4-0.jpg", "--store", store).code == 0
    assert lookalike("search", "--more", "1", "--store", store).code == 0

    assert contents(store) == before
    assert len(os.listdir(state / "searches")) == 1
