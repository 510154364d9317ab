"""Work over a stream of tasks: in order, a little ahead, never held up by a slow one."""

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lookalike.indexer.executor import ThreadExecutor, cores, default_workers, in_chunks, memory_bytes


def test_results_come_in_the_order_of_the_tasks() -> None:
    assert list(ThreadExecutor(3).run(range(200), lambda n: n * n)) == [n * n for n in range(200)]


def test_no_tasks_give_no_results() -> None:
    assert list(ThreadExecutor(2).run([], abs)) == []


def test_a_slow_task_does_not_keep_the_others_from_going_on() -> None:
    last = threading.Event()

    def work(n: int) -> bool:
        if n == 20:
            last.set()
        return n > 0 or last.wait(30)

    assert list(ThreadExecutor(2).run(range(21), work)) == [True] * 21


@pytest.mark.parametrize("workers", [1, 3])
def test_tasks_are_taken_only_a_little_ahead(workers: int) -> None:
    taken = [0]

    def tasks() -> Iterator[int]:
        for n in range(200):
            taken[0] = n + 1
            yield n

    for n in ThreadExecutor(workers).run(tasks(), lambda n: n):
        assert taken[0] - n <= 16 * workers + 1


def test_few_tasks_are_under_way_while_one_is_slow() -> None:
    """What was taken and is not done is what Ctrl-C waits for."""
    lock, last = threading.Lock(), threading.Event()
    done, most = [0], [0]

    def tasks() -> Iterator[int]:
        for n in range(30):
            with lock:
                most[0] = max(most[0], n - done[0])
            yield n

    def work(n: int) -> bool:
        with lock:
            done[0] += n > 0
        if n == 20:
            last.set()
        return n > 0 or last.wait(30)

    assert all(ThreadExecutor(2).run(tasks(), work))
    assert 1 <= most[0] <= 4


def test_the_first_exception_ends_the_run() -> None:
    def work(n: int) -> int:
        if n == 5:
            raise ValueError("five")
        return n

    results = ThreadExecutor(2).run(range(1000), work)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="five"):
        next(results)
    assert list(results) == []


def test_chunks_hold_every_task_once_and_get_smaller() -> None:
    chunks = list(in_chunks(range(1000), 4, threading.Event()))
    assert [n for chunk in chunks for n in chunk] == list(range(1000))
    sizes = [len(chunk) for chunk in chunks]
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[-1]) == (8, 1)


def test_no_chunk_comes_after_the_stop() -> None:
    stop = threading.Event()
    chunks = in_chunks(range(100), 2, stop)
    next(chunks)
    stop.set()
    assert list(chunks) == []


HERE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine(root: Path, group: str, files: Mapping[str, str]) -> Path:
    """Lay out the control groups of a machine. files: by path below sys/fs/cgroup."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(group)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_this_machine_has_cores_and_memory() -> None:
    assert 1 <= cores() <= HERE
    memory = memory_bytes()
    assert memory is None or memory > 64 << 20
    assert 1 <= default_workers() <= cores()


def test_without_control_groups_all_cores_count(tmp_path: Path) -> None:
    assert cores(tmp_path) == HERE


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("50000 100000", 1), ("100000 100000", 1), ("max 100000", HERE), ("garbage", HERE), ("", HERE)],
)
def test_a_quota_of_the_new_kind_limits_the_cores(tmp_path: Path, quota: str, expected: int) -> None:
    assert cores(machine(tmp_path, "0::/\n", {"cpu.max": quota})) == expected


def test_the_smallest_quota_on_the_way_up_counts(tmp_path: Path) -> None:
    files = {"a/cpu.max": "60000 100000", "a/b/cpu.max": "max 100000"}
    assert cores(machine(tmp_path, "0::/a/b\n", files)) == 1


def test_a_quota_of_the_old_kind_limits_the_cores(tmp_path: Path) -> None:
    files = {"cpu/a/cpu.cfs_quota_us": "90000", "cpu/a/cpu.cfs_period_us": "100000"}
    assert cores(machine(tmp_path, "5:cpu,cpuacct:/a\n3:memory:/\n", files)) == 1


def test_no_quota_of_the_old_kind_is_none(tmp_path: Path) -> None:
    files = {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}
    assert cores(machine(tmp_path, "5:cpu:/\n", files)) == HERE


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("0::/\n", "memory.max"),
        ("0::/\n", "memory.high"),
        ("0::/of/the/world/outside\n", "memory.max"),
        ("4:memory:/pod\n", "memory/pod/memory.limit_in_bytes"),
    ],
)
def test_a_limit_of_memory_is_found(tmp_path: Path, group: str, name: str) -> None:
    assert memory_bytes(machine(tmp_path, group, {name: str(300 << 20)})) == 300 << 20


@pytest.mark.parametrize(("megabytes", "expected"), [(64, 1), (512, 1), (800, 1), (1 << 20, HERE)])
def test_little_memory_means_few_workers(tmp_path: Path, megabytes: int, expected: int) -> None:
    root = machine(tmp_path, "0::/\n", {"memory.max": str(megabytes << 20)})
    assert default_workers(root) == min(expected, default_workers())


def test_more_memory_never_means_fewer_workers(tmp_path: Path) -> None:
    counts = []
    for megabytes in range(128, 4096, 128):
        limit = str(megabytes << 20)
        counts.append(default_workers(machine(tmp_path / limit, "0::/\n", {"memory.max": limit})))
    assert counts == sorted(counts)
    assert counts[0] == 1
