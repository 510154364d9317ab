"""A plan may be anybody's: what it says of photos and companions is believed only if the library agrees."""

import itertools
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lookalike.dedup.actions.apply import preview
from lookalike.dedup.actions.journal import journals
from lookalike.dedup.actions.plan import companion_rows
from lookalike.dedup.groups.companions import Companion
from lookalike.store.catalog.pairs import JudgedPair, put_proofs
from lookalike.store.documents import Row

from .making import IN_QUARANTINE, Shelf, contents, states
from .test_apply import beside, refused


def prove(shelf: Shelf, a: Path, b: Path, verdict: str = "copy") -> None:
    """Record what a proof said of two photos."""
    with shelf.store.writing() as view:
        first, second = sorted(shelf.ids(view, a, b))
        put_proofs(view, 9, [JudgedPair(first, second, 0.9, verdict, 5.0, {})])


def unproven(shelf: Shelf, *photos: Path) -> None:
    """Forget what was confirmed of the copies of a plan."""
    keeper, *others = photos
    for other in others:
        shelf.confirm(keeper, other, None)


def both_refuse(shelf: Shelf, code: str) -> str:
    """Check that the dry run says the same as the run, which does nothing; return why."""
    said = list(preview(shelf.store, shelf.plan, IN_QUARANTINE))
    why = refused(shelf, code)
    assert {(each.state, each.code) for each in said} == {("left", code)}
    assert why in {each.reason for each in said}
    return why


def planned_with(shelf: Shelf, photo: Path, *companions: Path, kind: str = "sidecar") -> None:
    """Plan to move files along with a photo, whatever they are."""
    rows: list[Row] = [member for group in shelf.groups for member in group["members"]]
    (row,) = (each for each in rows if each["path"] == str(photo))
    found = [
        Companion(str(each), kind, each.stat().st_size, each.stat().st_mtime_ns) for each in companions
    ]
    row["companions"] = companion_rows(found)


# Photos


def test_what_is_called_exact_must_have_the_same_bytes(shelf: Shelf) -> None:
    keeper, other = shelf.put("kept.jpg"), shelf.put("other.jpg", seed=2)
    prove(shelf, keeper, other)
    shelf.group(keeper, other, kind="exact")
    assert "bytes are not those of kept.jpg" in both_refuse(shelf, "unproven")


@pytest.mark.parametrize("verdict", ["", "similar"])
def test_what_is_called_a_copy_must_be_proven(shelf: Shelf, verdict: str) -> None:
    keeper, other = shelf.put("kept.jpg"), shelf.put("other.jpg", seed=2)
    shelf.group(keeper, other)
    unproven(shelf, keeper, other)
    if verdict:
        prove(shelf, keeper, other, verdict)
    assert "`lookalike confirm`" in both_refuse(shelf, "unproven")


def test_a_proof_of_the_library_is_enough(shelf: Shelf) -> None:
    keeper, other = shelf.put("kept.jpg"), shelf.put("other.jpg", quality=60)
    shelf.group(keeper, other)
    unproven(shelf, keeper, other)
    prove(shelf, keeper, other)
    assert states(shelf.apply()) == {"other.jpg": "done"}


def test_what_the_user_rejected_since_stays(shelf: Shelf) -> None:
    keeper, other = shelf.put("kept.jpg"), shelf.put("other.jpg", quality=60)
    shelf.group(keeper, other)
    prove(shelf, keeper, other)
    shelf.confirm(keeper, other, "rejected")
    both_refuse(shelf, "unproven")


def test_photos_with_the_same_pixels_need_no_proof(shelf: Shelf) -> None:
    keeper = shelf.put("kept.jpg")
    other = shelf.put("other.jpg", keeper.read_bytes() + b"a note behind the picture", pixels_of=keeper)
    shelf.group(keeper, other)
    unproven(shelf, keeper, other)
    assert states(shelf.apply()) == {"other.jpg": "done"}


def test_two_with_a_proof_to_the_same_third_may_be_kept_for_each_other(shelf: Shelf) -> None:
    """Another file of the group is kept, as the page allows, also once the center was moved."""
    keeper, center, other = (shelf.put(f"{q}.jpg", quality=q) for q in (60, 70, 80))
    shelf.group(keeper, other, center)
    unproven(shelf, keeper, other, center)
    prove(shelf, center, keeper)
    prove(shelf, center, other)
    both = list(shelf.groups[0]["members"])
    shelf.groups[0]["members"] = both[1:]
    assert states(shelf.apply()) == {"70.jpg": "done"}
    shelf.groups[0]["members"] = both
    assert states(shelf.apply()) == {"70.jpg": "before", "80.jpg": "done"}


def test_a_chain_of_proofs_joins_nothing(shelf: Shelf) -> None:
    chain = [shelf.put(f"{q}.jpg", quality=q) for q in (60, 70, 80, 90)]
    shelf.group(chain[0], chain[3])
    unproven(shelf, chain[0], chain[3])
    for a, b in itertools.pairwise(chain):
        prove(shelf, a, b)
    both_refuse(shelf, "unproven")


def test_halves_of_one_shot_are_no_copies_whatever_was_proven(shelf: Shelf) -> None:
    keeper, other = shelf.put("IMG_1.heic"), shelf.put("IMG_1.jpg", quality=60)
    prove(shelf, keeper, other)
    shelf.group(keeper, other)
    unproven(shelf, keeper, other)
    both_refuse(shelf, "unproven")


