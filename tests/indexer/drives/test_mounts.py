"""Drives that really come and go: file systems mounted in a namespace, without privileges."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lookalike.tests.children import Child
from lookalike.tests.store.test_full_disk import can_mount

pytestmark = pytest.mark.skipif(not can_mount(), reason="no user namespaces; test_drives.py plays drives")

# Plays one scenario after another, in mounts that nobody else sees; prints what each says.
STAGE = """
import json, sys, traceback
from lookalike.indexer.sandbox.decoders import Opener
from lookalike.tests import decoders

decoded, real = [], Opener.__call__

def counting(self, data, digest, rule):
    decoded.append(len(data))
    return real(self, data, digest, rule)

Opener.__call__ = counting
with decoders.lasting():
    for line in sys.stdin:
        base, code = json.loads(line)
        names = {"base": base, "decoded": decoded}
        try:
            exec(code, names)
            print(json.dumps(names["said"]), flush=True)
        except BaseException:
            print(json.dumps(traceback.format_exc()), flush=True)
"""

# Two small drives, "a" and "b", that can be plugged in at one place.
SCENE = """
import os, subprocess
from pathlib import Path
from lookalike.indexer.options import IndexOptions
from lookalike.library import Library
from lookalike.tests.indexer.indexing import SMALL
from lookalike.tests.pictures import draw_photo, save

base = Path(base)
place = base / "place"

def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)

def plug(name):
    mount("--bind", base / name, place)

def pull():
    subprocess.run(["umount", "-l", str(place)], check=True)

def fill(name, seeds):
    for number, seed in enumerate(seeds):
        save(base / name / "DCIM" / f"{number:03}.jpg", draw_photo(seed, 64, 48), quality=90)

for name in ("a", "b"):
    (base / name).mkdir()
    mount("-t", "tmpfs", "-o", "size=8m", "none", base / name)
place.mkdir()
library = Library.open(base / "store", create=True)

def index(progress=None, *folders, **options):
    decoded.clear()
    options = IndexOptions(workers=1, batch_files=8, **options)
    report = library.index(folders or [place], choice=SMALL, options=options, progress=progress)
    (root, *_) = [each for each in library.folders.status() if each.path == str(place)]
    return {"refused": report.refused, "unmarked": report.unmarked, "absent": report.absent,
            "failed": report.failed, "embedded": report.embedded, "recognized": report.recognized,
            "unchanged": report.unchanged, "decoded": len(decoded),
            "errors": len(library.errors()), "present": library.totals().present,
            "state": root.state, "fs_id": root.totals.root.drive.fs_id}

class Once:
    def __init__(self, act, at):
        self.act, self.at, self.count = act, at, 0
    def begin(self, *_):
        pass
    def advance(self, files, failed):
        self.count += files
        if self.act and self.count >= self.at:
            act, self.act = self.act, None
            act()

said = []
"""


Play = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def stage() -> Iterator[Child]:
    with Child(STAGE, namespace=True) as child:
        yield child


@pytest.fixture
def play(stage: Child, tmp_path: Path) -> Play:
    def played(scenario: str) -> list[dict[str, Any]]:
        code = f"{SCENE}{scenario}\nlibrary.close()\n"
        print(json.dumps([str(tmp_path), code]), file=stage.stdin, flush=True)
        said = json.loads(stage.stdout.readline())
        assert isinstance(said, list), said
        return said

    return played


def untouched(report: dict[str, Any], photos: int) -> bool:
    names = ("absent", "failed", "embedded", "recognized", "decoded", "errors")
    return not any(report[name] for name in names) and report["present"] == photos


def test_an_empty_mount_point_changes_nothing_and_the_return_costs_no_decode(play: Play) -> None:
    first, away, back = play(
        """
