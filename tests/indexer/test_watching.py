"""Folders that are watched: changes are noticed, files that still grow are waited for, drives may go."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lookalike.indexer import watching
from lookalike.indexer.watching import Watcher
from lookalike.store.place import Place
from lookalike.tests.children import run_child
from lookalike.tests.pictures import draw_photo, save
from lookalike.tests.store.test_full_disk import can_mount

from .indexing import Action, Script


@pytest.fixture(autouse=True)
def looks_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_SHARE", float("inf"))


def polling(photos: Path, *actions: Action) -> Iterator[None]:
    """Watch a folder by looking at it; each action happens before a look, or while nothing is wanted."""
    store = os.fsencode(photos / "store")
    return Watcher([os.fsencode(photos)], store, Script(*actions), print, poll_s=1e-9).changes()


def test_a_file_that_still_grows_is_waited_for(photos: Path) -> None:
    new = photos / "new.jpg"

    def grow() -> None:
        with new.open("ab") as out:
            out.write(bytes(1000))

    found = [
        new.stat().st_size if new.exists() else None
        for _ in polling(photos, None, None, None, grow, grow, grow, None, None, None)
    ]

    assert found == [None, 3000]


def test_what_never_comes_to_rest_is_taken_after_a_while(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_PATIENCE_S", 0.0)
    new = photos / "new.jpg"
    changing = [lambda side=side: save(new, draw_photo(3, side, side)) for side in (32, 48)]
    assert len(list(polling(photos, None, changing[0], None, changing[1]))) == 2


def test_the_files_of_the_store_are_no_change(photos: Path) -> None:
    def write() -> None:
        save(photos / "store" / "thumbnail.jpg", draw_photo(5, 48, 48))

    (photos / "store").mkdir()
    assert len(list(polling(photos, None, None, None, write, write, None))) == 1


def test_a_network_drive_is_looked_at_and_that_is_said(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "place_of", lambda folder: Place(folder, "nfs4", 0))
    told: list[str] = []
    watcher = Watcher([os.fsencode(photos)], b"store", Script(), told.append)
    assert watcher.poll_s == 60
    assert told == [
        f"{photos} lies on a network drive (nfs4), which tells of no changes: looking every 60 s"
    ]


WATCH = """
import os, subprocess, sys, threading
from pathlib import Path
from lookalike.indexer import watching
watching._REST_S, watching._POLL_S, watching._TICK_MS, watching._STEP_MS = 0.1, 0.1, 100, 20
photos, limit = sys.argv[1:]
Path("/proc/sys/user/max_inotify_watches").write_text(limit)
changes = watching.Watcher([os.fsencode(photos)], b"store", threading.Event(), print).changes()
next(changes)
new = Path(photos, "sub", "new.jpg")
new.write_bytes(b"new")
next(changes)
subprocess.run(["mount", "-t", "tmpfs", "none", new.parent], check=True)
next(changes)
new.write_bytes(b"on the drive")
next(changes)
"""


@pytest.mark.skipif(not can_mount(), reason="no user namespaces")
@pytest.mark.parametrize(
    ("limit", "folder", "why"),
    [
        (1000, b"text", None),
        (1, b"text", "OS file watch limit reached."),
        (1000, b"no text: \xff", "Unable to decode path "),
    ],
)
def test_files_and_drives_are_noticed_also_where_the_system_cannot_watch_the_folders(
    photos: Path, limit: int, folder: bytes, why: str | None
) -> None:
    os.mkdir(os.path.join(os.fsencode(photos), folder))
    run = run_child(WATCH, photos, limit, namespace=True)
    assert (run.returncode, run.stderr) == (0, "")
    if why is None:
        assert run.stdout == ""
    else:
        assert run.stdout.startswith(f"changes cannot be watched ({why}")
        assert run.stdout.endswith("): looking every 0.1 s\n")
