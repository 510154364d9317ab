"""Index runs over real files with the real model: what is read, decoded, kept and told."""

import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from lookalike.errors import UsageError
from lookalike.indexer import worker as worker_module
from lookalike.indexer.options import IndexOptions
from lookalike.indexer.scan.walk import ScanOptions
from lookalike.indexer.worker import Worker
from lookalike.library import Library
from lookalike.store.catalog.folders import all_roots
from lookalike.store.records import FileResult, FileStat
from lookalike.tests.pictures import draw_photo, save

from .indexing import COUNT, SMALL, Meddler, check_finds_all, on_disk, opened, rels, run


def test_a_first_run_embeds_every_photo(library: Library, photos: Path) -> None:
    report = run(library, photos)
    assert (report.listed, report.embedded, report.unchanged) == (COUNT, COUNT, 0)
    assert (report.recognized, report.failed, report.absent, report.excluded) == (0, 0, 0, 0)
    assert not report.interrupted
    check_finds_all(library, photos)


def test_a_second_run_opens_no_photo_and_writes_no_snapshot(library: Library, photos: Path) -> None:
    with opened.watch(photos) as files:
        run(library, photos)
    assert len(files) >= COUNT  # the watch sees what is opened
    files_of_index = [*Path(library.store.folder).glob("index-*"), Path(library.store.folder, "index.json")]
    snapshots = {path: path.stat().st_mtime_ns for path in files_of_index}

    with opened.watch(photos) as files:
        report = run(library, photos)

    assert [path for path in files if path.endswith(".jpg")] == []
    assert (report.listed, report.unchanged, report.embedded, report.recognized) == (COUNT, COUNT, 0, 0)
    assert snapshots == {path: path.stat().st_mtime_ns for path in snapshots}


def rename_a_photo(photos: Path) -> int:
    (photos / "1.jpg").rename(photos / "other name.jpg")
    return 1


def move_a_tree(photos: Path) -> int:
    (photos / "sub").rename(photos / "moved")
    return COUNT // 2


def copy_a_photo(photos: Path) -> int:
    shutil.copy(photos / "1.jpg", photos / "copy.jpg")
    return 1


def hard_link_a_photo(photos: Path) -> int:
    os.link(photos / "1.jpg", photos / "link.jpg")
    return 2  # the link count is part of the stat of both names


def touch_a_photo(photos: Path) -> int:
    os.utime(photos / "1.jpg")
    return 1


def replace_by_an_equal_file(photos: Path) -> int:
    shutil.copy(photos / "1.jpg", photos / "1.jpg.new")
    (photos / "1.jpg.new").rename(photos / "1.jpg")
    return 1


CHANGES = [
    rename_a_photo,
    move_a_tree,
    copy_a_photo,
    hard_link_a_photo,
    touch_a_photo,
    replace_by_an_equal_file,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change.__name__))
def test_a_known_content_is_recognized_and_not_decoded(library: Library, photos: Path, change: Any) -> None:
    run(library, photos)
    ids = {photo.digest: photo.id for photo in library.photos()}
    expected = change(photos)

    report = run(library, photos)

    assert (report.embedded, report.recognized, report.refused) == (0, expected, [])
    assert {photo.digest: photo.id for photo in library.photos()} == ids
    check_finds_all(library, photos)


