"""`index --watch`: what changes in the folders is brought up to date, until somebody ends it."""

import os
import signal
import sys
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest

from lookalike.commands.index import Updates
from lookalike.commands.options import WriteArgs
from lookalike.indexer import watching
from lookalike.indexer.embed.choice import ModelChoice
from lookalike.indexer.options import IndexOptions
from lookalike.tests.children import Child
from lookalike.tests.indexer.indexing import Action, Script
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, save

COMMAND = "import sys; from lookalike.cli import run; sys.exit(run(sys.argv[1:]))"
DEADLINE_S = 60


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed in range(3):
        save(tmp_path / "photos" / f"{seed}.jpg", draw_photo(seed, 96, 72))
    return tmp_path / "photos"


def started(*arguments: str | Path) -> tuple[Child, SimpleQueue[str]]:
    """Run the command line as a process; return it with the lines that it writes."""
    child, lines = Child(COMMAND, *arguments), SimpleQueue[str]()

    def read() -> None:
        for line in child.stdout:
            lines.put(line)

    threading.Thread(target=read, daemon=True).start()
    return child, lines


@pytest.mark.parametrize(("how", "folder"), [([], "new"), (["--poll", "0.2"], os.fsdecode(b"\xff"))])
def test_photos_that_come_and_go_are_brought_up_to_date(photos: Path, how: list[str], folder: str) -> None:
    at = ("--store", photos / ".store")
    child, lines = started("index", photos, "--watch", *how, *at)
    assert lines.get(timeout=DEADLINE_S).startswith("3 new; 3 photos in the library")

    save(photos / folder / "deep" / "3.jpg", draw_photo(3, 96, 72))
    line = lines.get(timeout=DEADLINE_S)
    assert line[10] == " "
    assert "  1 new, 3 unchanged; 4 photos in the library" in line
    (photos / "0.jpg").unlink()
    assert "  3 unchanged, 1 gone; 3 photos in the library" in lines.get(timeout=DEADLINE_S)
    assert lookalike("status", "--json", *at).json["photos"] == 3

    child.send_signal(signal.SIGTERM)
    child.wait(DEADLINE_S)
    _, told = child.communicate()
    assert child.returncode == 130
    assert "watching 1 folder; Ctrl-C ends it" in told
    assert lines.empty()


@pytest.fixture
def looks_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_SHARE", float("inf"))


def updates(photos: Path, tmp_path: Path, *actions: Action, accept_missing: int = 0) -> Updates:
    """Return updates after the first one; each action happens before a look, or while nothing is wanted."""
    at = WriteArgs(store=str(tmp_path / "store"))
    options = IndexOptions(accept_missing=accept_missing)
    made = Updates(at, ModelChoice(), options, False, Script(*actions))
    made.first([str(photos)])
    return made


@pytest.mark.usefixtures("looks_cost_nothing")
def test_a_drive_that_goes_and_comes_back_changes_nothing(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away = photos.with_name("away")
    hide, show = lambda: photos.rename(away), lambda: away.rename(photos)
    watched = updates(photos, tmp_path, None, None, None, hide, None, None, show, None, None)
    (back,) = watched.later(1e-9)
    assert "3 unchanged; 3 photos in the library" in "".join(back.lines)
    told = capsys.readouterr().err.splitlines()
    assert told[1:] == [f"lookalike: {photos}: the folder is away; its photos are unchanged"]


@pytest.mark.usefixtures("looks_cost_nothing")
def test_that_photos_are_gone_is_accepted_for_one_run_only(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def lose() -> None:
        for photo in photos.iterdir():
            photo.unlink()

    watched = updates(photos, tmp_path, None, None, None, lose, None, None, accept_missing=3)
    assert list(watched.later(1e-9)) == []
    assert "3 of 3 files missing, as if a drive were away" in capsys.readouterr().err


def test_what_cannot_be_done_is_said_before_anything_is(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    call = ("index", photos, "--store", tmp_path / "store")
    run = lookalike(*call, "--watch")
    assert (run.code, run.out) == (1, b"")
    assert "this needs watchfiles: install it with  pip install watchfiles" in run.err
    assert (lookalike(*call, "--poll", "5").code, (tmp_path / "store").exists()) == (2, False)
