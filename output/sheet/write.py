"""Writing a contact sheet of answers to a file."""

import os
from collections.abc import Sequence

import numpy as np

from ...errors import UsageError
from ...search.answers import Answer
from ...store.own_files import OwnFile
from ...store.store import Store
from .cells import Pixels, cells, count_cells, count_of
from .drawing import Layout, encoded, rows
from .signature import is_sheet

_FORMS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
SHEET = OwnFile("sheet", is_sheet, tuple(_FORMS))

# (up to so many pictures, their side, height of letters), in pixels; a sheet is about so wide, and no
# format holds more than so high a one.
_SIZES = ((60, 224, 15), (240, 160, 13), (10**9, 96, 10))
_WIDTH = 1500
_HIGHEST = 16_000


def write_sheet(path: str | os.PathLike[str], answers: Sequence[Answer], store: Store) -> None:
    """Draw answers to a file, whole or not at all: examples first and framed, then results with numbers.

    Several answers begin a row each. An older sheet is replaced.

    Raises:
        UsageError: see `OwnFile.check`; or the answers are too many.
        OutputUnwritable: the file cannot be written.
    """
    path = os.fspath(path)
    SHEET.check(path)
    data = sheet_of(answers, store, _FORMS[os.path.splitext(path)[1].lower()])
    with SHEET.replaced(path) as out:
        out.write(data)


def sheet_of(answers: Sequence[Answer], store: Store, form: str) -> bytes:
    """Return the sheet of answers as a file. form: "JPEG", "PNG" or "WEBP".

    Raises:
        UsageError: the answers are too many.
    """
    layout = layout_for(answers)
    drawn = [row for answer in answers for row in rows(cells(answer, store), layout)]
    return _encoded(_joined(drawn, layout), form)


def layout_for(answers: Sequence[Answer]) -> Layout:
    """Return the sizes for a sheet of the answers: the more pictures, the smaller.

    Raises:
        UsageError: there are too many for one sheet.
    """
    count = count_cells(answers)
    side, letters = next((side, letters) for most, side, letters in _SIZES if count <= most)
    each = [count_of(answer) for answer in answers]
    columns = max(1, min(_WIDTH // (side + 16), max(each, default=1)))
    layout = Layout(side, columns, letters)
    height = sum(-(-cells // columns) for cells in each) * layout.row
    if height > _HIGHEST:
        raise UsageError(
            f"the sheet would be {height:,} pixels high, at most {_HIGHEST:,} can be; search by fewer "
            "images at a time"
        )
    return layout


def _encoded(picture: Pixels, form: str) -> bytes:
    try:
        return encoded(picture, form)
    except (OSError, ValueError) as error:  # how encoders say that a picture is none for their format
        height, width = picture.shape[:2]
        raise UsageError(
            f"a sheet of {width:,} x {height:,} pixels cannot be {form}: {error}; lower -k"
        ) from error


def _joined(drawn: list[Pixels], layout: Layout) -> Pixels:
    empty = np.full((layout.gap, layout.width, 3), 250, np.uint8)
    return np.concatenate([*drawn, empty])
