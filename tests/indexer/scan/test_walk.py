"""What a scan lists, what it leaves out, and what it knows it did not see."""

import errno
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lookalike.errors import UsageError
from lookalike.indexer.scan.ignore import Excludes
from lookalike.indexer.scan.walk import DEFAULT, Scan, ScanOptions

NOBODY = 65534


def touch(root: Path, *rels: bytes | str) -> None:
    """Make files, and the folders they are in, below a root."""
    for rel in rels:
        path = os.path.join(os.fsencode(root), os.fsencode(rel))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(os.fsdecode(path)).write_bytes(b"pixels of " + os.fsencode(rel))


def scanned(root: Path, options: ScanOptions = DEFAULT, below: bytes = b"") -> list[bytes]:
    """Scan and return the paths below the root, in the order of the scan."""
    return [file.rel for file in Scan(os.fsencode(root), options, below=below)]


@contextmanager
def without_privileges() -> Iterator[None]:
    """Be nobody for a moment if we are root, for whom no folder is unreadable."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


# What is listed


def test_lists_photos_by_extension_in_any_case_and_nothing_else(tmp_path: Path) -> None:
    touch(tmp_path, "a.JPG", "b.heic", "c.jpe", "d.txt", "e", "f.mov", "g.jpg.", "h.xmp", "i.AVIF")
    assert scanned(tmp_path) == [b"a.JPG", b"b.heic", b"c.jpe", b"i.AVIF"]


def test_all_files_lists_every_regular_file(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "noextension", "._a.jpg")
    assert scanned(tmp_path, ScanOptions(all_files=True)) == [b"a.jpg", b"noextension"]


def test_a_file_is_told_as_the_file_system_tells_it(tmp_path: Path) -> None:
    touch(tmp_path, "2019/a.jpg")
    os.utime(tmp_path / "2019/a.jpg", ns=(1, 1_234_567_890_123_456_789))

    (file,) = Scan(os.fsencode(tmp_path))

    found = (tmp_path / "2019/a.jpg").stat()
    assert (file.rel, file.size, file.mtime_ns) == (b"2019/a.jpg", 20, 1_234_567_890_123_456_789)
    assert (file.ctime_ns, file.dev, file.ino) == (found.st_ctime_ns, found.st_dev, found.st_ino)


def test_the_order_is_fixed_files_before_folders(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.jpg", "b/1.jpg", "z.jpg", "a/x/1.jpg", "a/0.jpg", "c.jpg")
    assert scanned(tmp_path) == [
        *(b"c.jpg", b"z.jpg", b"a/0.jpg", b"a/x/1.jpg", b"b/1.jpg", b"b/2.jpg"),
    ]


def test_an_empty_file_is_listed_for_the_decoder_to_refuse(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert [file.size for file in Scan(os.fsencode(tmp_path))] == [0]


def test_names_are_the_bytes_on_disk(tmp_path: Path) -> None:
    names = [
        *(b"-rf.jpg", b"caf\xe9.jpg", b"new\nline.jpg", b"\x1b[31mred.jpg", b"x" * 251 + b".jpg"),
        *("é.jpg".encode(), "e\N{COMBINING ACUTE ACCENT}.jpg".encode(), b" .jpg", b"a\\b.jpg"),
    ]
    touch(tmp_path, *names, b"d\xff\n/in.jpg")
    assert scanned(tmp_path) == [*sorted(names), b"d\xff\n/in.jpg"]


def test_special_files_are_never_listed_nor_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the address of a socket must be short
    touch(tmp_path, "real.jpg")
    os.mkfifo(tmp_path / "fifo.jpg")  # opening it would hang
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.jpg")
        os.symlink("/dev/null", tmp_path / "device.jpg")
        os.makedirs(tmp_path / "folder.jpg")
        for options in (DEFAULT, ScanOptions(follow=True), ScanOptions(all_files=True)):
            assert scanned(tmp_path, options) == [b"real.jpg"]


def test_a_path_too_long_for_the_system_is_a_problem_and_the_rest_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.jpg", "z/b.jpg")
    monkeypatch.chdir(tmp_path)
    for _ in range(20):  # 20 x 250 bytes is more than a path may have
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    Path("deep.jpg").touch()

    scan = Scan(os.fsencode(tmp_path))

    assert [file.rel for file in scan] == [b"a.jpg", b"z/b.jpg"]
    (problem,) = scan.problems
    assert problem.code == "path_too_long"
    assert not scan.covers(problem.rel + b"/" + b"d" * 250 + b"/deep.jpg")
    assert scan.covers(b"gone.jpg")


# Links


def test_links_are_not_followed_by_default(tmp_path: Path) -> None:
    touch(tmp_path, "real/a.jpg")
    os.symlink("real/a.jpg", tmp_path / "link.jpg")
    os.symlink("real", tmp_path / "linked")
    assert scanned(tmp_path) == [b"real/a.jpg"]


def test_follow_takes_links_to_files_and_folders_outside(tmp_path: Path) -> None:
    touch(tmp_path, "library/a.jpg", "elsewhere/b.jpg", "elsewhere/in/c.jpg")
    os.symlink("../elsewhere", tmp_path / "library/linked")
    os.symlink("../elsewhere/b.jpg", tmp_path / "library/link.jpg")
    assert scanned(tmp_path / "library", ScanOptions(follow=True)) == [
        *(b"a.jpg", b"link.jpg", b"linked/b.jpg", b"linked/in/c.jpg"),
    ]


def test_following_links_in_circles_lists_each_photo_once_by_its_own_path(tmp_path: Path) -> None:
    touch(tmp_path, "z/deep/a.jpg", "b.jpg")
    os.symlink("..", tmp_path / "z/up")
    os.symlink(tmp_path, tmp_path / "z/deep/top")
    os.symlink("z/deep", tmp_path / "a_shortcut")
    os.symlink("itself.jpg", tmp_path / "itself.jpg")

    scan = Scan(os.fsencode(tmp_path), ScanOptions(follow=True))

    assert [file.rel for file in scan] == [b"b.jpg", b"z/deep/a.jpg"]
    assert scan.problems == []


def test_a_link_to_nothing_is_no_photo_and_no_problem(tmp_path: Path) -> None:
    os.symlink("gone.jpg", tmp_path / "dangling.jpg")
    os.symlink("gone", tmp_path / "dangling")
    scan = Scan(os.fsencode(tmp_path), ScanOptions(follow=True))
    assert (list(scan), scan.problems) == ([], [])
    assert scan.covers(b"dangling.jpg")


def test_hard_links_share_device_and_inode(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    os.link(tmp_path / "a.jpg", tmp_path / "b.jpg")
    one, two = Scan(os.fsencode(tmp_path))
    assert (one.dev, one.ino) == (two.dev, two.ino)


# What is left out


def test_hidden_files_count_but_hidden_folders_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, ".hidden.jpg", "._hidden.jpg", ".attic/a.jpg", "b/.git/c.jpg")
    scan = Scan(os.fsencode(tmp_path))
    assert [file.rel for file in scan] == [b".hidden.jpg"]
    assert scan.skipped == [b".attic", b"b/.git"]
    assert scanned(tmp_path, ScanOptions(hidden=True)) == [
        *(b".hidden.jpg", b".attic/a.jpg", b"b/.git/c.jpg"),
    ]


@pytest.mark.parametrize(
    "folder",
    [
        *("@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"),
        *(".Trash-1000", ".Trashes", ".lookalike-quarantine"),
    ],
)
def test_folders_of_systems_and_bins_are_left_out_even_with_hidden(tmp_path: Path, folder: str) -> None:
    touch(tmp_path, f"{folder}/a.jpg", f"in/{folder}/b.jpg", "c.jpg")
    assert scanned(tmp_path, ScanOptions(hidden=True)) == [b"c.jpg"]


def test_nomedia_leaves_out_its_folder_unless_the_scan_starts_there(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "no/b.jpg", "no/.nomedia", "no/below/c.jpg")
    assert scanned(tmp_path) == [b"a.jpg"]
    assert scanned(tmp_path / "no") == [b"b.jpg", b"below/c.jpg"]


def test_excluded_files_and_folders_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.PNG", "thumbs/c.jpg", "2019/d.jpg", "2019/x/e.jpg", "2020/f.jpg")
    options = ScanOptions(exclude=("*.png", "thumbs/", "2019/**"))
    assert scanned(tmp_path, options) == [b"a.jpg", b"2020/f.jpg"]


def test_one_filesystem_stays_on_the_drive_it_starts_on(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    places = [place for place in ("/dev/shm", "/var/tmp") if os.path.isdir(place)]
    elsewhere = [place for place in places if os.stat(place).st_dev != os.stat(tmp_path).st_dev]
    if not elsewhere:
        pytest.skip("there is no other drive")
    with tempfile.TemporaryDirectory(dir=elsewhere[0]) as other_drive:
        touch(Path(other_drive), "b.jpg")
        os.symlink(other_drive, tmp_path / "drive")
        assert scanned(tmp_path, ScanOptions(follow=True)) == [b"a.jpg", b"drive/b.jpg"]
        assert scanned(tmp_path, ScanOptions(follow=True, one_filesystem=True)) == [b"a.jpg"]


def test_a_folder_to_avoid_is_never_entered(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "store/thumb.jpg")
    os.symlink("store", tmp_path / "alias")
    avoid = [os.fsencode(tmp_path / "alias"), b"/no/such/folder"]
    scan = Scan(os.fsencode(tmp_path), ScanOptions(follow=True), avoid=avoid)
    assert [file.rel for file in scan] == [b"a.jpg"]


# Where it starts


def test_below_scans_one_folder_and_paths_stay_below_the_root(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "2019/b.jpg", "2019/x/c.jpg", "2019b/d.jpg")
    scan = Scan(os.fsencode(tmp_path), below=b"2019")
    assert [file.rel for file in scan] == [b"2019/b.jpg", b"2019/x/c.jpg"]
    assert scan.covers(b"2019/gone.jpg")
    assert not scan.covers(b"gone.jpg")
    assert not scan.covers(b"2019b/gone.jpg")


def test_a_root_that_is_a_file_is_that_file_in_its_folder(tmp_path: Path) -> None:
    touch(tmp_path, "scan0001", "b.jpg")
    os.symlink("scan0001", tmp_path / "link")
    for name in (b"scan0001", b"link"):
        scan = Scan(os.fsencode(tmp_path / os.fsdecode(name)))
        assert [(scan.root, file.rel) for file in scan] == [(os.fsencode(tmp_path), name)]
        assert scan.covers(name)
        assert not scan.covers(b"b.jpg")


def test_the_root_may_be_relative_or_end_in_a_slash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "in/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert [file.rel for file in Scan(b"in/")] == [b"a.jpg"]
    assert [file.rel for file in Scan(b".")] == [b"in/a.jpg"]
    assert [file.rel for file in Scan(b"in/a.jpg")] == [b"a.jpg"]


# What it did not see


def test_a_missing_root_is_a_problem_and_proves_nothing(tmp_path: Path) -> None:
    scan = Scan(os.fsencode(tmp_path / "away"))
    assert list(scan) == []
    assert [(problem.rel, problem.code) for problem in scan.problems] == [(b"", "not_found")]
    assert not scan.covers(b"a.jpg")


def test_a_fifo_as_root_is_a_problem(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jpg")
    scan = Scan(os.fsencode(tmp_path / "fifo.jpg"))
    assert list(scan) == []
    assert [problem.code for problem in scan.problems] == ["not_a_file"]


def test_an_unreadable_folder_is_a_problem_and_nothing_below_it_counts_as_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.jpg", "closed/b.jpg", "closed/in/c.jpg", "open/d.jpg", "closed2/e.jpg")
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # the folders above may be closed to nobody, too
    (tmp_path / "closed").chmod(0)
    scan = Scan(b".")
    try:
        with without_privileges():
            found = [file.rel for file in scan]
    finally:
        (tmp_path / "closed").chmod(0o755)

    assert found == [b"a.jpg", b"closed2/e.jpg", b"open/d.jpg"]
    (problem,) = scan.problems
    assert (problem.rel, problem.code) == (b"closed", "no_permission")
    assert not scan.covers(b"closed/b.jpg")
    assert not scan.covers(b"closed/in/c.jpg")
    assert scan.covers(b"open/gone.jpg")
    assert scan.covers(b"closed2/gone.jpg")


def test_a_folder_without_search_permission_hides_its_files_but_lists_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "closed/b.jpg")
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "closed").chmod(0o444)
    scan = Scan(b".")
    try:
        with without_privileges():
            assert list(scan) == []
    finally:
        (tmp_path / "closed").chmod(0o755)

    assert [(each.rel, each.code) for each in scan.problems] == [(b"closed/b.jpg", "no_permission")]
    assert not scan.covers(b"closed/b.jpg")


def test_files_that_are_not_asked_for_by_their_name_cost_no_stat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "in/a.jpg", "in/film.mp4", "in/notes.txt")
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for mode, found, refused in ((0o755, [b"in/film.mp4"], []), (0o444, [], [b"in/film.mp4"])):
        (tmp_path / "in").chmod(mode)
        scan = Scan(b".", only=lambda name: name.endswith(b".mp4"))
        with without_privileges():
            assert [file.rel for file in scan] == found
        assert [each.rel for each in scan.problems] == refused
    (tmp_path / "in").chmod(0o755)


def test_a_listing_that_breaks_off_keeps_what_it_gave_and_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.jpg", "bad/b.jpg", "bad/c.jpg")
    real = os.scandir

    class BreaksOff:
        """A listing of one entry, then an I/O error: no disk here can be made to do that."""

        def __init__(self, path: bytes) -> None:
            self._listing = real(path)

        def __enter__(self) -> Iterator[os.DirEntry[bytes]]:
            yield next(self._listing)
            raise OSError(errno.EIO, "Input/output error")

        def __exit__(self, *_: object) -> None:
            self._listing.close()

    def scandir(path: bytes) -> object:
        return BreaksOff(path) if path.endswith(b"bad") else real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    scan = Scan(os.fsencode(tmp_path))

    assert len(list(scan)) == 2
    assert [(problem.rel, problem.code) for problem in scan.problems] == [(b"bad", "unreadable")]
    assert not scan.covers(b"bad/c.jpg")
    assert scan.covers(b"gone.jpg")


def test_a_folder_removed_during_the_scan_is_no_problem_but_proves_nothing(tmp_path: Path) -> None:
    touch(tmp_path, "a/b.jpg", "z/c.jpg")
    scan = Scan(os.fsencode(tmp_path))
    walk = iter(scan)
    assert next(walk).rel == b"a/b.jpg"
    shutil.rmtree(tmp_path / "z")
    assert list(walk) == []
    assert scan.problems == []
    assert not scan.covers(b"z/c.jpg")
    assert scan.covers(b"a/gone.jpg")


def test_a_root_replaced_during_the_scan_proves_nothing_at_all(tmp_path: Path) -> None:
    root = tmp_path / "drive"
    touch(root, "a.jpg", "b/c.jpg")
    scan = Scan(os.fsencode(root))
    walk = iter(scan)
    next(walk)
    root.rename(tmp_path / "pulled_out")
    root.mkdir()  # the empty mount point that is left

    assert list(walk) == []
    assert [problem.code for problem in scan.problems] == ["root_changed"]
    assert not scan.covers(b"b/c.jpg")


def test_a_scan_that_was_broken_off_proves_nothing(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    scan = Scan(os.fsencode(tmp_path))
    next(iter(scan))
    assert not scan.covers(b"gone.jpg")


# Patterns


@pytest.mark.parametrize(
    ("pattern", "rel", "expected"),
    [
        ("*.png", b"a.png", True),
        ("*.png", b"x/y/A.PNG", True),
        ("*.png", b"a.png.jpg", False),
        ("raw", b"2019/raw", True),
        ("raw", b"2019/rawer", False),
        ("/raw", b"raw", True),
        ("/raw", b"2019/raw", False),
        ("2019/raw", b"2019/raw", True),
        ("2019/raw", b"x/2019/raw", False),
        ("2019/*", b"2019/a.jpg", True),
        ("2019/*", b"2019/x/a.jpg", False),
        ("2019/**", b"2019/x/a.jpg", True),
        ("2019/**", b"2019", False),
        ("**/raw", b"raw", True),
        ("**/raw", b"a/b/raw", True),
        ("a/**/b", b"a/b", True),
        ("a/**/b", b"a/x/y/b", True),
        ("IMG_?.jpg", b"IMG_1.jpg", True),
        ("IMG_?.jpg", b"IMG_12.jpg", False),
        ("IMG_[0-9].jpg", b"IMG_1.jpg", True),
        ("IMG_[!0-9].jpg", b"IMG_1.jpg", False),
        ("IMG_[!0-9].jpg", b"IMG_x.jpg", True),
        ("[bracket", b"[bracket", True),
        (r"\[b\](1).jpg", b"[b](1).jpg", True),
        ("a.b", b"aXb", False),
        ("*", b"new\nline", True),
        ("caf\udce9*", b"caf\xe9.jpg", True),
    ],
)
def test_exclude_patterns_match_like_gitignore(pattern: str, rel: bytes, expected: bool) -> None:
    assert Excludes([pattern]).matches(rel, is_folder=False) is expected


def test_a_slash_at_the_end_of_a_pattern_means_folders_only() -> None:
    excludes = Excludes(["raw/"])
    assert excludes.matches(b"2019/raw", is_folder=True)
    assert not excludes.matches(b"2019/raw", is_folder=False)


@pytest.mark.parametrize("pattern", ["", "/", "!keep.jpg", "[z-a]"])
def test_a_pattern_that_makes_no_sense_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="cannot exclude"):
        Scan(b".", ScanOptions(exclude=(pattern,)))
