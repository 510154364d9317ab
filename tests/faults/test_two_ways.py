"""One file seen by two ways, through file systems laid over others: it is no copy of itself."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lookalike.dedup.actions.apply import ApplyOptions
from lookalike.dedup.actions.outcome import Outcome
from lookalike.dedup.actions.prune import prune
from lookalike.store.progress import UNWATCHED
from lookalike.tests.dedup.actions.making import Shelf, jpeg, states
from lookalike.tests.dedup.actions.test_prune import NOW

pytestmark = pytest.mark.xdist_group("two ways")

_OVERLAY = ("mount", "-t", "overlay", "overlay", "-o")
# Commands that show the folder {real} at {view}. {other}, {work}: empty folders beside them.
WAYS = {
    "bindfs": ("bindfs", "{real}", "{view}"),
    "mergerfs": ("mergerfs", "{real}:{other}", "{view}"),
    "overlay of an upper layer": (*_OVERLAY, "lowerdir={other},upperdir={real},workdir={work}", "{view}"),
    "overlay of a lower layer": (*_OVERLAY, "lowerdir={real},upperdir={other},workdir={work}", "{view}"),
}
BIND = ("mount", "--bind", "{real}", "{view}")
NO_CHANGE_TIMES = ("bindfs", "--ctime-from-mtime", "{real}", "{view}")
ANOTHER_DISK = ("mount", "-t", "tmpfs", "tmpfs", "{view}")
every_way = pytest.mark.parametrize("command", WAYS.values(), ids=WAYS.keys())


class Desk(Shelf):
    """A shelf with a folder `real` that `mounted` shows at `view` as well."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder
        self.mounts = ExitStack()
        self.real, self.view = self.photos / "real", self.photos / "view"
        self.real.mkdir()

    def mount(self, command: tuple[str, ...], real: Path | None = None) -> Path:
        """Show a folder at `view`, until the test ends."""
        self.mounts.enter_context(_mounted(command, self.folder, real or self.real, self.view))
        return self.view

    def copy(self, of: Path, path: Path) -> Path:
        """Copy a photo with its times, as `cp --preserve` does, and make it known to the store."""
        path.parent.mkdir(exist_ok=True)
        shutil.copy2(of, path)
        self.know(path)
        return path

    def prune(self) -> list[Outcome]:
        return prune(self.store, NOW, UNWATCHED)


