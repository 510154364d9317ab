"""What prune cannot remove waits, is told part by part, and can still be put back."""

import json
import os
import signal
from pathlib import Path

import pytest

from lookalike.dedup.actions.journal import journals
from lookalike.store.documents import Row
from lookalike.tests.children import run_child
from lookalike.tests.store.test_full_disk import can_mount

from .killing import Runner
from .making import Shelf, jpeg, states
from .test_prune import pruned

needs_mounts = pytest.mark.skipif(
    not can_mount(), reason="no user namespaces: no unlink can be made to fail"
)

# A file over which something is mounted is busy; a folder can be mounted read-only over itself.
_PRUNE = """
import json, os, subprocess, sys
from lookalike.dedup.actions.prune import prune
from lookalike.store.progress import UNWATCHED
from lookalike.store.store import Store
from lookalike.tests.dedup.actions.test_prune import NOW

folder, *places = sys.argv[1:]
for place in places:
    subprocess.run(["mount", "--bind", place, place], check=True)
    if os.path.isdir(place):
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
with Store.open(folder, write=True) as store:
    found = prune(store, NOW, UNWATCHED)
rows = [(os.path.basename(each.path), each.state, each.code, each.reason) for each in found]
print(json.dumps([dict(zip(("name", "state", "code", "reason"), row)) for row in rows]))
"""


def pruned_but(shelf: Shelf, *places: Path) -> list[Row]:
    """Prune while some files, or all in some folders, cannot be removed."""
    done = run_child(_PRUNE, shelf.store.folder, *places, namespace=True)
    assert done.returncode == 0, done.stderr
    found: list[Row] = json.loads(done.stdout)
    return found


@pytest.fixture
def moved(shelf: Shelf) -> Shelf:
    """A shelf that gave up two copies, one of them with a video and a sidecar."""
    keeper, copy, other = shelf.put("a/IMG_1.jpg"), shelf.put("b/IMG_1.jpg"), shelf.put("c/other.jpg")
    for photo in (keeper, copy):
        photo.with_suffix(".mov").write_bytes(b"film")
    copy.with_suffix(".xmp").write_bytes(b"words")
    shelf.group(keeper, copy, other)
    shelf.apply()
    return shelf


def place_of(shelf: Shelf, name: str) -> Path:
    (record,) = journals(shelf.store.folder)
    return next(Path(each.to) for each in record.actions if os.path.basename(each.path) == name)


@needs_mounts
def test_of_a_read_only_quarantine_nothing_is_lost_from_sight(moved: Shelf) -> None:
    rows = pruned_but(moved, moved.photos / ".lookalike-quarantine")
    assert {row["code"] for row in rows} == {"unwritable"}
    assert "IMG_1.jpg cannot be removed: Read-only file system" in rows[0]["reason"]
    (record,) = journals(moved.store.folder)
    assert record.standing().kept.files == record.standing().waiting.files == len(record.pending) == 4
    assert {each.state for each in moved.undo()} == {"done"}
    assert moved.quarantined() == set()
    assert moved.tree()["c/other.jpg"] == jpeg(0)


@needs_mounts
def test_the_next_prune_removes_what_could_not_be_removed(moved: Shelf) -> None:
    pruned_but(moved, moved.photos / ".lookalike-quarantine")
    assert set(states(pruned(moved)).values()) == {"done"}
    (record,) = journals(moved.store.folder)
    assert (record.standing().pruned.files, record.pending) == (4, [])


@needs_mounts
@pytest.mark.parametrize(
    ("busy", "gone"),
    [("IMG_1.jpg", set()), ("IMG_1.mov", {"IMG_1.jpg"}), ("IMG_1.xmp", {"IMG_1.jpg", "IMG_1.mov"})],
)
def test_a_unit_of_which_one_part_stays_is_told_part_by_part(
    moved: Shelf, busy: str, gone: set[str]
) -> None:
    rows = pruned_but(moved, place_of(moved, busy))
    assert {row["name"] for row in rows if row["state"] == "done"} == gone | {"other.jpg"}
    reasons = {row["reason"] for row in rows if row["state"] == "left"}
    assert len(reasons) == 1
    assert f"{busy} cannot be removed: Device or resource busy" in reasons.pop()
    left = {"IMG_1.jpg", "IMG_1.mov", "IMG_1.xmp"} - gone
    assert moved.quarantined() == {f"b/{name}" for name in left}
    assert {name: state for name, state in states(moved.undo()).items() if name != "other.jpg"} == (
        dict.fromkeys(gone, "pruned") | dict.fromkeys(left, "done")
    )


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_kill_at_an_unlink_leaves_what_is_there_waiting(
    moved: Shelf, tmp_path: Path, when: str, number: int
) -> None:
    (tmp_path / "plan.json").write_bytes(moved.document)
    kill = {"point": "remove_for_good", "when": when, "count": number}
    assert Runner(tmp_path).run(what="prune", kill=kill)[0] == -signal.SIGKILL
    there = moved.quarantined()
    assert len(there) == (4 - number if when == "after" else 5 - number)
    (record,) = journals(moved.store.folder)
    assert (record.standing().pruned.files, len(record.pending)) == (4 - len(there), len(there))
    found = states(moved.undo())
    assert sorted(found.values()) == ["done"] * len(there) + ["pruned"] * (4 - len(there))
    assert there <= moved.tree().keys()
