"""Putting back: by content, after renames, twice, and when somebody was there in between."""

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lookalike.dedup.actions import waiting
from lookalike.dedup.actions.apply import ApplyOptions
from lookalike.dedup.actions.chosen import run_with
from lookalike.dedup.actions.journal import Journal, journal_named, journals
from lookalike.dedup.actions.prune import PruneOptions, prune
from lookalike.dedup.actions.undo import UndoOptions, passed_over, preview_undo, record_to_undo
from lookalike.dedup.naming import whereabouts
from lookalike.errors import UsageError
from lookalike.output.waiting import after_prune
from lookalike.store.progress import UNWATCHED

from .making import IN_QUARANTINE, Shelf, jpeg, states

METHODS = ["quarantine", "trash", "hardlink", "symlink"]


@pytest.fixture
def moved(shelf: Shelf) -> Shelf:
    """A shelf with a kept file and one in the quarantine."""
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    shelf.apply()
    return shelf


def place_of(shelf: Shelf) -> Path:
    return Path(journals(shelf.store.folder)[0].actions[0].to)


@pytest.mark.parametrize("method", METHODS)
def test_everything_comes_back_as_it_was(shelf: Shelf, method: str) -> None:
    keeper = shelf.put("kept.jpg")
    copies = [shelf.put(f"{number}/copy.jpg") for number in range(3)]
    shelf.group(keeper, *copies)
    before, stats = shelf.tree(), [copy.stat() for copy in copies]
    assert {each.state for each in shelf.apply(ApplyOptions(method=method))} == {"done"}
    assert (shelf.photos / ".lookalike-quarantine").exists() == (method != "trash")
    assert {each.state for each in shelf.undo()} == {"done"}
    assert shelf.tree() == before
    for copy, stat in zip(copies, stats, strict=True):
        found = copy.stat()
        assert (found.st_ino, found.st_mtime_ns, found.st_mode) == (
            stat.st_ino,
            stat.st_mtime_ns,
            stat.st_mode,
        )
    assert shelf.present() == before.keys()
    assert not (shelf.photos / ".lookalike-quarantine").exists()


@pytest.mark.parametrize("method", METHODS)
def test_twice_does_no_harm(shelf: Shelf, method: str) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    shelf.apply(ApplyOptions(method=method))
    shelf.undo()
    before = shelf.tree()
    assert [each.state for each in shelf.undo()] == ["before"]
    assert shelf.tree() == before
    assert record_to_undo(shelf.store, None) is None


def test_what_came_back_and_was_edited_or_removed_since_is_let_be(moved: Shelf) -> None:
    moved.undo()
    (moved.photos / "b/copy.jpg").write_bytes(b"an edit")
    assert [each.state for each in moved.undo()] == ["before"]
    (moved.photos / "b/copy.jpg").unlink()
    assert [each.state for each in moved.undo()] == ["before"]
    assert moved.tree().keys() == {"a/kept.jpg"}


def test_a_preview_changes_nothing(moved: Shelf) -> None:
    record = record_to_undo(moved.store, None)
    assert record is not None
    (outcome,) = preview_undo(moved.store, record, UndoOptions())
    assert (outcome.state, outcome.path) == ("planned", str(moved.photos / "b/copy.jpg"))
    assert moved.tree().keys() == {"a/kept.jpg"}


def test_a_folder_that_is_gone_is_made_again(moved: Shelf) -> None:
    (moved.photos / "b").rmdir()
    assert [each.state for each in moved.undo()] == ["done"]
    assert moved.tree().keys() == {"a/kept.jpg", "b/copy.jpg"}


def test_what_was_renamed_in_the_quarantine_is_known_by_its_content(moved: Shelf) -> None:
    place = place_of(moved)
    place.rename(place.parent.parent / "another name")
    assert [each.state for each in moved.undo()] == ["done"]
    assert moved.tree()["b/copy.jpg"] == jpeg(0)


