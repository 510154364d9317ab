"""Nobody else's hands: photos go only where this user alone puts files, whatever lies in the way."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lookalike.dedup.actions import moves
from lookalike.dedup.actions.apply import ApplyOptions, preview
from lookalike.dedup.actions.journal import Journal

from .making import IN_QUARANTINE, Shelf, contents, jpeg, states
from .test_apply import pair, refused

STRANGER = 12345
IN_TRASH = ApplyOptions(method="trash")
pytestmark = pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links cannot be told there")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives away")


def link(folder: Path) -> None:
    box = folder.parent / "strangers box"
    box.mkdir()
    folder.symlink_to(box)


def strangers(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    os.chown(folder, STRANGER, STRANGER)


def strangers_and_private(folder: Path) -> None:
    strangers(folder)
    folder.chmod(0o700)


def open_to_all(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def open_to_a_group(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o770)


PLANTED = pytest.mark.parametrize(
    ("plant", "why"),
    [
        (link, "is a link"),
        pytest.param(strangers, "belongs to another user", marks=as_root),
        pytest.param(strangers_and_private, "belongs to another user", marks=as_root),
        (open_to_all, "others can write"),
        (open_to_a_group, "others can write"),
    ],
)
Plant = Callable[[Path], None]


def both_refuse(shelf: Shelf, options: ApplyOptions) -> str:
    """Check that nothing is done, and that the dry run says so, too."""
    (said,) = preview(shelf.store, shelf.plan, options)
    why = refused(shelf, "foreign", options)
    assert (said.state, said.reason) == ("left", why)
    return why


# The quarantine


@PLANTED
@pytest.mark.parametrize("method", ["quarantine", "hardlink"])
def test_a_quarantine_that_may_be_a_strangers_gets_nothing(
    shelf: Shelf, plant: Plant, why: str, method: str
) -> None:
    pair(shelf)
    plant(shelf.photos / ".lookalike-quarantine")
    assert why in both_refuse(shelf, ApplyOptions(method=method))


@PLANTED
def test_neither_does_one_in_a_folder_that_was_named(
    shelf: Shelf, tmp_path: Path, plant: Plant, why: str
) -> None:
    pair(shelf)
    (tmp_path / "aside").mkdir()
    plant(tmp_path / "aside" / ".lookalike-quarantine")
    assert why in both_refuse(shelf, ApplyOptions(method="quarantine", quarantine=str(tmp_path / "aside")))
    assert [data for _, data in contents(tmp_path / "aside") if data.startswith(b"\xff\xd8")] == []


def test_only_this_user_enters_what_is_made_in_a_quarantine(shelf: Shelf) -> None:
    pair(shelf, "b/deep/copy.jpg")
    mask = os.umask(0)
    try:
        (outcome,) = shelf.apply()
    finally:
        os.umask(mask)
    folder = Path(outcome.to).parent
    while folder != shelf.photos:
        assert folder.stat().st_mode & 0o777 == 0o700
        folder = folder.parent


def swapped(
    monkeypatch: pytest.MonkeyPatch, swap: Callable[[], None], back: Callable[[], None] = lambda: None
) -> None:
    """Swap folders between the preparation and the move, and back right after the move."""
    intend, move = Journal.intend, moves.move_new

    def and_swap(journal: Journal, *arguments: object) -> None:
        intend(journal, *arguments)  # type: ignore[arg-type]
        swap()

    def and_back(*arguments: object) -> None:
        move(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(moves, "move_new", move)
        back()

    monkeypatch.setattr(Journal, "intend", and_swap)
    monkeypatch.setattr(moves, "move_new", and_back)


def test_a_quarantine_that_becomes_a_link_in_the_middle_gets_nothing(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair(shelf)
    quarantine, box = shelf.photos / ".lookalike-quarantine", tmp_path / "box"

    def swap() -> None:
        shutil.copytree(quarantine, box)
        quarantine.rename(tmp_path / "aside")
        quarantine.symlink_to(box)

    before = shelf.tree()
    swapped(monkeypatch, swap)
    (outcome,) = shelf.apply()
    assert outcome.state == "left"
    assert shelf.tree() == before
    assert not [name for name, _ in contents(box) if name.endswith(".jpg")]


def test_no_file_of_another_folder_stays_away_that_takes_the_place_of_one(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, copy = pair(shelf)
    private = tmp_path / "private"
    private.mkdir()
    (private / copy.name).write_bytes(jpeg(5))

    def swap() -> None:
        copy.parent.rename(tmp_path / "aside")
        copy.parent.symlink_to(private)

    def back() -> None:
        copy.parent.unlink()
        (tmp_path / "aside").rename(copy.parent)

    swapped(monkeypatch, swap, back)
    (outcome,) = shelf.apply()
    assert outcome.code == "changed"
    assert dict(contents(private)) == {copy.name: jpeg(5)}
    assert copy.read_bytes() == jpeg(0)


def test_what_a_link_leads_to_is_never_tidied_up(shelf: Shelf, tmp_path: Path) -> None:
    pair(shelf)
    options = ApplyOptions(method="quarantine", quarantine=str(tmp_path / "aside"))
    assert [each.state for each in shelf.apply(options)] == ["done"]
    project = tmp_path / "project"
    (project / "empty").mkdir(parents=True)
    (project / "README.txt").write_text("what it is about")
    (shelf.photos / ".lookalike-quarantine").symlink_to(project)
    assert [each.state for each in shelf.undo()] == ["done"]
    assert sorted(each.name for each in project.iterdir()) == ["README.txt", "empty"]
    shutil.rmtree(project / "empty")
    shelf.apply(options)
    assert [each.state for each in shelf.undo()] == ["done"]
    assert (project / "README.txt").exists()


def test_a_copy_that_comes_back_from_another_drive_is_made_through_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, precious, folder = tmp_path / "source.jpg", tmp_path / "precious.txt", tmp_path / "photos"
    source.write_bytes(jpeg(0))
    source.chmod(0o640)
    os.utime(source, ns=(1, 1_600_000_000_123_456_789))
    precious.write_text("mine")
    mode = precious.stat().st_mode
    folder.mkdir()
    new_file = moves.new_file

    def and_swap(place: moves.At) -> int:
        descriptor = new_file(place)
        os.unlink(place.path)
        os.symlink(precious, place.path)
        return descriptor

    with monkeypatch.context() as patch:
        patch.setattr(moves, "new_file", and_swap)
        with pytest.raises(OSError, match="somebody put another file in its place"):
            moves.copy_new(str(source), str(folder / "copy.jpg"))
    assert (precious.read_text(), precious.stat().st_mode) == ("mine", mode)
    assert list(folder.iterdir()) == []
    moves.copy_new(str(source), str(folder / "copy.jpg"))
    (copy,) = folder.iterdir()
    assert copy.read_bytes() == jpeg(0)
    assert (copy.stat().st_mode & 0o777, copy.stat().st_mtime_ns) == (0o640, 1_600_000_000_123_456_789)


@pytest.fixture
def other_drive(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system."""
    for top in map(Path, ("/dev/shm", tempfile.gettempdir(), "/var/tmp")):
        if top.is_dir() and top.stat().st_dev != tmp_path.stat().st_dev and os.access(top, os.W_OK):
            with tempfile.TemporaryDirectory(dir=top) as folder:
                yield Path(folder)
            return
    pytest.skip("there is one file system only")