fill("a", range(6))
plug("a"); said.append(index())
pull(); said.append(index(accept_missing=1000))
plug("a"); said.append(index())
""",
    )
    assert (first["decoded"], first["state"]) == (6, "online")
    assert untouched(away, 6)
    assert away["state"] == "empty"
    assert "another drive seems to be there: it has 0 of 6 known files" in away["refused"][0]
    assert (back["refused"], back["unchanged"], back["decoded"]) == ([], 6, 0)


def test_accepted_absent_photos_come_back_with_their_drive_without_a_decode(play: Play) -> None:
    _, gone, back = play(
        """
fill("a", range(6))
plug("a"); said.append(index())
pull(); said.append(index(accept_missing=6, accept_drive=True))
plug("a"); said.append(index())
""",
    )
    assert (gone["refused"], gone["absent"], gone["present"]) == ([], 6, 0)
    assert (back["refused"], back["unchanged"], back["decoded"], back["present"]) == ([], 6, 0, 6)


def test_another_drive_at_the_same_place_changes_nothing_and_other_folders_go_on(play: Play) -> None:
    first, swapped, back = play(
        """
fill("a", range(6)); fill("b", range(50, 56))
save(base / "other" / "x.jpg", draw_photo(99, 64, 48))
plug("a"); said.append(index())
pull(); plug("b"); said.append(index(None, place, base / "other"))
pull(); plug("a"); said.append(index())
""",
    )
    (why,) = swapped["refused"]
    assert "it has 0 of 6 known files" in why
    assert (swapped["state"], swapped["fs_id"]) == ("other drive", first["fs_id"])
    assert (swapped["absent"], swapped["embedded"], swapped["present"]) == (0, 1, 7)
    assert (back["refused"], back["unchanged"], back["decoded"]) == ([], 6, 0)


def test_a_copy_of_the_library_on_a_new_drive_is_taken_for_it(play: Play) -> None:
    first, copied = play(
        """
fill("a", range(6))
plug("a"); said.append(index())
pull()
subprocess.run(["cp", "-a", str(base / "a") + "/.", str(base / "b")], check=True)
plug("b"); said.append(index())
""",
    )
    assert (copied["refused"], copied["decoded"], copied["present"]) == ([], 0, 6)
    assert copied["fs_id"] not in (None, first["fs_id"])


@pytest.mark.parametrize("more", ["", "; plug('b')"])
def test_a_drive_that_goes_in_the_middle_keeps_what_was_read_and_leaves_no_errors(
    play: Play, more: str
) -> None:
    first, cut, back = play(
        f"""
fill("a", range(6)); fill("b", range(50, 90))
plug("a"); said.append(index())
fill("a", range(40)); os.unlink(base / "a" / "DCIM" / "000.jpg")
def go():
    pull(){more}
said.append(index(Once(go, 16)))
if {bool(more)}: pull()
plug("a"); said.append(index())
""",
    )
    assert first["present"] == 6
    assert "went away during the run" in cut["refused"][0]
    assert (cut["absent"], cut["failed"], cut["errors"]) == (0, 0, 0)
    assert 8 <= cut["embedded"] + 6 < 40
    assert cut["present"] == 6 + cut["embedded"]
    # The photo that was deleted before is missed only now that the drive is whole again.
    assert (back["refused"], back["absent"], back["present"]) == ([], 1, 39)
    assert back["decoded"] == 40 - cut["present"]


def test_nine_of_ten_photos_gone_are_not_accepted(play: Play) -> None:
    first, thinned, accepted = play(
        """
fill("a", range(4))
for number in range(96):
    os.link(base / "a" / "DCIM" / "001.jpg", base / "a" / "DCIM" / f"x{number}.jpg")
plug("a"); said.append(index())
for path in sorted((base / "a" / "DCIM").iterdir())[10:]:
    path.unlink()
said.append(index())
said.append(index(accept_missing=90))
""",
    )
    assert first["present"] == 100
    assert untouched(thinned, 100)
    assert thinned["state"] == "suspect"
    assert "90 of 100 files missing" in thinned["refused"][0]
    assert "`accept_missing=90`" in thinned["refused"][0]
    assert (accepted["absent"], accepted["present"], accepted["state"]) == (90, 10, "online")


def test_a_drive_that_cannot_be_written_is_indexed_without_a_marker(play: Play, tmp_path: Path) -> None:
    (report,) = play(
        """
