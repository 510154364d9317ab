"""Journals, quarantines and trashes that are not this user's: nothing is done by them."""

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from blake3 import blake3

from lookalike.dedup.actions.apply import ApplyOptions
from lookalike.dedup.actions.journal import Action, Journal, check_store, journal_named, journals, troubles
from lookalike.dedup.actions.prune import preview_prune
from lookalike.dedup.actions.trash import QUARANTINE, note_of
from lookalike.errors import Refusal, StoreUnwritable, UsageError

from .making import Shelf, jpeg, states
from .test_journal import append, journal_of
from .test_prune import NOW, pruned

STRANGER = 4711
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away"
)


@pytest.fixture
def moved(shelf: Shelf) -> Shelf:
    """A shelf with a kept file and one in the quarantine."""
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    shelf.apply()
    return shelf


def forge(shelf: Shelf, change: Callable[[Action], Action], name: str = "") -> None:
    """Rewrite a journal: what is in it is what somebody wants to happen."""
    record = journal_of(shelf)
    (action,) = record.actions
    path = Path(record.path)
    head = path.read_bytes().splitlines()[0]
    path.unlink()
    path = path.with_name(f"{name or record.name}.jsonl")
    path.write_bytes(head + b"\n")
    with Journal(str(path)) as journal:
        journal.intend([change(action)])
        journal.end([action], "done")


def thesis_in(folder: Path) -> Path:
    file = folder / "thesis.doc"
    file.write_bytes(b"years of work")
    return file


def as_sidecar(file: Path) -> Callable[[Action], Action]:
    digest, size = blake3(file.read_bytes()).hexdigest(), file.stat().st_size
    return lambda action: replace(action, to=str(file), kind="sidecar", digest=digest, size=size)


# Where files are taken from


def test_prune_removes_nothing_outside_of_a_quarantine(moved: Shelf, tmp_path: Path) -> None:
    thesis = thesis_in(tmp_path)
    forge(moved, as_sidecar(thesis))
    assert {each.code for each in preview_prune(moved.store, NOW)} == {"foreign"}
    assert states(pruned(moved)) == {"copy.jpg": "foreign"}
    assert thesis.exists()


def test_prune_removes_nothing_of_the_quarantine_of_another_run(moved: Shelf) -> None:
    forge(moved, lambda action: action, name="20200101T000000-000000")
    assert states(pruned(moved)) == {"copy.jpg": "foreign"}
    assert moved.quarantined() == {"b/copy.jpg"}


@pytest.mark.parametrize("linked", ["quarantine", "run", "folder"])
def test_prune_follows_no_link_out_of_the_quarantine(moved: Shelf, tmp_path: Path, linked: str) -> None:
    (action,) = journal_of(moved).actions
    folder = Path(action.to).parent
    folder = {"folder": folder, "run": folder.parent, "quarantine": folder.parent.parent}[linked]
    moved_to = folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(moved_to)
    assert states(pruned(moved)) == {"copy.jpg": "foreign"}
    assert states(moved.undo()) == {"copy.jpg": "foreign"}
    assert Path(action.to).read_bytes() == jpeg(0)


def test_dots_lead_out_of_no_quarantine(moved: Shelf, tmp_path: Path) -> None:
    thesis = thesis_in(moved.photos)
    (record,) = journals(moved.store.folder)
    dotted = Path(moved.photos, QUARANTINE, record.name, "..", "..", thesis.name)
    assert dotted.exists()
    forge(moved, lambda action: replace(as_sidecar(thesis)(action), to=str(dotted)))
    assert states(pruned(moved)) == {"copy.jpg": "foreign"}
    assert thesis.exists()


@as_root
@pytest.mark.parametrize("method", ["quarantine", "trash"])
def test_a_quarantine_or_trash_of_another_user_is_left_alone(shelf: Shelf, method: str) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    (outcome,) = shelf.apply(ApplyOptions(method=method))
    folder = os.path.dirname(os.path.dirname(outcome.to))
    os.chown(folder, STRANGER, -1)
    found = pruned(shelf)
    assert states(found) == ({"copy.jpg": "foreign"} if method == "quarantine" else {})
    assert states(shelf.undo()) == {"copy.jpg": "foreign"}
    os.chown(folder, 0, -1)
    assert states(shelf.undo()) == {"copy.jpg": "done"}


def test_undo_takes_no_file_from_anywhere(moved: Shelf, tmp_path: Path) -> None:
    thesis = thesis_in(tmp_path)
    forge(moved, as_sidecar(thesis))
    assert states(moved.undo()) == {"copy.jpg": "foreign"}
    # Whoever names the folder wants it.
    assert states(moved.undo(tmp_path)) == {"copy.jpg": "done"}


def test_undo_removes_no_note_but_that_of_a_trash(moved: Shelf, tmp_path: Path) -> None:
    thesis = thesis_in(tmp_path)
    with pytest.raises(Refusal):  # it is not even written
        forge(
            moved, lambda action: replace(action, method="trash", to=str(tmp_path / "x"), note=str(thesis))
        )
    place = tmp_path / "box/files/copy.jpg"
    note = Path(note_of(str(place)))
    note.parent.mkdir(parents=True)
    note.write_bytes(b"a file of the user")
    gone = replace(journals_action(moved, tmp_path), method="trash", to=str(place), note=str(note))
    append(journal_of(moved), {"state": "intent", **gone.fields()})
    (moved.photos / "b/copy.jpg").write_bytes(jpeg(0))
    assert set(states(moved.undo()).values()) == {"before"}
    assert note.exists()
    assert thesis.exists()