@pytest.mark.parametrize("name", [".", "new/folder"])
def test_a_quarantine_on_another_drive_is_not_even_begun(
    shelf: Shelf, other_drive: Path, name: str
) -> None:
    pair(shelf)
    options = ApplyOptions(method="quarantine", quarantine=str(other_drive / name))
    (said,) = preview(shelf.store, shelf.plan, options)
    assert said.code == "other_filesystem"
    assert "another drive" in refused(shelf, "other_filesystem", options)
    assert list(other_drive.iterdir()) == []


def test_no_folder_is_left_of_a_unit_that_was_refused(shelf: Shelf) -> None:
    """The second file of a unit finds no place: what was made for the first one goes again."""
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put(f"b/{'n' * 240}.jpg")
    trash = Path(os.environ["XDG_DATA_HOME"]) / "Trash"
    copy.with_suffix(".jpg.xmp").write_bytes(b"with a note that has too long a name")
    shelf.group(keeper, copy)
    assert {each.state for each in shelf.apply(IN_TRASH)} == {"left"}
    assert not list((trash / "info").iterdir())


# The trash


@pytest.fixture
def top(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The top of the drive of the photos; the home trash is on another one."""
    monkeypatch.setenv("XDG_DATA_HOME", "/proc/nowhere")
    monkeypatch.setattr("lookalike.dedup.actions.trash._mount_point", lambda *_: str(tmp_path))
    pair(shelf)
    return tmp_path


@PLANTED
def test_a_trash_that_may_be_a_strangers_gets_nothing(
    shelf: Shelf, top: Path, plant: Plant, why: str
) -> None:
    plant(top / f".Trash-{os.geteuid()}")
    assert why in both_refuse(shelf, IN_TRASH)
    (outcome,) = shelf.apply(ApplyOptions())
    assert (outcome.state, outcome.method) == ("done", "quarantine")


@PLANTED
def test_a_strangers_place_in_the_trash_for_all_is_passed_over(
    shelf: Shelf, top: Path, plant: Plant, why: str
) -> None:
    (top / ".Trash").mkdir()
    (top / ".Trash").chmod(0o1777)
    plant(top / ".Trash" / str(os.geteuid()))
    (outcome,) = shelf.apply(IN_TRASH)
    assert Path(outcome.to).parent == top / f".Trash-{os.geteuid()}" / "files"
    assert Path(outcome.to).read_bytes() == jpeg(0)


@pytest.mark.parametrize(("mode", "is_taken"), [(0o1777, True), (0o777, False), (0o755, False)])
def test_the_trash_for_all_must_be_sticky(shelf: Shelf, top: Path, mode: int, is_taken: bool) -> None:
    (top / ".Trash").mkdir()
    (top / ".Trash").chmod(mode)
    (outcome,) = shelf.apply(IN_TRASH)
    assert Path(outcome.to).is_relative_to(top / ".Trash") == is_taken
    assert outcome.state == "done"
    assert [each.state for each in shelf.undo()] == ["done"]


def test_the_trash_for_all_must_be_no_link(shelf: Shelf, top: Path) -> None:
    (top / "box").mkdir()
    (top / "box").chmod(0o1777)
    (top / ".Trash").symlink_to("box")
    shelf.apply(IN_TRASH)
    assert list((top / "box").iterdir()) == []


# Drives that know no owners


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Path]:
    """A folder in which all files show one owner and one mode, as on a NAS or a drive of another system."""
    below, above = tmp_path / "below", tmp_path / "share"
    below.mkdir()
    above.mkdir()
    options = ["--force-user=nobody", "--perms=0777", "--chmod-ignore", "--chown-ignore"]
    try:
        made = subprocess.run(["bindfs", *options, below, above], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no bindfs")
    if made.returncode:
        pytest.skip(f"bindfs cannot mount: {made.stderr.decode()}")
    try:
        yield above
    finally:
        subprocess.run(["umount", "-l", above], check=True)


@as_root
@pytest.mark.xdist_group("mounts")
def test_where_all_files_show_one_owner_and_one_mode_that_says_nothing(
    share: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shelf = Shelf(share)
    quarantine = shelf.photos / ".lookalike-quarantine"
    pair(shelf)
    before = shelf.tree()
    quarantine.mkdir()
    assert (quarantine.stat().st_uid, quarantine.stat().st_mode & 0o777) != (os.geteuid(), 0o700)
    assert {each.state for each in preview(shelf.store, shelf.plan, IN_QUARANTINE)} == {"planned"}
    assert states(shelf.apply()) == {"copy.jpg": "done"}
    assert [each.state for each in shelf.undo()] == ["done"]
    assert shelf.tree() == before
    link(quarantine)
    assert "is a link" in both_refuse(shelf, IN_QUARANTINE)
    shelf.store.close()
