"""A full disk: one error with exit code 7, what was committed is safe, the old snapshot stays."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lookalike.store.catalog.photos import count_totals
from lookalike.store.index import snapshot
from lookalike.store.store import Store
from lookalike.tests.children import run_child

from .making import PUBLISHED, ask, brute_force, make_vector

QUERY = make_vector(99_999)

# Files of this process may not grow beyond LIMIT bytes: as if the disk were full, but only for it.
LIMITED = """
import json, resource, sys
from pathlib import Path
from lookalike.errors import StoreUnwritable
from lookalike.tests.store.making import open_filled, PUBLISHED

folder, limit, task = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
filled = open_filled(folder)
if task == "publish":
    filled.fill(range(PUBLISHED, PUBLISHED + 30))
committed = PUBLISHED
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    if task == "publish":
        filled.store.publish()
    for first in range(PUBLISHED, PUBLISHED + 100_000, 20):
        filled.fill(range(first, first + 20))
        committed = first + 20
except StoreUnwritable as error:
    print(json.dumps({"code": error.exit_code, "message": str(error), "committed": committed}))
"""


def run_limited(folder: Path, limit: int, task: str) -> Any:
    done = run_child(LIMITED, folder, limit, task)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_answers(folder: Path, photos: int) -> None:
    with Store.open(folder) as store:
        with store.reading() as view:
            assert count_totals(view).present == photos
            assert len(view.index()) == photos
        scores = [score for _, score in ask(store, QUERY, 20)]
    assert scores == pytest.approx(brute_force(range(photos), QUERY, 20), abs=1e-3)


@pytest.mark.parametrize("limit", [0, 1, 4096, 10_000])
def test_a_snapshot_that_does_not_fit_leaves_the_old_one(published: Path, limit: int) -> None:
    before = snapshot.read_manifest(str(published))

    result = run_limited(published, limit, "publish")

    assert result["code"] == 7
    assert "nothing is lost" in result["message"]
    assert "\n" not in result["message"]
    assert snapshot.read_manifest(str(published)) == before
    assert before is not None
    assert snapshot.is_whole(str(published), before)
    assert list(published.glob("*.tmp")) == []
    check_answers(published, PUBLISHED + 30)


@pytest.mark.parametrize("limit", [100, 120_000, 400_000])
def test_a_database_that_cannot_grow_keeps_what_was_committed(published: Path, limit: int) -> None:
    result = run_limited(published, limit, "fill")
    assert result["code"] == 7
    assert "free some space" in result["message"]
    assert "\n" not in result["message"]
    check_answers(published, result["committed"])
    with Store.open(published, create=True) as store:  # with space again, all goes on
        store.publish()


# In a namespace of its own: a disk of SIZE bytes that really is full.
ON_A_SMALL_DISK = """
import json, os, subprocess, sys
from pathlib import Path
from lookalike.errors import StoreUnwritable
from lookalike.store.care.checks import check_store
from lookalike.store.store import Store
from lookalike.tests.store.making import ask, make_vector, open_filled

disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={sys.argv[2]}k", "none", disk], check=True)
filled, committed, codes = open_filled(disk / "store"), 0, []
try:
    for first in range(0, 100_000, 25):
        filled.fill(range(first, first + 25))
        committed = first + 25
        filled.store.publish()
except StoreUnwritable as error:
    codes.append(error.exit_code)
filled.store.close()
with Store.open(disk / "store") as store:
    found = len(ask(store, make_vector(1), 100_000))
    bad = [str(each) for each in check_store(store) if each.level == "broken"]
print(json.dumps({"codes": codes, "committed": committed, "found": found, "bad": bad,
                  "left": [name for name in os.listdir(disk / "store") if name.endswith(".tmp")]}))
"""


def can_mount() -> bool:
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-rm", "true"], check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="no user namespaces; the tests above limit file sizes instead")
@pytest.mark.parametrize("size_kb", [500, 600, 1000, 1400])
def test_on_a_disk_that_is_full_all_that_was_committed_is_found(tmp_path: Path, size_kb: int) -> None:
    done = run_child(ON_A_SMALL_DISK, tmp_path, size_kb, timeout=120, namespace=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["codes"] == [7]
    # The failing step may have been the snapshot after a commit that took place.
    assert result["found"] in (result["committed"], result["committed"] + 25)
    assert result["bad"] == []
    assert result["left"] == []
