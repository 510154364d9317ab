"""Which files of a folder belong to one photo."""

import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from lookalike.dedup.groups.companions import CompanionFinder, are_companions, kind_beside

DEVELOPED = ("xmp", "pp3", "arp", "dop", "on1", "nksc", "cos")
LONG = "PXL_20230501_120000123_a_very_long_name_of_a_photo"


@pytest.mark.parametrize(
    ("photo", "other", "kind"),
    [
        ("IMG_1.JPG", "IMG_1.CR2", "raw"),
        ("img_1.jpg", "IMG_1.dng", "raw"),
        ("IMG_1.CR2", "IMG_1.JPG", "photo"),
        ("DSC1.HIF", "DSC1.JPG", "photo"),
        ("IMG_1.jpeg", "IMG_1.heic", "photo"),
        ("IMG_1.HEIC", "IMG_1.MOV", "video"),
        ("PXL_1.MP.jpg", "PXL_1.MP", "video"),
        ("PXL_1.MP.jpg", "PXL_1.MP4", "video"),
        ("PXL_1.MP.jpg", "PXL_1.mov", "video"),
        ("PXL_1.MP.jpg", "PXL_1.MP.mp4", "video"),
        ("PXL_1.MP.jpg", "PXL_1.jpg", None),
        ("PXL_1.jpg", "PXL_1.MP.mp4", None),
        ("IMG_1.HEIC", "IMG_1_HEVC.MOV", "video"),
        ("IMG_1.JPG", "img_1_hevc.mov", "video"),
        ("IMG_E1234.HEIC", "IMG_1234_HEVC.MOV", "video"),
        ("IMG_1.HEIC", "IMG_1.HEIC.MOV", "video"),
        ("IMG_1.HEIC", "IMG_1_HEVC.HEIC", None),
        ("IMG_1.HEIC", "IMG_10_HEVC.MOV", None),
        ("DSC_1.JPG", "DSC_1.WAV", "audio"),
        ("DSC_1.JPG", "DSC_1.JPG.wav", "audio"),
        ("IMG_1.JPG", "IMG_1.JPG.dng", "raw"),
        ("IMG_1.CR2.jpg", "IMG_1.CR2", "raw"),
        ("IMG_1.CR2", "IMG_1.CR2.jpg", "photo"),
        ("IMG_1.JPG", "IMG_1.GPR", "raw"),
        ("IMG_1.jpg", "IMG_1.jpg.png", None),
        *(("IMG_1.JPG", f"IMG_1.{name}", "sidecar") for name in DEVELOPED),
        *(("IMG_1.JPG", f"IMG_1.JPG.{name.upper()}", "sidecar") for name in DEVELOPED),
        *(("IMG_1.JPG", f"IMG_1.CR2.{name}", None) for name in DEVELOPED),
        *(("IMG_1.JPG", f"IMG_10.{name}", None) for name in DEVELOPED),
        ("IMG_E1234.JPG", "IMG_1234.HEIC", "original"),
        ("IMG_1234.HEIC", "IMG_E1234.HEIC", "edited"),
        ("IMG_E1234.HEIC", "IMG_1234.MOV", "video"),
        ("IMG_1234.HEIC", "IMG_1234.AAE", "sidecar"),
        ("IMG_1234.HEIC", "IMG_O1234.AAE", "sidecar"),
        ("IMG_1.JPG", "IMG_1.xmp", "sidecar"),
        ("IMG_1.JPG", "IMG_1.JPG.xmp", "sidecar"),
        ("IMG_1.JPG", "IMG_1.CR2.xmp", None),
        ("IMG_1.JPG", "IMG_1.THM", "sidecar"),
        ("IMG_1.JPG", "IMG_1.json", "sidecar"),
        ("IMG_1.JPG", "IMG_1.JPG.json", "sidecar"),
        ("IMG_1.JPG", "IMG_1.jpg.supplemental-metadata.json", "sidecar"),
        ("IMG_1.JPG", "IMG_1.jpg.supplemental-me.json", "sidecar"),
        ("IMG_1.JPG", "IMG_1.jpg..json", "sidecar"),
        ("IMG_1(1).jpg", "IMG_1.jpg(1).json", "sidecar"),
        ("IMG_1(1).jpg", "IMG_1.jpg.supplemental-metadata(1).json", "sidecar"),
        ("IMG_1(1).jpg", "IMG_1.jpg.json", None),
        ("IMG_1.jpg", "IMG_1.jpg(1).json", None),
        (f"{LONG}.jpg", f"{LONG[:46]}.json", "sidecar"),
        (f"{LONG}.jpg", f"{LONG[:20]}.json", None),
        ("IMG_1.jpg", "IMG_1.png", None),  # a conversion: a copy like any other
        ("IMG_1.jpg", "IMG_1.jpeg", None),
        ("IMG_1.jpg", "IMG_1.txt", None),
        ("IMG_1.jpg", "IMG_10.CR2", None),
        ("IMG_1.jpg", "IMG_1.jpg", None),
    ],
)
def test_names_tell_what_belongs_to_a_photo(photo: str, other: str, kind: str | None) -> None:
    assert kind_beside(photo, other) == kind


