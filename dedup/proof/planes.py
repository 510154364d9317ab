"""The few picture operations that the proof is made of: OpenCV with our types and our coordinates.

Points are (x, y) with the picture's corner at (0, 0), so that a resize is a pure scaling. OpenCV puts
the middle of the first pixel at (0, 0); `warp` takes care of that.
"""

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

# The planes are too small to be worth a thread each, and the callers share the cores among pairs.
cv2.setNumThreads(1)


def shrink(picture: Grey, width: int, height: int) -> Grey:
    """Resize (h, w) or (h, w, 3) by averaging; also enlarges, for what little that is worth."""
    grows = width > picture.shape[1] or height > picture.shape[0]
    kind = cv2.INTER_LINEAR if grows else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, (width, height), interpolation=kind), np.uint8)


def blur(plane: Plane, sigma: float) -> Plane:
    """Return the plane under a Gaussian of sigma pixels."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)


def slopes(plane: Plane) -> tuple[Plane, Plane]:
    """Return the slopes in x and y, in levels per pixel."""
    x = cv2.Sobel(plane, cv2.CV_32F, 1, 0, scale=1 / 8)
    y = cv2.Sobel(plane, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def warp(plane: Plane, matrix: Matrix, width: int, height: int, outside: float = 0.0) -> Plane:
    """Return the (height, width) plane whose point p shows plane's point matrix @ p."""
    shown = cv2.warpPerspective(
        plane,
        shifted(matrix, -0.5),
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderValue=outside,
    )
    return np.asarray(shown, np.float32)


def shifted(matrix: Matrix, by: float) -> Matrix:
    """Return the same map between the same points when both count from a corner moved by -by."""
    there = np.array([[1, 0, by], [0, 1, by], [0, 0, 1.0]])
    back = np.array([[1, 0, -by], [0, 1, -by], [0, 0, 1.0]])
    return np.asarray(there @ matrix @ back, np.float64)


def cell_sums(planes: tuple[Plane, ...], cell: int) -> Plane:
    """Return the sums over cells of cell x cell pixels, (planes, rows, columns); no half cells."""
    rows, columns = planes[0].shape[0] // cell, planes[0].shape[1] // cell
    if not rows or not columns:
        return np.zeros((len(planes), 0, 0), np.float32)
    column = np.concatenate([plane[: rows * cell, : columns * cell] for plane in planes])
    means = cv2.resize(column, (columns, rows * len(planes)), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.float32).reshape(len(planes), rows, columns) * np.float32(cell**2)


def joined(cells: Plane) -> Plane:
    """Return the sums over blocks of 2 x 2 cells that overlap by one, (planes, rows - 1, columns - 1)."""
    across = cells[:, :, 1:] + cells[:, :, :-1]
    return np.asarray(across[:, 1:] + across[:, :-1], np.float32)


def inverted(matrix: Matrix) -> Matrix:
    """Return the inverse map; all zeros when there is none."""
    return np.asarray(cv2.invert(matrix)[1], np.float64)


def scaling(x: float, y: float) -> Matrix:
    """Return the matrix that scales by x and y."""
    return np.diag([x, y, 1.0])
