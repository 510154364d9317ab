"""Which photo of a group was there first: from what pairs prove, as plain data."""

from dataclasses import replace
from random import Random

import pytest

from lookalike.dedup.groups.keeper import KeepRules
from lookalike.dedup.groups.original import Maker, Origins, PairKey, Seen, in_doubt, is_before, origins
from lookalike.dedup.groups.report import group_copies
from lookalike.dedup.look import Look, reversed_look
from lookalike.dedup.proof import Evidence
from lookalike.store.catalog.photos import Photo
from lookalike.store.records import Holdings

from .test_report import copy, known, made, photo

CAMERA = Holdings(fields={"camera_record": 5})
SILENT = Look(score=0.2)


def first_of(
    photos: list[Photo],
    looks: dict[PairKey, Look],
    holdings: dict[int, Holdings] | None = None,
    proofs: dict[PairKey, Evidence] | None = None,
) -> tuple[Origins, set[PairKey]]:
    """Return who was first, and which pairs nobody looked at; the first photo is kept if nothing tells."""
    seen = Seen(proofs or {}, looks, holdings or {})
    return origins(photos, seen, lambda each: -photos.index(each)), set(seen.missing)


def test_the_one_that_precedes_the_others_was_first_wherever_the_comparison_begins() -> None:
    looks = {(1, 2): made("b"), (1, 3): SILENT, (2, 3): made("a")}
    for order in ([1, 2, 3], [3, 1, 2], [2, 1, 3]):
        found, missing = first_of([photo(each) for each in order], looks)
        assert found.ids == {2}
        assert found.precedes == {1, 3}
        assert not missing


def test_of_two_that_nothing_precedes_the_one_with_most_copies_was_first() -> None:
    # 1 is an odd copy that keeps silent beside the original; the others were made from 2.
    looks = {(1, 2): SILENT, (1, 3): SILENT, (1, 4): SILENT, (2, 3): made(), (2, 4): made(), (3, 4): SILENT}

    found, missing = first_of([photo(each) for each in (1, 2, 3, 4)], looks)

    assert found.ids == {2}
    assert found.precedes == {3, 4}
    assert not missing


def test_an_original_that_ranks_behind_its_edits_is_found_by_what_was_made_from_it() -> None:
    edited = made("b", is_whole=False)  # in places; the first one is filtered all over and keeps silent
    looks = {(1, 2): SILENT, (1, 3): SILENT, (1, 4): SILENT, (2, 3): SILENT, (2, 4): edited, (3, 4): edited}

    found, missing = first_of([photo(each) for each in (1, 2, 3, 4)], looks)

    assert found.ids == {4}
    assert found.precedes == {2, 3}
    assert not missing


def test_nothing_is_said_where_nothing_tells() -> None:
    found, _ = first_of([photo(1), photo(2)], {(1, 2): SILENT})
    assert found == Origins()


def test_pairs_that_nobody_looked_at_are_asked_for_round_by_round() -> None:
    photos = [photo(each) for each in (1, 2, 3)]
    found, missing = first_of(photos, {})
    assert (found, missing) == (Origins(), {(1, 2), (1, 3), (2, 3)})
    # Once 2 has taken the place of 1, only what is left of its own pairs is asked for.
    _, missing = first_of(photos, {(1, 2): made("b"), (1, 3): SILENT})
    assert missing == {(2, 3)}


def test_what_only_cameras_write_decides_where_pixels_do_not() -> None:
    found, _ = first_of([photo(1), photo(2)], {(1, 2): SILENT}, {2: CAMERA})
    assert found.ids == {2}
    assert found.by_camera
    # A camera's words in a file whose pixels come from the other one were copied there.
    found, _ = first_of([photo(1), photo(2)], {(1, 2): made("a")}, {2: CAMERA})
    assert found.ids == {1}


@pytest.mark.parametrize(
    ("look", "more_record", "expected"),
    [
        (None, 0, 0),
        (None, 2, 1),
        (None, -2, -1),
        (None, 1, 0),
        (made("a"), -5, 1),
        (made("same"), 0, 0),
        (made("same"), 3, 1),
        (Look(finer="a"), 0, 1),
        # The camera's record was kept by a program that made the picture smaller.
        (Look(finer="b"), 5, -1),
    ],
)
def test_strong_evidence_only(look: Look | None, more_record: int, expected: int) -> None:
    assert is_before(look, more_record) == expected