def test_the_last_files_of_a_run_are_shared_among_the_workers(
    library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(40):
        shutil.copy(photos / "1.jpg", photos / f"copy{n}.jpg")
    chunks: list[int] = []

    class Counting(Worker):
        def __call__(self, files: Sequence[FileStat]) -> list[FileResult]:
            chunks.append(len(files))
            return super().__call__(files)

    monkeypatch.setattr(worker_module, "Worker", Counting)
    report = run(library, photos, workers=2)
    assert report.embedded + report.recognized == sum(chunks) == COUNT + 40
    assert max(chunks) == 8  # few enough that Ctrl-C need not wait for long
    assert sorted(chunks)[:3] == [1, 1, 1]


def test_copies_within_one_run_are_decoded_once_or_recognized(library: Library, photos: Path) -> None:
    for n in range(20):
        shutil.copy(photos / "1.jpg", photos / f"copy{n}.jpg")
    report = run(library, photos, workers=1)
    assert report.embedded + report.recognized == COUNT + 20
    assert library.totals().photos == COUNT
    check_finds_all(library, photos)


def test_an_edited_photo_is_a_new_content_and_the_old_one_is_found_no_more(
    library: Library, photos: Path
) -> None:
    run(library, photos)
    old = (photos / "1.jpg").read_bytes()
    save(photos / "1.jpg", draw_photo(1000, 96, 72))

    report = run(library, photos)

    assert (report.embedded, report.unchanged) == (1, COUNT - 1)
    check_finds_all(library, photos)
    paths = [result.path for result in library.search(old, k=COUNT)]
    assert len(paths) == len(set(paths)) == COUNT
    assert library.search(old, k=1)[0].score < 0.999


def test_a_removed_photo_is_found_no_more_and_comes_back_without_decoding(
    library: Library, photos: Path
) -> None:
    run(library, photos)
    data = (photos / "1.jpg").read_bytes()
    (photos / "1.jpg").unlink()
    assert run(library, photos).absent == 1
    assert "1.jpg" not in rels(library, photos)
    assert str(photos / "1.jpg") not in [result.path for result in library.search(data, k=COUNT)]

    (photos / "sub" / "back.jpg").write_bytes(data)

    report = run(library, photos)
    assert (report.embedded, report.recognized) == (0, 1)
    check_finds_all(library, photos)


# Files that cannot be read


def test_an_unreadable_file_is_recorded_and_left_alone_until_it_changes(
    library: Library, photos: Path
) -> None:
    whole = (photos / "1.jpg").read_bytes()
    (photos / "bad.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "none.jpg").write_bytes(b"")
    report = run(library, photos)
    assert (report.listed, report.embedded, report.failed) == (COUNT + 2, COUNT, 2)
    assert {os.path.basename(error.path): error.error for error in library.errors()} == {
        "bad.jpg": "truncated",
        "none.jpg": "empty",
    }

    with opened.watch(photos) as files:
        report = run(library, photos)
    assert (report.failed, report.unchanged) == (2, COUNT)
    assert not [path for path in files if path.endswith(".jpg")]

    with opened.watch(photos) as files:
        assert run(library, photos, retry_failed=True).failed == 2
    assert {os.path.basename(path) for path in files if path.endswith(".jpg")} == {"bad.jpg", "none.jpg"}

    save(photos / "bad.jpg", draw_photo(500, 96, 72))
    save(photos / "none.jpg", draw_photo(501, 96, 72))
    report = run(library, photos)
    assert (report.failed, report.embedded) == (0, 2)
    assert library.errors() == []
    check_finds_all(library, photos)


def test_a_photo_that_became_unreadable_is_found_no_more(library: Library, photos: Path) -> None:
    run(library, photos)
    (photos / "1.jpg").write_bytes(b"no picture")
    assert run(library, photos).failed == 1
    assert rels(library, photos) == on_disk(photos) - {"1.jpg"}


def test_files_that_go_away_between_scan_and_reading_are_left_out(library: Library, photos: Path) -> None:
    meddler = Meddler(at_begin=lambda: shutil.rmtree(photos / "sub"))
    report = library.index([photos], choice=SMALL, progress=meddler)
    assert (report.embedded, report.failed) == (COUNT // 2, 0)
    check_finds_all(library, photos)


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


# --- places of nobody's photos ---------------------------------------------------------------------


def test_what_lies_in_a_trash_leaves_a_library_that_already_has_it(library: Library, photos: Path) -> None:
    run(library, photos)
    thrown = [photos / "DCIM" / ".trashed-1700000000-1.jpg", photos / ".Trash-1000" / "files" / "1.jpg"]
    with library.store.reading() as view:
        (root,) = all_roots(view)
    for path in thrown:
        path.parent.mkdir(parents=True)
        shutil.copy(photos / "1.jpg", path)
        found = path.stat()
        stat = FileStat(
            os.fsencode(path.relative_to(photos)),
            *(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_dev, found.st_ino),
        )
        library.store.commit(root, [FileResult(stat, blake3(path.read_bytes()).digest())])
    assert library.totals().present == COUNT + 2

    report = run(library, photos, scan=ScanOptions(hidden=True))

    assert (report.excluded, report.absent, library.totals().present) == (2, 0, COUNT)


def test_a_trash_that_is_to_be_indexed_is_a_usage_error_and_nothing_is_done(
    library: Library, photos: Path
) -> None:
    (photos / "sub").rename(photos / ".Trash-1000")
    (photos / "way in").symlink_to(photos / ".Trash-1000")

    for folder in (photos / ".Trash-1000", photos / "way in"):
        with pytest.raises(UsageError, match=r"trash.*lookalike forget"):
            run(library, photos, folder)
        assert library.totals().present == 0
