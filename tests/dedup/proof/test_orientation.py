import numpy as np
import pytest
from PIL import Image

from lookalike.dedup.proof.orientation import N_FORMS, best_form, form_matrix, form_of, form_scores, in_form
from lookalike.dedup.proof.pdq import distance, pdq
from lookalike.tests.dedup.proof.making import as_picture
from lookalike.tests.pictures import draw_photo


@pytest.mark.parametrize("form", range(N_FORMS))
def test_the_matrix_of_a_form_says_where_its_pixels_went(form: int) -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    turned = in_form(picture, form)

    for y, x in np.ndindex(picture.shape):
        there = form_matrix(form, 4, 3) @ (x + 0.5, y + 0.5, 1)
        assert turned[int(there[1]), int(there[0])] == picture[y, x]


@pytest.mark.parametrize("form", range(N_FORMS))
def test_the_form_of_a_map_is_found(form: int) -> None:
    assert form_of(form_matrix(form, 40, 30)) == form


@pytest.mark.parametrize("form", range(N_FORMS))
def test_squares_and_hashes_tell_the_form(form: int) -> None:
    image = draw_photo(3)
    plain, turned = as_picture(image), in_form(np.asarray(image), form)
    other = as_picture(Image.fromarray(turned))

    undoing = best_form(form_scores(plain.square, other.square))

    assert undoing == (form if form >= 4 else -form % 4)
    assert distance(plain.hash[0], other.hash[0], undoing) <= 16


def test_the_hash_of_a_blank_picture_is_worth_nothing() -> None:
    assert pdq(np.full((192, 256), 200, np.uint8))[1] == 0
    assert as_picture(draw_photo(3)).hash[1] > 50