def test_two_pictures_are_one_shot_in_one_folder_only() -> None:
    assert are_companions("/a/IMG_1.HEIC", "/a/IMG_1.JPG")
    assert not are_companions("/a/IMG_1.HEIC", "/b/IMG_1.JPG")
    assert not are_companions("/a/IMG_1.JPG", "/a/IMG_1.xmp")


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"x" * len(name))


def found(folder: Path, name: str) -> dict[str, tuple[str, bool]]:
    companions = CompanionFinder().companions(str(folder / name))
    assert [each.size for each in companions] == [len(os.path.basename(each.path)) for each in companions]
    return {os.path.basename(each.path): (each.kind, each.shared) for each in companions}


def test_a_listing_gives_all_that_belongs_to_a_photo(tmp_path: Path) -> None:
    names = ["IMG_1.jpg", "IMG_1.CR2", "IMG_1.MOV", "img_1.JPG.xmp", "IMG_1.jpg.supplemental-metadata.json"]
    touch(tmp_path, *names, "IMG_10.CR2", "IMG_1(1).jpg", "._IMG_1.MOV", "other.xmp")
    (tmp_path / "IMG_1.aae").mkdir()  # no file

    assert found(tmp_path, "IMG_1.jpg") == {
        "IMG_1.CR2": ("raw", False),
        "IMG_1.MOV": ("video", False),
        "IMG_1.jpg.supplemental-metadata.json": ("sidecar", False),
        "img_1.JPG.xmp": ("sidecar", False),
    }
    assert found(tmp_path, "IMG_1(1).jpg") == {}


