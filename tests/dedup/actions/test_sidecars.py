"""Metadata of leaving files go into the sidecars of the kept ones first, and come out of them again."""

import os
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from blake3 import blake3

from lookalike.dedup.actions.apply import ApplyOptions, preview
from lookalike.dedup.actions.journal import journals
from lookalike.dedup.actions.keywords import preview_keywords, write_keywords
from lookalike.dedup.actions.moves import write_over
from lookalike.dedup.actions.sidecars import tell_of_sidecars
from lookalike.dedup.actions.transfer import Transfer
from lookalike.dedup.actions.undo import UndoOptions, record_to_undo, undo
from lookalike.dedup.packets import fields_of, merged
from lookalike.errors import Refusal
from lookalike.store.catalog.holdings import put_holdings
from lookalike.store.progress import UNWATCHED
from lookalike.store.records import Content, Holdings

from .making import Shelf, states

MERGING = ApplyOptions(method="quarantine", merge_metadata=True)


def say(shelf: Shelf, photo: Path, **fields: object) -> None:
    """Have the library know what a photo says itself."""
    digest = blake3(photo.read_bytes()).digest()
    content = Content(digest, 1, 1, 1, "JPEG", digest, holdings=Holdings(fields=fields))
    with shelf.store.writing() as view:
        (key,) = shelf.ids(view, photo)
        put_holdings(view, {digest: key}, [content])


@pytest.fixture
def pair(shelf: Shelf) -> tuple[Path, Path]:
    """Two copies of a picture, of which the second is to go."""
    kept, leaving = shelf.put("kept.jpg"), shelf.put("old/leaving.jpg", quality=60)
    shelf.group(kept, leaving)
    return kept, leaving


def sidecar_of(photo: Path) -> Path:
    return photo.with_name(photo.name + ".xmp")


def test_what_leaves_is_merged_first_and_undone_with_the_run(shelf: Shelf, pair: tuple[Path, Path]) -> None:
    kept, leaving = pair
    say(shelf, kept, keywords=["sea"])
    say(shelf, leaving, keywords=["Lyon", "sea"], rating="4")
    before = shelf.tree()
    planned = list(preview(shelf.store, shelf.plan, MERGING))
    assert (planned[0].method, planned[0].reason) == ("merge", "keywords Lyon; rating 4")
    assert shelf.tree() == before

    assert states(shelf.apply(MERGING)) == {"kept.jpg.xmp": "done", "leaving.jpg": "done"}
    assert fields_of(sidecar_of(kept).read_bytes()) == {"keywords": ["Lyon"], "rating": "4"}
    assert not leaving.exists()
    assert states(shelf.undo()) == {"leaving.jpg": "done", "kept.jpg.xmp": "done"}
    assert shelf.tree() == before
    assert not list(shelf.photos.rglob(".lookalike-*.tmp"))
    assert states(shelf.undo()) == {"leaving.jpg": "before"}


def test_a_sidecar_that_is_there_gets_more_and_comes_back_as_it_was(
    shelf: Shelf, pair: tuple[Path, Path]
) -> None:
    kept, leaving = pair
    say(shelf, leaving, keywords=["Lyon"])
    there = kept.with_suffix(".xmp")
    there.write_bytes(merged(None, {"rating": "2"}))
    there.chmod(0o640)
    old = there.read_bytes()
    shelf.apply(MERGING)
    assert fields_of(there.read_bytes()) == {"keywords": ["Lyon"], "rating": "2"}
    assert there.stat().st_mode & 0o777 == 0o640
    assert not sidecar_of(kept).exists()
    shelf.undo()
    assert there.read_bytes() == old


def test_a_sidecar_that_changed_since_is_left_alone(shelf: Shelf, pair: tuple[Path, Path]) -> None:
    kept, leaving = pair
    say(shelf, leaving, keywords=["Lyon"])
    shelf.apply(MERGING)
    later = merged(sidecar_of(kept).read_bytes(), {"rating": "5"})
    sidecar_of(kept).write_bytes(later)
    assert states(shelf.undo()) == {"leaving.jpg": "done", "kept.jpg.xmp": "changed"}
    assert sidecar_of(kept).read_bytes() == later


def test_what_a_photo_said_stays_where_it_is_gone_for_good(shelf: Shelf, pair: tuple[Path, Path]) -> None:
    kept, leaving = pair
    say(shelf, leaving, keywords=["Lyon"])
    (done,) = [each for each in shelf.apply(MERGING) if each.method != "merge"]
    Path(done.to).unlink()
    assert states(shelf.undo()) == {"leaving.jpg": "gone", "kept.jpg.xmp": "together"}
    assert sidecar_of(kept).exists()


