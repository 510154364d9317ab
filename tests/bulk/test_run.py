"""Running the units of a stage on this machine: each once, whatever ends on the way."""

import json
import os
import platform
import signal
import threading
import time
from pathlib import Path

import pytest

from lookalike.bulk.here import Here
from lookalike.bulk.parts import LEASE_S, Part
from lookalike.bulk.place import Place
from lookalike.bulk.plan import plan
from lookalike.bulk.run import Failures, RunOptions, run
from lookalike.errors import ModelError, RootOffline, UsageError
from lookalike.store.progress import NEVER, Watch
from lookalike.tests.bulk.made_up import data_set, finish_seeds
from lookalike.tests.bulk.toy import Toy, is_gone, wait_until
from lookalike.tests.children import Child
from lookalike.tests.pictures import draw_photo, save

RUN = """
import sys
from lookalike.bulk.here import Here
from lookalike.bulk.place import Place
from lookalike.bulk.run import run
from lookalike.tests.bulk.toy import Toy
run(Toy(sys.argv[1], 6), Here(), Place.of(sys.argv[1]))
"""


class Counted:
    """Progress that adds up; sets a stop once so many rows are done."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.begun: list[tuple[str, int]] = []
        self.files = self.failed = 0
        self._stop_at, self.stop = stop_at, threading.Event()

    def begin(self, what: str, files: int) -> None:
        self.begun.append((what, files))

    def advance(self, files: int, failed: int) -> None:
        self.files += files
        self.failed += failed
        if self._stop_at is not None and self.files >= self._stop_at:
            self.stop.set()


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(str(tmp_path), 6)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place.of(str(tmp_path))


def test_each_unit_is_done_once_and_a_second_run_does_none(toy: Toy, place: Place) -> None:
    progress = Counted()

    report = run(toy, Here(2), place, Watch(progress))
    again = run(toy, Here(2), place)

    assert toy.is_whole()
    assert set(toy.tries().values()) == {1}
    assert (report.units, report.rows, report.left, report.given_up) == (6, 12, 0, {})
    assert (progress.begun, progress.files, progress.failed) == ([("toy", 12)], 12, 0)
    assert again.units == 0


def test_a_unit_that_fails_three_times_is_named_and_the_others_go_on(toy: Toy, place: Place) -> None:
    toy.order(2, "fail")

    report = run(toy, Here(0), place)

    reason = "ValueError: unit 2 was told to fail"
    assert toy.done() == {0, 1, 3, 4, 5}
    assert toy.tries()[2] == 3
    assert (report.given_up, report.left) == ({2: reason}, 0)
    assert Failures(place, "toy").given_up() == {2: reason}
    assert Failures(place, "hash").given_up() == {}


def test_what_was_given_up_is_tried_again_only_when_that_is_asked_for(toy: Toy, place: Place) -> None:
    toy.order(2, "fail")
    run(toy, Here(0), place)
    toy.at("orders", "2").unlink()

    kept = run(toy, Here(0), place)
    report = run(toy, Here(0), place, options=RunOptions(retry_failed=True))

    assert (kept.units, list(kept.given_up)) == (0, [2])
    assert (report.units, report.given_up) == (1, {})
    assert toy.is_whole()


def test_tries_of_earlier_runs_count(toy: Toy, place: Place) -> None:
    toy.order(0, "fail")
    progress = Counted(stop_at=1)
    run(toy, Here(0), place, Watch(progress, progress.stop))

    run(toy, Here(0), place)

    assert toy.tries()[0] == 3


def test_a_unit_that_kills_its_process_three_times_is_given_up(toy: Toy, place: Place) -> None:
    toy.order(1, "kill")
    toy.order(4, "kill once")

    report = run(toy, Here(2), place)

    assert toy.done() == {0, 2, 3, 4, 5}
    assert (toy.tries()[1], toy.tries()[4]) == (3, 2)
    assert report.given_up == {1: "the process that did it was killed, as when memory runs out"}


def test_after_the_death_of_the_run_the_next_one_does_the_rest(toy: Toy, place: Place) -> None:
    toy.order(3, "hold")
    child = Child(RUN, toy.folder)
    wait_until(toy.held)
    child.kill()
    child.communicate()
    process = toy.held()[3]
    wait_until(lambda: is_gone(process))  # nor does its worker go on
    assert toy.done() == {0, 1, 2}
    toy.let_go()

    run(toy, Here(0), place)

    assert toy.is_whole()
    assert toy.tries() == {0: 1, 1: 1, 2: 1, 3: 2, 4: 1, 5: 1}


def test_a_stopped_run_ends_at_once_and_keeps_what_is_finished(toy: Toy, place: Place) -> None:
    toy.order(3, "hold")
    progress = Counted(stop_at=6)  # rows of the first three units

    report = run(toy, Here(), place, Watch(progress, progress.stop))

    assert toy.done() == {0, 1, 2}
    assert (report.units, report.left) == (3, 3)


def test_a_process_that_is_kept_does_the_next_stage_too_unless_it_was_killed(tmp_path: Path) -> None:
    here, processes = Here(), list[int]()
    with here.kept():
        for name in ("first", "second", "third"):
            toy = Toy(str(tmp_path / name), 2)
            toy.order(1, "hold")
            toy.let_go()
            assert run(toy, here, Place.of(toy.folder)).units == 2
            assert toy.is_whole()
            processes.append(toy.held()[1])
            if name == "second":
                os.kill(processes[-1], signal.SIGKILL)
                wait_until(lambda: is_gone(processes[-1]))
    first, second, third = processes
    assert first == second != third
    assert is_gone(third)


def test_a_stage_that_cannot_be_opened_ends_the_run_and_is_no_fault_of_a_unit(
    toy: Toy, place: Place
) -> None:
    toy.at("cannot open").touch()
    for processes in (0, 1):
        with pytest.raises(ModelError, match="there are no weights here"):
            run(toy, Here(processes), place)
    assert not Failures(place, "toy").tries()


def test_photos_that_go_away_end_the_run_and_are_no_fault_of_a_unit(toy: Toy, place: Place) -> None:
    toy.order(2, "away")
    for processes in (0, 1):
        with pytest.raises(RootOffline, match="the photos are away"):
            run(toy, Here(processes), place)
    assert toy.done() == {0, 1}
    assert not Failures(place, "toy").tries()


def test_every_unit_is_of_one_part() -> None:
    owners = [[part for part in range(4) if Part(part, 4).owns(number)] for number in range(4000)]
    shares = [sum(owner == [part] for owner in owners) for part in range(4)]
    assert sum(shares) == 4000
    assert min(shares) > 900


def test_a_part_does_its_own_units_first_and_then_those_that_others_left(toy: Toy, place: Place) -> None:
    part = Part(1, 2)
    own = {number for number in range(6) if part.owns(number)}
    progress = Counted(stop_at=sum(toy.units()[number] for number in own))

    run(toy, Here(0), place, Watch(progress, progress.stop), RunOptions(part))
    done_first = toy.done()
    run(toy, Here(0), place, options=RunOptions(part))

    assert 0 < len(own) < 6
    assert done_first == own
    assert toy.is_whole()
    assert place.at("claims").names() == []


def test_a_part_leaves_what_another_is_at(toy: Toy, place: Place) -> None:
    claim: dict[str, object] = {"part": "0/2", "host": "elsewhere", "process": 1, "time": time.time()}
    changes: list[dict[str, object]] = [
        {},
        {"time": time.time() - LEASE_S - 1},
        {"part": "1/2"},
        {"host": platform.node(), "process": 2**22 + 1},
    ]
    for number, changed in enumerate(changes):
        place.write(f"claims/toy-{number:08d}", json.dumps(claim | changed).encode())

    report = run(toy, Here(0), place, options=RunOptions(Part(1, 2)))

    assert toy.done() == {
        1,
        2,
        3,
        4,
        5,
    }  # old, of its own earlier run, of a process that is gone, unclaimed
    assert report.left == 1


def test_what_another_part_has_done_meanwhile_is_not_done_again(
    toy: Toy, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.bulk.parts._LISTING_SHARE", 1e9)

    class Meanwhile(Counted):
        def advance(self, files: int, failed: int) -> None:
            if not self.files:
                run(toy, Here(0), place)
            super().advance(files, failed)

    report = run(toy, Here(0), place, Watch(Meanwhile(), NEVER), RunOptions(Part(0, 2)))

    assert (report.units, report.left) == (1, 0)
    assert toy.is_whole()
    assert place.at("claims").names() == []
    assert set(toy.tries().values()) == {1}


@pytest.mark.parametrize("text", ["4/4", "1", "a/b", "-1/4", "0/0", "1/2/3", ""])
def test_what_is_no_part_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="part"):
        Part.of(text)


@pytest.mark.parametrize("does", ["plan", "run", "finish"])
def test_what_a_crash_left_half_written_is_cleared_when_it_is_a_day_old(does: str, tmp_path: Path) -> None:
    data = data_set(tmp_path / "set")
    half = "u-00000001.parquet.0123456789abcdef.tmp"
    stale = [f"units/{half}", f"proofs/1/{half}", f"store/index/{half}"]
    kept = [f"units/{half[1:]}", f"photos/{half}", "units/notes.tmp", "units/kept.parquet"]
    for name in stale + kept:
        data.place.write(name, b"half")
        os.utime(tmp_path / "set" / name, (0, 0))
    os.utime(tmp_path / "set" / kept[0])  # somebody may be writing it

    if does == "plan":
        (tmp_path / "photos").mkdir()
        save(tmp_path / "photos" / "a.jpg", draw_photo(1, 32, 32))
        plan(data, [str(tmp_path / "photos")])
    elif does == "run":
        run(Toy(str(tmp_path), 0), Here(0), data.place)
    else:
        finish_seeds(data, range(3))

    assert [name for name in stale + kept if (tmp_path / "set" / name).exists()] == kept
