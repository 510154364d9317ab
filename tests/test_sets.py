"""Leaks between two sets and duplicates in one, without a store to think of."""

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import ImageOps

import lookalike
from lookalike import Leak, Library
from lookalike.dedup.groups.leaks import Sides, crossing
from lookalike.dedup.proof import VERIFIER_VERSION
from lookalike.errors import UsageError
from lookalike.store.catalog.pairs import all_verdicts, unproved_pairs
from lookalike.tests.pictures import draw_photo, save

N_LEAKS = 20


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("LOOKALIKE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw a training set of 60 and a test set of 40, of which 20 are leaks of five kinds."""
    data = tmp_path_factory.mktemp("data").resolve()
    for seed in range(60):
        save(data / f"train/{seed:02}.jpg", draw_photo(seed, 240, 180), quality=92)
    for seed in range(N_LEAKS, 40):
        save(data / f"test/other{seed}.jpg", draw_photo(1000 + seed, 240, 180), quality=92)
    for seed in range(N_LEAKS):
        photo, leak = draw_photo(seed, 240, 180), data / f"test/leak{seed:02}"
        match seed % 5:
            case 0:
                shutil.copy(data / f"train/{seed:02}.jpg", f"{leak}.jpg")
            case 1:
                save(f"{leak}.jpg", photo, quality=60)
            case 2:
                save(f"{leak}.jpg", photo.resize((160, 120)), quality=85)
            case 3:
                save(f"{leak}.png", ImageOps.mirror(photo))
            case _:
                save(f"{leak}.jpg", photo.crop((12, 9, 228, 171)), quality=90)
    return data


@pytest.fixture(scope="module")
def found(data: Path, cache: Path) -> list[Leak]:
    return lookalike.leaks(data / "train", str(data / "test"))


def test_every_planted_leak_is_found_with_its_source_and_no_other(found: list[Leak], data: Path) -> None:
    pairs = {(os.path.relpath(test, data), os.path.relpath(train, data)) for test, train, _, _ in found}
    wanted = {
        (f"test/leak{seed:02}.{'png' if seed % 5 == 3 else 'jpg'}", f"train/{seed:02}.jpg")
        for seed in range(N_LEAKS)
    }
    assert pairs == wanted
    assert [leak.kind for leak in found] == ["exact"] * 4 + ["copy"] * 16
    assert all(leak.score > 0.9 for leak in found)


def test_a_second_call_decodes_nothing_and_says_the_same(
    found: list[Leak], data: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = lookalike.store_of(data / "test", data / "train")
    assert store.startswith(str(cache / "sets"))
    with Library.open(store, create=True) as library:
        report = library.index([data / "train", data / "test"])
    assert (report.unchanged, report.embedded) == (100, 0)

    with caplog.at_level(logging.INFO, "lookalike"):
        assert lookalike.leaks(data / "train", data / "test") == found
    assert store in caplog.text  # whoever listens is told where it lies


def test_lookalikes_are_listed_on_request_and_apart_from_copies(found: list[Leak], data: Path) -> None:
    more = lookalike.leaks(data / "train", data / "test", similar=0.5)

    assert more[: len(found)] == found
    assert {leak.kind for leak in more[len(found) :]} == {"similar"}
    assert not {leak[:2] for leak in more[len(found) :]} & {leak[:2] for leak in found}
    with pytest.raises(UsageError, match="cosine"):
        lookalike.leaks(data / "train", data / "test", similar=2, store=data / "no store")
    assert not (data / "no store").exists()  # told before any work


def test_a_file_that_leaves_the_test_set_leaves_the_list(data: Path, tmp_path: Path, cache: Path) -> None:
    shutil.copytree(data / "train", tmp_path / "train", ignore=lambda _, names: sorted(names)[6:])
    shutil.copytree(data / "train", tmp_path / "train/held-out", ignore=lambda _, names: sorted(names)[2:])
    (tmp_path / "train/held-out/no.jpg").write_bytes(b"no picture")
    sets = tmp_path / "train", tmp_path / "train/held-out"

    with pytest.warns(UserWarning, match=r"1 picture could not be read.*no\.jpg"):
        leaks = lookalike.leaks(*sets)  # a set within the other counts for itself

    names = ("00.jpg", "01.jpg")
    assert [leak[:2] for leak in leaks] == [(str(sets[1] / name), str(sets[0] / name)) for name in names]
    for name in names:
        (sets[1] / name).unlink()
    save(sets[1] / "other.jpg", draw_photo(77, 240, 180))
    with pytest.warns(UserWarning, match="could not be read"):
        assert lookalike.leaks(*sets) == []


def test_sets_that_cannot_be_told_apart_or_are_not_there_are_refused(data: Path, cache: Path) -> None:
    for train, test, words in (
        (data / "train", [data / "train"], "is in train and in test"),
        (data / "train", [], "one is empty"),
        (data / "none", data / "test", "there is no folder .*none"),
    ):
        with pytest.raises(UsageError, match=words):
            lookalike.leaks(train, test)


def test_duplicates_are_groups_of_paths_with_the_kept_one_first(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for name in ("train/00.jpg", "test/leak00.jpg", "train/02.jpg", "test/leak02.jpg", "train/07.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(data / name, folder / name)

    report = lookalike.duplicates(str(folder), store=tmp_path / "store")

    groups = [[os.path.relpath(path, folder) for path in group.paths] for group in report.groups]
    assert sorted(map(sorted, groups)) == [
        ["test/leak00.jpg", "train/00.jpg"],
        ["test/leak02.jpg", "train/02.jpg"],
    ]
    assert ["train/02.jpg", "test/leak02.jpg"] in groups
    assert (tmp_path / "store/catalog.db").exists()


def test_what_could_not_be_read_is_noted(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("broken.jpg", "other.jpg"):
        (tmp_path / name).write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"2 pictures could not be read.*broken\.jpg") as warned:
        lookalike.duplicates(tmp_path)
    assert warned[0].filename == __file__
    assert [record.levelname for record in caplog.records if "broken.jpg" in record.getMessage()] == [
        "WARNING"
    ]


def test_only_pairs_of_both_sets_are_proven_and_the_others_wait(
    found: list[Leak], data: Path, cache: Path
) -> None:
    with Library.open(lookalike.store_of(data / "train", data / "test"), write=True) as library:
        assert library.copies.leaks(data / "train", data / "test") == found
        with library.store.reading() as view:
            waiting = unproved_pairs(view, VERIFIER_VERSION)
            crosses = crossing(view, Sides.of([bytes(data / "train")], [bytes(data / "test")]))
            proven = [(verdict.a, verdict.b) for verdict in all_verdicts(view)]
    assert waiting
    assert not any(crosses(a, b) for a, b, _ in waiting)
    assert proven
    assert all(crosses(a, b) for a, b in proven)
