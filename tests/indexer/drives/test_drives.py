"""By what a drive is known, and what is accepted of a folder that is on another, away or half there."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from lookalike.errors import DecodeError
from lookalike.indexer import worker
from lookalike.indexer.decode.photo import Opened
from lookalike.indexer.decode.read import read_file
from lookalike.indexer.drives import drives
from lookalike.indexer.drives import watch as guard
from lookalike.indexer.drives.watch import Guard
from lookalike.indexer.embed.preprocess import InputRule
from lookalike.indexer.sandbox.decoders import Opener
from lookalike.indexer.scan.walk import ScanOptions
from lookalike.library import Library
from lookalike.store.catalog.files import known_files
from lookalike.store.catalog.folders import all_roots, sample_files
from lookalike.store.records import Drive, Failure, FileResult, FileStat
from lookalike.tests.indexer.indexing import COUNT, SMALL, Meddler, check_finds_all, rels, run
from lookalike.tests.pictures import draw_photo, save
from lookalike.tests.store.making import make_result, make_spec


def roots(library: Library) -> list[Drive]:
    with library.store.reading() as view:
        return [root.drive for root in all_roots(view)]


def state(library: Library) -> str:
    (root,) = library.folders.status()
    return root.state


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the files that were decoded."""
    sizes: list[int] = []
    real = Opener.__call__

    def counting(self: Opener, data: bytes, digest: bytes, rule: InputRule) -> Opened:
        sizes.append(len(data))
        return real(self, data, digest, rule)

    monkeypatch.setattr(Opener, "__call__", counting)
    return sizes


