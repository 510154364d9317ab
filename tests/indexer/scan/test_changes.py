"""Comparing a scan with the catalog: what is read again, what is gone, and what is not accepted."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lookalike.indexer.scan.changes import Changes, compare
from lookalike.indexer.scan.walk import DEFAULT, Scan, ScanOptions
from lookalike.store.records import FileStat, KnownFile

Known = dict[bytes, KnownFile]


def touch(root: Path, *rels: str) -> None:
    for rel in rels:
        path = root / rel
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rel.encode())


def known_from(root: Path) -> Known:
    """Return what the catalog would hold after a run over the root."""
    files = list(Scan(os.fsencode(root)))
    return {f.rel: KnownFile(n, KnownFile.key_of(f), "present", None, f.dev) for n, f in enumerate(files)}


def changes_in(root: Path, known: Known, options: ScanOptions = DEFAULT, below: bytes = b"") -> Changes:
    return compare(Scan(os.fsencode(root), options, below=below), known)


def rels(files: list[FileStat]) -> list[bytes]:
    return [file.rel for file in files]


def some(count: int, folder: str = "") -> list[str]:
    return [os.path.join(folder, f"{n}.jpg") for n in range(count)]


# What is read


def test_new_files_are_read_and_known_ones_are_not(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    known = known_from(tmp_path)
    touch(tmp_path, "c.jpg")
    changes = changes_in(tmp_path, known)
    assert rels(changes.to_read) == [b"c.jpg"]
    assert (changes.unchanged, changes.listed, changes.known) == (2, 3, 2)


@pytest.mark.parametrize("part", range(4), ids=["size", "mtime", "ctime", "inode"])
def test_a_file_is_read_again_when_any_part_of_its_stat_differs(tmp_path: Path, part: int) -> None:
    touch(tmp_path, "a.jpg")
    known = known_from(tmp_path)
    key = list(known[b"a.jpg"].key)
    key[part] -= 1
    known[b"a.jpg"] = replace(known[b"a.jpg"], key=(key[0], key[1], key[2], key[3]))
    assert rels(changes_in(tmp_path, known).to_read) == [b"a.jpg"]


def test_a_file_that_could_not_be_read_is_left_alone_until_it_changes(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    known = known_from(tmp_path)
    known[b"a.jpg"] = replace(known[b"a.jpg"], state="failed", error="truncated")
    changes = changes_in(tmp_path, known)
    assert changes.to_read == []
    assert changes.still_failed == 1
    touch(tmp_path, "a.jpg")
    os.utime(tmp_path / "a.jpg", ns=(1, 1))
    assert rels(changes_in(tmp_path, known).to_read) == [b"a.jpg"]


def test_a_file_that_could_not_be_read_is_tried_again_on_request(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    known = known_from(tmp_path)
    known[b"a.jpg"] = replace(known[b"a.jpg"], state="failed", error="truncated")
    changes = compare(Scan(os.fsencode(tmp_path)), known, retry_failed=True)
    assert rels(changes.to_read) == [b"a.jpg"]


@pytest.mark.parametrize("error", ["heif_support_missing", "no_permission", "read_error", "unstable"])
def test_a_file_that_failed_for_a_reason_outside_of_it_is_tried_again(tmp_path: Path, error: str) -> None:
    touch(tmp_path, "a.jpg")
    known = known_from(tmp_path)
    known[b"a.jpg"] = replace(known[b"a.jpg"], state="failed", error=error)
    assert rels(changes_in(tmp_path, known).to_read) == [b"a.jpg"]


# What came back, went away or no longer belongs


@pytest.mark.parametrize("state", ["absent", "excluded"])
def test_a_file_that_came_back_unchanged_is_not_read(tmp_path: Path, state: str) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    known = {rel: replace(file, state=state) for rel, file in known_from(tmp_path).items()}
    known[b"b.jpg"] = replace(known[b"b.jpg"], error="truncated")
    changes = changes_in(tmp_path, known)
    assert changes.to_read == []
    assert sorted(changes.returned) == [0, 1]
    assert (changes.unchanged, changes.still_failed) == (2, 1)


def test_a_file_that_is_gone_is_absent_once(tmp_path: Path) -> None:
    touch(tmp_path, *some(5))
    known = known_from(tmp_path)
    (tmp_path / "3.jpg").unlink()
    assert changes_in(tmp_path, known).absent == [known[b"3.jpg"].id]
    known[b"3.jpg"] = replace(known[b"3.jpg"], state="absent")
    assert changes_in(tmp_path, known).absent == []


def test_a_file_that_a_rule_leaves_out_is_excluded_and_not_absent(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "sub/b.jpg")
    known = known_from(tmp_path)
    changes = changes_in(tmp_path, known, ScanOptions(exclude=("sub/",)))
    assert (changes.absent, changes.excluded) == ([], [known[b"sub/b.jpg"].id])


def test_a_walk_over_a_part_says_nothing_of_the_rest(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "ab/2.jpg", "3.jpg")
    known = known_from(tmp_path)
    for path in tmp_path.rglob("*.jpg"):
        path.unlink()
    (tmp_path / "a" / "other.jpg").touch()
    assert changes_in(tmp_path, known, below=b"a").absent == [known[b"a/1.jpg"].id]


def test_a_folder_that_became_a_file_has_lost_its_photos(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "b.jpg")
    known = known_from(tmp_path)
    shutil.rmtree(tmp_path / "a")
    touch(tmp_path, "a")
    assert changes_in(tmp_path, known).absent == [known[b"a/1.jpg"].id]


def test_a_root_that_is_away_says_nothing(tmp_path: Path) -> None:
    touch(tmp_path, "root/a.jpg")
    known = known_from(tmp_path / "root")
    shutil.rmtree(tmp_path / "root")
    changes = changes_in(tmp_path / "root", known)
    assert (changes.absent, changes.excluded) == ([], [])


# What is not accepted


@pytest.mark.parametrize(
    ("known", "gone", "is_suspect"),
    [
        (1, 1, False),  # one photo, removed
        (2, 2, True),  # all of them
        (40, 39, False),  # never suspect up to fifty, unless all
        (60, 50, False),
        (60, 51, True),
        (600, 60, False),  # a tenth
        (600, 61, True),
    ],
)
def test_very_many_missing_files_are_not_accepted(
    tmp_path: Path, known: int, gone: int, is_suspect: bool
) -> None:
    touch(tmp_path, *some(known))
    before = known_from(tmp_path)
    for rel in some(gone):
        (tmp_path / rel).unlink()
    changes = changes_in(tmp_path, before)
    assert (changes.missing, changes.is_suspect) == (gone, is_suspect)


def test_files_that_moved_within_the_root_are_not_missing(tmp_path: Path) -> None:
    touch(tmp_path, *some(100, "old/deep"), "stays.jpg")
    known = known_from(tmp_path)
    (tmp_path / "old").rename(tmp_path / "new")
    (tmp_path / "new" / "deep" / "7.jpg").unlink()
    changes = changes_in(tmp_path, known)
    assert (len(changes.absent), changes.moved, changes.missing) == (100, 99, 1)
    assert len(changes.to_read) == 99
    assert not changes.is_suspect


def test_as_many_new_files_do_not_hide_that_many_are_missing(tmp_path: Path) -> None:
    """Another drive under the same mount point: nothing of the known is there, much else is."""
    touch(tmp_path, *some(100, "old"))
    known = known_from(tmp_path)
    (tmp_path / "old").rename(tmp_path.parent / f"{tmp_path.name}-away")
    touch(tmp_path, *some(100, "new"))
    assert changes_in(tmp_path, known).is_suspect


def test_files_that_were_gone_before_count_neither_as_known_nor_as_missing(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    known = known_from(tmp_path)
    for n in range(100):
        known[b"gone/%d.jpg" % n] = KnownFile(1000 + n, (1, 1, 1, 1), "absent", None, 1)
    changes = changes_in(tmp_path, known)
    assert (changes.known, changes.missing, changes.is_suspect) == (1, 0, False)


def test_a_hard_link_that_stays_is_not_where_the_others_went(tmp_path: Path) -> None:
    """It changes its ctime and is read again, with the inode of all that are gone."""
    touch(tmp_path, "stays.jpg")
    for name in some(100):
        os.link(tmp_path / "stays.jpg", tmp_path / name)
    known = known_from(tmp_path)
    for name in some(95):
        (tmp_path / name).unlink()
    changes = changes_in(tmp_path, known)
    assert (len(changes.to_read), len(changes.absent), changes.moved) == (6, 95, 0)
    assert changes.is_suspect


def test_one_arrival_is_the_place_of_one_missing_file(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    for name in some(3):
        os.link(tmp_path / "a.jpg", tmp_path / name)
    known = known_from(tmp_path)
    for name in some(2):
        (tmp_path / name).unlink()
    (tmp_path / "2.jpg").rename(tmp_path / "new.jpg")
    changes = changes_in(tmp_path, known)
    assert (len(changes.absent), changes.moved, changes.missing) == (3, 1, 2)


# Names


def test_a_name_in_other_letters_is_a_move(tmp_path: Path) -> None:
    touch(tmp_path, "holiday.jpg")
    known = known_from(tmp_path)
    (tmp_path / "holiday.jpg").rename(tmp_path / "Holiday.JPG")
    changes = changes_in(tmp_path, known)
    assert rels(changes.to_read) == [b"Holiday.JPG"]
    assert (len(changes.absent), changes.moved, changes.excluded) == (1, 1, [])


def test_where_case_does_not_count_a_name_in_other_letters_is_a_move_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "holiday.jpg", "thumb.jpg")
    known = known_from(tmp_path)
    (tmp_path / "holiday.jpg").rename(tmp_path / "Holiday.JPG")
    real = os.lstat

    def ignoring_case(path: bytes) -> os.stat_result:
        return real(path.replace(b"holiday.jpg", b"Holiday.JPG"))

    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", ignoring_case)
        changes = changes_in(tmp_path, known, ScanOptions(exclude=("thumb.jpg",)))
    assert (changes.absent, changes.moved) == ([known[b"holiday.jpg"].id], 1)
    assert changes.excluded == [known[b"thumb.jpg"].id]


def test_one_name_in_two_normal_forms_is_two_files(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9.jpg", "cafe\u0301.jpg"
    touch(tmp_path, composed, decomposed)
    if len(os.listdir(tmp_path)) == 1:
        pytest.skip("a file system that takes both for one")
    known = known_from(tmp_path)
    assert set(known) == {composed.encode(), decomposed.encode()}
    assert changes_in(tmp_path, known).unchanged == 2
    (tmp_path / composed).unlink()
    changes = changes_in(tmp_path, known)
    assert (changes.absent, changes.moved, changes.unchanged) == ([known[composed.encode()].id], 0, 1)
