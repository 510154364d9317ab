"""Which folders an index run takes, and how it ends early."""

import threading
from pathlib import Path

import pytest

from lookalike.errors import UsageError
from lookalike.indexer.options import IndexOptions
from lookalike.indexer.scan.walk import ScanOptions
from lookalike.library import Library
from lookalike.tests.pictures import draw_photo, save

from .indexing import COUNT, SMALL, Meddler, check_finds_all, on_disk, opened, rels, run

# Ctrl-C


def test_stopping_keeps_what_is_finished_and_the_next_run_does_the_rest(
    library: Library, photos: Path
) -> None:
    for seed in range(100, 160):
        save(photos / f"{seed}.jpg", draw_photo(seed, 64, 48))
    stop = threading.Event()
    options = IndexOptions(workers=1, batch_files=8)

    first = library.index(
        [photos], choice=SMALL, options=options, progress=Meddler(at_advance=stop.set), stop=stop
    )

    assert first.interrupted
    assert 8 <= first.embedded < 60
    assert library.totals().present == first.embedded
    second = run(library, photos)
    assert not second.interrupted
    assert (second.embedded, second.unchanged) == (COUNT + 60 - first.embedded, first.embedded)
    check_finds_all(library, photos)


def test_a_stopped_run_calls_nothing_absent_and_begins_no_other_folder(
    library: Library, photos: Path, tmp_path: Path
) -> None:
    run(library, photos)
    (photos / "1.jpg").unlink()
    save(photos / "new.jpg", draw_photo(77, 64, 48))
    save(tmp_path / "other" / "x.jpg", draw_photo(78, 64, 48))
    stop = threading.Event()

    report = library.index(
        [photos, tmp_path / "other"], choice=SMALL, progress=Meddler(at_advance=stop.set), stop=stop
    )

    assert report.interrupted
    assert report.listed == COUNT
    assert "1.jpg" in rels(library, photos)
    run(library, photos)
    check_finds_all(library, photos)


# Which folders


def test_a_folder_that_never_was_is_refused(library: Library, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        run(library, tmp_path / "nowhere")


def test_folders_inside_one_another_list_each_photo_once(library: Library, photos: Path) -> None:
    run(library, photos / "sub")
    report = run(library, photos, photos / "sub", photos)
    assert report.embedded == COUNT // 2
    check_finds_all(library, photos)
    assert library.totals().present == COUNT


def test_a_single_photo_can_be_indexed_and_changes_nothing_else(library: Library, photos: Path) -> None:
    assert run(library, photos / "1.jpg").embedded == 1
    assert rels(library, photos) == {"1.jpg"}
    run(library, photos)
    (photos / "3.jpg").unlink()
    assert run(library, photos / "1.jpg").absent == 0
    assert "3.jpg" in rels(library, photos)


def test_a_store_inside_of_the_photos_is_not_indexed(photos: Path) -> None:
    with Library.open(photos / "sub" / "store", create=True) as library:
        save(photos / "sub" / "store" / "trap.jpg", draw_photo(9, 64, 48))
        assert run(library, photos).listed == COUNT


def test_photos_left_out_by_a_rule_come_back_without_reading(library: Library, photos: Path) -> None:
    run(library, photos)
    report = run(library, photos, scan=ScanOptions(exclude=("sub/",)))
    assert (report.excluded, report.absent) == (COUNT // 2, 0)
    assert rels(library, photos) == {rel for rel in on_disk(photos) if not rel.startswith("sub/")}

    with opened.watch(photos) as files:
        report = run(library, photos)

    assert (report.unchanged, report.embedded, report.recognized) == (COUNT, 0, 0)
    assert not [path for path in files if path.endswith(".jpg")]
    check_finds_all(library, photos)