JPEG, BARE, PSD = Maker("JPEG", 3), Maker("JPEG", 0), Maker("PSD", 0)
TONED = Look("b", "bitmap", "tone")


@pytest.mark.parametrize(
    ("look", "first", "second", "expected"),
    [
        (TONED, JPEG, PSD, ""),
        (Look("b", "reduced", finer="b"), JPEG, PSD, ""),  # nor does a larger one out of the RAW
        (TONED, BARE, PSD, "b"),  # of a drawing nothing says otherwise
        (TONED, JPEG, BARE, "b"),
        (TONED, JPEG, Maker("TIFF", 3), ""),  # Lightroom keeps what the camera wrote
        (made("b"), JPEG, Maker("TIFF", 3), "b"),  # exported from it as it is
        (Look("b", "exact", "sharpened"), JPEG, Maker("TIFF", 3), "b"),  # for a screen
        (made("a"), JPEG, PSD, "a"),
    ],
)
def test_what_a_program_wrote_came_before_no_file_of_the_camera(
    look: Look, first: Maker, second: Maker, expected: str
) -> None:
    assert in_doubt(look, first, second).relation == expected
    back = {"a": "b", "b": "a", "": ""}[expected]
    assert in_doubt(reversed_look(look), second, first).relation == back


def test_the_camera_s_jpeg_is_kept_beside_what_was_developed_from_its_raw() -> None:
    jpeg, psd = photo(1), replace(photo(2), format="PSD")
    found = known(
        jpeg, psd, proofs={(1, 2): replace(copy(), saturation=1.4)}, holdings={1: CAMERA, 2: Holdings()}
    )

    (group,) = group_copies(found, looks={(1, 2): TONED})

    assert (group.keeper_photo, group.reason) == (jpeg, "the camera's own file")
    assert [member.why_not for member in group.members] == ["an edit"]


def test_an_original_that_is_not_kept_is_called_so() -> None:
    original, resaved = photo(1, path="/in/1.jpg"), photo(2, path="/album/1.jpg")
    found = known(original, resaved, proofs={(1, 2): copy()})

    (group,) = group_copies(found, KeepRules(prefer=("/album",)), looks={(1, 2): made()})

    assert group.keeper_photo == resaved
    assert [(member.transform, member.why_not) for member in group.members] == [
        ("the original", "finer than the kept file")
    ]


def test_the_same_pixels_are_one_photo_and_looked_at_once() -> None:
    twins = [photo(1, pixels="p"), photo(2, pixels="p"), photo(3)]
    seen = Seen({}, {(1, 3): made()}, first={1: 1, 2: 1, 3: 3})

    found = origins(twins, seen, lambda each: -each.id)

    assert found.ids == {1, 2}
    assert not seen.missing


def test_much_smaller_pictures_and_parts_are_no_rivals_that_must_be_looked_at() -> None:
    large, small, crop = replace(photo(1), width=400, height=300), photo(2), replace(photo(3), width=350)
    part = replace(copy(), overlap_a=0.7, overlap_b=1.0)

    # What was made from the large one is known already: nobody asks for more.
    looks = {(1, 4): made()}
    found, missing = first_of([large, photo(4), small, crop], looks, proofs={(1, 3): part})

    assert found.ids == {1}
    assert not missing
    # A frame may be around the original: there both are looked at.
    framed = replace(part, surround_a=0.3)
    assert (1, 3) in first_of([large, small, crop], {}, proofs={(1, 3): framed})[1]


def test_no_order_of_photos_changes_who_was_first() -> None:
    rng = Random(7)
    for _ in range(200):
        looks = {
            (a, b): rng.choice([made("a"), made("b"), SILENT]) for a in range(1, 6) for b in range(a + 1, 6)
        }
        photos = [photo(each) for each in range(1, 6)]
        rank = {each: rng.random() for each in photos}
        outcomes = set()
        for _ in range(4):
            rng.shuffle(photos)
            outcomes.add(origins(photos, Seen({}, looks), rank.__getitem__))
        assert len(outcomes) == 1