@pytest.mark.parametrize(
    ("ours", "beside"), [({"rating": "3"}, None), ({}, {"rating": "3"}), (None, None), ({}, {})]
)
def test_in_doubt_the_file_stays(
    shelf: Shelf, pair: tuple[Path, Path], ours: dict[str, str] | None, beside: dict[str, str] | None
) -> None:
    kept, leaving = pair
    say(shelf, leaving, rating="5")
    if ours is None:  # nobody looked yet
        with shelf.store.writing() as view:
            view.connection.exec_driver_sql("DELETE FROM holdings")
    else:
        say(shelf, kept, **ours)
    if beside is not None:
        sidecar_of(kept).write_bytes(merged(None, beside) if beside else b"<broken")
    before = shelf.tree()
    found = shelf.apply(MERGING)
    assert [each.state for each in found] == ["left"]
    assert shelf.tree() == before


def test_the_second_of_two_that_disagree_stays(shelf: Shelf) -> None:
    kept = shelf.put("kept.jpg")
    others = [shelf.put(f"{quality}.jpg", quality=quality) for quality in (50, 60)]
    shelf.group(kept, *others)
    for rating, photo in zip("45", others, strict=True):
        say(shelf, photo, rating=rating)
    assert states(shelf.apply(MERGING)) == {"50.jpg": "done", "kept.jpg.xmp": "done", "60.jpg": "metadata"}
    assert fields_of(sidecar_of(kept).read_bytes()) == {"rating": "4"}


def two_to_merge(shelf: Shelf) -> tuple[Path, list[Path]]:
    """Put a photo to keep on the shelf, and two copies that say something else each."""
    kept = shelf.put("kept.jpg")
    others = [shelf.put(f"{quality}.jpg", quality=quality) for quality in (50, 60)]
    shelf.group(kept, *others)
    for photo in others:
        say(shelf, photo, keywords=[photo.stem])
    return kept, others


def test_two_merges_into_one_sidecar_come_out_again(shelf: Shelf) -> None:
    kept, _ = two_to_merge(shelf)
    before = shelf.tree()
    shelf.apply(MERGING)
    assert fields_of(sidecar_of(kept).read_bytes()) == {"keywords": ["50", "60"]}
    assert {each.state for each in shelf.undo()} == {"done"}
    assert shelf.tree() == before


def test_of_two_merges_into_one_sidecar_the_earlier_waits_for_the_later(shelf: Shelf) -> None:
    kept, others = two_to_merge(shelf)
    before = shelf.tree()
    shelf.apply(MERGING)

    def put_back(photo: Path) -> dict[str, str]:
        record = journals(shelf.store.folder)[0]
        return states(undo(shelf.store, record, UndoOptions(files=[str(photo)]), UNWATCHED))

    assert put_back(others[0]) == {"50.jpg": "done", "kept.jpg.xmp": "waiting"}
    assert fields_of(sidecar_of(kept).read_bytes()) == {"keywords": ["50", "60"]}
    assert put_back(others[1]) == {"60.jpg": "done", "kept.jpg.xmp": "done"}
    assert shelf.tree() == before


def test_a_leaving_sidecar_is_merged_too(shelf: Shelf) -> None:
    kept, leaving = shelf.put("kept.jpg"), shelf.put("old/leaving.jpg", quality=60)
    sidecar_of(leaving).write_bytes(merged(None, {"keywords": ["Lyon"], "title": "Sea"}))
    shelf.group(kept, leaving)
    found = states(shelf.apply(MERGING))
    assert found == {"kept.jpg.xmp": "done", "leaving.jpg": "done", "leaving.jpg.xmp": "done"}
    assert fields_of(sidecar_of(kept).read_bytes()) == {"keywords": ["Lyon"], "title": "Sea"}


def test_a_plan_that_counts_on_merging_is_not_applied_without(
    shelf: Shelf, pair: tuple[Path, Path]
) -> None:
    shelf.groups[0]["members"][0]["merge"] = True
    assert states(shelf.apply()) == {"leaving.jpg": "metadata"}
    assert states(shelf.apply(MERGING)) == {"leaving.jpg": "done"}


def test_protected_folders_and_shared_sidecars_are_not_written_to(shelf: Shelf) -> None:
    kept, leaving = shelf.put("kept.jpg"), shelf.put("old/leaving.jpg", quality=60)
    shelf.group(kept, leaving)
    say(shelf, leaving, keywords=["Lyon"])
    options = replace(MERGING, protect=(str(shelf.photos),))
    assert states(shelf.apply(options)) == {"leaving.jpg": "protected"}
    shelf.put("kept.png", seed=2)
    kept.with_suffix(".xmp").write_bytes(merged(None, {"rating": "1"}))
    assert states(shelf.apply(MERGING)) == {"leaving.jpg": "companions"}


