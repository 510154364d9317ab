"""Camera raw files in a library: found, checked, beside their JPEGs, given up for the same bytes alone."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from lookalike.tests.indexer.decode.raws import dng, nef
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, encode, save


class Shelf:
    """Two folders with one pair of RAW and JPEG, a RAW in two versions, one alone, and a card."""

    def __init__(self, folder: Path) -> None:
        self.photos, self.card, self.at = folder / "photos", folder / "card", ("--store", folder / "s")
        pair, two, alone = (draw_photo(seed, 320, 240) for seed in (1, 2, 3))
        for place in ("album", "again"):
            (self.photos / place).mkdir(parents=True)
            (self.photos / place / "IMG_1.NEF").write_bytes(nef(pair, encode(pair, quality=90)))
            save(self.photos / place / "IMG_1.JPG", pair, quality=90)
        first = dng(two)
        (self.photos / "two.dng").write_bytes(first)
        (self.photos / "two again.dng").write_bytes(first.replace(b"Acme 35mm", b"Acme 36mm"))
        (self.photos / "alone.dng").write_bytes(dng(alone))
        save(self.photos / "sent" / "alone.jpg", alone, quality=95)
        (self.photos / "broken.cr2").write_bytes(b"no raw file")
        save(self.photos / "seven.jpg", draw_photo(7, 320, 240), quality=95)
        self.card.mkdir()
        shutil.copy(self.photos / "album" / "IMG_1.NEF", self.card)
        save(self.card / "two.jpg", two, quality=85)
        for seed in (6, 7):
            picture = draw_photo(seed, 320, 240)
            (self.card / f"{seed}.nef").write_bytes(nef(picture, encode(picture)))
        self.report = lookalike("index", self.photos, *self.at, "--format", "json").json

    def run(self, *arguments: Any) -> Any:
        return lookalike(*arguments, *self.at, "--format", "json").json

    def found(self, *arguments: Any) -> list[dict[str, Any]]:
        (answer,) = self.run("search", *arguments)["queries"]
        return list(answer["results"])

    def groups(self, *options: str) -> list[list[str]]:
        """Return the files of each group of copies: the kept one, and with an asterisk what may go."""
        return sorted(
            [
                self.name(group["keeper"]),
                *(self.name(each) + "*" * each["selected"] for each in group["members"]),
            ]
            for group in self.run("dupes", *options)["groups"]
        )

    def name(self, file: dict[str, Any]) -> str:
        return os.path.relpath(file["path"], self.photos)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("raw").resolve())


def test_raw_files_are_photos_of_the_library(shelf: Shelf) -> None:
    assert shelf.report["unread"] == {}
    assert shelf.report["failed"] == 1
    (failed,) = shelf.run("errors")["errors"]
    assert (os.path.basename(failed["path"]), failed["error"]) == ("broken.cr2", "not_an_image")

    found = shelf.found(shelf.photos / "sent" / "alone.jpg", "-k", "1")[0]
    raw = shelf.found(shelf.photos / "seven.jpg", "--format-is", "raw", "-k", "9")

    assert (shelf.name(found), found["format"]) == ("alone.dng", "RAW")
    assert found["date"] == "2021-05-06T07:08:09"
    assert {each["format"] for each in raw} == {"RAW"}


def test_a_raw_file_goes_only_for_the_same_bytes(shelf: Shelf) -> None:
    """A pair goes for the same pair; a RAW that says something else stays; none is a JPEG's copy."""
    groups = shelf.groups()

    assert [sorted(name.rstrip("*") for name in group) for group in groups] == [
        ["again/IMG_1.JPG", "album/IMG_1.JPG"],
        ["again/IMG_1.NEF", "album/IMG_1.NEF"],
        ["two again.dng", "two.dng"],
    ]
    assert [group[1].endswith("*") for group in groups] == [True, True, False]
    (member,) = next(
        group["members"] for group in shelf.run("dupes")["groups"] if "two" in group["keeper"]["path"]
    )
    assert (member["why_not"], [each["kind"] for each in member["would_lose"]]) == ("holds more", ["raw"])
    assert shelf.groups("--include-edits") == groups


def test_the_halves_of_a_shot_are_explained_as_no_copies(shelf: Shelf) -> None:
    pair = [shelf.photos / "album" / name for name in ("IMG_1.NEF", "IMG_1.JPG")]
    for a, b in (pair, pair[::-1]):
        said = shelf.run("explain", a, b)
        assert (said["class"], said["transform"]) == ("similar", "")
        assert said["reason"] == "two halves of one shot, which belong together"
    said = shelf.run("explain", shelf.photos / "alone.dng", shelf.photos / "sent" / "alone.jpg")
    assert said["reason"].startswith("a RAW and a developed picture")


def test_a_card_with_raw_files_is_checked(shelf: Shelf) -> None:
    rows = {os.path.basename(row["path"]): row for row in shelf.run("check", shelf.card)["files"]}

    assert {name: row["status"] for name, row in rows.items()} == {
        "IMG_1.NEF": "found",
        "two.jpg": "more",  # the library has its RAW only
        "6.nef": "new",
        "7.nef": "more",  # the library has its JPEG only
    }
    assert "its raw data" in rows["7.nef"]["matches"][0]["more"]
    assert "the developed picture" in rows["two.jpg"]["matches"][0]["more"]
    paths = lookalike("check", shelf.card, *shelf.at, "--format", "paths").out.decode().splitlines()
    assert paths == [str(shelf.card / "IMG_1.NEF")]
    told = lookalike("check", shelf.card, *shelf.at).out.decode()
    assert "the RAW of this JPEG" in told
    assert "the JPEG of this RAW" in told
    assert "careful" not in told


def test_a_pair_that_is_half_new_is_listed_once(shelf: Shelf, tmp_path: Path) -> None:
    """Whoever deletes what is found would break it."""
    for name in ("7.nef", "6.nef"):
        shutil.copy(shelf.card / name, tmp_path)
    save(tmp_path / "6.jpg", draw_photo(66, 320, 240))
    shutil.copy(shelf.photos / "seven.jpg", tmp_path / "7.jpg")

    def listed(*how: str) -> list[str]:
        run = lookalike("check", tmp_path, *how, *shelf.at, "--format", "paths")
        return [os.path.basename(line) for line in run.out.decode().splitlines()]

    assert (listed(), sorted(listed("--new"))) == ([], ["6.jpg", "6.nef", "7.jpg", "7.nef"])
    told = lookalike("check", tmp_path, *shelf.at).out.decode()
    assert f"new           {tmp_path}/6.jpg + 6.nef\n" in told
    assert "6.nef + 6.jpg" not in told


def test_a_library_of_an_older_version_has_them_after_the_next_run(tmp_path: Path) -> None:
    """They were passed over then, which leaves nothing but a count."""
    photos, at = tmp_path / "photos", ("--store", tmp_path / "s")
    save(photos / "a.jpg", draw_photo(1, 320, 240))
    raw = photos / "a.hidden"
    raw.write_bytes(nef(draw_photo(1, 320, 240), encode(draw_photo(1, 320, 240))))
    lookalike("index", photos, *at)
    raw.rename(photos / "a.nef")

    report = lookalike("index", photos, *at, "--format", "json").json

    assert (report["embedded"], report["unchanged"], report["unread"]) == (1, 1, {})
