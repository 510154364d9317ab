"""What names say: one spelling of their letters, and the dates that cameras write into them."""

import os
import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from lookalike.store.names import (
    composed,
    composed_bytes,
    date_in_name,
    format_name,
    is_given_folder,
    is_given_name,
    is_in_waste,
    on_disk,
    spellings,
)

NFC = unicodedata.normalize("NFC", "Blüte é")
NFD = unicodedata.normalize("NFD", NFC)


def test_both_spellings_are_one_name() -> None:
    assert NFC != NFD
    assert composed(NFD) == composed(NFC) == NFC
    assert composed_bytes(NFD.encode() + b"\xff") == NFC.encode() + b"\xff"
    assert spellings(b"plain") == (b"plain",)
    assert set(spellings(NFD.encode())) == set(spellings(NFC.encode())) == {NFC.encode(), NFD.encode()}


def test_a_name_is_found_as_it_is_on_disk(tmp_path: Path) -> None:
    there = os.path.join(os.fsencode(tmp_path), NFD.encode(), NFC.encode(), b"x.jpg")
    os.makedirs(there)
    root = os.fsencode(tmp_path)
    assert on_disk(os.path.join(root, NFC.encode(), NFD.encode(), b"x.jpg")) == there
    assert on_disk(os.path.join(root, NFC.encode(), b"none")) == os.path.join(root, NFD.encode(), b"none")
    assert on_disk(b"/no/such/\xc3\xbc") == b"/no/such/\xc3\xbc"


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("IMG_20230501_101112.jpg", "2023-05-01T10:11:12"),
        ("MVIMG_20230501_101112.jpg", "2023-05-01T10:11:12"),
        ("IMG20230501101112.jpg", "2023-05-01T10:11:12"),
        ("20230501_101112(1).jpg", "2023-05-01T10:11:12"),
        ("PXL_20230501_101112345.MP.jpg", "2023-05-01T10:11:12.345+00:00"),
        ("Screenshot_20230501-101112.png", "2023-05-01T10:11:12"),
        ("Screenshot 2023-05-01 at 9.11.12\u202fPM.png", "2023-05-01T21:11:12"),
        ("2023-05-01 10.11.12.jpg", "2023-05-01T10:11:12"),
        ("signal-2023-05-01-101112_002.jpg", "2023-05-01T10:11:12"),
        ("photo_2023-05-01_10-11-12.jpg", "2023-05-01T10:11:12"),
        ("WhatsApp Image 2023-05-01 at 10.11.12.jpeg", "2023-05-01T10:11:12"),
        ("IMG-20230501-WA0001.jpg", "2023-05-01"),
        ("IMG_20231301_101112.jpg", None),
        ("IMG_20230230_101112.jpg", None),
        ("IMG_20230501_251112.jpg", None),
        ("scan 1987-05-01 10.11.12.jpg", None),
        ("99920230501_101112.jpg", None),
        ("20230501_1011123456.jpg", None),
        ("DSC_20230501.jpg", None),
        ("IMG_1234.jpg", None),
        ("2023-05-01 10.11.12/IMG_1234.jpg", None),
    ],
)
def test_the_date_is_read_of_names_that_are_well_known(name: str, date: str | None) -> None:
    assert date_in_name(name) == date_in_name(os.fsencode(name)) == date


def test_a_jpeg_with_more_pictures_is_called_jpeg() -> None:
    assert [format_name(each) for each in ("MPO", "JPEG", "PNG")] == ["JPEG", "JPEG", "PNG"]


@pytest.mark.parametrize(
    "name",
    ["Strand schön.JPG", "Oma 80. Geburtstag.jpg", "2019-05-01 Lyon.png", "海.jpg", "kitchen_resized.jpg"],
)
def test_a_name_that_somebody_gave_is_told(name: str) -> None:
    assert is_given_name(f"/photos/{name}")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "IMG_1234.jpg",
            "DSC09859.ARW",
            "P1001673.jpg",
            "photo-3471.webp",
            "PXL_20230501_101112345.MP.jpg",
        ),
        *(
            "IMG-20240712-WA0007.jpg",
            "WhatsApp Image 2024-07-12 at 18.30.22.jpeg",
            "20240712_183022_edited.jpg",
        ),
        *(
            "Screenshot 2024-07-12.png",
            "3f2a77c1-0b1e-4f0a-9d55-a1b2c3d4e5f6.jpg",
            "0012_resized.jpg",
            "1.jpg",
        ),
        *("IMG_1234_small.jpg", "Oma (2).jpg", "Kopie von Oma.jpg", "a.jpg", "photo0-again.jpg"),
    ],
)
def test_numbers_of_cameras_and_words_of_programs_are_no_given_names(name: str) -> None:
    assert not is_given_name(f"/Strand/{name}")


@pytest.mark.parametrize(
    "folder",
    [
        "Summer 2023",
        "Été à la mer",
        "Hochzeit Anna",
        "2019-05 Lyon",
        "海",
        "New York",
        "Trip to Lyon",
        "Old Town",
    ],
)
def test_a_folder_that_somebody_named_is_told(folder: str) -> None:
    assert is_given_folder(f"/photos/{folder}/IMG_1.jpg")


@pytest.mark.parametrize(
    "folder",
    [
        *(
            "Pictures",
            "DCIM",
            "100CANON",
            "2023",
            "2023-05",
            "05",
            "Downloads",
            "Camera Roll",
            "Backup of laptop",
        ),
        *(
            "WhatsApp Images",
            "Screenshots",
            "New folder",
            "to_sort",
            "edited",
            "tmp",
            "Photos from 2023",
            "x",
        ),
    ],
)
def test_what_programs_fill_is_no_folder_that_somebody_named(folder: str) -> None:
    assert not is_given_folder(f"/Lyon/{folder}/Strand.jpg")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_folder_for_waste_is_told_however_its_letters_are_written(form: Literal["NFC", "NFD"]) -> None:
    assert is_in_waste(unicodedata.normalize(form, "/photos/zu löschen/IMG_1.jpg"))
    assert not is_in_waste("/photos/Lost Lake/IMG_1.jpg")