def test_what_loses_nothing_goes_though_no_sidecar_of_the_kept_file_may_be_written(shelf: Shelf) -> None:
    kept, silent, speaking = (
        shelf.put(name, quality=quality)
        for name, quality in (("safe/kept.jpg", 90), ("silent.jpg", 60), ("speaking.jpg", 50))
    )
    say(shelf, kept, keywords=["Lyon"])
    say(shelf, silent, keywords=["Lyon"], rating="3")
    say(shelf, speaking, keywords=["sea"])
    sidecar_of(kept).write_bytes(merged(None, {"rating": "3"}))
    shelf.group(kept, silent)
    shelf.group(kept, speaking)

    found = shelf.apply(replace(MERGING, protect=(str(kept.parent),)))

    assert states(found) == {"silent.jpg": "done", "speaking.jpg": "protected"}
    assert fields_of(sidecar_of(kept).read_bytes()) == {"rating": "3"}


def test_a_sidecar_that_changes_at_the_last_moment_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_bytes(b"newer")
    for data, before in ((b"x", b"older"), (b"x", None), (None, b"older")):
        with pytest.raises(Refusal):
            write_over(str(path), data, before)
        assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a.jpg.xmp", b"newer")]
    path.unlink()
    path.symlink_to(tmp_path / "b")
    (tmp_path / "b").write_bytes(b"older")
    with pytest.raises(Refusal):
        write_over(str(path), b"x", b"older")
    assert path.is_symlink()
    assert (tmp_path / "b").read_bytes() == b"older"


def test_keywords_are_written_once_and_undone(shelf: Shelf) -> None:
    photo, other = shelf.put("a.jpg"), shelf.put("b.jpg", seed=1)
    sidecar_of(other).write_bytes(merged(None, {"keywords": ["Dog"]}))
    wanted = {str(photo): ["dog", "animal"], str(other): ["dog"]}
    before = shelf.tree()
    assert [each.state for each in preview_keywords(wanted)] == ["planned", "before"]
    assert shelf.tree() == before
    found = write_keywords(shelf.store, wanted, UNWATCHED)
    assert states(found) == {"a.jpg.xmp": "done", "b.jpg": "before"}
    assert fields_of(sidecar_of(photo).read_bytes()) == {"keywords": ["animal", "dog"]}
    assert sidecar_of(photo).stat().st_mode & 0o777 == photo.stat().st_mode & 0o666
    record = record_to_undo(shelf.store, None)
    assert record is not None
    assert (record.actions, record.damaged, record.is_closed) == ([], 0, True)
    assert states(shelf.undo()) == {"a.jpg.xmp": "done"}
    assert shelf.tree() == before
    assert record_to_undo(shelf.store, None) is None


def test_the_catalog_is_told_with_one_listing_of_each_folder(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {str(shelf.put(f"{seed}.jpg", seed=seed)): ["sea"] for seed in range(3)}
    outcomes = write_keywords(shelf.store, wanted, UNWATCHED)
    scandir = Mock(wraps=os.scandir)
    monkeypatch.setattr(os, "scandir", scandir)
    tell_of_sidecars(shelf.store, outcomes)
    scandir.assert_called_once_with(str(shelf.photos))


def test_a_journal_of_a_stranger_writes_no_file_but_a_sidecar(shelf: Shelf) -> None:
    photo = shelf.put("a.jpg")
    write_keywords(shelf.store, {str(photo): ["dog"]}, UNWATCHED)
    path = Path(journals(shelf.store.folder)[0].path)
    text = path.read_text()
    for instead in ("a.jpg", "x/a.jpg.xmp", "b.jpg.xmp"):
        path.write_text(text.replace("a.jpg.xmp", instead))
        record = journals(shelf.store.folder)[0]
        assert (record.writes, record.damaged) == ([], 1)


@pytest.mark.parametrize("lines", [2, 3])
def test_a_run_that_was_cut_off_is_taken_back(shelf: Shelf, lines: int) -> None:
    """After the intent, and after the sidecar was written but before the journal says so."""
    photo = shelf.put("a.jpg")
    before = shelf.tree()
    write_keywords(shelf.store, {str(photo): ["dog"]}, UNWATCHED)
    path = Path(journals(shelf.store.folder)[0].path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines])[: -(lines == 3) or None])
    if lines == 2:
        sidecar_of(photo).unlink()
    assert [each.state for each in shelf.undo()] == ["before" if lines == 2 else "done"]
    assert shelf.tree() == before


def test_a_move_that_is_broken_off_takes_the_merge_back(
    shelf: Shelf, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    say(shelf, pair[1], keywords=["Lyon"])
    before = shelf.tree()

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Transfer, "run", broken)
    with pytest.raises(KeyboardInterrupt):
        shelf.apply(MERGING)
    assert shelf.tree() == before
