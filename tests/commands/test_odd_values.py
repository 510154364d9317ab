"""Times, names and formats as they come: what is odd in one file stops nothing and hides nothing."""

import json
import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lookalike import Library
from lookalike.store.records import file_time
from lookalike.tests.library import TAKEN, lookalike
from lookalike.tests.pictures import draw_photo, encode, exif_with, save

DIGITIZED, CHANGED, FRACTION, ZONE, EXPOSURE, BIAS = 0x9004, 0x0132, 0x9291, 0x9011, 0x829A, 0x9204
CAMERA = {0x010F: "Maker", 0x0110: "Model 1"}
NFC = unicodedata.normalize("NFC", "Blüte")
NFD = unicodedata.normalize("NFD", NFC)
YEAR_3000, YEAR_1500 = 32_503_680_000, -14_831_769_600


def indexed(folder: Path, *options: str) -> Path:
    store = folder.parent / "store"
    run = lookalike("index", folder, "--store", store, *options)
    assert run.code == 0, run.err
    return store


def exported(store: Path, *options: str) -> dict[str, dict[str, Any]]:
    """Return the rows of `export` by the names of the files."""
    run = lookalike("export", "--store", store, *options)
    assert run.code == 0, run.err
    return {os.path.basename(row["path"]): row for row in run.lines}


def groups_of(store: Path) -> list[set[str]]:
    run = lookalike("dupes", "--store", store, "--format", "json")
    assert run.code == 0, run.err
    groups = run.json["groups"]
    return sorted(
        (
            {os.path.basename(each["path"]) for each in (group["keeper"], *group["members"])}
            for group in groups
        ),
        key=sorted,
    )


# --- times ----------------------------------------------------------------------------------------


def with_times(**said: str) -> Any:
    tags = {"taken": TAKEN, "digitized": DIGITIZED, "fraction": FRACTION, "zone": ZONE}
    changed = {CHANGED: said.pop("changed")} if "changed" in said else {}
    return exif_with(CAMERA | changed, exif={tags[name]: value for name, value in said.items()})


@pytest.mark.parametrize(
    ("original", "copy"),
    [
        ({"taken": "2019:07:14 18:02:00"}, {"changed": "2023:01:05 09:00:00"}),
        ({"taken": "2019:07:14 18:02:00"}, {"digitized": "2023:01:05 09:00:00"}),
        ({"taken": "2019:07:14 18:02:00", "zone": "+02:00"}, {"taken": "2019:07:14 16:02:00"}),
        (
            {"taken": "2019:07:14 18:02:00", "fraction": "07"},
            {"taken": "2019:07:14 18:02:00", "fraction": "7"},
        ),
        (
            {"taken": "2019:07:14 18:02:00", "fraction": "97"},
            {"taken": "2019:07:14 18:02:00", "fraction": "00"},
        ),
        ({"taken": "2019:07:14 18:02:00", "fraction": "97"}, {"taken": "2019:07:14 18:02:01"}),
        ({"taken": "2019:07:14 24:08:19"}, {"taken": "2019:07:15 00:08:19"}),
    ],
)
def test_what_programs_do_to_times_parts_no_copies(
    tmp_path: Path, original: dict[str, str], copy: dict[str, str]
) -> None:
    folder = tmp_path / "photos"
    first = save(folder / "original.jpg", draw_photo(1), exif=with_times(**original), quality=90)
    save(folder / "copy.jpg", Image.open(first).resize((480, 360)), exif=with_times(**copy), quality=80)
    assert groups_of(indexed(folder)) == [{"original.jpg", "copy.jpg"}]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({TAKEN: "2019:07:14 18:02:00", FRACTION: "07"}, {TAKEN: "2019:07:14 18:02:00", FRACTION: "47"}),
        ({TAKEN: "2019:07:14 18:02:00", FRACTION: "00"}, {TAKEN: "2019:07:14 18:02:00", FRACTION: "20"}),
        ({TAKEN: "2019:07:14 18:02:00"}, {TAKEN: "2019:07:14 18:02:01"}),
        ({EXPOSURE: 1 / 64, BIAS: 0.0}, {EXPOSURE: 1 / 256, BIAS: -2.0}),
        ({EXPOSURE: 1 / 64}, {EXPOSURE: 1 / 80}),
    ],
)
def test_bursts_and_brackets_stay_apart(
    tmp_path: Path, first: dict[int, Any], second: dict[int, Any]
) -> None:
    """Also where the pictures are so alike that their pixels would prove a copy."""
    folder = tmp_path / "photos"
    for name, exif, quality in (("1.jpg", first, 90), ("2.jpg", second, 80)):
        tags = exif_with(CAMERA, exif={TAKEN: "2019:07:14 18:02:00"} | exif)
        save(folder / name, draw_photo(1), exif=tags, quality=quality)
    store = indexed(folder)
    assert groups_of(store) == []
    found = lookalike("explain", folder / "1.jpg", folder / "2.jpg", "--store", store)
    assert b"two shots, whatever the pixels say" in found.out
    new = lookalike("check", folder / "2.jpg", "--store", store, "--format", "json")
    assert new.json["files"][0]["status"] == "new"