def test_a_file_outside_of_the_library_is_left(shelf: Shelf, tmp_path: Path) -> None:
    keeper, outside = shelf.put("kept.jpg"), tmp_path / "outside.jpg"
    shutil.copy2(keeper, outside)
    shelf.group(keeper, outside)
    assert "index its folder" in both_refuse(shelf, "unknown")
    assert outside.exists()


def test_a_file_outside_of_the_library_is_no_reason_to_move_one_of_it(shelf: Shelf, tmp_path: Path) -> None:
    copy, outside = shelf.put("copy.jpg"), tmp_path / "outside.jpg"
    shutil.copy2(copy, outside)
    shelf.group(outside, copy)
    assert "outside.jpg: the library has no such photo there" in both_refuse(shelf, "unknown")


def test_a_photo_may_be_named_by_a_linked_folder(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg")
    (shelf.photos / "link").symlink_to("b")
    shelf.group(keeper, shelf.photos / "link" / "copy.jpg")
    assert states(shelf.apply()) == {"copy.jpg": "done"}
    assert not copy.exists()


def test_one_photo_by_two_ways_is_in_two_groups(shelf: Shelf) -> None:
    keeper, other = shelf.put("kept.jpg"), shelf.put("other.jpg")
    shelf.put("b/copy.jpg")
    (shelf.photos / "link").symlink_to("b")
    shelf.group(keeper, shelf.photos / "b" / "copy.jpg")
    shelf.group(other, shelf.photos / "link" / "copy.jpg")
    assert "two groups" in both_refuse(shelf, "kept")


@pytest.mark.parametrize("way", ["straight", "link"])
@pytest.mark.parametrize("place", [".lookalike-quarantine/RUN", "Trash/files"])
def test_what_lies_in_a_quarantine_or_a_trash_is_kept_for_nothing(
    shelf: Shelf, place: str, way: str
) -> None:
    copy, kept = shelf.put("copy.jpg"), shelf.put(f"{place}/kept.jpg")
    (kept.parent.parent / "info").mkdir(exist_ok=True)
    if way == "link":
        (shelf.photos / "link").symlink_to(place)
        kept = shelf.photos / "link" / "kept.jpg"
    shelf.group(kept, copy)
    both_refuse(shelf, "nobodys")


# Companions


def test_no_file_is_moved_with_a_photo_that_does_not_belong_to_it(shelf: Shelf, tmp_path: Path) -> None:
    keeper, copy, photo = shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"), shelf.put("b/p.jpg", seed=2)
    thesis = tmp_path / "thesis.doc"
    thesis.write_text("years of work")
    for stranger in (thesis, photo):
        shelf.groups.clear()
        shelf.group(keeper, copy)
        planned_with(shelf, copy, stranger)
        assert f"{stranger.name} does not belong to it" in both_refuse(shelf, "companions")
    assert thesis.exists()


def test_the_sidecar_of_another_folder_does_not_belong_to_a_photo(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/IMG_1.jpg"), shelf.put("b/IMG_1.jpg")
    other = beside(keeper, ".xmp")
    shelf.group(keeper, copy)
    planned_with(shelf, copy, other)
    both_refuse(shelf, "companions")


def test_the_kind_of_a_companion_is_not_believed(shelf: Shelf) -> None:
    """A "sidecar" is pruned without a survivor; the RAW of a shot never is."""
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/IMG_1.jpg")
    raw = beside(copy, ".CR2")
    shelf.group(keeper, copy)
    planned_with(shelf, copy, raw)
    assert "of the kind raw, the plan says sidecar" in both_refuse(shelf, "companions")


def test_a_sidecar_that_another_photo_has_too_stays_whatever_the_plan_says(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/IMG_1.jpg")
    shelf.put("b/IMG_1.png", seed=4)
    shelf.group(keeper, copy)
    planned_with(shelf, copy, beside(copy, ".xmp"))
    assert "belongs to another photo as well" in both_refuse(shelf, "companions")


def test_a_companion_may_be_named_by_a_linked_folder(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/IMG_1.jpg")
    sidecar = beside(copy, ".xmp")
    (shelf.photos / "link").symlink_to("b")
    shelf.group(keeper, copy)
    planned_with(shelf, copy, shelf.photos / "link" / sidecar.name)
    assert states(shelf.apply()) == {"IMG_1.jpg": "done", "IMG_1.xmp": "done"}
    assert shelf.tree().keys() == {"a/kept.jpg"}


@pytest.mark.parametrize("way", ["link", "hard link"])
def test_a_photo_that_stays_is_moved_with_no_other_by_any_way(shelf: Shelf, way: str) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/IMG_1.heic")
    half = shelf.put("b/IMG_1.jpg", seed=3)
    (shelf.photos / "link").symlink_to("b")
    stays = shelf.photos / "link" / half.name
    if way == "hard link":
        stays = shelf.photos / "stays.jpg"
        os.link(half, stays)
        shelf.know(stays)
    shelf.group(keeper, copy)
    shelf.group(stays, shelf.put("c/other.jpg", seed=3), selected=False)
    both_refuse(shelf, "companions")


def test_a_unit_that_is_refused_leaves_the_others_as_they_would_be(shelf: Shelf) -> None:
    keeper, other = shelf.put("kept.jpg"), shelf.put("other.jpg", seed=2)
    shelf.group(keeper, shelf.put("copy.jpg"))
    shelf.group(keeper, other, kind="exact")
    options = replace(IN_QUARANTINE, include_similar=True)
    assert states(shelf.apply(options)) == {"copy.jpg": "done", "other.jpg": "unproven"}
    (record,) = journals(shelf.store.folder)
    assert [os.path.basename(each.path) for each in record.actions] == ["copy.jpg"]
    assert "other.jpg" in dict(contents(shelf.photos))