@pytest.fixture
def other_drive(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let every folder be on another file system from the call on."""

    def switch(name: str | None = "uuid:OTHER") -> None:
        for module in (drives, guard):
            monkeypatch.setattr(module, "fs_id_of", lambda *_: name)

    return switch


# --- names of file systems

MOUNTS = rb"""
22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
23 22 0:21 / /proc rw - proc proc rw
40 22 8:17 / /media/my\040card rw shared:5 - vfat /dev/sdb1 rw
41 22 8:33 / /media/my\040card rw - vfat /dev/sdc1 rw
42 22 0:50 /share /mnt/nas rw - nfs4 nas:/share rw
""".lstrip()


@pytest.fixture
def machine(tmp_path: Path) -> tuple[str, str]:
    """The mounts of a machine, and the links to its disks."""
    (tmp_path / "mounts").write_bytes(MOUNTS)
    links = tmp_path / "by-uuid"
    links.mkdir()
    for name, device in (("AAAA-1111", "sda2"), ("BBBB-2222", "sdb1"), ("CCCC-3333", "sdc1")):
        (links / name).symlink_to(f"/dev/{device}")
    return str(tmp_path / "mounts"), str(links)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (b"/", "uuid:AAAA-1111"),
        (b"/media/my cards", "uuid:AAAA-1111"),  # no part of a name is a folder
        (b"/media/my card", "uuid:CCCC-3333"),  # mounted over the other
        (b"/media/my card/DCIM", "uuid:CCCC-3333"),
    ],
)
def test_a_drive_is_known_by_the_uuid_of_its_file_system(
    machine: tuple[str, str], folder: bytes, name: str
) -> None:
    assert drives.fs_id_of(folder, *machine) == name


def test_without_a_uuid_the_number_of_the_file_system_serves(
    machine: tuple[str, str], tmp_path: Path
) -> None:
    number = os.statvfs(tmp_path).f_fsid
    expected = f"fsid:{number:x}" if number else None
    assert drives.fs_id_of(os.fsencode(tmp_path), machine[0], "/nowhere") == expected


def test_nothing_is_said_where_nothing_tells(machine: tuple[str, str]) -> None:
    assert drives.fs_id_of(b"/mnt/nas", *machine) is None  # not mounted here: statvfs finds nothing
    assert drives.fs_id_of(b"/", "/nowhere", machine[1]) is None


def test_the_drive_is_recorded_by_a_run_that_was_accepted(library: Library, photos: Path) -> None:
    run(library, photos)
    assert roots(library) == [Drive(drives.fs_id_of(os.fsencode(photos)), None)]


# --- another drive in the place


def test_another_drive_with_the_same_names_changes_nothing(
    library: Library, photos: Path, other_drive: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "lookalike")
    run(library, photos)
    before, known = rels(library, photos), roots(library)
    for seed in range(COUNT):  # as cameras number: the same names on every card
        name = f"{seed}.jpg" if seed % 2 else f"sub/{seed}.jpg"
        save(photos / name, draw_photo(seed + 50, 120, 90), quality=91)
    other_drive()

    report = run(library, photos, accept_missing=1000)

    (why,) = report.refused
    assert f"it has 0 of {COUNT} known files" in why
    assert f"expected file system {known[0].fs_id}, found uuid:OTHER" in caplog.text
    assert "`accept_drive=True`" in why
    assert (report.embedded, report.absent, rels(library, photos)) == (0, 0, before)
    assert (roots(library), state(library)) == (known, "other drive")

    report = run(library, photos, accept_drive=True)
    assert (report.refused, report.embedded) == ([], COUNT)
    assert roots(library) == [Drive("uuid:OTHER")]
    check_finds_all(library, photos)


def test_a_library_that_was_copied_to_a_new_disk_bothers_nobody(
    library: Library, photos: Path, other_drive: Any, decoded: list[int]
) -> None:
    run(library, photos)
    decoded.clear()
    shutil.move(photos, photos.with_name("old"))
    shutil.copytree(photos.with_name("old"), photos)  # with times, other inodes
    other_drive()
    assert state(library) == "online"

    report = run(library, photos)

    assert (report.refused, report.absent, report.recognized, decoded) == ([], 0, COUNT, [])
    assert roots(library) == [Drive("uuid:OTHER")]


def test_an_unnamed_file_system_is_not_another_one(
    library: Library, photos: Path, other_drive: Any
) -> None:
    run(library, photos)
    known = roots(library)
    for path in photos.rglob("*.jpg"):
        os.utime(path, ns=(1, 1))
    other_drive(None)
    assert run(library, photos).refused == []
    assert roots(library) == known


def test_the_message_names_all_that_must_be_confirmed(
    library: Library, photos: Path, other_drive: Any
) -> None:
    run(library, photos)
    shutil.rmtree(photos)
    photos.mkdir()
    save(photos / "x.jpg", draw_photo(70, 64, 48))
    for n in range(60):
        shutil.copy(photos / "x.jpg", photos / f"{n}.jpeg")
    run(library, photos, accept_missing=COUNT)
    for path in photos.iterdir():
        path.unlink()
    other_drive()
    (why,) = run(library, photos).refused
    assert why.endswith("`accept_drive=True` `accept_missing=61`")
    assert run(library, photos, accept_missing=61).refused == [why.removesuffix(" `accept_missing=61`")]
    assert run(library, photos, accept_missing=61, accept_drive=True).absent == 61


# --- markers


def marker(photos: Path) -> Path:
    return photos / ".lookalike-root"


def test_a_marker_is_written_only_on_request_and_is_no_photo(library: Library, photos: Path) -> None:
    run(library, photos)
    assert not marker(photos).exists()
    assert run(library, photos, marker=True).unmarked == []
    name = marker(photos).read_text().strip()
    assert (len(name), roots(library)[0].marker) == (32, name)
    report = run(library, photos, marker=True, scan=ScanOptions(all_files=True))
    assert (report.listed, report.failed) == (COUNT, 0)
    assert marker(photos).read_text().strip() == name


def test_a_missing_or_other_marker_refuses_the_folder_although_all_photos_are_there(
    library: Library, photos: Path
) -> None:
    run(library, photos, marker=True)
    name = marker(photos).read_text().strip()
    marker(photos).unlink()
    (why,) = run(library, photos).refused
    assert f"expected the marker {name}, found no .lookalike-root" in why
    assert "`accept_drive=True`" in why

    marker(photos).write_text("f" * 32)
    (why,) = run(library, photos, marker=True).refused
    assert f"found {'f' * 32}" in why
    assert state(library) == "other drive"

    assert run(library, photos, accept_drive=True).refused == []
    assert roots(library)[0].marker == "f" * 32
    assert state(library) == "online"


def test_the_right_marker_counts_more_than_the_file_system(
    library: Library, photos: Path, other_drive: Any
) -> None:
    run(library, photos, marker=True)
    for path in photos.rglob("*.jpg"):
        os.utime(path, ns=(1, 1))
    other_drive()
    assert run(library, photos).refused == []


def test_a_second_store_takes_the_marker_that_is_there(
    library: Library, photos: Path, tmp_path: Path
) -> None:
    run(library, photos, marker=True)
    name = marker(photos).read_text()
    with Library.open(tmp_path / "second", create=True) as second:
        run(second, photos, marker=True)
        assert roots(second) == roots(library)
    assert marker(photos).read_text() == name


def test_a_marker_that_cannot_be_written_is_told_and_harms_nothing(
    library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(drives, "write_atomic", full)
    report = run(library, photos, marker=True)
    assert report.unmarked == [f"{photos}: cannot write a marker file: Read-only file system"]
    assert (report.embedded, roots(library)[0].marker) == (COUNT, None)


# --- half a listing


class Breaking:
    """A listing of a folder that breaks off after one entry."""

    def __init__(self, entries: Any) -> None:
        self._entries, self._count = entries, 0

    def __enter__(self) -> "Breaking":
        return self

    def __exit__(self, *_: object) -> None:
        self._entries.close()

    def __iter__(self) -> "Breaking":
        return self

    def __next__(self) -> Any:
        self._count += 1
        if self._count > 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return next(self._entries)


def break_listing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    real = os.scandir

    def scandir(path: Any) -> Any:
        entries = real(path)
        return Breaking(entries) if os.fsencode(path) == os.fsencode(folder) else entries

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_folder_that_is_listed_only_half_is_refused(
    library: Library, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(library, photos)
    save(tmp_path / "other" / "x.jpg", draw_photo(50, 64, 48))
    save(photos / "new.jpg", draw_photo(51, 64, 48))
    with monkeypatch.context() as patch:
        break_listing(patch, photos)
        report = run(library, photos, tmp_path / "other")
    (why,) = report.refused
    assert "cannot be listed to its end: Input/output error" in why
    assert (report.absent, report.excluded, report.embedded) == (0, 0, 1)
    assert library.totals().present == COUNT + 1
    assert list(library.errors()) == []
    assert run(library, photos).embedded == 1


def test_a_folder_below_that_is_listed_only_half_keeps_its_photos(
    library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[int]
) -> None:
    run(library, photos)
    decoded.clear()
    with monkeypatch.context() as patch:
        break_listing(patch, photos / "sub")
        report = run(library, photos)
    assert (report.absent, report.excluded, len(report.problems)) == (0, 0, 1)
    assert library.totals().present == COUNT
    report = run(library, photos)
    assert (report.unchanged, report.problems, decoded) == (COUNT, [], [])


# --- in the middle


def index(library: Library, photos: Path, meddler: Meddler) -> Any:
    return library.index([photos], choice=SMALL, progress=meddler)


def test_a_folder_that_goes_away_before_it_is_read_keeps_its_photos_and_gets_no_errors(
    library: Library, photos: Path
) -> None:
    run(library, photos)
    (photos / "1.jpg").unlink()
    for path in photos.rglob("*.jpg"):
        os.utime(path, ns=(1, 1))
    away = photos.with_name("away")

    report = index(library, photos, Meddler(at_begin=lambda: photos.rename(away)))

    assert len(report.refused) == 1
    assert "went away during the run" in report.refused[0]
    assert (report.absent, report.failed, library.totals().present) == (0, 0, COUNT)
    assert library.errors() == []
    away.rename(photos)
    assert run(library, photos).absent == 1


def test_a_folder_that_is_replaced_in_the_middle_is_not_recorded(library: Library, photos: Path) -> None:
    def replace() -> None:
        photos.rename(photos.with_name("away"))
        save(photos / "else.jpg", draw_photo(9, 64, 48))

    report = index(library, photos, Meddler(at_begin=replace))
    assert "went away during the run" in report.refused[0]
    assert (library.totals().present, library.errors(), roots(library)) == (0, [], [Drive()])


def test_when_file_after_file_fails_the_drive_is_to_blame(
    library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[int]
) -> None:
    """The folder still looks fine, as a disk does that was pulled out: only reading fails."""
    run(library, photos)
    for seed in range(100, 130):
        save(photos / f"z{seed}.jpg", draw_photo(seed, 48, 36))
    real, count = read_file, 0

    def dying(path: bytes, rel: bytes, **_: bool) -> Any:
        nonlocal count
        count += 1
        if count > 10:
            raise DecodeError("read_error", "cannot read the file: Input/output error")
        return real(path, rel)

    with monkeypatch.context() as patch:
        patch.setattr(worker, "read_file", dying)
        patch.setattr(guard, "_can_be_read", lambda _: False)
        report = run(library, photos, workers=1)

    assert "went away during the run" in report.refused[0]
    assert (report.embedded, report.failed, report.absent) == (10, 0, 0)
    assert (library.totals().present, library.errors()) == (COUNT + 10, [])
    decoded.clear()
    report = run(library, photos)
    assert (report.refused, len(decoded)) == ([], 20)


def test_bad_spots_of_a_disk_are_errors_of_their_files(
    library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = read_file

    def spotted(path: bytes, rel: bytes, **_: bool) -> Any:
        if rel.startswith(b"sub/"):
            raise DecodeError("read_error", "cannot read the file: Input/output error")
        return real(path, rel)

    monkeypatch.setattr(worker, "read_file", spotted)
    report = run(library, photos)
    assert (report.refused, report.failed) == ([], COUNT // 2)


def result(rel: bytes, *, failed: bool = False, dev: int = 1) -> FileResult:
    failure = Failure("read_error", "Input/output error") if failed else None
    return FileResult(FileStat(rel, 1, 1, 1, dev, 1), None if failed else b"d" * 32, failure=failure)


def test_where_nothing_could_be_read_twenty_failures_are_the_drive(tmp_path: Path) -> None:
    failures = [result(b"%d" % n, failed=True) for n in range(20)]
    watch = Guard(os.fsencode(tmp_path))
    assert watch.reachable(failures[:19]) == (failures[:19], False)
    assert watch.reachable(failures[19:]) == ([], True)


def test_what_comes_from_the_wrong_drive_is_not_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    watch = Guard(os.fsencode(folder))
    watch.expect([result(b"a").stat])
    folder.rmdir()
    good = result(b"a")
    assert watch.reachable([good, result(b"b", dev=2), result(b"c", failed=True)]) == ([good], True)


# --- states


def test_the_state_of_a_folder_at_a_glance(library: Library, photos: Path) -> None:
    run(library, photos)
    assert state(library) == "online"
    kept = photos.with_name("kept")
    photos.rename(kept)
    assert state(library) == "away"
    photos.mkdir()
    assert state(library) == "empty"
    save(photos / "x.jpg", draw_photo(77, 64, 48))
    assert state(library) == "suspect"
    shutil.rmtree(photos)
    kept.rename(photos)
    assert state(library) == "online"


def test_a_sample_of_a_large_folder_is_spread_over_it_and_never_empty(library: Library) -> None:
    library.store.use_spec(make_spec())
    root, _ = library.store.add_root(b"/photos")
    library.store.commit(root, [make_result(1, b"%04d.jpg" % n) for n in range(900)])
    with library.store.reading() as view:
        few = sample_files(view, root, 100)
        assert 50 <= len(few) <= 200
        assert {trace.rel[:2] for trace in few} == {b"%02d" % n for n in range(9)}
        assert len(sample_files(view, root, 2000)) == 900
        assert sample_files(view, root, 1)


# --- clocks and names


YEAR_NS = 365 * 86_400 * 10**9
TIMES = (-YEAR_NS, 0, 1, 4_102_444_800 * 10**9)  # 1969, 1970, and 2100


def test_no_time_of_a_file_makes_it_new(library: Library, photos: Path, decoded: list[int]) -> None:
    def set_clock(shift_ns: int) -> None:
        for number, path in enumerate(sorted(photos.rglob("*.jpg"))):
            os.utime(path, ns=(0, TIMES[number % len(TIMES)] + shift_ns))

    set_clock(0)
    assert run(library, photos).embedded == COUNT
    decoded.clear()
    assert run(library, photos).unchanged == COUNT
    for shift_ns in (YEAR_NS, -YEAR_NS, 3600 * 10**9):  # clocks put forward and back, and DST
        set_clock(shift_ns)
        report = run(library, photos)
        assert (report.recognized, report.embedded, report.failed) == (COUNT, 0, 0)
    assert decoded == []
    check_finds_all(library, photos)


@pytest.mark.parametrize("new", ["1.JPG", "e\u0301.jpg"])
def test_a_respelled_photo_is_neither_decoded_nor_lost(
    library: Library, photos: Path, decoded: list[int], new: str
) -> None:
    run(library, photos)
    decoded.clear()
    (photos / "1.jpg").rename(photos / new)
    report = run(library, photos)
    assert (report.recognized, report.absent, report.excluded, decoded) == (1, 1, 0, [])
    assert new in rels(library, photos)


# --- where nothing tells one drive from another


def test_other_photos_on_a_drive_without_a_name_are_not_accepted(
    library: Library, photos: Path, other_drive: Any
) -> None:
    other_drive(None)
    run(library, photos)
    before = rels(library, photos)
    for path in photos.rglob("*.jpg"):  # the names of one camera are those of another
        save(path.with_name("new.jpg"), draw_photo(len(path.name) + 70, 120, 90), quality=70)
        path.with_name("new.jpg").replace(path)
        os.utime(path, (1, 1))

    report = run(library, photos, accept_missing=1000)

    (why,) = report.refused
    assert f"it has none of {COUNT} known files" in why
    assert "`accept_drive=True`" in why
    assert (report.embedded, report.absent, rels(library, photos)) == (0, 0, before)
    assert run(library, photos, accept_drive=True).refused == []


def test_edits_of_all_photos_on_a_drive_without_a_name_are_accepted_if_one_is_as_it_was(
    library: Library, photos: Path, other_drive: Any
) -> None:
    other_drive(None)
    run(library, photos)
    for path in sorted(photos.rglob("*.jpg"))[1:]:
        save(path, draw_photo(len(path.name) + 70, 120, 90), quality=70)
    assert run(library, photos).refused == []


def test_when_all_photos_are_others_the_folder_is_another_one(library: Library, photos: Path) -> None:
    run(library, photos)
    before = rels(library, photos)
    photos.rename(photos.with_name("aside"))
    for seed in range(3):
        save(photos / f"other{seed}.jpg", draw_photo(seed + 50, 120, 90))

    report = run(library, photos)

    (why,) = report.refused
    assert f"{COUNT} of {COUNT} files missing" in why
    assert (report.embedded, report.absent, rels(library, photos)) == (0, 0, before)
    assert run(library, photos, accept_missing=COUNT).refused == []


# --- a folder that goes between two steps


def test_a_folder_that_goes_between_the_walk_and_the_look_at_what_is_missing_loses_nothing(
    library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(library, photos)
    first = min(photos.glob("*.jpg"))
    first.rename(photos.with_name(first.name))
    real = os.lstat

    def lstat(path: Any, **options: Any) -> os.stat_result:
        if os.fsencode(path).endswith(os.fsencode(first.name)) and photos.exists():
            photos.rename(photos.with_name("away"))
        return real(path, **options)

    monkeypatch.setattr("lookalike.indexer.scan.changes.os.lstat", lstat)
    report = run(library, photos)
    # Nothing is read, recorded or counted of a folder that is gone.
    assert (len(report.refused), report.absent, report.unchanged, report.listed) == (1, 0, 0, 0)
    assert library.totals().present == COUNT


def test_a_folder_that_goes_after_the_last_read_loses_nothing(
    library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(library, photos)
    min(photos.glob("*.jpg")).unlink()
    save(photos / "new.jpg", draw_photo(70, 120, 90))
    real = library.store.commit

    def commit(*arguments: Any) -> None:
        real(*arguments)
        photos.rename(photos.with_name("away"))

    monkeypatch.setattr(library.store, "commit", commit)
    report = run(library, photos)
    assert "went away during the run" in report.refused[0]
    assert (report.embedded, report.absent, library.totals().present) == (1, 0, COUNT + 1)


def test_the_device_of_unchanged_photos_is_that_of_the_last_accepted_run(
    library: Library, photos: Path
) -> None:
    def devices() -> set[int]:
        with library.store.reading() as view:
            (root,) = all_roots(view)
            return {file.dev for file in known_files(view, root, b"").values()}

    run(library, photos)
    here = photos.stat().st_dev
    assert devices() == {here}
    with library.store.reading() as view:
        (root,) = all_roots(view)
        ids = [file.id for file in known_files(view, root, b"").values()]
    # As the catalog has it after the drive got another number at its next mount.
    library.store.settle(root, absent=[], excluded=[], returned=[], devices=dict.fromkeys(ids, here + 1))
    assert devices() == {here + 1}

    report = run(library, photos)

    assert (report.refused, report.unchanged) == ([], COUNT)
    assert devices() == {here}
