"""Applying a plan: what is moved, what is left and why; real files, a real store, real JPEGs."""

import errno
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from lookalike.dedup.actions import moves
from lookalike.dedup.actions.apply import ApplyOptions, apply_plan, preview
from lookalike.dedup.actions.journal import journals
from lookalike.dedup.actions.outcome import Outcome
from lookalike.dedup.actions.trash import Quarantine, folder_above, trash_for
from lookalike.errors import StoreLocked, StoreUnwritable, UsageError
from lookalike.store.lock import held
from lookalike.store.place import Mount
from lookalike.store.progress import UNWATCHED, Watch
from lookalike.store.store import Store
from lookalike.tests.library import NO_TRASH

from .making import IN_QUARANTINE, Shelf, contents, jpeg, states


def pair(shelf: Shelf, name: str = "b/copy.jpg", quality: int = 90) -> tuple[Path, Path]:
    """Plan to give up a file for another."""
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put(name, quality=quality)
    shelf.group(keeper, copy)
    return keeper, copy


def refused(shelf: Shelf, code: str, options: ApplyOptions = IN_QUARANTINE) -> str:
    """Check that nothing at all is done, and return why."""
    before = dict(contents(shelf.photos))
    outcomes = shelf.apply(options)
    assert {each.code for each in outcomes} == {code}, outcomes
    assert dict(contents(shelf.photos)) == before
    assert not [action for record in journals(shelf.store.folder) for action in record.pending]
    return outcomes[0].reason


# What goes


def test_a_copy_goes_to_the_quarantine_with_its_tree(shelf: Shelf) -> None:
    _, copy = pair(shelf)
    (outcome,) = shelf.apply()
    assert (outcome.state, outcome.method, outcome.path) == ("done", "quarantine", str(copy))
    assert Path(outcome.to).read_bytes() == jpeg(0)
    assert Path(outcome.to).parts[-2:] == ("b", "copy.jpg")
    assert shelf.tree().keys() == {"a/kept.jpg"}
    assert shelf.quarantined() == {"b/copy.jpg"}
    assert (shelf.photos / ".lookalike-quarantine").stat().st_mode & 0o777 == 0o700
    assert shelf.present() == {"a/kept.jpg"}


def test_what_is_not_selected_stays(shelf: Shelf) -> None:
    keeper, copy = shelf.put("kept.jpg"), shelf.put("copy.jpg")
    shelf.group(keeper, copy, selected=False)
    assert shelf.apply() == []
    assert shelf.tree().keys() == {"kept.jpg", "copy.jpg"}
    assert journals(shelf.store.folder) == []


def test_a_preview_says_what_apply_does_and_changes_nothing(shelf: Shelf) -> None:
    pair(shelf)
    before = dict(contents(shelf.photos.parent / "photos"))
    (planned,) = preview(shelf.store, shelf.plan, IN_QUARANTINE)
    assert dict(contents(shelf.photos)) == before
    assert journals(shelf.store.folder) == []
    (done,) = shelf.apply()
    run = journals(shelf.store.folder)[0].name
    assert done == replace(planned, state="done", run=run, to=planned.to.replace("/RUN/", f"/{run}/"))


def test_the_home_trash_is_made_where_nothing_was_ever_deleted(shelf: Shelf) -> None:
    _, copy = pair(shelf, "b/Ünï code%.jpg")
    trash = Path(os.environ["XDG_DATA_HOME"]) / "Trash"
    (planned,) = preview(shelf.store, shelf.plan, ApplyOptions())
    assert (planned.method, trash.exists()) == ("trash", False)
    (outcome,) = shelf.apply(ApplyOptions())
    assert trash.stat().st_mode & 0o777 == 0o700
    assert (outcome.state, outcome.method) == ("done", "trash")
    assert outcome.to == str(trash / "files" / copy.name)
    note = (trash / "info" / f"{copy.name}.trashinfo").read_text()
    assert note.startswith("[Trash Info]\nPath=/")
    assert "/b/%C3%9Cn%C3%AF%20code%25.jpg\nDeletionDate=20" in note
    assert not (shelf.photos / ".lookalike-quarantine").exists()


