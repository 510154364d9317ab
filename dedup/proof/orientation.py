"""The eight forms of a picture: plain or mirrored, each turned by 0, 90, 180 or 270 degrees.

Form 4 * m + k is the picture mirrored left to right (if m) and then turned k times 90 degrees
counterclockwise.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from .planes import Matrix, Plane

N_FORMS = 8
SQUARE_SIDE = 32

# The plain form wins unless another one is clearly better: symmetric pictures are not mirrored ones.
_TIE = 0.02

_Any = TypeVar("_Any", bound=np.generic)


def in_form(picture: npt.NDArray[_Any], form: int) -> npt.NDArray[_Any]:
    """Return the picture (h, w, ...) in this form."""
    mirrored = picture[:, ::-1] if form >= 4 else picture
    return np.ascontiguousarray(np.rot90(mirrored, form % 4))


def form_matrix(form: int, width: int, height: int) -> Matrix:
    """Return the map from points of the plain picture of this size to points of its form."""
    matrix = np.eye(3)
    if form >= 4:
        matrix = np.array([[-1, 0, width], [0, 1, 0], [0, 0, 1.0]])
    for _ in range(form % 4):
        matrix = np.array([[0, 1, 0], [-1, 0, width], [0, 0, 1.0]]) @ matrix
        width, height = height, width
    return matrix


def form_of(matrix: Matrix) -> int:
    """Return the form that a map is closest to: what one does to the first picture before the rest."""
    mirrored = bool(np.linalg.det(matrix[:2, :2]) < 0)
    if mirrored:
        matrix = matrix @ np.diag([-1.0, 1, 1])
    # With y pointing down a counterclockwise turn has a negative sine.
    angle = float(np.degrees(np.arctan2(-matrix[1, 0], matrix[0, 0])))
    return int(4 * mirrored + round(angle / 90) % 4)


def _places() -> npt.NDArray[np.int64]:
    place = np.arange(SQUARE_SIDE**2).reshape(SQUARE_SIDE, SQUARE_SIDE)
    return np.stack([in_form(place, form).ravel() for form in range(N_FORMS)])


_PLACES = _places()


def form_scores(a: Plane, b: Plane) -> Plane:
    """Return how well b fits a in each of its forms, (8,) in [-1, 1]; a, b: squares (1024,)."""
    return np.asarray(b[_PLACES] @ a, np.float32)


def best_form(scores: Plane) -> int:
    """Return the form with the best score, the plain one on a tie."""
    best = int(np.argmax(scores))
    return best if scores[best] - scores[0] >= _TIE else 0
