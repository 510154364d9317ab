"""Proving by several processes: the same evidence, nothing lost when one of them ends, none left over."""

import contextlib
import os
import select
import shutil
import signal
import sqlite3
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from lookalike import Library
from lookalike.dedup.candidates.update import compare_new
from lookalike.dedup.proof import VERIFIER_VERSION, Evidence, Picture, order, proof_job, prove
from lookalike.dedup.proof import prove_all as proving
from lookalike.dedup.proof.pictures import Pictures, Thumbnail
from lookalike.dedup.proof.proof_job import PROVER, proofs_in, prove_pairs
from lookalike.dedup.proof.prove_all import prove_all
from lookalike.errors import LookalikeError
from lookalike.indexer.decode.photo import make_thumbnail
from lookalike.indexer.executor import ThreadExecutor
from lookalike.indexer.sandbox.pool import WorkerPool
from lookalike.store.catalog.pairs import JudgedPair, all_verdicts, proofs_of
from lookalike.store.catalog.photos import photos_of
from lookalike.tests.children import run_child
from lookalike.tests.pictures import draw_photo, save

PAIRS = [(1, 2), (1, 3), (2, 3), (1, 9)]


@pytest.fixture(scope="module")
def thumbnails() -> dict[int, Thumbnail]:
    photo, other = draw_photo(1), draw_photo(2)
    pictures = {1: photo, 2: photo.crop((40, 30, 600, 450)), 3: other}
    return {
        number: Thumbnail(make_thumbnail(each), *each.size) for number, each in pictures.items()
    }  # of 9 there is none


@pytest.fixture(scope="module")
def nominated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a closed library with pairs that are nominated and not proved."""
    folder = tmp_path_factory.mktemp("nominated")
    for seed in range(4):
        photo = draw_photo(seed, 320, 240)
        for quality in (95, 60, 30):
            save(folder / "photos" / f"{seed}-{quality}.jpg", photo, quality=quality)
    with Library.open(folder / "store", create=True) as library:
        library.index([folder / "photos"])
        compare_new(library.store)
    return folder / "store"


@pytest.fixture
def library(nominated: Path, tmp_path: Path) -> Iterator[Library]:
    """A library of one's own with pairs that are nominated and not proved."""
    with Library.open(shutil.copytree(nominated, tmp_path / "store"), write=True) as library:
        yield library


def judged(library: Library) -> list[JudgedPair]:
    with library.store.reading() as view:
        proofs = proofs_of(view, {(each.a, each.b) for each in all_verdicts(view)})
    return [proof for _, proof in sorted(proofs.items())]


def test_a_process_finds_the_evidence_that_this_one_finds(thumbnails: dict[int, Thumbnail]) -> None:
    here = prove_pairs(PAIRS, thumbnails.get, Pictures(2))
    with WorkerPool(1, PROVER) as pool:
        job, buffers = proof_job.proof_job(PAIRS, thumbnails)
        assert pool.ask(job, buffers, lambda _, found: proofs_in(found, len(PAIRS))) == here
    assert [each and each["verdict"] for each in here] == ["copy", "similar", "similar", None]


