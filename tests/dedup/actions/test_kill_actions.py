"""SIGKILL at every step and at any instant of apply and undo: no content is lost, undo puts all back."""

import random
import signal
import time
from pathlib import Path

import pytest
from blake3 import blake3

from lookalike.dedup.actions.journal import journals
from lookalike.store.care.checks import check_store
from lookalike.tests.faults.scale import SEED, count, scale

from .killing import Runner
from .making import Shelf, contents

ROUNDS = scale("LOOKALIKE_KILL_ACTS", suite=8, soak=200)
# Of all steps of all methods; 1: each of them.
EVERY = scale("LOOKALIKE_KILL_EVERY", suite=20, soak=1)
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


def stage_of(shelf: Shelf, folder: Path, groups: int) -> Stage:
    for number in range(groups):
        keeper = shelf.put(f"a/{number}.jpg", seed=number)
        same = shelf.put(f"b/{number}.jpg", seed=number)
        other = shelf.put(f"c/IMG_{number}.jpg", seed=number, quality=60)
        other.with_suffix(".xmp").write_bytes(b"words %d" % number)
        shelf.group(keeper, same, other)
    return Stage(shelf, folder, Runner(folder))


@pytest.fixture
def small(shelf: Shelf, tmp_path: Path) -> Stage:
    return stage_of(shelf, tmp_path, 2)


@pytest.fixture
def large(shelf: Shelf, tmp_path: Path) -> Stage:
    return stage_of(shelf, tmp_path, 12)


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
    assert len(points) >= 60
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
    killed = 0
    # How many steps a run of each method passes, and about how long one takes.
    paces = {method: pace_of(large, method) for method in METHODS}
    for number in range(ROUNDS):
        method = rng.choice(METHODS)
        steps, step_s = paces[method]
        try:
            for what in rng.choice(ROUND):
                kill = {"count": rng.randrange(1, steps), "delay_s": rng.uniform(0, 2 * step_s)}
                code, _ = large.runner.run(what=what, method=method, kill=kill)
                assert code in (0, -signal.SIGALRM)
                killed += code != 0
                count("kills of apply or undo at random")
                large.check_nothing_is_lost()
            large.put_all_back()
        except Exception as error:
            error.add_note(f"LOOKALIKE_FAULT_SEED={SEED}: round {number}")
            raise
        large.forget_journals()
    # The kills were worth something.
    assert killed >= ROUNDS // 2


def pace_of(stage: Stage, method: str) -> tuple[int, float]:
    """Return the number of steps of a run that nobody kills, and the seconds that each takes."""
    began = time.monotonic()
    code, counts = stage.runner.run(what="apply", method=method)
    seconds = time.monotonic() - began
    assert code == 0
    stage.put_all_back()
    stage.forget_journals()
    return sum(counts.values()), seconds / sum(counts.values())
