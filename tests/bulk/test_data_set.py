"""A finished data set answers as the store that `index` makes of the same photos does."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.bulk.dataset import DataSet
from lookalike.errors import ExitCode
from lookalike.indexer.options import IndexOptions
from lookalike.indexer.run import index_folders
from lookalike.search import by_image
from lookalike.store.store import Store
from lookalike.tests.bulk import sets
from lookalike.tests.bulk.conftest import Bucket
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, save
from lookalike.tests.store.making import run_python

MORE = 12  # photos beside those of `draw_library`


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = sets.draw_library(tmp_path_factory.mktemp("drawn") / "photos")
    for seed in range(20, 20 + MORE):
        save(folder / "more" / f"{seed}.jpg", draw_photo(seed, 96, 72), quality=90)
    return folder


@pytest.fixture(scope="module")
def store(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("indexed") / "store"
    with Store.open(folder, create=True) as made:
        index_folders(made, [photos], spec=sets.SPEC, options=IndexOptions(sets.OPTIONS.scan, workers=1))
    return folder


@pytest.fixture(scope="module")
def data(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    made = sets.made(tmp_path_factory.mktemp("set") / "set")
    sets.planned(made, photos)
    sets.done(made)
    done = lookalike("bulk", "finish", made.place.url, "--format", "json")
    assert done.code == 0, done.err
    assert done.json.items() >= {"photos": 7 + MORE, "new": 7 + MORE, "parts": 1, "is_done": True}.items()
    return made


@pytest.fixture(scope="module", params=["folder", "bucket"])
def place(
    request: pytest.FixtureRequest, data: DataSet, s3: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """Where the data set lies: as it was made, and the same in a bucket."""
    if request.param == "folder":
        yield data.place.url
        return
    root = Path(data.place.url)
    for path in sorted(root.rglob("*")):
        if path.is_file():
            s3.put(f"set/{path.relative_to(root)}", path.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKALIKE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield f"{s3.url}/set"


@pytest.fixture(autouse=True)
def few_photos_are_reranked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_image, "LEAST_PHOTOS", 5)


SEARCHES = {
    "an image": ["more/21.jpg"],
    "without re-ranking": ["more/21.jpg", "--no-rerank", "-k", "50"],
    "with itself": ["more/21.jpg", "--include-self", "--include-copies"],
    "a folder": ["more/21.jpg", "--in", "0"],
    "a condition": ["more/21.jpg", "--where", 'camera ~ "Pinhole" and width > 50'],
    "a time": ["more/21.jpg", "--since", "2022"],
    "together": ["more/21.jpg", "more/22.jpg", "--together", "--minus", "1/photo3.jpg"],
    "several": ["more/21.jpg", "more/22.jpg"],
    "a label": ["more/21.jpg", "--label", "LABEL", "--confidence", "0.001"],
    "by label": ["--label", "LABEL", "--confidence", "0.001"],
    "a part": ["more/21.jpg", "--box", "10%,20%,50%,50%"],
    "spread": ["more/21.jpg", "--diverse"],
    "a list": ["--in", "more"],
    "more": ["--more", "1,2", "--less", "3"],
}


@pytest.mark.parametrize("kind", SEARCHES)
def test_searches_have_the_same_answers(kind: str, place: str, store: Path, photos: Path) -> None:
    def answer(where: Path | str) -> Any:
        arguments = [
            str(photos / each) if (photos / each).exists() else label if each == "LABEL" else each
            for each in SEARCHES[kind]
        ]
        if kind == "more":
            lookalike("search", photos / "more" / "25.jpg", "--store", where)
        found = lookalike("search", *arguments, "--store", where, "--format", "json")
        assert found.code == 0, found.err
        return without_ids(found.json)

    label = "plant"
    assert answer(place) == answer(store)


def without_ids(told: Any) -> Any:
    """Return what was told without the ids of photos: they follow the order in which photos came."""
    if isinstance(told, list):
        return [without_ids(each) for each in told]
    if isinstance(told, dict):
        return {key: without_ids(value) for key, value in told.items() if key != "id"}
    return told


LISTS: dict[str, list[str]] = {
    "errors": ["errors"],
    "export": ["export", "--sort", "path"],
    "dupes": ["dupes", "--exact"],
    "explain": ["explain", "0/photo0.jpg", "more/21.jpg"],
    "labels": ["labels"],
    "missing": ["missing"],
    "decisions": ["decisions"],
}


@pytest.mark.parametrize("kind", LISTS)
def test_lists_are_the_same(kind: str, place: str, store: Path, photos: Path) -> None:
    arguments = [str(photos / each) if (photos / each).is_file() else each for each in LISTS[kind]]
    ours, theirs = (lookalike(*arguments, "--store", where, "--format", "json") for where in (place, store))
    assert ours.code == theirs.code == 0, ours.err
    assert without_ids(ours.json) == without_ids(theirs.json)


def test_exported_vectors_are_the_same(place: str, store: Path, tmp_path: Path) -> None:
    found: list[dict[str, list[float]]] = []
    for where in (place, store):
        path = tmp_path / f"{len(found)}.npz"
        assert lookalike("export", "--vectors", path, "--store", where).code == 0
        with np.load(path) as arrays:
            found.append(dict(zip(arrays["digests"].tolist(), arrays["vectors"].tolist(), strict=True)))
    assert found[0] == found[1]


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


def test_dupes_lists_what_is_known_and_says_what_finds_more(place: str, tmp_path: Path) -> None:
    done = lookalike("dupes", "--plan", tmp_path / "plan.json", "--store", place)
    assert done.code == 0, done.err
    assert f"lookalike bulk dupes {place}" in done.err
    assert (tmp_path / "plan.json").exists()


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
    done = run_python(code, photos / "more" / "21.jpg", "--store", store)
    assert done.returncode == 0, done.stderr
    assert "22.jpg" in done.stdout
