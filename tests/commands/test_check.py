"""`check`: is this import already in the library? Real photos, the real model."""

import csv
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from PIL import Image, ImageOps

from lookalike import Library
from lookalike.commands.groups import COMMANDS
from lookalike.dedup.check import check
from lookalike.dedup.check.matches import Checked
from lookalike.dedup.check.unseen import SameBytes
from lookalike.errors import StoreMissing
from lookalike.store.catalog.folders import all_roots
from lookalike.store.filters.where import ALL
from lookalike.store.progress import Watch
from lookalike.store.records import FileResult, FileStat
from lookalike.tests.children import Child
from lookalike.tests.library import TAKEN, lookalike, on_terminal
from lookalike.tests.pictures import draw_photo, encode, exif_with, save


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos").resolve()
    for seed in range(8):
        save(folder / "2023" / f"{seed}.jpg", draw_photo(seed), quality=92)
    save(folder / "album" / "3-small.jpg", draw_photo(3, 320, 240), quality=90)
    shutil.copy(folder / "2023" / "1.jpg", folder / "album" / "1-again.jpg")
    moment = exif_with(exif={TAKEN: "2023:05:01 12:00:00"})
    save(folder / "2023" / "dated.jpg", draw_photo(60), exif=moment, quality=92)
    return folder