fill("a", range(3))
plug("a"); mount("-o", "remount,bind,ro", place)
said.append(index(marker=True))
""",
    )
    assert (report["refused"], report["embedded"]) == ([], 3)
    assert report["unmarked"] == [f"{tmp_path}/place: cannot write a marker file: Read-only file system"]


INNER = """
def plug_inner(name):
    mount("--bind", base / name, place / "usb")

def pull_inner():
    subprocess.run(["umount", "-l", str(place / "usb")], check=True)

(place / "usb").mkdir()
fill("a", range(4))
for number in range(6):
    save(place / f"own{number}.jpg", draw_photo(20 + number, 64, 48), quality=90)
plug_inner("a"); said.append(index())
"""


def test_a_drive_inside_a_folder_is_not_deleted_when_it_is_away(play: Play, tmp_path: Path) -> None:
    first, away, back = play(
        f"""{INNER}
pull_inner(); (place / "own0.jpg").unlink()
said.append(index())
from datetime import timedelta
library.folders.purge(timedelta(seconds=-5))
plug_inner("a"); said.append(index())
""",
    )
    assert first["present"] == 10
    (why,) = away["refused"]
    assert why.startswith(f"{tmp_path}/place/usb/DCIM: the drive with 4 photos there is away; ")
    # What was deleted from the folder's own drive is missed all the same.
    assert (away["absent"], away["present"], away["failed"]) == (1, 9, 0)
    assert why.endswith("`accept_missing=5`")
    assert (back["refused"], back["decoded"], back["present"]) == ([], 0, 9)


@pytest.mark.parametrize("numbers", [range(4), range(20, 24)])
def test_another_drive_inside_a_folder_changes_nothing(play: Play, numbers: range) -> None:
    _, swapped, back = play(
        f"""{INNER}
for number in {list(numbers)}:
    save(base / "b" / "DCIM" / f"{{number:03}}.jpg", draw_photo(50 + number, 80, 60), quality=70)
pull_inner(); plug_inner("b"); said.append(index())
pull_inner(); plug_inner("a"); said.append(index())
""",
    )
    (why,) = swapped["refused"]
    assert "the drive with 4 photos there is away and another one is there" in why
    assert untouched(swapped, 10)
    assert (back["refused"], back["unchanged"], back["decoded"], back["present"]) == ([], 10, 0, 10)


def test_a_drive_inside_a_folder_that_is_gone_for_good_is_accepted(play: Play) -> None:
    _, accepted, back = play(
        f"""{INNER}
pull_inner(); said.append(index(accept_missing=4))
plug_inner("a"); said.append(index())
""",
    )
    assert (accepted["refused"], accepted["absent"], accepted["present"]) == ([], 4, 6)
    assert (back["decoded"], back["present"]) == (0, 10)


def test_photos_deleted_from_a_drive_inside_a_folder_are_gone(play: Play) -> None:
    _, emptied = play(
        f"""{INNER}
for path in (place / "usb" / "DCIM").iterdir():
    path.unlink()
said.append(index())
""",
    )
    assert (emptied["refused"], emptied["absent"], emptied["present"]) == ([], 4, 6)


def test_a_copy_of_a_drive_inside_a_folder_is_taken_for_it_and_known_from_then_on(play: Play) -> None:
    _, copied, away = play(
        f"""{INNER}
pull_inner()
subprocess.run(["cp", "-a", str(base / "a") + "/.", str(base / "b")], check=True)
plug_inner("b"); said.append(index())
pull_inner(); said.append(index())
""",
    )
    assert (copied["refused"], copied["decoded"], copied["present"]) == ([], 0, 10)
    assert len(away["refused"]) == 1
    assert away["present"] == 10
