"""missing, forget, purge and the folders of status as people call them."""

import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from lookalike.library import Library
from lookalike.tests.dedup.actions.making import contents
from lookalike.tests.library import Run, lookalike, make_photos


class Home:
    """A library of two folders, indexed; `photos` has 7 contents in 8 files, `other` one more."""

    def __init__(self, folder: Path) -> None:
        self.photos = make_photos(folder / "photos")
        (self.photos / "broken.jpg").unlink()
        self.other = folder / "other"
        self.other.mkdir()
        shutil.copy(self.photos / "2022" / "photo1.jpg", self.other)
        self.folder = folder
        assert self.run("index", self.photos, self.other, "--input-size", "64").code == 0

    def run(self, *arguments: str | Path) -> Run:
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data")}
        return lookalike(*arguments, "--store", self.folder / "store", stdin=b"", **home)

    def lose(self, *names: str) -> None:
        for name in names:
            (self.photos / name).unlink()
        assert self.run("index", self.photos).code == 0

    def rows(self, question: str) -> int:
        with sqlite3.connect(self.folder / "store" / "catalog.db") as catalog:
            return int(catalog.execute(question).fetchone()[0])

    def check_whole(self) -> None:
        assert self.run("doctor").code == 0


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path.resolve())


def test_missing_photos_are_listed_with_their_date_and_whether_others_hold_them(home: Home) -> None:
    assert home.run("missing").out == b"nothing is missing\n"
    home.lose("2022/photo1.jpg", "2023/photo2.jpg")
    table = home.run("missing").out.decode()
    assert "2 files missing, with 1 photo that no other file holds" in table
    found = {Path(row["path"]).name: row for row in home.run("missing", "--format", "json").json["files"]}
    assert {name: row["is_elsewhere"] for name, row in found.items()} == {
        "photo1.jpg": True,
        "photo2.jpg": False,
    }
    assert all(row["since"] > "2026" and row["bytes"] and row["blake3"] for row in found.values())
    only = home.run("missing", home.photos / "2023", "--format", "paths").out.decode()
    assert only == f"{home.photos}/2023/photo2.jpg\n"
    assert home.run("missing", home.folder / "nowhere").code == 2


def test_a_photo_that_was_moved_and_then_deleted_is_one_that_is_lost(home: Home) -> None:
    moved = (home.photos / "2023" / "photo2.jpg").rename(home.photos / "2022" / "photo2.jpg")
    assert home.run("index", home.photos).code == 0
    assert b"1 file missing, with 0 photos that no other file holds" in home.run("missing").out
    moved.unlink()
    assert home.run("index", home.photos).code == 0
    assert b"2 files missing, with 1 photo that no other file holds" in home.run("missing").out


def test_what_is_on_a_drive_that_is_away_is_told_of(home: Home) -> None:
    home.other.rename(home.folder / "unplugged")
    told = f"1 file of {home.other} cannot be seen now (away)"
    for call in (("missing",), ("missing", home.other), ("export",), ("export", "--in", home.other)):
        run = home.run(*call)
        assert (run.code, told in run.err) == (0, True)
    for call in (("missing", home.photos), ("export", "--in", home.photos)):
        assert home.run(*call).err == ""
    assert home.run("export", "--where", "rating = 5").err == ""  # it lists none of them


def test_a_drive_that_is_mounted_elsewhere_is_known_and_its_old_place_named(home: Home) -> None:
    moved = home.folder / "media"
    home.other.rename(moved)
    told = f"the photos of {home.other} lie in {moved} now"
    run = home.run("index", moved)
    assert (run.code, told in run.err) == (0, True)
    assert f"`lookalike forget --store {home.folder / 'store'} {home.other}`" in run.err
    assert home.run("index").code == 4
    assert home.run("forget", home.other, "--yes").code == 0
    run = home.run("index")
    assert (run.code, told in run.err) == (0, False)
    shutil.copytree(home.photos, home.folder / "copy")  # a copy of what is there
    assert "lie in" not in home.run("index", home.folder / "copy").err


def test_a_folder_that_was_renamed_and_lost_photos_is_not_to_be_forgotten(home: Home) -> None:
    """What is in neither folder would be listed nowhere any more."""
    moved = home.photos.rename(home.folder / "media")
    (moved / "2023" / "photo2.jpg").unlink()
    run = home.run("index", moved)
    assert (run.code, "lie in" in run.err) == (0, False)