@pytest.mark.parametrize("why", ["of another user", "no home", "a link in its place", "another drive"])
def test_no_home_trash_is_made_that_would_hide_files_or_is_not_the_users(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    pair(shelf)
    trash = Path(os.environ["XDG_DATA_HOME"]) / "Trash"
    if why == "of another user":
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    elif why == "no home":
        monkeypatch.setenv("HOME", str(shelf.photos.parent / "nobody"))
    elif why == "a link in its place":
        trash.symlink_to(shelf.photos.parent / "a drive that is away")
    else:
        monkeypatch.setenv("XDG_DATA_HOME", NO_TRASH)
    (planned,) = preview(shelf.store, shelf.plan, ApplyOptions())
    assert planned.method == "quarantine"


def test_the_home_trash_is_none_for_files_of_another_mount(shelf: Shelf) -> None:
    """A bind mount has the same device, and nothing can be renamed across."""
    _, copy = pair(shelf)
    home = os.path.dirname(os.environ["XDG_DATA_HOME"])
    for mounts, is_home in (([Mount(point="/")], True), ([Mount(point="/"), Mount(point=home)], False)):
        trash = trash_for(str(copy), copy.stat(), mounts=mounts)
        assert (trash is not None) == is_home


@pytest.mark.parametrize("data", ["share", ""])
def test_a_data_folder_that_is_not_absolute_does_not_count(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, data: str
) -> None:
    _, copy = pair(shelf)
    monkeypatch.chdir(shelf.photos)
    monkeypatch.setenv("XDG_DATA_HOME", data)
    trash = trash_for(str(copy), copy.stat(), make=True)
    assert trash is not None
    assert trash.folder == os.path.join(os.environ["HOME"], ".local/share/Trash")
    monkeypatch.setenv("HOME", "nobody")
    trash = trash_for(str(copy), copy.stat(), make=True)
    assert trash is not None
    assert trash.top


def test_the_folder_above_a_relative_one_is_found(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shelf.photos)
    assert folder_above("not/there") == str(shelf.photos)


def test_the_top_of_the_drive_has_no_trash_for_files_of_a_bind_mount(shelf: Shelf) -> None:
    _, copy = pair(shelf)
    home = os.path.dirname(os.environ["XDG_DATA_HOME"])
    for point, is_top in ((home, True), (str(shelf.photos), False)):
        mounts = [Mount(point="/"), Mount(point=point)]
        trash = trash_for(str(copy), copy.stat(), make=True, mounts=mounts)
        assert bool(trash and trash.top) == is_top


def test_a_name_that_is_taken_in_the_trash_gets_a_number(shelf: Shelf) -> None:
    keeper = shelf.put("kept.jpg")
    shelf.group(keeper, shelf.put("b/copy.jpg"), shelf.put("c/copy.jpg"))
    outcomes = shelf.apply(ApplyOptions(method="trash"))
    assert sorted(os.path.basename(each.to) for each in outcomes) == ["copy 1.jpg", "copy.jpg"]
    shelf.undo()
    assert shelf.tree().keys() == {"kept.jpg", "b/copy.jpg", "c/copy.jpg"}
    assert not list((Path(os.environ["XDG_DATA_HOME"]) / "Trash" / "info").iterdir())


@pytest.mark.parametrize("name", ["new\nline.jpg", "-rf.jpg", "q\udce9.jpg", "🙂.jpg", "n" * 250 + ".jpg"])
@pytest.mark.parametrize("method", ["quarantine", "trash", "symlink"])
def test_any_name_goes_and_comes_back(shelf: Shelf, name: str, method: str) -> None:
    pair(shelf, f"b/{name}")
    before = shelf.tree()
    # The note of a trash has a longer name than the file.
    fits = method != "trash" or len(os.fsencode(name)) < 240
    assert [each.state for each in shelf.apply(ApplyOptions(method=method))] == ["done" if fits else "left"]
    if fits:
        assert [each.state for each in shelf.undo()] == ["done"]
    assert shelf.tree() == before


@pytest.mark.parametrize("method", ["hardlink", "symlink"])
def test_a_link_takes_the_place_of_an_exact_copy(shelf: Shelf, method: str) -> None:
    keeper, copy = pair(shelf)
    original = copy.stat()
    (outcome,) = shelf.apply(ApplyOptions(method=method))
    assert outcome.state == "done"
    assert os.path.samefile(copy, keeper)
    assert copy.is_symlink() == (method == "symlink")
    assert Path(outcome.to).stat().st_ino == original.st_ino
    assert shelf.present() == ({"a/kept.jpg"} if method == "symlink" else {"a/kept.jpg", "b/copy.jpg"})
    assert [each.state for each in shelf.undo()] == ["done"]
    assert (copy.stat().st_ino, copy.stat().st_mtime_ns) == (original.st_ino, original.st_mtime_ns)
    assert keeper.stat().st_nlink == 1
    assert not (shelf.photos / ".lookalike-quarantine").exists()
    assert shelf.present() == {"a/kept.jpg", "b/copy.jpg"}


def test_a_symbolic_link_leads_there_when_the_drive_is_mounted_elsewhere(shelf: Shelf) -> None:
    pair(shelf)
    shelf.apply(ApplyOptions(method="symlink"))
    moved = shelf.photos.rename(shelf.photos.parent / "elsewhere")
    assert (moved / "b/copy.jpg").read_bytes() == jpeg(0)
    assert os.readlink(moved / "b/copy.jpg") == "../a/kept.jpg"


@pytest.mark.parametrize("method", ["hardlink", "symlink", "reflink"])
def test_no_link_takes_the_place_of_other_bytes(shelf: Shelf, method: str) -> None:
    pair(shelf, quality=70)
    assert "not the bytes of the kept file" in refused(shelf, "unsupported", ApplyOptions(method=method))


def test_a_reflink_is_made_or_the_file_is_left(shelf: Shelf) -> None:
    keeper, copy = pair(shelf)
    ino = copy.stat().st_ino
    (outcome,) = shelf.apply(ApplyOptions(method="reflink"))
    assert outcome.code in ("", "unsupported")
    assert copy.read_bytes() == keeper.read_bytes()
    assert (copy.stat().st_ino == ino) == (outcome.code == "unsupported")
    shelf.undo()
    assert copy.stat().st_ino == ino
    assert not (shelf.photos / ".lookalike-quarantine").exists()


def test_a_quarantine_of_ones_own_takes_the_files(shelf: Shelf, tmp_path: Path) -> None:
    pair(shelf)
    place = tmp_path / "aside"
    (outcome,) = shelf.apply(ApplyOptions(method="quarantine", quarantine=str(place)))
    assert outcome.state == "done"
    assert Path(outcome.to).is_relative_to(place / ".lookalike-quarantine")
    assert Path(outcome.to).read_bytes() == jpeg(0)
    shelf.undo()
    assert not list(place.iterdir())


def test_an_unknown_method_is_refused(shelf: Shelf) -> None:
    with pytest.raises(UsageError, match="auto, trash, quarantine, hardlink, symlink, reflink"):
        shelf.apply(ApplyOptions(method="shred"))


# What has changed since


def test_a_file_that_was_edited_is_left(shelf: Shelf) -> None:
    _, copy = pair(shelf)
    copy.write_bytes(jpeg(0) + b"more")
    assert "the plan expects" in refused(shelf, "changed")


def test_a_file_that_was_touched_is_left(shelf: Shelf) -> None:
    _, copy = pair(shelf)
    os.utime(copy, ns=(1, 1))
    assert "1970-01-01" in refused(shelf, "changed")


@pytest.mark.parametrize("which", ["a/kept.jpg", "b/copy.jpg"])
def test_other_bytes_at_the_same_size_and_time_are_seen(shelf: Shelf, which: str) -> None:
    pair(shelf)
    path = shelf.photos / which
    times = path.stat()
    path.write_bytes(jpeg(0)[:-3] + b"\0\xff\xd9")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "other bytes" in refused(shelf, "changed")


@pytest.mark.parametrize("which", ["a/kept.jpg", "b/copy.jpg"])
def test_a_file_that_is_gone_is_told(shelf: Shelf, which: str) -> None:
    pair(shelf)
    (shelf.photos / which).unlink()
    refused(shelf, "gone")


def test_without_a_kept_file_that_can_be_decoded_nothing_goes(shelf: Shelf) -> None:
    broken = jpeg(0)[:400]
    keeper, copy = shelf.put("kept.jpg", broken), shelf.put("copy.jpg", broken)
    shelf.group(keeper, copy)
    assert "kept.jpg: it cannot be read: the JPEG file ends too early" in refused(shelf, "unreadable")


def test_a_link_in_the_place_of_a_file_is_left(shelf: Shelf) -> None:
    keeper, copy = pair(shelf)
    copy.unlink()
    copy.symlink_to(keeper)
    refused(shelf, "link")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_the_place_of_a_file_does_not_hang(shelf: Shelf) -> None:
    _, copy = pair(shelf)
    copy.unlink()
    os.mkfifo(copy)
    refuse = {each.code for each in shelf.apply()}
    assert refuse == {"not_a_file"}


# What must never go


def test_one_file_under_two_names_is_left(shelf: Shelf) -> None:
    keeper = shelf.put("a/kept.jpg")
    link = shelf.photos / "link.jpg"
    os.link(keeper, link)
    shelf.know(link)
    shelf.group(keeper, link)
    assert "same file as kept.jpg" in refused(shelf, "same_file")


def test_one_file_by_two_ways_is_left(shelf: Shelf) -> None:
    keeper = shelf.put("a/kept.jpg")
    (shelf.photos / "b").symlink_to(shelf.photos / "a")
    shelf.group(keeper, shelf.photos / "b" / "kept.jpg")
    refused(shelf, "kept")
    assert keeper.exists()


def test_the_kept_file_of_another_group_under_another_name_is_left(shelf: Shelf) -> None:
    one, two = shelf.put("one.jpg"), shelf.put("two.jpg", seed=2)
    twin = shelf.photos / "twin.jpg"
    os.link(two, twin)
    shelf.know(twin)
    shelf.group(one, twin, kind="copy")
    shelf.group(two, shelf.put("copy.jpg", seed=2))
    assert states(shelf.apply()) == {"twin.jpg": "same_file", "copy.jpg": "done"}


def test_a_chain_of_groups_never_takes_the_last_one(shelf: Shelf) -> None:
    a, b, c = shelf.put("a.jpg"), shelf.put("b.jpg", quality=80), shelf.put("c.jpg", quality=70)
    shelf.group(a, b)
    shelf.group(b, c)
    shelf.group(c, a)
    refused(shelf, "kept")


def test_a_file_in_two_groups_is_left(shelf: Shelf) -> None:
    a, b, c = shelf.put("a.jpg"), shelf.put("b.jpg", quality=80), shelf.put("c.jpg", quality=70)
    shelf.group(a, c)
    shelf.group(b, c)
    refused(shelf, "kept")


def test_look_alikes_go_only_if_that_is_said(shelf: Shelf) -> None:
    keeper, other = shelf.put("kept.jpg"), shelf.put("other.jpg", seed=5)
    shelf.group(keeper, other, kind="similar")
    assert "`include_similar=True`" in refused(shelf, "similar")
    (outcome,) = shelf.apply(replace(IN_QUARANTINE, include_similar=True))
    assert outcome.state == "done"


def test_a_file_of_no_library_is_left(shelf: Shelf) -> None:
    keeper = shelf.put("kept.jpg")
    stranger = shelf.photos / "stranger.jpg"
    stranger.write_bytes(jpeg(7))
    shelf.group(keeper, stranger)
    assert "the right store" in refused(shelf, "unknown")


@pytest.mark.parametrize("by", ["plan", "option", "link"])
def test_a_protected_folder_is_not_touched(shelf: Shelf, tmp_path: Path, by: str) -> None:
    pair(shelf, "b/deep/copy.jpg")
    folder = str(shelf.photos / "b")
    if by == "plan":
        shelf.protect = [folder]
        refused(shelf, "protected")
    elif by == "option":
        refused(shelf, "protected", replace(IN_QUARANTINE, protect=(folder,)))
    else:
        (tmp_path / "link").symlink_to(folder)
        refused(shelf, "protected", replace(IN_QUARANTINE, protect=(str(tmp_path / "link"),)))


def test_what_a_link_of_an_earlier_run_shows_stays(shelf: Shelf) -> None:
    first, second = shelf.put("a/first.jpg"), shelf.put("b/second.jpg")
    shelf.group(first, second)
    assert states(shelf.apply(ApplyOptions(method="symlink"))) == {"second.jpg": "done"}
    third = shelf.put("c/third.jpg")
    shelf.groups.clear()
    shelf.group(third, first)

    (outcome,) = shelf.apply()

    assert (outcome.state, outcome.code) == ("left", "linked")
    assert str(second) in outcome.reason
    assert second.read_bytes() == first.read_bytes()


@pytest.mark.parametrize("place", ["Mine.photoslibrary/originals/1", "Shoot.cocatalog/Originals"])
def test_nothing_goes_from_the_library_of_another_program(shelf: Shelf, place: str) -> None:
    pair(shelf, f"{place}/copy.jpg")
    assert "another program" in refused(shelf, "other_program")


def test_a_file_of_another_programs_library_may_be_the_one_that_stays(shelf: Shelf) -> None:
    kept = shelf.put("Mine.photoslibrary/originals/1/kept.jpg")
    shelf.group(kept, shelf.put("copy.jpg"))
    shelf.apply()
    assert set(shelf.tree()) == {"Mine.photoslibrary/originals/1/kept.jpg"}


def test_another_programs_library_is_known_by_any_way_in(shelf: Shelf, tmp_path: Path) -> None:
    inside = tmp_path / "Mine.photoslibrary" / "originals"
    inside.mkdir(parents=True)
    (shelf.photos / "linked").symlink_to(inside)
    pair(shelf, "linked/copy.jpg")
    refused(shelf, "other_program")


@pytest.mark.parametrize(
    "name", [".Trash-1000/files/x.jpg", "DCIM/.trashed-1700000000-x.jpg", "@eaDir/x.jpg"]
)
def test_what_is_nobodys_photo_neither_goes_nor_has_anything_go_for_it(shelf: Shelf, name: str) -> None:
    keeper, other = pair(shelf, name)
    refused(shelf, "nobodys")
    shelf.groups.clear()
    shelf.group(other, keeper)
    refused(shelf, "nobodys")


# What belongs together


def beside(photo: Path, extension: str, data: bytes = b"beside") -> Path:
    path = photo.with_suffix(extension)
    path.write_bytes(data)
    return path


def test_sidecars_go_and_come_back_with_their_photo(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/IMG_1.jpg")
    extensions = (".xmp", ".AAE", ".mov", ".WAV", ".pp3", ".jpg.dop", ".CR2", ".CR2.xmp")
    names = [beside(copy, extension).name for extension in extensions]
    film = copy.with_name("IMG_1_HEVC.MOV")
    film.write_bytes(b"film")
    names.append(film.name)
    shelf.group(keeper, copy)
    before = shelf.tree()
    assert states(shelf.apply()) == dict.fromkeys(["IMG_1.jpg", *names], "done")
    assert shelf.tree().keys() == {"a/kept.jpg"}
    assert states(shelf.undo()) == dict.fromkeys(["IMG_1.jpg", *names], "done")
    assert shelf.tree() == before


def test_what_belongs_to_another_photo_too_stays(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/IMG_1.jpg")
    shelf.put("b/IMG_1.png", seed=4)
    extensions = (".xmp", ".pp3", ".CR2", ".CR2.xmp", ".WAV")
    shared = {f"b/{beside(copy, extension).name}" for extension in extensions}
    beside(copy, ".jpg.pp3")
    shelf.group(keeper, copy)
    assert states(shelf.apply()) == dict.fromkeys(["IMG_1.jpg", "IMG_1.jpg.pp3"], "done")
    assert shelf.tree().keys() == {"a/kept.jpg", "b/IMG_1.png", *shared}


@pytest.mark.parametrize("what", ["new", "changed", "gone"])
def test_a_sidecar_that_is_not_as_planned_blocks_its_photo(shelf: Shelf, what: str) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/IMG_1.jpg")
    if what != "new":
        beside(copy, ".xmp")
    shelf.group(keeper, copy)
    if what == "gone":
        copy.with_suffix(".xmp").unlink()
    else:
        beside(copy, ".xmp", b"an edit")
    refused(shelf, {"new": "companions", "changed": "changed", "gone": "gone"}[what])


def test_a_photo_stays_whose_other_half_stays(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/IMG_1.jpg")
    raw = shelf.put("b/IMG_1.CR2", seed=3)
    shelf.group(keeper, copy)
    shelf.group(raw, shelf.put("c/other.jpg", seed=3), selected=False)
    refused(shelf, "companions")


def test_raw_and_jpeg_go_together_or_not_at_all(shelf: Shelf) -> None:
    kept, kept_raw = shelf.put("a/IMG_1.jpg"), shelf.put("a/IMG_1.CR2", seed=3)
    copy, raw = shelf.put("b/IMG_1.jpg"), shelf.put("b/IMG_1.CR2", seed=3)
    shelf.group(kept, copy)
    shelf.group(kept_raw, raw)
    plan = list(shelf.groups)
    kept_raw.write_bytes(jpeg(4))
    assert states(shelf.apply()) == {"IMG_1.jpg": "changed", "IMG_1.CR2": "changed"}
    assert shelf.quarantined() == set()
    kept_raw.write_bytes(raw.read_bytes())
    shelf.groups = plan[:1]
    shelf.group(kept_raw, raw)
    assert states(shelf.apply()) == {"IMG_1.jpg": "done", "IMG_1.CR2": "done"}
    assert shelf.quarantined() == {"b/IMG_1.jpg", "b/IMG_1.CR2"}


def test_sidecars_stay_where_a_link_takes_the_place(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/IMG_1.jpg")
    sidecar = beside(copy, ".xmp")
    shelf.group(keeper, copy)
    assert states(shelf.apply(ApplyOptions(method="hardlink"))) == {"IMG_1.jpg": "done"}
    assert sidecar.exists()


def test_when_one_of_a_unit_cannot_be_moved_all_come_back(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/IMG_1.jpg")
    beside(copy, ".xmp")
    beside(copy, ".mov")
    shelf.group(keeper, copy)
    original, calls = moves.move_new, list[str]()

    def fails_at_the_third(source: str, target: str) -> None:
        calls.append(source)
        if len(calls) == 3:
            raise OSError(5, "Input/output error")
        original(source, target)

    monkeypatch.setattr(moves, "move_new", fails_at_the_third)
    assert "Input/output error" in refused(shelf, "unwritable")
    assert len(calls) == 5


# Where it cannot be done


def test_where_no_quarantine_can_be_made_nothing_is_removed(shelf: Shelf) -> None:
    pair(shelf)
    shelf.photos.joinpath(".lookalike-quarantine").write_text("a file is in the way")
    assert "cannot make the quarantine" in refused(shelf, "unwritable")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EXDEV, errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("method", ["quarantine", "trash", "hardlink"])
def test_whatever_the_system_says_nothing_is_removed(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, method: str, number: int
) -> None:
    pair(shelf)

    def fails(*_: object) -> bool:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(moves, "_rename", fails)
    assert os.strerror(number) in refused(shelf, "unwritable", ApplyOptions(method=method))


def test_a_trash_on_another_drive_is_none(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    pair(shelf)
    monkeypatch.setattr("lookalike.dedup.actions.trash.trash_for", lambda *_, **__: None)
    monkeypatch.setattr("lookalike.dedup.actions.transfer.trash_for", lambda *_, **__: None)
    assert "`method=quarantine`" in refused(shelf, "no_trash", ApplyOptions(method="trash"))


def test_two_runs_at_once_are_not_possible(shelf: Shelf) -> None:
    pair(shelf)
    with held(shelf.store.folder, "actions", 1):
        other = Store.open(shelf.store.folder, write=True, lock_timeout_s=0.1)
        with pytest.raises(StoreLocked):
            apply_plan(other, shelf.plan, IN_QUARANTINE, UNWATCHED)
        other.close()
    assert shelf.tree().keys() == {"a/kept.jpg", "b/copy.jpg"}


def test_without_a_journal_nothing_is_done(shelf: Shelf) -> None:
    pair(shelf)
    (Path(shelf.store.folder) / "journals").write_text("a file is in the way")
    before = shelf.tree()
    with pytest.raises(StoreUnwritable):
        shelf.apply()
    assert shelf.tree() == before


def test_a_run_that_is_stopped_keeps_what_is_done(shelf: Shelf) -> None:
    keeper = shelf.put("kept.jpg")
    for number in range(4):
        shelf.group(keeper, shelf.put(f"{number}.jpg"))
    stop = threading.Event()

    class StopsAfterTwo:
        done = 0

        def begin(self, _: str, files: int) -> None:
            assert files == 4

        def advance(self, files: int, _: int) -> None:
            self.done += files
            if self.done == 2:
                stop.set()

    outcomes = shelf.apply(watch=Watch(StopsAfterTwo(), stop))
    assert [each.state for each in outcomes] == ["done", "done"]
    assert shelf.present() == {"kept.jpg", "2.jpg", "3.jpg"}
    assert [each.state for each in shelf.apply()] == ["before", "before", "done", "done"]


def test_a_plan_that_was_applied_is_done_already(shelf: Shelf) -> None:
    pair(shelf)
    first: list[Outcome] = shelf.apply()
    second = shelf.apply()
    assert [each.state for each in second] == ["before"]
    assert second[0].to == first[0].to


def test_files_that_lie_on_two_drives_go_to_two_quarantines(shelf: Shelf) -> None:
    inner = shelf.photos / "inner"
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("inner/deep/copy.jpg")

    found = copy.stat()
    place = Quarantine("RUN", [str(shelf.photos), str(inner)]).place(str(copy), found)
    assert place.base == str(shelf.photos)
    real_stat = os.stat

    class OtherDevice:
        st_dev = found.st_dev + 1

    def stat(path: str) -> object:
        return OtherDevice() if str(path) == str(shelf.photos) else real_stat(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lookalike.dedup.actions.trash.os.stat", stat)
        place = Quarantine("RUN", [str(shelf.photos)]).place(str(copy), found)
    assert place.base == str(inner)
    assert keeper.exists()
    shutil.rmtree(inner)
