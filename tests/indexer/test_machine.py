"""How many workers are the default: by cores, by memory, by the limits of a container."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from lookalike.indexer.executor import cores, default_workers, memory_bytes

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
