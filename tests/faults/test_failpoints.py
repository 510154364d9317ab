"""Every step that changes a file fails once: by SIGKILL before and after it, and by each error it can give.

Whatever step it was, the store is whole, and the same commands lead to the same library as undisturbed.
"""

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from lookalike.tests.faults import forks
from lookalike.tests.faults.forks import Ended
from lookalike.tests.faults.points import ACTIONS, ACTIONS_READING, Action
from lookalike.tests.faults.scale import SEED, count, scale
from lookalike.tests.faults.tasks import NEXT_FORMAT
from lookalike.tests.faults.whole import Outcome, check_whole, digests, outcome
from lookalike.tests.pictures import draw_photo, save
from lookalike.tests.store.making import digest_of, open_filled

FAULTS = scale("LOOKALIKE_FAULT_POINTS", suite=2, soak=100_000)
TASKS = "lookalike.tests.faults.tasks:"

Case = tuple[int, str, Action]


@dataclass
class Run:
    """Commands on a store, what was there before them, and what they come to when nobody disturbs them.

    truths: paths and contents that may be found in the store.
    """

    name: str
    folder: Path
    before: Path | None
    argvs: list[list[str]]
    truths: set[tuple[str, str]]

    def begin(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.before:
            shutil.copytree(self.before, self.folder)

    def record(self) -> tuple[list[str], Outcome]:
        self.begin()
        record = self.folder.with_suffix(".json")
        ended = forks.run(TASKS + "recorded", self.argvs, str(record))
        assert ended.code == 0, ended.err
        return json.loads(record.read_text()), outcome(self.folder)

    def fail(self, case: Case) -> Ended:
        self.begin()
        return forks.run(TASKS + "failing", self.argvs, case[0], case[2])

    def finish(self) -> Outcome:
        ended = forks.run(TASKS + "commands", self.argvs)
        assert ended.code == 0, ended.err
        return outcome(self.folder)


def draw_library(photos: Path, seeds: range) -> None:
    for seed in seeds:
        save(photos / f"{seed}.jpg", draw_photo(seed, 64, 48), quality=90)
    save(photos / "copy.jpg", draw_photo(seeds[0], 64, 48).resize((56, 42)), quality=80)
    (photos / "x.jpg").write_bytes(b"no picture")


def commands(photos: Path, folder: Path, pair: tuple[str, str]) -> list[list[str]]:
    store = ["--store", str(folder)]
    return [
        ["index", str(photos), "--input-size", "64", "--workers", "1", *store],
        ["dupes", *store],
        ["reject", *(str(photos / name) for name in pair), *store],
    ]


@pytest.fixture(scope="module")
def birth(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The first run of all."""
    base = tmp_path_factory.mktemp("birth")
    draw_library(base / "photos", range(9))
    argvs = commands(base / "photos", base / "store", ("0.jpg", "copy.jpg"))
    return Run("birth", base / "store", None, argvs, set(digests(base / "photos").items()))


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on a library in which files came, went, moved and changed since the last one."""
    base = tmp_path_factory.mktemp("growth")
    photos, before = base / "photos", base / "before"
    draw_library(photos, range(9))
    assert forks.run(TASKS + "commands", commands(photos, before, ("0.jpg", "copy.jpg"))[:2]).code == 0
    truths = set(digests(photos).items())
    (photos / "1.jpg").unlink()
    (photos / "2.jpg").rename(photos / "moved.jpg")
    save(photos / "3.jpg", draw_photo(33, 64, 48), quality=90)
    save(photos / "new.jpg", draw_photo(7, 64, 48).resize((56, 42)), quality=80)
    argvs = commands(photos, base / "store", ("7.jpg", "new.jpg"))
    return Run("growth", base / "store", before, argvs, truths | set(digests(photos).items()))


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A store of an older format, brought up to date by the first command that writes."""
    base = tmp_path_factory.mktemp("upgrade")
    open_filled(base / "before", range(4)).store.close()
    argv = ["reject", *(digest_of(seed).hex() for seed in (0, 1)), "--store", str(base / "store")]
    truths = {(f"/photos/{seed}.jpg", digest_of(seed).hex()) for seed in range(4)}
    return Run("upgrade", base / "store", base / "before", [[NEXT_FORMAT], argv], truths)


def chosen(points: list[str], rng: random.Random, limit: int) -> list[Case]:
    """Return points to fail and how, spread over their kinds when there are too many."""
    cases: list[Case] = [
        (number, name, action)
        for number, name in enumerate(points)
        for action in (ACTIONS_READING if name.endswith("SELECT") else ACTIONS)
    ]
    rng.shuffle(cases)
    met: dict[str, int] = {}
    turn: list[tuple[int, Case]] = []
    for case in cases:
        met[case[1]] = met.get(case[1], 0) + 1
        turn.append((met[case[1]], case))
    return [case for _, case in sorted(turn, key=lambda each: each[0])[:limit]]


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", ["birth", "growth", "upgrade"])
def test_any_step_may_fail_and_the_same_commands_come_to_the_same_end(
    name: str, request: pytest.FixtureRequest
) -> None:
    run: Run = request.getfixturevalue(name)
    points, expected = run.record()
    assert len(set(points)) > 10
    for case in chosen(points, random.Random(f"{SEED} {name}"), FAULTS):
        try:
            check_end(run.fail(case), case)
            check_library(run, expected)
        except Exception as error:
            error.add_note(f"{name}: {case[2]} at point {case[0]}, {case[1]!r}")
            raise
        count(f"failpoints ({name})")


def check_end(ended: Ended, case: Case) -> None:
    """Check that a failure is told in a line and by its code; one that costs nothing may be silent."""
    if case[2].startswith("kill"):
        assert ended.code == -9, ended.err
        return
    assert ended.code in (0, 1 if case[2] == "no memory" else 7), ended.err
    if ended.code:
        assert "Traceback" not in ended.err
        assert "internal error" not in ended.err
        assert ended.err.splitlines()[-1].startswith("lookalike: ")


def check_library(run: Run, expected: Outcome) -> None:
    if (run.folder / "catalog.db").exists():
        check_whole(run.folder, run.truths)
    assert run.finish() == expected
    check_whole(run.folder, run.truths)
