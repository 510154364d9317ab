"""A quarantine says itself what was moved there: `undo` works with another store or none."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lookalike.dedup.actions.apply import ApplyOptions
from lookalike.dedup.actions.journal import intents, journals
from lookalike.dedup.actions.papers import runs, unknown_quarantines
from lookalike.dedup.actions.undo import passed_over, record_to_undo
from lookalike.store.documents import dumps
from lookalike.tests.library import Run, lookalike

from .making import Shelf, jpeg
from .test_prune import pruned


def filled(shelf: Shelf, method: str = "quarantine") -> dict[str, bytes]:
    """Give up two copies, and return what there was before."""
    keeper = shelf.put("a/kept.jpg")
    shelf.group(keeper, shelf.put("b/copy.jpg"), shelf.put("c/again.jpg"))
    before = shelf.tree()
    assert {each.state for each in shelf.apply(ApplyOptions(method=method))} == {"done"}
    return before


def quarantine(shelf: Shelf) -> Path:
    return shelf.photos / ".lookalike-quarantine"


def papers(shelf: Shelf) -> list[str]:
    return sorted(path.stem for path in quarantine(shelf).glob("*.jsonl"))


def without_store(shelf: Shelf, *words: str | Path) -> Run:
    """Run a command for a store that is not there, and is not made."""
    store = Path(shelf.store.folder)
    shutil.rmtree(store, ignore_errors=True)
    done = lookalike(*words, "--store", store)
    assert not store.exists()
    return done


@pytest.mark.parametrize("method", ["quarantine", "hardlink", "symlink"])
def test_what_the_quarantine_says_to_type_works_without_a_store(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    before = filled(shelf, method)
    text = (quarantine(shelf) / "README.txt").read_text()
    program, *words = next(line for line in text.splitlines() if line.startswith("    ")).split()
    assert program == "lookalike"
    monkeypatch.chdir(quarantine(shelf))

    shown = without_store(shelf, *(word for word in words if word != "--yes"))
    assert (shown.code, "2 files would be put back" in shown.out.decode()) == (0, True)
    done = without_store(shelf, *words)

    assert (done.code, done.out.decode().count("2 files put back")) == (0, 1)
    assert shelf.tree() == before
    assert not quarantine(shelf).exists()
    assert not any((shelf.photos / name).is_symlink() for name in before)


def test_a_quarantine_in_another_folder_and_photos_that_moved_come_back_too(
    shelf: Shelf, tmp_path: Path
) -> None:
    filled(shelf)
    moved = shelf.photos.rename(tmp_path / "new drive")
    assert without_store(shelf, "undo", "--from", moved, "--yes").code == 0
    assert (moved / "b/copy.jpg").read_bytes() == jpeg(0)
    moved.rename(shelf.photos)
    shutil.rmtree(shelf.store.folder, ignore_errors=True)

    shelf = Shelf(tmp_path / "second")
    keeper = shelf.put("a/kept.jpg")
    shelf.group(keeper, shelf.put("b/copy.jpg"))
    shelf.apply(ApplyOptions(method="quarantine", quarantine=str(tmp_path / "room")))
    assert without_store(shelf, "undo", "--from", tmp_path / "room", "--yes").code == 0
    assert shelf.tree().keys() == {"a/kept.jpg", "b/copy.jpg"}
    assert not (tmp_path / "room/.lookalike-quarantine").exists()
    shelf.store.close()


def test_without_a_store_and_a_folder_the_way_is_said(shelf: Shelf) -> None:
    filled(shelf)
    for words in (("undo",), ("undo", "--yes"), ("undo", "--list")):
        done = without_store(shelf, *words)
        assert (done.code, done.err.count("\n")) == (1, 1)
        assert "what lies in a quarantine in DIR, `undo --from DIR` puts back" in done.err
    listed = without_store(shelf, "undo", "--list", "--from", quarantine(shelf), "--format", "json")
    assert [(row["files"], row["in_quarantine"]) for row in listed.json["journals"]] == [(2, 2)]


@pytest.mark.parametrize("how", ["not there", "not a file"])
def test_a_store_that_cannot_tell_of_a_run_says_so_and_puts_it_back(shelf: Shelf, how: str) -> None:
    before = filled(shelf)
    (record,) = journals(shelf.store.folder)
    os.unlink(record.path)  # by a store that was restored from a backup, say
    if how == "not a file":
        os.mkdir(record.path)
    store = ("--store", shelf.store.folder)
    said = f"the quarantine in {shelf.photos} has files of runs that this store cannot tell of"
    for words in (("undo",), ("undo", "--list"), ("prune",)):
        assert said in lookalike(*words, *store).err
    assert pruned(shelf) == []

    done = lookalike("undo", record.name, "--from", shelf.photos, "--yes", *store)

    assert (done.code, said in done.err) == (0, False)
    assert shelf.tree() == before
    assert shelf.present() == before.keys()
    assert said not in lookalike("undo", *store).err


def test_runs_of_a_lost_store_come_back_one_by_one_and_once(shelf: Shelf) -> None:
    filled(shelf)
    shelf.groups = []
    shelf.group(shelf.photos / "a/kept.jpg", shelf.put("d/later.jpg"))
    shelf.apply()
    first, second = papers(shelf)
    (shelf.photos / "b/copy.jpg").write_bytes(b"another")
    undo = ("undo", "--from", shelf.photos, "--yes")
    assert b"1 file put back" in without_store(shelf, *undo).out
    assert papers(shelf) == [first]
    assert without_store(shelf, *undo).code == 3
    assert (shelf.photos / "c/again.jpg").read_bytes() == jpeg(0)
    assert papers(shelf) == [first]
    (shelf.photos / "b/copy.jpg").unlink()
    (shelf.photos / "c/again.jpg").unlink()  # that it is back is known
    done = without_store(shelf, *undo, "--format", "json").json["files"]
    assert {Path(row["path"]).name: row["state"] for row in done} == {
        "copy.jpg": "done",
        "again.jpg": "before",
    }
    assert second not in papers(shelf)
    assert not quarantine(shelf).exists()


def test_who_names_a_quarantine_means_what_lies_there(shelf: Shelf, tmp_path: Path) -> None:
    filled(shelf)
    shelf.groups = []
    shelf.group(shelf.photos / "a/kept.jpg", shelf.put("d/later.jpg"))
    shelf.apply(ApplyOptions(method="quarantine", quarantine=str(tmp_path / "room")))
    newest, first = (each.name for each in journals(shelf.store.folder))
    places = {
        quarantine(shelf): first,
        quarantine(shelf) / first / "b": first,
        tmp_path / "room/.lookalike-quarantine": newest,
        shelf.photos: newest,
    }
    for place, run in places.items():
        record = record_to_undo(shelf.store, None, [str(place)])
        assert record is not None
        assert (record.name, place) == (run, place)
        assert passed_over(journals(shelf.store.folder), record, [str(place)]) == []


def test_papers_go_with_the_last_file(shelf: Shelf) -> None:
    filled(shelf)
    (record,) = journals(shelf.store.folder)
    assert papers(shelf) == [record.name]
    assert unknown_quarantines(shelf.store.folder, [str(shelf.photos)]) == []
    assert [each.path for each in runs(shelf.store.folder, [str(shelf.photos)])] == [record.path]
    assert {each.state for each in pruned(shelf)} == {"done"}
    assert not quarantine(shelf).exists()


def test_nothing_is_left_of_a_move_that_was_refused(shelf: Shelf) -> None:
    copy = shelf.put("b/copy.jpg")
    shelf.group(shelf.put("a/kept.jpg"), copy)
    copy.write_bytes(b"edited")
    assert {each.state for each in shelf.apply()} == {"left"}
    assert not quarantine(shelf).exists()


def test_papers_are_read_as_a_strangers(shelf: Shelf, tmp_path: Path) -> None:
    filled(shelf)
    (record,) = journals(shelf.store.folder)
    thesis = tmp_path / "thesis.doc"
    thesis.write_bytes(jpeg(0))
    forged = [replace(record.actions[0], to=str(thesis)), replace(record.actions[1], path="/etc/x.jpg")]
    paper = quarantine(shelf) / f"{record.name}.jsonl"
    paper.write_bytes(b"{" + b"".join(b"\n" + dumps(row) for row in intents(forged)) + b"\n")
    done = without_store(shelf, "undo", "--from", shelf.photos, "--yes", "--format", "json")
    assert [row["code"] for row in done.json["files"]] == ["foreign", "foreign"]
    assert "has damaged lines (1)" in done.err
    assert thesis.exists()
    paper.chmod(0o666)
    assert "others can write to" in without_store(shelf, "undo", "--from", shelf.photos, "--yes").err
