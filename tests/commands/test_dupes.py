"""Copies, look-alikes and companions as the command line lists them: real files with real EXIF."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from lookalike.dedup.packets import merged
from lookalike.dedup.proof import prove_all
from lookalike.output.text import file_size
from lookalike.tests.dedup.proof import making
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, exif_with, save

TAKEN, FRACTION, ZONE = 0x9003, 0x9291, 0x9011


def taken(second: int, fraction: str = "", zone: str = "") -> Image.Exif:
    fields = {TAKEN: f"2023:05:01 12:00:{second:02}", FRACTION: fraction, ZONE: zone}
    return exif_with(exif={tag: text for tag, text in fields.items() if text})


class Listed:
    """A library and what `dupes` says of it."""

    def __init__(self, photos: Path, store: Path) -> None:
        self.photos, self.store = photos, store
        lookalike("index", photos, "--store", store)
        self.groups = lookalike("dupes", "--similar", "--store", store, "--format", "json").json["groups"]

    def rows(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        for group in self.groups:
            yield from ((group, member) for member in group["members"])

    def names(self, kind: str) -> list[set[str]]:
        """Return the names of the files of each group of a kind."""
        found = []
        for group in self.groups:
            if (group["members"][0]["class"] == "similar") == (kind == "similar"):
                files = [group["keeper"], *group["members"]]
                found.append({self.name(file) for file in files})
        return sorted(found, key=sorted)

    def name(self, file: dict[str, Any]) -> str:
        return Path(file["path"]).relative_to(self.photos).as_posix()

    def member(self, name: str) -> dict[str, Any]:
        (found,) = [member for _, member in self.rows() if self.name(member) == name]
        return found

    def run(self, *arguments: str | Path) -> list[str]:
        """Return the lines of a listing of copies."""
        return lookalike("dupes", *arguments, "--store", self.store).out.decode().splitlines()


# Bursts: eight pairs, each of its own scene; all were saved anew, so that no pixel digest is the same.


def frames(folder: Path, name: str, seed: int, *exifs: Image.Exif | None) -> None:
    """Save the same picture once for each of the EXIF blocks, as the frames of a still burst would be."""
    for number, exif in enumerate(exifs):
        more = {} if exif is None else {"exif": exif}
        save(folder / f"{name}{number}.jpg", draw_photo(seed, 320, 240), quality=94 - 4 * number, **more)


@pytest.fixture(scope="module")
def bursts(tmp_path_factory: pytest.TempPathFactory) -> Listed:
    folder = tmp_path_factory.mktemp("bursts").resolve()
    frames(folder, "seconds", 1, taken(1), taken(2))
    frames(folder, "fractions", 2, taken(1, "10"), taken(1, "50"))
    frames(folder, "zones", 3, taken(1, "10", "+02:00"), taken(1, "50", "+02:00"))
    frames(folder, "dropped", 4, taken(1, "10", "+02:00"), taken(1, "", "+02:00"))
    frames(folder, "coarse", 5, taken(1), taken(1))
    frames(folder, "untimed", 6, taken(1, "10"), None)
    frames(folder, "edited", 7, taken(1, "10", "+02:00"))
    save(folder / "saved0.jpg", draw_photo(9, 320, 240), quality=92)
    save(folder / "saved1.jpg", Image.open(folder / "saved0.jpg"), quality=80)
    making.lit(1.2)(draw_photo(7, 320, 240)).crop((20, 20, 310, 230)).save(
        folder / "edited1.jpg", exif=taken(1, "10", "+02:00")
    )
    frames(folder, "third", 8, taken(1, "10"), None, taken(1, "50"))
    return Listed(folder, tmp_path_factory.mktemp("store") / "s")


def test_frames_of_a_burst_are_no_copies_and_edits_that_keep_the_time_are(bursts: Listed) -> None:
    names = ("coarse", "dropped", "edited", "saved", "untimed")
    pairs = [{f"{name}0.jpg", f"{name}1.jpg"} for name in names]
    found = bursts.names("copy")

    assert [group for group in found if "third" not in min(group)] == pairs


def test_a_search_shows_each_frame_of_a_burst_and_counts_copies_once(bursts: Listed) -> None:
    run = lookalike(
        "search", bursts.photos / "saved0.jpg", "-k", "30", "--format", "json", "--store", bursts.store
    )
    found = {bursts.name(each): each["proven_copies"] for each in run.json["queries"][0]["results"]}

    for name in ("seconds", "fractions", "zones"):
        assert (found[f"{name}0.jpg"], found[f"{name}1.jpg"]) == (0, 0)
    assert sorted(found.get(f"coarse{number}.jpg", -1) for number in (0, 1)) == [-1, 1]


def test_a_copy_without_a_time_joins_no_two_frames(bursts: Listed) -> None:
    (group,) = [group for group in bursts.names("copy") if "third1.jpg" in group]

    assert len(group) == 2
    assert group < {"third0.jpg", "third1.jpg", "third2.jpg"}


def test_frames_of_a_burst_are_listed_as_lookalikes_with_the_time_between(bursts: Listed) -> None:
    said = {bursts.name(m): m["transform"] for _, m in bursts.rows() if m["class"] == "similar"}
    said |= {bursts.name(g["keeper"]): m["transform"] for g, m in bursts.rows() if m["class"] == "similar"}

    assert said["seconds0.jpg"] in ("another shot, 1 s later", "another shot, 1 s earlier")
    assert said["fractions1.jpg"] in ("another shot, 0.4 s later", "another shot, 0.4 s earlier")
    assert said["zones0.jpg"] == said["zones1.jpg"]
    # Of copies, only the one that is kept looks like others.
    members = {bursts.name(m) for _, m in bursts.rows() if m["class"] == "copy"}
    assert members
    assert not members & said.keys()
    assert not any(m["selected"] for _, m in bursts.rows() if m["class"] == "similar")


def test_paths_are_only_of_what_may_go_without_a_look(bursts: Listed) -> None:
    run = lookalike("dupes", "--similar", "--format", "paths", "--store", bursts.store)
    selected = {member["path"] for _, member in bursts.rows() if member["selected"]}

    assert set(run.out.decode().splitlines()) == selected
    assert selected
    left = sum(not member["selected"] for _, member in bursts.rows())
    assert f"shows {left} more" in run.err
    run = lookalike("dupes", "--similar", "--format", "paths0", "--store", bursts.store)
    assert {os.fsdecode(path) for path in run.out.split(b"\0") if path} == selected


# Companions


def shot(folder: Path, name: str, seed: int, *beside: str, quality: int = 92, size: int = 320) -> Path:
    """Save a photo and files beside it; they are not read, so their bytes are of no matter."""
    picture = draw_photo(seed, size, size * 3 // 4)
    path = save(folder / name, picture, format="JPEG", quality=quality)
    for other in beside:
        (folder / other).write_bytes(b"not read: " + other.encode())
    return path


@pytest.fixture(scope="module")
def companions(tmp_path_factory: pytest.TempPathFactory) -> Listed:
    folder = tmp_path_factory.mktemp("companions").resolve()
    # A RAW beside the smaller one: the keeper has more pixels, and the RAW must not be left alone.
    shot(folder / "camera", "DSC1.JPG", 11, "DSC1.ARW", "DSC1.xmp")
    large = shot(folder / "album", "large.jpg", 11, size=640)
    save(folder / "camera" / "DSC1.JPG", Image.open(large).resize((320, 240)), quality=92)
    # As many pixels: the camera's file is kept, though the other one, made from it, has more bytes.
    camera = shot(folder / "camera", "DSC2.JPG", 12, "DSC2.ARW", quality=80)
    save(folder / "album" / "best.jpg", Image.open(camera), quality=97)
    # A backup of both files.
    for place in ("backup", "phone"):
        shot(
            folder / place,
            "IMG_3.JPG",
            13,
            "IMG_3.MOV",
            "IMG_3.AAE",
            "IMG_3.JPG.supplemental-metadata.json",
        )
    # HEIF and JPEG of one shot, and an edit by Apple; a name tells, as the content does not matter.
    shot(folder / "phone", "IMG_0004.HEIC", 14, quality=95)
    shot(folder / "phone", "IMG_0004.JPG", 14, quality=85)
    shot(folder / "phone", "IMG_0005.JPG", 15, quality=95)
    shot(folder / "phone", "IMG_E0005.JPG", 15, "IMG_0005.AAE", quality=80)
    # One RAW, two renderings: giving up one leaves the RAW with the other.
    sixth = shot(folder / "camera", "DSC6.JPG", 16, "DSC6.ARW", quality=95)
    Image.open(sixth).resize((160, 120)).save(folder / "camera" / "DSC6.png")
    return Listed(folder, tmp_path_factory.mktemp("store") / "s")


def beside(file: dict[str, Any]) -> dict[str, str]:
    return {Path(each["path"]).name: each["kind"] for each in file["companions"]}


def test_a_file_is_not_preselected_where_its_raw_would_be_left_alone(companions: Listed) -> None:
    member = companions.member("camera/DSC1.JPG")

    assert beside(member) == {"DSC1.ARW": "raw", "DSC1.xmp": "sidecar"}
    assert (member["selected"], member["why_not"]) == (False, "companions")


def test_of_as_many_pixels_the_one_with_its_raw_is_kept(companions: Listed) -> None:
    (group,) = [g for g in companions.groups if companions.name(g["keeper"]) == "camera/DSC2.JPG"]

    assert group["keeper"]["reason"] == "the original: another one was made from it"
    assert beside(group["keeper"]) == {"DSC2.ARW": "raw"}
    assert [companions.name(each) for each in group["members"]] == ["album/best.jpg"]
    assert group["members"][0]["selected"]


def test_a_backup_of_photo_and_video_may_go_with_all_that_belongs_to_it(
    companions: Listed, tmp_path: Path
) -> None:
    (group,) = [g for g in companions.groups if "IMG_3.JPG" in g["keeper"]["path"]]
    (member,) = group["members"]
    kinds = {
        "IMG_3.MOV": "video",
        "IMG_3.AAE": "sidecar",
        "IMG_3.JPG.supplemental-metadata.json": "sidecar",
    }

    assert member["selected"]
    assert beside(member) == beside(group["keeper"]) == kinds
    lookalike("dupes", "--plan", tmp_path / "plan.json", "--store", companions.store)
    planned = json.loads((tmp_path / "plan.json").read_bytes())["groups"]
    (row,) = [each for g in planned for each in g["members"] if each["path"] == member["path"]]
    assert row["companions"] == member["companions"]
    for each in row["companions"]:
        found = os.stat(each["path"])
        assert (each["bytes"], each["mtime_ns"]) == (found.st_size, found.st_mtime_ns)


def test_two_files_of_one_shot_are_neither_copies_nor_lookalikes(companions: Listed) -> None:
    listed = {companions.name(file) for g in companions.groups for file in (g["keeper"], *g["members"])}

    assert not any("0004" in name or "0005" in name for name in listed)


def test_a_companion_of_two_pictures_stays_with_the_other_one(companions: Listed, tmp_path: Path) -> None:
    member = companions.member("camera/DSC6.png")

    assert [each["shared"] for each in member["companions"]] == [True]
    assert member["selected"]
    lookalike("dupes", "--plan", tmp_path / "plan.json", "--store", companions.store)
    planned = json.loads((tmp_path / "plan.json").read_bytes())["groups"]
    (row,) = [each for g in planned for each in g["members"] if each["path"] == member["path"]]
    assert row["companions"] == []


def test_halves_that_two_groups_would_part_stay(tmp_path: Path) -> None:
    folder = tmp_path.resolve() / "photos"
    for place in ("a", "b"):
        shot(folder / place, "IMG_1.JPG", 21)
        shot(folder / place, "IMG_1.HEIC", 21, quality=60)
    # The rules keep the JPEG of one folder and the other file of the other one.
    os.utime(folder / "a" / "IMG_1.HEIC", (1, 1))
    os.utime(folder / "b" / "IMG_1.JPG", (1, 1))

    listed = Listed(folder, tmp_path / "s")

    assert {listed.name(group["keeper"]) for group in listed.groups} == {"a/IMG_1.HEIC", "b/IMG_1.JPG"}
    assert [member["why_not"] for _, member in listed.rows()] == ["companions", "companions"]


def test_two_renderings_of_one_raw_do_not_go_both(tmp_path: Path) -> None:
    folder = tmp_path.resolve() / "photos"
    large = Image.open(shot(folder / "album", "large.jpg", 23, size=640))
    shot(folder / "camera", "DSC7.JPG", 23, "DSC7.ARW")
    save(folder / "camera" / "DSC7.JPG", large.resize((320, 240)), quality=92)
    save(folder / "camera" / "DSC7.png", large.resize((160, 120)))

    listed = Listed(folder, tmp_path / "s")

    assert {listed.name(member): member["why_not"] for _, member in listed.rows()} == {
        "camera/DSC7.JPG": "companions",
        "camera/DSC7.png": "companions",
    }


def test_what_is_a_copy_by_its_bytes_or_the_user_s_word_is_no_companion(tmp_path: Path) -> None:
    folder = tmp_path.resolve() / "photos"
    shot(folder, "IMG_0001.JPG", 24)
    shutil.copy(folder / "IMG_0001.JPG", folder / "IMG_0001.HEIC")
    shot(folder, "IMG_0002.JPG", 25)
    shot(folder, "IMG_0002.HEIC", 25, quality=60)
    store = tmp_path / "s"
    lookalike("index", folder, "--store", store)
    lookalike("confirm", folder / "IMG_0002.JPG", folder / "IMG_0002.HEIC", "--store", store)

    listed = Listed(folder, store)

    assert len(listed.groups) == 2
    assert all(member["selected"] for _, member in listed.rows())
    assert not any(file["companions"] for g in listed.groups for file in (g["keeper"], *g["members"]))


def test_the_table_shows_marks_companions_reasons_and_totals(companions: Listed) -> None:
    lines = companions.run()

    (line,) = [line for line in lines if "camera/DSC1.JPG" in line]
    assert line.strip().startswith("[ ]")
    assert line.endswith("would lose: its DSC1.xmp; its DSC1.ARW")
    (kept,) = [line for line in lines if "camera/DSC2.JPG" in line]
    assert kept.strip().startswith("keep")
    assert kept.endswith("the original: another one was made from it + DSC2.ARW")
    (given,) = [line for line in lines if "album/best.jpg" in line]
    assert given.strip().startswith("[x]")
    # The RAW stays with the other rendering of it.
    (png,) = [line for line in lines if "DSC6.png" in line]
    assert "+" not in png
    sizes = [
        file_size(sum(group[of] for group in companions.groups))
        for of in ("wasted_bytes", "selected_bytes")
    ]
    assert lines[-1] == f"4 groups of copies, {sizes[0]}; {sizes[1]} can be freed [x]"
    # What nobody may move unseen is not to be freed.
    heads = (
        {bool(g["selected_bytes"]) for g in companions.groups},
        {"can be freed" in s for s in lines if "group " in s[:6]},
    )
    assert heads == ({True, False}, {True, False})


def test_a_folder_that_went_away_has_no_companions_and_is_no_error(tmp_path: Path) -> None:
    folder = tmp_path.resolve() / "photos"
    shot(folder / "a", "IMG_1.JPG", 22, "IMG_1.CR2")
    shutil.copy(folder / "a" / "IMG_1.JPG", folder / "copy.jpg")
    listed = Listed(folder, tmp_path / "s")
    assert beside(listed.groups[0]["keeper"]) == {"IMG_1.CR2": "raw"}
    folder.rename(tmp_path / "unplugged")

    run = lookalike("dupes", "--store", listed.store, "--format", "json")

    assert run.code == 0
    assert run.json["groups"][0]["keeper"]["companions"] == []


# Pages and blank pictures


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Listed:
    folder = tmp_path_factory.mktemp("pages").resolve()
    save(folder / "page.png", making.page())
    save(folder / "page-same.png", making.page(), compress_level=1)
    save(folder / "page-resaved.jpg", making.page(), quality=85)
    save(folder / "page-changed.png", making.page(changed=9))
    blank = Image.new("RGB", (600, 400), "white")
    save(folder / "blank.png", blank)
    save(folder / "blank-same.png", blank, compress_level=1)
    dotted = blank.copy()
    ImageDraw.Draw(dotted).ellipse((300, 200, 306, 206), fill="black")
    save(folder / "dot.png", dotted)
    save(folder / "black.png", Image.new("RGB", (600, 400), "black"))
    save(folder / "almost-black.png", Image.new("RGB", (600, 400), (4, 4, 4)))
    return Listed(folder, tmp_path_factory.mktemp("store") / "s")


def test_blank_pictures_are_copies_only_by_identical_pixels(pages: Listed) -> None:
    copies = [group for group in pages.names("copy") if not any("page" in name for name in group)]

    assert copies == [{"blank.png", "blank-same.png"}]


def test_a_page_is_preselected_only_where_nothing_of_it_is_lost(pages: Listed) -> None:
    (group,) = [
        g for g in pages.groups if "page" in pages.name(g["keeper"]) and g["members"][0]["class"] == "copy"
    ]
    said = {pages.name(member): (member["selected"], member["why_not"]) for member in group["members"]}
    same = {"page.png", "page-same.png"} - {pages.name(group["keeper"])}

    assert pages.name(group["keeper"]) in ("page.png", "page-same.png")
    assert said.pop(same.pop()) == (True, "")
    # Every pixel of the JPEG can be computed from the kept page; another line of text cannot.
    assert said.pop("page-resaved.jpg") == (True, "")
    assert "check it yourself" not in pages.member("page-resaved.jpg")["transform"]
    assert said == {"page-changed.png": (False, "document")}
    changed = pages.member("page-changed.png")
    assert "looks like a document or a screen: " in changed["transform"]
    assert "differ" in changed["transform"]
    assert changed["transform"].endswith("check it yourself")
    x, y, width, height = changed["evidence"]["differs"][0]
    line = (50 + 40 * 9 + 12) / 800
    assert y <= line <= y + height
    assert 0 <= x < x + width <= 1


# What may go wrong on the way


def test_a_search_names_the_copy_that_is_not_called_one(tmp_path: Path) -> None:
    photos, at = tmp_path.resolve() / "photos", ("--store", tmp_path / "s")
    save(photos / "1.jpg", draw_photo(1, 320, 240), quality=60)
    save(photos / "1-edited.jpg", draw_photo(1, 320, 240), quality=90)
    save(photos / "small.jpg", draw_photo(1, 320, 240).resize((200, 150)), quality=90)
    lookalike("index", photos, "--prove", *at)
    example = save(tmp_path / "new.jpg", draw_photo(1, 320, 240), quality=91)

    run = lookalike("search", example, "--format", "json", *at)
    every = lookalike("search", example, "--include-copies", "--format", "json", *at)

    first = every.json["queries"][0]["results"][0]
    (found,) = run.json["queries"][0]["results"]
    assert Path(first["path"]).name == "1-edited.jpg"
    assert Path(found["path"]).name in ("1.jpg", "small.jpg")
    assert (found["proven_copies"], found["score"]) == (2, first["score"])


def test_a_reader_that_has_seen_enough_ends_it_without_a_word(tmp_path: Path) -> None:
    save(tmp_path / "photos" / "a.jpg", draw_photo(1, 320, 240))
    lookalike("index", tmp_path / "photos", "--store", tmp_path / "s")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "lookalike", "export", "--store", str(tmp_path / "s")]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_nothing_in_a_mirror_is_preselected_and_what_it_mirrors_is_thinned(tmp_path: Path) -> None:
    archive, mirror = tmp_path / "archive" / "Photos", tmp_path / "again"
    for seed in range(4):
        save(archive / f"{seed}.jpg", draw_photo(seed, 96, 72))
    shutil.copy(archive / "0.jpg", archive / "0 (1).jpg")
    shutil.copytree(archive, mirror)  # by its shorter path a file in it would be kept
    for first, second in ((archive, mirror), (mirror, archive)):
        store = tmp_path / f"store of {first.name}"
        for folder in (first, second):  # of two that hold the same the later one is the mirror
            lookalike("index", folder, "--store", store)
        groups = lookalike("dupes", "--exact", "--store", store, "--json").json["groups"]
        assert {os.path.dirname(group["keeper"]["path"]) for group in groups} == {str(first)}
        stays = {m["path"]: m["why_not"] for group in groups for m in group["members"]}
        assert stays.pop(str(first / "0 (1).jpg")) == ""
        assert stays == {str(file): "in a backup" for file in second.iterdir()}


def test_a_mirror_stays_one_when_the_folder_that_it_mirrors_has_lost_photos(tmp_path: Path) -> None:
    archive, mirror, other = (tmp_path / name for name in ("archive", "backup", "other"))
    for seed in range(8):
        save(archive / f"{seed}.jpg", draw_photo(seed, 96, 72))
    save(archive / "gone.jpg", draw_photo(8, 320, 240))
    shutil.copy(archive / "0.jpg", archive / "0 (1).jpg")
    shutil.copytree(archive, mirror)
    for name in ("6.jpg", "7.jpg", "gone.jpg"):
        (archive / name).unlink()
    reduced = save(other / "reduced.jpg", draw_photo(8, 320, 240).resize((200, 150)))
    for folder in (archive, mirror, other):
        lookalike("index", folder, "--store", tmp_path / "store")

    groups = lookalike("dupes", "--store", tmp_path / "store", "--json").json["groups"]

    groups.sort(key=lambda group: group["keeper"]["path"])
    stays = {m["path"]: m["why_not"] for group in groups for m in group["members"]}
    assert stays.pop(str(archive / "0 (1).jpg")) == ""
    # What is kept for it lies in the mirror only, until that is brought up to date.
    assert groups[-1]["keeper"]["path"] == str(mirror / "gone.jpg")
    assert stays.pop(str(reduced)) == "in a backup"
    assert {os.path.dirname(path) for path in stays} == {str(mirror)}
    assert set(stays.values()) == {"in a backup"}


@pytest.mark.parametrize("part_is_older", [True, False])
def test_a_small_part_of_an_archive_is_the_mirror_whichever_came_first(
    tmp_path: Path, part_is_older: bool
) -> None:
    archive, part = tmp_path / "archive", tmp_path / "part"
    for seed in range(8):
        save(archive / f"{seed}.jpg", draw_photo(seed, 96, 72))
    for seed in range(3):
        save(part / f"{seed}.jpg", draw_photo(seed, 96, 72))
    for folder in (part, archive) if part_is_older else (archive, part):
        lookalike("index", folder, "--store", tmp_path / "store")
    groups = lookalike("dupes", "--exact", "--store", tmp_path / "store", "--json").json["groups"]
    assert {os.path.dirname(group["keeper"]["path"]) for group in groups} == {str(archive)}


def test_the_name_that_others_know_stays_and_the_sidecar_of_its_copy_is_merged(tmp_path: Path) -> None:
    photos, store = tmp_path / "photos", tmp_path / "store"
    save(photos / "DSC04003.jpg", draw_photo(3, 96, 72))
    shutil.copy2(photos / "DSC04003.jpg", photos / "DSC04003 (1).jpg")
    (photos / "DSC04003 (1).jpg.xmp").write_bytes(merged(None, {"keywords": ["sea"]}))
    lookalike("index", photos, "--store", store)

    for options, why_not in (((), "holds more"), (("--merge-metadata",), "")):
        (group,) = lookalike("dupes", "--exact", *options, "--store", store, "--json").json["groups"]
        assert group["keeper"]["path"] == str(photos / "DSC04003.jpg")
        assert [member["why_not"] for member in group["members"]] == [why_not]


def test_no_sidecar_makes_a_file_stay_where_it_is_to_be_deleted(tmp_path: Path) -> None:
    photos, store = tmp_path / "photos", tmp_path / "store"
    save(photos / "2019" / "DSC04003.jpg", draw_photo(3, 96, 72))
    (photos / "Papierkorb").mkdir()
    shutil.copy2(photos / "2019" / "DSC04003.jpg", photos / "Papierkorb" / "DSC04003.jpg")
    (photos / "Papierkorb" / "DSC04003.jpg.xmp").write_bytes(merged(None, {"keywords": ["sea"]}))
    lookalike("index", photos, "--store", store)

    (group,) = lookalike("dupes", "--exact", "--store", store, "--json").json["groups"]
    assert group["keeper"]["path"] == str(photos / "2019" / "DSC04003.jpg")
    assert [member["why_not"] for member in group["members"]] == ["holds more"]


@pytest.fixture
def many_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with more pairs to prove than what processes are started for, which is few here."""
    monkeypatch.setattr(prove_all, "_WORTH_PROCESSES", 20)
    for seed in range(0, 32, 4):
        photo = draw_photo(1, 320, 240).crop((seed, 0, 290 + seed, 240))
        save(tmp_path / "photos" / f"{seed}.jpg", photo, quality=90)
    lookalike("index", tmp_path / "photos", "--store", tmp_path / "s")
    return tmp_path / "s"


