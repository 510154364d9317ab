"""A finished data set answers as the store that `index` makes of the same photos does."""

import shutil
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from lookalike.bulk.dataset import DataSet
from lookalike.bulk.here import Here
from lookalike.errors import ExitCode
from lookalike.search import by_image
from lookalike.tests.bulk import sets
from lookalike.tests.bulk.conformance import (
    LISTS,
    PHOTOS,
    SEARCHES,
    answer,
    vectors,
)
from lookalike.tests.bulk.conftest import Bucket
from lookalike.tests.library import lookalike
from lookalike.tests.store.making import run_python


@pytest.fixture(scope="module")
def data(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    made = sets.made(tmp_path_factory.mktemp("set") / "set")
    sets.planned(made, photos)
    sets.done(made)
    done = lookalike("bulk", "finish", made.place.url, "--format", "json")
    assert done.code == 0, done.err
    assert done.json.items() >= {"photos": PHOTOS, "new": PHOTOS, "parts": 1, "is_done": True}.items()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lookalike.bulk.here.Here", lambda real=Here: real(0))
        assert lookalike("bulk", "dupes", made.place.url).code == 0
    return made


@pytest.fixture(scope="module")
def imported(data: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that `import` makes of the units, its copies proven."""
    folder = tmp_path_factory.mktemp("imported") / "store"
    sets.imported(data, folder)
    assert lookalike("dupes", "--no-second-look", "--store", folder).code == 0
    return folder


@pytest.fixture(scope="module")
def bucket(data: DataSet, s3: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The data set in a bucket."""
    s3.put_folder(Path(data.place.url), "set")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKALIKE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield f"{s3.url}/set"


@pytest.fixture(scope="module", params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, data: DataSet) -> str:
    """Where the data set lies: as it was made, and the same in a bucket."""
    return data.place.url if request.param == "folder" else str(request.getfixturevalue("bucket"))


@pytest.fixture(scope="module", params=["imported", "folder", "bucket"])
def library(request: pytest.FixtureRequest, data: DataSet) -> str:
    """What is to answer as the store of `index` does; the store that Ray made is in test_ray.py."""
    return data.place.url if request.param == "folder" else str(request.getfixturevalue(request.param))


@pytest.fixture(autouse=True)
def few_photos_are_reranked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_image, "LEAST_PHOTOS", 5)


@pytest.fixture(scope="module")
def expected(store: Path, photos: Path) -> Callable[[str], Any]:
    """What the store that `index` makes answers to a question, which is asked once."""
    return cache(partial(answer, where=store, photos=photos))


@pytest.mark.parametrize("kind", [*SEARCHES, *LISTS])
def test_answers_are_those_of_the_store_that_index_makes(
    kind: str, library: str, expected: Callable[[str], Any], photos: Path
) -> None:
    assert answer(kind, library, photos) == expected(kind)


def test_the_copies_that_were_drawn_are_found(expected: Callable[[str], Any]) -> None:
    copies = [group for group in expected("copies")["groups"] if "-small" in str(group)]
    assert len(copies) == 4


def test_exported_vectors_are_the_same(library: str, store: Path, tmp_path: Path) -> None:
    assert vectors(library, tmp_path / "ours.npz") == vectors(store, tmp_path / "theirs.npz")


def test_rows_of_an_imported_library_are_the_same(imported: Path, store: Path) -> None:
    assert sets.differing(imported, store) == []


def test_status_and_doctor_speak_of_the_data_set(place: str, store: Path) -> None:
    ours, theirs = (
        lookalike("status", "--store", each, "--format", "json").json for each in (place, store)
    )
    assert ours["store"] == place
    assert ours["store_bytes"] > 10_000
    for name in ("photos", "files", "unread", "bytes", "thumbnails", "model", "fingerprint"):
        assert ours[name] == theirs[name], name
    checked = lookalike("doctor", "--deep", "--recall", "--store", place, "--format", "json")
    assert checked.code == 0, checked.out
    levels = {each["what"]: each["level"] for each in checked.json["findings"]}
    for what in ("catalog", "vectors", "maps", "index", "thumbnails", "recall", "store"):
        assert levels[what] == "ok", checked.out


def test_what_changes_a_library_says_that_it_needs_a_store(
    place: str, photos: Path, tmp_path: Path
) -> None:
    one, two = photos / "0" / "photo0.jpg", photos / "more" / "21.jpg"
    for command in (
        ["index", photos],
        ["reject", one, two],
        ["teach", "mine", "--yes", one],
        ["forget", photos, "--yes"],
        ["purge", "--yes"],
        ["compact"],
        ["repair", "--yes"],
        ["backup", tmp_path / "a.lookalike-backup"],
        ["serve"],
    ):
        done = lookalike(*command, "--store", place)
        assert done.code == ExitCode.UNWRITABLE, (command, done.err)
        assert done.err.count("\n") == 1
        assert f"lookalike bulk import {place}" in done.err, command
    assert not list(tmp_path.iterdir())


def test_without_neighborhoods_every_search_says_so(photos: Path, data: DataSet, tmp_path: Path) -> None:
    there = tmp_path / "set"
    shutil.copytree(data.place.url, there, ignore=shutil.ignore_patterns("store"))
    assert lookalike("bulk", "finish", there, "--no-rerank").code == 0
    example = photos / "more" / "21.jpg"
    by_default = lookalike("search", example, "--store", there, "--format", "json")
    plain = lookalike("search", example, "--store", there, "--format", "json", "--no-rerank")
    assert "ranked by the score alone: this data set was finished with --no-rerank" in by_default.err
    assert by_default.err.count("\n") == 1
    assert plain.err == ""
    assert by_default.json == plain.json


def test_a_search_in_a_store_loads_nothing_of_data_sets(store: Path, photos: Path) -> None:
    code = """
import sys
from lookalike.cli import run
sys.argv[1:1] = ["search"]
run(sys.argv[1:])
loaded = [name for name in ("lance", "pyarrow", "fsspec", "ray", "boto3") if name in sys.modules]
assert not loaded, loaded
"""
    done = run_python(code, photos / "more" / "21.jpg", "-k", "30", "--store", store)
    assert done.returncode == 0, done.stderr
    assert "22.jpg" in done.stdout


def test_a_search_in_a_data_set_loads_no_pandas(data: DataSet, photos: Path) -> None:
    code = """
import sys
from lookalike import cli
sys.argv[1:1] = ["search"]
try:
    cli.main()
finally:
    assert "lance" in sys.modules
    assert "pandas" not in sys.modules
"""
    done = run_python(code, photos / "more" / "21.jpg", "-k", "30", "--store", data.place.url)
    assert done.returncode == 0, done.stderr
    assert "22.jpg" in done.stdout