@contextmanager
def _mounted(command: tuple[str, ...], folder: Path, real: Path, view: Path) -> Iterator[None]:
    places = {"real": real, "view": view, "other": folder / "other", "work": folder / "work"}
    for place in places.values():
        place.mkdir(exist_ok=True)
    try:
        done = subprocess.run(
            [part.format_map(places) for part in command], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip(f"there is no {command[0]} here")
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        _unmount(view)


def _unmount(view: Path) -> None:
    for command in (["umount"], ["fusermount3", "-u"], ["umount", "--lazy"]):
        if subprocess.run([*command, view], capture_output=True, check=False).returncode == 0:
            return


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A shelf with a folder that can be seen by a second way."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "data"))
    made = Desk(tmp_path)
    with made.mounts:
        yield made
    made.store.close()


def test_a_path_of_a_pool_that_stands_for_two_files_moves_none(desk: Desk, tmp_path: Path) -> None:
    pool = ("mergerfs", "-o", "category.create=ff", "{real}:{other}", "{view}")
    kept, other = desk.put("real/a.jpg"), tmp_path / "other" / "copy" / "b.jpg"
    desk.copy(kept, desk.real / "copy" / "b.jpg")
    other.parent.mkdir(parents=True)
    other.write_bytes(jpeg(5))
    view = desk.mount(pool)
    desk.know(view / "a.jpg")
    desk.know(view / "copy" / "b.jpg")
    desk.group(view / "a.jpg", view / "copy" / "b.jpg")

    (outcome,) = desk.apply()

    assert (outcome.state, outcome.code) == ("left", "two_ways")
    assert str(other) in outcome.reason
    assert other.read_bytes() == jpeg(5)


def test_a_protected_folder_is_not_touched_by_its_other_name(desk: Desk) -> None:
    kept = desk.put("kept.jpg")
    copy = desk.copy(kept, desk.real / "copy.jpg")
    view = desk.mount(BIND)
    desk.group(kept, copy)

    (outcome,) = desk.apply(ApplyOptions(method="quarantine", protect=(str(view),)))

    assert (outcome.state, outcome.code) == ("left", "protected")


@every_way
@pytest.mark.parametrize("is_kept_below", [True, False], ids=["kept below", "kept above"])
def test_a_file_is_not_moved_for_itself(desk: Desk, command: tuple[str, ...], is_kept_below: bool) -> None:
    below = desk.put("real/a.jpg")
    above = desk.mount(command) / "a.jpg"
    desk.know(above)
    desk.group(*((below, above) if is_kept_below else (above, below)))

    (outcome,) = desk.apply()

    assert (outcome.state, outcome.code) == ("left", "same_file")
    assert "unmount" in outcome.reason
    assert below.read_bytes() == above.read_bytes() == jpeg(0)


@every_way
def test_two_files_of_one_folder_are_two_whichever_way_they_are_seen(
    desk: Desk, command: tuple[str, ...]
) -> None:
    copy = desk.copy(desk.put("real/kept.jpg"), desk.real / "copy.jpg")
    os.chmod(desk.real / "kept.jpg", 0o640)  # its times of modification and of change differ
    keeper = desk.mount(command) / "kept.jpg"
    desk.know(keeper)
    desk.group(keeper, copy)

    assert states(desk.apply()) == {"copy.jpg": "done"}
    assert states(desk.prune()) == {"copy.jpg": "done"}
    assert keeper.read_bytes() == jpeg(0)


@every_way
def test_prune_does_not_take_what_it_removes_for_its_survivor(desk: Desk, command: tuple[str, ...]) -> None:
    keeper = desk.put("a/kept.jpg")
    desk.group(keeper, desk.put("b/copy.jpg"))
    (moved,) = desk.apply()
    keeper.unlink()
    desk.know(desk.mount(command, Path(moved.to).parent) / "copy.jpg")

    (outcome,) = desk.prune()

    # What bindfs shows can be read from its mount.
    assert outcome.code == ("nobodys" if command[0] == "bindfs" else "same_file")
    assert Path(moved.to).read_bytes() == jpeg(0)


@every_way
def test_prune_sees_that_the_kept_file_went_as_well(desk: Desk, command: tuple[str, ...]) -> None:
    # As if `apply` had been fooled: the kept file is seen by another way after the move only.
    options = ApplyOptions(method="quarantine", quarantine=str(desk.real))
    keeper = desk.put("view/copy.jpg")
    desk.group(keeper, desk.put("real/copy.jpg"))
    (moved,) = desk.apply(options)
    keeper.unlink()
    desk.mount(command, Path(moved.to).parent)
    assert keeper.read_bytes() == jpeg(0)

    (outcome,) = desk.prune()

    assert outcome.state == "left"
    assert Path(moved.to).read_bytes() == jpeg(0)


def test_where_times_of_change_are_made_up_nothing_is_taken_for_a_copy(desk: Desk) -> None:
    copy, other = desk.put("real/copy.jpg"), desk.put("real/other.jpg", seed=1)
    desk.copy(copy, desk.real / "kept.jpg")
    desk.put("real/later.jpg", seed=1)
    view = desk.mount(NO_CHANGE_TIMES)
    desk.know(view / "kept.jpg", view / "later.jpg")
    os.chmod(copy, 0o600)
    desk.group(view / "kept.jpg", copy)
    desk.group(view / "later.jpg", other)

    left, done = desk.apply()

    assert (left.code, done.state) == ("two_ways", "done")
    assert "cannot be told" in left.reason
    assert copy.exists()
    assert states(desk.prune()) == {"other.jpg": "done"}


def test_a_keeper_that_goes_with_its_copy_brings_it_back_and_stops_the_rest(desk: Desk) -> None:
    # A pool of a folder and one inside of it numbers the same file twice, as if it were two of one disk.
    for name in ("sub/a.jpg", "sub/b.jpg"):
        desk.put(f"real/{name}", seed=ord(name[4]))
    desk.copy(desk.real / "sub/b.jpg", desk.real / "sub/true copy.jpg")
    view = desk.mount(("mergerfs", "-o", "inodecalc=path-hash", "{real}:{real}/sub", "{view}"))
    paths = [view / name for name in ("a.jpg", "sub/a.jpg", "b.jpg", "sub/true copy.jpg")]
    desk.know(*paths)
    desk.group(paths[0], paths[1])
    desk.group(paths[2], paths[3])

    first, second = desk.apply(ApplyOptions(method="quarantine", quarantine=str(view / "sub")))

    assert "went with it" in first.reason
    assert (first.code, second.code, second.reason) == ("same_file", "same_file", first.reason)
    assert all(path.exists() for path in paths)


def test_a_bind_mount_shows_the_same_file(desk: Desk) -> None:
    below = desk.put("real/a.jpg")
    above = desk.mount(BIND) / "a.jpg"
    desk.know(above)
    desk.group(above, below)
    assert states(desk.apply()) == {"a.jpg": "same_file"}
    assert below.exists()


def test_copies_on_two_disks_are_two_until_one_is_away(desk: Desk) -> None:
    copy = desk.put("real/copy.jpg")
    keeper = desk.copy(copy, desk.mount(ANOTHER_DISK) / "kept.jpg")
    desk.group(keeper, copy)
    assert states(desk.apply()) == {"copy.jpg": "done"}
    desk.mounts.close()
    assert states(desk.prune()) == {"copy.jpg": "last_copy"}
