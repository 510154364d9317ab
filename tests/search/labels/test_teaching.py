"""Taught labels: learned from a few examples, kept by content, found, tried out, forgotten."""

import contextlib
import csv
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from lookalike.errors import StoreCorrupt, UsageError
from lookalike.library import Library
from lookalike.search.labels.labeler import Labeler
from lookalike.search.labels.training import average_precision
from lookalike.search.request import SearchRequest
from lookalike.store.care.checks import check_store
from lookalike.store.care.repair import repair
from lookalike.store.catalog.contents import ids_of
from lookalike.store.catalog.files import known_files
from lookalike.store.catalog.folders import all_roots
from lookalike.store.store import Store
from lookalike.tests.library import lookalike, make_photos
from lookalike.tests.store.making import digest_of, execute, make_spec

from .making import library_of, names_of

# A made-up library: photos 0 to 39 show one thing, the other 260 show 13 things, 20 photos each.
KINDS, OF_FIRST, DIM = 14, 40, 64
COUNT = OF_FIRST + 20 * (KINDS - 1)


def vectors() -> list[np.ndarray]:
    random = np.random.default_rng(5)
    kinds = np.abs(random.normal(0, 1, (KINDS, DIM)))
    which = [0] * OF_FIRST + [1 + n // 20 for n in range(COUNT - OF_FIRST)]
    noise = np.abs(random.normal(0, 0.8, (COUNT, DIM)))
    return list((kinds[which] + noise).astype(np.float32))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with library_of(tmp_path / "store", vectors(), make_spec(dim=DIM)) as made:
        yield made


def ids(library: Library, numbers: range) -> list[str]:
    with library.store.reading() as view:
        known = ids_of(view, [digest_of(number) for number in numbers])
    return [f"id:{known[digest_of(number)]}" for number in numbers]


def is_first(name: str) -> bool:
    return int(name.removesuffix(".jpg")) < OF_FIRST


def test_five_examples_find_the_others_and_hardly_anything_else(library: Library) -> None:
    library.labels.teach("garden", ids(library, range(5)))
    found = names_of(library.labels.find(["garden"]))
    right = sum(map(is_first, found))
    assert right >= 0.4 * OF_FIRST
    assert right >= 0.9 * len(found)


def test_it_is_a_filter_a_label_of_results_and_in_the_list_of_labels(library: Library) -> None:
    library.labels.teach("Garden", ids(library, range(5)))
    results = library.search(100, k=5, labels=[" garden "])
    assert len(results) == 5
    assert all(result.labels[0].name == "Garden" for result in results)
    (row,) = [each for each in library.labels.count() if each.is_taught]
    assert (row.name, row.photos) == ("Garden", len(library.labels.find(["garden"])))


def test_a_counter_example_pushes_what_is_like_it_away(library: Library) -> None:
    library.labels.teach("garden", ids(library, range(3)))
    before = {each.path: each.score for each in library.labels.find(["garden"], confidence=1e-9)}
    library.labels.teach("garden", no=ids(library, range(60, 70)))
    after = {each.path: each.score for each in library.labels.find(["garden"], confidence=1e-9)}
    others = [f"/photos/{number}.jpg" for number in range(70, 80)]
    assert np.mean([after[each] / before[each] for each in others]) < 0.9


def test_teaching_again_adds_examples_and_the_last_word_counts(library: Library) -> None:
    library.labels.teach("garden", ids(library, range(3)))
    made = library.labels.teach("GARDEN", ids(library, range(3, 5)), ids(library, range(1)))
    assert set(made.yes) == {digest_of(number) for number in range(1, 5)}
    assert made.no == (digest_of(0),)
    (kept,) = library.labels.taught()
    assert (kept.name, kept.yes, kept.no) == ("GARDEN", made.yes, made.no)


def test_it_outlives_its_examples(library: Library) -> None:
    library.labels.teach("garden", ids(library, range(5)))
    with library.store.reading() as view:
        (root,) = all_roots(view)
        known = known_files(view, root, b"")
    gone = [known[b"%d.jpg" % number].id for number in range(5)]
    library.store.settle(root, absent=gone, excluded=[], returned=[])
    found = names_of(library.labels.find(["garden"]))
    assert len(found) > 10
    assert len(library.labels.teach("garden", ids(library, range(5, 6))).yes) == 6


def test_a_trial_tells_a_thing_from_a_mixture(library: Library) -> None:
    library.labels.teach("garden", ids(library, range(36)))
    library.labels.teach("anything", ids(library, range(35, 300)[::26]))
    progress = Mock()
    good, poor = library.labels.test("garden", progress=progress), library.labels.test("anything")
    assert progress.begin.call_args.args[1] == progress.advance.call_count == good.splits
    assert good.precision > poor.precision + 0.15
    assert poor.spread >= 0
    assert poor.verdict.startswith("poor")


@pytest.mark.parametrize(
    ("name", "yes", "no", "said"),
    [
        ("", range(1), range(0), "needs a name"),
        ("a\nb", range(1), range(0), "needs a name"),
        ("x", range(0), range(1), "at least one picture that shows it"),
        ("x", range(2), range(1), "for and against"),
    ],
)
def test_what_cannot_be_taught_is_an_error_and_changes_nothing(
    library: Library, name: str, yes: range, no: range, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        library.labels.teach(name, ids(library, yes), ids(library, no))
    assert library.labels.taught() == []


def test_a_label_of_one_example_cannot_be_tried_and_an_unknown_one_not_forgotten(library: Library) -> None:
    library.labels.teach("garden", ids(library, range(1)))
    with pytest.raises(UsageError, match="one example only"):
        library.labels.test("garden")
    with pytest.raises(UsageError, match="no label 'park' was taught"):
        library.labels.forget("park")
    library.labels.forget("Garden")
    assert library.labels.taught() == []


def test_damage_is_noticed_and_repaired(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    library.labels.teach("garden", ids(library, range(5)))
    library.labels.teach("park", ids(library, range(60, 65)))
    folder = Path(library.store.folder)
    library.close()
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as connection:
        ((weights,),) = connection.execute("SELECT weights FROM taught WHERE word = 'garden'").fetchall()
    flipped = bytes([weights[0] ^ 1]) + weights[1:]
    execute(folder, "UPDATE taught SET weights = ? WHERE word = 'garden'", flipped)

    with Library.open(folder) as opened:
        for asked in (opened.labels.find, opened.labels.ids, opened.labels.test):
            with pytest.raises(StoreCorrupt, match="'Garden' is damaged"):
                asked("Garden")
        # All else goes on without it.
        assert [each.name for each in opened.labels.count()] == ["park"]
        assert [each.name for each in opened.labels.taught()] == ["park"]
        assert len(opened.search(100, k=5)) == 5
        assert opened.labels.find("park")
        assert "'garden' is damaged" in caplog.text
    with Store.open(folder) as store:
        broken = [each.what for each in check_store(store, deep=False) if each.level == "broken"]
    assert broken == ["labels"]

    assert any("taught label" in line for line in repair(str(folder)).said)
    with Library.open(folder) as opened:
        assert [each.name for each in opened.labels.taught()] == ["park"]


def test_what_was_taught_is_read_once_for_many_answers(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.labels.teach("garden", ids(library, range(5)))
    reads = Mock(wraps=Labeler.from_view)
    monkeypatch.setattr(Labeler, "from_view", reads)
    answers = list(library.searches.answers(SearchRequest(examples=[1, 2, 100, 200], k=5)))
    assert reads.call_count == 1
    assert len(answers) == 4
    assert any(result.labels for result in answers[0].results)


def test_average_precision_counts_ties_as_errors() -> None:
    inside, outside = np.array([3.0, 1.0], np.float32), np.array([2.0, 0.0], np.float32)
    assert average_precision(inside, outside) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.ones(1, np.float32), np.ones(3, np.float32)) == 0.25


def test_the_command_teaches_by_files_and_folders_tests_lists_and_forgets(tmp_path: Path) -> None:
    photos, store = make_photos(tmp_path / "photos"), tmp_path / "store"
    outside = make_photos(tmp_path / "outside") / "2022/photo1.jpg"
    assert lookalike("index", photos, "--store", store).code == 3  # one is broken

    made = lookalike("teach", "scene", "--yes", photos / "2021", "--yes", outside, "--store", store)
    assert (made.code, made.out) == (0, b"")
    assert "taught 'scene' by 3 examples" in made.err
    likely = len(lookalike("search", "--label", "scene", "--store", store, "--format", "paths").out.split())
    assert likely
    assert f"it: lookalike search --label scene --store {store}" in made.err
    nobody = lookalike("teach", "big cat", "--yes", outside, "--no", photos / "2021", "--store", store)
    assert (nobody.code, "0 photos likely show it\n" in nobody.err) == (0, True)
    lookalike("teach", "--forget", "big cat", "--store", store)
    found = lookalike("search", "--label", "scene", "--store", store, "--format", "json")
    assert found.code == 0
    assert found.json["queries"][0]["by"] == "label"
    (listed,) = lookalike("teach", "--list", "--store", store, "--format", "json").json["taught"]
    assert (listed["label"], listed["yes"], listed["no"]) == ("scene", 3, 0)
    trial = lookalike("teach", "--test", "scene", "--store", store, "--format", "json").json
    assert 0 <= trial["average_precision"] <= 1
    assert lookalike("teach", "--test", "scene", "--store", store).out.startswith(b"scene: ")
    (line,) = lookalike("teach", "--test", "scene", "--store", store, "--format", "jsonl").lines
    assert {key: line[key] for key in trial} == trial
    text = lookalike("teach", "--test", "scene", "--store", store, "--format", "csv").out.decode()
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["label"], float(row["found"])) == ("scene", trial["found"])
    more = photos / "2023/photo2.jpg"
    again = lookalike("teach", "scene", "--no", more, "--store", store, "--format", "json")
    assert again.code == 0, again.err
    (said,) = again.json["taught"]
    assert (said["label"], said["yes"], said["no"]) == ("scene", 3, 1)
    assert lookalike("teach", "--forget", "scene", "--store", store).code == 0
    assert lookalike("teach", "--list", "--store", store).out == b"nothing was taught\n"


@pytest.mark.parametrize("arguments", [(), ("x",), ("--list", "--test", "x"), ("--yes", "a.jpg")])
def test_a_command_that_says_no_one_thing_ends_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert lookalike("teach", *arguments, "--store", tmp_path).code == 2