def test_what_belongs_to_another_picture_too_is_shared(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.png", "a.dng", "a.png.xmp", "b.jpg", "b.heic", "b.mov")

    assert found(tmp_path, "a.png") == {"a.dng": ("raw", True), "a.png.xmp": ("sidecar", False)}
    assert found(tmp_path, "b.jpg") == {"b.heic": ("photo", False), "b.mov": ("video", False)}


def test_the_films_and_sidecars_of_a_shot_are_found_from_a_listing(tmp_path: Path) -> None:
    touch(tmp_path, "IMG_1.HEIC", "IMG_1_HEVC.MOV", "IMG_1.WAV", "IMG_1.HEIC.pp3", "IMG_10_HEVC.MOV")
    touch(tmp_path, "PXL_1.MP.jpg", "PXL_1.mp4", "PXL_1.MP.jpg.dop")

    assert found(tmp_path, "IMG_1.HEIC") == {
        "IMG_1_HEVC.MOV": ("video", False),
        "IMG_1.WAV": ("audio", False),
        "IMG_1.HEIC.pp3": ("sidecar", False),
    }
    assert found(tmp_path, "PXL_1.MP.jpg") == {
        "PXL_1.mp4": ("video", False),
        "PXL_1.MP.jpg.dop": ("sidecar", False),
    }


def test_the_film_of_two_pictures_is_shared(tmp_path: Path) -> None:
    touch(tmp_path, "PXL_1.MP.jpg", "PXL_1.jpg", "PXL_1.mp4")
    assert found(tmp_path, "PXL_1.jpg") == found(tmp_path, "PXL_1.MP.jpg") == {"PXL_1.mp4": ("video", True)}


def test_the_sidecar_of_a_half_belongs_to_the_photo_and_stays_with_a_half_that_stays(
    tmp_path: Path,
) -> None:
    touch(tmp_path, "a.jpg", "a.cr2", "a.cr2.xmp", "a.jpg.pp3")
    halves = {"a.cr2": ("raw", False), "a.cr2.xmp": ("sidecar", False), "a.jpg.pp3": ("sidecar", False)}
    assert found(tmp_path, "a.jpg") == halves

    touch(tmp_path, "a.png")

    shared = {"a.cr2": ("raw", True), "a.cr2.xmp": ("sidecar", True)}
    assert found(tmp_path, "a.png") == shared
    assert found(tmp_path, "a.jpg") == shared | {"a.jpg.pp3": ("sidecar", False)}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_one_name_in_two_spellings_is_one_name(tmp_path: Path, form: Any) -> None:
    photo, beside = unicodedata.normalize("NFC", "Blüte_Åå.JPG"), unicodedata.normalize("NFD", "blüte_åå")
    if form == "NFD":
        photo, beside = unicodedata.normalize("NFD", photo), unicodedata.normalize("NFC", beside)
    for name in (photo, f"{beside}.cr2", f"{beside}.jpg.xmp", f"{beside}_HEVC.mov"):
        (tmp_path / name).touch()

    companions = CompanionFinder().companions(str(tmp_path / photo))

    assert {each.kind for each in companions} == {"raw", "sidecar", "video"}
    assert all(os.path.exists(each.path) for each in companions)


def test_names_that_are_no_utf8_have_companions_too(tmp_path: Path) -> None:
    for name in (b"caf\xe9.jpg", b"caf\xe9.CR2", b"caf\xe9.jpg.pp3", b"caf\xe8.cr2"):
        open(os.path.join(os.fsencode(tmp_path), name), "wb").close()

    companions = CompanionFinder().companions(os.path.join(tmp_path, os.fsdecode(b"caf\xe9.jpg")))

    assert [os.fsencode(os.path.basename(each.path)) for each in companions] == [
        b"caf\xe9.CR2",
        b"caf\xe9.jpg.pp3",
    ]


def test_a_folder_that_is_away_has_none(tmp_path: Path) -> None:
    assert CompanionFinder().companions(str(tmp_path / "away" / "IMG_1.jpg")) == ()


def test_a_folder_is_listed_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.cr2")
    folders = CompanionFinder()
    assert folders.companions(str(tmp_path / "a.jpg"))
    (tmp_path / "a.cr2").rename(tmp_path / "gone")
    touch(tmp_path, "b.cr2")

    assert folders.companions(str(tmp_path / "b.jpg")) == ()


def test_a_large_folder_of_names_with_dots_is_no_burden(tmp_path: Path) -> None:
    names = [f"2023.05.01 12.{n // 60:02}.{n % 60:02}.jpg" for n in range(3000)]
    touch(tmp_path, *names, "2023.05.01 12.00.07.dng")
    folders = CompanionFinder()

    halves = {name: folders.companions(str(tmp_path / name)) for name in names}

    assert [name for name, beside in halves.items() if beside] == ["2023.05.01 12.00.07.jpg"]