def test_what_somebody_took_out_is_found_in_a_folder_that_is_named(moved: Shelf, tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    shutil.move(place_of(moved), tmp_path / "desk" / "mine.jpg")
    (outcome,) = moved.undo()
    assert (outcome.state, outcome.code) == ("left", "gone")
    assert "`from=FOLDER`" in outcome.reason
    assert [each.state for each in moved.undo(tmp_path / "desk")] == ["done"]
    assert moved.tree()["b/copy.jpg"] == jpeg(0)


def test_another_file_of_the_same_size_in_its_place_is_not_taken_for_it(moved: Shelf) -> None:
    place = place_of(moved)
    place.write_bytes(bytes(len(jpeg(0))))
    assert states(moved.undo()) == {"copy.jpg": "gone"}
    assert place.exists()
    assert moved.tree().keys() == {"a/kept.jpg"}


def test_a_library_with_another_name_gets_its_files_back(shelf: Shelf, tmp_path: Path) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    shelf.apply()
    renamed = shelf.photos.rename(tmp_path / "pictures")
    (outcome,) = shelf.undo()
    assert (outcome.state, outcome.code) == ("left", "gone")
    (outcome,) = shelf.undo(renamed)
    assert (outcome.state, outcome.path) == ("done", str(renamed / "b/copy.jpg"))
    assert (renamed / "b/copy.jpg").read_bytes() == jpeg(0)
    assert not (renamed / ".lookalike-quarantine").exists()


def test_a_file_is_not_given_away_for_another_of_the_same_content(shelf: Shelf, tmp_path: Path) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/one.jpg"), shelf.put("b/two.jpg"))
    shelf.apply()
    for action in journals(shelf.store.folder)[0].actions:
        if action.path.endswith("two.jpg"):
            Path(action.to).unlink()
    renamed = shelf.photos.rename(tmp_path / "pictures")
    assert states(shelf.undo(renamed)) == {"one.jpg": "done", "two.jpg": "gone"}
    assert {path.name for path in (renamed / "b").iterdir()} == {"one.jpg"}


def test_the_kept_file_is_not_taken_for_what_is_gone(moved: Shelf) -> None:
    place_of(moved).unlink()
    assert states(moved.undo(moved.photos / "a")) == {"copy.jpg": "gone"}
    assert moved.tree().keys() == {"a/kept.jpg"}


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_replaced(shelf: Shelf, method: str) -> None:
    copy = shelf.put("b/copy.jpg")
    shelf.group(shelf.put("a/kept.jpg"), copy)
    shelf.apply(ApplyOptions(method=method))
    copy.unlink(missing_ok=True)
    copy.write_bytes(b"new")
    (outcome,) = shelf.undo()
    assert (outcome.state, outcome.code) == ("left", "occupied")
    assert copy.read_bytes() == b"new"
    assert place_of(shelf).read_bytes() == jpeg(0)
    copy.unlink()
    assert [each.state for each in shelf.undo()] == ["done"]
    assert copy.read_bytes() == jpeg(0)


def test_the_same_content_in_its_place_is_as_good(moved: Shelf) -> None:
    (moved.photos / "b/copy.jpg").write_bytes(jpeg(0))
    assert [each.state for each in moved.undo()] == ["before"]


def test_a_drive_that_is_away_is_told(moved: Shelf, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    shutil.move(place_of(moved), kept)
    moved.photos.rename(tmp_path / "away")
    (kept_folder := tmp_path / "in").mkdir()
    kept.rename(kept_folder / "x.jpg")
    assert states(moved.undo(kept_folder)) == {"copy.jpg": "offline"}
    assert not moved.photos.exists()


@pytest.mark.parametrize("method", ["hardlink", "symlink"])
def test_links_are_undone_when_the_kept_file_has_another_name(shelf: Shelf, method: str) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg")
    shelf.group(keeper, copy)
    ino = copy.stat().st_ino
    shelf.apply(ApplyOptions(method=method))
    keeper.rename(shelf.photos / "a/renamed.jpg")
    assert [each.state for each in shelf.undo()] == ["done"]
    assert copy.stat().st_ino == ino
    assert (shelf.photos / "a/renamed.jpg").read_bytes() == jpeg(0)


def test_the_last_name_of_a_kept_file_is_not_removed(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg")
    shelf.group(keeper, copy)
    shelf.apply(ApplyOptions(method="hardlink"))
    ino = keeper.stat().st_ino
    keeper.unlink()
    assert [each.state for each in shelf.undo()] == ["done"]
    assert copy.stat().st_ino != ino
    # The bytes that were kept have this one name left: it stays in the quarantine.
    assert place_of(shelf).stat().st_ino == ino


def test_an_edit_of_both_through_a_hard_link_is_kept(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg")
    shelf.group(keeper, copy)
    shelf.apply(ApplyOptions(method="hardlink"))
    with open(copy, "ab") as out:
        out.write(b"edit")
    assert [each.state for each in shelf.undo()] == ["done"]
    assert keeper.read_bytes() == jpeg(0) + b"edit"
    assert copy.read_bytes() == jpeg(0)


def test_the_newest_run_that_stands_is_undone_first(shelf: Shelf) -> None:
    keeper = shelf.put("kept.jpg")
    for name in ("first.jpg", "second.jpg"):
        shelf.groups = []
        shelf.group(keeper, shelf.put(name))
        shelf.apply()
    runs = sorted(journals(shelf.store.folder), key=lambda record: record.actions[0].path)
    first, second = (record.name for record in runs)
    newest = record_to_undo(shelf.store, None)
    assert newest is not None
    assert newest.name == max(first, second)
    named = record_to_undo(shelf.store, first)
    assert named is not None
    assert named.actions[0].path.endswith("first.jpg")
    with pytest.raises(UsageError, match="there is no journal"):
        journal_named(shelf.store.folder, "nobody")


def test_a_content_is_found_wherever_it_is(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg", quality=70)
    shelf.group(keeper, copy)
    digest = shelf.plan.groups[0].members[0].file.digest
    assert whereabouts(shelf.store, digest) == [str(copy)]
    shelf.apply()
    assert whereabouts(shelf.store, digest) == [str(place_of(shelf))]
    shelf.undo()
    assert whereabouts(shelf.store, digest) == [str(copy)]


# Journals


def test_a_journal_that_a_crash_tore_goes_on(moved: Shelf) -> None:
    path = Path(journals(moved.store.folder)[0].path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:9])  # the intent, and half of how it ended
    (record,) = journals(moved.store.folder)
    assert (len(record.actions), record.ends, record.damaged, record.is_closed) == (1, {}, 0, False)
    assert [each.state for each in moved.undo()] == ["done"]
    (record,) = journals(moved.store.folder)
    assert (record.ends, record.damaged) == ({1: "undone"}, 1)


def test_the_catalog_learns_of_what_a_crash_left(moved: Shelf) -> None:
    copy = moved.photos / "b/copy.jpg"
    path = Path(journals(moved.store.folder)[0].path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    copy.write_bytes(jpeg(0))
    moved.know(copy)
    copy.unlink()
    assert moved.present() == {"a/kept.jpg", "b/copy.jpg"}
    moved.groups = []
    moved.apply()
    assert moved.present() == {"a/kept.jpg"}


def test_names_that_are_no_text_survive_in_a_journal(shelf: Shelf) -> None:
    name = os.fsdecode(b"caf\xe9\n.jpg")
    shelf.group(shelf.put("kept.jpg"), shelf.put(name))
    shelf.apply(replace(IN_QUARANTINE, method="quarantine"))
    (record,) = journals(shelf.store.folder)
    assert record.actions[0].path == str(shelf.photos / name)


# What has the same bytes and is not what was moved


def test_a_file_of_the_library_is_not_taken_for_what_is_gone(moved: Shelf) -> None:
    (out := moved.photos / "out").mkdir()
    place_of(moved).rename(out / "copy.jpg")
    shutil.rmtree(moved.photos / ".lookalike-quarantine")
    moved.put("protected/original.jpg")
    assert states(moved.undo(moved.photos)) == {"copy.jpg": "done"}
    assert moved.tree().keys() == {"a/kept.jpg", "b/copy.jpg", "protected/original.jpg"}


def test_what_the_library_has_is_told_and_stays(moved: Shelf, tmp_path: Path) -> None:
    place_of(moved).unlink()
    shutil.rmtree(moved.photos / ".lookalike-quarantine")
    (tmp_path / "alias").symlink_to(moved.photos)
    (outcome,) = moved.undo(tmp_path / "alias")
    assert (outcome.state, outcome.code) == ("left", "gone")
    assert "it is not taken" in outcome.reason
    assert moved.tree().keys() == {"a/kept.jpg"}


@pytest.mark.parametrize("is_indexed", [False, True])
def test_a_kept_file_with_another_name_is_not_taken(moved: Shelf, is_indexed: bool) -> None:
    shutil.rmtree(moved.photos / ".lookalike-quarantine")
    renamed = (moved.photos / "a/kept.jpg").rename(moved.photos / "a/beach.jpg")
    if is_indexed:
        moved.know(renamed)
    assert states(moved.undo(moved.photos)) == {"copy.jpg": "gone"}
    assert moved.tree().keys() == {"a/beach.jpg"}


def test_what_another_run_moved_is_not_taken(moved: Shelf, tmp_path: Path) -> None:
    first = place_of(moved)
    moved.groups = []
    moved.group(moved.photos / "a/kept.jpg", moved.put("c/second.jpg"))
    moved.apply()
    first.unlink()
    second = place_of(moved)
    shutil.rmtree(first.parents[1])
    os.link(second, tmp_path / "link.jpg")
    for folder in (moved.photos / ".lookalike-quarantine", tmp_path):
        assert states(moved.undo(folder, run=1)) == {"copy.jpg": "gone"}
    assert second.exists()


def test_the_raw_of_another_photo_is_not_taken(shelf: Shelf) -> None:
    def shoot(folder: str) -> None:
        shelf.put(f"{folder}/photo.jpg")
        (shelf.photos / folder / "photo.cr2").write_bytes(b"RAW")

    shoot("a")
    shoot("b")
    shelf.group(shelf.photos / "a/photo.jpg", shelf.photos / "b/photo.jpg")
    shelf.apply()
    (out := shelf.photos / "out").mkdir()
    place = place_of(shelf).parent
    for name in ("photo.jpg", "photo.cr2"):
        (place / name).rename(out / name)
    shutil.rmtree(shelf.photos / ".lookalike-quarantine")
    shoot("c")
    assert set(states(shelf.undo(shelf.photos)).values()) == {"done"}
    assert shelf.tree().keys() == {f"{each}/photo.{end}" for each in "abc" for end in ("jpg", "cr2")}


# What belongs together


def test_what_belongs_to_a_photo_stays_with_it(shelf: Shelf) -> None:
    copy = shelf.put("b/photo.jpg")
    for name in ("photo.xmp", "photo.cr2"):
        (shelf.photos / "b" / name).write_bytes(name.encode())
    shelf.group(shelf.put("a/kept.jpg"), copy)
    shelf.apply()
    copy.write_bytes(b"a stranger's")
    before = shelf.tree()
    expected = {"photo.jpg": "occupied", "photo.xmp": "together", "photo.cr2": "together"}
    assert previewed(shelf) == expected
    found = shelf.undo()
    assert states(found) == expected
    assert {each.reason.partition(";")[0] for each in found if each.code == "together"} == {
        f"it belongs to {copy}, which cannot be put back"
    }
    assert shelf.tree() == before
    copy.unlink()
    assert set(states(shelf.undo()).values()) == {"done"}
    assert (shelf.photos / "b/photo.xmp").read_bytes() == b"photo.xmp"


def test_what_belongs_to_a_photo_that_is_gone_stays(shelf: Shelf) -> None:
    copy = shelf.put("b/photo.jpg")
    (shelf.photos / "b/photo.xmp").write_bytes(b"a sidecar")
    shelf.group(shelf.put("a/kept.jpg"), copy)
    shelf.apply()
    place_of(shelf).unlink()
    assert states(shelf.undo()) == previewed(shelf) == {"photo.jpg": "gone", "photo.xmp": "together"}
    assert shelf.tree().keys() == {"a/kept.jpg"}


def previewed(shelf: Shelf) -> dict[str, str]:
    return states(list(preview_undo(shelf.store, journals(shelf.store.folder)[0], UndoOptions())))


# What came back by other hands


def bring_back(shelf: Shelf) -> Path:
    """Put the bytes of what was moved in its place, as a phone that synchronizes does."""
    copy = shelf.photos / "b/copy.jpg"
    copy.write_bytes(jpeg(0))
    shelf.know(copy)
    return copy


def test_what_still_lies_in_the_quarantine_waits(moved: Shelf) -> None:
    bring_back(moved)
    assert states(moved.undo()) == {"copy.jpg": "before"}
    (record,) = journals(moved.store.folder)
    assert (record.ends, len(record.pending), record.standing().quarantined.files) == ({1: "done"}, 1, 1)
    assert states(prune(moved.store, PruneOptions(timedelta(0)), UNWATCHED)) == {"copy.jpg": "done"}
    assert moved.tree().keys() == {"a/kept.jpg", "b/copy.jpg"}
    assert moved.quarantined() == set()


def test_an_older_journal_may_say_that_it_is_back(moved: Shelf) -> None:
    copy = bring_back(moved)
    (record,) = journals(moved.store.folder)
    with Journal(record.path) as journal:
        journal.end(record.actions, "undone")
    (record,) = journals(moved.store.folder)
    assert (len(record.pending), record.standing().quarantined.files) == (1, 1)
    copy.unlink()
    assert states(moved.undo()) == {"copy.jpg": "done"}
    (record,) = journals(moved.store.folder)
    assert (record.pending, record.standing().back.files) == ([], 1)


def test_what_went_to_a_trash_twice_waits_once(shelf: Shelf) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    for _ in range(2):
        shelf.apply(ApplyOptions(method="trash"))
        shelf.undo()
    shelf.apply(ApplyOptions(method="trash"))
    assert [len(each.pending) for each in journals(shelf.store.folder)] == [1, 0, 0]


# Which run


def test_a_run_whose_files_are_gone_is_passed_over(moved: Shelf) -> None:
    moved.groups = []
    moved.group(moved.photos / "a/kept.jpg", moved.put("c/second.jpg"))
    moved.apply()
    newest, first = journals(moved.store.folder)
    Path(newest.actions[0].to).unlink()
    record = record_to_undo(moved.store, None)
    assert record is not None
    assert record.name == first.name
    assert [each.name for each in passed_over([newest, first], record)] == [newest.name]
    moved.undo(run=1)
    record = record_to_undo(moved.store, None)
    assert record is not None  # so that people read why
    assert record.name == newest.name


def test_folders_that_are_named_count_for_what_can_be_put_back(moved: Shelf, tmp_path: Path) -> None:
    moved.groups = []
    moved.group(moved.photos / "a/kept.jpg", moved.put("c/second.jpg", jpeg(1)), kind="copy")
    moved.confirm(moved.photos / "a/kept.jpg", moved.photos / "c/second.jpg")
    moved.apply()
    newest, first = journals(moved.store.folder)
    (tmp_path / "desk").mkdir()
    Path(newest.actions[0].to).rename(tmp_path / "desk/second.jpg")
    found = [record_to_undo(moved.store, None, some) for some in ((), (str(tmp_path / "desk"),))]
    assert [each and each.name for each in found] == [first.name, newest.name]


def test_a_whole_path_of_an_older_run_goes_before_the_end_of_one_of_a_newer(
    moved: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved.groups = []
    moved.group(moved.photos / "a/kept.jpg", moved.put("c/copy.jpg"))
    moved.apply()
    newest, first = records = journals(moved.store.folder)
    monkeypatch.chdir(moved.photos)
    assert run_with(records, ["copy.jpg"]) == (newest, (str(moved.photos / "c/copy.jpg"),))
    meant = (first, (str(moved.photos / "b/copy.jpg"),))
    monkeypatch.chdir(moved.photos / "b")
    assert run_with(records, ["copy.jpg"]) == run_with(records, "copy.jpg") == meant
    moved.undo(run=1)
    back = journals(moved.store.folder)
    assert run_with(back, ["copy.jpg"]) == (back[1], meant[1])
    with pytest.raises(UsageError, match="no file is named"):
        run_with(records, [])


def test_files_are_named_by_the_paths_of_the_run(moved: Shelf) -> None:
    (record,) = journals(moved.store.folder)
    copy = str(moved.photos / "b/copy.jpg")
    assert not list(preview_undo(moved.store, record, UndoOptions(files=())))
    assert [each.path for each in preview_undo(moved.store, record, UndoOptions(files=copy))] == [copy]
    with pytest.raises(UsageError, match=r"moved no file /nowhere/x\.jpg"):
        list(preview_undo(moved.store, record, UndoOptions(files=("/nowhere/x.jpg",))))


@pytest.mark.parametrize("is_mount_point", [False, True])
def test_what_lies_on_a_drive_that_is_away_is_not_gone(
    moved: Shelf, tmp_path: Path, is_mount_point: bool
) -> None:
    moved.photos.rename(tmp_path / "away")
    if is_mount_point:
        moved.photos.mkdir()
    records = journals(moved.store.folder)
    assert (records[0].standing().away.files, records[0].standing().gone.files) == (1, 0)
    (action,) = records[0].actions
    assert waiting.moved(records).fates.fate(action.path, action.digest) == ("moved", action.to)
    assert waiting.moved(records).lots == []
    assert waiting.moved(records).away == {"quarantine": 1}
    (outcome,) = moved.undo()
    assert f"it lies in a quarantine in {moved.photos}, which is not there" in outcome.reason
    lines = after_prune([], timedelta(0), str, nothing=True, away=1)
    assert list(lines) == ["1 file in quarantines whose drive or folder is away: left alone"]


def test_what_waits_on_several_drives_is_told_by_drive() -> None:
    began = datetime(2026, 1, 2, 12, tzinfo=UTC)
    lots = [
        waiting.Lot("run", began, f"/{drive}/.lookalike-quarantine", False, 2, 0, 1000)
        for drive in ("media/a", "media/b")
    ]
    told = list(after_prune(lots, timedelta(days=999_999), str, nothing=True))
    assert [line for line in told if "media" in line] == ["  in /media/a:", "  in /media/b:"]
    assert sum("run  2 files, 1.0 kB  due from " in line for line in told) == 2
    assert not any("media" in line for line in after_prune(lots[:1], timedelta(999_999), str, nothing=True))
