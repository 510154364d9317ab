"""What would be lost if one file went and the other one stayed: each kind of thing, and only those."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lookalike.dedup.groups.account import Loss, Party, as_seen, edit_of, held, pixels_lost
from lookalike.dedup.groups.companions import Companion
from lookalike.dedup.look import Look
from lookalike.store.records import Holdings

from .test_report import copy, made, photo

TAGGED = {"keywords": ["Wedding", "Zoë"], "people": ["Ann"], "rating": "5", "title": "Day"}


def party(number: int, holdings: Holdings | None = None, *beside: Companion, **fields: Any) -> Party:
    return Party(replace(photo(number), **fields), beside, holdings or Holdings())


def words(kept: Party, other: Party) -> list[str]:
    return [loss.words for loss in held(kept, other)]


def sidecar(name: str, *, shared: bool = False) -> Companion:
    size = os.path.getsize(name) if os.path.exists(name) else 7
    return Companion(name, "sidecar", size, 1, shared)


@pytest.mark.parametrize(
    ("holdings", "expected"),
    [
        (Holdings(frames=3), ["3 pages or frames that were not compared"]),
        (Holdings(is_transparent=True), ["transparent parts"]),
        (Holdings(bits=16), ["16 bits a color"]),
        (Holdings(auxiliary=("gain map", "depth")), ["its gain map", "its depth"]),
        (Holdings(behind="film", behind_size=9), ["the film behind the picture"]),
        (Holdings(fields={"keywords": ["Wedding", "Zoë"]}), ["keywords Wedding, Zoë"]),
        (Holdings(fields={"rating": "5"}), ["rating 5"]),
        (Holdings(fields={"caption": "x" * 60}), [f"caption {'x' * 39}…"]),
        (Holdings(fields={"software": "GIMP", "exposure_time": 0.1}), []),
        (Holdings(), []),
    ],
)
def test_each_thing_that_only_the_other_holds_is_named(holdings: Holdings, expected: list[str]) -> None:
    plain, rich = party(1), party(2, holdings)
    assert words(plain, rich) == expected
    assert words(rich, plain) == []
    assert words(rich, party(3, holdings, pixel_digest="2")) == []


def test_words_that_stand_in_the_kept_file_under_another_name_are_not_lost() -> None:
    kept, other = Holdings(fields={"caption": "At the sea"}), Holdings(fields={"title": "At the sea"})
    assert words(party(1, kept), party(2, other)) == []
    assert words(
        party(1, Holdings(fields={"rating": "3"})), party(2, Holdings(fields={"rating": "5"}))
    ) == ["rating 5"]


def test_pages_of_one_digest_are_the_same_pages() -> None:
    pages = Holdings(frames=2, is_transparent=True)
    assert words(party(1, pages, pixel_digest="p"), party(2, pages, pixel_digest="p")) == []


def test_time_camera_and_position_count_and_differing_times_do_not() -> None:
    facts: dict[str, Any] = {"taken": "2020-01-02T03:04:05", "camera": "Maker M1", "latitude": 1.0}
    assert words(party(1), party(2, **facts)) == ["capture time 2020-01-02", "camera Maker M1", "position"]
    assert words(party(1, taken="2021-01-01T00:00:00"), party(2, taken="2020-01-01T00:00:00")) == []


def test_a_sidecar_is_lost_if_no_kept_one_says_the_same(tmp_path: Path) -> None:
    for name, text in {"a.XMP": "Holiday", "b.xmp": "Holiday", "c.xmp": "Wedding"}.items():
        (tmp_path / name).write_text(text)
    at = {name: str(tmp_path / name) for name in ("a.XMP", "b.xmp", "c.xmp", "away.xmp")}
    plain, other = party(1), party(2, None, sidecar(at["b.xmp"]))
    assert words(plain, other) == ["its b.xmp"]
    assert words(party(1, None, sidecar(at["a.XMP"])), other) == []
    assert words(party(1, None, sidecar(at["c.xmp"])), other) == ["its b.xmp"]
    assert words(party(1, None, sidecar(at["away.xmp"])), other) == ["its b.xmp"]
    assert words(plain, party(2, None, sidecar(at["b.xmp"], shared=True))) == []
    # Of files with the same bytes, too.
    assert words(plain, replace(other, photo=plain.photo)) == ["its b.xmp"]


def test_what_was_never_looked_at_counts_as_lost() -> None:
    unknown = Party(photo(2), (), None)
    for pair in ((party(1), unknown), (unknown, party(1))):
        assert [loss.kind for loss in held(*pair)] == ["unknown"]


def test_damage_of_the_file_that_stays_is_a_reason_to_look() -> None:
    broken = Holdings(damage=("it ends early",))
    assert words(party(1, broken), party(2)) == ["the kept file is damaged (it ends early)"]
    assert words(party(1), party(2, broken)) == []


@pytest.mark.parametrize(
    ("look", "kind"),
    [
        (None, "unknown"),
        (Look(failed="no"), "unknown"),
        (made("same"), None),
        (made("a"), None),
        (made("a", is_whole=False, score=0.3), None),
        (made("a", is_whole=False, score=1.4), "places"),
        (made("b"), "detail"),
        (Look(score=0.3), None),
        (Look(score=0.9), "places"),
        (Look(score=0.3, tint=4.0), "light"),
        (Look(score=0.3, brightness=9.0), "light"),
        (Look(score=0.3, contrast=1.2), "light"),
        (Look(score=0.3, saturation=0.5), "light"),
        (Look(score=0.3, finer="b"), "detail"),
        (Look(), "unknown"),
    ],
)
def test_pixels_are_lost_unless_a_look_says_that_nothing_is(look: Look | None, kind: str | None) -> None:
    found = pixels_lost(photo(1), photo(2), copy(), look)
    assert (found and found.kind) == kind
    # It is read after "would lose: ".
    assert found is None or (found.kind == "unknown") == found.words.startswith("not known: ")


def test_more_pixels_are_a_loss_unless_they_were_made_from_fewer() -> None:
    large = replace(photo(2), width=8, height=6)
    assert pixels_lost(photo(1), large, copy(), Look(score=0.3)) == Loss("detail", "finer detail (8x6)")
    assert pixels_lost(photo(1), large, copy(), made("a")) is None


def test_places_are_told_with_their_size() -> None:
    large = replace(photo(2), width=1000, height=500)
    look = Look(score=2.0, places_b=((0.1, 0.1, 0.06, 0.3), (0.5, 0.5, 0.1, 0.1)))
    loss = pixels_lost(large, large, copy(), look)
    assert loss == Loss("places", "2 places differ, the first of 60 x 150 px")


@pytest.mark.parametrize(
    ("changes", "look", "expected"),
    [
        ({}, None, ""),
        ({"brightness": 20.0}, None, "edited"),
        # What is computed from the kept file without any change of tones has none.
        ({"brightness": 8.0, "differing": 0.3}, made("a"), ""),
        ({"differing": 0.3}, Look(score=0.2), ""),
        ({"differing": 0.3}, Look(score=1.2), ""),
        ({"differing": 0.3}, Look(), "edited"),
        ({"form": 1}, made("a"), "turned"),
        ({"overlap_a": 0.8}, made("a"), "cropped"),
        ({}, made("a", model="tone", brightness=12.0), "edited"),
        ({}, made("a", model="tone", brightness=1.0), "edited"),  # saving alone needs no curves
        ({}, Look(score=0.2, detail=2.2), "sharpened"),
        ({}, Look(score=0.2, detail=0.5), "softened"),
        ({"aspect": 1.1}, made("a"), "stretched"),
    ],
)
def test_an_edit_is_somebodys_work(changes: dict[str, Any], look: Look | None, expected: str) -> None:
    proof = as_seen(replace(copy(), **changes), look)
    assert edit_of(photo(1), photo(2), proof, look) == expected


def test_a_reduced_copy_may_look_sharpened_and_an_enlarged_one_is_an_edit() -> None:
    kept, small = replace(photo(1), width=400, height=300), replace(photo(2), width=200, height=150)
    proof = replace(copy(), scale=0.5)
    assert edit_of(kept, small, proof, Look(score=0.2, detail=1.5)) == ""
    assert edit_of(kept, small, proof, Look(score=0.2, detail=2.5)) == "sharpened"
    assert edit_of(small, kept, proof, made("a")) == "enlarged"


def test_a_crop_that_lacks_a_narrow_rim_is_an_edit_though_all_of_it_is_explained() -> None:
    cut = replace(photo(2), width=photo(1).width - 6, height=photo(1).height - 4)

    assert edit_of(photo(1), cut, replace(copy(), overlap_a=0.986), made("a")) == "cropped"
    assert edit_of(photo(1), cut, replace(copy(), overlap_a=0.998), made("a")) == ""


def test_raw_data_are_lost_with_any_other_file() -> None:
    raw, jpeg = party(1, format="RAW"), party(2, format="JPEG")
    held_data = Holdings(bits=14, auxiliary=("raw data",))
    assert words(party(3, held_data, format="RAW"), party(4, held_data, format="RAW")) == ["its raw data"]
    assert words(jpeg, party(3, held_data, format="RAW")) == ["14 bits a color", "its raw data"]
    assert words(raw, jpeg) == ["the developed picture"]
    assert words(raw, raw) == []
