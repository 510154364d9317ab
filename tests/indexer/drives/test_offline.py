"""A drive that went away is never taken for a thousand deleted photos."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lookalike.indexer.embed.choice import ModelChoice
from lookalike.indexer.options import IndexOptions, IndexReport
from lookalike.library import Library
from lookalike.tests.pictures import draw_photo, save
from lookalike.tests.store.making import NOBODY, without_privileges

COUNT = 6


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed in range(COUNT):
        save(tmp_path / "photos" / "sub" / f"{seed}.jpg", draw_photo(seed, 64, 48))
    return tmp_path / "photos"


@pytest.fixture
def library(folder: Path, photos: Path) -> Iterator[Library]:
    """A library that knows the photos."""
    with Library.open(folder, create=True) as library:
        assert run(library, photos).embedded == COUNT
        yield library


def run(library: Library, *folders: Path, **options: Any) -> IndexReport:
    return library.index(folders, choice=ModelChoice(input_size=64), options=IndexOptions(**options))


def present(library: Library) -> int:
    return library.totals().present


def test_a_folder_that_is_away_keeps_its_photos(library: Library, photos: Path) -> None:
    photos.rename(photos.with_name("unmounted"))
    report = run(library, photos, accept_missing=1000)
    assert len(report.refused) == 1
    assert "away" in report.refused[0]
    assert (report.absent, present(library)) == (0, COUNT)


def test_an_emptied_folder_keeps_its_photos_until_their_loss_is_accepted(
    library: Library, photos: Path
) -> None:
    shutil.rmtree(photos / "sub")

    for accepted in (0, COUNT - 1):
        report = run(library, photos, accept_missing=accepted)
        assert len(report.refused) == 1
        assert f"`accept_missing={COUNT}`" in report.refused[0]
        assert (report.absent, present(library)) == (0, COUNT)

    report = run(library, photos, accept_missing=COUNT)
    assert (report.refused, report.absent, present(library)) == ([], COUNT, 0)
    assert library.search(draw_photo(1, 64, 48), k=5) == ()


def test_the_other_folders_of_a_run_are_indexed_all_the_same(
    library: Library, photos: Path, tmp_path: Path
) -> None:
    save(tmp_path / "other" / "x.jpg", draw_photo(50, 64, 48))
    photos.rename(photos.with_name("unmounted"))
    report = run(library, photos, tmp_path / "other")
    assert (len(report.refused), report.embedded, present(library)) == (1, 1, COUNT + 1)


def test_in_a_refused_folder_nothing_new_is_read_either(library: Library, photos: Path) -> None:
    for n in range(60):
        shutil.copy(photos / "sub" / "0.jpg", photos / f"copy{n}.jpg")
    run(library, photos)
    photos.rename(photos.with_name("unmounted"))
    save(photos / "new.jpg", draw_photo(99, 64, 48))
    report = run(library, photos)
    assert (len(report.refused), report.embedded, report.absent) == (1, 0, 0)
    assert present(library) == COUNT + 60
    report = run(library, photos, accept_missing=COUNT + 60)
    assert (report.refused, report.embedded, report.absent) == ([], 1, COUNT + 60)


def test_photos_in_a_folder_that_cannot_be_listed_stay_and_the_folder_is_told() -> None:
    with tempfile.TemporaryDirectory() as base:  # not below tmp_path: pytest keeps that to its owner
        os.chmod(base, 0o755)
        photos, store = Path(base, "photos"), Path(base, "store")
        for seed in range(COUNT):
            save(photos / f"{seed % 2}" / f"{seed}.jpg", draw_photo(seed, 64, 48))
        with Library.open(store, create=True) as library:
            run(library, photos)
        give_away(store)
        (photos / "1").chmod(0)

        with without_privileges(), Library.open(store, create=True) as library:
            report = run(library, photos)
            assert (report.absent, report.excluded, report.refused) == (0, 0, [])
            assert len(report.problems) == 1
            assert present(library) == COUNT
            (error,) = library.errors()
            assert (error.path, error.error) == (str(photos / "1"), "no_permission")

        (photos / "1").chmod(0o755)
        with Library.open(store, create=True) as library:
            report = run(library, photos)
            assert (report.problems, report.unchanged, report.embedded) == ([], COUNT, 0)
            assert library.errors() == []
            assert (report.excluded, library.totals().excluded) == (0, 0)


def give_away(store: Path) -> None:
    if os.geteuid() == 0:
        for path in (store, *store.iterdir()):
            os.chown(path, NOBODY, NOBODY)


def test_photos_moved_to_another_folder_of_the_library_are_not_missed(
    library: Library, photos: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    run(library, other)
    (photos / "sub").rename(other / "sub")

    report = run(library, photos, other)

    assert report.refused == []
    assert (report.recognized, report.embedded, report.absent) == (COUNT, 0, COUNT)
    assert present(library) == COUNT


def test_a_backup_in_the_library_does_not_make_an_unplugged_drive_look_deleted(
    library: Library, photos: Path, tmp_path: Path
) -> None:
    shutil.copytree(photos, tmp_path / "backup")
    run(library, tmp_path / "backup")
    photos.rename(tmp_path / "unplugged")
    photos.mkdir()  # an empty mount point

    report = run(library, photos, tmp_path / "backup")

    assert len(report.refused) == 1
    assert present(library) == 2 * COUNT


def test_a_deleted_subfolder_or_file_is_gone_when_it_is_named(library: Library, photos: Path) -> None:
    (photos / "sub" / "0.jpg").unlink()

    report = run(library, photos / "sub" / "0.jpg")

    assert report.refused == []
    assert (report.absent, present(library)) == (1, COUNT - 1)


def test_a_folder_named_beside_one_that_holds_it_counts_once(library: Library, photos: Path) -> None:
    assert run(library, photos, photos / "sub").unchanged == COUNT
