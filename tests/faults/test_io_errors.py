"""Real failures of the system: the n-th call to write or sync fails, disks of all sizes run full.

`strace` makes the calls of a running process fail. What is run is the command line itself.
"""

import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.errors import StoreMissing
from lookalike.store.care.checks import check_store
from lookalike.store.catalog.photos import count_totals
from lookalike.store.index.search import nearest_photos
from lookalike.store.store import Store
from lookalike.tests.children import run_child
from lookalike.tests.faults.scale import SEED, count, scale
from lookalike.tests.faults.whole import check_whole, digests
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, save
from lookalike.tests.store.making import brute_force, make_vector, open_filled

CALLS = scale("LOOKALIKE_FAULT_CALLS", suite=2, soak=400)
SIZES = scale("LOOKALIKE_FAULT_DISKS", suite=1, soak=40)
QUERY = make_vector(99_999)
SYSTEM_CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "unlink")
MEANS = ("EIO", "ENOSPC")

# Commit, publish, close; a failure is told by its exit code.
RUN = """
import sys
from pathlib import Path
from lookalike.errors import LookalikeError
from lookalike.tests.store.making import open_filled
try:
    filled = open_filled(Path(sys.argv[1]))
    for first in range(0, 40, 20):
        filled.fill(range(first, first + 20))
    filled.store.publish()
    filled.store.close()
except LookalikeError as error:
    sys.stderr.write(str(error))
    sys.exit(error.exit_code)
"""


def traced(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    log = folder.with_suffix(".log")
    command = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(log), *options]
    return subprocess.run(
        [*command, sys.executable, "-B", "-c", RUN, str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def can_trace() -> bool:
    strace = shutil.which("strace")
    return (
        strace is not None
        and subprocess.run([strace, "-f", "-qq", "true"], capture_output=True).returncode == 0
    )


def calls_of_a_run(folder: Path) -> dict[str, int]:
    """Return how often a run makes each of the calls."""
    done = traced(folder, f"-etrace={','.join(SYSTEM_CALLS)}")
    assert done.returncode == 0, done.stderr
    log = folder.with_suffix(".log").read_text(errors="replace")
    return {call: len(re.findall(rf"\b{call}\(", log)) for call in SYSTEM_CALLS}


@pytest.mark.timeout(7200)
@pytest.mark.skipif(
    not can_trace(), reason="strace is not here or may not trace; failpoints cover the steps"
)
def test_any_call_that_writes_may_fail(tmp_path: Path) -> None:
    made = calls_of_a_run(tmp_path / "whole")
    assert made["pwrite64"] > 20
    cases = [(call, n, how) for call in made for n in range(1, made[call] + 1) for how in MEANS]
    rng = random.Random(SEED)
    for call, number, how in cases if len(cases) <= CALLS else rng.sample(cases, CALLS):
        folder = tmp_path / f"{call}-{number}-{how}"
        done = traced(folder, f"-etrace={call}", f"-einject={call}:error={how}:when={number}")
        try:
            assert done.returncode in (0, 7), (
                done.stderr
            )  # 0: what failed was a courtesy, as folding the log
            assert "\n" not in done.stderr
            check_and_complete(folder)
        except Exception as error:
            error.add_note(f"{call} number {number}: {how}")
            raise
        shutil.rmtree(folder)
        count("failed system calls")


def check_and_complete(folder: Path) -> None:
    """Check that the store opens for reading at once, is whole, and that a writer completes it."""
    if (folder / "catalog.db").exists() and (folder / "catalog.db").stat().st_size:
        looked = lookalike_store(folder)
        assert looked in (0, 20, 40, None)
    filled = open_filled(folder, range(40))
    filled.store.publish()
    filled.store.close()
    assert lookalike_store(folder) == 40
    assert list(folder.glob("*.tmp")) == []


def lookalike_store(folder: Path) -> int | None:
    """Check what a reader finds; return the number of photos, None where there is no store yet."""
    try:
        store = Store.open(folder)
    except StoreMissing:
        return None
    with store:
        assert [str(each) for each in check_store(store) if each.level == "broken"] == []
        with store.reading() as view:
            photos = count_totals(view).present
            if photos:
                found = nearest_photos(view, QUERY[None], 10).scores[0].tolist()
                assert found == pytest.approx(brute_force(range(photos), QUERY, 10), abs=1e-3)
        return photos


# The command line on disks of any size


def can_mount() -> bool:
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-rm", "true"], check=False).returncode == 0


# Each command in a process of its own; says how it ended.
INDEX_AND_DOCTOR = """
import os, shutil, subprocess, sys
from lookalike.cli import run
disk, size_kb, photos, kept = sys.argv[1:]
store = ("--store", disk + "/store")

def say(name, *words):
    print(name, end=" ", flush=True)
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)
        os._exit(run([*words, *store]))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "none", disk], check=True)
say("index", "index", photos, "--input-size", "64", "--workers", "1")
say("doctor", "doctor")
subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
say("again", "index", photos, "--input-size", "64", "--workers", "1")
say("doctor again", "doctor")
shutil.copytree(disk + "/store", kept)
"""
LIMITED = """
import resource, sys
from lookalike.cli import run
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(run(sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("disk") / "photos"
    for seed in range(40):
        save(folder / f"{seed}.jpg", draw_photo(seed, 64, 48), quality=90)
    return folder


@pytest.mark.timeout(3600)
@pytest.mark.skipif(not can_mount(), reason="no user namespaces; file sizes are limited below instead")
def test_an_index_run_on_a_full_disk_says_so_and_goes_on_with_space(photos: Path, tmp_path: Path) -> None:
    for number in range(SIZES):
        size_kb = 150 + number * 700 // SIZES
        disk, kept = tmp_path / f"disk{number}", tmp_path / f"kept{number}"
        disk.mkdir()
        done = run_child(INDEX_AND_DOCTOR, disk, size_kb, photos, kept, timeout=300, namespace=True)
        codes = {
            line.rpartition(" ")[0]: int(line.rpartition(" ")[2])
            for line in done.stdout.splitlines()
            if line.startswith(("index ", "doctor ", "again "))
        }
        try:
            assert codes["index"] in (0, 7), done.stderr
            assert (codes["again"], codes["doctor again"]) == (0, 0), done.stderr
            assert "Traceback" not in done.stderr
            assert "internal error" not in done.stderr
            assert check_whole(kept, set(digests(photos).items())) == 40
        except Exception as error:
            error.add_note(f"a disk of {size_kb} kB: {codes}")
            raise
        count("full disks")


@pytest.mark.parametrize("limit_kb", [16, 400])
def test_an_index_run_whose_files_cannot_grow_says_so_and_goes_on(
    photos: Path, folder: Path, limit_kb: int
) -> None:
    index = ["index", str(photos), "--input-size", "64", "--workers", "1", "--store", str(folder)]
    done = run_child(LIMITED, 1024 * limit_kb, *index)
    assert done.returncode == 7, done.stderr
    assert "internal error" not in done.stderr
    assert "Traceback" not in done.stderr
    assert lookalike(*index).code == 0
    assert lookalike("doctor", "--store", folder).code == 0
    assert check_whole(folder, set(digests(photos).items())) == 40
    count("limits of file size")