@pytest.fixture(scope="module")
def store(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store") / "store"
    assert lookalike("index", photos, "--store", store).code == 0
    return store


@pytest.fixture
def card(photos: Path, tmp_path: Path) -> Path:
    """A card with the same bytes, the same pixels, a crop, another shot, a new one and a broken one."""
    card = tmp_path.resolve() / "card"
    card.mkdir()
    shutil.copy(photos / "2023" / "0.jpg", card / "exact.jpg")
    described = exif_with({0x010E: "a description"})
    save(card / "described.jpg", draw_photo(2), exif=described, quality=92)
    save(card / "sub" / "cropped.jpg", draw_photo(4).crop((40, 30, 600, 450)), quality=80)
    later = exif_with(exif={TAKEN: "2023:05:01 12:00:01"})
    save(card / "burst.jpg", draw_photo(60), exif=later, quality=85)
    save(card / "new.jpg", draw_photo(99))
    (card / "broken.jpg").write_bytes(b"this is no picture")
    (card / "notes.txt").write_text("not a photo")
    return card


def by_name(rows: list[Any]) -> dict[str, Any]:
    return {Path(row["path"]).name: row for row in rows}


def matched(row: Any) -> list[str]:
    return [Path(match["path"]).name for match in row["matches"]]


def test_each_new_file_is_found_new_or_unreadable(card: Path, store: Path) -> None:
    run = lookalike("check", card, "--store", store, "--format", "json")

    assert run.code == 10
    assert run.json["schema_version"] == 1
    rows = by_name(run.json["files"])
    assert {name: row["status"] for name, row in rows.items()} == {
        "exact.jpg": "found",
        "described.jpg": "more",
        "cropped.jpg": "more",
        "burst.jpg": "new",
        "new.jpg": "new",
        "broken.jpg": "unreadable",
    }
    assert [rows["exact.jpg"]["matches"][0][name] for name in ("class", "transform")] == [
        "exact",
        "same bytes",
    ]
    assert rows["described.jpg"]["matches"][0]["change"] == "metadata"
    assert rows["described.jpg"]["matches"][0]["more"] == "caption a description"
    crop = rows["cropped.jpg"]["matches"][0]
    assert (crop["class"], crop["change"], Path(crop["path"]).name) == ("copy", "cropped", "4.jpg")
    assert crop["evidence"]["verdict"] == "copy"
    assert crop["score"] > 0.9
    assert rows["broken.jpg"]["error"] == "not_an_image"
    assert "broken.jpg" in run.err


def test_scripts_get_what_is_found_or_what_is_new(card: Path, store: Path) -> None:
    found = lookalike("check", card, "--store", store, "--format", "paths")
    new = lookalike("check", card, "--store", store, "--new", "--format", "paths0")

    assert [Path(line).name for line in found.out.decode().splitlines()] == ["exact.jpg"]
    # What is found but holds more, or nobody can read, is not to be lost with the card either.
    wanted = ["broken.jpg", "burst.jpg", "described.jpg", "new.jpg", "sub/cropped.jpg"]
    assert new.out.decode().split("\0")[:-1] == [str(card / name) for name in wanted]
    assert new.code == 10


def test_copies_are_listed_whatever_they_hold_and_nothing_else(card: Path, store: Path) -> None:
    shutil.copy(card / "exact.jpg", card / "IMG_1.JPG")
    (card / "IMG_1.X3F").write_bytes(b"raw")  # belongs to a copy, and is none
    wanted = [str(card / name) for name in ("IMG_1.JPG", "described.jpg", "exact.jpg", "sub/cropped.jpg")]
    for form in ("paths", "csv", "json"):
        run = lookalike("check", card, "--copies", "--format", form, "--store", store)
        match form:
            case "paths":
                found = run.out.decode().splitlines()
            case "csv":
                found = list({row["path"]: 0 for row in csv.DictReader(io.StringIO(run.out.decode()))})
            case _:
                found = [row["path"] for row in run.json["files"]]
        assert sorted(found) == sorted(wanted)
    both = lookalike("check", card, "--copies", "--new", "--store", store)
    assert (both.code, "not both" in both.err) == (2, True)


def test_an_edit_is_called_an_edited_copy(store: Path, tmp_path: Path) -> None:
    save(tmp_path / "card/grey.jpg", draw_photo(5).convert("L").convert("RGB"), quality=92)
    save(tmp_path / "card/mirrored.jpg", ImageOps.mirror(draw_photo(5)), quality=92)
    text = lookalike("check", tmp_path / "card", "--store", store).out.decode()
    assert [line[:12].strip() for line in text.splitlines()[:4:2]] == ["edited copy"] * 2
    assert "would lose" not in text
    assert "mirrored" in text.replace("mirrored.jpg", "")
    assert "do not clear these files yet" in text


def test_csv_has_one_line_for_each_file_that_matches(card: Path, photos: Path, store: Path) -> None:
    shutil.copy(photos / "2023" / "1.jpg", card / "twice.jpg")

    run = lookalike("check", card, "--store", store, "--format", "csv")

    rows = list(csv.DictReader(io.StringIO(run.out.decode())))
    names = [(Path(row["path"]).name, Path(row["match"]).name) for row in rows]
    assert ("twice.jpg", "1.jpg") in names
    assert ("twice.jpg", "1-again.jpg") in names
    assert ("new.jpg", "") in names


def test_the_table_says_in_what_the_new_one_is_better(store: Path, tmp_path: Path) -> None:
    save(tmp_path / "large.jpg", draw_photo(5, 1280, 960), quality=95)

    run = lookalike("check", tmp_path / "large.jpg", "--store", store)

    assert "larger (1280x960)" in run.out.decode()
    assert "careful: the new one has more pixels" in run.out.decode()
    assert run.out.decode().splitlines()[-2:] == [
        "0 found, 1 found but holds more, 0 new",
        "do not clear these files yet: 1 with more than the library has",
    ]


@pytest.mark.parametrize(
    ("edit", "better", "status"),
    [
        (lambda picture: picture.resize((320, 240)), "", "found"),
        (lambda picture: picture.crop((100, 60, 500, 400)), "", "more"),
        (
            lambda picture: picture.crop((100, 60, 500, 400)).resize((1200, 1020)),
            "a part with more pixels",
            "more",
        ),
    ],
)
def test_what_is_no_better_is_not_called_so(
    edit: Any, better: str, status: str, photos: Path, store: Path, tmp_path: Path
) -> None:
    save(tmp_path / "x.jpg", edit(Image.open(photos / "2023" / "6.jpg")), quality=80)

    with Library.open(store) as library:
        (checked,) = library.copies.check([tmp_path / "x.jpg"])

    assert checked.status == status
    assert better in checked.matches[0].better
    assert bool(better) == bool(checked.matches[0].better)


def test_nothing_found_ends_with_0_and_something_unreadable_with_3(card: Path, store: Path) -> None:
    assert lookalike("check", card / "new.jpg", "--store", store).code == 0
    run = lookalike("check", card / "new.jpg", card / "broken.jpg", "--store", store)
    assert run.code == 3
    assert "broken.jpg\n              " in run.out.decode()
    assert not run.err


def test_a_name_that_leads_to_nothing_is_a_slip(card: Path, store: Path) -> None:
    """A script that takes 3 for a card with one broken file must not pass where none was read."""
    run = lookalike("check", card, card.parent / "crad", "--store", store)
    assert (run.code, run.out) == (2, b"")
    assert f"there is no file or folder {card.parent}/crad; did you mean {card}?" in run.err


def test_only_photos_below_against_count(card: Path, photos: Path, store: Path) -> None:
    save(card / "three.jpg", draw_photo(3), quality=70)

    with Library.open(store) as library:
        found = {
            Path(each.path).name: each
            for each in library.copies.check([card], against=[str(photos / "album")])
        }

    assert [Path(match.files[0].path).name for match in found["three.jpg"].matches] == ["3-small.jpg"]
    assert found["exact.jpg"].status == "new"
    assert found["cropped.jpg"].status == "new"


def test_against_a_folder_that_is_not_indexed_is_a_usage_error(
    card: Path, photos: Path, store: Path
) -> None:
    (photos / "empty").mkdir(exist_ok=True)
    for folder in (card, photos / "empty"):
        run = lookalike("check", card, "--against", folder, "--store", store, "--format", "csv")
        assert run.code == 2
        assert "index it first" in run.err
        assert not run.out


def test_a_file_of_the_library_matches_its_other_copies_only(photos: Path, store: Path) -> None:
    alone, twice = photos / "2023" / "0.jpg", photos / "2023" / "1.jpg"
    small = photos / "album" / "3-small.jpg"

    run = lookalike("check", alone, twice, small, "--store", store, "--format", "json")

    rows = by_name(run.json["files"])
    assert (rows["0.jpg"]["status"], rows["0.jpg"]["in_library"]) == ("new", True)
    assert matched(rows["1.jpg"]) == ["1-again.jpg"]
    assert matched(rows["3-small.jpg"]) == ["3.jpg"]
    assert lookalike("check", alone, "--store", store, "--new", "--format", "paths").out == b""


def test_a_hard_link_to_a_photo_of_the_library_is_that_photo(
    photos: Path, store: Path, tmp_path: Path
) -> None:
    os.link(photos / "2023" / "0.jpg", tmp_path / "link.jpg")

    with Library.open(store) as library:
        (checked,) = library.copies.check([tmp_path / "link.jpg"])

    assert (checked.status, checked.is_inside) == ("new", True)


def test_nothing_is_written_and_a_proven_store_gives_the_same(
    card: Path, photos: Path, store: Path
) -> None:
    def digests() -> dict[str, str]:
        files = (file for file in store.iterdir() if file.suffix in (".db", ".faiss", ".json"))
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    before = digests()
    fresh = lookalike("check", card, "--store", store, "--format", "json").json
    assert digests() == before
    lookalike("dupes", "--store", store)
    assert lookalike("check", card, "--store", store, "--format", "json").json == fresh


def test_many_files_in_several_batches_keep_their_order(
    photos: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_BATCH", 8)
    known, new = (photos / "2023" / "7.jpg").read_bytes(), encode(draw_photo(200, 320, 240), quality=60)
    for number in range(20):
        data = (known if number % 3 else new) + bytes([number])
        (tmp_path / f"{number:03}.jpg").write_bytes(data)

    with Library.open(store) as library:
        found = list(library.copies.check([tmp_path]))

    assert [Path(each.path).name for each in found] == [f"{number:03}.jpg" for number in range(20)]
    assert [each.status for each in found] == ["found" if number % 3 else "new" for number in range(20)]


# The command line with small batches; before the second it says so and waits for the end of its stdin.
SMALL_BATCHES = """
import os, sys
from lookalike import cli
from lookalike.dedup.check import check
check._BATCH = check._CHUNK = 2
compare, begun = check._Comparison.__call__, []
def comparing(self, batch):
    begun.append(batch)
    if len(begun) == 2:
        os.write(1, b"begun\\n")
        sys.stdin.read()
    return compare(self, batch)
check._Comparison.__call__ = comparing
cli.main()
"""


def test_ctrl_c_keeps_what_was_found_and_ends_with_130(photos: Path, store: Path, tmp_path: Path) -> None:
    data = (photos / "2023" / "7.jpg").read_bytes()
    for number in range(100):
        (tmp_path / f"{number:03}.jpg").write_bytes(data + number.to_bytes(2, "big"))
    running = Child(SMALL_BATCHES, "check", tmp_path, "--store", store, "--format", "jsonl")
    assert running.stdout.readline() == "begun\n"
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate()

    assert running.returncode == 130
    lines = [json.loads(line) for line in rest.splitlines()]
    assert 1 <= len(lines) < 20
    assert all(line["status"] == "found" for line in lines)


def test_a_name_that_is_no_utf8_is_checked_as_any_other(photos: Path, store: Path, tmp_path: Path) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9.jpg")
    shutil.copy(os.fsencode(photos / "2023" / "1.jpg"), name)

    run = lookalike("check", tmp_path, "--store", store, "--format", "paths0")

    assert run.out == os.path.realpath(name) + b"\0"


def test_without_an_index_it_says_so(tmp_path: Path, card: Path) -> None:
    with pytest.raises(StoreMissing):
        Library.open(tmp_path / "nowhere")
    with Library.open(tmp_path / "s", create=True) as library, pytest.raises(StoreMissing):
        library.copies.check([card])


def test_the_same_picture_in_another_orientation_is_found(store: Path, tmp_path: Path) -> None:
    save(tmp_path / "turned.jpg", draw_photo(2).rotate(90, expand=True), quality=80)
    save(tmp_path / "mirrored.jpg", draw_photo(5).transpose(Image.Transpose.FLIP_LEFT_RIGHT), quality=80)

    with Library.open(store) as library:
        found = {Path(each.path).name: each for each in library.copies.check([tmp_path])}

    assert found["turned.jpg"].matches[0].change == "turned"
    assert found["mirrored.jpg"].matches[0].change == "mirrored"


def test_what_was_deleted_since_the_last_index_is_no_match(tmp_path: Path) -> None:
    """People delete from the card what they are told they have."""
    library_folder, card = tmp_path / "library", tmp_path / "card"
    for seed in range(3):
        save(library_folder / f"{seed}.jpg", draw_photo(seed), quality=92)
    shutil.copytree(library_folder, card)
    save(card / "1.jpg", draw_photo(1, 320, 240), quality=80)
    with Library.open(tmp_path / "s", create=True) as library:
        library.index([library_folder])
        (library_folder / "0.jpg").unlink()
        (library_folder / "1.jpg").unlink()
        save(library_folder / "2.jpg", draw_photo(9), quality=50)  # another photo by now

        assert [each.status for each in library.copies.check([card])] == ["new", "new", "new"]


@pytest.mark.parametrize("is_mount_point_left", [True, False])
def test_what_is_found_on_a_drive_that_is_away_only_is_not_here(
    is_mount_point_left: bool, tmp_path: Path
) -> None:
    """Nobody knows what became of that drive, and the card is about to be cleared."""
    save(tmp_path / "drive" / "a.jpg", draw_photo(1), quality=92)
    shutil.copytree(tmp_path / "drive", tmp_path / "card")
    save(tmp_path / "card" / "b.jpg", draw_photo(1, 320, 240), quality=80)
    with Library.open(tmp_path / "s", create=True) as library:
        library.index([tmp_path / "drive"])
        (tmp_path / "drive").rename(tmp_path / "unplugged")
        if is_mount_point_left:
            (tmp_path / "drive").mkdir()

        def found(*, count_away: bool = False) -> list[str]:
            checked = library.copies.check([tmp_path / "card"], count_away=count_away)
            return [each.status for each in checked]

        # What cannot be compared at full size may hold more.
        assert found() == ["away", "more"]
        assert found(count_away=True) == ["found", "more"]
    card, at = tmp_path / "card" / "a.jpg", ("--store", tmp_path / "s")
    run = lookalike("check", card, *at, "--json")
    assert (run.code, run.json["files"][0]["matches"][0]["away"]) == (10, True)
    assert (paths_of("check", card, *at), paths_of("check", card, "--new", *at)) == ([], [str(card)])
    told = lookalike("check", card, *at).out.decode()
    assert "same bytes, on a drive that is away: " in told
    assert "do not clear these files yet: 1 found only on a drive that is away" in told


def test_another_form_that_is_here_counts_while_the_same_bytes_are_away(tmp_path: Path) -> None:
    save(tmp_path / "drive" / "a.jpg", draw_photo(1), quality=92)
    shutil.copytree(tmp_path / "drive", tmp_path / "card")
    described = exif_with({0x010E: "a description"})
    save(tmp_path / "here" / "same pixels.jpg", draw_photo(1), exif=described, quality=92)
    with Library.open(tmp_path / "s", create=True) as library:
        library.index([tmp_path / "drive", tmp_path / "here"])
        (tmp_path / "drive").rename(tmp_path / "unplugged")

        (checked,) = library.copies.check([tmp_path / "card"])

    assert checked.status == "found"
    assert [(match.kind, match.is_away) for match in checked.matches] == [("exact", True), ("copy", False)]


@pytest.mark.parametrize(
    ("names", "verdict"),
    [
        (["exact.jpg"], "the one photo is in the library, with all that it holds"),
        (["exact.jpg", "new.jpg"], "do not clear these files yet: 1 new"),
        (["exact.jpg", "broken.jpg"], "do not clear these files yet: 1 unreadable"),
        (["exact.jpg", "film.mp4"], "do not clear these files yet: 1 not compared"),
    ],
)
def test_the_last_line_says_whether_a_card_may_be_cleared(
    names: list[str], verdict: str, card: Path, store: Path, tmp_path: Path
) -> None:
    put(card / "film.mp4")
    for name in names:
        shutil.move(card / name, put(tmp_path / "asked" / name))

    run = lookalike("check", tmp_path / "asked", "--store", store)

    assert run.out.decode().splitlines()[-1] == verdict
    quiet = lookalike("-q", "check", tmp_path / "asked", "--store", store)
    assert verdict not in quiet.out.decode()


# --- what lies beside, and what is not compared ------------------------------------------------------


def put(path: Path, data: bytes = b"beside") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def paths_of(*arguments: Any) -> list[str]:
    return lookalike(*arguments, "--format", "paths0").out.decode().split("\0")[:-1]


@pytest.fixture
def import_of(photos: Path, tmp_path: Path) -> Path:
    """Two folders of a card that name other shots alike, with RAW, film and sidecar; one shot is known."""
    card = tmp_path.resolve() / "card" / "DCIM"
    save(card / "100" / "IMG_1.JPG", draw_photo(301))
    for name in ("IMG_1.X3F", "IMG_1.X3F.xmp", "IMG_1_HEVC.MOV"):
        put(card / "100" / name)
    save(card / "101" / "IMG_1.JPG", draw_photo(302))
    put(card / "101" / "IMG_1.X3F", b"another RAW")
    shutil.copy(photos / "2023" / "0.jpg", card / "101" / "IMG_2.JPG")
    save(card / "101" / ".trashed-1700000000-IMG_3.JPG", draw_photo(303))
    return card


def test_what_is_new_is_listed_with_all_that_belongs_to_it(import_of: Path, store: Path) -> None:
    listed = paths_of("check", import_of, "--new", "--store", store)

    assert [os.path.relpath(path, import_of) for path in listed] == [
        *("100/IMG_1.JPG", "100/IMG_1.X3F", "100/IMG_1.X3F.xmp", "100/IMG_1_HEVC.MOV"),
        *("101/IMG_1.JPG", "101/IMG_1.X3F"),
    ]
    row = lookalike("check", import_of, "--store", store, "--format", "json").json["files"][0]
    assert [each["kind"] for each in row["companions"]] == ["raw", "sidecar", "video"]
    table = lookalike("check", import_of, "--store", store).out.decode()
    assert f"new           {import_of}/101/IMG_1.JPG + IMG_1.X3F\n" in table


@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar")
def test_the_example_copies_folders_and_overwrites_nothing(
    import_of: Path, store: Path, tmp_path: Path
) -> None:
    save(import_of / "101" / "-C a\nb.JPG", draw_photo(304))
    pictures = tmp_path / "Import"
    pictures.mkdir()
    (example,) = [each for each in COMMANDS["check"].examples if "|" in each]
    example = example.replace("lookalike", f"{sys.executable} -m lookalike")
    command = example.replace("~/card", str(import_of)).replace("~/Import", str(pictures))

    def run() -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, "LOOKALIKE_STORE": str(store)}
        return subprocess.run(["sh", "-c", command], env=environment, check=False, capture_output=True)

    done = run()

    assert done.returncode == 0, done.stderr
    at = pictures / str(import_of)[1:]
    assert {str(path.relative_to(at)) for path in pictures.rglob("*") if path.is_file()} == {
        *("100/IMG_1.JPG", "100/IMG_1.X3F", "100/IMG_1.X3F.xmp", "100/IMG_1_HEVC.MOV"),
        *("101/IMG_1.JPG", "101/IMG_1.X3F", "101/-C a\nb.JPG"),
    }
    assert (at / "101" / "IMG_1.X3F").read_bytes() == b"another RAW"
    # Cameras use a name again.
    there = put(at / "100" / "IMG_1.X3F", b"it was there")
    run()
    assert there.read_bytes() == b"it was there"


def test_a_photo_that_is_found_without_its_raw_holds_more(tmp_path: Path) -> None:
    photos, card, at = tmp_path / "photos", tmp_path / "card", ("--store", tmp_path / "s")
    for seed in range(2):
        original = save(photos / f"{seed}.jpg", draw_photo(seed), quality=92)
        save(card / f"IMG_{seed}.JPG", Image.open(original), quality=80)
        put(card / f"IMG_{seed}.X3F", b"RAW %d" % seed)
    put(photos / "0.X3F", b"RAW 0")
    assert lookalike("index", photos, *at).code == 0

    run = lookalike("check", card, *at, "--format", "json")

    rows = by_name(run.json["files"])
    assert run.code == 10
    assert {name: row["status"] for name, row in rows.items()} == {
        "IMG_0.JPG": "found",
        "IMG_1.JPG": "more",
    }
    assert [row["matches"][0]["more"] for row in rows.values()] == ["", "RAW IMG_1.X3F"]
    assert paths_of("check", card, *at) == [str(card / "IMG_0.JPG"), str(card / "IMG_0.X3F")]
    assert paths_of("check", card, "--new", *at) == [str(card / "IMG_1.JPG"), str(card / "IMG_1.X3F")]
    table = lookalike("check", card, *at).out.decode()
    assert "would lose: RAW IMG_1.X3F" in table
    assert "1 found, 1 found but holds more, 0 new" in table.splitlines()


def test_what_belongs_to_a_new_photo_too_is_not_listed_with_what_is_found(
    photos: Path, tmp_path: Path
) -> None:
    library, card, at = tmp_path / "library", tmp_path / "card", ("--store", tmp_path / "s")
    for folder in (library, card):
        save(folder / "a.jpg", draw_photo(0), quality=92)
        put(folder / "a.x3f")
    save(card / "a.png", draw_photo(1))
    lookalike("index", library, *at)

    assert paths_of("check", card, *at) == [str(card / "a.jpg")]
    assert paths_of("check", card, "--new", *at) == [str(card / "a.png"), str(card / "a.x3f")]


@pytest.mark.parametrize("form", ["table", "json", "paths0"])
def test_what_cannot_be_compared_is_counted_and_named_and_ends_with_3(
    form: str, photos: Path, store: Path, tmp_path: Path
) -> None:
    shutil.copy(photos / "2023" / "0.jpg", tmp_path / "IMG_1.JPG")
    for name in ("IMG_2.X3F", "IMG_3.x3f", "MVI_4.MP4", "notes.txt", "list.pdf", "._IMG_2.X3F"):
        put(tmp_path / name)

    run = lookalike("check", tmp_path, "--new", "--store", store, "--format", form)

    assert run.code == 3
    assert "not compared: 2 X3F, 1 MP4: copy them by hand" in (
        run.out.decode() if form == "table" else run.err
    )
    assert "0 new" not in run.out.decode()
    if form == "json":
        assert {(Path(row["path"]).name, row["status"]) for row in run.json["files"]} == {
            *(("IMG_2.X3F", "not_compared"), ("IMG_3.x3f", "not_compared"), ("MVI_4.MP4", "not_compared")),
        }
    if form == "paths0":
        assert run.out == b""


def test_what_nobody_looks_into_is_found_as_the_same_bytes(store: Path, tmp_path: Path) -> None:
    """A card with a film is clear once the film lies in the library."""
    card, library, at = tmp_path / "card", tmp_path / "library", ("--store", tmp_path / "s")
    for name in ("MVI_1.MP4", "IMG_2.CR3", "a.jpg"):
        put(card / name, name.encode() * 10 if name != "a.jpg" else encode(draw_photo(1)))
        put(library / "2024" / name, (card / name).read_bytes())
    assert lookalike("index", library, *at).code == 3

    run = lookalike("check", card, *at)
    assert (run.code, run.err) == (10, "")
    assert f"same bytes, not looked into: {library}/2024/MVI_1.MP4" in run.out.decode()
    assert run.out.decode().endswith("all 3 files are in the library, with all that they hold\n")
    assert paths_of("check", card, *at) == [
        str(card / name) for name in ("IMG_2.CR3", "a.jpg", "MVI_1.MP4")
    ]
    assert lookalike("check", library, *at).code == 3  # what is to be cleared proves nothing of itself
    put(library / "2024" / "MVI_1.MP4", b"mVI_1.MP4" * 10)
    (library / "2024" / "IMG_2.CR3").rename(library / "IMG_2.CR3")
    run = lookalike("check", card, *at, "--format", "json")
    states = {"a.jpg": "found", "IMG_2.CR3": "unreadable", "MVI_1.MP4": "not_compared"}
    assert {name: row["status"] for name, row in by_name(run.json["files"]).items()} == states


def test_a_film_is_not_told_of_where_a_stop_ended_the_search(store: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    film = Checked(str(put(tmp_path / "film.mp4")), is_compared=False)
    with Library.open(store) as library:
        told = SameBytes(library.store, ALL, [], Watch(stop=stop))
        assert [each.same_bytes for each in told([film])] == [()]
        stop.set()
        told = SameBytes(library.store, ALL, [], Watch(stop=stop))
        assert list(told([film])) == []


def test_a_terminal_names_the_folder_once(card: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(card.parent)  # its name is short then, whatever the temporary folder's
    shown = on_terminal("check", card, "--store", store)
    assert "in card:\n" in shown
    assert "\nunreadable    broken.jpg\n              " in shown
    assert shown.count("card") == 1


def test_a_copy_in_a_trash_is_no_match(photos: Path, tmp_path: Path) -> None:
    """It is gone when the trash is emptied."""
    kept, thrown = tmp_path / "library" / "a.jpg", tmp_path / "library" / ".trashed-1700000000-a.jpg"
    put(kept, encode(draw_photo(1)))
    shutil.copy(kept, tmp_path / "card.jpg")
    with Library.open(tmp_path / "s", create=True) as library:
        library.index([kept.parent])
        kept.rename(thrown)
        found = thrown.stat()
        numbers = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_dev, found.st_ino)
        stat = FileStat(os.fsencode(thrown.name), *numbers)
        with library.store.reading() as view:
            (root,) = all_roots(view)
        library.store.commit(root, [FileResult(stat, blake3(thrown.read_bytes()).digest())])

        assert [each.status for each in library.copies.check([tmp_path / "card.jpg"])] == ["new"]
