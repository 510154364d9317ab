"""What lies around a picture is told from more of the picture; the picture without it is kept."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image, ImageDraw, ImageFilter

from lookalike.dedup.groups.groups import Group
from lookalike.dedup.groups.keeper import DEFAULT_RULES
from lookalike.dedup.groups.members import GroupContext, described
from lookalike.dedup.groups.original import Seen
from lookalike.dedup.proof import Evidence
from lookalike.tests.dedup.groups.test_groups import make_file, make_photo
from lookalike.tests.pictures import draw_photo

from .making import bordered, compare, cropped, resized

PHOTO = draw_photo(5)


def letterboxed(photo: Image.Image) -> Image.Image:
    """Put it in the middle of a high sheet over a blurred enlargement of itself."""
    width, height = photo.width, round(photo.width * 1.5)
    sheet = photo.resize((round(height * photo.width / photo.height), height))
    left = (sheet.width - width) // 2
    sheet = sheet.crop((left, 0, left + width, height)).filter(ImageFilter.GaussianBlur(width / 25))
    sheet.paste(photo, (0, (height - photo.height) // 2))
    return sheet


def on_a_screen(photo: Image.Image) -> Image.Image:
    """Show it between the bars of a phone's screen, larger than it is."""
    picture = resized(1.5)(photo)
    sheet = Image.new("RGB", (picture.width, picture.height * 2), (12, 12, 14))
    sheet.paste(picture, (0, picture.height // 2))
    draw = ImageDraw.Draw(sheet)
    draw.text((40, 20), "12:30", fill=(240, 240, 240), font_size=40)
    draw.rectangle(
        [picture.width // 3, sheet.height - 30, picture.width * 2 // 3, sheet.height - 20], "white"
    )
    return sheet


FRAMES = [bordered(0.06), bordered(0.1, (30, 60, 90)), letterboxed, on_a_screen]


@pytest.mark.parametrize("frame", FRAMES)
def test_a_frame_is_no_picture(frame: Callable[[Image.Image], Image.Image]) -> None:
    framed = frame(PHOTO)
    found = compare(PHOTO, framed)
    assert found.verdict == "copy"
    assert found.surround_a == 0
    assert found.surround_b == pytest.approx(1 - found.overlap_b, abs=0.03)
    assert compare(framed, PHOTO).surround_a == pytest.approx(found.surround_b, abs=0.001)


@pytest.mark.parametrize("share", [0.7, 0.9])
def test_what_a_crop_left_out_is_picture(share: float) -> None:
    found = compare(PHOTO, cropped(share)(PHOTO))
    assert found.verdict == "copy"
    assert (found.surround_a, found.surround_b) == (0, 0)


def group_of(first: Image.Image, second: Image.Image, evidence: Evidence) -> Group:
    photos = [
        replace(make_photo(make_file(f"/{n}.jpg", ino=n)), id=n, digest=f"{n}", pixel_digest=f"{n}",
                width=image.width, height=image.height)
        for n, image in ((1, first), (2, second))
    ]  # fmt: skip
    return described(photos, GroupContext(Seen({(1, 2): evidence}), DEFAULT_RULES, lambda _: ()))


@pytest.mark.parametrize("frame", FRAMES)
def test_the_picture_is_kept_and_not_its_frame_nor_is_that_given_up_unseen(
    frame: Callable[[Image.Image], Image.Image],
) -> None:
    framed = frame(PHOTO)
    group = group_of(PHOTO, framed, compare(PHOTO, framed))
    assert group.keeper_photo.id == 1
    assert [member.why_not for member in group.members] != [""]


def test_a_photo_between_bars_is_in_a_frame_and_no_page_of_text() -> None:
    screenshot = Image.new("RGB", (PHOTO.width, PHOTO.height * 5 // 2))
    screenshot.paste(PHOTO, (0, PHOTO.height * 3 // 4))
    evidence = compare(PHOTO, screenshot)
    assert evidence.page  # its ground is as even as that of one

    (member,) = group_of(PHOTO, screenshot, evidence).members

    assert (member.why_not, [loss.kind for loss in member.losses]) == ("an edit", ["edit", "unknown"])
    assert member.transform.startswith("in a frame")
    assert "document" not in member.transform


def test_a_frame_is_kept_where_the_picture_is_left_in_small_only() -> None:
    small, framed = resized(0.3)(PHOTO), bordered(0.06)(PHOTO)
    group = group_of(small, framed, compare(small, framed))
    assert group.keeper_photo.id == 2


def test_the_whole_is_kept_and_not_the_crop() -> None:
    crop = cropped(0.8)(PHOTO)
    group = group_of(crop, PHOTO, compare(crop, PHOTO))
    assert group.keeper_photo.id == 2


def test_what_shows_more_than_the_kept_one_is_not_given_up_unseen() -> None:
    large_crop = resized(2)(cropped(0.8)(PHOTO))
    group = group_of(large_crop, PHOTO, compare(large_crop, PHOTO))
    assert group.keeper_photo.id == 1
    assert [member.why_not for member in group.members] == ["an edit"]


def test_of_two_alike_the_one_with_its_colors_is_kept() -> None:
    grey = PHOTO.convert("L").convert("RGB")
    for first, second, kept in ((PHOTO, grey, 1), (grey, PHOTO, 2)):
        assert group_of(first, second, compare(first, second)).keeper_photo.id == kept
