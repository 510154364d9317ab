"""Emptying the quarantine: what has a survivor goes, everything else stays."""

from datetime import timedelta
from pathlib import Path

import pytest

from lookalike.dedup.actions.apply import ApplyOptions
from lookalike.dedup.actions.journal import journals
from lookalike.dedup.actions.outcome import Outcome
from lookalike.dedup.actions.prune import PruneOptions, preview_prune, prune
from lookalike.store.progress import UNWATCHED

from .making import IN_QUARANTINE, Shelf, jpeg, states

NOW = PruneOptions(timedelta(seconds=-5))


def pruned(shelf: Shelf, options: PruneOptions = NOW) -> list[Outcome]:
    return prune(shelf.store, options, UNWATCHED)


def test_a_copy_whose_kept_file_can_be_read_goes_for_good(shelf: Shelf) -> None:
    keeper = shelf.put("a/kept.jpg")
    shelf.group(keeper, shelf.put("b/same.jpg"), shelf.put("b/small.jpg", quality=60))
    shelf.apply()
    assert {each.state for each in preview_prune(shelf.store, NOW)} == {"planned"}
    assert shelf.quarantined() == {"b/same.jpg", "b/small.jpg"}
    assert states(pruned(shelf)) == {"same.jpg": "done", "small.jpg": "done"}
    assert not (shelf.photos / ".lookalike-quarantine").exists()
    assert shelf.tree().keys() == {"a/kept.jpg"}
    assert pruned(shelf) == []


def test_what_was_moved_lately_stays(shelf: Shelf) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/same.jpg"))
    shelf.apply()
    assert pruned(shelf, PruneOptions()) == []
    assert pruned(shelf, PruneOptions(timedelta(seconds=-5), run="another")) == []
    assert shelf.quarantined() == {"b/same.jpg"}


@pytest.mark.parametrize("how", ["removed", "edited", "broken"])
@pytest.mark.parametrize("quality", [90, 60])
def test_without_what_was_kept_for_it_nothing_goes(shelf: Shelf, how: str, quality: int) -> None:
    keeper = shelf.put("a/kept.jpg")
    shelf.group(keeper, shelf.put("b/copy.jpg", quality=quality))
    shelf.apply()
    if how == "removed":
        keeper.unlink()
    else:
        keeper.write_bytes(jpeg(0)[:200] if how == "broken" else jpeg(9))
    (outcome,) = pruned(shelf)
    assert (outcome.state, outcome.code) == ("left", "last_copy")
    assert "undo" in outcome.reason
    assert shelf.quarantined() == {"b/copy.jpg"}


def test_a_kept_file_that_was_moved_is_found_in_the_library(shelf: Shelf) -> None:
    keeper = shelf.put("a/kept.jpg")
    shelf.group(keeper, shelf.put("b/copy.jpg", quality=60))
    shelf.apply()
    shelf.know(keeper.rename(shelf.photos / "a/renamed.jpg"))
    assert states(pruned(shelf)) == {"copy.jpg": "done"}


@pytest.mark.parametrize("how", ["folder", "hard link", "link"])
def test_what_lies_in_a_quarantine_is_no_survivor(shelf: Shelf, how: str) -> None:
    keeper = shelf.put("a/kept.jpg")
    shelf.group(keeper, shelf.put("b/copy.jpg"), shelf.put("b/again.jpg"))
    moved = Path(shelf.apply()[0].to)
    keeper.unlink()
    if how == "folder":
        (shelf.photos / "seen").symlink_to(moved.parent)
    elif how == "hard link":
        (shelf.photos / "seen").mkdir()
        (shelf.photos / "seen/copy.jpg").hardlink_to(moved)
    else:
        keeper.symlink_to(moved)
        shelf.know(moved)  # as a library has it that was made before quarantines were left out
    if how != "link":
        shelf.know(shelf.photos / "seen/copy.jpg")

    outcomes = pruned(shelf)

    assert {each.state for each in outcomes} == {"left"}
    assert moved.read_bytes() == jpeg(0)