def test_forget_shows_first_and_leaves_photos_and_contents(home: Home) -> None:
    before = set(contents(home.photos))
    shown = home.run("forget", home.photos / "2021")
    assert b"2 files would leave the library (0 missing; 1 photo is nowhere else)" in shown.out
    assert "nothing was changed; --yes does it" in shown.err
    assert home.run("status", "--format", "json").json["files"]["present"] == 9

    done = home.run("forget", home.photos / "2021", "--yes", "--format", "json").json
    assert (done["folders"][0]["files"], done["folders"][0]["photos"]) == (2, 1)
    assert home.run("status", "--format", "json").json["files"]["present"] == 7
    assert home.rows("SELECT count(*) FROM content") == 7
    assert set(contents(home.photos)) == before

    again = home.run("index", home.photos, "--format", "json").json
    assert (again["recognized"], again["embedded"]) == (2, 0)
    home.check_whole()


def test_a_forgotten_root_is_no_folder_of_the_library_any_more(home: Home) -> None:
    shutil.rmtree(home.other)  # away for good
    assert home.run("index", home.other).code == 4
    assert home.run("forget", home.other, "--yes").code == 0
    assert [Path(root["path"]).name for root in home.run("status", "--format", "json").json["roots"]] == [
        "photos"
    ]
    gone = home.run("forget", home.other)
    assert (gone.code, gone.out) == (2, b"")
    assert "is not in the library; its folders are" in gone.err
    home.check_whole()


def test_purge_shows_first_then_takes_what_nobody_holds(home: Home) -> None:
    home.lose("2022/photo1.jpg", "2023/photo2.jpg")
    assert b"0 files and 0 photos that no file holds would leave" in home.run("purge").out
    shown = home.run("purge", "--missing-for", "0d")
    assert b"2 files and 1 photo that no file holds would leave the library" in shown.out
    assert "--yes does it" in shown.err
    assert home.rows("SELECT count(*) FROM content") == 7
    assert home.run("purge", "--missing-for", "long").code == 2

    done = home.run("purge", "--missing-for", "0d", "--yes", "--format", "paths").out.decode().split()
    assert [Path(path).name for path in done] == ["photo1.jpg", "photo2.jpg"]
    assert home.rows("SELECT count(*) FROM content") == 6
    assert home.rows("SELECT count(*) FROM embedding") == 6
    assert home.run("missing").out == b"nothing is missing\n"
    found = home.run("search", home.photos / "2021" / "photo0.jpg", "-k", "20", "--format", "paths").out
    assert b"photo2" not in found
    home.check_whole()


def test_purge_spares_folders_that_are_not_there_and_says_so(home: Home) -> None:
    home.lose("2023/photo2.jpg")
    away = home.photos.with_name("away")
    home.photos.rename(away)
    for state in ("away", "empty"):
        done = home.run("purge", "--missing-for", "0d", "--yes")
        assert done.code == 4
        assert b"0 files and 0 photos" in done.out
        assert f"{home.photos}: {state}; nothing of it was purged" in done.err
        home.photos.mkdir(exist_ok=True)
    home.photos.rmdir()
    away.rename(home.photos)
    assert home.run("purge", home.other, "--missing-for", "0d", "--yes").code == 0
    assert home.rows("SELECT count(*) FROM file") == 9
    assert home.run("purge", home.photos, "--missing-for", "0d", "--yes").code == 0
    assert home.rows("SELECT count(*) FROM file") == 8


def test_what_apply_moved_can_come_back_after_a_purge(home: Home) -> None:
    plan = home.folder / "plan.json"
    assert home.run("dupes", "--plan", plan).code == 0
    assert home.run("apply", plan, "--method", "quarantine", "--yes").code == 0
    before = home.rows("SELECT count(*) FROM content"), home.rows("SELECT count(*) FROM file")
    done = home.run("purge", "--missing-for", "0d", "--yes")
    assert b"0 files and 0 photos" in done.out
    assert (home.rows("SELECT count(*) FROM content"), home.rows("SELECT count(*) FROM file")) == before
    assert home.run("undo", "--yes").code == 0
    again = home.run("index", home.photos, "--format", "json").json
    assert (again["embedded"], again["absent"], again["photos"]) == (0, 0, before[0])
    home.check_whole()


