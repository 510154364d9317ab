"""SIGKILL at every step and at any instant of apply and undo: no content is lost, undo puts all back."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from blake3 import blake3

from lookalike.dedup.actions.journal import journals
from lookalike.store.care.checks import check_store
from lookalike.tests.faults.scale import count, scale

from .killing import Runner
from .making import Shelf, contents

SEED = int(os.environ.get("LOOKALIKE_KILL_SEED", "2026"))
ROUNDS = scale("LOOKALIKE_KILL_ACTS", suite=50, soak=200)
# Of all steps of all methods; 1: each of them.
EVERY = scale("LOOKALIKE_KILL_EVERY", suite=5, soak=1)
ROUND = (["apply"], ["apply", "undo"], ["apply", "apply"], ["apply", "undo", "undo"])
METHODS = ("quarantine", "trash", "hardlink", "symlink")


class Stage:
    """A shelf with a plan, and processes that apply it."""

    def __init__(self, shelf: Shelf, folder: Path, runner: Runner) -> None:
        self.shelf, self.folder, self.runner = shelf, folder, runner
        (folder / "plan.json").write_bytes(shelf.document)
        self.before = shelf.tree()
        self.known = shelf.present()

    def check_nothing_is_lost(self) -> None:
        """Check that every content can be read somewhere, and that the store is whole."""
        # Not the store: closing a database's file drops the locks of SQLite in this process.
        tops = (self.shelf.photos, self.folder / "home")
        there = {blake3(data).digest() for top in tops for _, data in contents(top)}
        lost = [name for name, data in self.before.items() if blake3(data).digest() not in there]
        assert lost == []
        assert [str(each) for each in check_store(self.shelf.store) if each.level == "broken"] == []

    def put_all_back(self) -> None:
        """Undo all that stands, and check that all is as it was."""
        code, _ = self.runner.run(what="undo")
        assert code == 0
        assert self.shelf.tree() == self.before
        assert self.shelf.present() == self.known
        assert self.shelf.quarantined() == set()

    def forget_journals(self) -> None:
        """Remove what is settled, so that a thousand rounds do not read it again and again."""
        for record in journals(self.shelf.store.folder):
            assert record.pending == []
            Path(record.path).unlink()


def stage_of(shelf: Shelf, folder: Path, groups: int) -> Iterator[Stage]:
    for number in range(groups):
        keeper = shelf.put(f"a/{number}.jpg", seed=number)
        same = shelf.put(f"b/{number}.jpg", seed=number)
        other = shelf.put(f"c/IMG_{number}.jpg", seed=number, quality=60)
        other.with_suffix(".xmp").write_bytes(b"words %d" % number)
        shelf.group(keeper, same, other)
    with Runner(folder) as runner:
        yield Stage(shelf, folder, runner)


@pytest.fixture
def small(shelf: Shelf, tmp_path: Path) -> Iterator[Stage]:
    yield from stage_of(shelf, tmp_path, 2)


@pytest.fixture
def large(shelf: Shelf, tmp_path: Path) -> Iterator[Stage]:
    yield from stage_of(shelf, tmp_path, 25)


@pytest.mark.parametrize("method", METHODS)
def test_a_kill_at_any_step_loses_nothing_and_is_undone(small: Stage, method: str) -> None:
    counts = {}
    for what in ("apply", "undo"):
        code, counts[what] = small.runner.run(what=what, method=method)
        assert code == 0
    points = [
        (what, point, when, number)
        for what, passes in counts.items()
        for point, total in passes.items()
        for when in ("before", "after")
        for number in range(1, total + 1)
    ]
    assert len(points) > 60
    for what, point, when, number in points[METHODS.index(method) % EVERY :: EVERY]:
        if what == "undo":
            assert small.runner.run(what="apply", method=method)[0] == 0
        code, _ = small.runner.run(
            what=what, method=method, kill={"point": point, "when": when, "count": number}
        )
        assert code == -signal.SIGKILL, (what, point, when, number)
        small.check_nothing_is_lost()
        small.put_all_back()
        small.forget_journals()
        count("kills at a step of apply or undo")


def test_a_kill_at_any_instant_loses_nothing_and_is_undone(large: Stage) -> None:
    rng = random.Random(SEED)
    clock, killed = Clock(), 0
    for number in range(ROUNDS):
        method = rng.choice(METHODS)
        try:
            for what in rng.choice(
                [["apply"], ["apply", "undo"], ["apply", "apply"], ["apply", "undo", "undo"]]
            ):
                killed += run_and_kill(large.runner, what, method, rng.random(), clock)
                count("kills of apply or undo at random")
                large.check_nothing_is_lost()
            large.put_all_back()
        except Exception as error:
            error.add_note(f"LOOKALIKE_KILL_SEED={SEED}: round {number}")
            raise
        large.forget_journals()
    # The kills were worth something.
    assert killed >= ROUNDS // 2


def kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


class Clock:
    """How long a run takes, as of late: other programs come and go on the machine."""

    def __init__(self) -> None:
        self.whole_s = 1.0

    def hear(self, seconds: float, *, ended: bool) -> None:
        """Take in a run that ended after so long, or that was killed before it did."""
        self.whole_s = seconds if ended else self.whole_s * 1.05


def run_and_kill(runner: Runner, what: str, method: str, share: float, clock: Clock) -> bool:
    """Kill a run when a share of its time is over; tell whether the kill came before its end."""
    began = time.monotonic()
    process = runner.start(what=what, method=method)
    killer = threading.Timer(share * clock.whole_s, kill, [process])
    killer.start()
    try:
        code, _ = runner.wait()
    finally:
        killer.cancel()
    assert code in (0, -signal.SIGKILL)
    clock.hear(time.monotonic() - began, ended=code == 0)
    return code != 0
