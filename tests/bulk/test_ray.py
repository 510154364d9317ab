"""Units on a Ray cluster of several nodes: whatever ends, each is done, and none twice."""

import contextlib
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lookalike.bulk import on_ray
from lookalike.bulk.comparison import Comparison
from lookalike.bulk.dataset import DataSet
from lookalike.bulk.on_ray import OnRay, _Crew, load_ray
from lookalike.bulk.place import Place
from lookalike.bulk.run import Failures, RunReport, run
from lookalike.errors import ExitCode, ModelError, UsageError
from lookalike.search import by_image
from lookalike.store.progress import Watch
from lookalike.tests.bulk import sets
from lookalike.tests.bulk.conformance import answer
from lookalike.tests.bulk.toy import PATIENCE_S, Toy, is_gone, wait_until
from lookalike.tests.children import Child
from lookalike.tests.library import lookalike

pytest.importorskip("ray")
pytestmark = [pytest.mark.ray, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

UNITS = 8
NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_log_monitor": False}
RUN = """
import sys
from lookalike.bulk.on_ray import OnRay
from lookalike.bulk.place import Place
from lookalike.bulk.run import run
from lookalike.tests.bulk.toy import Toy
run(Toy(sys.argv[1], int(sys.argv[2])), OnRay(sys.argv[3]), Place.of(sys.argv[1]))
"""


class Machines:
    """A cluster: one node that this process is on, and another that comes and goes; a CPU each."""

    address = "auto"

    def __init__(self) -> None:
        load_ray(self.address)
        from ray.cluster_utils import Cluster

        self._cluster = Cluster()
        self._start(include_dashboard=False, no_monitor=True)
        self.address = self._cluster.address
        self._other: Any = None
        self.have_two()

    def have_two(self) -> None:
        if self._other is None:
            self._other = self._start()

    def _start(self, **settings: Any) -> Any:
        for _ in range(2):
            with contextlib.suppress(Exception):  # Ray gives itself 30 s, which a busy machine may not keep
                return self._cluster.add_node(**NODE, **settings)
        return self._cluster.add_node(**NODE, **settings)

    def have_one(self) -> None:
        if self._other is not None:
            self.lose_one(graceful=True)

    def lose_one(self, *, graceful: bool) -> None:
        self._cluster.remove_node(self._other, allow_graceful=graceful)
        self._other = None

    def end(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # whatever token lies in the home of who tests
        patch.setenv("RAY_worker_niceness", "0")  # else actors stand behind all else on a busy machine
        made = Machines()
        yield made
        made.end()


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(str(tmp_path), UNITS)


class Running(threading.Thread):
    """A run on two nodes in a thread, whose units 4 and 5 are held, one by each."""

    def __init__(self, toy: Toy, machines: Machines) -> None:
        super().__init__(daemon=True)
        machines.have_two()
        self._toy, self._address = toy, machines.address
        for number in (4, 5):
            toy.order(number, "hold")
        self.stop, self.report = threading.Event(), RunReport()

    def __enter__(self) -> "Running":
        self.start()
        wait_until(lambda: len(self._toy.held()) == 2)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.join(PATIENCE_S)

    def run(self) -> None:
        place = Place.of(self._toy.folder)
        self.report = run(self._toy, OnRay(self._address), place, Watch(stop=self.stop))

    def ended(self) -> RunReport:
        self.join(PATIENCE_S)
        assert not self.is_alive()
        return self.report


def tried(*again: int) -> Counter[int]:
    """Return how often units are begun if these are begun twice and all others once."""
    return Counter([*range(UNITS), *again])


def test_units_that_end_their_process_are_tried_again_and_named_after_three_times(
    toy: Toy, machines: Machines
) -> None:
    toy.order(1, "kill")
    toy.order(2, "kill once")
    toy.order(3, "fail")

    report = run(toy, OnRay(machines.address), Place.of(toy.folder))

    assert toy.done() == set(range(UNITS)) - {1, 3}
    assert toy.tries() == tried(1, 1, 2, 3, 3)
    assert "was killed" in report.given_up[1]
    assert report.given_up[3] == "ValueError: unit 3 was told to fail"
    assert (report.units, report.left) == (UNITS - 2, 0)


def test_what_a_node_was_at_when_it_left_is_done_by_one_that_joins(toy: Toy, machines: Machines) -> None:
    with Running(toy, machines) as running:
        machines.lose_one(graceful=True)
        machines.have_two()
        wait_until(lambda: toy.tries().total() == UNITS + 1)  # and the first node still holds its unit
        toy.let_go()
        assert running.ended().units == UNITS
    assert toy.is_whole()
    (lost,) = Failures(Place.of(toy.folder), "toy").tries()
    assert toy.tries() == tried(lost)


def test_what_a_node_was_at_when_it_was_killed_is_done_by_another(toy: Toy, machines: Machines) -> None:
    with Running(toy, machines) as running:
        machines.lose_one(graceful=False)
        wait_until(lambda: Failures(Place.of(toy.folder), "toy").tries())
        toy.let_go()
        assert running.ended().units == UNITS
    assert toy.is_whole()
    (lost,) = Failures(Place.of(toy.folder), "toy").tries()
    assert toy.tries() == tried(lost)


def test_after_the_death_of_the_run_the_next_one_does_the_rest(toy: Toy, machines: Machines) -> None:
    machines.have_one()  # another would be at a unit when the run is killed
    toy.order(3, "hold")
    child = Child(RUN, toy.folder, UNITS, machines.address)
    wait_until(lambda: toy.held() and toy.done() >= {0, 1, 2})
    child.kill()
    child.communicate()
    wait_until(lambda: is_gone(toy.held()[3]))
    done = toy.done()
    toy.let_go()

    report = run(toy, OnRay("auto"), Place.of(toy.folder))

    assert report.units == UNITS - len(done)
    assert toy.is_whole()
    assert toy.tries() == tried(3)


def test_a_stopped_run_ends_at_once_and_keeps_what_is_finished(toy: Toy, machines: Machines) -> None:
    with Running(toy, machines) as running:
        running.stop.set()
        assert running.ended().units == len(toy.done()) == 4
    assert running.report.left == 4
    wait_until(lambda: all(map(is_gone, toy.held().values())))


def test_a_stage_that_opens_nowhere_is_no_fault_of_a_unit(toy: Toy, machines: Machines) -> None:
    toy.at("cannot open").touch()
    with pytest.raises(ModelError, match=r"^\S+: there are no weights here$"):
        run(toy, OnRay(machines.address), Place.of(toy.folder))
    assert not Failures(Place.of(toy.folder), "toy").tries()


def test_a_node_from_which_the_photos_go_away_is_left_out(toy: Toy, machines: Machines) -> None:
    machines.have_two()
    toy.order(4, "away once")

    report = run(toy, OnRay(machines.address), Place.of(toy.folder))

    assert report.units == UNITS
    assert toy.is_whole()
    assert toy.tries() == tried(4)
    assert not Failures(Place.of(toy.folder), "toy").tries()


def test_another_version_on_a_node_is_said_in_one_line(
    toy: Toy, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_ray, "__version__", "9.9.9")
    said = r"^lookalike is \S+ on \S+ and 9\.9\.9 here: all machines need the same version$"
    with pytest.raises(UsageError, match=said):
        run(toy, OnRay(machines.address), Place.of(toy.folder))


def test_a_cluster_that_is_not_there_is_said(toy: Toy) -> None:
    for address, said in [
        ("127.0.0.1:9", "no Ray cluster answers at"),
        ("ray://head:10001", 'not "ray://head'),
    ]:
        with pytest.raises(UsageError, match=said):
            run(toy, OnRay(address), Place.of(toy.folder))


def test_a_run_with_nothing_to_do_needs_no_cluster(tmp_path: Path) -> None:
    assert run(Toy(str(tmp_path), 0), OnRay("nowhere:1"), Place.of(str(tmp_path))) == RunReport()


# --- photos, and their copies -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(photos: Path, machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """A data set whose units were done by the cluster."""
    made = sets.made(tmp_path_factory.mktemp("set") / "set")
    sets.planned(made, photos)
    done = lookalike("bulk", "run", made.place.url, "--ray", machines.address, "--format", "json")
    assert (done.code, done.json["left"]) == (ExitCode.PARTLY, 0), done.err
    return made


def test_a_library_that_ray_made_answers_as_the_one_that_index_makes(
    data: DataSet, store: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_image, "LEAST_PHOTOS", 5)
    sets.imported(data, tmp_path / "store")
    assert lookalike("dupes", "--no-second-look", "--store", tmp_path / "store").code == 0
    assert sets.differing(tmp_path / "store", store) == []
    # What rows alike answer to everything else is seen in test_data_set.py.
    for kind in ("an image", "by label", "a part", "copies"):
        assert answer(kind, tmp_path / "store", photos) == answer(kind, store, photos), kind


def test_copies_that_ray_found_are_those_of_a_store(
    data: DataSet, store: Path, photos: Path, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = data.place.url
    machines.have_one()  # an actor takes seconds of CPU to start
    monkeypatch.setattr(Comparison, "of", partial(Comparison.of, size=12))
    assert lookalike("bulk", "finish", there).code == 0
    ray, ended, started = load_ray(machines.address), list[object](), list[object]()
    end, seat = ray.shutdown, _Crew._seat
    monkeypatch.setattr(ray, "shutdown", lambda: ended.append(end()))

    def counted(crew: _Crew, node: dict[str, Any]) -> object:
        started.append(node)
        return seat(crew, node)

    monkeypatch.setattr(_Crew, "_seat", counted)
    done = lookalike("bulk", "dupes", there, "--ray", machines.address)
    assert done.code == 0, done.err
    assert (len(ended), len(started)) == (1, 1)  # one connection and one actor for all stages
    assert len(list(Path(there).glob("pairs/*"))) == 6  # three blocks
    for kind in ("copies", "exact copies", "explain a copy"):
        assert answer(kind, there, photos) == answer(kind, store, photos), kind