def test_each_time_comes_with_what_says_it(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    save(folder / "shot.jpg", draw_photo(1), exif=with_times(taken="2019:07:14 18:02:00"))
    save(folder / "changed.jpg", draw_photo(2), exif=with_times(changed="2020:01:01 00:00:01"))
    save(folder / "IMG_20230501_101112.jpg", draw_photo(3))
    save(folder / "IMG-20230502-WA0001.jpg", draw_photo(4))
    save(folder / "IMG_20230503_101112.jpg", draw_photo(5), exif=with_times(taken="2019:45:14 18:02:00"))
    save(folder / "nothing.jpg", draw_photo(6))
    store = indexed(folder)
    rows = exported(store)
    assert {name: (row["taken"], row["taken_from"]) for name, row in rows.items()} == {
        "shot.jpg": ("2019-07-14T18:02:00", "DateTimeOriginal"),
        "changed.jpg": ("2020-01-01T00:00:01", "DateTime"),
        "IMG_20230501_101112.jpg": ("2023-05-01T10:11:12", "file name"),
        "IMG-20230502-WA0001.jpg": ("2023-05-02", "file name"),
        "IMG_20230503_101112.jpg": ("2023-05-03T10:11:12", "file name"),
        "nothing.jpg": (None, None),
    }
    assert rows["IMG_20230501_101112.jpg"]["date"] == "2023-05-01T10:11:12"
    in_may = {"IMG_20230501_101112.jpg", "IMG-20230502-WA0001.jpg", "IMG_20230503_101112.jpg"}
    assert exported(store, "--since", "2023-05", "--until", "2023-05").keys() == in_may
    assert exported(store, "--where", "taken = 2023-05").keys() == in_may
    assert exported(store, "--where", "not has taken").keys() == {"nothing.jpg"}
    assert b"taken_from" in lookalike("export", "--store", store, "--format", "csv").out.splitlines()[0]


@pytest.mark.parametrize("seconds", [YEAR_3000, YEAR_1500])
def test_a_file_time_out_of_range_stops_nothing(tmp_path: Path, seconds: int) -> None:
    folder = tmp_path / "photos"
    odd = save(folder / "odd.jpg", draw_photo(1), quality=90)
    save(folder / "other.jpg", Image.open(odd).resize((480, 360)), quality=80)
    (folder / "odd.jpg.xmp").write_bytes(b"<xmpmeta/>")
    save(folder / "twin.jpg", draw_photo(2))
    (folder / "twin2.jpg").write_bytes((folder / "twin.jpg").read_bytes())
    for name in ("odd.jpg", "odd.jpg.xmp", "twin2.jpg"):
        os.utime(folder / name, (seconds, seconds))
    was = odd.stat().st_mtime_ns
    if file_time(was) == was:
        pytest.skip("this file system keeps no such time")
    store = indexed(folder)
    assert exported(store)["odd.jpg"]["date"][:4] == ("2262" if seconds > 0 else "1677")
    again = lookalike("index", folder, "--store", store, "--format", "json")
    assert (again.code, again.json["unchanged"]) == (0, 4)
    assert lookalike("doctor", "--content", "--store", store).code == 0
    assert lookalike("check", odd, "--store", store).code == 10  # found
    plan, page = tmp_path / "plan.json", tmp_path / "page.html"
    run = lookalike("dupes", "--store", store, "--plan", plan, "--html", page, "--keep", "path")
    assert run.code == 0, run.err
    assert json.loads(plan.read_bytes())["groups"]
    done = lookalike("apply", plan, "--yes", "--store", store, "--method", "quarantine")
    assert done.code == 0, done.err
    assert len(list(folder.glob("*.jpg"))) == 2
    assert lookalike("undo", "--yes", "--store", store).code == 0
    assert len(list(folder.glob("*.jpg"))) == 4
    assert odd.stat().st_mtime_ns == was


# --- names ----------------------------------------------------------------------------------------


@pytest.fixture
def spelled(tmp_path: Path) -> Path:
    """A folder with a name in one spelling, in which lies a file with one in the other."""
    save(tmp_path / "photos" / NFD / f"{NFC}.jpg", draw_photo(1))
    save(tmp_path / "photos" / "b" / f"{NFD}.jpg", draw_photo(2))
    save(tmp_path / "photos" / "b" / "plain.jpg", draw_photo(3))
    return tmp_path / "photos"


@pytest.mark.parametrize("typed", [NFC, NFD])
def test_filters_take_both_spellings_for_one_name(spelled: Path, typed: str) -> None:
    store = indexed(spelled)
    first, second = f"{NFC}.jpg", f"{NFD}.jpg"
    assert exported(store, "--in", str(spelled / typed)).keys() == {first}
    assert exported(store, "--in", typed).keys() == {first}
    assert exported(store, "--where", f'name = "{typed}.jpg"').keys() == {first, second}
    assert exported(store, "--where", f'path = "{spelled / typed / typed}.jpg"').keys() == {first}
    assert exported(store, "--where", f'path ~ "/{typed}/"').keys() == {first}
    assert exported(store, "--where", 'name ~ "u"').keys() == set()
    with Library.open(store) as library:
        assert library.photo(str(spelled / typed / f"{typed}.jpg")).path.endswith(f"{first}")


@pytest.mark.parametrize("typed", [NFC, NFD])
def test_a_folder_that_is_away_is_named_in_either_spelling(spelled: Path, typed: str) -> None:
    store = indexed(spelled)
    os.rename(spelled, spelled.parent / "away")
    assert exported(store, "--in", str(spelled / typed)).keys() == {f"{NFC}.jpg"}


@pytest.mark.parametrize("typed", [NFC, NFD])
def test_excludes_take_both_spellings_for_one_name(spelled: Path, typed: str) -> None:
    store = indexed(spelled, "--exclude", f"{typed}.*", "--exclude", f"b/{typed}.jpg")
    assert exported(store).keys() == {"plain.jpg"}


# --- formats --------------------------------------------------------------------------------------


def test_an_mpo_is_called_jpeg(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    two = encode(draw_photo(1), "MPO", save_all=True, append_images=[draw_photo(2)])
    folder.mkdir()
    (folder / "DSC_1.JPG").write_bytes(two)
    save(folder / "plain.jpg", draw_photo(3))
    save(folder / "other.png", draw_photo(4, 100, 80))
    store = indexed(folder)
    assert exported(store, "--format-is", "jpeg").keys() == {"DSC_1.JPG", "plain.jpg"}
    assert exported(store, "--format-is", "JPG").keys() == {"DSC_1.JPG", "plain.jpg"}
    assert exported(store, "--format-is", "mpo").keys() == {"DSC_1.JPG"}
    assert exported(store, "--where", "format != jpeg").keys() == {"other.png"}
    assert exported(store)["DSC_1.JPG"]["format"] == "MPO"
    assert b"MPO" not in lookalike("export", "--store", store, "--format", "table").out
    assert (
        b"MPO" not in lookalike("explain", folder / "DSC_1.JPG", folder / "plain.jpg", "--store", store).out
    )


@pytest.mark.parametrize("command", ["export", "dupes"])
def test_a_format_that_is_none_is_refused(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "photos"
    save(folder / "plain.jpg", draw_photo(3))
    save(folder / "other.png", draw_photo(4, 100, 80))
    store = indexed(folder)
    run = lookalike(command, "--format-is", "jepg", "--store", store)
    assert run.code == 2
    assert "jepg" in run.err
    assert "jpeg, png" in run.err
    run = lookalike("search", folder / "plain.jpg", "--format-is", "jepg", "--store", store)
    assert (run.code, "jpeg, png" in run.err) == (2, True)
    assert lookalike(command, "--format-is", "webp", "--store", store).code == 0
    for condition in ("format = NEF", "width > 9 and not (format in (png, nef))", "format != nef"):
        run = lookalike(command, "--where", condition, "--store", store)
        assert (run.code, "have the format 'raw'" in run.err) == (2, True), run.err
    assert lookalike(command, "--where", "format ~ nef", "--store", store).code == 0