def test_processes_and_threads_prove_alike(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    count = prove_all(library.store, workers=2)
    with_threads = judged(library)
    monkeypatch.setattr(proving, "VERIFIER_VERSION", VERIFIER_VERSION + 1)
    monkeypatch.setattr(proving, "_WORTH_PROCESSES", 1)
    assert prove_all(library.store, workers=2) == count > 0
    assert judged(library) == with_threads


def test_where_no_process_can_be_started_this_one_does_the_work(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "_WORTH_PROCESSES", 1)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert prove_all(library.store) == len(judged(library)) > 0


def test_a_process_that_is_killed_is_told_and_what_was_proved_is_kept(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "_WORTH_PROCESSES", 1)
    monkeypatch.setattr(order, "CHUNK", 1)
    # One thread: with two, the first job may wait for a process until the fourth has killed it.
    monkeypatch.setattr(proving, "ThreadExecutor", lambda _: ThreadExecutor(1))
    answered: list[object] = []
    ask = WorkerPool.ask

    def kill_after_three(self: WorkerPool, *job: object) -> object:
        if len(answered) == 3:
            for process in self.processes:
                os.kill(process, signal.SIGKILL)
        answered.append(job)
        return ask(self, *job)  # type: ignore[arg-type]

    monkeypatch.setattr(WorkerPool, "ask", kill_after_three)
    with pytest.raises(LookalikeError, match="prover was killed"):
        prove_all(library.store, workers=1)
    assert len(judged(library)) == 3
    monkeypatch.undo()
    assert prove_all(library.store) > 0


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense",
        b"{}",
        b"[]",
        b"[null, null]",
        b"[3]",
        b'[{"verdict": "copy"}]',
        b'[{"verdict": "perhaps", "log_odds": 1.0}]',
        b'[{"verdict": "copy", "log_odds": NaN}]',
        b'[{"verdict": "copy", "log_odds": "high"}]',
    ],
)
def test_an_answer_without_evidence_of_its_pairs_is_refused(answer: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        proofs_in([answer], 1)


def test_no_process_is_left_when_the_program_is_killed() -> None:
    script = textwrap.dedent("""
        import os, signal
        from lookalike.dedup.proof.proof_job import PROVER
        from lookalike.indexer.sandbox.process import WorkerProcess
        processes = [WorkerProcess(PROVER) for _ in range(2)]
        print(*(each.number for each in processes), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = run_child(script)
    assert done.returncode == -signal.SIGKILL
    processes = [int(each) for each in done.stdout.split()]
    assert len(processes) == 2
    assert all(has_ended(process) for process in processes)


def has_ended(process: int, timeout_s: float = 30) -> bool:
    """Wait for the end of a process that is no child of ours."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], timeout_s)[0])
    finally:
        os.close(handle)


def test_a_pair_that_cannot_be_proved_costs_no_other_one_its_proof(
    thumbnails: dict[int, Thumbnail], monkeypatch: pytest.MonkeyPatch
) -> None:
    def prove_or_fail(a: Picture, b: Picture) -> Evidence:
        if failing in (a.key, b.key):
            raise RecursionError("a mistake")
        return prove(a, b)

    failing = thumbnails[3].picture().key  # type: ignore[union-attr]
    monkeypatch.setattr(proof_job, "prove", prove_or_fail)
    found = prove_pairs(PAIRS, thumbnails.get, Pictures(9))
    assert [each and (each["verdict"], each["branch"]) for each in found] == [
        ("copy", "motion"),
        ("similar", "failed"),
        ("similar", "failed"),
        None,
    ]


@pytest.mark.parametrize(
    "takes_too_much",
    [
        lambda *_: np.empty(1 << 60, np.uint8),
        lambda *_: cv2.resize(np.zeros((2, 2), np.uint8), (2**31 - 1, 2**31 - 1)),
    ],
)
def test_a_lack_of_memory_is_not_remembered_of_a_pair(
    thumbnails: dict[int, Thumbnail],
    monkeypatch: pytest.MonkeyPatch,
    takes_too_much: Callable[..., object],
) -> None:
    monkeypatch.setattr(proof_job, "prove", takes_too_much)
    with pytest.raises(MemoryError):
        prove_pairs(PAIRS, thumbnails.get, Pictures(9))


def test_a_damaged_thumbnail_stops_nothing_and_is_nobodys_copy(library: Library) -> None:
    with library.store.reading() as view:
        photos = {photo.path.rpartition("/")[2]: photo for photo in photos_of(view)}
    broken = photos["0-95.jpg"]
    with contextlib.closing(sqlite3.connect(Path(library.store.folder) / "thumbs.db")) as thumbs, thumbs:
        thumbs.execute(
            "UPDATE thumb SET jpeg = ? WHERE digest = ?", (b"no jpeg", bytes.fromhex(broken.digest))
        )
    prove_all(library.store)
    copies = {each for proof in judged(library) if proof.verdict == "copy" for each in (proof.a, proof.b)}
    assert copies == {photo.id for photo in photos.values()} - {broken.id}
