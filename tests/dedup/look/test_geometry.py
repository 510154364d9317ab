"""Where points go, and how a rough map becomes an exact one."""

import cv2
import numpy as np
import pytest
from PIL import Image

from lookalike.dedup.look.geometry import aligned, corners, full_matrix, mapped, turned, upright, whole
from lookalike.dedup.look.resampling import onto
from lookalike.dedup.proof.planes import Grey, Matrix
from tests.pictures import draw_photo

SIZE = (640, 480)
TURNS = tuple(Image.Transpose)


def grey(image: Image.Image) -> Grey:
    return np.asarray(image.convert("L"))


def turn_matrix(kind: Image.Transpose, size: tuple[int, int]) -> Matrix:
    """The exact map of a picture onto its transposed self, from three corners."""
    marks = np.zeros((size[1], size[0]), np.uint8)
    marks[0, 0], marks[0, -1], marks[-1, -1], marks[-1, 0] = 50, 100, 150, 200
    moved = np.asarray(Image.fromarray(marks).transpose(kind))
    there = [np.argwhere(moved == level)[0][::-1] + 0.5 for level in (50, 100, 150)]
    here = corners(size)[:3] + np.array([[0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5]])
    affine = cv2.getAffineTransform(here.astype(np.float32), np.array(there, np.float32))
    return np.round(np.vstack([affine, [0, 0, 1]]))


def test_a_map_between_thumbnails_is_one_between_pictures() -> None:
    matrix = full_matrix(np.diag([0.5, 0.5, 1]), ((4000, 3000), (800, 600)), ((400, 300), (200, 150)))

    assert mapped(matrix, corners((4000, 3000))) == pytest.approx(corners((800, 600)))


@pytest.mark.parametrize("kind", TURNS)
def test_all_eight_forms_of_a_whole_picture_are_snapped_to(kind: Image.Transpose) -> None:
    exact = turn_matrix(kind, SIZE)
    other = SIZE if exact[0, 0] else SIZE[::-1]
    rough = exact + np.array([[1e-3, 5e-4, 0.8], [-5e-4, 1e-3, -0.6], [0, 0, 0]])

    found = whole(rough, SIZE, other)

    assert found is not None
    assert found == pytest.approx(exact, abs=1e-3)


def test_a_cut_out_of_98_percent_is_not_snapped() -> None:
    matrix = np.diag([1 / 0.98, 1 / 0.98, 1])

    assert whole(matrix, SIZE, SIZE) is None


@pytest.mark.parametrize("kind", TURNS)
def test_turned_pictures_are_shown_upright(kind: Image.Transpose) -> None:
    picture = np.asarray(draw_photo(1, *SIZE))
    other = np.asarray(Image.fromarray(picture).transpose(kind))
    matrix = turn_matrix(kind, SIZE)

    assert np.array_equal(turned(other, upright(matrix, other.shape[1::-1])), picture)
    assert np.array_equal(onto(other, matrix, SIZE), picture)


@pytest.mark.parametrize("degrees", [0, 90, 2])
def test_a_rough_map_of_a_cut_out_is_refined_to_a_tenth_of_a_pixel(degrees: int) -> None:
    photo = draw_photo(2, 1200, 900)
    turn = np.deg2rad(degrees)
    exact = np.array([[np.cos(turn), -np.sin(turn), 600], [np.sin(turn), np.cos(turn), 450], [0, 0, 1]])
    exact = exact @ np.array([[1.6, 0, -1.6 * 200], [0, 1.6, -1.6 * 150], [0, 0, 1.0]])
    lesser = grey(Image.fromarray(onto(np.asarray(photo), exact, (400, 300))))
    rough = np.array([[1.002, 0.001, 1.2], [-0.001, 0.998, -0.9], [0, 0, 1]]) @ exact

    found = aligned(lesser, grey(photo), rough)

    assert np.abs(mapped(found, corners((400, 300))) - mapped(exact, corners((400, 300)))).max() < 0.16


def test_a_whole_copy_keeps_its_exact_map() -> None:
    photo = draw_photo(3, *SIZE)
    small = photo.resize((320, 240), Image.Resampling.BOX)
    rough = np.array([[2.004, 0.001, 0.5], [0, 1.998, -0.4], [0, 0, 1]])

    assert aligned(grey(small), grey(photo), rough) == pytest.approx(np.diag([2.0, 2, 1]), abs=1e-9)


def test_blank_pictures_keep_the_map_that_is_given() -> None:
    blank = np.full((300, 400), 128, np.uint8)
    matrix = np.array([[1.2, 0, 10], [0, 1.2, 10], [0, 0, 1]])

    assert np.isfinite(aligned(blank, np.full((480, 640), 128, np.uint8), matrix)).all()
