"""The tour of `make demo`, run as a user runs it."""

import contextlib
import io
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from lookalike.tests.library import lookalike
from lookalike.tools import demo

DEMO = Path(__file__).resolve().parent.parent / "tools" / "demo.py"


def run_demo(*arguments: str | Path) -> str:
    """Run the tour and return what it printed; it must end well and complain of nothing."""
    done = subprocess.run([sys.executable, DEMO, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def run_again(*arguments: str | Path) -> str:
    """Run the tour once more, in this process with all its commands, and return what it printed."""

    def run(*words: str | Path) -> None:
        done = lookalike(*words)
        assert done.code == 0, done.err
        printed.write(f"\n$ lookalike {words[0]}\n{done.out.decode()}\n")

    printed = io.TextIOWrapper(io.BytesIO())
    with (
        mock.patch.object(demo, "run", run),
        mock.patch.object(sys, "argv", ["demo.py", *map(str, arguments)]),
        contextlib.redirect_stdout(printed),
    ):
        demo.main()
    printed.flush()
    return printed.buffer.getvalue().decode()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "home"


@pytest.fixture(scope="module")
def first_run(home: Path) -> str:
    return run_demo("--home", home)


def section(text: str, command: str) -> str:
    """Return what stands between one echoed command and the next paragraph of the tour."""
    assert f"\n$ lookalike {command}" in text
    return text.split(f"\n$ lookalike {command}", 1)[1].split("\n$ lookalike", 1)[0]


def test_the_search_finds_the_copy_of_the_cat_first(first_run: str) -> None:
    results = [line for line in section(first_run, "search").splitlines() if " id:" in line]
    assert results[0].endswith("cat sent by a messenger.jpg")
    assert len(results) == 5


def test_the_copies_that_were_made_are_found_and_no_others(first_run: str) -> None:
    found = section(first_run, "dupes")
    for name in ("rocket (1).jpg", "IMG_0042.jpg", "cat sent", "coffee, smaller", "rocket, cropped"):
        assert name in found
    assert "astronaut, mirrored" in found
    assert found.count("\ngroup") == 5
    for name in ("bricks", "grass", "gravel", "retina", "photographer"):
        assert name not in found, "no copy of it was made"


def test_a_second_run_writes_no_photo_again(first_run: str, home: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in (home / "photos").rglob("*")}
    second = run_again("--home", home)
    assert {file: file.stat().st_mtime_ns for file in (home / "photos").rglob("*")} == before
    # Proven copies count once since the first run has proven them; from then on nothing changes.
    assert section(second, "search") != section(first_run, "search")
    assert section(run_again("--home", home), "search") == section(second, "search")


def test_a_tour_through_own_photos_writes_nothing_there(first_run: str, home: Path) -> None:
    photos = home / "photos"
    before = {file: file.stat().st_mtime_ns for file in (photos, *photos.rglob("*"))}
    assert "Made a small library" not in run_again("--home", home, "--photos", photos)
    assert {file: file.stat().st_mtime_ns for file in (photos, *photos.rglob("*"))} == before
    assert len(list(home.glob("store-*"))) == 1


def test_a_folder_without_photos_is_said_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, DEMO, "--home", tmp_path, "--photos", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (1, f"no photo in {tmp_path}")