def in_the_way_of_opencv(folder: Path, in_a_prover: str) -> str:
    (folder / "cv2").mkdir(parents=True)
    (folder / "cv2" / "__init__.py").write_text(STANDS_IN_THE_WAY.format(in_a_prover))
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


def test_where_provers_cannot_work_their_parent_does(many_pairs: Path, tmp_path: Path) -> None:
    path = in_the_way_of_opencv(tmp_path / "broken", "os._exit(9)")
    run = lookalike("dupes", "--store", many_pairs, "--format", "json", PYTHONPATH=path)
    assert (run.code, run.err) == (0, "")
    assert sum(len(group["members"]) + 1 for group in run.json["groups"]) == 8


def test_a_prover_that_dies_at_work_is_told(many_pairs: Path, tmp_path: Path) -> None:
    """It must not take the command with it in silence."""
    path = in_the_way_of_opencv(tmp_path / "broken", "cv2.imdecode = lambda *_: os._exit(9)")
    run = lookalike("dupes", "--store", many_pairs, PYTHONPATH=path)
    assert run.code == 1
    assert "the prover crashed (code 9)" in run.err
    assert "Traceback" not in run.err
    assert lookalike("dupes", "--store", many_pairs).code == 0


# Lets everything through to OpenCV, and does something more in a prover.
STANDS_IN_THE_WAY = """
import sys, os
sys.path.remove(os.path.dirname(os.path.dirname(__file__)))
del sys.modules["cv2"]
import cv2
if "lookalike.dedup.proof.proof_job" in " ".join(sys.orig_argv):
    {}
"""
