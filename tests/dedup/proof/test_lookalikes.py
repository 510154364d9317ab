import numpy as np
import pytest
from PIL import Image, ImageDraw

from lookalike.dedup.proof import Evidence, Picture, differing_blocks
from lookalike.tests.dedup.proof import making
from lookalike.tests.dedup.proof.making import as_picture, compare
from lookalike.tests.pictures import draw_photo


def parallax(shift: int) -> Image.Image:
    """Show a place from a step aside: what is near has moved by shift pixels of 640."""
    far, near = draw_photo(11), draw_photo(12)
    mask = Image.new("L", far.size, 0)
    draw = ImageDraw.Draw(mask)
    for left in (30, 250, 460):
        draw.rectangle([left, 180, left + 120, 480], fill=255)
    far.paste(near, (shift, 0), mask=mask)
    moved = Image.new("L", far.size, 0)
    moved.paste(mask, (shift, 0))
    view = draw_photo(11)
    view.paste(near.transform(near.size, Image.Transform.AFFINE, (1, 0, -shift, 0, 1, 0)), mask=moved)
    return making.cropped(0.9)(view)


@pytest.mark.parametrize("seed", range(20, 26))
def test_other_photos_are_not_copies(seed: int) -> None:
    evidence = compare(draw_photo(seed), draw_photo(seed + 100))

    assert evidence.verdict == "similar"
    assert evidence.probability < 0.1


@pytest.mark.parametrize("shift", [8, 12, 24])
def test_another_view_of_the_same_place_is_not_a_copy(shift: int) -> None:
    assert compare(parallax(0), parallax(0)).verdict == "copy"

    assert compare(parallax(0), parallax(shift)).verdict == "similar"


def test_a_hair_s_breadth_of_another_view_is_never_selected_unseen() -> None:
    assert not compare(parallax(0), parallax(6)).natural


def test_the_next_frame_of_a_moving_camera_is_not_a_copy() -> None:
    scene = draw_photo(13, 1280, 960)
    frames = [scene.crop((left, 100, left + 900, 800)) for left in (100, 260)]

    evidence = compare(*frames)

    assert evidence.how == "features"  # it was seen that they show the same
    assert not evidence.natural


def test_nearly_blank_pages_are_not_copies() -> None:
    pages = [Image.new("RGB", (600, 800), (250, 250, 248)) for _ in range(2)]
    ImageDraw.Draw(pages[1]).line((100, 400, 180, 410), fill=(60, 60, 60), width=3)

    assert compare(*pages).verdict == "similar"


def test_gradients_are_not_turned_copies_of_each_other() -> None:
    ramp = np.linspace(0, 255, 480).astype(np.uint8)
    down = Image.fromarray(np.repeat(np.repeat(ramp[:, None], 480, 1)[..., None], 3, 2))

    assert compare(down, down.rotate(90)).verdict == "similar"


def shirt(color: tuple[int, int, int]) -> Image.Image:
    """Draw the same design on a shirt of this color; brightness is equal, so only color tells."""
    image = draw_photo(14)
    mask = Image.new("L", image.size, 0)
    draw = ImageDraw.Draw(mask)
    draw.polygon(
        [(160, 60), (480, 60), (600, 180), (500, 220), (480, 460), (160, 460), (60, 180)], fill=255
    )
    image.paste(Image.new("RGB", image.size, color), mask=mask)
    draw = ImageDraw.Draw(image)
    for row in range(5):
        draw.ellipse([200 + 40 * row, 120 + 50 * row, 290 + 40 * row, 190 + 50 * row], fill=(240, 240, 240))
    return image


def test_a_design_in_another_color_is_another_design() -> None:
    red, green = shirt((200, 40, 40)), shirt((20, 128, 30))

    evidence = compare(red, green)

    assert (evidence.verdict, evidence.branch) == ("similar", "recolored")
    assert compare(red, making.saturated(0.4)(red)).verdict == "copy"
    assert compare(red, making.greyed(red)).verdict == "copy"


def test_pages_that_differ_in_one_line_are_never_selected_unseen() -> None:
    evidence = compare(making.page(), making.page(changed=9))

    assert not evidence.natural
    assert not compare(making.page(), making.saved(50)(making.page())).natural


def test_pages_of_other_text_are_not_copies() -> None:
    shuffled = Image.new("RGB", (600, 800), (253, 253, 251))
    page = making.page()
    for line in range(18):
        strip = page.crop((0, 45 + 40 * line, 600, 85 + 40 * line))
        shuffled.paste(strip, (0, 45 + 40 * ((line * 7 + 3) % 18)))

    assert compare(page, shuffled).verdict == "similar"


def test_the_line_that_differs_is_found() -> None:
    first, second = as_picture(making.page()), as_picture(making.page(changed=9))
    evidence = compare(making.page(), making.page(changed=9))

    boxes = differing_blocks(first, second, evidence)

    assert boxes
    middles = [y + height / 2 for _, y, _, height in boxes]
    assert np.median(middles) == pytest.approx((50 + 40 * 9 + 12) / 800, abs=0.03)


def test_nothing_differs_without_a_map() -> None:
    picture: Picture = as_picture(draw_photo(1))

    assert differing_blocks(picture, picture, Evidence()) == []