def test_what_was_thrown_away_is_no_survivor(shelf: Shelf, tmp_path: Path) -> None:
    keeper, trash = shelf.put("a/kept.jpg"), tmp_path / "home/data/Trash"
    shelf.group(keeper, shelf.put("b/copy.jpg"))
    shelf.apply()
    for name in ("files", "info"):
        (trash / name).mkdir(parents=True)
    keeper.rename(trash / "files/kept.jpg")
    (shelf.photos / "thrown").symlink_to(trash / "files")
    shelf.know(shelf.photos / "thrown/kept.jpg")

    assert states(pruned(shelf)) == {"copy.jpg": "nobodys"}
    assert shelf.quarantined() == {"b/copy.jpg"}


@pytest.mark.parametrize("how", ["moved", "replaced", "link removed"])
def test_a_symbolic_link_is_not_left_without_its_picture(shelf: Shelf, how: str) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg")
    shelf.group(keeper, copy)
    shelf.apply(ApplyOptions(method="symlink"))
    shelf.know(keeper.rename(shelf.photos / "a/renamed.jpg"))
    if how == "replaced":
        keeper.write_bytes(jpeg(1))
    elif how == "link removed":
        copy.unlink()

    found = states(pruned(shelf))

    assert found == {"copy.jpg": "done" if how == "link removed" else "dangling"}
    if how != "link removed":
        shelf.undo()
        assert copy.read_bytes() == jpeg(0)
        assert not copy.is_symlink()


def test_what_was_changed_in_the_quarantine_stays(shelf: Shelf) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    (outcome,) = shelf.apply()
    Path(outcome.to).write_bytes(b"something else")
    assert states(pruned(shelf)) == {"copy.jpg": "changed"}
    assert Path(outcome.to).read_bytes() == b"something else"


def test_a_look_alike_goes_only_if_its_own_bytes_are_elsewhere(shelf: Shelf) -> None:
    keeper, other = shelf.put("kept.jpg"), shelf.put("other.jpg", seed=5)
    shelf.group(keeper, other, kind="similar")
    shelf.apply(ApplyOptions(method="quarantine", include_similar=True))
    assert states(pruned(shelf)) == {"other.jpg": "last_copy"}
    shelf.put("again.jpg", seed=5)
    assert states(pruned(shelf)) == {"other.jpg": "done"}


@pytest.mark.parametrize("same", [True, False])
def test_a_video_goes_only_if_the_kept_photo_has_the_same(shelf: Shelf, same: bool) -> None:
    keeper, copy = shelf.put("a/IMG_1.jpg"), shelf.put("b/IMG_1.jpg")
    keeper.with_suffix(".mov").write_bytes(b"film" if same else b"cuts")
    copy.with_suffix(".mov").write_bytes(b"film")
    copy.with_suffix(".xmp").write_bytes(b"words")
    shelf.group(keeper, copy)
    shelf.apply()
    found = states(pruned(shelf))
    assert found == dict.fromkeys(["IMG_1.jpg", "IMG_1.mov", "IMG_1.xmp"], "done" if same else "last_copy")
    assert bool(shelf.quarantined()) != same


def test_what_links_replaced_is_pruned_and_the_links_stay(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg")
    shelf.group(keeper, copy)
    shelf.apply(ApplyOptions(method="hardlink"))
    assert states(pruned(shelf)) == {"copy.jpg": "done"}
    assert copy.samefile(keeper)
    (outcome,) = shelf.undo()
    assert outcome.state == "before"
    assert copy.read_bytes() == jpeg(0)


def test_what_was_pruned_does_not_come_back_and_that_is_said(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg", quality=60)
    shelf.group(keeper, copy)
    shelf.apply()
    pruned(shelf)
    (outcome,) = shelf.undo()
    assert (outcome.state, outcome.code) == ("left", "pruned")
    assert str(keeper) in outcome.reason


def test_the_trash_is_not_pruned(shelf: Shelf) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    (outcome,) = shelf.apply(ApplyOptions(method="trash"))
    assert pruned(shelf) == []
    assert Path(outcome.to).exists()


def test_what_came_back_is_not_pruned(shelf: Shelf) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    shelf.apply()
    shelf.undo()
    assert pruned(shelf) == []
    assert shelf.tree().keys() == {"a/kept.jpg", "b/copy.jpg"}
    assert len(journals(shelf.store.folder)) == 1
    assert IN_QUARANTINE.quarantine is None
