"""One look at two files: who came first is asked once, and what differs where somebody wants to know."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from lookalike import Library
from lookalike.dedup.groups.report import group_input, stars_of
from lookalike.dedup.look import LOOK_VERSION
from lookalike.dedup.look.look_at import look_at
from lookalike.indexer.decode.full import open_full
from lookalike.store.catalog.looks import looks_of
from lookalike.tests.pictures import draw_photo, encode, save

SCENE = draw_photo(3, 640, 480)
# Brighter, and saved often: neither can be computed from the other.
A = open_full(encode(SCENE, quality=60))
B = open_full(encode(ImageEnhance.Brightness(SCENE).enhance(1.06), quality=55))


def test_a_partial_look_is_completed_without_asking_again_who_came_first() -> None:
    first = look_at(A, B, np.eye(3), full=False)

    assert first.is_partial
    assert look_at(A, B, np.eye(3), known=first) == look_at(A, B, np.eye(3))
    assert look_at(A, B, np.eye(3), known=replace(first, how="as it was known")).how == "as it was known"


def test_what_differs_is_only_asked_of_the_file_that_is_kept(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    save(photos / "original.jpg", SCENE, quality=80)
    with Image.open(photos / "original.jpg") as original:
        shown = original.convert("RGB")
    save(photos / "heavier.jpg", shown, quality=97)  # would be kept if nothing told
    for quality in (50, 60):
        save(photos / f"{quality}.jpg", ImageEnhance.Sharpness(shown).enhance(1.2), quality=quality)

    with Library.open(tmp_path / "store", create=True) as library:
        library.index([photos])
        (group,) = library.copies.find().groups
        with library.store.reading() as view:
            (star,) = stars_of(group_input(view))
            looks = looks_of(view, {photo.id for photo in star}, LOOK_VERSION)

    assert Path(group.keeper.path).name == "original.jpg"
    compared = [pair for pair, told in looks.items() if "score" in told]
    assert compared
    assert all(group.keeper_photo.id in pair for pair in compared)