def journals_action(shelf: Shelf, tmp_path: Path) -> Action:
    """Return what stood in a journal before it was forged."""
    digest = blake3(jpeg(0)).hexdigest()
    path, keeper = str(shelf.photos / "b/copy.jpg"), str(shelf.photos / "a/kept.jpg")
    return Action(
        7, 7, "quarantine", path, str(tmp_path), digest, len(jpeg(0)), 1, 1, "exact", keeper, digest
    )


# Where they go


def test_undo_puts_a_file_nowhere_but_where_its_place_says_it_came_from(
    moved: Shelf, tmp_path: Path
) -> None:
    target = tmp_path / "home/autostart/x.desktop"
    forge(moved, lambda action: replace(action, path=str(target)))
    (outcome,) = moved.undo()
    assert (outcome.code, target.exists()) == ("foreign", False)
    assert "move it by hand" in outcome.reason
    assert moved.quarantined() == {"b/copy.jpg"}


def test_undo_puts_no_file_into_a_hidden_folder_of_the_library(moved: Shelf) -> None:
    forge(moved, lambda action: replace(action, path=str(moved.photos / ".config/autostart/x.desktop")))
    assert [each.code for each in moved.undo()] == ["foreign"]


def test_a_link_is_put_back_nowhere_else_either(shelf: Shelf, tmp_path: Path) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg")
    shelf.group(keeper, copy)
    shelf.apply(ApplyOptions(method="symlink"))
    other = tmp_path / "link.jpg"
    other.symlink_to(keeper)
    forge(shelf, lambda action: replace(action, path=str(other)))
    assert states(shelf.undo()) == {"link.jpg": "foreign"}
    assert other.is_symlink()


@pytest.mark.parametrize("method", ["quarantine", "trash", "hardlink"])
@pytest.mark.parametrize("chosen", [False, True])
def test_a_folder_that_was_forgotten_gets_its_files_back(
    shelf: Shelf, tmp_path: Path, method: str, chosen: bool
) -> None:
    from lookalike.store.absence import forget

    shelf.group(shelf.put("a/kept.jpg"), shelf.put(".hidden/copy.jpg"))
    shelf.apply(ApplyOptions(method=method, quarantine=str(tmp_path / "room") if chosen else None))
    forget(shelf.store, [os.fsencode(shelf.photos)])
    assert states(shelf.undo()) == {"copy.jpg": "done"}


# Whose journals are


def acts(shelf: Shelf) -> list[Callable[[], object]]:
    """Return what goes by journals, or will."""
    preview = lambda: list(preview_prune(shelf.store, NOW))  # noqa: E731
    return [shelf.undo, shelf.apply, lambda: pruned(shelf), preview]


@pytest.mark.parametrize("folder", ["", "journals"])
def test_in_a_store_that_others_can_write_nothing_is_moved_by_journals(moved: Shelf, folder: str) -> None:
    place = Path(moved.store.folder, folder)
    place.chmod(0o777)
    for act in acts(moved):
        with pytest.raises(Refusal, match=r"others can write to .*`chmod go-w`"):
            act()
    place.chmod(0o700)
    assert states(moved.undo()) == {"copy.jpg": "done"}


@as_root
@pytest.mark.parametrize("folder", ["", "journals"])
def test_in_a_store_of_another_user_nothing_is_moved_by_journals(moved: Shelf, folder: str) -> None:
    os.chown(Path(moved.store.folder, folder), STRANGER, -1)
    for act in acts(moved):
        with pytest.raises(Refusal, match=r"belongs to another user \(number 4711\)"):
            act()
    assert moved.quarantined() == {"b/copy.jpg"}


def test_journals_that_are_linked_from_elsewhere_are_not_followed(moved: Shelf, tmp_path: Path) -> None:
    folder = Path(moved.store.folder, "journals")
    folder.symlink_to(folder.rename(tmp_path / "elsewhere"))
    with pytest.raises(Refusal, match="is a link"):
        check_store(moved.store.folder)


def plant(path: Path, what: str) -> None:
    """Make something that is no journal of ours."""
    data = path.read_bytes()
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "link":
        path.with_suffix(".real").write_bytes(data)
        path.symlink_to(path.with_suffix(".real"))
    else:
        path.write_bytes(data)
        path.chmod(0o666 if what == "shared" else stat.S_IMODE(path.stat().st_mode))
        if what == "foreign":
            os.chown(path, STRANGER, -1)


WORDS = {
    "folder": "Is a directory",
    "pipe": "is not a file",
    "link": "is a symbolic link",
    "shared": "others can write to",
    "foreign": "belongs to another user",
}


@pytest.mark.parametrize(
    "what", ["folder", "pipe", "link", "shared", pytest.param("foreign", marks=as_root)]
)
def test_what_is_no_journal_of_ours_stops_nothing_but_itself(moved: Shelf, what: str) -> None:
    first = Path(journal_of(moved).path)
    moved.groups = []
    moved.group(moved.photos / "a/kept.jpg", moved.put("b/second.jpg"))
    moved.apply()
    plant(first, what)
    records = journals(moved.store.folder)
    assert [len(record.actions) for record in records] == [1, 0]
    (said,) = troubles(records)
    assert WORDS[what] in said or "is not a file" in said
    with pytest.raises(UsageError, match="cannot use the journal"):
        journal_named(moved.store.folder, records[1].name)
    with pytest.raises((Refusal, StoreUnwritable)):
        Journal(records[1].path)
    assert states(pruned(moved)) == {"second.jpg": "done"}
    assert "b/copy.jpg" in moved.quarantined()


def test_damaged_lines_are_told_with_what_to_do(moved: Shelf) -> None:
    append(journal_of(moved), b"{")
    (said,) = troubles(journals(moved.store.folder))
    assert said.startswith(f"{journal_of(moved).path} has damaged lines (1)")
    assert f"{QUARANTINE}/{journal_of(moved).name}" in said