def test_what_apply_moved_is_not_missing_before_prune_nor_after(home: Home) -> None:
    plan = home.folder / "plan.json"
    assert home.run("dupes", "--plan", plan).code == 0
    assert home.run("apply", plan, "--method", "quarantine", "--yes").code == 0
    home.lose("2023/photo2.jpg")
    table = home.run("missing").out.decode()
    assert "1 file missing, with 1 photo that no other file holds" in table
    assert "  3 files moved by `apply`; lookalike undo" in table
    assert len(home.run("missing", "--format", "json").json["files"]) == 1
    moved = home.run("missing", "--moved", "--format", "json").json["files"]
    assert {row["state"] for row in moved} == {"moved"}
    assert all(Path(row["to"]).exists() for row in moved)
    status = home.run("status", "--format", "json").json
    assert (status["files"]["absent"], status["files"]["moved"], status["roots"][1]["missing"]) == (1, 3, 1)
    assert b"1 missing, 3 moved as copies" in home.run("status").out
    assert b"files would leave the library (1 missing;" in home.run("forget", home.photos).out

    assert home.run("prune", "--older-than", "0d", "--yes").code == 0
    table = home.run("missing").out.decode()
    assert "1 file missing" in table
    assert "  3 files deleted by `prune`; a copy of each was kept" in table
    assert home.run("missing", "--moved").out.decode().count("deleted  ") == 3
    assert home.run("status", "--format", "json").json["files"]["deleted"] == 3

    # What cannot come back may be forgotten.
    assert b"4 files and " in home.run("purge", "--missing-for", "0d", "--yes").out
    assert home.run("missing").out == b"nothing is missing\n"


def test_what_came_to_the_place_of_a_moved_file_and_went_is_missing(home: Home) -> None:
    plan = home.folder / "plan.json"
    assert home.run("dupes", "--plan", plan).code == 0
    assert home.run("apply", plan, "--method", "quarantine", "--yes").code == 0
    place = home.photos / "edited" / "photo0-again.jpg"
    shutil.copy(home.photos / "2023" / "photo5.jpg", place)
    home.run("index", home.photos)
    home.lose("edited/photo0-again.jpg")
    (row,) = home.run("missing", "--format", "json").json["files"]
    assert (row["path"], row["is_elsewhere"]) == (str(place), True)


def test_decisions_outlive_a_purge(home: Home) -> None:
    a, b = home.photos / "2021" / "photo0.jpg", home.photos / "2023" / "photo2.jpg"
    assert home.run("reject", a, b).code == 0
    home.lose("2023/photo2.jpg")
    home.run("purge", "--missing-for", "0d", "--yes")
    assert len(home.run("decisions", "--format", "json").json["decisions"]) == 1


def test_status_says_how_each_folder_is(home: Home) -> None:
    home.lose("2023/photo2.jpg")
    home.other.rename(home.folder / "away")
    status = home.run("status", "--format", "json").json
    roots = {Path(root["path"]).name: root for root in status["roots"]}
    assert {name: root["state"] for name, root in roots.items()} == {"photos": "online", "other": "away"}
    assert (roots["photos"]["photos"], roots["photos"]["files"], roots["photos"]["missing"]) == (6, 7, 1)
    assert roots["photos"]["scanned_at"] > "2026"
    text = home.run("status").out.decode()
    assert f"{home.photos} (online; 7 files, 1 missing; scanned 2" in text
    assert f"{home.other} (away; 1 file; scanned 2" in text


def test_a_marker_that_is_gone_ends_with_4_until_the_drive_is_accepted(home: Home) -> None:
    assert home.run("index", home.photos, "--marker").code == 0
    (home.photos / ".lookalike-root").unlink()
    refused = home.run("index", home.photos)
    assert refused.code == 4
    assert refused.err.count("\n") == 1
    assert "found no .lookalike-root" in refused.err
    assert "--accept-drive" in refused.err
    assert "other drive" in home.run("status").out.decode()
    assert home.run("index", home.photos, "--accept-drive").code == 0
    assert home.run("index", home.photos).code == 0


def test_the_library_gives_all_of_it_as_data(home: Home) -> None:
    home.lose("2023/photo2.jpg")
    with Library.open(home.folder / "store", write=True) as library:
        (file,) = library.folders.missing([home.photos])
        assert file.path == f"{home.photos}/2023/photo2.jpg"
        assert [root.state for root in library.folders.status()] == ["online", "online"]
        assert library.folders.preview_purge(timedelta(days=1)).files == []
        assert library.folders.purge(timedelta(0)).files == [file]
        shown = library.folders.preview_forget([home.other])
        assert library.folders.forget([home.other]) == shown
        assert [root.path for root in library.folders.status()] == [str(home.photos)]
