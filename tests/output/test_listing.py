"""Listings as scripts, spreadsheets and terminals get them."""

import csv
import io
import os

import pytest

from lookalike.output.listing import Listing, write

FORMULA = '=HYPERLINK("http://x","a") @x'
ROWS = [{"path": "/a/\x1b[31mred.jpg", "camera": FORMULA, "score": -0.5, "lens": "-1", "note": "a=b"}]
LISTING = Listing("files", ROWS, lambda _: [], list(ROWS[0]))


def written(form: str) -> bytes:
    out = io.BytesIO()
    write(LISTING, form, out)
    return out.getvalue()


def test_no_cell_of_a_csv_is_a_formula_and_numbers_stay_numbers() -> None:
    (row,) = csv.DictReader(io.StringIO(written("csv").decode()))

    assert row == {
        "path": "/a/\x1b[31mred.jpg",
        "camera": f"'{FORMULA}",
        "score": "-0.5",
        "lens": "'-1",
        "note": "a=b",
    }


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_what_a_spreadsheet_runs_gets_an_apostrophe(first: str) -> None:
    out = io.BytesIO()
    write(Listing("files", [{"camera": f"{first}1"}], lambda _: [], ["camera"]), "csv", out)

    (row,) = csv.DictReader(io.StringIO(out.getvalue().decode(), newline=""))
    assert row["camera"] == f"'{first}1"


@pytest.mark.parametrize("form", ["csv", "paths"])
def test_no_name_steers_a_terminal_and_scripts_get_the_bytes(form: str) -> None:
    master, slave = os.openpty()
    with open(slave, "wb") as terminal:
        write(LISTING, form, terminal)
        shown = os.read(master, 4096)
        while b"red.jpg" not in shown:  # a line came alone
            shown += os.read(master, 4096)
    os.close(master)

    assert b"\x1b" not in shown
    assert b"\\x1b[31mred.jpg" in shown
    assert b"/a/\x1b[31mred.jpg" in written(form)
