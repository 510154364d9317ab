"""A folder becomes a link between the last look and the act of undo and prune: nothing else is touched."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lookalike.dedup.actions import moves
from lookalike.dedup.actions.apply import ApplyOptions
from lookalike.dedup.actions.journal import journals

from .making import Shelf, contents, jpeg, states
from .test_foreign import STRANGER, as_root
from .test_prune import pruned

pytestmark = pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links cannot be told there")


def moved(shelf: Shelf, method: str) -> Path:
    """Give up a copy and return where it lies."""
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    (outcome,) = shelf.apply(ApplyOptions(method=method))
    return Path(outcome.to)


def before(monkeypatch: pytest.MonkeyPatch, swap: Callable[[], object], *names: str) -> None:
    """Swap folders at the first of some acts."""
    left = [swap]  # once
    for name in names:
        act = getattr(moves, name)

        def and_swap(*arguments: object, act: Callable[..., object] = act) -> object:
            if left:
                left.pop()()
            return act(*arguments)

        monkeypatch.setattr(moves, name, and_swap)


def to_link(folder: Path, box: Path) -> Callable[[], None]:
    """Return what puts a link to a box in the place of a folder."""

    def swap() -> None:
        folder.rename(box.parent / "aside")
        folder.symlink_to(box)

    return swap


def a_box(tmp_path: Path, *names: str) -> Path:
    for name in names:
        (tmp_path / "box" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "box" / name).write_bytes(jpeg(0))
    return tmp_path / "box"


@pytest.mark.parametrize("level", [0, 1, 2], ids=["folder", "run", "quarantine"])
def test_prune_removes_what_it_looked_at(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    place = moved(shelf, "quarantine")
    folder = place.parents[level]
    box = a_box(tmp_path, str(place.relative_to(folder)))
    all_of_it = dict(contents(box))
    before(monkeypatch, to_link(folder, box), "remove_for_good")

    assert states(pruned(shelf)) == {"copy.jpg": "done"}

    assert dict(contents(box)) == all_of_it
    assert not (tmp_path / "aside" / place.relative_to(folder)).exists()


@pytest.mark.parametrize("method", ["quarantine", "trash", "hardlink", "symlink"])
def test_undo_puts_files_only_where_it_looked(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    moved(shelf, method)
    box = a_box(tmp_path, *([] if method in ("quarantine", "trash") else ["copy.jpg"]), "other.jpg")
    all_of_it = {path: path.stat().st_ino for path in box.iterdir()}
    before(monkeypatch, to_link(shelf.photos / "b", box), "move_new", "exchange")

    shelf.undo()

    assert {path: path.stat().st_ino for path in box.iterdir()} == all_of_it
    assert (tmp_path / "aside/copy.jpg").read_bytes() == jpeg(0)


@pytest.mark.parametrize("method", ["quarantine", "trash", "hardlink", "symlink"])
def test_undo_takes_files_only_from_where_it_looked(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    place = moved(shelf, method)
    box = a_box(tmp_path, "copy.jpg")
    before(monkeypatch, to_link(place.parent, box), "move_new", "exchange")

    shelf.undo()

    assert [path.name for path in box.iterdir()] == ["copy.jpg"]
    assert not (box / "copy.jpg").is_symlink()
    copy = shelf.photos / "b/copy.jpg"
    assert copy.is_symlink() or copy.stat().st_ino != (box / "copy.jpg").stat().st_ino


def test_what_takes_the_place_of_a_file_in_that_moment_stays(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, other = moved(shelf, "quarantine"), shelf.photos.parent / "other"
    other.write_bytes(jpeg(5))
    before(monkeypatch, lambda: other.replace(place), "make_folder")
    assert states(shelf.undo()) == {"copy.jpg": "changed"}
    assert place.read_bytes() == jpeg(5)


def test_undo_removes_no_note_but_that_of_the_trash_it_looked_at(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = moved(shelf, "trash")
    box = a_box(tmp_path, "copy.jpg.trashinfo")
    before(monkeypatch, to_link(place.parents[1] / "info", box), "move_new")
    assert states(shelf.undo()) == {"copy.jpg": "done"}
    assert (box / "copy.jpg.trashinfo").exists()


def test_no_folder_is_tidied_up_that_a_link_leads_to(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = moved(shelf, "quarantine")
    (tmp_path / "box" / "b").mkdir(parents=True)
    before(monkeypatch, to_link(place.parents[1], tmp_path / "box"), "remove_for_good")
    assert states(pruned(shelf)) == {"copy.jpg": "done"}
    assert (tmp_path / "box" / "b").is_dir()


# Links that lie on the way before


def away(shelf: Shelf, tmp_path: Path) -> Path:
    """Move the folder of the copy elsewhere, and leave a link."""
    folder = shelf.photos / "b"
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    return folder


def test_files_come_back_through_a_link_of_the_user(shelf: Shelf, tmp_path: Path) -> None:
    moved(shelf, "quarantine")
    away(shelf, tmp_path)
    assert states(shelf.undo()) == {"copy.jpg": "done"}
    assert (tmp_path / "elsewhere/copy.jpg").read_bytes() == jpeg(0)


@as_root
def test_files_come_back_through_no_link_of_another_user(shelf: Shelf, tmp_path: Path) -> None:
    place = moved(shelf, "quarantine")
    os.lchown(away(shelf, tmp_path), STRANGER, STRANGER)
    (outcome,) = shelf.undo()
    assert outcome.code == "foreign"
    assert f"{shelf.photos / 'b'} belongs to another user" in outcome.reason
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert place.exists()


@pytest.mark.parametrize("method", ["quarantine", "hardlink"])
def test_a_quarantine_that_others_can_write_is_left_alone(shelf: Shelf, method: str) -> None:
    place = moved(shelf, method)
    (record,) = journals(shelf.store.folder)
    run = shelf.photos / ".lookalike-quarantine" / record.name
    run.chmod(0o777)
    for found in (shelf.undo(), pruned(shelf)):
        assert states(found) == {"copy.jpg": "foreign"}
        assert "`chmod go-w` keeps them out" in found[0].reason
    run.chmod(0o700)
    assert states(shelf.undo()) == {"copy.jpg": "done"}
    assert not place.exists()
